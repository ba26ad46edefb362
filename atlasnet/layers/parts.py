# SPDX-License-Identifier: Apache-2.0
"""Parts of tensors, joined and split."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

__all__ = ["joined", "split"]


def joined(parts: Sequence[Any], axis: int = 0) -> Any:
    """Concatenate, if there is more than one tensor.

    Parameters
    ----------
    parts : sequence of tensor
        At least one.
    axis : int
        Along which.

    Returns
    -------
    tensor
        The whole.
    """
    return ops.concatenate(parts, axis=axis) if len(parts) > 1 else parts[0]


def split(x: Any, sizes: Sequence[int], axis: int = 0) -> list[Any]:
    """Split an axis into parts of the given sizes.

    Parameters
    ----------
    x : tensor
        The whole.
    sizes : sequence of int
        Sizes of the parts, whose sum is that of the axis.
    axis : int
        Which axis.

    Returns
    -------
    list of tensor
        The parts: `x` itself if it is one, none if there is no size.
    """
    if not sizes:
        return []
    if len(sizes) == 1:
        return [x]
    parts: list[Any] = ops.split(x, np.cumsum(sizes)[:-1].tolist(), axis=axis)
    return parts
