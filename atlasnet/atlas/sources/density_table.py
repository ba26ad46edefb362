# SPDX-License-Identifier: Apache-2.0
"""The density table of a user's atlas, and what a region gets that it lacks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median
from typing import Literal

import numpy as np

from atlasnet.atlas.source import RegionRecord
from atlasnet.atlas.sources.user_table import positive, read_rows, require_column
from atlasnet.errors import (
    AtlasError,
    IncompleteDataError,
    closest,
    listed,
    require_member,
)
from atlasnet.graph.direction import CORTICAL_TYPES
from atlasnet.graph.graph import DensityRule
from atlasnet.naming import without_side

__all__ = ["FillRule", "with_densities"]

FillRule = Literal["mean", "median", "nearest", "unknown"]

_FILLED: Mapping[str, DensityRule] = {
    "mean": "filled_mean",
    "median": "filled_median",
    "nearest": "filled_nearest",
}


def with_densities(
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
        names = listed(f"'{record.name}'" for record in missing)
        where = f"'{path}' has" if path is not None else "There is"
        remedy = "name a fill rule (mean, median, nearest, or unknown to leave it so)"
        if fill is not None:
            remedy = "a fill rule is for isocortex only: add them, or take them out"
        raise IncompleteDataError(f"{where} no cell density for {names}: {remedy}.")
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
    table = read_rows(path, "density table")
    require_column(list(table[0]), ("name",), path)
    column = require_column(list(table[0]), ("cell_density_per_mm3",), path)
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
        if kind is not None:
            require_member(f"{where}: cortical_type", kind, CORTICAL_TYPES, AtlasError)
        thickness = cells.get("thickness_mm")
        if cells[column]:
            densities[name] = (
                positive(cells[column], f"{where}: cell_density_per_mm3"),
                positive(thickness, f"{where}: thickness_mm") if thickness else None,
                kind,
            )
    return densities
