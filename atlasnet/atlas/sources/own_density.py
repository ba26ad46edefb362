# SPDX-License-Identifier: Apache-2.0
"""Densities of a user's own for regions of any atlas, and where they are from.

The cortical atlas of von Economo and Koskinas says nothing of allocortex, of nuclei
and of the cerebellum. Whoever has a figure for one of them gives it here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from atlasnet.atlas.source import RegionRecord
from atlasnet.atlas.sources.density_table import stated_tissue, with_tissue
from atlasnet.atlas.sources.label_table import Tissue, read_tissue
from atlasnet.atlas.sources.user_table import positive, read_rows, require_column
from atlasnet.errors import AtlasError, closest
from atlasnet.naming import normalised, without_side

__all__ = ["OwnDensity", "as_own_densities", "with_own_densities"]


@dataclass(frozen=True, slots=True)
class OwnDensity:
    """What a user says of a region's cells, and where that is from."""

    name: str
    """A region, with or without hemisphere, or a parent of regions."""
    tissue: Tissue
    """Its cells; the density is there."""
    volume_mm3: float | None = None
    """Its volume, where the atlas has none or another is wanted."""
    note: str = ""
    """Where the figures are from."""

    def describe(self) -> str:
        """Return it in words, for a graph's metadata.

        Examples
        --------
        >>> OwnDensity("LGB", Tissue(3e4), note="counted by us").describe()
        'LGB: 30000 cells per mm3 (counted by us)'
        """
        text = f"{self.name}: {self.tissue.cell_density_per_mm3:g} cells per mm3"
        if self.volume_mm3 is not None:
            text += f", {self.volume_mm3:g} mm3"
        return f"{text} ({self.note})" if self.note else text


def as_own_densities(value: Any) -> Any:
    """Return the densities that a value stands for.

    Parameters
    ----------
    value : Path or str or mapping of str to float or sequence of OwnDensity
        CSV file with the columns ``name`` and ``cell_density_per_mm3``, and if wanted
        ``volume_mm3``, ``thickness_mm``, ``cortical_type`` and ``note``; or densities,
        cells per mm3, by name.

    Returns
    -------
    sequence of OwnDensity
        Or the value itself, if it is none of these.

    Raises
    ------
    AtlasError
        If the file or a number is not what it should be.
    """
    if isinstance(value, str | Path):
        return _read(value)
    if isinstance(value, Mapping):
        return tuple(
            OwnDensity(str(name), stated_tissue(str(name), density))
            for name, density in value.items()
        )
    return value


def with_own_densities(
    records: Iterable[RegionRecord], densities: Sequence[OwnDensity]
) -> tuple[RegionRecord, ...]:
    """Return the records of an atlas with a user's densities in them.

    Parameters
    ----------
    records : iterable of RegionRecord
        All of the atlas.
    densities : sequence of OwnDensity
        Of a region by any of its names comes before that of a parent, a name with a
        hemisphere before one without.

    Raises
    ------
    AtlasError
        If the atlas has no region of a name.
    """
    records = tuple(records)
    by_name = {normalised(each.name): each for each in densities}
    used: set[str] = set()
    changed = []
    for record in records:
        names = _names(record)
        used.update(names)
        own = next((by_name[name] for name in names if name in by_name), None)
        changed.append(record if own is None else _with(record, own))
    for key, each in by_name.items():
        if key not in used:
            known = {n for r in records for n in (r.name, without_side(r.name))}
            raise AtlasError(
                f"The density table names '{each.name}', which the atlas has no region "
                f"of.{closest(each.name, known)}"
            )
    return tuple(changed)


def _with(record: RegionRecord, own: OwnDensity) -> RegionRecord:
    """Return a record with what a user says of it."""
    record = with_tissue(record, own.tissue)
    if own.volume_mm3 is None:
        return record
    return replace(record, volume_mm3=own.volume_mm3)


def _names(record: RegionRecord) -> list[str]:
    """Return all names that mean a region, the most exact first."""
    spellings = [record.name, record.julich_2_9, record.julich_3_1]
    known = [name for name in spellings if name]
    parents = [*reversed(record.hierarchy)]
    sided = [f"{parent} {record.hemisphere}" for parent in parents]
    bare = [without_side(name) for name in known]
    return [normalised(name) for name in (*known, *bare, *sided, *parents)]


def _read(path: Path | str) -> tuple[OwnDensity, ...]:
    """Read a table of densities."""
    rows = read_rows(path, "density table")
    for column in ("name", "cell_density_per_mm3"):
        require_column(rows[0], (column,), path)
    found: dict[str, OwnDensity] = {}
    for row in rows:
        name, volume = row.cells["name"], row.cells.get("volume_mm3")
        tissue = read_tissue(row)
        if not name or tissue.cell_density_per_mm3 is None:
            raise AtlasError(
                f"{row.where}: a row has a name and a density above 0, got '{name}' "
                f"and '{row.cells['cell_density_per_mm3']}'."
            )
        if normalised(name) in found:
            raise AtlasError(f"{row.where}: '{name}' is there twice.")
        found[normalised(name)] = OwnDensity(
            name,
            tissue,
            positive(volume, f"{row.where}: volume_mm3") if volume else None,
            row.cells.get("note", ""),
        )
    return tuple(found.values())
