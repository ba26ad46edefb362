# SPDX-License-Identifier: Apache-2.0
"""A label image: voxels that say which region they are of, and where they lie in mm."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from atlasnet.errors import AtlasNetError
from atlasnet.units import MM_PER

__all__ = ["LabelImage", "read_label_image"]

_LARGEST = 2**53
"""Largest label: a number that every kind of image can hold exactly."""
_REMEDIES: Mapping[str, str] = {
    "GiftiImage": "it is a surface or its labels (GIFTI), which have no volume",
    "Cifti2Image": "it is CIFTI: points of surfaces, in part",
}


@dataclass(frozen=True, slots=True)
class LabelImage:
    """Labels of voxels, as whole numbers, in a space whose unit is the mm."""

    data: NDArray[np.int64]
    """Labels, shape (X, Y, Z)."""
    affine: NDArray[np.float64]
    """From voxel indices to mm, shape (4, 4)."""
    assumed: tuple[str, ...] = ()
    """What the file does not say and was assumed, each in words."""


def read_label_image(path: Path | str, error: type[AtlasNetError]) -> LabelImage:
    """Read a label image.

    Lengths of a NIfTI file are in the unit that its header names: metres and microns
    become mm. Where it names none they are taken for mm, and the result says so; so it
    does where a header holds no affine, but voxel sizes.

    Parameters
    ----------
    path : Path or str
        NIfTI, or another format of nibabel.
    error : type of AtlasNetError
        What is raised.

    Returns
    -------
    LabelImage
        Its labels.

    Raises
    ------
    AtlasNetError
        Of the class given, if the file cannot be read, or holds something else than
        one whole number a voxel, in three dimensions, exact in the type of its voxels.
    """
    import nibabel

    spatial: Any = nibabel.spatialimages
    broken = (
        *(OSError, EOFError, ValueError, OverflowError, MemoryError, zlib.error),
        *(nibabel.filebasedimages.ImageFileError, expat.ExpatError),
        *(spatial.HeaderDataError, spatial.HeaderTypeError, spatial.ImageDataError),
    )
    try:
        image: Any = nibabel.load(path)
        remedy = _REMEDIES.get(type(image).__name__)
        data = None if remedy else np.asanyarray(image.dataobj)
    except broken as reason:
        raise error(f"'{path}' cannot be read as a label image: {reason}.") from reason
    if data is None:
        raise error(
            f"'{path}' cannot be read as a label image: {remedy}. Give a volume whose "
            "voxels are labels (NIfTI), or, without an image, a label table with a "
            "column 'volume_mm3'."
        )
    stored = np.dtype(image.get_data_dtype())
    affine, unit_assumed = _in_mm(image, path, error)
    all_assumed = unit_assumed, _place_assumed(image, path)
    assumed = tuple(each for each in all_assumed if each)
    return LabelImage(_whole_labels(data, stored, path, error), affine, assumed)


def _whole_labels(
    data: NDArray[Any],
    stored: np.dtype[Any],
    path: Path | str,
    error: type[AtlasNetError],
) -> NDArray[np.int64]:
    """Return voxels as whole numbers, or refuse them; `stored` is the file's type."""
    if data.dtype.kind not in "biuf":
        kind = "colours" if data.dtype.names else f"values of type {data.dtype}"
        raise error(
            f"A label image holds one whole number a voxel, '{path}' holds {kind}. "
            "Export the labels themselves, not the picture of them."
        )
    # A slice is an image, and one image of a series too.
    more = tuple(n for n in data.shape[3:] if n > 1)
    data = data.reshape((*data.shape, 1, 1)[:3] + more)
    if data.ndim != 3:
        shape = " x ".join(map(str, data.shape))
        raise error(
            f"A label image has three dimensions, '{path}' has {shape}. Take one "
            "volume of it; of maps of probabilities, the most probable label."
        )
    if data.dtype.kind == "f" and not np.array_equal(data, np.rint(data)):
        raise error(
            f"A label image holds whole numbers, '{path}' does not. Is it a map of "
            "probabilities?"
        )
    largest = max(abs(float(data.min())), abs(float(data.max()))) if data.size else 0
    for dtype in (stored, data.dtype):
        # From here on a whole number and the next are one and the same.
        limit = 2 ** (np.finfo(dtype).nmant + 1) if dtype.kind == "f" else _LARGEST
        if largest >= limit < _LARGEST:
            raise error(
                f"Labels of '{path}' go up to {largest:.0f}, but are of type "
                f"{dtype.name}, which cannot tell neighbouring numbers from {limit} on "
                "apart. Save the image from its source as whole numbers (int32, "
                "int64), or number the regions anew."
            )
    if largest > _LARGEST:
        raise error(
            f"Labels of '{path}' are beyond {_LARGEST}: no two of them can be told "
            "apart for sure. Number the regions anew."
        )
    return data.astype(np.int64, copy=False)


def _in_mm(
    image: Any, path: Path | str, error: type[AtlasNetError]
) -> tuple[NDArray[np.float64], str | None]:
    """Return the affine in mm, and what was assumed of its unit."""
    affine = np.array(image.affine, dtype=np.float64)
    if not (np.isfinite(affine).all() and np.linalg.det(affine[:3, :3])):
        raise error(
            f"'{path}' does not say where its voxels lie: its affine is "
            f"{affine[:3].tolist()}. Mend its header (sform or qform)."
        )
    units = getattr(image.header, "get_xyzt_units", None)
    if units is None:  # formats that have no other unit
        return affine, None
    try:
        unit = str(units()[0])
    except KeyError:  # a code that NIfTI does not have
        unit = "unknown"
    assumed = None
    if unit not in MM_PER:
        assumed = f"lengths in '{Path(path).name}' are mm: its header names no unit"
    affine[:3] *= MM_PER.get(unit, 1.0)
    return affine, assumed


def _place_assumed(image: Any, path: Path | str) -> str | None:
    """Return what is assumed of places by an image whose header has no affine.

    NIfTI has one by its sform or qform; Analyze, the format before, by a file of SPM's
    beside it.
    """
    header = image.header
    if not hasattr(header, "get_base_affine"):  # neither NIfTI nor Analyze
        return None
    if "sform_code" in header:
        is_said = bool(header["sform_code"]) or bool(header["qform_code"])
    else:
        is_said = not np.allclose(image.affine, header.get_best_affine())
    if is_said:
        return None
    base = np.allclose(image.affine, header.get_base_affine())
    source = "voxel sizes alone, from its middle" if base else "voxel sizes and origin"
    return (
        f"places (centroids) in '{Path(path).name}' are taken from its header's "
        f"{source}, left and right too: it has no affine (sform or qform)"
    )
