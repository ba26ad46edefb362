# SPDX-License-Identifier: Apache-2.0
"""How activity reaches a retinotopic map.

From an image or from a map as fine or finer: a strided convolution. From a coarser map:
a convolution there, whose result every position then hears that lies below a position
of the source. From units without a map: alike at every position.

The weights of all pathways into a map are the columns of one kernel with a row a
channel, as those of any other area are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np
from keras import ops

from atlasnet.layers.parts import joined
from atlasnet.plan.spec import MapSpec

__all__ = [
    "MapDrive",
    "MapPathway",
    "convolve",
    "from_image",
    "from_map",
    "from_units",
    "spread",
]


@dataclass(frozen=True)
class MapPathway:
    """One pathway into a map.

    Attributes
    ----------
    shape : tuple of int
        What a unit hears: (side, side, channels of the source), or (units,).
    stride : int
        Positions of the source from one position of the target to the next.
    growth : int
        Positions of the target that one position of the source covers, a side.
    """

    shape: tuple[int, ...]
    stride: int = 1
    growth: int = 1

    @property
    def n_columns(self) -> int:
        """Columns of the kernel: numbers that a unit hears."""
        return math.prod(self.shape)

    def weights(self, columns: Any, n_channels: int) -> Any:
        """Return columns of a kernel, (n_channels, n_columns), as they are used."""
        return ops.reshape(ops.transpose(columns), (*self.shape, n_channels))

    def drive(self, signal: Any, weights: Any, target: MapSpec) -> Any:
        """Return what the pathway gives to every unit of the target.

        Parameters
        ----------
        signal : tensor, shape (B, H, W, C) or (B, n_units)
            Activity of the source.
        weights : tensor, shape (side, side, C, n_channels) or (n_units, n_channels)
            Of :meth:`weights`.
        target : MapSpec
            The map.

        Returns
        -------
        tensor, shape (B, height, width, n_channels) or (B, 1, 1, n_channels)
            To be added to that of other pathways.
        """
        if len(self.shape) == 1:
            return ops.matmul(signal, weights)[:, None, None, :]
        heard = convolve(signal, weights, self.stride)
        return spread(heard, self.growth, target.height, target.width)


@dataclass(frozen=True)
class MapDrive:
    """All pathways into a map.

    Those of one geometry, as from two maps of one size, are computed together.

    Attributes
    ----------
    target : MapSpec
        The map.
    pathways : tuple of MapPathway
        In the order of the columns of the kernel.
    """

    target: MapSpec
    pathways: tuple[MapPathway, ...]
    _alike: tuple[tuple[int, ...], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        alike: dict[Any, list[int]] = {}
        for i, path in enumerate(self.pathways):
            geometry = (path.shape[:-1], path.stride, path.growth)
            alike.setdefault(geometry, []).append(i)
        object.__setattr__(self, "_alike", tuple(map(tuple, alike.values())))

    @property
    def n_columns(self) -> tuple[int, ...]:
        """Columns of the kernel of every pathway."""
        return tuple(path.n_columns for path in self.pathways)

    def weights(self, kernel: Any) -> list[Any]:
        """Return a kernel, shape (n_channels, sum of `n_columns`), as it is used."""
        ends = list(accumulate(self.n_columns))[:-1]
        columns = ops.split(kernel, ends, axis=1) if ends else [kernel]
        parts = [
            path.weights(part, self.target.n_channels)
            for path, part in zip(self.pathways, columns, strict=True)
        ]
        return [joined([parts[i] for i in alike], axis=-2) for alike in self._alike]

    def drive(self, signals: Sequence[Any], weights: Sequence[Any]) -> Any:
        """Return the drive of every unit.

        Parameters
        ----------
        signals : sequence of tensor, shape (B, H, W, C) or (B, n_units)
            Of every pathway.
        weights : sequence of tensor
            Of :meth:`weights`.

        Returns
        -------
        tensor, shape (B, height, width, n_channels)
            Without bias.
        """
        target = self.target
        given = [
            self.pathways[alike[0]].drive(
                joined([signals[i] for i in alike], axis=-1), part, target
            )
            for alike, part in zip(self._alike, weights, strict=True)
        ]
        total = given[0]
        for part in given[1:]:
            total = total + part
        if any(len(path.shape) > 1 for path in self.pathways):
            return total
        return total + ops.zeros((1, *target.shape), dtype=total.dtype)


def from_image(n_channels: int, target: MapSpec) -> MapPathway:
    """Return the pathway from an image of so many channels."""
    side = target.image_kernel
    return MapPathway((side, side, n_channels), stride=target.spacing_px)


def from_map(
    source: MapSpec, target: MapSpec, kernel_size: int | None = None
) -> MapPathway:
    """Return the pathway from a map, with the kernel that the target's field asks for.

    Parameters
    ----------
    source, target : MapSpec
        The maps that it leaves and enters.
    kernel_size : int, optional
        Side of another kernel.
    """
    side = kernel_size or target.kernel_from(source)
    return MapPathway(
        (side, side, source.n_channels),
        stride=max(target.spacing_px // source.spacing_px, 1),
        growth=max(source.spacing_px // target.spacing_px, 1),
    )


def from_units(n_units: int) -> MapPathway:
    """Return the pathway from units without a map."""
    return MapPathway((n_units,))


def convolve(signal: Any, kernel: Any, stride: int) -> Any:
    """Convolve images, zeros around them.

    Parameters
    ----------
    signal : tensor, shape (B, H, W, C)
        Images or maps.
    kernel : tensor, shape (side, side, C, n_channels)
        The same at every position.
    stride : int
        Positions from one result to the next.

    Returns
    -------
    tensor, shape (B, H / stride, W / stride, n_channels)
        Sides are rounded up.
    """
    return ops.conv(
        signal, kernel, strides=stride, padding="same", data_format="channels_last"
    )


def spread(signal: Any, growth: int, height: int, width: int) -> Any:
    """Repeat every position of a map, down and to the right.

    Parameters
    ----------
    signal : tensor, shape (B, H, W, C)
        A map.
    growth : int
        Repetitions a side.
    height, width : int
        Size of the result; what is beyond it falls away.

    Returns
    -------
    tensor, shape (B, height, width, C)
        The finer map.
    """
    if growth == 1:
        return signal
    # Gathering has a cheaper gradient than repeating and cutting off what is beyond.
    tall = ops.take(signal, np.arange(height) // growth, axis=1)
    return ops.take(tall, np.arange(width) // growth, axis=2)
