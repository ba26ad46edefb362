# SPDX-License-Identifier: Apache-2.0
"""Structure: cell density, thickness and cortical type of regions, by rule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.source import POOLED, AtlasSource, LayerRecord, RegionRecord
from atlasnet.errors import AtlasError, IncompleteDataError, closest
from atlasnet.graph.graph import DensityRule

__all__ = ["Structure", "StructureReader", "merge_structures"]


@dataclass(frozen=True, slots=True)
class Structure:
    """What a region is made of."""

    density_per_mm3: float | None = None
    """Cells per mm3 that count, without those of layers left out."""
    whole_density_per_mm3: float | None = None
    """Cells per mm3 of all layers, by which the structural model goes."""
    rule: DensityRule | None = None
    thickness_mm: float | None = None
    cortical_type: str | None = None


class StructureReader:
    """Reads the structure of regions from a source.

    Parameters
    ----------
    source : AtlasSource
        Where the data come from.
    rules : GraphRules
        Which density comes first, and which layers do not count.

    Raises
    ------
    AtlasError
        If measured layers are wanted and the source has none.
    """

    def __init__(self, source: AtlasSource, rules: GraphRules) -> None:
        self._areas = source.economo_areas()
        self._left_out = frozenset(rules.layers_left_out)
        self._layers = source.economo_layers() if self._left_out else {}
        self._rule = rules.density
        self._measured: Mapping[str, tuple[LayerRecord, ...]] = {}
        if rules.density == "measured_layers":
            self._measured = source.measured_layers()
            if not self._measured:
                raise AtlasError(
                    "This source has no measured layers. Record them with 'atlasnet "
                    "snapshot --from siibra', or take another density rule."
                )

    def read(
        self, records: Sequence[RegionRecord], symbols: Sequence[str]
    ) -> Structure:
        """Return the structure of one area.

        Parameters
        ----------
        records : sequence of RegionRecord
            Its regions.
        symbols : sequence of str
            Von Economo homologues of the area as a whole, if it has any.

        Returns
        -------
        Structure
            Values that are unknown are None.
        """
        has_own = [record.own_density_per_mm3 is not None for record in records]
        if any(has_own):
            parts = [
                self._own(record, symbols) if own else self.read([record], symbols)
                for record, own in zip(records, has_own, strict=True)
            ]
            return merge_structures(parts, records)
        if all(record.name in self._measured for record in records):
            return merge_structures([self._read_layers(r) for r in records], records)
        if symbols and self._rule != "surface_overlap":
            return self.homologue(symbols)
        return merge_structures([self._read_overlap(r) for r in records], records)

    def homologue(self, symbols: Sequence[str]) -> Structure:
        """Return the structure of von Economo areas: the mean over them.

        Raises
        ------
        AtlasError
            If there is no such area.
        """
        for symbol in symbols:
            if symbol not in self._areas:
                raise AtlasError(
                    f"There is no von Economo area '{symbol}'."
                    f"{closest(symbol, self._areas)}"
                )
        areas = [self._areas[symbol] for symbol in symbols]
        types = sorted({area.cortical_type for area in areas if area.cortical_type})
        return Structure(
            density_per_mm3=fmean(
                area.cell_density_per_mm3 * self._kept([(area.symbol, 1.0)])
                for area in areas
            ),
            whole_density_per_mm3=fmean(area.cell_density_per_mm3 for area in areas),
            rule="homologue",
            thickness_mm=fmean(area.thickness_mm for area in areas),
            cortical_type=";".join(types) or None,
        )

    def _own(self, record: RegionRecord, symbols: Sequence[str]) -> Structure:
        """Return what the source itself, or a user's table, says of a region.

        What has no six layers has none to leave out, and no laminar pattern: the
        structural model does not hold for it.
        """
        density = record.own_density_per_mm3
        if self._left_out and record.is_isocortex:
            raise IncompleteDataError(
                f"Layers are left out, but the density of '{record.name}' is not known "
                "by layer."
            )
        kind = record.own_cortical_type
        if kind is None and symbols:
            kind = self.homologue(symbols).cortical_type
        return Structure(
            density,
            density if record.is_isocortex else None,
            record.own_density_rule,
            record.overlap_thickness_mm,
            kind,
        )

    def _read_layers(self, record: RegionRecord) -> Structure:
        """Return the structure that measured layers have."""
        layers = self._measured[record.name]
        whole = sum(layer.share * layer.cell_density_per_mm3 for layer in layers)
        kept = whole * _kept_share(layers, self._left_out)
        return Structure(kept, whole, "measured_layers", record.overlap_thickness_mm)

    def _read_overlap(self, record: RegionRecord) -> Structure:
        """Return the structure of what a region's surface overlaps."""
        density = record.overlap_density_per_mm3
        if density is None:
            return Structure(thickness_mm=record.overlap_thickness_mm)
        kept = density * self._kept(record.overlap_areas)
        return Structure(kept, density, "surface_overlap", record.overlap_thickness_mm)

    def _kept(self, shares: Iterable[tuple[str, float]]) -> float:
        """Return which share of the cells of some areas is in layers that count."""
        if not self._left_out:
            return 1.0
        kept = total = 0.0
        for pooled, share in shares:
            for symbol in POOLED.get(pooled, (pooled,)):
                if symbol not in self._layers:
                    raise IncompleteDataError(
                        f"Layers are left out, but those of von Economo's '{symbol}' "
                        "are not known to this source."
                    )
                kept += share * _kept_share(self._layers[symbol], self._left_out)
                total += share
        if not total > 0:
            raise IncompleteDataError(
                "Layers are left out, but the source does not say which von Economo "
                "areas a region overlaps."
            )
        return kept / total


def merge_structures(
    structures: Sequence[Structure], records: Sequence[RegionRecord]
) -> Structure:
    """Return the structure of a composite: means of its parts, weighted by volume.

    Parameters
    ----------
    structures : sequence of Structure
        Of the parts.
    records : sequence of RegionRecord
        The parts, in the same order.

    Returns
    -------
    Structure
        A value is unknown if that of any part is, or a volume. The rule is ``mixed``
        if those of the parts differ.
    """
    if len(structures) == 1:
        return structures[0]
    volumes = [record.volume_mm3 for record in records]
    rules = {structure.rule for structure in structures}
    types = sorted(
        {t for s in structures if s.cortical_type for t in s.cortical_type.split(";")}
    )
    density = _weighted([s.density_per_mm3 for s in structures], volumes)
    rule: DensityRule | None = None
    if density is not None:
        rule = rules.pop() if len(rules) == 1 else "mixed"
    return Structure(
        density_per_mm3=density,
        whole_density_per_mm3=_weighted(
            [s.whole_density_per_mm3 for s in structures], volumes
        ),
        rule=rule,
        thickness_mm=_weighted([s.thickness_mm for s in structures], volumes),
        cortical_type=";".join(types) or None,
    )


def _weighted(
    values: Sequence[float | None], volumes: Sequence[float | None]
) -> float | None:
    """Return the mean of values weighted by volume; None if anything is unknown."""
    total = total_mm3 = 0.0
    for value, volume_mm3 in zip(values, volumes, strict=True):
        if value is None or volume_mm3 is None:
            return None
        total += value * volume_mm3
        total_mm3 += volume_mm3
    return total / total_mm3


def _kept_share(layers: Sequence[LayerRecord], left_out: frozenset[str]) -> float:
    """Return which share of the cells is in layers that are not left out."""
    cells = {layer.layer: 0.0 for layer in layers}
    for layer in layers:
        cells[layer.layer] += layer.share * layer.cell_density_per_mm3
    kept = sum(number for layer, number in cells.items() if layer not in left_out)
    if not kept > 0:
        raise AtlasError(
            f"Without the layers {', '.join(sorted(left_out))} an area would have no "
            "cells."
        )
    return kept / sum(cells.values())
