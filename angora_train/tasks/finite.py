# SPDX-License-Identifier: Apache-2.0
"""What a task gives must fit and be finite: what is not is named where it comes from.

An infinity that is let through is in every mean that was learned from then on, and
shows up elsewhere: as an action or a gradient that is not a number.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from angora_train.errors import TaskError

__all__ = ["require_finite", "require_fitting"]


def require_finite(
    observation: Mapping[str, NDArray[Any]],
    reward: NDArray[Any] | None = None,
    *,
    steps: NDArray[np.int64],
    worlds: NDArray[np.int64] | None = None,
    first_world: int = 0,
) -> None:
    """Refuse sensations and rewards that are infinite or no number.

    Parameters
    ----------
    observation : mapping of str to ndarray, shape (B, ...)
        Sensations.
    reward : ndarray, shape (B,), optional
        Rewards of the step that led here.
    steps : ndarray of int64, shape (B,)
        Steps of each world's episode so far, for the message.
    worlds : ndarray of int64, shape (m,), optional
        Rows to look at; by default all.
    first_world : int
        Index of row 0 among the worlds of all processes.

    Raises
    ------
    TaskError
        Naming world, step, and the sensation with its channel, or the reward.

    Examples
    --------
    >>> touch = np.array([[0.0, np.inf]], np.float32)
    >>> require_finite({"touch": touch}, steps=np.array([7]))
    Traceback (most recent call last):
    angora_train.errors.TaskError: World 0, step 7 of its episode: the sensation 'touch'
    is inf in channel 1. Sensations and rewards must be finite: mend the environment.
    """
    named = dict(observation)
    for name, x in [*named.items(), (None, reward)]:
        if x is None or x.dtype.kind != "f" or np.isfinite(x).all():
            continue
        rows = np.arange(len(x)) if worlds is None else worlds
        bad = np.argwhere(~np.isfinite(x[rows]))
        if not len(bad):
            continue
        row, channel = int(rows[bad[0, 0]]), tuple(bad[0, 1:].tolist())
        where = ", ".join(map(str, channel))
        what = "the reward" if name is None else f"the sensation '{name}'"
        raise TaskError(
            f"World {first_world + row}, step {steps[row]} of its episode: {what} is "
            f"{x[(row, *channel)]}{f' in channel {where}' if where else ''}. "
            "Sensations and rewards must be finite: mend the environment."
        )


def require_fitting(
    observation: Any,
    *reward: Any,
    task: Any,
    steps: NDArray[np.int64],
    first_world: int = 0,
) -> None:
    """Refuse sensations and rewards that are not of the shape that a task promises.

    Parameters
    ----------
    observation
        Sensations: should be a mapping of arrays of shape (B, ...).
    *reward : optional
        Rewards of the step that led here, if one did: should be an array of shape (B,).
    task : VectorEnv
        Whose ``single_observation_space`` promises the sensations; B is its
        ``num_envs``. Of a task without such a space nothing is promised by name.
    steps : ndarray of int64, shape (B,)
        Steps of each world's episode so far, for the message.
    first_world : int
        Index of row 0 among the worlds of all processes.

    Raises
    ------
    TaskError
        Naming worlds, step, and the sensation or the reward.
    """
    n_worlds = int(task.num_envs)
    where = f"World {first_world}, step {int(steps[0])} of its episode:"
    if n_worlds > 1:
        where = (
            f"Worlds {first_world} to {first_world + n_worlds - 1}, step "
            f"{int(steps[0])} of the first one's episode:"
        )
    space = getattr(task, "single_observation_space", None)
    spaces = getattr(space, "spaces", {})
    if not isinstance(observation, Mapping):
        raise TaskError(
            f"{where} the observation is {_kind(observation)}, not a mapping of "
            f"sensations by name ({', '.join(map(str, spaces))}). Mend the task."
        )
    wanted = {name: (n_worlds, *box.shape) for name, box in spaces.items()}
    for name, shape in wanted.items():
        x = observation.get(name)
        if getattr(x, "shape", None) != shape:
            raise TaskError(
                f"{where} the sensation '{name}' is {_kind(x)}, not an array of shape "
                f"{shape}. Mend the task: what it observes must lie in its "
                "single_observation_space, a row a world."
            )
    for x in reward:
        if getattr(x, "shape", None) != (n_worlds,):
            raise TaskError(
                f"{where} the reward is {_kind(x)}, not an array of shape "
                f"{(n_worlds,)}: one number a world. Mend the task."
            )


def _kind(x: Any) -> str:
    """Say what came instead of what was promised."""
    if isinstance(x, np.ndarray) and x.ndim:
        return f"an array of shape {x.shape}"
    return "None" if x is None else f"of type {type(x).__name__}"
