# SPDX-License-Identifier: Apache-2.0
"""Catalogue: the regions of an atlas by name, as nodes of a graph."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypedDict

from atlasnet.atlas.source import AtlasSource, RegionRecord
from atlasnet.errors import IncompleteDataError, RegionNotFoundError
from atlasnet.graph import DensityRule, Hemisphere, Region

__all__ = ["Catalogue", "Member"]


@dataclass(frozen=True, slots=True)
class Member:
    """A node-to-be of a graph."""

    region: Region
    rows: tuple[int, ...]
    """Rows of the connectome that it stands for."""
    is_whole_node: bool
    """Whether it is a node of the hand network, not just a part of one."""


class _Structure(TypedDict, total=False):
    """What a region is made of."""

    cell_density_per_mm3: float | None
    cell_density_rule: DensityRule | None
    thickness_mm: float | None
    cortical_type: str | None


class Catalogue:
    """The regions of a source by name, and the density rule to read them by.

    Parameters
    ----------
    source : AtlasSource
        Where the data come from.
    density_rule : {"homologue", "surface_overlap"}
        Whether homologues come before surface overlap, or overlap alone counts.
    """

    def __init__(self, source: AtlasSource, density_rule: DensityRule) -> None:
        self._source = source
        self._density_rule = density_rule
        self._record_of: dict[str, RegionRecord] = {r.name: r for r in source.regions()}
        self._homologues = source.homologues()
        self._node_of = {(n.node, n.hemisphere): n for n in source.node_table()}
        # 2.9 comes first: a name that both versions have is the same record.
        self._name_of = {
            spelling.casefold(): record.name
            for record in self._record_of.values()
            for spelling in (record.julich_3_1, record.julich_2_9)
            if spelling
        }

    def find(self, name: str, side: Hemisphere | None) -> str:
        """Return the record name of a region spelt as in either version."""
        spelling = name if side is None else f"{name} {side}"
        try:
            return self._name_of[spelling.casefold()]
        except KeyError:
            raise RegionNotFoundError(
                spelling, "Julich-Brain 2.9 or 3.1", self._spellings(spelling)
            ) from None

    def _spellings(self, name: str) -> list[str]:
        """Return the names to suggest: of the same hemisphere as the wanted one."""
        side = name.rsplit(" ", 1)[-1].casefold()
        records = self._record_of.values()
        return [r.name for r in records if r.hemisphere == side]

    def single(self, name: str) -> Member:
        """Return the group of one region."""
        record = self._record_of[name]
        homologue = self._homologues.get(name)
        if record.connectome_row is None:
            part = f" It is part of the node '{homologue.node}'." if homologue else ""
            raise IncompleteDataError(
                f"'{name}' has no connections: it is mapped in Julich-Brain 3.1 only, "
                f"and the connectome is of 2.9.{part} Leave it out."
            )
        node = self._node_of[homologue.node, record.hemisphere] if homologue else None
        symbols = homologue.economo_symbols if homologue else ()
        region = Region(
            name=name,
            hemisphere=record.hemisphere,
            julich_2_9=_known(record.julich_2_9),
            julich_3_1=_known(record.julich_3_1),
            siibra_ids=_known(record.siibra_id_2_9, record.siibra_id_3_1),
            volume_mm3=record.volume_mm3,
            centroid_mm=record.centroid_mm,
            role=node.role if node else None,
            system=self._system([record], node.julich_3_1 if node else ()),
            node=node.node if node else None,
            **self._structure([record], symbols),
        )
        is_whole = homologue is not None and homologue.is_whole_node
        return Member(region, (record.connectome_row,), is_whole)

    def composite(self, name: str, side: Hemisphere) -> Member:
        """Return the group of a node of the node table."""
        node = self._node_of[name, side]
        connected = [self._record_of[self.find(n, None)] for n in node.julich_2_9]
        measured = [self._record_of[self.find(n, None)] for n in node.julich_3_1]
        volumes = [r.volume_mm3 for r in measured if r.volume_mm3 is not None]
        is_complete = len(volumes) == len(measured)
        old_ids = (r.siibra_id_2_9 for r in connected)
        new_ids = (r.siibra_id_3_1 for r in measured)
        region = Region(
            name=f"{name} {side}",
            hemisphere=side,
            julich_2_9=node.julich_2_9,
            julich_3_1=node.julich_3_1,
            siibra_ids=_known(*old_ids, *new_ids),
            volume_mm3=sum(volumes) if is_complete else None,
            centroid_mm=_centroid(measured),
            role=node.role,
            system=self._system(measured, ()),
            node=name,
            **self._structure(measured, node.economo_symbols),
        )
        rows = [r.connectome_row for r in connected if r.connectome_row is not None]
        return Member(region, tuple(rows), is_whole_node=True)

    def _system(self, records: Sequence[RegionRecord], parts: Sequence[str]) -> str:
        """Return the system of a region; a GapMap's is that of its node's parts."""
        if records[0].system == "other cortex" and parts:
            return self._record_of[self.find(parts[0], None)].system
        return records[0].system

    def _structure(
        self, records: Sequence[RegionRecord], symbols: Sequence[str]
    ) -> _Structure:
        """Return density, its rule, thickness and cortical type."""
        if symbols and self._density_rule == "homologue":
            areas = [self._source.economo_areas()[symbol] for symbol in symbols]
            types = sorted({area.cortical_type for area in areas if area.cortical_type})
            return {
                "cell_density_per_mm3": fmean(a.cell_density_per_mm3 for a in areas),
                "cell_density_rule": "homologue",
                "thickness_mm": fmean(area.thickness_mm for area in areas),
                "cortical_type": ";".join(types) or None,
            }
        density = _volume_mean(records, "overlap_density_per_mm3")
        return {
            "cell_density_per_mm3": density,
            "cell_density_rule": None if density is None else "surface_overlap",
            "thickness_mm": _volume_mean(records, "overlap_thickness_mm"),
        }


def _known(*values: str | None) -> tuple[str, ...]:
    return tuple(value for value in values if value is not None)


def _centroid(records: Sequence[RegionRecord]) -> tuple[float, float, float] | None:
    """Return the mean of the centroids, weighted by volume, in mm."""
    rows = [
        (record.volume_mm3, record.centroid_mm)
        for record in records
        if record.volume_mm3 is not None and record.centroid_mm is not None
    ]
    if len(rows) < len(records):
        return None
    total = sum(volume for volume, _ in rows)
    x, y, z = (sum(v * centroid[k] for v, centroid in rows) / total for k in range(3))
    return (x, y, z)


def _volume_mean(records: Sequence[RegionRecord], name: str) -> float | None:
    """Return the mean of a value over the regions, weighted by volume."""
    total, total_mm3 = 0.0, 0.0
    for record in records:
        value, volume_mm3 = getattr(record, name), record.volume_mm3
        if value is None or volume_mm3 is None:
            return None
        total += value * volume_mm3
        total_mm3 += volume_mm3
    return total / total_mm3
