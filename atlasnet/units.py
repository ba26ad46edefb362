# SPDX-License-Identifier: Apache-2.0
"""The only place where units are converted."""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["CONDUCTION_VELOCITY_M_PER_S", "MM_PER", "cells_per_mm3", "delay_ms"]

MM_PER: Mapping[str, float] = MappingProxyType(
    {"mm": 1.0, "micron": 1e-3, "meter": 1e3}
)
"""Millimetres in a unit of length, by the names that NIfTI's units have."""

# siibra labels its layer-wise densities "cells / 0.1 mm3", but divides by (0.1 mm)^3.
_CUBES_PER_MM3 = 1000.0

CONDUCTION_VELOCITY_M_PER_S = 6.0
"""Conduction velocity of cortico-cortical axons in m/s; 3 to 10 are plausible."""


def cells_per_mm3(cells_per_cube: float) -> float:
    """Convert a density per (0.1 mm)^3, as siibra gives it, to cells per mm3.

    Parameters
    ----------
    cells_per_cube : float
        Cells in a cube with edges of 0.1 mm.

    Returns
    -------
    float
        Cells per mm3.

    Examples
    --------
    >>> cells_per_mm3(103.0)
    103000.0
    """
    return cells_per_cube * _CUBES_PER_MM3


def delay_ms(
    length_mm: float, velocity_m_per_s: float = CONDUCTION_VELOCITY_M_PER_S
) -> float:
    """Return how long a spike takes along a tract; 1 mm at 1 m/s takes 1 ms.

    Parameters
    ----------
    length_mm : float
        Length of the tract in mm.
    velocity_m_per_s : float, default=6.0
        Conduction velocity in m/s.

    Returns
    -------
    float
        Conduction delay in ms.

    Examples
    --------
    >>> delay_ms(150.0)
    25.0
    """
    return length_mm / velocity_m_per_s
