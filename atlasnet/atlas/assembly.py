# SPDX-License-Identifier: Apache-2.0
"""Assemble a RegionGraph from an atlas source.

Rules, the same for single regions and for a preset's nodes:

- *Density*: the von Economo homologue where the node table has one for the region or
  for the node that it is part of, else surface overlap, else unknown.
- *Edges*: a pair that at least `min_streamline_count` streamlines join, in both
  directions unless the connectome tells them apart; and the cited pathways, in the
  cited direction only, however few the streamlines. A claim about a node says less
  about its parts: where a region is only a part of a node, a cited pathway adds no edge
  and decides the direction of those that are there, and its citation says so.
- *Evidence against*: a pathway that the literature denies, or whose citation is
  doubtful, is no edge, however many the streamlines; one that it calls weak is an edge
  where streamlines make it one, and its weight is no more than the least of the other
  edges; see :mod:`atlasnet.atlas.claims`.
- *Direction*: see :mod:`atlasnet.graph.direction`.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from atlasnet.atlas.catalogue import Catalogue, Member, require_disjoint
from atlasnet.atlas.claims import (
    Claims,
    Pair,
    cited_pairs,
    pairs_against,
    table_claims,
)
from atlasnet.atlas.edge_set import select_edges
from atlasnet.atlas.edges import StreamlineThreshold, count_components
from atlasnet.atlas.expectation import ExpectedDirections, with_direction_model
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.selection import Hemispheres, choose, sides_of
from atlasnet.atlas.source import AtlasSource, Connections, PathwayRecord
from atlasnet.errors import AtlasError
from atlasnet.graph.direction import decide, structural_sln
from atlasnet.graph.graph import Metadata, Projection, RegionGraph
from atlasnet.graph.merging import merge_regions
from atlasnet.graph.order import break_cycles
from atlasnet.graph.preset import Preset, load_preset
from atlasnet.signature import checked
from atlasnet.units import CONDUCTION_VELOCITY_M_PER_S, delay_ms

__all__ = [
    "all_regions_graph",
    "build_graph",
    "preset_graph",
]

Matrix = NDArray[np.float64]


@checked(AtlasError)
def build_graph(
    source: AtlasSource,
    names: Sequence[str],
    hemisphere: Hemispheres = "left",
    *,
    rules: GraphRules | None = None,
    **options: Any,
) -> RegionGraph:
    """Return the graph of some regions.

    Parameters
    ----------
    source : AtlasSource
        Where the data come from.
    names : sequence of str
        Regions by name, e.g. ``"Area 4p (PreCG)"``, by an unambiguous part of a name,
        ``"4p"``, by parent, ``"superior parietal lobule"``, as a node of the hand
        network, ``"AIP"``, or as a composite, ``"AIP = hIP1 + hIP2"``; see
        :mod:`atlasnet.atlas.catalogue`.
    hemisphere : {"left", "right", "both"}, default="left"
        Hemisphere of the names that don't end in one.
    rules : GraphRules, optional
        What makes an edge, a direction and a density.
    **options
        Or some of its fields, e.g. ``min_streamline_count=50``, ``cited=False``.

    Returns
    -------
    RegionGraph
        Nodes are named as in the connectome, e.g. ``"Area 4p (PreCG) left"``. The
        metadata say what decided, what was left out, whether the graph holds
        together, and as ``remarks`` if no weight can make an edge.

    Raises
    ------
    RegionNotFoundError
        If the atlas has no region of a name.
    AmbiguousNameError
        If a part of a name is that of several regions.
    IncompleteDataError
        If the connectome lacks a region.

    Examples
    --------
    >>> from atlasnet.atlas.sources.snapshot import SnapshotSource
    >>> graph = build_graph(SnapshotSource(), ["Area 4p (PreCG)", "Area 3a (PostCG)"])
    >>> graph.region("Area 4p (PreCG) left").volume_mm3
    1547.0
    """
    chosen = GraphRules.chosen(rules, options)
    catalogue = Catalogue(source, chosen)
    members = choose(catalogue, names, hemisphere)
    if not members:
        raise AtlasError("A graph needs at least one region, got no name.")
    about = {"hemisphere": hemisphere, "selection": sorted(names)}
    return _assemble(source, catalogue, members, chosen, about)


@checked(AtlasError)
def all_regions_graph(
    source: AtlasSource,
    hemisphere: Hemispheres = "both",
    *,
    rules: GraphRules | None = None,
    **options: Any,
) -> RegionGraph:
    """Return the graph of all regions of the connectome.

    Parameters
    ----------
    source : AtlasSource
        Where the data come from.
    hemisphere : {"left", "right", "both"}, default="both"
        Which of the 294 regions, 147 in each hemisphere.
    rules : GraphRules, optional
        What makes an edge, a direction and a density.
    **options
        Or some of its fields, e.g. ``min_streamline_count=50``, ``cited=False``.

    Returns
    -------
    RegionGraph
        Some of its regions have no volume or density.
    """
    chosen = GraphRules.chosen(rules, options)
    catalogue = Catalogue(source, chosen)
    sides = sides_of(hemisphere)
    members = [
        catalogue.single(record.name)
        for record in catalogue.connected()
        if record.hemisphere in sides
    ]
    about = {"hemisphere": hemisphere, "selection": "all regions"}
    return _assemble(source, catalogue, members, chosen, about)


@checked(AtlasError)
def preset_graph(
    source: AtlasSource,
    preset: str = "fpn",
    hemisphere: Hemispheres = "left",
    *,
    blind: bool = True,
    also: Sequence[str] = (),
    rules: GraphRules | None = None,
    **options: Any,
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
    blind : bool, default=True
        Whether to leave out the nodes that the preset's blind model lacks, as the
        commands do; ``False`` keeps the visual areas.
    also : sequence of str, optional
        Regions beside the preset's, as `build_graph` takes them, e.g.
        ``"MCC (stand-in)"``.
    rules : GraphRules, optional
        What makes an edge, a direction and a density.
    **options
        Or some of its fields, e.g. ``min_streamline_count=50``, ``cited=False``.

    Returns
    -------
    RegionGraph
        Nodes are named as in the node table, e.g. ``"4p left"``, or by the preset's
        groups if it merges them.

    Raises
    ------
    AtlasError
        If there is no such preset.

    Examples
    --------
    >>> from atlasnet.atlas.sources.snapshot import SnapshotSource
    >>> source = SnapshotSource()
    >>> len(preset_graph(source)), len(preset_graph(source, blind=False))
    (28, 35)
    """
    recipe = load_preset(preset)
    nodes = [n for n in recipe.nodes if not blind or n not in recipe.blind_without]
    chosen = GraphRules.chosen(rules, options)
    catalogue = Catalogue(source, chosen)
    sides = sides_of(hemisphere)
    members = [catalogue.composite(node, side) for side in sides for node in nodes]
    beside = [*dict.fromkeys([*recipe.also, *also])]
    members += choose(catalogue, beside, hemisphere)
    about: Metadata = {"hemisphere": hemisphere, "preset": preset, "blind": blind}
    if beside:
        about = {**about, "also": sorted(beside)}
    graph = _assemble(source, catalogue, members, chosen, about)
    return _grouped(graph, recipe, hemisphere)


def _grouped(graph: RegionGraph, recipe: Preset, hemisphere: str) -> RegionGraph:
    """Return a preset's graph with the nodes of its groups merged."""
    if not recipe.groups:
        return graph
    return merge_regions(
        graph,
        {
            f"{group} {side}": [f"{part} {side}" for part in parts]
            for side in sides_of(hemisphere)
            for group, parts in recipe.groups.items()
        },
    )


def _assemble(
    source: AtlasSource,
    catalogue: Catalogue,
    members: Sequence[Member],
    rules: GraphRules,
    options: Metadata,
) -> RegionGraph:
    """Return the graph of the members."""
    rules = with_direction_model(source, catalogue, rules)
    members = sorted(members, key=lambda member: member.region.name)
    require_disjoint(members, "a graph")
    counts, lengths_mm, total_input = _between(source.connections(), members)
    cited = cited_pairs(source, members, rules)
    against = pairs_against(source, members, rules)
    chosen = select_edges(members, rules, (counts, total_input), cited, against)
    mask = chosen.mask
    table = table_claims(members, rules)
    claims = Claims(members, cited, table)
    model = ExpectedDirections(source, catalogue, rules)
    measured = zip(
        np.argwhere(mask).tolist(),
        counts[mask].tolist(),
        lengths_mm[mask].tolist(),
        chosen.weights(rules, counts, total_input),
        strict=True,
    )
    edges = [
        replace(
            _project(members, claims, model, (i, j), *values),
            presence=chosen.presence((i, j)),
            is_weak=(i, j) in chosen.weak,
            evidence_against=_reference(chosen.weak.get((i, j))),
        )
        for (i, j), *values in measured
    ]
    names = [member.region.name for member in members]
    joined = np.any(mask | mask.T, axis=1)
    _, closing = break_cycles(e for e in edges if e.direction == "feedforward")
    metadata: Metadata = {
        **source.describe(),
        **options,
        **rules.describe(),
        "conduction_velocity_m_per_s": CONDUCTION_VELOCITY_M_PER_S,
        "n_components": count_components(mask) if len(members) else 0,
        "isolated_regions": [
            n for n, is_in in zip(names, joined.tolist(), strict=True) if not is_in
        ],
        "edges_that_join_components": [
            f"{names[i]} - {names[j]}" for i, j in chosen.joining
        ],
        "closing_cycles": [f"{e.source} -> {e.target}" for e in closing],
        "left_out_pathways": [
            f"{names[i]} -> {names[j]}: {pathway.support} ({pathway.reference})"
            for (i, j), pathway in sorted(chosen.left_out.items())
        ],
        "direction_table_unused": [
            f"{names[i]} -> {names[j]}" for i, j in table if not mask[i, j]
        ],
        "synonyms": list(dict.fromkeys(catalogue.synonyms)),
        "composites": [member.note for member in members if member.note],
        "left_out_without_connections": sorted(set(catalogue.left_out)),
        **({} if mask.any() else _remarks(source.connections(), rules)),
    }
    return RegionGraph([member.region for member in members], edges, metadata)


def _reference(pathway: PathwayRecord | None) -> str | None:
    """Return where a pathway is from, None for none."""
    return None if pathway is None else pathway.reference


def _remarks(connections: Connections, rules: GraphRules) -> Metadata:
    """Return what to say of a threshold in other units than a connectome's weights."""
    if not isinstance(rules.edges, StreamlineThreshold):
        return {}
    threshold = rules.edges.min_streamline_count
    weights = connections.streamline_count
    largest = float(weights[~np.eye(len(weights), dtype=bool)].max(initial=0.0))
    if not (math.isfinite(threshold) and 0.0 < largest < threshold):
        return {}
    remark = (
        f"No projection: the largest weight of the connectome is {largest:g}, and none "
        f"reaches the {threshold:g} that make an edge. Say what makes one of such "
        "weights: edges density=0.2 (the strongest fifth of all pairs), share=0.01 (of "
        f"a region's input) or streamlines={largest / 10:.2g} (so much weight)"
    )
    return {"remarks": [remark]}


def _between(
    connections: Connections, members: Sequence[Member]
) -> tuple[Matrix, Matrix, Matrix]:
    """Return the streamlines between members, and their lengths and total input.

    Counts of parts add up; lengths are means over the parts' streamlines whose length
    is known, NaN where there is none. Both have shape (n, n). The total input, shape
    (n,), is what joins a member with the atlas outside it.
    """
    count = connections.streamline_count
    ends = [(i, row) for i, member in enumerate(members) for row in member.rows]
    shape = (len(members), len(count))
    i_members, rows = np.array(ends, dtype=int).reshape(-1, 2).T
    membership = csr_array((np.ones(len(ends)), (i_members, rows)), shape=shape)
    has_length = ~np.isnan(connections.length_mm)
    weight = np.where(has_length, count, 0.0)
    summed_mm = weight * np.where(has_length, connections.length_mm, 0.0)
    total, total_weight, total_mm = (
        _add_up(membership, values) for values in (count, weight, summed_mm)
    )
    with np.errstate(invalid="ignore"):
        length_mm = total_mm / total_weight
    total_input = membership @ count.sum(axis=0) - np.diagonal(total)
    np.fill_diagonal(total, val=0.0)
    return total, length_mm, total_input


def _add_up(membership: csr_array, values: Matrix) -> Matrix:
    """Return sums between members; exactly symmetric if the values are."""
    total: Matrix = (membership @ (membership @ values).T).T
    is_symmetric = np.array_equal(values, values.T)
    return (total + total.T) / 2.0 if is_symmetric else total


def _project(
    members: Sequence[Member],
    claims: Claims,
    model: ExpectedDirections,
    pair: Pair,
    count: float,
    length_mm: float,
    weight: float | None,
) -> Projection:
    """Return the projection from one member to another."""
    i, j = pair
    source, target = members[i], members[j]
    sln = None
    if source.whole_density_per_mm3 and target.whole_density_per_mm3:
        sln = structural_sln(source.whole_density_per_mm3, target.whole_density_per_mm3)
    claim, opposite = claims.of(i, j), claims.of(j, i)
    expected, probability = model.of(source, target, sln)
    decision = decide(
        claim[0] if claim else None,
        opposite[0] if opposite else None,
        expected,
        model.rule,
    )
    if decision.rule != "hierarchy":
        probability = None
    citation = claim[1] if claim else None
    if decision.is_contradicted and opposite is not None:
        citation = f"opposite pathway: {opposite[1]}"
    length = None if math.isnan(length_mm) else length_mm
    return Projection(
        source=source.region.name,
        target=target.region.name,
        streamline_count=count,
        length_mm=length,
        delay_ms=None if length is None else delay_ms(length),
        direction=decision.direction,
        direction_rule=decision.rule,
        sln=sln,
        direction_probability=probability,
        citation=citation,
        weight=weight,
        is_callosal=source.region.hemisphere != target.region.hemisphere,
    )
