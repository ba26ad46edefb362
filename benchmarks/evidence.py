# SPDX-License-Identifier: Apache-2.0
"""What of a graph and its controls can be counted: gains, null models, stability."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

import atlasnet
from atlasnet.atlas.catalogue import Catalogue
from atlasnet.atlas.levels import fit_levels
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.source import PathwayRecord, TracerFraction
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.graph.direction import laminar_class, structural_sln
from atlasnet.graph.loss import mixing
from atlasnet.graph.null_models import NULL_MODELS

GAINS = ("equal", "streamlines", "input_share")
_LEAST_SOURCES = 4  # of a target, for shares to be compared
_UNMIXED = ("shuffled_weights", "shuffled_units", "equal_units", "fully_connected")
"""Null models that leave projections in their place, or join all."""


def gains(source: SnapshotSource) -> dict[str, dict[str, float]]:
    """Compare input shares under each gain with tracers' fractions, by homologue.

    Parameters
    ----------
    source : SnapshotSource
        The atlas and the counted cells.

    Returns
    -------
    dict of str to dict of str to float
        By gain, and for ``counts``, the streamlines that no plan has shared out among
        pathways of one timing yet: ``correlation`` of the logarithms of share and
        fraction, both as parts of the sum over a target's compared sources, and
        ``error_decades``, the root mean square of their difference, over ``n``
        pathways of the whole graph.
    """
    fractions: dict[tuple[str, str], float] = defaultdict(float)
    for row in source.tracer_fractions():
        for one in row.sources:
            for other in row.targets:
                fractions[f"{one} left", f"{other} left"] += row.fln
    graph = atlasnet.preset_graph(source, blind=False)
    interface = atlasnet.hand_interface(graph)
    counts = {(e.source, e.target): e.streamline_count for e in graph.projections}
    strengths = {"counts": {ends: max(n, 1.0) for ends, n in counts.items()}}
    for gain in GAINS:
        spec = atlasnet.plan_network(graph, interface, options={"gain": gain})
        strengths[gain] = {(p.source, p.target): p.strength for p in spec.pathways}
    # What is weak is weak by these counts: it would agree by construction.
    counted = {
        (edge.source, edge.target): fractions[edge.source, edge.target]
        for edge in graph.projections
        if fractions[edge.source, edge.target] > 0 and not edge.is_weak
    }
    return {name: _compared(counted, found) for name, found in strengths.items()}


def _compared(
    counted: Mapping[tuple[str, str], float], strengths: Mapping[tuple[str, str], float]
) -> dict[str, float]:
    """Compare fractions and strengths as shares within targets."""
    by_target: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for (source, target), fraction in counted.items():
        by_target[target].append((fraction, strengths[source, target]))
    logs: list[NDArray[np.float64]] = []
    for pairs in by_target.values():
        if len(pairs) >= _LEAST_SOURCES:
            values = np.array(pairs)
            logs.append(np.log10(values / values.sum(axis=0)))
    measured, shared = np.concatenate(logs).T
    return {
        "correlation": float(np.corrcoef(measured, shared)[0, 1]),
        "error_decades": float(np.sqrt(np.mean((measured - shared) ** 2))),
        "n": float(len(measured)),
    }


def directions(source: SnapshotSource) -> dict[str, dict[str, float]]:
    """Return how often each direction rule agrees with claims it has not seen.

    Parameters
    ----------
    source : SnapshotSource
        The cited directions.

    Returns
    -------
    dict of str to dict of str to float
        By what is left out at a time (``pair``: both directions of one; a
        ``publication``; an ``area``): agreement of the ``hierarchy`` fitted to the
        rest, of the ``structural_model``, of saying always the ``majority``, the paired
        ``difference`` of the first two and the ends of its 95 % bootstrap interval over
        what is left out, or over pairs where that is an area.
    """
    catalogue = Catalogue(source, GraphRules())
    density = {}
    for node in source.node_table():
        found = catalogue.composite(node.node, node.hemisphere).whole_density_per_mm3
        density.setdefault(node.node, found)
    claims = [
        p
        for p in source.pathways()
        if p.support in ("verified", "cited") and p.direction
    ]
    structural = np.array(
        [
            laminar_class(structural_sln(density[p.source], density[p.target]))
            == p.direction
            for p in claims
        ],
        np.float64,
    )
    majority = max(Counter(p.direction for p in claims).values()) / len(claims)
    found = {}
    for name, keys_of, fraction_keys, stratum in _LEFT_OUT:
        agrees: dict[int, list[bool]] = defaultdict(list)
        for key in dict.fromkeys(k for p in claims for k in keys_of(p)):
            rest = [p for p in source.pathways() if key not in keys_of(p)]
            counted = [
                f for f in source.tracer_fractions() if key not in fraction_keys(f)
            ]
            levels = fit_levels(rest, counted, density)
            for i, p in enumerate(claims):
                if key in keys_of(p):
                    ends = levels.level[p.source], levels.level[p.target]
                    probable = levels.probabilities(*ends)
                    agrees[i].append(max(probable, key=probable.get) == p.direction)
        mean = np.array([np.mean(agrees[i]) for i in range(len(claims))])
        strata: dict[object, list[int]] = defaultdict(list)
        for i, p in enumerate(claims):
            strata[stratum(p)].append(i)
        low, high = _over_strata(mean - structural, list(strata.values()))
        found[name] = {
            "hierarchy": float(mean.mean()),
            "structural_model": float(structural.mean()),
            "majority": majority,
            "difference": float((mean - structural).mean()),
            "low": low,
            "high": high,
        }
    return found


def _pair(pathway: PathwayRecord) -> frozenset[str]:
    return frozenset((pathway.source, pathway.target))


def _pairs_of(fraction: TracerFraction) -> set[frozenset[str]]:
    return {frozenset((a, b)) for a in fraction.sources for b in fraction.targets}


_LEFT_OUT: tuple[tuple[str, Any, Any, Any], ...] = (
    ("pair", lambda p: [_pair(p)], _pairs_of, _pair),
    (
        "publication",
        lambda p: [p.citation],
        lambda f: [f.publication],
        lambda p: p.citation,
    ),
    (
        "area",
        lambda p: [p.source, p.target],
        lambda f: [*f.sources, *f.targets],
        _pair,
    ),
)


def _over_strata(
    values: NDArray[np.float64], strata: list[list[int]]
) -> tuple[float, float]:
    """Return the 95 % interval of a mean, strata resampled whole."""
    rng = np.random.default_rng(0)
    means = []
    for _ in range(4000):
        picked = rng.integers(len(strata), size=len(strata))
        means.append(values[[i for k in picked for i in strata[k]]].mean())
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def mixings(source: SnapshotSource, n_seeds: int = 5) -> dict[str, float]:
    """Return the mean mixing of the null models that randomise the preset's graph."""
    graph = atlasnet.preset_graph(source)
    return {
        model: float(
            np.mean(
                [
                    mixing(graph, atlasnet.randomize(graph, model, seed))
                    for seed in range(n_seeds)
                ]
            )
        )
        for model in NULL_MODELS
        if model not in _UNMIXED
    }


def dale_activity(source: SnapshotSource, n_steps: int = 1000) -> dict[str, float]:
    """Return the largest activity of networks of units that excite or inhibit.

    Parameters
    ----------
    source : SnapshotSource
        The atlas.
    n_steps : int
        Control steps, from zero and from random input.

    Returns
    -------
    dict of str to float
        By preset, activation and cell.
    """
    import keras

    found = {}
    for preset in ("fpn", "fpn-compact", "fpn-visual"):
        graph = atlasnet.preset_graph(source, preset)
        interface = atlasnet.hand_interface(graph, preset=preset)
        for activation in ("softplus", "relu"):
            for cell in ("rate", "rnn"):
                is_visual = preset == "fpn-visual"
                if is_visual and (activation, cell) != ("softplus", "rate"):
                    continue  # maps are dense or rate
                options = {
                    "activation": activation,
                    "cell": cell,
                    "inhibitory_share": 0.2,
                }
                spec = atlasnet.plan_network(
                    graph, interface, {"total": 1024}, options=options
                )
                model = atlasnet.build_model(spec)
                layer = next(x for x in model.layers if hasattr(x, "cell"))
                n = n_steps // 10 if is_visual else n_steps
                n_inputs = sum(entry.size for entry in spec.inputs)
                given = keras.Input((n, n_inputs))
                reader = keras.layers.RNN(layer.cell, return_sequences=True)
                whole = keras.Model(given, reader(given))
                rng = np.random.default_rng(0)
                heard = rng.standard_normal((2, n, n_inputs)).astype(np.float32)
                heard[0] = 0.0
                activity = whole.predict(heard, verbose=0)
                largest = float(np.abs(activity).max())
                found[f"{preset} {activation} {cell}"] = (
                    largest if np.isfinite(activity).all() else float("inf")
                )
                keras.backend.clear_session()
    return found
