# SPDX-License-Identifier: Apache-2.0
"""What an environment of Gymnasium answers, checked where it comes from."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from angora_train.errors import TaskError

__all__ = ["checked_reset", "checked_step"]

_MEND = "Mend the environment, as gymnasium.utils.env_checker.check_env tells."


def checked_reset(
    answer: Any, *, world: int, step: int
) -> tuple[Any, Mapping[str, Any]]:
    """Return what `gymnasium.Env.reset` gave: observation and info.

    Parameters
    ----------
    answer
        What it gave.
    world, step : int
        Index of the world among those of all processes, and steps of its episode so
        far, for the message.

    Raises
    ------
    TaskError
        If that is no pair, or the info is no mapping.
    """
    where = _where(world, step)
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise TaskError(
            f"{where} reset gave {_said(answer)}, not (observation, info). {_MEND}"
        )
    observation, info = answer
    _require_mapping(info, where)
    return observation, info


def checked_step(
    answer: Any, *, world: int, step: int
) -> tuple[Any, float, bool, bool, Mapping[str, Any]]:
    """Return what `gymnasium.Env.step` gave, as numbers of Python's own.

    Parameters
    ----------
    answer
        What it gave.
    world, step : int
        As of `checked_reset`.

    Returns
    -------
    observation
        As it was given.
    reward : float
        The reward, which may be given as an array of one number.
    terminated, truncated : bool
        How the episode ended.
    info : mapping
        As it was given.

    Raises
    ------
    TaskError
        If something of it is of another kind.

    Examples
    --------
    >>> checked_step((0, np.ones(1), False, False, {}), world=0, step=1)
    (0, 1.0, False, False, {})
    >>> checked_step((0, [1, 2], False, False, {}), world=3, step=1)
    Traceback (most recent call last):
    angora_train.errors.TaskError: World 3, step 1 of its episode: the reward has shape
    (2,), not one number. Mend the environment, as gymnasium.utils.env_checker.check_env
    tells.
    """
    where = _where(world, step)
    if not isinstance(answer, tuple) or len(answer) != 5:
        raise TaskError(
            f"{where} step gave {_said(answer)}, not (observation, reward, terminated, "
            f"truncated, info). {_MEND}"
        )
    observation, reward, terminated, truncated, info = answer
    _require_mapping(info, where)
    return (
        observation,
        _number(reward, f"{where} the reward"),
        bool(_number(terminated, f"{where} terminated")),
        bool(_number(truncated, f"{where} truncated")),
        info,
    )


def _where(world: int, step: int) -> str:
    """Say where something came from."""
    return f"World {world}, step {step} of its episode:"


def _number(x: Any, what: str) -> float:
    """Return one number; what is not finite is told elsewhere."""
    if x is None or isinstance(x, str):
        raise TaskError(f"{what} is {_said(x)}, not one number. {_MEND}")
    try:
        numbers = np.asarray(x, np.float64)
    except (TypeError, ValueError) as error:
        raise TaskError(f"{what} is {_said(x)}, not one number. {_MEND}") from error
    if numbers.size != 1:
        raise TaskError(f"{what} has shape {numbers.shape}, not one number. {_MEND}")
    return float(numbers.item())


def _require_mapping(info: Any, where: str) -> None:
    """Refuse an info that is no mapping."""
    if not isinstance(info, Mapping):
        raise TaskError(f"{where} the info is {_said(info)}, not a mapping. {_MEND}")


def _said(x: Any) -> str:
    """Say what came instead."""
    if isinstance(x, tuple):
        return f"a tuple of {len(x)}"
    return "None" if x is None else f"of type {type(x).__name__}"
