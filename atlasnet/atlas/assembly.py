# SPDX-License-Identifier: Apache-2.0
"""Assemble a RegionGraph from an atlas source.

Rules, the same for single regions and for a preset's nodes:

- *Density*: the von Economo homologue where the node table has one for the region or
  for the node that it is part of, else surface overlap, else unknown.
- *Edges*: a pair that at least `min_streamline_count` streamlines join, in both
  directions; and the cited pathways, in the cited direction only, however few the
  streamlines. A claim about a node says less about its parts: where a region is only
  a part of a node, a cited pathway adds no edge and decides the direction of those
  that are there, and its citation says so.
- *Direction*: see :mod:`atlasnet.direction`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from atlasnet.atlas.catalogue import Catalogue, Member
from atlasnet.atlas.source import AtlasSource, Connections, PathwayRecord
from atlasnet.direction import decide_direction, structural_sln
from atlasnet.errors import AtlasError
from atlasnet.graph import DensityRule, Hemisphere, Projection, RegionGraph
from atlasnet.preset import load_preset
from atlasnet.units import CONDUCTION_VELOCITY_M_PER_S, delay_ms

__all__ = ["MIN_STREAMLINE_COUNT", "all_regions_graph", "build_graph", "preset_graph"]

MIN_STREAMLINE_COUNT = 100.0
"""Streamlines that make an edge, by default."""

Hemispheres = Literal["left", "right", "both"]


def build_graph(
    source: AtlasSource,
    names: Sequence[str],
    hemisphere: Hemispheres = "left",
    *,
    min_streamline_count: float = MIN_STREAMLINE_COUNT,
    cited: bool = True,
    doubtful: bool = False,
    density_rule: DensityRule = "homologue",
) -> RegionGraph:
    """Return the graph of some regions of Julich-Brain.

    Parameters
    ----------
    source : AtlasSource
        Where the data come from.
    names : sequence of str
        Regions, spelt as in Julich-Brain 2.9 or 3.1, e.g. ``"Area 4p (PreCG)"``.
    hemisphere : {"left", "right", "both"}, default="left"
        Hemisphere of the names that don't end in one.
    min_streamline_count : float, default=100
        Streamlines that make an edge.
    cited : bool, default=True
        Whether the cited pathways add edges and decide directions.
    doubtful : bool, default=False
        Whether cited pathways with doubtful support count too.
    density_rule : {"homologue", "surface_overlap"}, default="homologue"
        Whether homologues come before surface overlap, or overlap alone counts.

    Returns
    -------
    RegionGraph
        Nodes are named as in the connectome, e.g. ``"Area 4p (PreCG) left"``.

    Raises
    ------
    RegionNotFoundError
        If the atlas has no region of a name.
    IncompleteDataError
        If the connectome lacks a region, which 2.9 has not mapped.

    Examples
    --------
    >>> from atlasnet.atlas.snapshot import SnapshotSource
    >>> graph = build_graph(SnapshotSource(), ["Area 4p (PreCG)", "Area 3a (PostCG)"])
    >>> graph.region("Area 4p (PreCG) left").volume_mm3
    1547.0
    """
    catalogue = Catalogue(source, density_rule)
    wanted = dict.fromkeys(
        catalogue.find(n, side) for n, side in _sided(names, hemisphere)
    )
    if not wanted:
        raise AtlasError("A graph needs at least one region, got no name.")
    groups = [catalogue.single(name) for name in wanted]
    rule = _EdgeRule(min_streamline_count, cited, doubtful)
    options = {"hemisphere": hemisphere, "density_rule": density_rule}
    return _assemble(source, groups, rule, options)


def all_regions_graph(
    source: AtlasSource,
    hemisphere: Hemispheres = "both",
    *,
    min_streamline_count: float = MIN_STREAMLINE_COUNT,
    cited: bool = True,
    doubtful: bool = False,
    density_rule: DensityRule = "homologue",
) -> RegionGraph:
    """Return the graph of all regions of the connectome.

    Parameters
    ----------
    source : AtlasSource
        Where the data come from.
    hemisphere : {"left", "right", "both"}, default="both"
        Which of the 294 regions, 147 in each hemisphere.
    min_streamline_count : float, default=100
        Streamlines that make an edge.
    cited : bool, default=True
        Whether the cited pathways add edges and decide directions.
    doubtful : bool, default=False
        Whether cited pathways with doubtful support count too.
    density_rule : {"homologue", "surface_overlap"}, default="homologue"
        Whether homologues come before surface overlap, or overlap alone counts.

    Returns
    -------
    RegionGraph
        Some of its regions have no volume or density.
    """
    catalogue = Catalogue(source, density_rule)
    sides = _sides(hemisphere)
    groups = [
        catalogue.single(region.name)
        for region in source.regions()
        if region.connectome_row is not None and region.hemisphere in sides
    ]
    rule = _EdgeRule(min_streamline_count, cited, doubtful)
    options = {"hemisphere": hemisphere, "density_rule": density_rule}
    return _assemble(source, groups, rule, options)


def preset_graph(
    source: AtlasSource,
    preset: str = "fpn",
    hemisphere: Hemispheres = "left",
    *,
    blind: bool = False,
    min_streamline_count: float = MIN_STREAMLINE_COUNT,
    cited: bool = True,
    doubtful: bool = False,
    density_rule: DensityRule = "homologue",
) -> RegionGraph:
    """Return the graph of a preset.

    Parameters
    ----------
    source : AtlasSource
        Where the data come from.
    preset : str, default="fpn"
        Name of the preset.
    hemisphere : {"left", "right", "both"}, default="left"
        Hemisphere of its nodes.
    blind : bool, default=False
        Whether to leave out the nodes that the preset's blind model lacks.
    min_streamline_count : float, default=100
        Streamlines that make an edge; those of a node's parts are added up.
    cited : bool, default=True
        Whether the cited pathways add edges and decide directions.
    doubtful : bool, default=False
        Whether cited pathways with doubtful support count too.
    density_rule : {"homologue", "surface_overlap"}, default="homologue"
        Whether homologues come before surface overlap, or overlap alone counts.

    Returns
    -------
    RegionGraph
        Nodes are named as in the node table, e.g. ``"4p left"``.

    Raises
    ------
    AtlasError
        If there is no such preset.

    Examples
    --------
    >>> from atlasnet.atlas.snapshot import SnapshotSource
    >>> len(preset_graph(SnapshotSource(), blind=True))
    28
    """
    chosen = load_preset(preset)
    dropped = chosen.blind_without if blind else ()
    nodes = [node for node in chosen.nodes if node not in dropped]
    catalogue = Catalogue(source, density_rule)
    groups = [
        catalogue.composite(node, side) for side in _sides(hemisphere) for node in nodes
    ]
    rule = _EdgeRule(min_streamline_count, cited, doubtful)
    options: dict[str, str | bool] = {
        "hemisphere": hemisphere,
        "density_rule": density_rule,
        "preset": preset,
        "blind": blind,
    }
    return _assemble(source, groups, rule, options)


def _sides(hemisphere: str) -> tuple[Hemisphere, ...]:
    """Return the hemispheres meant by an option."""
    sides: dict[str, tuple[Hemisphere, ...]] = {
        "left": ("left",),
        "right": ("right",),
        "both": ("left", "right"),
    }
    if hemisphere not in sides:
        raise AtlasError(f"hemisphere is left, right or both, got '{hemisphere}'.")
    return sides[hemisphere]


def _sided(
    names: Iterable[str], hemisphere: str
) -> Iterable[tuple[str, Hemisphere | None]]:
    """Yield names with the hemisphere to append, None where the name ends in one."""
    sides = _sides(hemisphere)
    for name in names:
        if name.casefold().endswith((" left", " right")):
            yield name, None
        else:
            yield from ((name, side) for side in sides)


@dataclass(frozen=True, slots=True)
class _EdgeRule:
    """What makes an edge."""

    min_streamline_count: float
    cited: bool
    doubtful: bool

    def __post_init__(self) -> None:
        if not self.min_streamline_count > 0:
            raise AtlasError(
                "min_streamline_count is above 0, got "
                f"{self.min_streamline_count!r}; the cited pathways come on top."
            )

    def accepts(self, pathway: PathwayRecord) -> bool:
        """Return whether a cited pathway counts."""
        return self.cited and (self.doubtful or pathway.support != "doubtful")


def _assemble(
    source: AtlasSource,
    groups: Sequence[Member],
    rule: _EdgeRule,
    options: Mapping[str, str | bool],
) -> RegionGraph:
    """Return the graph of the groups."""
    counts, lengths_mm = _between(source.connections(), groups)
    pathways = {
        (pathway.source, pathway.target): pathway
        for pathway in source.pathways()
        if rule.accepts(pathway)
    }
    edges = [
        _project(groups[i], groups[j], counts[i, j], lengths_mm[i, j], pathways)
        for i, j in _pairs(groups, counts, rule.min_streamline_count, pathways)
    ]
    metadata = {
        **source.describe(),
        **options,
        "min_streamline_count": rule.min_streamline_count,
        "cited_pathways": rule.cited,
        "doubtful_pathways": rule.doubtful,
        "conduction_velocity_m_per_s": CONDUCTION_VELOCITY_M_PER_S,
    }
    return RegionGraph([group.region for group in groups], edges, metadata)


def _between(
    connections: Connections, groups: Sequence[Member]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the streamlines between groups, shape (n, n), and their mean lengths.

    Counts of parts add up; lengths are means over the parts' streamlines whose
    length is known, NaN where there is none.
    """
    count = connections.streamline_count
    membership = np.zeros((len(groups), len(count)))
    for i, group in enumerate(groups):
        membership[i, list(group.rows)] = 1.0
    has_length = ~np.isnan(connections.length_mm)
    weight = np.where(has_length, count, 0.0)
    summed_mm = weight * np.where(has_length, connections.length_mm, 0.0)
    total = membership @ count @ membership.T
    total_weight = membership @ weight @ membership.T
    with np.errstate(invalid="ignore"):
        length_mm = (membership @ summed_mm @ membership.T) / total_weight
    return total, length_mm


def _pairs(
    groups: Sequence[Member],
    counts: NDArray[np.float64],
    min_streamline_count: float,
    pathways: Mapping[tuple[str, str], PathwayRecord],
) -> set[tuple[int, int]]:
    """Return the directed pairs of groups that an edge joins."""
    strong = counts >= min_streamline_count
    np.fill_diagonal(strong, val=False)
    pairs = {(int(i), int(j)) for i, j in zip(*np.nonzero(strong), strict=True)}
    index_of = {
        (group.region.node, group.region.hemisphere): i
        for i, group in enumerate(groups)
        if group.is_whole_node
    }
    for source, target in pathways:
        for side in ("left", "right"):
            i, j = index_of.get((source, side)), index_of.get((target, side))
            if i is not None and j is not None:
                pairs.add((i, j))
    return pairs


def _project(
    source: Member,
    target: Member,
    count: float,
    length_mm: float,
    pathways: Mapping[tuple[str, str], PathwayRecord],
) -> Projection:
    """Return the projection from one group to another."""
    a, b = source.region, target.region
    cited = opposite = None
    if a.hemisphere == b.hemisphere and a.node is not None and b.node is not None:
        cited = pathways.get((a.node, b.node))
        opposite = pathways.get((b.node, a.node))
    sln = None
    if a.cell_density_per_mm3 is not None and b.cell_density_per_mm3 is not None:
        sln = structural_sln(a.cell_density_per_mm3, b.cell_density_per_mm3)
    decision = decide_direction(
        cited.direction if cited else None,
        opposite.direction if opposite else None,
        sln,
    )
    citation = None
    if cited is not None:
        citation = _cite(cited) + _part_note(source, target)
    elif decision.is_contradicted and opposite is not None:
        citation = f"opposite pathway: {_cite(opposite)}" + _part_note(source, target)
    length = None if np.isnan(length_mm) else float(length_mm)
    return Projection(
        source=a.name,
        target=b.name,
        streamline_count=float(count),
        length_mm=length,
        delay_ms=None if length is None else delay_ms(length),
        direction=decision.direction,
        direction_rule=decision.rule,
        sln=sln,
        citation=citation,
    )


def _cite(pathway: PathwayRecord) -> str:
    """Return a citation with its doi."""
    return pathway.citation + (f", doi:{pathway.doi}" if pathway.doi else "")


def _part_note(source: Member, target: Member) -> str:
    """Return a note on which ends are only parts of the nodes that a citation names."""
    parts = [
        f"{group.region.name} as part of {group.region.node}"
        for group in (source, target)
        if not group.is_whole_node
    ]
    return f" ({', '.join(parts)})" if parts else ""
