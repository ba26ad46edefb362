# SPDX-License-Identifier: Apache-2.0
"""Latency: how long a sensation takes to an area that drives action.

A control step is longer than most conduction delays, so a network is faster
than the brain where pathways act within the step, and slower elsewhere. This
module puts numbers to it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import networkx as nx

from atlasnet.plan.spec import NetworkSpec
from atlasnet.units import CONDUCTION_VELOCITY_M_PER_S, delay_ms

__all__ = ["Latency", "fewest_steps", "path_latencies"]

_UNKNOWN_MS = 1e6
"""Stands for the conduction time of an unknown length: such pathways come last."""


@dataclass(frozen=True)
class Latency:
    """How long a sensation takes to an area that drives action.

    Two paths, each with its own time in the network and in the brain: the one that is
    first in the network, and the one on which spikes take least. They need not be the
    same.

    Attributes
    ----------
    sensation : str
        Name of the sensation.
    area : str
        The action area.
    path : tuple of str
        Areas of the path that takes fewest control steps, from the one that the
        sensation enters; of several such paths the one on which spikes take least.
    n_steps : int
        Control steps along `path`: the sum of its pathways' lags.
    delay_ms : float or None
        Conduction time along `path`, without synapses and membranes; None if the
        length of a pathway on it is unknown.
    tract_path : tuple of str
        Areas of the path on which spikes take least; empty if no path has known
        lengths.
    tract_n_steps : int or None
        Control steps along `tract_path`, at least `n_steps`.
    tract_delay_ms : float or None
        Conduction time along `tract_path`.
    """

    sensation: str
    area: str
    path: tuple[str, ...]
    n_steps: int
    delay_ms: float | None
    tract_path: tuple[str, ...]
    tract_n_steps: int | None
    tract_delay_ms: float | None


def path_latencies(
    spec: NetworkSpec, velocity_m_per_s: float = CONDUCTION_VELOCITY_M_PER_S
) -> tuple[Latency, ...]:
    """Return the latency from every sensation to every action area that it reaches.

    Parameters
    ----------
    spec : NetworkSpec
        The network.
    velocity_m_per_s : float, default=6.0
        Conduction velocity of the tracts, in m/s.

    Returns
    -------
    tuple of Latency
        By sensation and action area, in the order of the spec.
    """
    pathways = _stepped(spec)
    tracts: nx.DiGraph[str] = nx.DiGraph()
    tracts.add_nodes_from(pathways)
    for pathway in spec.pathways:
        edge = pathways.edges[pathway.source, pathway.target]
        edge["ms"] = _UNKNOWN_MS
        if pathway.length_mm is not None:
            edge["ms"] = delay_ms(pathway.length_mm, velocity_m_per_s)
            tracts.add_edge(pathway.source, pathway.target, **edge)
    found = []
    for entry in spec.inputs:
        first = _fastest(_of_fewest_steps(pathways, entry.areas), entry.areas)
        nearest = _fastest(tracts, entry.areas)
        for area in spec.action_areas:
            if area not in first:
                continue
            path, tract = first[area], nearest.get(area, ())
            found.append(
                Latency(
                    sensation=entry.name,
                    area=area,
                    path=path,
                    n_steps=_n_steps(pathways, path),
                    delay_ms=_ms(pathways, path),
                    tract_path=tract,
                    tract_n_steps=_n_steps(pathways, tract) if tract else None,
                    tract_delay_ms=_ms(pathways, tract) if tract else None,
                )
            )
    return tuple(found)


def fewest_steps(
    spec: NetworkSpec, sensation: str, without: Iterable[str] = ()
) -> int | None:
    """Return the control steps from a sensation to the first action area.

    Parameters
    ----------
    spec : NetworkSpec
        The network.
    sensation : str
        Its name.
    without : iterable of str
        Areas that no path may lead through, enter by or end in.

    Returns
    -------
    int or None
        The steps; None if the sensation reaches no action area.
    """
    pathways = _stepped(spec)
    pathways.remove_nodes_from([*without])
    entered = {x for e in spec.inputs if e.name == sensation for x in e.areas}
    if not entered.intersection(pathways):
        return None
    fewest = _fewest(pathways, entered.intersection(pathways))
    reached = [fewest[area] for area in spec.action_areas if area in fewest]
    return min(reached, default=None)


def _stepped(spec: NetworkSpec) -> "nx.DiGraph[str]":
    """Return the pathways with the control steps that each takes."""
    pathways: nx.DiGraph[str] = spec.to_networkx()
    for pathway in spec.pathways:
        pathways.edges[pathway.source, pathway.target]["steps"] = pathway.lag
    return pathways


def _fewest(pathways: "nx.DiGraph[str]", entered: Iterable[str]) -> dict[str, int]:
    """Return the fewest control steps to every area that is reached."""
    # The stubs give what is for one target; without one this is a mapping.
    search: Any = nx.multi_source_dijkstra_path_length
    found: dict[str, int] = search(pathways, set(entered), weight="steps")
    return found


def _of_fewest_steps(
    pathways: "nx.DiGraph[str]", entered: Iterable[str]
) -> "nx.DiGraph[str]":
    """Return the part of a graph whose every path takes fewest steps to its end."""
    fewest = _fewest(pathways, entered)
    part: nx.DiGraph[str] = nx.DiGraph()
    part.add_nodes_from(fewest)
    part.add_edges_from(
        (source, target, edge)
        for source, target, edge in pathways.edges(data=True)
        if source in fewest and fewest[source] + edge["steps"] == fewest[target]
    )
    return part


def _fastest(
    graph: "nx.DiGraph[str]", entered: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Return the path of least conduction time to every area that is reached."""
    # The stubs give what is for one target; without one this is a mapping.
    search: Any = nx.multi_source_dijkstra_path
    paths = search(graph, set(entered), weight="ms")
    return {area: tuple(path) for area, path in paths.items()}


def _n_steps(pathways: "nx.DiGraph[str]", path: tuple[str, ...]) -> int:
    """Return the control steps along a path."""
    return sum(int(pathways.edges[edge]["steps"]) for edge in pairwise(path))


def _ms(pathways: "nx.DiGraph[str]", path: tuple[str, ...]) -> float | None:
    """Return the conduction time along a path, None where a length is unknown."""
    times = [float(pathways.edges[edge]["ms"]) for edge in pairwise(path)]
    return None if _UNKNOWN_MS in times else sum(times)
