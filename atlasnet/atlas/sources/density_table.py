# SPDX-License-Identifier: Apache-2.0
"""The density table of a user's atlas, and what a region gets that it lacks."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from statistics import fmean, median
from typing import Literal

import numpy as np

from atlasnet.atlas.source import RegionRecord
from atlasnet.atlas.sources.label_table import Tissue, read_tissue
from atlasnet.atlas.sources.user_table import positive, read_rows, require_column
from atlasnet.errors import AtlasError, IncompleteDataError, closest, listed
from atlasnet.graph.graph import DensityRule
from atlasnet.naming import without_side

__all__ = ["FillRule", "stated_tissue", "with_densities", "with_tissue"]

FillRule = Literal["mean", "median", "nearest", "unknown"]

_FILLED: Mapping[str, DensityRule] = {
    "mean": "filled_mean",
    "median": "filled_median",
    "nearest": "filled_nearest",
}


def with_densities(
    records: Sequence[RegionRecord],
    given: Path | str | Mapping[str, float] | None,
    fill: FillRule | None,
) -> list[RegionRecord]:
    """Return the records with the densities of a table, and those filled in."""
    table = {} if given is None else _densities(given, records)
    known = []
    for record in records:
        tissue = table.get(record.name) or table.get(without_side(record.name))
        known.append(record if tissue is None else with_tissue(record, tissue))
    missing = [r for r in known if r.own_density_per_mm3 is None]
    if not missing or fill == "unknown":
        return known
    if fill is not None:
        filled = [r for r in missing if r.is_isocortex]
        missing = [r for r in missing if not r.is_isocortex]
    if missing:
        names = listed(f"'{record.name}'" for record in missing)
        where = f"'{given}' has" if isinstance(given, str | Path) else "There is"
        remedy = "name a fill rule (mean, median, nearest, or unknown to leave it so)"
        if fill is not None:
            remedy = "a fill rule is for isocortex only: add them, or take them out"
        raise IncompleteDataError(f"{where} no cell density for {names}: {remedy}.")
    return _filled(known, filled, str(fill))


def with_tissue(record: RegionRecord, tissue: Tissue) -> RegionRecord:
    """Return a record with what a user's table says of its cells."""
    density = tissue.cell_density_per_mm3
    return replace(
        record,
        own_density_per_mm3=density,
        own_density_rule=None if density is None else "table",
        overlap_thickness_mm=tissue.thickness_mm or record.overlap_thickness_mm,
        own_cortical_type=tissue.cortical_type or record.own_cortical_type,
    )


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
    lost = next((r.name for r in records if r.centroid_mm is None), None)
    if fill == "nearest" and lost is not None:
        raise IncompleteDataError(
            f"The nearest region goes by centroids, '{lost}' has none: give the label "
            "table x_mm, y_mm and z_mm, or fill by mean or median."
        )
    points = {r.name: np.array(r.centroid_mm or ()) for r in records}
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


def stated_tissue(name: str, density: object) -> Tissue:
    """Return what a density says that is given as a number.

    Raises
    ------
    AtlasError
        If it is no number above 0.
    """
    if isinstance(density, bool) or not isinstance(density, Real):
        message = f"The density of '{name}' is a number above 0, got {density!r}."
        raise AtlasError(message)
    value = positive(str(float(density)), f"The density of '{name}'")
    return Tissue(cell_density_per_mm3=value)


def _densities(
    given: Path | str | Mapping[str, float], records: Sequence[RegionRecord]
) -> dict[str, Tissue]:
    """Return density, thickness and cortical type by name."""
    names = {record.name for record in records}
    names |= {without_side(name) for name in names}
    if not isinstance(given, Mapping):
        return _read_densities(given, names)
    for name in given:
        _require_region(name, "The densities", names)
    return {name: stated_tissue(name, density) for name, density in given.items()}


def _require_region(name: str, where: str, names: Collection[str]) -> None:
    """Refuse a name that is no region's."""
    if name not in names:
        raise AtlasError(
            f"{where}: '{name}' is no region of the label table.{closest(name, names)}"
        )


def _read_densities(path: Path | str, names: Collection[str]) -> dict[str, Tissue]:
    """Return density, thickness and cortical type by name, of a table."""
    table = read_rows(path, "density table")
    require_column(table[0], ("name",), path)
    require_column(table[0], ("cell_density_per_mm3",), path)
    densities: dict[str, Tissue] = {}
    for row in table:
        name = row.cells["name"]
        _require_region(name, row.where, names)
        if name in densities:
            raise AtlasError(f"{row.where}: '{name}' is there twice.")
        tissue = read_tissue(row)
        if tissue.cell_density_per_mm3 is not None:
            densities[name] = tissue
    return densities
