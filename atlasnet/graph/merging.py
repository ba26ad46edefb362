# SPDX-License-Identifier: Apache-2.0
"""Merging: fewer, larger regions from the regions of a graph."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from atlasnet.errors import GraphError, closest
from atlasnet.graph.direction import Direction
from atlasnet.graph.graph import Presence, Projection, Region, RegionGraph
from atlasnet.signature import checked
from atlasnet.units import delay_ms

__all__ = ["merge_regions", "total", "weighted_centroid"]

_OPPOSITE: dict[Direction, Direction] = {
    "feedforward": "feedback",
    "feedback": "feedforward",
    "lateral": "lateral",
}


@checked(GraphError)
def merge_regions(
    graph: RegionGraph, groups: Mapping[str, Sequence[str]]
) -> RegionGraph:
    """Merge regions of a graph into larger ones.

    Parameters
    ----------
    graph : RegionGraph
        The graph.
    groups : mapping of str to sequence of str
        Regions of each new one, all of one hemisphere. Its name is a node's name and
        a hemisphere, e.g. ``"M1 left"``. Regions of no group stay as they are.

    Returns
    -------
    RegionGraph
        Volumes and cell counts of a group add up. A projection between groups has the
        streamlines of all projections between their regions, the mean length of
        these streamlines, and the class that most of them have; where two have
        equally many, it is lateral. Projections within a group are left out: they
        are the recurrence of its cell.

    Raises
    ------
    GraphError
        If a group is empty, a region is in two, in none of the graph, or of another
        hemisphere than the rest of its group.

    Examples
    --------
    >>> names = ("4a", "4p", "3a")
    >>> regions = [
    ...     Region(f"{n} left", "left", volume_mm3=10.0, cell_density_per_mm3=d,
    ...            cell_density_rule="table")
    ...     for n, d in zip(names, (10.0, 30.0, 50.0))
    ... ]
    >>> merged = merge_regions(
    ...     RegionGraph(regions), {"M1 left": ["4a left", "4p left"]}
    ... )
    >>> merged.names, merged.region("M1 left").cell_count
    (('3a left', 'M1 left'), 400.0)
    """
    group_of = _group_of(graph, groups)
    kept = [region for region in graph.regions if region.name not in group_of]
    merged = [
        _region(group, [graph.region(member) for member in members])
        for group, members in groups.items()
    ]
    bundles = _bundles(graph.projections, group_of)
    edges = [
        edges[0]
        if (source, target) == (edges[0].source, edges[0].target)
        else _projection(source, target, edges, bundles.get((target, source), []))
        for (source, target), edges in bundles.items()
    ]
    notes = [f"{name} = {' + '.join(members)}" for name, members in groups.items()]
    metadata = {**graph.metadata, "merged": notes}
    return RegionGraph([*kept, *merged], edges, metadata)


def _group_of(
    graph: RegionGraph, groups: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Return the group of every region that is in one, or refuse the groups."""
    group_of: dict[str, str] = {}
    for group, members in groups.items():
        if not members:
            raise GraphError(f"The group '{group}' is empty. Name its regions.")
        for member in members:
            if member not in graph:
                raise GraphError(
                    f"The group '{group}' names the region '{member}', which the graph "
                    f"lacks.{closest(member, graph.names)}"
                )
            if member in group_of:
                raise GraphError(
                    f"The region '{member}' is in two groups, '{group_of[member]}' and "
                    f"'{group}'."
                )
            group_of[member] = group
    return group_of


def _bundles(
    projections: Iterable[Projection], group_of: Mapping[str, str]
) -> dict[tuple[str, str], list[Projection]]:
    """Return the projections between groups by the groups that they join."""
    bundles: dict[tuple[str, str], list[Projection]] = {}
    for edge in projections:
        source = group_of.get(edge.source, edge.source)
        target = group_of.get(edge.target, edge.target)
        if source != target:
            bundles.setdefault((source, target), []).append(edge)
    return bundles


def _region(name: str, parts: Sequence[Region]) -> Region:
    """Return the region that some regions are together."""
    sides = {part.hemisphere for part in parts}
    if len(sides) > 1:
        raise GraphError(
            f"The group '{name}' has regions of both hemispheres. Make one group of "
            "each."
        )
    volumes = [part.volume_mm3 for part in parts]
    counts = [part.cell_count for part in parts]
    volume = total(volumes)
    count = total(counts)
    density = None if volume is None or count is None else count / volume
    rules = {part.cell_density_rule for part in parts}
    biggest = max(parts, key=lambda part: part.cell_count or 0.0)
    return Region(
        name=name,
        hemisphere=parts[0].hemisphere,
        julich_2_9=_joined(part.julich_2_9 for part in parts),
        julich_3_1=_joined(part.julich_3_1 for part in parts),
        siibra_ids=_joined(part.siibra_ids for part in parts),
        volume_mm3=volume,
        cell_density_per_mm3=density,
        cell_density_rule=(
            None if density is None else rules.pop() if len(rules) == 1 else "mixed"
        ),
        thickness_mm=_mean([part.thickness_mm for part in parts], volumes),
        centroid_mm=weighted_centroid([part.centroid_mm for part in parts], volumes),
        cortical_type=_in_words(part.cortical_type for part in parts),
        role=_in_words(part.role for part in parts),
        system=biggest.system,
        node=name.removesuffix(f" {parts[0].hemisphere}"),
    )


def _projection(
    source: str, target: str, edges: Sequence[Projection], back: Sequence[Projection]
) -> Projection:
    """Return the projection that some projections are together.

    Those of the opposite direction are counted with the opposite class, so that two
    groups never both project forward to each other.
    """
    votes: dict[Direction, float] = {}
    cast = [(edge.direction, edge.streamline_count) for edge in edges]
    cast += [(_OPPOSITE[edge.direction], edge.streamline_count) for edge in back]
    for direction, count in cast:
        votes[direction] = votes.get(direction, 0.0) + count
    ranked = sorted(votes.items(), key=lambda vote: vote[1], reverse=True)
    (first, n_first), *others = ranked
    is_tied = bool(others) and others[0][1] == n_first
    counts = [edge.streamline_count for edge in edges]
    length_mm = _mean([edge.length_mm for edge in edges], counts)
    return Projection(
        source=source,
        target=target,
        streamline_count=sum(counts),
        length_mm=length_mm,
        delay_ms=None if length_mm is None else delay_ms(length_mm),
        direction="lateral" if is_tied else first,
        direction_rule="merged",
        citation=_in_words(edge.citation for edge in edges),
        weight=total([edge.weight for edge in edges]),
        is_callosal=edges[0].is_callosal,
        presence=_presence([edge.presence for edge in edges]),
        is_weak=all(edge.is_weak for edge in edges),
        evidence_against=_in_words(edge.evidence_against for edge in edges),
    )


def _presence(parts: Sequence[Presence | None]) -> Presence | None:
    """Return why projections are in a graph together."""
    known = {part for part in parts if part is not None} - {"joining", "null_model"}
    if len(known) > 1:
        return "both"
    return next(iter(known), parts[0])


def total(values: Sequence[float | None]) -> float | None:
    """Return the sum, or None if a part is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _mean(
    values: Sequence[float | None], weights: Sequence[float | None]
) -> float | None:
    """Return the weighted mean of what is known, or None if nothing is."""
    pairs = [(v, w) for v, w in zip(values, weights, strict=True) if v and w]
    weight = sum(w for _, w in pairs)
    return sum(v * w for v, w in pairs) / weight if pairs else None


def weighted_centroid(
    centroids_mm: Sequence[tuple[float, float, float] | None],
    volumes_mm3: Sequence[float | None],
) -> tuple[float, float, float] | None:
    """Return the centroid of several volumes in mm, None if one is not known."""
    total_mm3 = total(volumes_mm3)
    if total_mm3 is None or None in centroids_mm:
        return None
    known: Any = list(zip(centroids_mm, volumes_mm3, strict=True))
    x, y, z = (sum(c[axis] * v for c, v in known) / total_mm3 for axis in range(3))
    return x, y, z


def _joined(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return all entries of some lists, each once."""
    return tuple(dict.fromkeys(entry for entries in lists for entry in entries))


def _in_words(values: Iterable[str | None]) -> str | None:
    """Return what is known, each once."""
    return "; ".join(dict.fromkeys(value for value in values if value)) or None
