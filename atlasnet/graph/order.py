# SPDX-License-Identifier: Apache-2.0
"""The order of processing in a graph: its acyclic part, and levels along it."""

from collections.abc import Iterable

import networkx as nx

from atlasnet.graph.graph import Projection, RegionGraph

__all__ = ["break_cycles", "processing_levels"]


def break_cycles(
    projections: Iterable[Projection],
) -> tuple[tuple[Projection, ...], tuple[Projection, ...]]:
    """Split feedforward projections into an acyclic set and those that close cycles.

    Projections are taken from the strongest to the weakest, those that a source claims
    (a citation, a user's table) before others; one that would close a cycle with
    stronger ones is set aside. So every cycle is broken at its weakest projection.

    Parameters
    ----------
    projections : iterable of Projection
        Feedforward projections.

    Returns
    -------
    kept : tuple of Projection
        Acyclic, in the order given.
    closing : tuple of Projection
        Those set aside, from the strongest to the weakest.
    """
    edges = tuple(projections)
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_edges_from((edge.source, edge.target) for edge in edges)
    component_of = {
        name: i
        for i, component in enumerate(nx.strongly_connected_components(graph))
        for name in component
    }
    # Only edges within a strongly connected component lie on cycles.
    inner = [e for e in edges if component_of[e.source] == component_of[e.target]]
    # Whom each region reaches, itself included, as the bits of a whole number.
    bit_of = {name: 1 << i for i, name in enumerate(graph)}
    reach = dict(bit_of)
    closing = []
    for edge in sorted(inner, key=_strength, reverse=True):
        source, target = bit_of[edge.source], bit_of[edge.target]
        if reach[edge.target] & source:
            closing.append(edge)
        elif not reach[edge.source] & target:
            # Whoever reaches the source reaches what the target does.
            further = reach[edge.target]
            for name, reached in reach.items():
                if reached & source:
                    reach[name] = reached | further
    aside = set(closing)
    return tuple(edge for edge in edges if edge not in aside), tuple(closing)


def processing_levels(graph: RegionGraph) -> dict[str, int]:
    """Return how many feedforward projections lead to each region, at most.

    Parameters
    ----------
    graph : RegionGraph
        The graph; its cycles are broken as by :func:`break_cycles`.

    Returns
    -------
    dict of str to int
        Length of the longest feedforward path that ends in the region, by name.
    """
    forward = (e for e in graph.projections if e.direction == "feedforward")
    kept, _ = break_cycles(forward)
    order: nx.DiGraph[str] = nx.DiGraph()
    order.add_nodes_from(graph.names)
    order.add_edges_from((edge.source, edge.target) for edge in kept)
    generations = enumerate(nx.topological_generations(order))
    return {name: level for level, names in generations for name in names}


def _strength(edge: Projection) -> tuple[bool, float, str, str]:
    """Return the rank of an edge when cycles are broken; the names settle ties."""
    is_claimed = edge.direction_rule in ("cited", "table") and not edge.is_weak
    return is_claimed, edge.streamline_count, edge.source, edge.target
