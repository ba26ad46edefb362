# SPDX-License-Identifier: Apache-2.0
"""Memory: all that the future of worlds depends on, as arrays with one row a world.

Whatever remembers something of its worlds says by which attributes, and is saved and
restored by them. As the first axis of every array counts worlds, memories are divided
and joined by slicing and concatenating.
"""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from angora_train.errors import CheckpointError, TaskError, closest

__all__ = ["Memory", "Remembering", "flattened", "nested"]

Memory = dict[str, Any]
"""Arrays of shape (B, ...) by name, and memories by name."""


class Remembering:
    """Something that can say where its worlds are, and be taken back there."""

    remembers: ClassVar[tuple[str, ...]] = ()
    """Attributes that differ from world to world and from step to step: arrays of shape
    (B, ...), other things of this kind, mappings of either, or None. Those of the
    classes above are remembered, too."""

    @classmethod
    def remembered(cls) -> tuple[str, ...]:
        """List what this class and those above it remember."""
        kinds = reversed(cls.__mro__)
        names = [name for kind in kinds for name in vars(kind).get("remembers", ())]
        return tuple(dict.fromkeys(names))

    def save_worlds(self) -> Memory:
        """Return all that the future of the worlds depends on.

        Returns
        -------
        dict
            Copies, by the attributes' names without leading underscores.

        Raises
        ------
        TaskError
            If an attribute is missing or nothing that can be remembered.
        """
        return {
            name: _saved(part, name)
            for name, part in self._parts().items()
            if part is not None
        }

    def restore_worlds(self, saved: Memory) -> None:
        """Take all worlds back to where `save_worlds` found them.

        Parameters
        ----------
        saved : dict
            Rows of these worlds; arrays are written in place.

        Raises
        ------
        CheckpointError
            If something is missing, left over or of another shape: it is another
            task's.
        """
        parts = {name: x for name, x in self._parts().items() if x is not None}
        _restore(parts, saved, type(self).__name__.lstrip("_"))

    def _parts(self) -> dict[str, Any]:
        """Collect what is remembered, by names without leading underscores."""
        parts: dict[str, Any] = {}
        for name in self.remembered():
            key = name.lstrip("_")
            if not hasattr(self, name) or key in parts:
                raise TaskError(
                    f"A {type(self).__name__} is to remember '{name}', which it "
                    f"{'has twice' if key in parts else 'does not have'}."
                    f"{closest(name, vars(self))}"
                )
            parts[key] = getattr(self, name)
        return parts


def _saved(part: Any, path: str) -> Any:
    """Copy what is remembered."""
    if isinstance(part, np.ndarray) and part.dtype.kind in "biuf":
        return part.copy()
    if isinstance(part, Mapping):
        return {name: _saved(x, f"{path}/{name}") for name, x in part.items()}
    if not hasattr(part, "save_worlds"):
        raise TaskError(
            f"'{path}' cannot be remembered, as it is a {type(part).__name__}: only "
            "arrays of numbers with one row a world, and what has the methods "
            "save_worlds and restore_worlds."
        )
    return part.save_worlds()


def _restore(part: Any, saved: Any, path: str) -> None:
    """Write what was saved into what is there."""
    if isinstance(part, np.ndarray):
        shape = getattr(saved, "shape", "nothing")
        if shape != part.shape:
            raise CheckpointError(
                f"Of '{path}' the checkpoint's worlds have {shape}, needed is "
                f"{part.shape}: they belong to another task or to other settings of it."
            )
        part[...] = saved
    elif isinstance(part, Mapping):
        if not isinstance(saved, dict) or not set(saved) <= set(part):
            raise CheckpointError(
                f"Of '{path}' the checkpoint's worlds have "
                f"{', '.join(sorted(saved))}, needed are "
                f"{', '.join(sorted(part)) or 'none'}: they belong to another task or "
                "to other settings of it."
            )
        for name, inner in part.items():
            _restore(inner, saved.get(name, {}), f"{path}/{name}")
    else:
        part.restore_worlds(saved)


def flattened(memory: Memory) -> dict[str, NDArray[Any]]:
    """Return the arrays of a memory by their paths.

    Examples
    --------
    >>> list(flattened({"goals": np.zeros(2), "senses": {"past": np.zeros(2)}}))
    ['goals', 'senses/past']
    """
    flat: dict[str, NDArray[Any]] = {}
    for plain, x in memory.items():
        name = plain.replace("%", "%25").replace("/", "%2F")
        if isinstance(x, dict):
            flat |= {f"{name}/{path}": inner for path, inner in flattened(x).items()}
        else:
            flat[name] = x
    return flat


def nested(flat: Mapping[str, NDArray[Any]]) -> Memory:
    """Return the memory whose arrays by path are these.

    Examples
    --------
    >>> list(nested({"senses/past": np.zeros(2)})["senses"])
    ['past']
    """
    memory: Memory = {}
    for path, x in flat.items():
        *folders, name = map(unquote, path.split("/"))
        inner = memory
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[name] = x
    return memory
