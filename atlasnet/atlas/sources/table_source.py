# SPDX-License-Identifier: Apache-2.0
"""TableSource: a user's own atlas, from files.

A label image and its table give regions, volumes and centroids; a matrix gives the
connections; a table gives cell densities. Nothing in the files is run.
"""

import csv
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any, Literal, get_args

import numpy as np

from atlasnet.atlas.naming import side_of, without_side
from atlasnet.atlas.source import (
    Connections,
    EconomoArea,
    Homologue,
    LayerRecord,
    NodeRecord,
    PathwayRecord,
    RegionRecord,
)
from atlasnet.atlas.sources.label_image import measure_labels
from atlasnet.atlas.sources.matrices import LabelledMatrix, read_matrix, read_tvb
from atlasnet.errors import AtlasError, IncompleteDataError, closest
from atlasnet.graph.direction import CORTICAL_TYPES
from atlasnet.graph.graph import DensityRule, Hemisphere

__all__ = ["FillRule", "TableSource", "read_label_table"]

FillRule = Literal["mean", "median", "nearest", "unknown"]

_FILLED: Mapping[str, DensityRule] = {
    "mean": "filled_mean",
    "median": "filled_median",
    "nearest": "filled_nearest",
}
_LABEL_COLUMNS = ("label", "index", "id")
_SIDE_COLUMNS = ("hemisphere", "hemi", "side")
_SIDES: Mapping[str, Hemisphere] = {
    "left": "left",
    "l": "left",
    "lh": "left",
    "right": "right",
    "r": "right",
    "rh": "right",
}


class TableSource:
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

    def __init__(  # noqa: PLR0913 - one parameter per file and option
        self,
        label_image: Path,
        label_table: Path,
        connectivity: Path,
        *,
        lengths: Path | None = None,
        densities: Path | None = None,
        fill: FillRule | None = None,
        name: str = "own atlas",
        symmetric: bool = True,
        licences: Sequence[str] = ("not stated",),
    ) -> None:
        if fill is not None and fill not in get_args(FillRule):
            allowed = ", ".join(get_args(FillRule))
            raise AtlasError(f"fill is one of {allowed}, or None, got {fill!r}.")
        rows = _read_labels(label_table)
        self._about: dict[str, str | list[str]] = {
            "source": "tables",
            "atlas": name,
            "space": "that of the label image",
            "fill_rule": fill or "none",
            "symmetric": str(symmetric).lower(),
            "licences": list(licences),
            "files": [
                f"{path.name} sha256:{_checksum(path)}"
                for path in (label_image, label_table, connectivity, lengths, densities)
                if path is not None
            ],
        }
        weights, lengths_mm = _read_connectivity(connectivity, lengths)
        if symmetric:
            weights.require_symmetric()
        records = _measure(label_image, rows)
        records = _with_densities(records, densities, fill)
        self._regions = tuple(records)
        self._connections = _connections(weights, lengths_mm, rows)

    def describe(self) -> Mapping[str, str | list[str]]:
        """Return name, files with their checksums, fill rule and licences."""
        return dict(self._about)

    def regions(self) -> tuple[RegionRecord, ...]:
        """Return the regions of the label table, in its order."""
        return self._regions

    def connections(self) -> Connections:
        """Return the connections."""
        return self._connections

    def economo_areas(self) -> Mapping[str, EconomoArea]:
        """Return nothing: the densities are the user's."""
        return {}

    def economo_layers(self) -> Mapping[str, tuple[LayerRecord, ...]]:
        """Return nothing."""
        return {}

    def measured_layers(self) -> Mapping[str, tuple[LayerRecord, ...]]:
        """Return nothing."""
        return {}

    def homologues(self) -> Mapping[str, Homologue]:
        """Return nothing."""
        return {}

    def node_table(self) -> tuple[NodeRecord, ...]:
        """Return nothing: presets are of Julich-Brain."""
        return ()

    def pathways(self) -> tuple[PathwayRecord, ...]:
        """Return nothing: cited pathways are of the hand network's nodes."""
        return ()


def read_label_table(path: Path) -> dict[str, int]:
    """Return the label of every region of a label table.

    Parameters
    ----------
    path : Path
        The table, as `TableSource` takes it.

    Returns
    -------
    dict of str to int
        Label by name, with the hemisphere at its end.

    Raises
    ------
    AtlasError
        If the table is not what it should be.
    """
    return {row.name: row.label for row in _read_labels(path)}


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the label table."""

    label: int
    given: str
    """Name as the file has it."""
    name: str
    """Name with the hemisphere at its end."""
    hemisphere: Hemisphere
    system: str
    parent: str
    is_isocortex: bool


def _read_table(path: Path, what: str) -> list[dict[str, str]]:
    """Return the rows of a CSV or TSV file, with the columns in small letters."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AtlasError(f"The {what} '{path}' cannot be read: {error}.") from error
    lines = text.splitlines()
    if not lines:
        raise AtlasError(f"The {what} '{path}' is empty.")
    delimiter = next((d for d in "\t;" if d in lines[0]), ",")
    reader = csv.DictReader(lines, delimiter=delimiter)
    return [
        {
            (key or "").strip().casefold(): (value or "").strip()
            for key, value in row.items()
            if not isinstance(value, list)
        }
        for row in reader
    ]


def _read_labels(path: Path) -> list[_Row]:
    """Read the label table."""
    table = _read_table(path, "label table")
    if not table:
        raise AtlasError(f"The label table '{path}' has no row.")
    columns = list(table[0])
    label_column = _column(columns, _LABEL_COLUMNS, path)
    _column(columns, ("name",), path)
    side_column = next((c for c in _SIDE_COLUMNS if c in columns), None)
    rows = []
    for line, cells in enumerate(table, start=2):
        where = f"Line {line} of '{path}'"
        label = _whole(cells[label_column], f"{where}: the label")
        if label == 0:  # what lies outside all regions
            continue
        side = side_of(cells["name"])
        if side_column is not None and cells[side_column]:
            side = _SIDES.get(cells[side_column].casefold())
        if side is None or not cells["name"]:
            raise AtlasError(
                f"{where}: a region has a name and a hemisphere, left or right, in a "
                f"column 'hemisphere' or at the end of the name; got {cells}."
            )
        isocortex = cells.get("is_isocortex", "").casefold() not in ("false", "no", "0")
        system = cells.get("system") or ("other cortex" if isocortex else "subcortical")
        name = f"{without_side(cells['name'])} {side}"
        rows.append(
            _Row(
                *(label, cells["name"], name, side),
                *(system, cells.get("parent", ""), isocortex),
            )
        )
    for what in ("label", "name"):
        values = [getattr(row, what) for row in rows]
        twice = [value for value in values if values.count(value) > 1]
        if twice:
            raise AtlasError(f"The label table '{path}' has {what} '{twice[0]}' twice.")
    return rows


def _column(columns: Sequence[str], wanted: Sequence[str], path: Path) -> str:
    """Return the first of some columns that is there."""
    for name in wanted:
        if name in columns:
            return name
    raise AtlasError(
        f"'{path}' has no column '{wanted[0]}'; it has {', '.join(columns)}."
        f"{closest(wanted[0], columns)}"
    )


def _whole(text: str, what: str) -> int:
    """Return a whole number of at least 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value >= 0 and value == int(value)):
        raise AtlasError(f"{what} is a whole number of at least 0, got '{text}'.")
    return int(value)


def _checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise AtlasError(f"'{path}' cannot be read: {error}.") from error


def _measure(path: Path, rows: Sequence[_Row]) -> list[RegionRecord]:
    """Return the records of the regions, measured in the label image."""
    data, affine = _read_image(path)
    sizes = measure_labels(data, affine, [row.label for row in rows])
    lacking = [row for row in rows if sizes[row.label][0] == 0]
    if lacking:
        listed = ", ".join(f"{row.label} ('{row.given}')" for row in lacking[:5])
        more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        raise IncompleteDataError(
            f"The image '{path}' has no voxel of the labels {listed}{more}. Correct "
            "the label table, or take these rows out."
        )
    records = []
    for i, row in enumerate(rows):
        volume_mm3, centroid_mm = sizes[row.label]
        records.append(
            RegionRecord(
                name=row.name,
                hemisphere=row.hemisphere,
                julich_2_9=None,
                julich_3_1=None,
                siibra_id_2_9=None,
                siibra_id_3_1=None,
                hierarchy=(row.parent,) if row.parent else (),
                system=row.system,
                is_isocortex=row.is_isocortex,
                volume_mm3=volume_mm3,
                centroid_mm=centroid_mm,
                overlap_density_per_mm3=None,
                overlap_thickness_mm=None,
                connectome_row=i,
            )
        )
    return records


def _read_image(path: Path) -> tuple[Any, Any]:
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


def _with_densities(
    records: Sequence[RegionRecord], path: Path | None, fill: FillRule | None
) -> list[RegionRecord]:
    """Return the records with the densities of a table, and those filled in."""
    table = {} if path is None else _read_densities(path, records)
    known = []
    for record in records:
        cells = table.get(record.name) or table.get(without_side(record.name))
        if cells is not None:
            record = replace(
                record,
                own_density_per_mm3=cells[0],
                own_density_rule="table",
                overlap_thickness_mm=cells[1],
                own_cortical_type=cells[2],
            )
        known.append(record)
    missing = [r for r in known if r.own_density_per_mm3 is None]
    if not missing or fill == "unknown":
        return known
    if fill is not None:
        filled = [r for r in missing if r.is_isocortex]
        missing = [r for r in missing if not r.is_isocortex]
    if missing:
        listed = ", ".join(f"'{record.name}'" for record in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        where = f"'{path}' has" if path is not None else "There is"
        remedy = "name a fill rule (mean, median, nearest, or unknown to leave it so)"
        if fill is not None:
            remedy = "a fill rule is for isocortex only: add them, or take them out"
        raise IncompleteDataError(
            f"{where} no cell density for {listed}{more}: {remedy}."
        )
    return _filled(known, filled, str(fill))


def _filled(
    records: Sequence[RegionRecord], missing: Sequence[RegionRecord], fill: str
) -> list[RegionRecord]:
    """Return the records with missing densities filled in by a rule."""
    known = {
        r.name: r.own_density_per_mm3
        for r in records
        if r.own_density_per_mm3 is not None and r.is_isocortex
    }
    if not known:
        raise IncompleteDataError(
            f"There is no density of isocortex to fill others from by '{fill}'."
        )
    points = {r.name: np.array(r.centroid_mm) for r in records}
    names = {record.name for record in missing}

    def value(record: RegionRecord) -> float:
        if fill == "mean":
            return fmean(known.values())
        if fill == "median":
            return median(known.values())
        place = points[record.name]
        nearest = min(
            known, key=lambda n: (float(np.linalg.norm(points[n] - place)), n)
        )
        return known[nearest]

    return [
        replace(r, own_density_per_mm3=value(r), own_density_rule=_FILLED[fill])
        if r.name in names
        else r
        for r in records
    ]


def _read_densities(
    path: Path, records: Sequence[RegionRecord]
) -> dict[str, tuple[float, float | None, str | None]]:
    """Return density, thickness and cortical type by name."""
    table = _read_table(path, "density table")
    if not table:
        raise AtlasError(f"The density table '{path}' has no row.")
    _column(list(table[0]), ("name",), path)
    column = _column(list(table[0]), ("cell_density_per_mm3",), path)
    names = {record.name for record in records}
    bare = {without_side(name) for name in names}
    densities: dict[str, tuple[float, float | None, str | None]] = {}
    for line, cells in enumerate(table, start=2):
        where = f"Line {line} of '{path}'"
        name = cells["name"]
        if name not in names | bare:
            raise AtlasError(
                f"{where}: '{name}' is no region of the label table."
                f"{closest(name, names | bare)}"
            )
        if name in densities:
            raise AtlasError(f"{where}: '{name}' is there twice.")
        kind = cells.get("cortical_type") or None
        if kind is not None and kind not in CORTICAL_TYPES:
            allowed = ", ".join(CORTICAL_TYPES)
            raise AtlasError(
                f"{where}: cortical_type is one of {allowed}, got '{kind}'."
            )
        thickness = cells.get("thickness_mm")
        if cells[column]:
            densities[name] = (
                _positive(cells[column], f"{where}: cell_density_per_mm3"),
                _positive(thickness, f"{where}: thickness_mm") if thickness else None,
                kind,
            )
    return densities


def _positive(text: str, what: str) -> float:
    """Return a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise AtlasError(f"{what} is a number above 0, got '{text}'.")
    return value


def _read_connectivity(
    path: Path, lengths: Path | None
) -> tuple[LabelledMatrix, LabelledMatrix | None]:
    """Return weights and lengths, from an archive or from text files."""
    if path.suffix == ".zip":
        weights, lengths_mm = read_tvb(path)
        return weights, lengths_mm if lengths is None else read_matrix(lengths)
    return read_matrix(path), None if lengths is None else read_matrix(lengths)


def _connections(
    weights: LabelledMatrix, lengths: LabelledMatrix | None, rows: Sequence[_Row]
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


def _in_order(matrix: LabelledMatrix, rows: Sequence[_Row]) -> Any:
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
