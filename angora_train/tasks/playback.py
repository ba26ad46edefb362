# SPDX-License-Identifier: Apache-2.0
"""Playback: worlds in which recorded episodes pass by."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from angora_train.errors import ConfigError
from angora_train.tasks.demonstrations import Demonstrations, require_choices
from angora_train.tasks.task import Observation, Seed, Task, Transition, check_reset
from angora_train.tasks.worlds.generators import Generators

__all__ = ["Playback"]


class Playback(Task):
    """Worlds in which recorded episodes pass by, whatever is done in them.

    Each world plays one episode after the other, drawn with equal chance by its own
    generator.

    Parameters
    ----------
    demonstrations : Demonstrations
        The episodes.
    task : Task
        The task that they are of.
    n_worlds : int
        Number of worlds, B.
    first_world : int
        Index of row 0 among the worlds of all processes.

    Raises
    ------
    ConfigError
        If an action is of another size, or a sensation of the task of another shape.
    """

    config: BaseModel
    remembers: ClassVar[tuple[str, ...]] = ("_at", "_rngs")

    def __init__(
        self,
        demonstrations: Demonstrations,
        task: Task,
        n_worlds: int = 1,
        first_world: int = 0,
    ) -> None:
        self._count(n_worlds, first_world)
        self.config, self.n_bins = task.config, task.n_bins
        self._step_s = task.control_step_s
        _require_fitting(demonstrations, task)
        known: Mapping[str, Any] = task.single_observation_space.spaces  # type: ignore[attr-defined]
        read = [name for name in known if name in demonstrations.sensations]
        self._offer({name: known[name] for name in read}, task.n_actions)
        kept = {
            name: demonstrations.sensations[name].astype(known[name].dtype, copy=False)
            for name in read
        }
        self._sensations = {name: _in_a_row(x) for name, x in kept.items()}
        self._action = _in_a_row(demonstrations.action)
        is_first = demonstrations.is_first.copy()
        is_first[0] = True
        starts = _in_a_row(is_first)
        self._starts = np.flatnonzero(starts)
        self._is_last = np.append(starts[1:], True)
        nothing = np.zeros(len(starts), np.float32)
        reward, terminated = demonstrations.reward, demonstrations.terminated
        self._reward = nothing if reward is None else _in_a_row(reward)
        ends = nothing > 0 if terminated is None else _in_a_row(terminated)
        self._terminates = ends & self._is_last
        self._at = np.zeros(n_worlds, np.int64)
        self._rngs = Generators(n_worlds, first_world)

    @property
    def unsaved(self) -> str:
        """Empty: where the worlds are can be saved."""
        return ""

    @property
    def control_step_s(self) -> float:
        """Time that one step takes, s."""
        return self._step_s

    @property
    def demonstrated(self) -> NDArray[np.float32]:
        """What was done where the worlds are now, shape (B, A)."""
        return self._action[self._at]

    def facts(self) -> dict[str, Any]:
        """State that nothing more is known."""
        return {
            "success": np.zeros(self.num_envs, np.bool_),
            "goal_kind": np.zeros(self.num_envs, np.int64),
        }

    def reset(
        self, *, seed: Seed = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode in every world; see `Task`."""
        seed = check_reset(seed, options, self.num_envs)
        if seed is not None or not self._rngs:
            self._rngs.seed(0 if seed is None else seed)
        self._begin(np.ones(self.num_envs, np.bool_))
        return self._sense(), self.facts()

    def step(self, actions: NDArray[np.float32]) -> Transition:
        """Go on by one step; what is done changes nothing.

        The last sensations of an episode that was cut off are those of its last step:
        what followed was not recorded.
        """
        self._checked(actions)
        reward, is_last = self._reward[self._at], self._is_last[self._at]
        terminated = self._terminates[self._at]
        facts: dict[str, Any] = {**self.facts(), "reward/recorded": reward}
        if is_last.any():
            facts["final_obs"], facts["_final_obs"] = self._sense(), is_last
        self._at += 1
        self._begin(is_last)
        return self._sense(), reward, terminated, is_last & ~terminated, facts

    def _begin(self, where: NDArray[np.bool_]) -> None:
        """Draw the next episode of some worlds."""
        for world in np.flatnonzero(where):
            drawn = self._rngs[int(world)].integers(len(self._starts))
            self._at[world] = self._starts[drawn]

    def _sense(self) -> Observation:
        """Return what was sensed where the worlds are."""
        return {name: x[self._at] for name, x in self._sensations.items()}


def _in_a_row(x: NDArray[Any]) -> NDArray[Any]:
    """Put trajectories, shape (T, B, ...), one after the other, shape (B T, ...)."""
    return np.swapaxes(x, 0, 1).reshape(-1, *x.shape[2:])


def _require_fitting(demonstrations: Demonstrations, task: Task) -> None:
    """Refuse demonstrations of other shapes than a task's."""
    label, width = demonstrations.label, demonstrations.action.shape[-1]
    if width != task.n_actions:
        raise ConfigError(
            f"{label} have actions of {width} numbers, the task takes {task.n_actions}."
        )
    for name, shape in task.sensation_shapes.items():
        x = demonstrations.sensations.get(name)
        if x is not None and x.shape[2:] != shape:
            raise ConfigError(
                f"{label} have the sensation '{name}' of shape {x.shape[2:]}, the "
                f"task's is {shape}."
            )
        if x is not None and _is_bytes(task, name) and x.dtype != np.uint8:
            raise ConfigError(
                f"{label} have the sensation '{name}' as {x.dtype}; the task gives "
                "bytes, uint8 between 0 and 255."
            )
    require_choices(demonstrations.action, task.n_bins, label)
    step_s = demonstrations.control_step_s
    if step_s and not np.isclose(step_s, task.control_step_s):
        raise ConfigError(
            f"{label} have control steps of {step_s:g} s, the task's are "
            f"{task.control_step_s:g} s long."
        )


def _is_bytes(task: Task, name: str) -> bool:
    """Whether a task gives a sensation as bytes: pixels."""
    space = task.single_observation_space[name]  # type: ignore[index]
    return bool(space.dtype == np.uint8)
