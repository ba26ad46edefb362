# SPDX-License-Identifier: Apache-2.0
"""Area map: a number of every area in the voxels of the area."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasnet.errors import GraphError, closest
from atlasnet.files import replacing
from atlasnet.graph.label_image import LabelImage, read_label_image

__all__ = ["area_map", "area_voxels", "write_area_map"]

Voxels = Mapping[str, NDArray[np.int64]]
"""Indices of every area's voxels, shape (n, 3)."""


def area_voxels(
    areas: Iterable[str], label_image: Path | str, labels: Mapping[str, int]
) -> tuple[LabelImage, Voxels]:
    """Return a label image and the voxels of some areas in it.

    Parameters
    ----------
    areas : iterable of str
        The areas.
    label_image : Path or str
        NIfTI file whose voxels are labels.
    labels : mapping of str to int
        Label by area; may have further areas.

    Returns
    -------
    image : LabelImage
        The label image, its affine in mm.
    voxels : mapping of str to ndarray, shape (n, 3)
        Indices of every area's voxels.

    Raises
    ------
    GraphError
        If an area has no label, a label no voxel, or the image cannot be read.
    """
    image = read_label_image(label_image, GraphError)
    voxels: dict[str, NDArray[np.int64]] = {}
    for name in areas:
        if name not in labels:
            raise GraphError(
                f"The label table has no label for '{name}'.{closest(name, labels)}"
            )
        if labels[name] == 0 and not (image.data < 0).any():
            raise GraphError(
                f"Label 0 is '{name}', but 0 is what lies outside all regions of "
                f"'{label_image}'. Number the regions from 1 in image and table."
            )
        voxels[name] = np.argwhere(image.data == labels[name])
        if not len(voxels[name]):
            raise GraphError(
                f"'{label_image}' has no voxel of label {labels[name]} ('{name}')."
            )
    return image, voxels


def area_map(values: Mapping[str, float], image: LabelImage, voxels: Voxels) -> Any:
    """Return an image of areas' numbers: float32, NaN outside the areas.

    Parameters
    ----------
    values : mapping of str to float
        A number by area, e.g. unit counts.
    image, voxels
        Of :func:`area_voxels`.
    """
    import nibabel

    painted = np.full(image.data.shape, np.nan, dtype=np.float32)
    for name, value in values.items():
        painted[tuple(voxels[name].T)] = value
    make: Any = nibabel.Nifti1Image
    made: Any = make(painted, image.affine)
    made.header.set_xyzt_units("mm")
    return made


def write_area_map(
    values: Mapping[str, float],
    label_image: Path | str,
    labels: Mapping[str, int],
    path: Path | str,
) -> None:
    """Write a number of every area into the voxels of the area, as NIfTI.

    Parameters
    ----------
    values : mapping of str to float
        A number by area, e.g. unit counts.
    label_image, labels
        As for :func:`area_voxels`.
    path : Path or str
        NIfTI file to write, ``.nii`` or ``.nii.gz``.

    Raises
    ------
    GraphError
        If the file is of another kind, or as for :func:`area_voxels`.
    """
    import nibabel

    path = Path(path)
    if not path.name.endswith((".nii", ".nii.gz")):
        raise GraphError(f"A NIfTI file ends in .nii or .nii.gz, got '{path.name}'.")
    image, voxels = area_voxels(values, label_image, labels)
    with replacing(path) as temporary:
        nibabel.save(area_map(values, image, voxels), temporary)
