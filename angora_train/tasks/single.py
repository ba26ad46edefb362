# SPDX-License-Identifier: Apache-2.0
"""The single environment: a batch of one behind `gymnasium.Env`.

Episode for episode it gives what row 0 of a batch gives after the same seed.
"""

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from angora_train.errors import TaskError
from angora_train.tasks.base import Task
from angora_train.tasks.finite import require_fitting
from angora_train.tasks.worlds.rendering import Frame

__all__ = ["SingleTask", "with_render_mode"]

_Observation = dict[str, NDArray[Any]]


class SingleTask(gymnasium.Env[_Observation, NDArray[np.float32]]):
    """One world of a task.

    Parameters
    ----------
    task : Task
        A batch of one world.
    render_mode : str, optional
        ``rgb_array`` for `render` to draw pictures.

    Raises
    ------
    TaskError
        If the task cannot be rendered in that mode.
    """

    def __init__(self, task: Task, render_mode: str | None = None) -> None:
        self.task = with_render_mode(task, render_mode)
        self.render_mode = render_mode
        self.metadata = {
            key: value
            for key, value in task.metadata.items()
            if key != "autoreset_mode"
        }
        self.observation_space = task.single_observation_space
        self.action_space = task.single_action_space
        self._next_observation: _Observation | None = None
        self._n_steps = np.zeros(1, np.int64)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[_Observation, dict[str, Any]]:
        """Start a new episode.

        Parameters
        ----------
        seed : int, optional
            Seeds everything random; without it the generator goes on.
        options : dict, optional
            No option is known.

        Returns
        -------
        observation : dict of ndarray
            First observation.
        info : dict
            Facts of the first state.

        Raises
        ------
        TaskError
            If the task senses something of another shape than it promises.
        """
        super().reset(seed=seed)
        self._n_steps[:] = 0
        if seed is None and not options and self._next_observation is not None:
            # The batch has begun this episode already, when the last one ended.
            observation, self._next_observation = self._next_observation, None
            return observation, _row(self.task.facts())
        self._next_observation = None
        observation, info = self.task.reset(seed=seed, options=options)
        self._require_fitting(observation)
        return _row(observation), _row(info)

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[_Observation, float, bool, bool, dict[str, Any]]:
        """Act for one control step.

        Parameters
        ----------
        action : ndarray of float32, shape (A,)
            For each actuator a position in [-1, 1].

        Returns
        -------
        observation : dict of ndarray
            What is sensed after the step; the last of its episode if that ended.
        reward : float
            Sum of the reward's terms.
        terminated, truncated : bool
            Whether, and how, the episode ended.
        info : dict
            Facts and reward terms of this step.

        Raises
        ------
        TaskError
            If the task gives something of another shape than it promises.
        """
        # Past an end the batch goes on in the next episode, which then has begun.
        self._next_observation = None
        observation, reward, terminated, truncated, info = self.task.step(
            np.asarray(action)[None]
        )
        self._n_steps += 1
        self._require_fitting(observation, reward)
        final = info.pop("final_obs", None)
        info.pop("_final_obs", None)
        if final is not None:
            self._next_observation, observation = _row(observation), final
        return (
            _row(observation),
            float(reward[0]),
            bool(terminated[0]),
            bool(truncated[0]),
            _row(info),
        )

    def _require_fitting(self, observation: Any, *reward: Any) -> None:
        """Refuse what is of another shape than the task promises."""
        require_fitting(
            observation,
            *reward,
            task=self.task,
            steps=self._n_steps,
            first_world=self.task.first_world,
        )

    def render(self) -> Frame | None:
        """Draw the world, if it was made with ``render_mode="rgb_array"``.

        Returns
        -------
        ndarray of uint8, shape (H, W, 3), or None
            Red, green and blue; None without a render mode.
        """
        return None if self.render_mode is None else self.task.picture()

    def close(self) -> None:
        """Release the simulation."""
        self.task.close()


def with_render_mode(task: Task, render_mode: str | None) -> Task:
    """Set how a task is rendered.

    Parameters
    ----------
    task : Task
        Any task; it is changed.
    render_mode : str, optional
        One of its modes, or None.

    Returns
    -------
    Task
        The task.

    Raises
    ------
    TaskError
        If it has no such mode.
    """
    modes = task.metadata.get("render_modes", [])
    if render_mode is not None and render_mode not in modes:
        raise TaskError(
            f"A {type(task).__name__} is not rendered as '{render_mode}'. Modes: "
            f"{', '.join(modes) or 'none'}."
        )
    task.render_mode = render_mode
    return task


def _row(batch: dict[str, Any]) -> dict[str, Any]:
    """Row 0 of every array; numbers as Python's own."""
    rows = {name: values[0] for name, values in batch.items()}
    return {
        name: row.item() if isinstance(row, np.generic) else row.copy()
        for name, row in rows.items()
    }
