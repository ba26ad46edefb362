# SPDX-License-Identifier: Apache-2.0
"""Rewiring: other ends for the projections of a graph.

Projections of one kind exchange their targets, a->b and c->d become a->d and c->b, so
that as many leave and enter every region as before (Maslov & Sneppen 2002, Science
296:910). A kind is a direction class and the hemispheres of both ends. No loop and no
double is made. What is kept beside the degrees, a rule on the swaps decides.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasnet.errors import GraphError
from atlasnet.graph.graph import Projection, RegionGraph

__all__ = [
    "distances_mm",
    "moved",
    "rewire",
    "rewire_by_distance",
    "rewire_by_strength",
    "rewire_pairs",
    "strength_of",
]

End = tuple[str, str]

_TRIES_PER_EDGE = 300
"""Swaps that are tried for a projection: of a graph in which half of all pairs are
joined one in ten succeeds, and more change nothing."""
_N_BINS = 10
_SAMPLING = 1.7
"""By how many projections, over the root of their number, two samples of one
distribution differ in ten equal bins: half of 10 times the mean of the absolute
difference of two counts, sqrt(2 / pi) sqrt(2 n 0.1 0.9)."""


def rewire(graph: RegionGraph, rng: np.random.Generator) -> RegionGraph:
    """Exchange targets; each direction of a pair goes its own way.

    Parameters
    ----------
    graph : RegionGraph
        The graph.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    RegionGraph
        Measurements stay with the source and the class.
    """
    swaps = _Swaps(graph, rng)
    swaps.make(lambda _old, _new: True)
    return _with_ends(graph, swaps.ends)


def rewire_pairs(graph: RegionGraph, rng: np.random.Generator) -> RegionGraph:
    """Exchange the second ends of pairs, both directions of a pair together.

    Parameters
    ----------
    graph : RegionGraph
        The graph.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    RegionGraph
        As many pairs are joined both ways as before, each with its two classes and its
        measurements.
    """
    pairs = _pairs(graph)
    taken = {frozenset((pair.first, pair.second)) for pair in pairs}
    kinds: dict[object, list[int]] = {}
    side = {region.name: region.hemisphere for region in graph.regions}
    for i, pair in enumerate(pairs):
        kind = pair.kind, side[pair.first], side[pair.second]
        kinds.setdefault(kind, []).append(i)
    for members in kinds.values():
        n_tries = _TRIES_PER_EDGE * len(members) if len(members) > 1 else 0
        drawn = rng.integers(len(members), size=(n_tries, 2)).tolist()
        for first, second in drawn:
            one, other = pairs[members[first]], pairs[members[second]]
            new = (one.first, other.second), (other.first, one.second)
            made = [frozenset(ends) for ends in new]
            if any(len(ends) < 2 or ends in taken for ends in made):
                continue
            taken -= {frozenset((p.first, p.second)) for p in (one, other)}
            taken |= set(made)
            pairs[members[first]] = replace(one, second=other.second)
            pairs[members[second]] = replace(other, second=one.second)
    ends = dict(end for pair in pairs for end in pair.ends())
    return _with_ends(graph, [ends[i] for i in range(len(graph.projections))])


def rewire_by_distance(graph: RegionGraph, rng: np.random.Generator) -> RegionGraph:
    """Exchange targets so that distances are distributed as before.

    A swap may change the distances of both projections, as long as no more lie in
    another of ten bins than before than of two samples of one distribution do. Betzel &
    Bassett 2018 (PNAS 115:E4880) keep each projection in its bin: in a graph as dense
    as that of the hand, hardly a swap does. Measurements follow the distance: of the
    projections that moved, the longest takes what the longest had.

    Parameters
    ----------
    graph : RegionGraph
        The graph; every region has its centroid.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    RegionGraph
        With the same degrees by class.
    """
    distance = distances_mm(graph)
    swaps = _Swaps(graph, rng)
    old = [distance[end] for end in swaps.ends]
    if not old:
        return graph
    limits = np.quantile(old, np.linspace(0, 1, _N_BINS + 1)[1:-1])
    bin_of = {end: int(np.searchsorted(limits, d)) for end, d in distance.items()}
    excess = np.zeros(_N_BINS, np.int64)  # projections of a bin beyond those of before
    # One projection too many is one too few elsewhere.
    most = 2.0 * _SAMPLING * math.sqrt(len(old))

    def keeps(before: Sequence[End], after: Sequence[End]) -> bool:
        bins = [bin_of[end] for end in (*before, *after)]
        for k, change in zip(bins, (-1, -1, 1, 1), strict=True):
            excess[k] += change
        if np.abs(excess).sum() <= most:
            return True
        for k, change in zip(bins, (-1, -1, 1, 1), strict=True):
            excess[k] -= change
        return False

    swaps.make(keeps)
    edges = graph.projections
    moved = [i for i, e in enumerate(edges) if (e.source, e.target) != swaps.ends[i]]
    by_old = sorted(moved, key=lambda i: old[i])
    by_new = sorted(moved, key=lambda i: distance[swaps.ends[i]])
    dealt = {to: edges[of] for of, to in zip(by_old, by_new, strict=True)}
    return _with_ends(graph, swaps.ends, dealt)


def rewire_by_strength(graph: RegionGraph, rng: np.random.Generator) -> RegionGraph:
    """Exchange targets, then deal strengths so that each region's sums are as before.

    Strengths are dealt after Rubinov & Sporns 2011 (NeuroImage 56:2068): of the
    projections that have none yet, one is drawn, and takes that of the remaining
    strengths whose rank is the rank of what its ends still lack, out times in. What an
    end lacks is shared among its projections that have none, which theirs, made for
    graphs in which all pairs are joined, do not need.

    Parameters
    ----------
    graph : RegionGraph
        The graph.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    RegionGraph
        With the same degrees by class, and nearly the same strengths.
    """
    swaps = _Swaps(graph, rng)
    swaps.make(lambda _old, _new: True)
    edges = graph.projections
    index = {name: i for i, name in enumerate(graph.names)}
    out = np.zeros(len(index))
    into = np.zeros(len(index))
    for edge in edges:
        out[index[edge.source]] += edge.strength
        into[index[edge.target]] += edge.strength
    sources = np.array([index[s] for s, _ in swaps.ends], np.int64)
    targets = np.array([index[t] for _, t in swaps.ends], np.int64)
    open_edges = np.arange(len(edges))
    offered = sorted(range(len(edges)), key=lambda i: edges[i].strength)
    dealt: dict[int, Projection] = {}
    n_at_once = max(1, len(edges) // _ROUNDS)
    while len(open_edges):
        lacking = _lacking(out, sources[open_edges]) * _lacking(
            into, targets[open_edges]
        )
        by_rank = open_edges[np.argsort(lacking, kind="stable")]
        drawn = np.sort(rng.permutation(len(by_rank))[:n_at_once])
        for rank in drawn[::-1].tolist():
            to, of = int(by_rank[rank]), offered.pop(rank)
            dealt[to] = edges[of]
            out[sources[to]] -= edges[of].strength
            into[targets[to]] -= edges[of].strength
        open_edges = np.setdiff1d(open_edges, by_rank[drawn])
    return _with_ends(graph, swaps.ends, dealt)


def _lacking(
    total: NDArray[np.float64], ends: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return what each projection's end lacks, shared among its open projections."""
    n_open = np.bincount(ends, minlength=len(total))
    lacking: NDArray[np.float64] = np.maximum(total, 0.0)[ends] / n_open[ends]
    return lacking


_ROUNDS = 500
"""Ranks are found anew so often at most; Rubinov & Sporns' default is ten times."""


class _Swaps:
    """The ends of a graph's projections, and swaps between those of one kind."""

    def __init__(self, graph: RegionGraph, rng: np.random.Generator) -> None:
        side = {region.name: region.hemisphere for region in graph.regions}
        self.ends: list[End] = [(e.source, e.target) for e in graph.projections]
        self._taken = set(self.ends)
        self._rng = rng
        self._kinds: dict[object, list[int]] = {}
        for i, edge in enumerate(graph.projections):
            kind = edge.direction, side[edge.source], side[edge.target]
            self._kinds.setdefault(kind, []).append(i)

    def make(self, is_wanted: Callable[[Sequence[End], Sequence[End]], bool]) -> None:
        """Try swaps; those are made that the rule wants, told old and new ends."""
        ends, taken = self.ends, self._taken
        for members in self._kinds.values():
            if len(members) < 2:
                continue
            n_tries = _TRIES_PER_EDGE * len(members)
            drawn = self._rng.integers(len(members), size=(n_tries, 2)).tolist()
            for first, second in drawn:
                i, k = members[first], members[second]
                (a, b), (c, d) = ends[i], ends[k]
                new: tuple[End, End] = (a, d), (c, b)
                if a == d or c == b or new[0] in taken or new[1] in taken:
                    continue
                if not is_wanted((ends[i], ends[k]), new):
                    continue
                taken -= {ends[i], ends[k]}
                ends[i], ends[k] = new
                taken |= set(new)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two regions, and the projections between them."""

    first: str
    second: str
    there: int | None
    """Which projection leads from the first to the second."""
    back: int | None
    """Which leads back."""
    kind: tuple[str, str]
    """Their classes."""

    def ends(self) -> list[tuple[int, End]]:
        """Return the projections and their ends."""
        found: list[tuple[int, End]] = []
        if self.there is not None:
            found.append((self.there, (self.first, self.second)))
        if self.back is not None:
            found.append((self.back, (self.second, self.first)))
        return found


def _pairs(graph: RegionGraph) -> list[_Pair]:
    """Return the joined pairs; of both directions the lesser class comes first."""
    number = {(e.source, e.target): i for i, e in enumerate(graph.projections)}
    pairs = []
    for (a, b), i in number.items():
        back = number.get((b, a))
        there_class = graph.projections[i].direction
        back_class = "" if back is None else graph.projections[back].direction
        is_first = back is None or (there_class, i) < (back_class, back)
        if is_first:
            pairs.append(_Pair(a, b, i, back, (there_class, back_class)))
    return pairs


def distances_mm(graph: RegionGraph) -> dict[End, float]:
    """Return the straight distances between all regions' centroids, mm.

    Raises
    ------
    GraphError
        If a region has no centroid.
    """
    lacking = [region.name for region in graph.regions if region.centroid_mm is None]
    if lacking:
        raise GraphError(
            f"Distances need the centroid of every region, '{lacking[0]}' has none."
        )
    points: NDArray[np.float64] = np.array([r.centroid_mm for r in graph.regions])
    found = np.linalg.norm(points[:, None] - points[None], axis=-1)
    names = graph.names
    return {
        (names[i], names[k]): float(found[i, k])
        for i in range(len(names))
        for k in range(len(names))
        if i != k
    }


def moved(edge: Projection, source: str, target: str) -> Projection:
    """Return a projection between other regions, of which no literature speaks.

    Parameters
    ----------
    edge : Projection
        The projection.
    source, target : str
        Its regions from now on.

    Returns
    -------
    Projection
        With its measurements and class; what was said about the pair that it joined
        is gone.
    """
    return replace(
        edge,
        source=source,
        target=target,
        direction_rule="null_model",
        direction_probability=None,
        sln=None,
        citation=None,
        presence="null_model",
        **strength_of(edge, source, target),
    )


def strength_of(edge: Projection, source: str, target: str) -> dict[str, Any]:
    """Return how strong a projection is, for one between other regions.

    Parameters
    ----------
    edge : Projection
        The projection whose strength it is.
    source, target : str
        Regions of the projection that takes it.

    Returns
    -------
    dict of str to Any
        Fields of the other. Weakness is part of the strength; the evidence for it
        says of which pathway it is.
    """
    evidence = edge.evidence_against
    if evidence is not None and (edge.source, edge.target) != (source, target):
        evidence = f"of {edge.source} -> {edge.target}: {evidence}"
    return {
        "streamline_count": edge.streamline_count,
        "weight": edge.weight,
        "is_weak": edge.is_weak,
        "evidence_against": evidence,
    }


def _with_ends(
    graph: RegionGraph, ends: Sequence[End], dealt: dict[int, Projection] | None = None
) -> RegionGraph:
    """Return a graph whose projections have other ends, and maybe measurements."""
    edges = []
    for i, (edge, (source, target)) in enumerate(
        zip(graph.projections, ends, strict=True)
    ):
        made = edge
        if (edge.source, edge.target) != (source, target):
            made = moved(edge, source, target)
        if dealt and i in dealt:
            of = dealt[i]
            made = replace(
                made,
                length_mm=of.length_mm,
                delay_ms=of.delay_ms,
                **strength_of(of, source, target),
            )
        edges.append(made)
    return RegionGraph(graph.regions, edges, graph.metadata)
