# SPDX-License-Identifier: Apache-2.0
"""Sizes and places of the regions in a label image."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["measure_labels"]


def measure_labels(
    data: NDArray[Any], affine: NDArray[np.float64], labels: Iterable[int]
) -> dict[int, tuple[float, tuple[float, float, float] | None]]:
    """Return volume and centroid of each label, in the space of the affine.

    Parameters
    ----------
    data : ndarray, shape (X, Y, Z)
        Labels.
    affine : ndarray, shape (4, 4)
        From voxel indices to mm.
    labels : iterable of int
        Labels to measure; of any size, ten digits cost no more than one.

    Returns
    -------
    dict of int to (float, tuple of float or None)
        Volume in mm3, and centroid in mm; 0 and None for a label without a voxel.

    Examples
    --------
    >>> data = np.zeros((2, 2, 2), dtype=int)
    >>> data[0, 0] = 7
    >>> measure_labels(data, np.diag([2.0, 2.0, 2.0, 1.0]), [7, 8])
    {7: (16.0, (0.0, 0.0, 1.0)), 8: (0.0, None)}
    """
    wanted = np.unique(np.fromiter(labels, dtype=np.int64))
    if not len(wanted):
        return {}
    flat = np.rint(data.ravel()).astype(np.int64)
    places = np.minimum(np.searchsorted(wanted, flat), len(wanted) - 1)
    voxels = np.nonzero(wanted[places] == flat)[0]
    # By place among the wanted labels: their size costs nothing.
    found, n = places[voxels], len(wanted)
    count = np.bincount(found, minlength=n)
    grid = np.array(np.unravel_index(voxels, data.shape), dtype=np.float64)
    sums = np.array([np.bincount(found, weights=axis, minlength=n) for axis in grid])
    axes = affine[:3, :3]
    # The triple product is exact for a diagonal affine, the determinant is not.
    voxel_mm3 = abs(float(axes[:, 0] @ np.cross(axes[:, 1], axes[:, 2])))
    measured: dict[int, tuple[float, tuple[float, float, float] | None]] = {}
    for i, label in enumerate(wanted.tolist()):
        if count[i] == 0:
            measured[label] = 0.0, None
            continue
        x, y, z = axes @ (sums[:, i] / count[i]) + affine[:3, 3]
        measured[label] = float(count[i]) * voxel_mm3, (float(x), float(y), float(z))
    return measured
