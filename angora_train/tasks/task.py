# SPDX-License-Identifier: Apache-2.0
"""What a task is to whoever trains or plays it, whatever is behind it."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveFloat, PositiveInt

from angora_train.errors import TaskError
from angora_train.tasks.physical import Physical
from angora_train.tasks.settings import TaskSettings
from angora_train.tasks.worlds.control import ControlConfig
from angora_train.tasks.worlds.memory import Memory, Remembering
from angora_train.tasks.worlds.perturbations import Perturbation
from angora_train.tasks.worlds.pulses import PulseConfig
from angora_train.tasks.worlds.randomization import PhysicsConfig
from angora_train.tasks.worlds.realism import Imperfection
from angora_train.tasks.worlds.rendering import Camera, Frame, Style
from angora_train.tasks.worlds.simulation import require_count

__all__ = [
    "Observation",
    "Seed",
    "Task",
    "TaskConfig",
    "Transition",
    "Verdict",
    "check_reset",
]

Observation = dict[str, NDArray[Any]]
"""Sensations by name: float32 of shape (B, size), or uint8 pixels, (B, H, W, C)."""

_Flags = NDArray[np.bool_]
Transition = tuple[Observation, NDArray[np.float32], _Flags, _Flags, dict[str, Any]]
"""What a step returns: observation, reward, terminated, truncated, info."""


class TaskConfig(TaskSettings):
    """What every task can be asked for."""

    training_only: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Fields that make training easier or faster, and what belongs to them. A trained
    agent plays with their defaults, unless somebody says otherwise: the task is the
    same for all."""

    n_substeps: PositiveInt = 10
    """Physics steps in one control step."""

    episode_s: PositiveFloat = 2.0
    """Longest episode, s, rounded to whole control steps."""

    control: ControlConfig = ControlConfig()
    """How actions become commands. A mode alone, ``absolute`` or ``relative``, stands
    for a control with that mode and no smoothing."""

    start_noise_rad: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation of each joint angle at the start of an episode, rad."""

    sensing: Mapping[str, Imperfection] = Field(default_factory=dict)
    """What is wrong with a sensation, by its name; others show what is true."""

    physics: PhysicsConfig = PhysicsConfig()
    """How bodies differ from world to world and from episode to episode."""

    pulses: PulseConfig = PulseConfig()
    """Forces that push a body now and then."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a task judges one step of B worlds."""

    terms: Mapping[str, NDArray[np.float64]]
    """Reward terms by name, each of shape (B,); their sum is the reward."""

    facts: Mapping[str, NDArray[Any]]
    """What else is worth knowing of each world, each of shape (B,)."""

    terminated: NDArray[np.bool_]
    """Shape (B,): True where no more reward can be collected."""

    truncated: NDArray[np.bool_] | None = None
    """Shape (B,): True where the episode is cut short, beside those that last too long;
    None for nowhere."""

    @property
    def is_over(self) -> NDArray[np.bool_]:
        """Shape (B,): True where the task ends the episode, one way or the other."""
        cut = self.truncated
        return self.terminated if cut is None else self.terminated | cut


class Task(Remembering, VectorEnv[Observation, NDArray[np.float32], NDArray[Any]], ABC):
    """Worlds that are sensed and acted upon as a batch, whatever is behind them.

    Observations are sensations by name, actions lie in [-1, 1]. What the trainer
    relies on is said in `VectorTask`, the kind with a simulation of its own.
    """

    config: BaseModel
    """The task's settings."""

    first_world: int
    """Index of row 0 among the worlds of all processes."""

    n_bins: int | None = None
    """Bins that each action must be drawn from; None for any number."""

    metrics: tuple[str, ...] = ()
    """Facts whose values at the end of an episode are worth a mean over episodes."""

    goal_names: tuple[str, ...] = ()
    """Names of the kinds of goals that ``goal_kind`` counts, if it has names."""

    sensation_units: Mapping[str, str] = MappingProxyType({})
    """Units of sensations by name: one for all values, or those of its parts."""

    progress: float = 0.0
    """Share of training that is done, in [0, 1], as `set_progress` was told."""

    def _count(self, n_worlds: int, first_world: int) -> None:
        """Set how many worlds there are, and which of all they are."""
        require_count("n_worlds", n_worlds)
        if first_world < 0:
            raise TaskError(f"first_world is {first_world}; it must not be negative.")
        self.num_envs, self.first_world = n_worlds, first_world

    def _offer(self, boxes: Mapping[str, spaces.Box], n_actions: int) -> None:
        """Set the spaces of one world and of all."""
        nameless = [name for name in boxes if not isinstance(name, str) or not name]
        if nameless:
            raise TaskError(
                f"A sensation is called {nameless[0]!r}; a name is a text that is not "
                "empty."
            )
        one = spaces.Dict(OrderedDict[str, spaces.Space[Any]](boxes))
        self.single_observation_space = one
        self.single_action_space = spaces.Box(-1.0, 1.0, (n_actions,))
        self.observation_space = batch_space(one, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    @property
    def unwrapped(self) -> Self:
        """The task itself."""
        return self

    def set_progress(self, share: float) -> None:
        """Tell how much of training is done; scales of rewards may follow it.

        Parameters
        ----------
        share : float
            Share of training, in [0, 1]; it holds from the next step on.

        Raises
        ------
        TaskError
            If it is outside of [0, 1].
        """
        if not 0.0 <= share <= 1.0:
            raise TaskError(f"The share of training is {share}; it lies in [0, 1].")
        self.progress = float(share)

    @property
    def sensation_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each sensation of one world: (size,), or (H, W, C) of pixels."""
        space: Any = self.single_observation_space
        return {name: tuple(map(int, box.shape)) for name, box in space.spaces.items()}

    @property
    def n_actions(self) -> int:
        """Dimensions of an action; 1 for a choice."""
        return int(np.prod(self.single_action_space.shape or (1,)))

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
            If the task or this machine draws no pictures.
        """
        raise TaskError(f"A {type(self).__name__} draws no pictures.")

    def render(self) -> tuple[Frame, ...] | None:
        """Draw all worlds, if the task was made with ``render_mode="rgb_array"``.

        Returns
        -------
        tuple of ndarray of uint8, shape (H, W, 3), or None
            One picture a world; None without a render mode.
        """
        if self.render_mode is None:
            return None
        return tuple(self.picture(world) for world in range(self.num_envs))

    @property
    def unsaved(self) -> str:
        """Why the worlds cannot be saved; empty where they can."""
        return f"the state of a {type(self).__name__} is out of reach"

    def save_worlds(self) -> Memory:
        """Return all that the future of the worlds depends on.

        Returns
        -------
        dict
            Arrays of shape (B, ...) by name, nested: what `remembers` names.

        Raises
        ------
        TaskError
            If they cannot be saved, as `unsaved` says why, or the task was not reset.
        """
        if self.unsaved:
            raise TaskError(f"The worlds cannot be saved: {self.unsaved}.")
        progress = np.full(self.num_envs, self.progress)
        return {**super().save_worlds(), "progress": progress}

    def _refuse_copies_without_worlds(self) -> None:
        """Refuse a copy whose worlds would be others."""
        if self.unsaved:
            raise TaskError(
                f"A {type(self).__name__} cannot be copied or pickled: {self.unsaved}."
            )

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
        others = {name: x for name, x in saved.items() if name != "progress"}
        super().restore_worlds(others)
        self.progress = float(saved.get("progress", [0.0])[0])

    @property
    @abstractmethod
    def control_step_s(self) -> float:
        """Time that one step takes, s."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """State the facts of where each world is now, as `reset` gives them."""

    def perturb(self, perturbations: Sequence[Perturbation]) -> None:
        """Let something happen in every episode from now on, at a time of it.

        Parameters
        ----------
        perturbations : sequence of Perturbation
            What happens, in place of what was set before.

        Raises
        ------
        TaskError
            If it cannot happen in this task.
        """
        if perturbations:
            raise TaskError(
                f"A {type(self).__name__} cannot be perturbed: its worlds are no "
                "simulation of ours. Perturb the network, or another task."
            )

    def physical_state(self) -> dict[str, Physical]:
        """Return what is true of the worlds now, whatever is sensed of it.

        Recordings have it beside what was sensed. Names are the task's own, such as
        ``joint_angles``.

        Returns
        -------
        dict of str to Physical
            Quantities of B worlds by name; none for a task that knows no more than its
            sensations.
        """
        return {}

    def _checked(self, actions: NDArray[np.float32]) -> NDArray[np.float32]:
        """Refuse actions of a wrong shape, out of range or NaN."""
        actions, expected = np.asarray(actions, np.float32), self.action_space.shape
        if actions.shape != expected:
            raise TaskError(
                f"Actions have shape {actions.shape}; expected {expected}: one row a "
                "world, one column a dimension of an action."
            )
        # Written so that NaN counts as out of range.
        if not np.abs(actions).max() <= 1.0:
            world, column = np.argwhere(~(np.abs(actions) <= 1.0))[0]
            raise TaskError(
                f"World {self.first_world + world} was given {actions[world, column]} "
                f"{self._column(int(column))}; actions lie in [-1, 1]."
            )
        return actions

    def _column(self, column: int) -> str:
        """Say what a column of actions is for."""
        return f"in column {column}"


Seed = int | Sequence[int] | None
"""One for all worlds, one for each, or none."""


def check_reset(
    seed: Seed, options: dict[str, Any] | None, n_worlds: int = 1
) -> int | list[int] | None:
    """Refuse what no task can be reset with.

    Parameters
    ----------
    seed : int or sequence of int, optional
        The seed, or one for each world.
    options : dict, optional
        No option is known; an empty dictionary is allowed.
    n_worlds : int
        How many worlds there are.

    Returns
    -------
    int or list of int, or None
        The seed, of Python's own type.

    Raises
    ------
    TaskError
        If a seed is negative or no whole number, there are not as many as worlds, or
        an option is given.
    """
    if options:
        raise TaskError(f"reset knows no options, got {sorted(options)}.")
    if seed is None:
        return None
    is_one = isinstance(seed, int | np.integer)
    seeds: list[Any] = [seed] if is_one else list(seed)  # type: ignore[arg-type]
    if not is_one and len(seeds) != n_worlds:
        raise TaskError(
            f"reset was given {len(seeds)} seeds for {n_worlds} worlds. Give one for "
            "each, or a single number for all."
        )
    for own in seeds:
        if not isinstance(own, int | np.integer):
            raise TaskError(f"The seed is {own!r}; it must be a whole number.")
        if own < 0:
            raise TaskError(f"The seed is {own}; it must not be negative.")
    return int(seeds[0]) if is_one else [int(own) for own in seeds]
