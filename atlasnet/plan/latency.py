# SPDX-License-Identifier: Apache-2.0
"""Latency: how long a sensation takes to an area that drives action.

A control step is longer than most conduction delays, so a network is faster
than the brain where pathways act within the step, and slower elsewhere. This
module puts numbers to it.
"""

from dataclasses import dataclass
from typing import Any

import networkx as nx

from atlasnet.plan.spec import NetworkSpec
from atlasnet.units import CONDUCTION_VELOCITY_M_PER_S, delay_ms

__all__ = ["Latency", "path_latencies"]


@dataclass(frozen=True)
class Latency:
    """How long a sensation takes to an area that drives action.

    Attributes
    ----------
    sensation : str
        Name of the sensation.
    area : str
        The action area.
    path : tuple of str
        Areas of the path on which spikes take least, from the one that the sensation
        enters.
    delay_ms : float or None
        Conduction time along it, without synapses and membranes; None if no path has
        known lengths.
    n_steps : int
        Control steps that activity needs in the network, on its fastest path.
    """

    sensation: str
    area: str
    path: tuple[str, ...]
    delay_ms: float | None
    n_steps: int


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
        By sensation and action area, in the order of the spec. Pathways of unknown
        length count for the steps but not for the conduction time.
    """
    steps: nx.DiGraph[str] = spec.to_networkx()
    tracts: nx.DiGraph[str] = nx.DiGraph()
    tracts.add_nodes_from(steps)
    for pathway in spec.pathways:
        steps.edges[pathway.source, pathway.target]["steps"] = pathway.lag
        if pathway.length_mm is not None:
            ms = delay_ms(pathway.length_mm, velocity_m_per_s)
            tracts.add_edge(pathway.source, pathway.target, ms=ms)
    found = []
    for entry in spec.inputs:
        entered = set(entry.areas)
        # The stubs give what is for one target; without one these are mappings.
        search: Any = nx.multi_source_dijkstra
        fewest, _ = search(steps, entered, weight="steps")
        times, paths = search(tracts, entered, weight="ms")
        found += [
            Latency(
                entry.name,
                area,
                tuple(paths.get(area, ())),
                times.get(area),
                int(fewest[area]),
            )
            for area in spec.action_areas
            if area in fewest
        ]
    return tuple(found)
