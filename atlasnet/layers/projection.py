# SPDX-License-Identifier: Apache-2.0
"""How activity reaches a retinotopic map.

From an image or from a map as fine or finer: a strided convolution. From a coarser map:
a convolution there, whose result every position then hears that lies below a position
of the source. From units without a map: alike at every position.

The weights of all pathways into a map are the rows of one kernel with a column a
channel, as those of any other area are.
"""

import math
from dataclasses import dataclass
from typing import Any

from keras import ops

from atlasnet.spec import MapSpec

__all__ = [
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
    def n_rows(self) -> int:
        """Rows of the kernel: numbers that a unit hears."""
        return math.prod(self.shape)

    def drive(self, signal: Any, rows: Any, target: MapSpec) -> Any:
        """Return what the pathway gives to every unit of the target.

        Parameters
        ----------
        signal : tensor, shape (B, H, W, C) or (B, n_units)
            Activity of the source.
        rows : tensor, shape (n_rows, n_channels)
            The weights.
        target : MapSpec
            The map.

        Returns
        -------
        tensor, shape (B, height, width, n_channels) or (B, 1, 1, n_channels)
            To be added to that of other pathways.
        """
        if len(self.shape) == 1:
            return ops.matmul(signal, rows)[:, None, None, :]
        kernel = ops.reshape(rows, (*self.shape, target.n_channels))
        heard = convolve(signal, kernel, self.stride)
        return spread(heard, self.growth, target.height, target.width)


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
    tall = ops.repeat(signal, growth, axis=1)[:, :height]
    return ops.repeat(tall, growth, axis=2)[:, :, :width]
