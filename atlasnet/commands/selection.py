# SPDX-License-Identifier: Apache-2.0
"""Selection: which regions a command's graph has, and the atlas that they are of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from pydantic import NonNegativeInt

from atlasnet.atlas.assembly import all_regions_graph, build_graph, preset_graph
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.selection import Hemispheres, strongest_neighbours
from atlasnet.atlas.source import AtlasSource
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.atlas.sources.table_source import FillRule, TableSource
from atlasnet.commands.options import given_flags
from atlasnet.frozen import Flag, Frozen
from atlasnet.graph.graph import RegionGraph

__all__ = ["Atlas", "Selection", "Snapshot"]


_ONLY_WITH: Mapping[str, tuple[str, ...]] = {
    "regions": ("--no-blind",),
    "preset": ("--neighbours", "--complete"),
    "all": ("--also", "--neighbours", "--complete", "--no-blind"),
}
"""Options that mean nothing, by the way of selecting regions."""


class Selection(Frozen):
    """Which regions a graph has."""

    regions: Annotated[tuple[str, ...], Flag(metavar="NAME...")] = ()
    """Regions by name, part of a name, parent, node, or composite, such as 4p,
    "superior parietal lobule" or "AIP = hIP1 + hIP2"."""
    preset: Annotated[str | None, Flag(metavar="NAME")] = None
    """A preset, such as fpn."""
    all_regions: Annotated[bool, Flag("--all")] = False
    """All regions of the connectome."""
    also: Annotated[tuple[str, ...], Flag(metavar="NAME...")] = ()
    """Regions beside these, such as "MCC (stand-in)"."""
    blind: bool = True
    """Leave out the preset's visual areas: a pose replaces pixels."""
    neighbours: NonNegativeInt = 0
    """Strongest neighbours of the regions to add."""
    complete: bool = False
    """Neighbours with volume and density only."""
    hemisphere: Hemispheres = "left"
    """Side of the regions."""

    def require_one(self, **others: object) -> None:
        """Refuse what is no selection, or several, or options that it has no use for.

        Parameters
        ----------
        **others : object
            What else may be given in place of a selection, by the name of its option.

        Raises
        ------
        typer.BadParameter
            If not exactly one is given, or an option that is for another one.
        """
        ways: dict[str, object] = {
            "regions": self.regions,
            "preset": self.preset,
            "all": self.all_regions,
            **others,
        }
        if sum(bool(way) for way in ways.values()) != 1:
            *first, last = (f"--{name}" for name in ways)
            raise typer.BadParameter(f"give one of {', '.join(first)} and {last}.")
        way = next(name for name, value in ways.items() if value)
        idle = [f for f in given_flags(self) if f in _ONLY_WITH.get(way, ())]
        if self.complete and not self.neighbours:
            idle.append("--complete (without --neighbours)")
        if idle:
            raise typer.BadParameter(
                f"--{way} has no use for {', '.join(dict.fromkeys(idle))}: leave out "
                "what is for another selection."
            )

    def graph(self, source: AtlasSource, rules: GraphRules) -> RegionGraph:
        """Return the graph of the regions.

        Parameters
        ----------
        source : AtlasSource
            The atlas.
        rules : GraphRules
            How it becomes a graph.
        """
        side = self.hemisphere
        if self.preset is not None:
            return preset_graph(
                source, self.preset, side, blind=self.blind, also=self.also, rules=rules
            )
        if self.all_regions:
            return all_regions_graph(source, side, rules=rules)
        names: tuple[str, ...] = (*self.regions, *self.also)
        if self.neighbours:
            names = strongest_neighbours(
                source, names, self.neighbours, side, complete=self.complete
            )
        return build_graph(source, names, side, rules=rules)


class Snapshot(Frozen):
    """Which snapshot of the atlas."""

    snapshot: Annotated[Path | None, Flag(metavar="PATH")] = None
    """Folder or file of another atlas snapshot than the one shipped."""

    def open(self) -> AtlasSource:
        """Return the atlas."""
        return SnapshotSource(self.snapshot)


class Atlas(Snapshot):
    """A snapshot of the atlas, or an atlas of your own."""

    label_image: Annotated[Path | None, Flag(metavar="NII")] = None
    """Your atlas: its label image, unless the label table states volumes."""
    label_table: Annotated[Path | None, Flag(metavar="CSV")] = None
    """Your atlas: names of labels; volumes and densities, if it has them."""
    connectivity: Annotated[Path | None, Flag(metavar="FILE")] = None
    """Your atlas: matrix (text) or connectivity.zip."""
    lengths: Annotated[Path | None, Flag(metavar="CSV")] = None
    """Your atlas: lengths in mm."""
    densities: Annotated[Path | None, Flag(metavar="CSV")] = None
    """Your atlas: cell densities."""
    fill: FillRule | None = None
    """Your atlas: what stands for missing densities."""
    directed: bool = False
    """Your atlas: its matrix differs by direction."""

    def open(self) -> AtlasSource:
        """Return the atlas.

        Raises
        ------
        typer.BadParameter
            If both are given, or a file that it takes is missing.
        """
        fields = Atlas.model_fields.keys() - {"snapshot"}
        own = self.model_dump(include=set(fields), exclude_defaults=True)
        if not own:
            return super().open()
        if self.snapshot is not None:
            raise typer.BadParameter(
                "give either --snapshot or files of your own atlas."
            )
        if not {"label_table", "connectivity"} <= own.keys():
            raise typer.BadParameter(
                "your own atlas needs --label-table and --connectivity, and "
                "--label-image unless the table has a column volume_mm3."
            )
        return TableSource(
            own.pop("label_image", None),
            symmetric=not own.pop("directed", False),
            **own,
        )
