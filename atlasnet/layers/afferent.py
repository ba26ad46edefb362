# SPDX-License-Identifier: Apache-2.0
"""Afferent: one source of an area's drive, and what is decided about its weights."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasnet.plan.spec import StrengthUse

__all__ = ["Afferent"]


@dataclass(frozen=True)
class Afferent:
    """One source of an area's drive, and what is decided about its weights.

    Attributes
    ----------
    n_columns : int
        Units or channels of the source.
    share : float
        Share of the variance of the first drive.
    strength : float
        Amplitude, where 1 is that share.
    strength_use : {"initial", "fixed", "trainable"}
        Whether the amplitude is that of the first weights alone, a constant factor of
        the weights, or a factor that is trained.
    signs : ndarray of shape (n_columns,), or None
        1 for units that excite, -1 for those that inhibit, 0 for those that do not
        reach the area; None leaves the signs of the weights free.
    wiring_cost : float
        What a weight of size 1 adds to the loss.
    """

    n_columns: int
    share: float
    strength: float = 1.0
    strength_use: StrengthUse = "initial"
    signs: NDArray[np.float64] | None = None
    wiring_cost: float = 0.0
