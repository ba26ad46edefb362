# SPDX-License-Identifier: Apache-2.0
"""What differs between two region graphs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from atlasnet.errors import GraphError
from atlasnet.graph.difference import Difference, differences
from atlasnet.graph.graph import RegionGraph
from atlasnet.signature import checked

__all__ = ["GraphComparison", "GraphDifference", "compare_graphs"]

GraphDifference = Difference
_TOLERANCE = 1e-9
"""Relative."""


@dataclass(frozen=True, slots=True)
class GraphComparison:
    """Two graphs side by side."""

    n_regions_shared: int
    """Regions of both graphs."""
    n_regions_only_a: int
    """Regions of the first alone."""
    n_regions_only_b: int
    """Regions of the second alone."""
    n_projections_shared: int
    """Projections of both graphs."""
    n_projections_only_a: int
    """Projections of the first alone."""
    n_projections_only_b: int
    """Projections of the second alone."""
    n_directions_changed: int
    """Shared projections whose direction class differs."""
    strength_spearman: float | None
    """Rank correlation of the strengths of shared projections; None for fewer than
    three, or if all of one graph are equal."""
    differences: tuple[Difference, ...]
    """Where they differ, one by one."""


@checked(GraphError)
def compare_graphs(a: RegionGraph, b: RegionGraph) -> GraphComparison:
    """Compare two graphs, region by region and projection by projection.

    Parameters
    ----------
    a, b : RegionGraph
        The graphs; regions are the same if they have the same name.

    Returns
    -------
    GraphComparison
        Counts, and every value that differs.

    Examples
    --------
    >>> graph = RegionGraph([])
    >>> compare_graphs(graph, graph).differences
    ()
    """
    nodes = [{region.name: region for region in graph.regions} for graph in (a, b)]
    edges = [
        {f"{e.source} -> {e.target}": e for e in graph.projections} for graph in (a, b)
    ]
    shared = [key for key in edges[0] if key in edges[1]]
    pairs = [(edges[0][key], edges[1][key]) for key in shared]
    strengths = np.array([(x.strength, y.strength) for x, y in pairs]).reshape(-1, 2)
    return GraphComparison(
        n_regions_shared=len(nodes[0].keys() & nodes[1].keys()),
        n_regions_only_a=len(nodes[0].keys() - nodes[1].keys()),
        n_regions_only_b=len(nodes[1].keys() - nodes[0].keys()),
        n_projections_shared=len(shared),
        n_projections_only_a=len(edges[0]) - len(shared),
        n_projections_only_b=len(edges[1]) - len(shared),
        n_directions_changed=sum(x.direction != y.direction for x, y in pairs),
        strength_spearman=_rank_correlation(strengths),
        differences=(
            *differences("metadata", a.metadata, b.metadata, _TOLERANCE),
            *differences("region", nodes[0], nodes[1], _TOLERANCE),
            *differences("projection", edges[0], edges[1], _TOLERANCE),
        ),
    )


def _rank_correlation(strengths: Any) -> float | None:
    """Return Spearman's correlation of two columns, None where it is not defined."""
    if len(strengths) < 3 or (np.ptp(strengths, axis=0) == 0).any():
        return None
    return float(spearmanr(strengths[:, 0], strengths[:, 1]).statistic)
