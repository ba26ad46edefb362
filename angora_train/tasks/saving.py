# SPDX-License-Identifier: Apache-2.0
"""Where the worlds of a task are, as arrays in a file: to go on from exactly there."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from angora_train.errors import CheckpointError, TaskError
from angora_train.tasks.task import Task
from angora_train.tasks.worlds.memory import flattened, nested

__all__ = ["restore_worlds", "save_worlds"]


def save_worlds(task: Any) -> dict[str, NDArray[Any]] | None:
    """Return all that the future of a task's worlds depends on.

    Parameters
    ----------
    task : Task
        The worlds.

    Returns
    -------
    dict of str to ndarray, shape (B, ...), or None
        One row a world. None for a task whose worlds cannot be saved; its `unsaved`
        says why.

    Raises
    ------
    TaskError
        If the task was not reset, or remembers something that has no row a world.
    """
    if not isinstance(task, Task) or task.unsaved:
        return None
    saved = flattened(task.save_worlds())
    for path, x in saved.items():
        if np.shape(x)[:1] != (task.num_envs,):
            raise TaskError(
                f"'{path}', which a {type(task).__name__} remembers, has shape "
                f"{np.shape(x)}; its first axis must count the {task.num_envs} worlds."
            )
    return saved


def restore_worlds(task: Any, saved: Mapping[str, NDArray[Any]]) -> None:
    """Take a task's worlds back to where `save_worlds` found them.

    Parameters
    ----------
    task : Task
        Worlds of the same task with the same settings.
    saved : mapping of str to ndarray, shape (B, ...)
        Rows of these worlds.

    Raises
    ------
    CheckpointError
        If something is missing or has another shape: it is another task's.
    """
    if not isinstance(task, Task):
        raise CheckpointError(f"Worlds of a {type(task).__name__} cannot be restored.")
    task.restore_worlds(nested(saved))
