# SPDX-License-Identifier: Apache-2.0
"""Loss: what a null model kept of a graph, what it lost, and what changed."""

from dataclasses import dataclass
from typing import Literal

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from atlasnet.errors import GraphError
from atlasnet.graph.graph import RegionGraph
from atlasnet.graph.order import break_cycles
from atlasnet.graph.rewiring import distances_mm
from atlasnet.signature import checked

__all__ = ["Finding", "mixing", "what_is_left"]

Verdict = Literal["kept", "changed", "lost"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A property of a graph, and of a null model of it."""

    what: str
    """The property."""
    before: float
    """Of the graph; 1 where it is compared with itself."""
    after: float
    """Of the null model."""
    verdict: Verdict
    """``kept`` within rounding; ``lost`` where chance alone would leave as much;
    ``changed`` between."""


@checked(GraphError)
def mixing(graph: RegionGraph, null: RegionGraph) -> float:
    """Return how far a null model is from its graph, as a share of chance.

    Parameters
    ----------
    graph : RegionGraph
        The graph.
    null : RegionGraph
        A null model of it.

    Returns
    -------
    float
        Share of the null model's projections that the graph lacks, divided by the
        share that projections drawn at random would lack: 0 is the same graph, 1 is
        what chance gives at this density. NaN where every pair is joined.

    Examples
    --------
    >>> from atlasnet.graph.graph import Projection, Region
    >>> regions = [Region(f"{name} left", "left") for name in "abc"]
    >>> def joined(source, target):
    ...     ends = f"{source} left", f"{target} left"
    ...     edge = Projection(*ends, 1.0, 1.0, 1.0, "lateral", "none")
    ...     return RegionGraph(regions, [edge])
    >>> mixing(joined("a", "b"), joined("b", "a"))  # 1 / (1 - 1/6)
    1.2
    """
    n, n_edges = len(graph), len(null.projections)
    density = len(graph.projections) / max(1, n * (n - 1))
    if not n_edges or density >= 1.0:
        return float("nan")
    before = {(e.source, e.target) for e in graph.projections}
    new = sum((e.source, e.target) not in before for e in null.projections)
    return new / n_edges / (1.0 - density)


@checked(GraphError)
def what_is_left(graph: RegionGraph, null: RegionGraph) -> tuple[Finding, ...]:
    """Compare a null model with its graph.

    Parameters
    ----------
    graph : RegionGraph
        The graph.
    null : RegionGraph
        A null model of it.

    Returns
    -------
    tuple of Finding
        Number and place of projections; degrees; reciprocity, and how many pairs have
        the same count both ways; strengths; distances; directions; cycles; cells. A
        correlation over regions or pairs compares the two graphs, its value before is
        1.
    """
    a, b = _Numbers(graph), _Numbers(null)
    findings = [
        _count("projections", len(graph.projections), len(null.projections)),
        _likeness("projections in their place", _in_place(graph, null)),
        _likeness("projections that enter a region", _correlation(a.into, b.into)),
        _likeness("projections that leave a region", _correlation(a.out, b.out)),
        _count("reciprocity", a.reciprocity, b.reciprocity, b.density),
        _count("pairs with one count both ways", a.symmetry, b.symmetry, 0.0),
        _likeness("strength that enters a region", _correlation(a.s_in, b.s_in)),
        _likeness("strength that leaves a region", _correlation(a.s_out, b.s_out)),
        _likeness("strength of a projection", a.likeness_of_strengths(b)),
        _count("feedforward, closing a cycle", a.closing, b.closing),
        _count("components", a.n_components, b.n_components),
        _likeness("cells of a region", _correlation(a.cells, b.cells)),
    ]
    if all(region.centroid_mm is not None for region in graph.regions):
        before, after = _spans(graph), _spans(null)
        findings += [
            _count("mean distance (mm)", _mean(before), _mean(after)),
            _likeness("distribution of distances", _overlap(before, after)),
        ]
    return tuple(findings)


class _Numbers:
    """What is compared of a graph."""

    def __init__(self, graph: RegionGraph) -> None:
        n, index = len(graph), {name: i for i, name in enumerate(graph.names)}
        self.strength = np.zeros((n, n))
        count = np.zeros((n, n))
        self.joined = np.zeros((n, n), np.bool_)
        for edge in graph.projections:
            pair = index[edge.source], index[edge.target]
            self.joined[pair] = True
            self.strength[pair], count[pair] = edge.strength, edge.streamline_count
        self.out, self.into = self.joined.sum(axis=1), self.joined.sum(axis=0)
        self.s_out, self.s_in = self.strength.sum(axis=1), self.strength.sum(axis=0)
        n_edges = max(1, int(self.joined.sum()))
        both = self.joined & self.joined.T
        self.density = n_edges / max(1, n * (n - 1))
        self.reciprocity = float(both.sum() / n_edges)
        self.symmetry = float((count == count.T)[both].mean()) if both.any() else 0.0
        forward = [e for e in graph.projections if e.direction == "feedforward"]
        self.closing = float(len(break_cycles(forward)[1]))
        whole: nx.Graph[int] = nx.from_numpy_array(self.joined | self.joined.T)
        self.n_components = float(nx.number_connected_components(whole))
        self.cells = np.array([r.cell_count or np.nan for r in graph.regions])

    def likeness_of_strengths(self, other: "_Numbers") -> float:
        """Return the rank correlation over projections that both graphs have."""
        shared = self.joined & other.joined
        return _correlation(self.strength[shared], other.strength[shared])


def _in_place(graph: RegionGraph, null: RegionGraph) -> float:
    """Return one minus the mixing; where chance can move nothing, all are in place."""
    share = mixing(graph, null)
    return 1.0 if np.isnan(share) else 1.0 - share


def _count(what: str, before: float, after: float, chance: float = 0.0) -> Finding:
    """Judge a number: it is lost where it is no further from chance than a tenth."""
    is_kept = abs(after - before) <= 0.005 * max(abs(before), 1.0)
    is_lost = abs(after - chance) <= 0.1 * abs(before - chance)
    verdict: Verdict = "kept" if is_kept else "lost" if is_lost else "changed"
    return Finding(what, float(before), float(after), verdict)


def _likeness(what: str, likeness: float) -> Finding:
    """Judge how alike two graphs are: 1 is the same, 0 is chance."""
    if likeness >= 0.995:
        return Finding(what, 1.0, likeness, "kept")
    return Finding(what, 1.0, likeness, "lost" if likeness <= 0.1 else "changed")


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the rank correlation; 1 where both are the same."""
    if a.shape == b.shape and np.array_equal(a, b, equal_nan=True):
        return 1.0
    is_known = ~(np.isnan(a) | np.isnan(b))
    if is_known.sum() < 2 or not np.ptp(a[is_known]) or not np.ptp(b[is_known]):
        return 0.0
    return float(stats.spearmanr(a[is_known], b[is_known]).statistic)


def _spans(graph: RegionGraph) -> NDArray[np.float64]:
    """Return the distances that the projections span, mm."""
    distance = distances_mm(graph)
    return np.array([distance[e.source, e.target] for e in graph.projections])


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return one minus the largest distance of the cumulative distributions."""
    if not len(a) or not len(b):
        return float(len(a) == len(b))
    return 1.0 - float(stats.ks_2samp(a, b).statistic)
