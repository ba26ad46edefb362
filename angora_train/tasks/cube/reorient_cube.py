# SPDX-License-Identifier: Apache-2.0
"""Reorientation: turn a cube in the hand from one goal orientation to the next.

After Andrychowicz et al. 2020, Learning dexterous in-hand manipulation
(https://arxiv.org/abs/1808.00177): steps of 80 ms, goals within 0.4 rad, a new goal as
soon as one is reached, 8 s for each and 50 at most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from angora_train.errors import TaskError
from angora_train.tasks.base import Observation, VectorTask, Verdict
from angora_train.tasks.cube.curriculum import CubeCurriculum, Curriculum
from angora_train.tasks.cube.goals import GoalKind, draw_goal
from angora_train.tasks.cube.held import HeldCube
from angora_train.tasks.cube.hindsight import CubeHindsight
from angora_train.tasks.cube.orientation import (
    angle_between,
    canonical,
    face_up,
    relative_rotation,
    rotate,
)
from angora_train.tasks.cube.privilege import Privilege
from angora_train.tasks.cube.rewards import CubeMoment, CubeScales, cube_reward
from angora_train.tasks.cube.starts import Settling, held_state, settle
from angora_train.tasks.hand.cameras import WATCHER, open_eyes
from angora_train.tasks.hand.fast import FAST_TIMESTEP_S, PhysicsModel
from angora_train.tasks.hand.model import CubeScene, Grip, compose_cube_model
from angora_train.tasks.hand.names import FINGERTIPS
from angora_train.tasks.hand.physical import Contacts, hand_state
from angora_train.tasks.hand.senses import HandConfig, HandSenses, switch_sensors
from angora_train.tasks.physical import Physical
from angora_train.tasks.worlds.control import ControlConfig
from angora_train.tasks.worlds.rendering import Camera, Mark
from angora_train.tasks.worlds.simulation import Simulation
from angora_train.tasks.worlds.vision import VisionConfig

__all__ = ["ReorientCube", "ReorientCubeConfig"]

_QUATERNION = 4
_LONGEST_STEP_S = 0.01
_N_FAST_SUBSTEPS = 5
_UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])
_GOAL_PLACE_M = np.array([1.14, 0.86, 0.2])
"""Where pictures show the goal: beside the hand, on the little finger's side."""


class ReorientCubeConfig(HandConfig):
    """Settings of the reorientation task."""

    training_only: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "curriculum": (),
        "physics_model": ("timestep_s", "n_substeps"),
    }
    sensed_by: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **HandConfig.sensed_by,
        "goal": ("relative_goal",),
        "vision": ("vision",),
        "privileged": ("privileged",),
    }

    physics_model: PhysicsModel = "default"
    """``fast`` simulates less of the hand in 5 steps of 16 ms, 2.5 times as fast: to
    train in. What is reported is measured in ``default``."""

    timestep_s: Annotated[float, Field(gt=0, le=FAST_TIMESTEP_S)] = 0.008
    """Physics step, s. With `n_substeps` it makes the control step: 10 x 8 ms by
    default (Andrychowicz et al. 2020), 20 x 4 ms or 40 x 2 ms are finer; more than 10
    ms only in ``fast`` physics, where 5 x 16 ms are the default."""

    episode_s: PositiveFloat = 400.0
    """Longest episode, s, rounded to whole control steps; it is truncated there. By
    default as long as the slowest way through all goals: `max_goals` times `goal_s`."""

    control: ControlConfig = ControlConfig(mode="relative", new_share=0.3)
    """How actions become commands. By default relative and smoothed, as by
    Andrychowicz et al. 2020."""

    goal: GoalKind = "uniform"
    """Which orientations are goals: ``uniform``, ``parallel`` (a face up) or ``z``
    (the cube's own, turned about the vertical)."""

    goal_range_rad: tuple[float, float] = (0.0, np.pi)
    """Least and greatest angle between the cube and a new goal, rad. Goals nearer than
    `success_rad` are reached without doing anything."""

    vision: VisionConfig = VisionConfig()
    """What the sensation ``vision`` is: ``pose``, the cube's place and orientation, or
    ``rgb``, pixels."""

    relative_goal: bool = False
    """Whether the goal is sensed as the rotation that still leads there, instead of
    as an orientation in the world."""

    success_rad: Annotated[float, Field(gt=0, le=np.pi)] = 0.4
    """Angle to the goal below which it is reached, rad."""

    goal_s: PositiveFloat = 8.0
    """Time for a goal, s, rounded to whole control steps; an episode ends with a goal
    that is not reached in it."""

    max_goals: PositiveInt = 50
    """Goals with which an episode is complete."""

    max_distance_m: PositiveFloat | None = None
    """Distance between the centres of cube and palm beyond which the cube counts as
    dropped, m, too; by default only height counts."""

    tilt_deg: Annotated[float, Field(ge=-90, le=90)] = 0.0
    """How far the fingers are raised, degrees."""

    grip: Grip = "soft"
    """How friction holds the cube: ``soft``, as in the package's scene, where a held
    cube creeps by most of a millimetre a second; ``firm``, where it stays."""

    start_pose: Literal["any", "flat"] = "any"
    """How the cube was let go before it came to rest in the hand: in any orientation,
    or flat, turned by any angle about the vertical."""

    n_starts: PositiveInt = 64
    """Settled states that episodes start in, drawn with equal chance; they are made
    once a process and are the same in all."""

    privileged: bool = False
    """Whether there is a sensation ``privileged``: all of the state, with what a cube's
    symmetry leaves of its orientation. For teachers; no hand senses it."""

    curriculum: CubeCurriculum | None = None
    """How goals of training get harder. With one, `goal` and `goal_range_rad` count for
    nothing, `goal_s` is the longest time; evaluation is without."""

    rewards: CubeScales = CubeScales()
    """Scales of the reward's terms: the name of a recipe (``openai2018``, ``d314``,
    ``dense``), or what differs from one."""

    @model_validator(mode="before")
    @classmethod
    def _take_fast_steps(cls, data: Any) -> Any:
        """Let fast physics have steps of its own, where nobody says how long."""
        if not isinstance(data, Mapping) or data.get("physics_model") != "fast":
            return data
        steps = {"timestep_s": FAST_TIMESTEP_S, "n_substeps": _N_FAST_SUBSTEPS}
        return data if set(steps) & set(data) else {**data, **steps}

    @property
    def scene(self) -> CubeScene:
        """The hand and its cube."""
        names = (field.name for field in fields(CubeScene))
        return CubeScene(**{name: getattr(self, name) for name in names})

    @model_validator(mode="after")
    def _check_timestep(self) -> Self:
        if self.physics_model == "default" and self.timestep_s > _LONGEST_STEP_S:
            raise ValueError(
                f"timestep_s is {self.timestep_s}; the default physics loses the cube "
                f"above {_LONGEST_STEP_S} s. Longer steps: physics_model: fast."
            )
        return self

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        nearest, farthest = self.goal_range_rad
        if not 0 <= nearest < farthest <= np.pi:
            raise ValueError(
                f"goal_range_rad is {nearest} to {farthest}; expected "
                "0 <= least < greatest <= pi"
            )
        return self


class ReorientCube(VectorTask):
    """Reorienting a cube in the Shadow Hand in B worlds.

    A goal is an orientation of the cube; when the cube comes within `success_rad` of
    it, a new one follows in the same episode. Episodes are terminated when a goal is
    missed within its 8 s, when the cube is dropped (its centre below that of the
    palm's box, in the frame of the hand's mount) or when the 50th goal is reached;
    they are truncated only by `episode_s`. Orientations are canonical quaternions
    (w, x, y, z), ``w >= 0``, in the world's frame.

    ==============  ====  =====================================================
    sensation       size  meaning
    ==============  ====  =====================================================
    proprioception  48    24 joint angles, rad; 24 joint velocities, rad/s
    touch           92    normal force on each sensor, N (one substep before the
                          rest)
    goal            4     the goal, or with `relative_goal` the rotation from the
                          cube to it
    vision          7     the cube's place, m, and orientation; or pixels
    auxiliary       26    the five fingertips, m; rotation from the cube to its
                          goal; the cube's linear, m/s, and angular velocity,
                          rad/s, in the world's frame; time left for the goal, s
    privileged      130   if wanted, see `angora_train.tasks.cube.privilege`
    ==============  ====  =====================================================

    Facts in ``info``: ``success``, bool, a goal was reached in this step;
    ``distance_rad``, the angle to the goal of this step; ``angle_before_rad``, the
    angle to it before the step; ``goals_reached``, int, in this episode, this step's
    included; ``dropped``, bool; ``goal_kind``, int, the face
    that is up in the goal: 0 to 5 for +x, -x, +y, -y, +z, -z of the cube.

    Parameters
    ----------
    config : ReorientCubeConfig, optional
        The task's settings.
    n_worlds : int
        Number of worlds, B.
    first_world : int
        Index of row 0 among the worlds of all processes.
    n_threads : int
        Threads that share the physics.
    """

    metrics: tuple[str, ...] = ("distance_rad", "goals_reached", "dropped")
    goal_names: tuple[str, ...] = ("+x", "-x", "+y", "-y", "+z", "-z")
    sensation_units: Mapping[str, str] = MappingProxyType(
        {
            "proprioception": "rad, rad/s",
            "touch": "N",
            "goal": "1",
            "vision": "m, 1",
            "auxiliary": "m, 1, m/s, rad/s, s",
        }
    )
    remembers: ClassVar[tuple[str, ...]] = (
        "_goals",
        "_kinds",
        "_n_reached",
        "_goal_elapsed",
        "_first_position",
        "_previous_angle",
        "_curriculum",
    )

    config: ReorientCubeConfig = ReorientCubeConfig()

    def __init__(
        self,
        config: ReorientCubeConfig | None = None,
        n_worlds: int = 1,
        *,
        first_world: int = 0,
        n_threads: int = 1,
    ) -> None:
        config = config or self.config
        model = compose_cube_model(config.scene)
        switch_sensors(model, config.touch)
        simulation = Simulation(
            model,
            held_state(model),
            n_worlds,
            n_substeps=config.n_substeps,
            n_threads=n_threads,
        )
        self._hand = HandSenses(simulation, config.touch)
        sizes = {
            **self._hand.sizes,
            "goal": _QUATERNION,
            "vision": 3 + _QUATERNION,
            "auxiliary": 3 * len(FINGERTIPS) + _QUATERNION + 3 + 3 + 1,
        }
        if config.privileged:
            sizes["privileged"] = Privilege.size
        super().__init__(
            config,
            simulation,
            sizes,
            first_world=first_world,
            eyes=open_eyes(config.vision, simulation),
        )
        self.n_goal_steps = round(config.goal_s / simulation.control_step_s)
        if self.n_goal_steps < 1:
            raise TaskError(
                f"goal_s is {config.goal_s} s, less than half a control step of "
                f"{simulation.control_step_s} s."
            )
        self._cube = cube = HeldCube(simulation)
        self._contacts = Contacts(simulation)
        self._privilege = Privilege(simulation, cube) if config.privileged else None
        self._forces = (
            simulation.read("actuator_force", range(model.nu))
            if "energy" in config.rewards.active
            else np.zeros((n_worlds, model.nu))
        )
        settling = Settling(config.scene, config.start_pose, config.n_starts)
        self._starts = settle(settling)
        self._goals = np.tile(_UPRIGHT, (n_worlds, 1))
        self._kinds = np.zeros(n_worlds, np.int64)
        self._n_reached = np.zeros(n_worlds, np.int64)
        self._goal_elapsed = np.zeros(n_worlds, np.int64)
        self._first_position = cube.position.copy()
        self._no_offset = np.zeros(n_worlds)
        self._previous_angle = np.zeros(n_worlds)
        self._curriculum: Curriculum | None = None
        if (kind := config.curriculum) is not None:
            self._curriculum = Curriculum(kind, n_worlds, self.n_goal_steps)
            self.metrics = (*type(self).metrics, "goal_range_rad")

    def hindsight(self) -> CubeHindsight:
        """Say how steps are told under other goals.

        Returns
        -------
        CubeHindsight
            Of these worlds.

        Raises
        ------
        TaskError
            If goals are not of any orientation, or the reward has terms that do not
            follow from orientations and actions.
        """
        config = self.config
        return CubeHindsight(
            self._cube,
            lambda: self._goals,
            config.rewards,
            config.success_rad,
            config.goal,
        )

    def sample_goals(
        self,
        rng: np.random.Generator,
        n: int,
        orientation: NDArray[np.float64] = _UPRIGHT,
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Draw goals as episodes do.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        n : int
            Number of goals.
        orientation : ndarray of float64, shape (4,)
            Where the cube is, which goals are relative to: a unit quaternion.

        Returns
        -------
        goals : ndarray of float64, shape (n, 4)
            Canonical unit quaternions.
        kinds : ndarray of int64, shape (n,)
            The face that is up, 0 to 5 for +x, -x, +y, -y, +z, -z of the cube.

        Raises
        ------
        TaskError
            If hardly any goal lies in `goal_range_rad`.
        """
        kind, range_rad = self.config.goal, self.config.goal_range_rad
        goals = np.stack(
            [draw_goal(kind, rng, orientation, range_rad) for _ in range(n)]
        )
        return goals, face_up(goals)

    def _camera(self) -> Camera:
        """Look at the hand."""
        return WATCHER

    def _marks(self, world: int) -> Sequence[Mark]:
        """Show a cube in the goal's orientation beside the hand."""
        return [
            Mark(
                _GOAL_PLACE_M,
                (1.0, 1.0, 1.0, 0.75),
                likeness=self._cube.geom,
                orientation=self._goals[world],
            )
        ]

    def _draw_starts(self, worlds: NDArray[np.int64]) -> NDArray[np.float64]:
        """One of the settled states for each world."""
        rngs = [self._rngs[int(world)] for world in worlds]
        drawn = [rng.integers(len(self._starts)) for rng in rngs]
        return self._starts[np.asarray(drawn)]

    def _start(self, world: int, rng: np.random.Generator) -> None:
        """Begin to count, and draw the first goal."""
        self._n_reached[world] = 0
        self._first_position[world] = self._cube.position[world]
        self._set_goal(world, rng)

    def _set_goal(self, world: int, rng: np.random.Generator) -> None:
        """Draw the next goal of a world."""
        orientation = self._cube.orientation[world]
        if self._curriculum is None:
            goals, kinds = self.sample_goals(rng, 1, orientation)
        else:
            goals = canonical(self._curriculum.draw(world, rng, orientation))[None]
            kinds = face_up(goals)
        self._goals[world], self._kinds[world] = goals[0], kinds[0]
        self._goal_elapsed[world] = 0

    def _remember(self) -> None:
        """Keep the angle to the goal, for progress: of resets and new goals, too."""
        self._previous_angle = angle_between(self._cube.orientation, self._goals)
        self._goal_elapsed += 1

    def _advance(self, verdict: Verdict, goes_on: NDArray[np.bool_]) -> None:
        """Give those who reached their goal the next one."""
        if self._curriculum is not None:
            is_reached = verdict.facts["success"]
            self._curriculum.judge(is_reached, verdict.is_over & ~is_reached)
        for world in np.flatnonzero(verdict.facts["success"] & goes_on):
            self._n_reached[world] += 1
            self._set_goal(int(world), self._rngs[int(world)])

    def _switch_goal(self, world: int, rng: np.random.Generator) -> None:
        """Draw another goal for a world; the one before counts for nothing."""
        self._set_goal(world, rng)

    def physical_state(self) -> dict[str, Physical]:
        """Return the state of hand, cube and goal; see `Task`."""
        joints = self._hand.sense()["proprioception"]
        return {
            **hand_state(joints, self._cube.fingertips),
            **self._contacts.state(),
            **self._cube.state(self._goals),
        }

    def _sense(self) -> Observation:
        """Return what all worlds sense, in new arrays."""
        turn = relative_rotation(self._cube.orientation, self._goals)
        cube, left = self._cube, self.n_goal_steps - self._goal_elapsed
        left_s = np.float64(self.simulation.control_step_s) * left[:, None]
        spin = rotate(cube.orientation, cube.spin)  # MuJoCo's is in the cube's frame
        fingertips = cube.fingertips.reshape(self.num_envs, -1)
        goal = turn if self.config.relative_goal else self._goals
        privileged = (
            {}
            if self._privilege is None
            else self._privilege.sense(
                self._goals, left / self.n_goal_steps, self._control.last
            )
        )
        return {
            **privileged,
            **self._hand.sense(),
            "goal": goal.astype(np.float32),
            "vision": _joined(cube.position, canonical(cube.orientation)),
            "auxiliary": _joined(fingertips, turn, cube.velocity, spin, left_s),
        }

    def _judge(self) -> Verdict:
        """Reward progress, goals and drops; end what is over."""
        config, cube = self.config, self._cube
        angle_rad = angle_between(cube.orientation, self._goals)
        is_dropped = cube.position[:, 2] < cube.palm[:, 2]
        if config.max_distance_m is not None:
            is_dropped |= _distance(cube.position, cube.palm) > config.max_distance_m
        # Nothing is reached before the first step.
        is_reached = (angle_rad < config.success_rad) & ~is_dropped
        is_reached &= self._goal_elapsed > 0
        n_reached = self._n_reached + is_reached
        curriculum = self._curriculum
        limit = self.n_goal_steps if curriculum is None else curriculum.n_steps
        is_late = (self._goal_elapsed >= limit) & ~is_reached
        is_over = is_dropped | (n_reached >= config.max_goals)
        is_cut = None
        if curriculum is None or curriculum.config.on_miss == "end":
            is_over |= is_late
        else:
            is_cut = is_late & ~is_over
        facts = {
            "success": is_reached,
            "distance_rad": angle_rad,
            "angle_before_rad": self._previous_angle.copy(),
            "goals_reached": n_reached,
            "dropped": is_dropped,
            "goal_kind": self._kinds.copy(),
        }
        if curriculum is not None:
            facts["goal_range_rad"] = curriculum.farthest_rad.copy()
        moment = CubeMoment(
            previous_angle_rad=self._previous_angle,
            angle_rad=angle_rad,
            is_reached=is_reached,
            is_dropped=is_dropped,
            offset_m=(
                _distance(cube.position, self._first_position)
                if "offset" in config.rewards.active
                else self._no_offset
            ),
            actions=self._actions,
            forces=self._forces,
        )
        return Verdict(
            terms=cube_reward(moment, config.rewards, self.progress),
            facts=facts,
            terminated=is_over,
            truncated=is_cut,
        )


def _joined(*parts: NDArray[np.floating]) -> NDArray[np.float32]:
    """Side by side in one new array, as float32."""
    return np.concatenate(parts, axis=1, dtype=np.float32, casting="same_kind")


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance between places, shape (B,), m."""
    difference = a - b
    distance: NDArray[np.float64] = np.sqrt(np.square(difference).sum(axis=1))
    return distance
