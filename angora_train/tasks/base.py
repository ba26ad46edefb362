# SPDX-License-Identifier: Apache-2.0
"""What all tasks of our own share: worlds of one model behind Gymnasium's interface.

A task says how an episode starts, what is sensed and how a step is judged. This
module keeps the books: seeds by world, time limits, the change from one episode to
the next, worlds that diverge, and what has to be saved.
"""

import secrets
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from angora_train.errors import TaskError
from angora_train.tasks.task import (
    Observation,
    Seed,
    Task,
    TaskConfig,
    Transition,
    Verdict,
    check_reset,
)
from angora_train.tasks.worlds.control import PositionControl
from angora_train.tasks.worlds.generators import Generators
from angora_train.tasks.worlds.memory import Memory
from angora_train.tasks.worlds.perturbations import (
    Disturbances,
    GoalSwitch,
    Perturbation,
)
from angora_train.tasks.worlds.pulses import ForcePulses
from angora_train.tasks.worlds.randomization import Physics
from angora_train.tasks.worlds.realism import Senses
from angora_train.tasks.worlds.rendering import (
    Camera,
    Frame,
    Mark,
    Renderer,
    Style,
    default_camera,
)
from angora_train.tasks.worlds.simulation import Simulation
from angora_train.tasks.worlds.vision import Eyes

__all__ = ["Observation", "Task", "TaskConfig", "VectorTask", "Verdict"]

_VISION = "vision"
"""Name of the sensation that cameras give."""

_MAX_SENSATION = 1e10
"""MuJoCo ends a simulation whose coordinates exceed this (``mjMAXVAL``)."""


class VectorTask(Task):
    """A task in B worlds.

    A finished world starts its next episode in the same step (``SAME_STEP``): its
    observation is the first of the new episode, and ``info["final_obs"]`` has the
    last of the old one in the rows where ``info["_final_obs"]`` is True. Rewards and
    the rest of ``info`` describe the step that ended the episode.

    ``info`` always has, for each world, ``diverged`` (the simulation broke down; the
    episode is truncated, and its last observation is that of the step before), the
    facts of the task, and ``reward/<term>`` for every term of the reward.

    Everything random in world ``w`` comes from a generator seeded by
    ``(seed, first_world + w)``. How worlds are spread over batches, threads and
    processes therefore changes nothing, bit for bit.

    A class names in `remembers` the attributes that it keeps something of its worlds
    in, ``()`` if there are none. What this class keeps itself is remembered anyway. A
    task with a class that says nothing is trained like any other, but its worlds begin
    new episodes where a run is resumed.

    Parameters
    ----------
    config : TaskConfig
        The task's settings.
    simulation : Simulation
        The worlds.
    sensations : mapping of str to int or gymnasium.spaces.Box
        Size of each sensation, in the order of the observation; a space for one that
        is no vector of float32.
    first_world : int
        Index of row 0 among the worlds of all processes.
    eyes : Eyes, optional
        Cameras whose pixels take the place of the sensation ``vision``.

    """

    config: TaskConfig
    remembers: ClassVar[tuple[str, ...]] = (
        "_physics",  # first, as the others' state is of bodies that it changes
        "simulation",
        "_control",
        "_senses",
        "_pulses",
        "_eyes",
        "_rngs",
        "_actions",
        "_elapsed",
        "_n_diverged",
    )
    metrics: tuple[str, ...] = ("distance_m",)

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "autoreset_mode": AutoresetMode.SAME_STEP,
        "render_modes": ["rgb_array"],
    }

    def __init__(
        self,
        config: TaskConfig,
        simulation: Simulation,
        sensations: Mapping[str, int | gymnasium.spaces.Box],
        *,
        first_world: int = 0,
        eyes: Eyes | None = None,
    ) -> None:
        model = simulation.model
        self._count(simulation.n_worlds, first_world)
        self.config = config
        self.simulation = simulation
        self.n_episode_steps = round(config.episode_s / simulation.control_step_s)
        if self.n_episode_steps < 1:
            raise TaskError(
                f"episode_s is {config.episode_s} s, less than half a control step "
                f"of {simulation.control_step_s} s."
            )
        self.metadata = {  # type: ignore[misc]
            **type(self).metadata,
            "render_fps": round(1 / simulation.control_step_s),
        }
        spaces = {
            name: kind if isinstance(kind, gymnasium.spaces.Box) else _vector(kind)
            for name, kind in sensations.items()
        }
        if eyes is not None:
            spaces[_VISION] = eyes.space
        self._offer(spaces, model.nu)
        self._control = PositionControl(config.control, simulation)
        self._senses = Senses(config.sensing, spaces, self.num_envs, first_world)
        self._eyes = eyes
        self._renderer: tuple[Style, Renderer] | None = None
        self._physics = (
            None
            if config.physics.is_nominal
            else Physics(config.physics, model, simulation.individualize(), first_world)
        )
        self._pulses = (
            ForcePulses(config.pulses, simulation, first_world)
            if config.pulses.probability > 0
            else None
        )
        self._bounded = np.flatnonzero(model.jnt_limited)
        self._actions = np.zeros((self.num_envs, model.nu), np.float32)
        self._elapsed = np.zeros(self.num_envs, np.int64)
        self._rngs = Generators(self.num_envs, first_world)
        self._n_diverged = np.zeros(self.num_envs, np.int64)
        self._disturbances: Disturbances | None = None

    @abstractmethod
    def _start(self, world: int, rng: np.random.Generator) -> None:
        """Prepare what one world's new episode is about; its state is restored."""

    @abstractmethod
    def _sense(self) -> Observation:
        """Return what all worlds sense, in new arrays."""

    @abstractmethod
    def _judge(self) -> Verdict:
        """Judge the state that all worlds are in."""

    def _remember(self) -> None:
        """Keep what a step must be compared with, before it is simulated."""

    def _advance(self, verdict: Verdict, goes_on: NDArray[np.bool_]) -> None:
        """Move on within an episode, where ``goes_on``, after a step was judged."""

    def _switch_goal(self, world: int, rng: np.random.Generator) -> None:
        """Ask one world for another goal, within its episode."""
        raise TaskError(f"The goals of a {type(self).__name__} cannot be switched.")

    def perturb(self, perturbations: Sequence[Perturbation]) -> None:
        """Let something happen in every episode from now on; see `Task`."""
        is_fixed = type(self)._switch_goal is VectorTask._switch_goal
        if is_fixed and any(isinstance(x, GoalSwitch) for x in perturbations):
            raise TaskError(
                f"The goals of a {type(self).__name__} cannot be switched: it does "
                "not say how. Let it override _switch_goal."
            )
        found = Disturbances(perturbations, self.simulation)
        self._disturbances = found if perturbations else None

    def _camera(self) -> Camera:
        """Return who looks at a world when nobody says so."""
        return default_camera(self.simulation.model)

    def _marks(self, world: int) -> Sequence[Mark]:
        """Return what a picture of a world shows beside what is there: its goal."""
        return ()

    def _draw_starts(self, worlds: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """States to begin in, one a world; None for the simulation's own start."""
        return None

    def reset(
        self, *, seed: Seed = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start a new episode in every world.

        Parameters
        ----------
        seed : int or sequence of int, optional
            Seeds every world's generator, together with the world's index; of a
            sequence each world takes its own, and is what a single world would be
            with that seed. Without it the generators go on, and the first time are
            seeded by chance.
        options : dict, optional
            No option is known; an empty dictionary is allowed.

        Returns
        -------
        observation : dict of ndarray, shape (B, ...)
            First observation of each world.
        info : dict
            Facts of each world; all reward terms are zero.

        Raises
        ------
        TaskError
            If a seed is negative, there are not as many as worlds, or an option is
            given.
        """
        seed = check_reset(seed, options, self.num_envs)
        super().reset(seed=seed[0] if isinstance(seed, list) else seed)
        if seed is not None or not self._rngs:
            root = secrets.randbits(64) if seed is None else seed
            for part in (self._rngs, self._senses, self._physics, self._pulses):
                if part is not None:
                    part.seed(root)
        everyone = np.arange(self.num_envs)
        self._restart(everyone)
        return self._senses.begin(self._look(everyone), everyone), self.facts()

    def step(self, actions: NDArray[np.float32]) -> Transition:
        """Act for one control step in every world.

        Parameters
        ----------
        actions : ndarray of float32, shape (B, A)
            For each actuator a position in [-1, 1]; see `TaskConfig.control`.

        Returns
        -------
        observation : dict of ndarray, shape (B, ...)
            What is sensed after the step, or at the start of the next episode.
        reward : ndarray of float32, shape (B,)
            Sum of the reward's terms.
        terminated : ndarray of bool, shape (B,)
            True where the task ended the episode.
        truncated : ndarray of bool, shape (B,)
            True where time ran out, the task cut the episode short or the simulation
            diverged.
        info : dict
            See the class.

        Raises
        ------
        TaskError
            If the task was not reset, or an action is out of range or NaN.
        """
        if not self._rngs:
            raise TaskError("The task was not reset; call reset() before step().")
        actions = self._checked(actions)
        self._remember()
        self._actions[...] = actions
        if self._pulses is not None:
            self._pulses.apply()
        happening = self._disturbances
        if happening is not None:
            happening.push(self._elapsed.tolist(), is_fresh=self._pulses is not None)
        diverged = self.simulation.step(self._control.commands(actions))
        self._n_diverged += diverged
        self._elapsed += 1
        verdict = self._judge()
        terminated = verdict.terminated & ~diverged
        is_late = self._elapsed >= self.n_episode_steps
        truncated = (is_late | diverged | verdict.is_over) & ~terminated
        reward = sum(verdict.terms.values(), np.zeros(self.num_envs))
        info = _as_info(verdict.facts, verdict.terms, diverged)
        goes_on = ~terminated & ~diverged
        self._advance(verdict, goes_on)
        if happening is not None:
            for world in happening.switching(self._elapsed.tolist()):
                if goes_on[world] and not truncated[world]:
                    self._switch_goal(world, self._rngs[world])
        observation = self._senses.perceive(self._look(np.flatnonzero(~diverged)))
        finished = terminated | truncated
        if finished.any():
            info["final_obs"], info["_final_obs"] = observation, finished
            restarted = np.flatnonzero(finished)
            self._restart(restarted)
            true = self._look(restarted)
            observation = self._senses.begin(true, restarted, observation)
        return observation, reward.astype(np.float32), terminated, truncated, info

    def facts(self) -> dict[str, Any]:
        """State the facts of where each world is now, as `reset` gives them.

        Returns
        -------
        dict
            Arrays of shape (B,); all reward terms are zero, no world has diverged.
        """
        verdict = self._judge()
        unrewarded = {name: np.zeros(self.num_envs) for name in verdict.terms}
        return _as_info(verdict.facts, unrewarded, np.zeros(self.num_envs, np.bool_))

    @property
    def n_diverged(self) -> int:
        """Episodes that ended because the simulation broke down, of all worlds."""
        return int(self._n_diverged.sum())

    @property
    def unsaved(self) -> str:
        """Why the worlds cannot be saved; empty where they can."""
        kinds = type(self).__mro__
        for kind in kinds[: kinds.index(VectorTask)]:
            if not {"remembers", "save_worlds"} & vars(kind).keys():
                return (
                    f"{kind.__name__} does not say what it keeps of its worlds; let it "
                    "name that in `remembers`, () for nothing (docs/custom_task.md)"
                )
        is_own = type(self).save_worlds is not VectorTask.save_worlds
        if self.simulation.is_individual and self._physics is None and not is_own:
            return (
                f"{type(self).__name__} changes models by itself; let it override "
                "save_worlds and restore_worlds (docs/custom_task.md)"
            )
        return ""

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle what it is made from and where its worlds are.

        MuJoCo's records cannot be taken along: readings look into them.
        """
        self._refuse_copies_without_worlds()
        batch = (self.num_envs, self.first_world, self.simulation.n_threads)
        told = {"render_mode": self.render_mode, "progress": self.progress}
        saved = self.save_worlds() if self._rngs else None
        return _made_anew, (type(self), self.config, batch, told, saved)

    @property
    def control_step_s(self) -> float:
        """Time that one step simulates, s."""
        return self.simulation.control_step_s

    def picture(
        self, world: int = 0, style: Style | None = None, camera: Camera | None = None
    ) -> Frame:
        """Draw one world as it is now, with its goal.

        Parameters
        ----------
        world : int
            Row.
        style : Style, optional
            Size and quality.
        camera : Camera, optional
            Who looks; by default a camera that sees what the task is about.

        Returns
        -------
        ndarray of uint8, shape (H, W, 3)
            Red, green and blue.

        Raises
        ------
        TaskError
            If there is no such world, or this machine draws no pictures.
        """
        if not 0 <= world < self.num_envs:
            raise TaskError(f"There is no world {world}, but 0 to {self.num_envs - 1}.")
        style = Style() if style is None else style
        if self._renderer is None or self._renderer[0] != style:
            self._release_renderer()
            self._renderer = style, Renderer(self.simulation.model, style)
        (frame,) = self._renderer[1].draw(
            self.simulation.data(world),
            [self._camera() if camera is None else camera],
            self._marks(world),
            self.simulation.model_of(world),
        )
        return frame

    def close_extras(self, **kwargs: Any) -> None:
        """Release the simulation's threads, and what pictures are drawn with.

        Parameters
        ----------
        **kwargs
            Ignored; Gymnasium passes what `close` was given.
        """
        self.simulation.close()
        self._release_renderer()
        if self._eyes is not None:
            self._eyes.close()

    def _release_renderer(self) -> None:
        """Give up what pictures are drawn with."""
        if self._renderer is not None:
            self._renderer[1].close()
            self._renderer = None

    def _look(self, moved: NDArray[np.int64]) -> Observation:
        """Return what all worlds sense; cameras look where something has moved."""
        sensed = self._sense()
        if self._eyes is not None:
            sensed[_VISION] = self._eyes.see(moved)
        return sensed

    def _restart(self, worlds: NDArray[np.int64]) -> None:
        """Begin a new episode in some worlds."""
        if self._physics is not None:
            for world in worlds.tolist():
                self._physics.draw(world)
        states = self._draw_starts(worlds)
        self.simulation.restore(worlds, states)
        for i, world in enumerate(worlds):
            rng = self._rngs[world]
            if self.config.start_noise_rad > 0:
                qpos = self._noisy_angles(world, rng)
                state = None if states is None else states[i]
                self.simulation.place(int(world), qpos, state)
            self._start(int(world), rng)
        commands = [self.simulation.data(int(world)).ctrl for world in worlds]
        self._control.restart(worlds, np.stack(commands))
        self._elapsed[worlds] = 0

    def _noisy_angles(
        self, world: np.int64, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Joint positions of a restored world, the limited joints disturbed."""
        model = self.simulation.model
        qpos: NDArray[np.float64] = self.simulation.qpos[world].copy()
        noise = rng.normal(0.0, self.config.start_noise_rad, len(self._bounded))
        address = model.jnt_qposadr[self._bounded]
        qpos[address] = np.clip(
            qpos[address] + noise, *model.jnt_range[self._bounded].T
        )
        return qpos

    def _column(self, column: int) -> str:
        """Say which actuator an action is for."""
        name = self.simulation.model.actuator(column).name
        return f"for actuator '{name}' (column {column})"


def _made_anew(
    kind: type[Any],
    config: TaskConfig,
    batch: tuple[int, int, int],
    told: Mapping[str, Any],
    saved: Memory | None,
) -> VectorTask:
    """Make a task that is where another was."""
    n_worlds, first_world, n_threads = batch
    task: VectorTask = kind(
        config, n_worlds, first_world=first_world, n_threads=n_threads
    )
    vars(task).update(told)
    if saved is not None:
        task.restore_worlds(saved)
    return task


def _vector(size: int) -> gymnasium.spaces.Box:
    """Space of a sensation that is a vector."""
    return gymnasium.spaces.Box(-_MAX_SENSATION, _MAX_SENSATION, (size,))


def _as_info(
    facts: Mapping[str, NDArray[Any]],
    terms: Mapping[str, NDArray[np.float64]],
    diverged: NDArray[np.bool_],
) -> dict[str, Any]:
    """Facts and reward terms in one dictionary."""
    rewards = {f"reward/{name}": term for name, term in terms.items()}
    return {**facts, **rewards, "diverged": diverged}
