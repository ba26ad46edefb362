# SPDX-License-Identifier: Apache-2.0
"""Hierarchy: how a measure of areas goes along from the senses to the muscles."""

from collections.abc import Mapping, Sequence

import networkx as nx
import numpy as np
from scipy import stats

from angora_train.analysis.estimates import Estimate, Floats
from angora_train.errors import ConfigError
from atlasnet import NetworkSpec

__all__ = ["LEAST_AREAS", "motor_depth", "rank_correlation"]

LEAST_AREAS = 4
"""Fewer areas have no rank correlation to speak of."""

_BODY = ("proprioception", "touch", "vision")
"""Sensations that tell of the world; the others tell of the task."""


def motor_depth(spec: NetworkSpec) -> dict[str, float]:
    """Return how far along each area lies from the senses to the muscles.

    Parameters
    ----------
    spec : NetworkSpec
        The network.

    Returns
    -------
    dict of str to float
        By area ``s / (s + m)``: `s` pathways from where the body and the world are
        sensed, `m` to an area that the action head reads, each the fewest. 0 for
        where they are sensed, 1 for what the action head reads; areas that neither
        lead there nor are reached are left out. Proprioception, touch and vision are
        the senses, or, of a task without any, all sensations.
    """
    graph = spec.to_networkx()
    entries = [one for one in spec.inputs if one.name in _BODY] or list(spec.inputs)
    sensed = {name for entry in entries for name in entry.areas}
    to_motor = nx.multi_source_dijkstra_path_length(
        graph.reverse(), set(spec.action_areas), weight=None
    )
    from_senses = nx.multi_source_dijkstra_path_length(graph, sensed, weight=None)
    depth = {}
    for area in spec.areas:
        s, m = from_senses.get(area.name), to_motor.get(area.name)
        if s is not None and m is not None:
            depth[area.name] = s / (s + m) if s + m else 0.5
    return depth


def rank_correlation(
    estimates: Mapping[str, Estimate], order: Mapping[str, float]
) -> Estimate:
    """Return the rank correlation of a measure with the place of areas.

    Parameters
    ----------
    estimates : mapping of str to Estimate
        The measure by area, all over the same groups of episodes. Areas without a
        number are left out.
    order : mapping of str to float
        Place of the areas; those of them that are estimated count.

    Returns
    -------
    Estimate
        Spearman's correlation, positive if the measure grows along the order; its
        parts leave out the same group of episodes in every area.

    Raises
    ------
    ConfigError
        If fewer than four areas have a number and a place.
    """
    kept = [
        name
        for name, one in estimates.items()
        if name in order and np.isfinite(one.value) and np.isfinite(one.parts).all()
    ]
    if len(kept) < LEAST_AREAS:
        raise ConfigError(
            f"A rank correlation along the hierarchy needs at least {LEAST_AREAS} "
            f"areas with a number, got {len(kept)}: {', '.join(kept) or 'none'}."
        )
    places = np.array([order[name] for name in kept])
    values = [_ranked(estimates[name]) for name in kept]
    whole, *without = np.array(values).T
    return Estimate.jackknifed(
        _spearman(places, whole), np.array([_spearman(places, x) for x in without])
    )


def _ranked(one: Estimate) -> Floats:
    """Return the value with all and without each group, so that larger is more."""
    n = len(one.parts)
    without = (n * one.value - one.parts) / (n - 1)
    found = np.array([one.value, *without])
    return -found if one.scale == "inverse" else found


def _spearman(places: Floats, values: Floats | Sequence[float]) -> float:
    """Return the rank correlation; 0 of what does not differ."""
    if np.ptp(values) == 0.0 or np.ptp(places) == 0.0:
        return 0.0
    return float(stats.spearmanr(places, values).statistic)
