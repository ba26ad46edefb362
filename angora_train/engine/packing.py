# SPDX-License-Identifier: Apache-2.0
"""Packing: many small arrays as one, since a backend takes its time for each.

Handing an array to a compiled function costs tens of microseconds, whatever its size;
a policy step of a small network costs little more itself. Arrays of float32 are
therefore laid side by side, and taken apart inside the compiled function.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from keras import ops
from numpy.typing import NDArray

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
    """Where in a row of a packed array each array of a dictionary is.

    Attributes
    ----------
    packed : tuple of (str, tuple of int)
        Arrays of float32 that are packed: name and shape without the first axis.
    apart : tuple of (str, tuple of int, str)
        Arrays that are not: name, whole shape and type.
    n_rows : int
        Length of the first axis.
    """

    packed: tuple[tuple[str, tuple[int, ...]], ...]
    apart: tuple[tuple[str, tuple[int, ...], str], ...]
    n_rows: int

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the layout of some arrays, all of which have one first axis."""
        is_packed = {name: x.dtype == np.float32 for name, x in arrays.items()}
        return cls(
            tuple((name, x.shape[1:]) for name, x in arrays.items() if is_packed[name]),
            tuple(
                (name, x.shape, x.dtype.name)
                for name, x in arrays.items()
                if not is_packed[name]
            ),
            len(next(iter(arrays.values()))),
        )

    @property
    def width(self) -> int:
        """Numbers of a packed row."""
        return sum(int(np.prod(shape)) for _, shape in self.packed)

    def pack(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Return one array of shape (n_rows, width)."""
        rows = [arrays[name].reshape(self.n_rows, -1) for name, _ in self.packed]
        if not rows:
            return np.zeros((self.n_rows, 0), np.float32)
        return np.concatenate(rows, axis=1)

    def unpack(self, row: Any) -> dict[str, Any]:
        """Take a packed tensor apart: compiled."""
        if not self.packed:
            return {}
        ends = np.cumsum([int(np.prod(shape)) for _, shape in self.packed])
        # Of an empty list TensorFlow does not know what is in it.
        parts = ops.split(row, ends[:-1].tolist(), axis=1) if len(ends) > 1 else [row]
        return {
            name: ops.reshape(part, (self.n_rows, *shape))
            for (name, shape), part in zip(self.packed, parts, strict=True)
        }

    @staticmethod
    def join(tensors: Mapping[str, Any]) -> tuple[Any, "Layout"]:
        """Pack tensors of float32 into one, and say how: compiled."""
        n_rows = int(next(iter(tensors.values())).shape[0])
        layout = Layout(
            tuple((name, tuple(x.shape[1:])) for name, x in tensors.items()), (), n_rows
        )
        rows = [ops.reshape(x, (n_rows, -1)) for x in tensors.values()]
        return ops.concatenate(rows, axis=1), layout

    def separate(self, packed: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return the arrays that a packed one consists of, as views of it."""
        arrays, first = {}, 0
        for name, shape in self.packed:
            last = first + int(np.prod(shape))
            arrays[name] = packed[:, first:last].reshape(self.n_rows, *shape)
            first = last
        return arrays
