# SPDX-License-Identifier: Apache-2.0
"""A label image, and sizes and places of the regions in it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasnet.errors import AtlasError

__all__ = ["measure_labels", "read_label_image"]


def measure_labels(
    data: NDArray[Any], affine: NDArray[np.float64], labels: Iterable[int]
) -> dict[int, tuple[float, tuple[float, float, float] | None]]:
    """Return volume and centroid of each label, in the space of the affine.

    Parameters
    ----------
    data : ndarray, shape (X, Y, Z)
        Labels, 0 outside all regions.
    affine : ndarray, shape (4, 4)
        From voxel indices to mm.
    labels : iterable of int
        Labels to measure, above 0.

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
    wanted = list(labels)
    n = max([*wanted, 0]) + 1
    flat = np.rint(data.ravel()).astype(np.int64)
    voxels = np.nonzero((flat > 0) & (flat < n))[0]
    found = flat[voxels]
    count = np.bincount(found, minlength=n)
    grid = np.array(np.unravel_index(voxels, data.shape), dtype=np.float64)
    sums = np.array([np.bincount(found, weights=axis, minlength=n) for axis in grid])
    axes = affine[:3, :3]
    # The triple product is exact for a diagonal affine, the determinant is not.
    voxel_mm3 = abs(float(axes[:, 0] @ np.cross(axes[:, 1], axes[:, 2])))
    measured: dict[int, tuple[float, tuple[float, float, float] | None]] = {}
    for label in wanted:
        if count[label] == 0:
            measured[label] = 0.0, None
            continue
        x, y, z = axes @ (sums[:, label] / count[label]) + affine[:3, 3]
        measured[label] = (
            float(count[label]) * voxel_mm3,
            (float(x), float(y), float(z)),
        )
    return measured


def read_label_image(path: Path) -> tuple[Any, Any]:
    """Return the voxels and the affine of a label image."""
    import nibabel

    broken = (OSError, EOFError, ValueError, nibabel.filebasedimages.ImageFileError)
    try:
        image: Any = nibabel.load(path)
        data = np.asanyarray(image.dataobj)
    except broken as error:
        raise AtlasError(f"'{path}' cannot be read as an image: {error}.") from error
    data = np.squeeze(data)
    if data.ndim != 3:
        shape = " x ".join(map(str, data.shape))
        raise AtlasError(f"A label image has three dimensions, '{path}' has {shape}.")
    if not np.isfinite(data).all() or not np.array_equal(data, np.rint(data)):
        raise AtlasError(
            f"A label image holds whole numbers, '{path}' does not. Is it a map of "
            "probabilities?"
        )
    return data, np.asarray(image.affine, dtype=np.float64)
