# SPDX-License-Identifier: Apache-2.0
"""Any environment that is registered with Gymnasium, as a task.

Observations become named sensations (`angora_train.tasks.gym.observations`), actions
lie in [-1, 1]: a `Box` is scaled to its bounds, and of a `Discrete` or `MultiDiscrete`
choice every index owns an equal part, so that the centres of as many bins hit each
index once.
"""

import secrets
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from pydantic import Field, PositiveInt, model_validator

from angora_train.errors import TaskError, closest
from angora_train.tasks.gym.answers import checked_reset, checked_step
from angora_train.tasks.gym.classic_control import ClassicWorlds
from angora_train.tasks.gym.hidden_velocity import HideVelocity
from angora_train.tasks.gym.observations import NamedSpace
from angora_train.tasks.settings import TaskSettings
from angora_train.tasks.task import Observation, Seed, Task, Transition, check_reset
from angora_train.tasks.worlds.memory import Memory
from angora_train.tasks.worlds.realism import Imperfection, Senses
from angora_train.tasks.worlds.rendering import Camera, Frame, Style

__all__ = ["GymConfig", "GymTask", "world_seed"]

_PRIVILEGED = "privileged"
"""Name of the sensation that leaves nothing out."""


class GymConfig(TaskSettings):
    """What an adapted environment can be asked for."""

    sensation: Annotated[str, Field(min_length=1)] = "proprioception"
    """Name of the sensation, where the observation is no dictionary of its own."""

    hidden: Literal["velocity"] | tuple[int, ...] = ()
    """Elements of the observation to leave out: ``velocity`` for the velocities of an
    environment of classic control, or indices."""

    privileged: bool = False
    """Whether there is a sensation ``privileged``, too: the observation with what is
    `hidden` of it. For teachers."""

    max_episode_steps: PositiveInt | None = None
    """Longest episode in steps; None for the environment's own limit."""

    sensing: Mapping[str, Imperfection] = Field(default_factory=dict)
    """What is wrong with a sensation, by its name; others show what is true."""

    make: Mapping[str, Any] = Field(default_factory=dict)
    """Arguments of `gymnasium.make`."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.privileged and not self.hidden:
            raise ValueError(
                "privileged shows what is hidden, and nothing is: set hidden, too, or "
                "leave privileged out"
            )
        if self.privileged and self.sensation == _PRIVILEGED:
            raise ValueError(
                f"both sensations would be called {_PRIVILEGED}: set sensation"
            )
        return self

    def showing(self, sensation: str, other: Self) -> tuple[dict[str, Any], str]:
        """Say how worlds of these settings show what those of others do.

        An observation from which nothing is left out is the sensation
        ``privileged`` where something is.
        """
        if sensation not in (other.sensation, _PRIVILEGED):
            return {}, sensation  # of an environment that names its own
        is_whole = not other.hidden or sensation == _PRIVILEGED
        if is_whole and self.hidden:
            return ({} if self.privileged else {"privileged": True}), _PRIVILEGED
        if is_whole or other.hidden == self.hidden:
            return {}, self.sensation
        return {"hidden": other.hidden}, self.sensation


def world_seed(seed: int, world: int) -> int:
    """Return the seed that one world's environment is reset with.

    Parameters
    ----------
    seed : int
        The task's seed.
    world : int
        Index of the world among those of all processes.

    Returns
    -------
    int
        32 bits that depend on both.

    Examples
    --------
    >>> world_seed(0, 0) == world_seed(0, 1)
    False
    """
    return int(np.random.SeedSequence([seed, world]).generate_state(1)[0])


def _own_seed(seed: Any, world: int, first_world: int) -> int | None:
    """Return what one environment is reset with."""
    if isinstance(seed, list):
        return world_seed(seed[world], 0)
    return None if seed is None else world_seed(seed, first_world + world)


class GymTask(Task):
    """B worlds, each an environment of Gymnasium.

    ``info`` has the same entries as that of other tasks. ``success`` is what the
    environment reports as ``is_success``, else False; ``goal_kind`` is zero; there is
    no distance to a goal; the one term of the reward is ``reward/environment``.

    Parameters
    ----------
    env_id : str
        A name that `gymnasium.make` knows.
    config : GymConfig, optional
        The task's settings.
    n_worlds : int
        Number of worlds, B.
    first_world : int
        Index of row 0 among the worlds of all processes.
    n_threads : int
        Ignored: the environments are stepped one after the other.

    Raises
    ------
    TaskError
        If there is no such environment, or its spaces cannot be adapted.
    """

    config: GymConfig
    remembers: ClassVar[tuple[str, ...]] = ("_worlds", "_senses", "_success")
    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "autoreset_mode": AutoresetMode.SAME_STEP,
        "render_modes": [],
    }

    def __init__(
        self,
        env_id: str,
        config: GymConfig | None = None,
        n_worlds: int = 1,
        *,
        first_world: int = 0,
        n_threads: int = 1,
    ) -> None:
        self._count(n_worlds, first_world)
        self.config = config or GymConfig()
        self.env_id = env_id
        self.envs = [_make(env_id, self.config) for _ in range(n_worlds)]
        env = self.envs[0]
        self._named = NamedSpace(env_id, env.observation_space, self.config.sensation)
        self._senses = Senses(
            self.config.sensing, self._named.boxes, n_worlds, first_world
        )
        self._choice = _choice(env_id, env.action_space)
        self.n_bins = self._choice.n_bins
        is_drawn = env.render_mode == "rgb_array"
        self.metadata = {  # type: ignore[misc]
            **type(self).metadata,
            "render_modes": ["rgb_array"] if is_drawn else [],
            "render_fps": env.metadata.get("render_fps") or 1,
        }
        self._offer(self._named.boxes, self._choice.size)
        self._success = np.zeros(n_worlds, np.bool_)
        self._n_steps = np.zeros(n_worlds, np.int64)
        self._has_started = False
        is_known = all(ClassicWorlds.covers(env) for env in self.envs)
        self._worlds = ClassicWorlds(self.envs) if is_known else None

    @property
    def unsaved(self) -> str:
        """Why the worlds cannot be saved; empty for classic control."""
        return "" if self._worlds else f"the state of {self.env_id} is out of reach"

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Copy or pickle the environments as Python does, where that is all of them."""
        self._refuse_copies_without_worlds()
        return super().__reduce_ex__(protocol)

    def restore_worlds(self, saved: Memory) -> None:
        """Take the worlds back to where `save_worlds` found them.

        Parameters
        ----------
        saved : dict
            Rows of these worlds.

        Raises
        ------
        CheckpointError
            If they are worlds of another task or of other settings of it.
        """
        super().restore_worlds(saved)
        self._has_started = True

    @property
    def control_step_s(self) -> float:
        """Time that one step takes, s: as the environment is shown, else 1 s."""
        return 1.0 / float(self.metadata["render_fps"])

    def reset(
        self, *, seed: Seed = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start a new episode in every world.

        Parameters
        ----------
        seed : int or sequence of int, optional
            Seeds every environment, together with its world's index; see
            `world_seed`. Of a sequence each world takes its own, and is what a single
            one would be with that seed. Without it their generators go on, and the
            first time are seeded by chance.
        options : dict, optional
            No option is known; an empty dictionary is allowed.

        Returns
        -------
        observation : dict of ndarray of float32, shape (B, size)
            First observation of each world.
        info : dict
            Facts of each world; the reward is zero.

        Raises
        ------
        TaskError
            If a seed is negative, there are not as many as worlds, an option is given,
            or an environment observes what is not in its space.
        """
        seed = check_reset(seed, options, self.num_envs)
        super().reset(seed=seed[0] if isinstance(seed, list) else seed)
        if seed is None and not self._has_started:
            seed = secrets.randbits(64)
        if seed is not None:
            self._senses.seed(seed)
        rows = []
        for world in range(self.num_envs):
            own = _own_seed(seed, world, self.first_world)
            row, info = self._begun(world, own)
            rows.append(row)
            self._success[world] = bool(info.get("is_success", False))
        self._has_started = True
        true, everyone = self._named.batch(rows), np.arange(self.num_envs)
        return self._senses.begin(true, everyone), self.facts()

    def step(self, actions: NDArray[np.float32]) -> Transition:
        """Take one step in every world.

        Parameters
        ----------
        actions : ndarray of float32, shape (B, A)
            Values in [-1, 1].

        Returns
        -------
        observation : dict of ndarray of float32, shape (B, size)
            What is sensed after the step, or at the start of the next episode.
        reward : ndarray of float32, shape (B,)
            The environment's.
        terminated, truncated : ndarray of bool, shape (B,)
            The environment's; an end of both kinds counts as terminated.
        info : dict
            See the class.

        Raises
        ------
        TaskError
            If the task was not reset, an action is out of range or NaN, or an
            environment gives what it may not: the message names world and step.
        """
        if not self._has_started:
            raise TaskError("The task was not reset; call reset() before step().")
        actions = self._checked(actions)
        n_worlds = self.num_envs
        reward = np.zeros(n_worlds, np.float64)
        terminated = np.zeros(n_worlds, np.bool_)
        truncated = np.zeros(n_worlds, np.bool_)
        self._success = np.zeros(n_worlds, np.bool_)
        rows = []
        for world, env in enumerate(self.envs):
            answer = env.step(self._choice.of(actions[world]))
            self._n_steps[world] += 1
            at = self._at(world)
            raw, earned, ends, is_cut, info = checked_step(answer, **at)
            rows.append(self._named.row(raw, **at))
            reward[world], terminated[world] = earned, ends
            truncated[world] = is_cut and not ends
            self._success[world] = bool(info.get("is_success", False))
        facts = {**self.facts(), "reward/environment": reward}
        observation = self._senses.perceive(self._named.batch(rows))
        finished = terminated | truncated
        if finished.any():
            facts["final_obs"], facts["_final_obs"] = observation, finished
            begun = np.flatnonzero(finished)
            for world in begun.tolist():
                rows[world], _ = self._begun(world)
            true = self._named.batch(rows)
            observation = self._senses.begin(true, begun, observation)
        return observation, reward.astype(np.float32), terminated, truncated, facts

    def _begun(
        self, world: int, seed: int | None = None
    ) -> tuple[Observation, Mapping[str, Any]]:
        """Begin an episode of one world; return what is sensed, and the info."""
        answer = self.envs[world].reset(seed=seed)
        self._n_steps[world] = 0
        raw, info = checked_reset(answer, **self._at(world))
        return self._named.row(raw, **self._at(world)), info

    def _at(self, world: int) -> dict[str, Any]:
        """Say which world of all, and which step of its episode, for messages."""
        return {
            "world": self.first_world + world,
            "step": int(self._n_steps[world]),
        }

    def facts(self) -> dict[str, Any]:
        """State what is known of each world, as `reset` gives it.

        Returns
        -------
        dict
            Arrays of shape (B,).
        """
        n_worlds = self.num_envs
        return {
            "success": self._success.copy(),
            "goal_kind": np.zeros(n_worlds, np.int64),
            "reward/environment": np.zeros(n_worlds),
            "diverged": np.zeros(n_worlds, np.bool_),
        }

    def picture(
        self, world: int = 0, style: Style | None = None, camera: Camera | None = None
    ) -> Frame:
        """Draw one world, as its environment draws itself.

        Parameters
        ----------
        world : int
            Row.
        style, camera : optional
            Ignored: the environment has its own.

        Returns
        -------
        ndarray of uint8, shape (H, W, 3)
            Red, green and blue.

        Raises
        ------
        TaskError
            If the environments were made without pictures.
        """
        if not self.metadata["render_modes"]:
            raise TaskError(
                f"The worlds of {self.env_id} were made without pictures. Set the "
                "task's option make: {render_mode: rgb_array}."
            )
        return np.asarray(self.envs[world].render(), np.uint8)

    def close_extras(self, **kwargs: Any) -> None:
        """Close the environments.

        Parameters
        ----------
        **kwargs
            Ignored; Gymnasium passes what `close` was given.
        """
        for env in self.envs:
            env.close()


class _BoxChoice:
    """Scales actions to the bounds of a Box."""

    n_bins = None

    def __init__(self, space: spaces.Box) -> None:
        self.size = int(np.prod(space.shape))
        self._space = space
        self._low = space.low.astype(np.float64)
        self._high = space.high.astype(np.float64)

    def of(self, action: NDArray[np.float32]) -> NDArray[Any]:
        """Return the action that the environment takes."""
        share = (action.astype(np.float64).reshape(self._space.shape) + 1.0) / 2.0
        scaled = self._low + share * (self._high - self._low)
        return scaled.clip(self._low, self._high).astype(self._space.dtype)


class _IndexChoice:
    """Divides [-1, 1] evenly among the indices of each dimension."""

    def __init__(self, n: int, starts: NDArray[np.int64], *, is_scalar: bool) -> None:
        self.n_bins = n
        self.size = starts.size
        self._starts = starts
        self._is_scalar = is_scalar

    def of(self, action: NDArray[np.float32]) -> Any:
        """Return the index or indices that the environment takes."""
        share = (action.astype(np.float64) + 1.0) / 2.0
        index = np.minimum((share * self.n_bins).astype(np.int64), self.n_bins - 1)
        chosen = self._starts + index.reshape(self._starts.shape)
        return int(chosen.item()) if self._is_scalar else chosen


def _choice(env_id: str, space: spaces.Space[Any]) -> _BoxChoice | _IndexChoice:
    """How actions in [-1, 1] become those of an environment."""
    if isinstance(space, spaces.Box):
        if not space.is_bounded():
            raise TaskError(f"The actions of {env_id} have no bounds: {space}.")
        return _BoxChoice(space)
    if isinstance(space, spaces.Discrete) and space.n > 1:
        return _IndexChoice(
            int(space.n), np.array([space.start], np.int64), is_scalar=True
        )
    if isinstance(space, spaces.MultiDiscrete):
        counts = set(space.nvec.ravel().tolist())
        if len(counts) == 1 and counts != {1}:
            starts = np.asarray(space.start, np.int64)
            return _IndexChoice(counts.pop(), starts, is_scalar=False)
    raise TaskError(
        f"The actions of {env_id} are {space}; an environment can be adapted if they "
        "are a bounded Box, a Discrete of two or more, or a MultiDiscrete whose "
        "dimensions have equally many."
    )


def _make(env_id: str, config: GymConfig) -> gymnasium.Env[Any, Any]:
    """Make one environment."""
    try:
        env = gymnasium.make(
            env_id,
            max_episode_steps=config.max_episode_steps,
            disable_env_checker=True,
            **config.make,
        )
    except (gymnasium.error.Error, TypeError) as error:
        hint = closest(env_id, gymnasium.registry)
        raise TaskError(f"Gymnasium cannot make '{env_id}': {error}{hint}") from error
    if not config.hidden:
        return env
    indices = None if config.hidden == "velocity" else config.hidden
    names = (config.sensation, _PRIVILEGED) if config.privileged else None
    return HideVelocity(env, indices, names)
