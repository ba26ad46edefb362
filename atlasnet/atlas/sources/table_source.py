# SPDX-License-Identifier: Apache-2.0
"""TableSource: a user's own atlas, from files.

A label image and its table give regions, volumes and centroids, or a table does alone;
a matrix gives the connections; a table gives cell densities. Nothing in the files is
run.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np

from atlasnet.atlas.source import AtlasSource, Connections, RegionRecord
from atlasnet.atlas.sources.density_table import (
    FillRule,
    with_densities,
    with_tissue,
)
from atlasnet.atlas.sources.label_image import measure_labels
from atlasnet.atlas.sources.label_table import LabelRow, read_label_table, read_labels
from atlasnet.atlas.sources.matrices import LabelledMatrix, read_matrix, read_tvb
from atlasnet.errors import AtlasError, IncompleteDataError, listed
from atlasnet.graph.label_image import read_label_image

__all__ = ["FillRule", "TableSource", "read_label_table"]


@dataclass(frozen=True, eq=False)
class TableSource(AtlasSource):
    """An atlas from a user's files; an `~atlasnet.atlas.source.AtlasSource`.

    Parameters
    ----------
    label_image : Path or str or None
        NIfTI file whose voxels are labels; any voxel size, the affine counts, in the
        unit that its header names. None if there is no image.
    label_table : Path or str
        CSV or TSV file with a row per region: ``label`` (or ``index``), ``name``, and
        ``hemisphere`` (or ``hemi``) unless names end in it. Further columns that
        count: ``system`` (see :mod:`atlasnet.atlas.sources.hierarchy`), ``parent``,
        ``is_isocortex`` (``yes`` by default), and those of `densities`. Without an
        image it needs no labels, but ``volume_mm3``, and takes centroids in ``x_mm``,
        ``y_mm`` and ``z_mm``. A label 0 that is called background is none.
    connectivity : Path or str
        Matrix from region to region: a text file with names or in the order of the
        label table, or The Virtual Brain's ``connectivity.zip``.
    lengths : Path or str, optional
        Matrix of tract lengths in mm; 0 is missing. In a ``connectivity.zip`` they
        are there.
    densities : Path or str or mapping of str to float, optional
        CSV or TSV file: ``name``, ``cell_density_per_mm3``, and if known
        ``thickness_mm`` and ``cortical_type``. A name without hemisphere is for both.
        Or densities by name. They come before the label table's columns.
    fill : {"mean", "median", "nearest", "unknown"}, optional
        What a region of isocortex gets that the density table lacks: mean or median of
        those known, that of the nearest region by centroid, or nothing, so that no
        units can be planned on it. By default a missing density is an error. The
        graph says which densities were filled.
    name : str, default="own atlas"
        Name of the atlas.
    symmetric : bool, default=True
        Whether the matrix is promised not to differ by direction; one that is
        triangular, as MRtrix writes it, is mirrored. If not, rows project to columns.
    licences : sequence of str
        Licences of the files, for the graph's metadata.

    Raises
    ------
    AtlasError
        If a file is missing, holds something else than it should, or does not fit the
        others.
    IncompleteDataError
        If a label has no voxel or a row no volume, or a density is missing and no fill
        rule is named.
    """

    label_image: Path | str | None
    label_table: Path | str
    connectivity: Path | str
    _: KW_ONLY
    lengths: Path | str | None = None
    densities: Path | str | Mapping[str, float] | None = None
    fill: FillRule | None = None
    name: str = "own atlas"
    symmetric: bool = True
    licences: Sequence[str] = ("not stated",)

    def __post_init__(self) -> None:
        if self.fill is not None and self.fill not in get_args(FillRule):
            allowed = ", ".join(get_args(FillRule))
            raise AtlasError(f"fill is one of {allowed}, or None, got {self.fill!r}.")
        # Read at once: a source that exists has all its files.
        _ = self._rows, self._matrices, self._regions, self._connections, self._about

    @cached_property
    def _rows(self) -> list[LabelRow]:
        return read_labels(self.label_table, has_image=self.label_image is not None)

    @cached_property
    def _about(self) -> dict[str, str | list[str]]:
        files = (
            *(self.label_image, self.label_table, self.connectivity),
            *(self.lengths, self.densities),
        )
        about: dict[str, str | list[str]] = {
            "source": "tables",
            "atlas": self.name,
            "space": f"that of the label {'image' if self.label_image else 'table'}",
            "fill_rule": self.fill or "none",
            "symmetric": str(self.symmetric).lower(),
            "licences": list(self.licences),
            "files": [
                f"{Path(path).name} sha256:{_checksum(Path(path))}"
                for path in files
                if isinstance(path, str | Path)
            ],
        }
        assumed = [*self._measured[1], *self._matrices[2]]
        return about | ({"assumed": assumed} if assumed else {})

    @cached_property
    def _matrices(self) -> tuple[LabelledMatrix, LabelledMatrix | None, list[str]]:
        lengths = None if self.lengths is None else Path(self.lengths)
        weights, lengths_mm = _read_connectivity(Path(self.connectivity), lengths)
        assumed = list(weights.assumed)
        if self.symmetric:
            if weights.is_triangular:
                assumed.append(f"{weights.where} holds one half of a symmetric matrix")
                weights = weights.mirrored()
            weights = weights.symmetrized()
        if lengths_mm is not None:
            assumed += lengths_mm.assumed
        if lengths_mm is not None and lengths_mm.is_triangular:
            assumed.append(f"{lengths_mm.where} holds one half of a symmetric matrix")
            lengths_mm = lengths_mm.mirrored()
        return weights, lengths_mm, assumed

    @cached_property
    def _connections(self) -> Connections:
        return _in_order_of(self._rows, *self._matrices[:2])

    @cached_property
    def _measured(self) -> tuple[list[RegionRecord], tuple[str, ...]]:
        if self.label_image is None:
            return _stated(self._rows, self.fill), ()
        return _measure(Path(self.label_image), self._rows)

    @cached_property
    def _regions(self) -> tuple[RegionRecord, ...]:
        return tuple(with_densities(self._measured[0], self.densities, self.fill))

    def describe(self) -> Mapping[str, str | list[str]]:
        """Return name, files with their checksums, fill rule and licences."""
        return dict(self._about)

    def regions(self) -> tuple[RegionRecord, ...]:
        """Return the regions of the label table, in its order."""
        return self._regions

    def connections(self) -> Connections:
        """Return the connections."""
        return self._connections


def _checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise AtlasError(f"'{path}' cannot be read: {error}.") from error


def _measure(
    path: Path, rows: Sequence[LabelRow]
) -> tuple[list[RegionRecord], tuple[str, ...]]:
    """Return the regions' records, measured in the label image, and what it assumes."""
    image = read_label_image(path, AtlasError)
    zero = next((row for row in rows if row.label == 0), None)
    if zero is not None and not (image.data < 0).any():
        raise AtlasError(
            f"{zero.where}: label 0 is '{zero.given}', but 0 is what lies outside all "
            f"regions of '{path}'. Call it background, or number the regions from 1 in "
            "image and table, or mark the outside by a negative number."
        )
    sizes = measure_labels(image.data, image.affine, [row.label or 0 for row in rows])
    lacking = [row for row in rows if sizes[row.label or 0][0] == 0]
    if lacking:
        labels = listed(f"{row.label} ('{row.given}')" for row in lacking)
        raise IncompleteDataError(
            f"The image '{path}' has no voxel of the labels {labels}. Correct "
            "the label table, or take these rows out."
        )
    records = [_record(i, row, *sizes[row.label or 0]) for i, row in enumerate(rows)]
    return records, image.assumed


def _stated(rows: Sequence[LabelRow], fill: FillRule | None) -> list[RegionRecord]:
    """Return the records of regions whose sizes the label table states."""
    lacking = [row for row in rows if row.volume_mm3 is None]
    if lacking and fill != "unknown":
        names = listed(f"'{row.name}'" for row in lacking)
        raise IncompleteDataError(
            f"{lacking[0].where}: no volume for {names}. Without a label image the "
            "table needs a column 'volume_mm3'; fill 'unknown' leaves volumes open, "
            "but no units can be planned then."
        )
    return [
        _record(i, row, row.volume_mm3, row.centroid_mm) for i, row in enumerate(rows)
    ]


def _record(
    i: int,
    row: LabelRow,
    volume_mm3: float | None,
    centroid_mm: tuple[float, float, float] | None,
) -> RegionRecord:
    """Return the record of the region in the i-th row of the label table."""
    record = RegionRecord(
        name=row.name,
        hemisphere=row.hemisphere,
        hierarchy=(row.parent,) if row.parent else (),
        system=row.system,
        is_isocortex=row.is_isocortex,
        volume_mm3=volume_mm3,
        centroid_mm=centroid_mm,
        connectome_row=i,
    )
    return with_tissue(record, row.tissue)


def _read_connectivity(
    path: Path, lengths: Path | None
) -> tuple[LabelledMatrix, LabelledMatrix | None]:
    """Return weights and lengths, from an archive or from text files."""
    if path.suffix == ".zip":
        weights, lengths_mm = read_tvb(path)
    else:
        weights, lengths_mm = read_matrix(path), None
    if lengths is not None:
        lengths_mm = read_matrix(lengths, may_lack=True)
    return weights, lengths_mm


def _in_order_of(
    rows: Sequence[LabelRow], weights: LabelledMatrix, lengths: LabelledMatrix | None
) -> Connections:
    """Return the connections in the order of the label table."""
    count = _in_order(weights, rows)
    if lengths is None:
        length_mm = np.full_like(count, np.nan)
    else:
        length_mm = _in_order(lengths, rows).copy()
        length_mm[length_mm == 0] = np.nan
    length_mm[count == 0] = np.nan
    return Connections(count, length_mm)


def _in_order(matrix: LabelledMatrix, rows: Sequence[LabelRow]) -> Any:
    """Return a matrix in the order of the label table, by names of a kind, or labels.

    The Virtual Brain's names have no blanks; so those may be underscores.
    """
    own = set(matrix.names or ())
    spellings = (
        tuple(row.given for row in rows),
        tuple(row.name for row in rows),
        tuple(row.name.replace(" ", "_") for row in rows),
        tuple(str(row.label) for row in rows),
    )
    return matrix.ordered(max(spellings, key=lambda names: len(own & set(names))))
