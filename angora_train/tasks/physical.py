# SPDX-License-Identifier: Apache-2.0
"""Physical state: what is true of the worlds, whatever is sensed of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Physical"]


@dataclass(frozen=True, slots=True)
class Physical:
    """One quantity of B worlds.

    Attributes
    ----------
    values : ndarray of float32, shape (B, n)
        A new array.
    units : str
        Of the values: one for all, or one for each, with blanks between; ``1`` where
        there is none.
    labels : tuple of str
        Name of each value.
    """

    values: NDArray[np.float32]
    units: str
    labels: tuple[str, ...]
