# SPDX-License-Identifier: Apache-2.0
"""TableSource: a user's own atlas, from files.

A label image and its table give regions, volumes and centroids; a matrix gives the
connections; a table gives cell densities. Nothing in the files is run.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np

from atlasnet.atlas.source import AtlasSource, Connections, RegionRecord
from atlasnet.atlas.sources.density_table import FillRule, with_densities
from atlasnet.atlas.sources.label_image import measure_labels, read_label_image
from atlasnet.atlas.sources.label_table import LabelRow, read_label_table, read_labels
from atlasnet.atlas.sources.matrices import LabelledMatrix, read_matrix, read_tvb
from atlasnet.errors import AtlasError, IncompleteDataError, listed

__all__ = ["FillRule", "TableSource", "read_label_table"]


@dataclass(frozen=True, eq=False)
class TableSource(AtlasSource):
    """An atlas from a user's files; an `~atlasnet.atlas.source.AtlasSource`.

    Parameters
    ----------
    label_image : Path
        NIfTI file whose voxels are labels; any voxel size, the affine counts.
    label_table : Path
        CSV or TSV file with a row per region: ``label`` (or ``index``), ``name``, and
        ``hemisphere`` (or ``hemi``) unless names end in it. Further columns that
        count: ``system`` (see :mod:`atlasnet.atlas.sources.hierarchy`), ``parent``,
        ``is_isocortex`` (``true`` by default).
    connectivity : Path
        Matrix from region to region: a text file with names or in the order of the
        label table, or The Virtual Brain's ``connectivity.zip``.
    lengths : Path, optional
        Matrix of tract lengths in mm; 0 is missing. In a ``connectivity.zip`` they
        are there.
    densities : Path, optional
        CSV or TSV file: ``name``, ``cell_density_per_mm3``, and if known
        ``thickness_mm`` and ``cortical_type``. A name without hemisphere is for both.
    fill : {"mean", "median", "nearest", "unknown"}, optional
        What a region of isocortex gets that the density table lacks: mean or median of
        those known, that of the nearest region by centroid, or nothing, so that no
        units can be planned on it. By default a missing density is an error. The
        graph says which densities were filled.
    name : str, default="own atlas"
        Name of the atlas.
    symmetric : bool, default=True
        Whether the matrix is promised not to differ by direction. If not, rows
        project to columns.
    licences : sequence of str
        Licences of the files, for the graph's metadata.

    Raises
    ------
    AtlasError
        If a file is missing, holds something else than it should, or does not fit the
        others.
    IncompleteDataError
        If a label has no voxel, or a density is missing and no fill rule is named.
    """

    label_image: Path
    label_table: Path
    connectivity: Path
    _: KW_ONLY
    lengths: Path | None = None
    densities: Path | None = None
    fill: FillRule | None = None
    name: str = "own atlas"
    symmetric: bool = True
    licences: Sequence[str] = ("not stated",)

    def __post_init__(self) -> None:
        if self.fill is not None and self.fill not in get_args(FillRule):
            allowed = ", ".join(get_args(FillRule))
            raise AtlasError(f"fill is one of {allowed}, or None, got {self.fill!r}.")
        # Read at once: a source that exists has all its files.
        _ = self._rows, self._about, self._matrices, self._regions, self._connections

    @cached_property
    def _rows(self) -> list[LabelRow]:
        return read_labels(self.label_table)

    @cached_property
    def _about(self) -> dict[str, str | list[str]]:
        files = (
            *(self.label_image, self.label_table, self.connectivity),
            *(self.lengths, self.densities),
        )
        return {
            "source": "tables",
            "atlas": self.name,
            "space": "that of the label image",
            "fill_rule": self.fill or "none",
            "symmetric": str(self.symmetric).lower(),
            "licences": list(self.licences),
            "files": [
                f"{path.name} sha256:{_checksum(path)}"
                for path in files
                if path is not None
            ],
        }

    @cached_property
    def _matrices(self) -> tuple[LabelledMatrix, LabelledMatrix | None]:
        weights, lengths_mm = _read_connectivity(self.connectivity, self.lengths)
        if self.symmetric:
            weights.require_symmetric()
        return weights, lengths_mm

    @cached_property
    def _connections(self) -> Connections:
        return _in_order_of(self._rows, *self._matrices)

    @cached_property
    def _regions(self) -> tuple[RegionRecord, ...]:
        records = _measure(self.label_image, self._rows)
        return tuple(with_densities(records, self.densities, self.fill))

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


def _measure(path: Path, rows: Sequence[LabelRow]) -> list[RegionRecord]:
    """Return the records of the regions, measured in the label image."""
    data, affine = read_label_image(path)
    sizes = measure_labels(data, affine, [row.label for row in rows])
    lacking = [row for row in rows if sizes[row.label][0] == 0]
    if lacking:
        labels = listed(f"{row.label} ('{row.given}')" for row in lacking)
        raise IncompleteDataError(
            f"The image '{path}' has no voxel of the labels {labels}. Correct "
            "the label table, or take these rows out."
        )
    records = []
    for i, row in enumerate(rows):
        volume_mm3, centroid_mm = sizes[row.label]
        records.append(
            RegionRecord(
                name=row.name,
                hemisphere=row.hemisphere,
                hierarchy=(row.parent,) if row.parent else (),
                system=row.system,
                is_isocortex=row.is_isocortex,
                volume_mm3=volume_mm3,
                centroid_mm=centroid_mm,
                connectome_row=i,
            )
        )
    return records


def _read_connectivity(
    path: Path, lengths: Path | None
) -> tuple[LabelledMatrix, LabelledMatrix | None]:
    """Return weights and lengths, from an archive or from text files."""
    if path.suffix == ".zip":
        weights, lengths_mm = read_tvb(path)
        return weights, lengths_mm if lengths is None else read_matrix(lengths)
    return read_matrix(path), None if lengths is None else read_matrix(lengths)


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
    """Return a matrix in the order of the label table, by either kind of name.

    The Virtual Brain's names have no blanks; so those may be underscores.
    """
    own = set(matrix.names or ())
    spellings = (
        tuple(row.given for row in rows),
        tuple(row.name for row in rows),
        tuple(row.name.replace(" ", "_") for row in rows),
    )
    return matrix.ordered(max(spellings, key=lambda names: len(own & set(names))))
