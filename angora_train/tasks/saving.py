# SPDX-License-Identifier: Apache-2.0
"""Where the worlds of a task are, as arrays: to go on from exactly there.

A task keeps what it remembers of its worlds in arrays one axis of which counts them,
and in a generator of random numbers for each. Both are found wherever they are: in the
task, in the objects that it is made of, and in its simulation. A task of a user's own
need not do anything to be saved.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from angora_train.errors import CheckpointError
from angora_train.tasks.base import VectorTask
from angora_train.tasks.worlds.simulation import Simulation

__all__ = ["restore_worlds", "save_worlds"]

_WORD = 2**64


def save_worlds(task: Any) -> dict[str, NDArray[Any]] | None:
    """Return all that the future of a task's worlds depends on.

    Parameters
    ----------
    task : Task
        The worlds.

    Returns
    -------
    dict of str to ndarray, shape (B, ...), or None
        One row a world. None for a task without a simulation of this package's, such
        as an adapted environment, whose state is out of reach.
    """
    if not isinstance(task, VectorTask):
        return None
    saved = {
        f"simulation/{name}": x for name, x in task.simulation.save_worlds().items()
    }
    for path, array, axis in _arrays(task, task.num_envs):
        saved[path] = np.moveaxis(array, axis, 0).copy()
    for path, generators in _generators(task, task.num_envs):
        saved[path] = np.stack([_words(rng) for rng in generators])
    return saved


def restore_worlds(task: Any, saved: Mapping[str, NDArray[Any]]) -> None:
    """Take a task's worlds back to where `save_worlds` found them.

    Parameters
    ----------
    task : VectorTask
        Worlds of the same task with the same settings, reset at least once.
    saved : mapping of str to ndarray, shape (B, ...)
        Rows of these worlds.

    Raises
    ------
    CheckpointError
        If something is missing or has another shape: it is another task's.
    """
    prefix = "simulation/"
    task.simulation.restore_worlds(
        {
            name.removeprefix(prefix): x
            for name, x in saved.items()
            if name.startswith(prefix)
        }
    )
    arrays = {path: value for path, value in _walk(task) if _is_memory(value)}
    for path in saved:
        if not path.startswith(prefix) and path not in arrays:
            raise CheckpointError(
                f"The task has no '{path}', which the checkpoint's worlds have: they "
                "belong to another task or to other settings of it."
            )
    for path, array, axis in _arrays(task, task.num_envs):
        rows = np.moveaxis(array, axis, 0)
        if path not in saved:  # it has as many rows as there are worlds by chance
            continue
        if saved[path].shape != rows.shape:
            raise CheckpointError(
                f"The checkpoint's worlds have a '{path}' of shape "
                f"{saved[path].shape}, needed is {rows.shape}: they belong to another "
                "task or to other settings of it."
            )
        rows[...] = saved[path]
    for path, generators in _generators(task, task.num_envs):
        if path not in saved:
            raise CheckpointError(f"The checkpoint's worlds lack '{path}'.")
        for rng, words in zip(generators, saved[path], strict=True):
            _set_words(rng, words)


def _is_memory(value: Any) -> bool:
    """Whether something is an array that changes, or generators."""
    if isinstance(value, np.ndarray):
        return value.flags.writeable
    return (
        isinstance(value, list | tuple)
        and len(value) > 0
        and all(isinstance(part, np.random.Generator) for part in value)
    )


def _arrays(root: Any, n_worlds: int) -> Iterator[tuple[str, NDArray[Any], int]]:
    """Find arrays one axis of which counts worlds: path, array, axis."""
    for path, value in _walk(root):
        if isinstance(value, np.ndarray) and _is_memory(value):
            axes = [i for i, n in enumerate(value.shape) if n == n_worlds]
            if axes and value.dtype.kind in "biuf":
                yield path, value, axes[0]


def _generators(
    root: Any, n_worlds: int
) -> Iterator[tuple[str, list[np.random.Generator]]]:
    """Find lists of generators, one a world."""
    for path, value in _walk(root):
        is_list = isinstance(value, list | tuple)
        if is_list and _is_memory(value) and len(value) == n_worlds:
            yield path, list(value)


def _walk(root: Any) -> Iterator[tuple[str, Any]]:
    """Visit the attributes of an object and of the objects it is made of, once each."""
    seen: set[int] = set()

    def visit(value: Any, path: str) -> Iterator[tuple[str, Any]]:
        if id(value) in seen:
            return
        seen.add(id(value))
        yield path, value
        inner: list[tuple[Any, Any]] = []
        if isinstance(value, Mapping):
            inner = list(value.items())
        elif isinstance(value, list | tuple):
            inner = list(enumerate(value))
        elif _is_part(value, root):
            inner = list(vars(value).items())
        for key, part in inner:
            yield from visit(part, f"{path}/{key}" if path else str(key))

    yield from visit(root, "")


def _is_part(value: Any, root: Any) -> bool:
    """Whether an object belongs to a task: written for it, and no setting."""
    if value is root:
        return True
    if isinstance(value, Simulation | BaseModel | type) or not hasattr(
        value, "__dict__"
    ):
        return False
    module = type(value).__module__
    return module.startswith("angora_train.tasks") or module == type(root).__module__


def _words(rng: np.random.Generator) -> NDArray[np.uint64]:
    """Return the state of a generator, shape (6,)."""
    state = rng.bit_generator.state
    if state["bit_generator"] != "PCG64":
        raise CheckpointError(
            f"A world's generator is a {state['bit_generator']}; only NumPy's default, "
            "PCG64, can be saved."
        )
    numbers = (state["state"]["state"], state["state"]["inc"])
    words = [word for number in numbers for word in divmod(number, _WORD)]
    return np.array([*words, state["has_uint32"], state["uinteger"]], np.uint64)


def _set_words(rng: np.random.Generator, words: NDArray[np.uint64]) -> None:
    """Give a generator the state that `_words` returned."""
    high, low, inc_high, inc_low, has_uint32, uinteger = (int(word) for word in words)
    rng.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": high * _WORD + low, "inc": inc_high * _WORD + inc_low},
        "has_uint32": has_uint32,
        "uinteger": uinteger,
    }
