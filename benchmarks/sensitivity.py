# SPDX-License-Identifier: Apache-2.0
"""What the defaults of graph and plan decide: one default changed at a time.

``python benchmarks/sensitivity.py [--quick] [--json]``

The base is the blind model of the preset ``fpn``, left hemisphere. Prints markdown
tables; ``docs/atlas.md`` quotes them. Nothing here is random.

Figures
-------
<variant>/n_edges
    Directed projections of the graph.
<variant>/n_feedforward, <variant>/n_lateral, <variant>/n_feedback
    Projections by direction class.
<variant>/n_weights
    Weights between and within areas: source units times target units over all
    projections, plus squared units of each recurrent area.
<variant>/units_4a, <variant>/units_4p, <variant>/units_largest
    Units of M1 and of the largest area.
<variant>/n_at_floor
    Areas that have no more than the floor.
plan_s, all_regions_s
    Time from reading the snapshot to the plan of the base, and to the graph of all
    294 regions; wall time, median.
"""

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from atlasnet.atlas.assembly import all_regions_graph, preset_graph
from atlasnet.atlas.edges import InputShare, StrongestNeighbours, TargetDensity
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.errors import SpecError
from atlasnet.graph.graph import RegionGraph
from atlasnet.plan.interface import hand_interface
from atlasnet.plan.planner import plan_network
from atlasnet.plan.sharing import UnitRule

COLUMNS = {
    "n_edges": "edges",
    "n_feedforward": "forward",
    "n_lateral": "lateral",
    "n_feedback": "back",
    "n_weights": "weights",
    "units_4a": "4a",
    "units_4p": "4p",
    "units_largest": "largest",
    "n_at_floor": "at floor",
}
GRAPHS: dict[str, dict[str, dict[str, Any]]] = {
    "Hemisphere": {
        "left": {},
        "right": {"hemisphere": "right"},
        "both": {"hemisphere": "both"},
    },
    "Occipital nodes": {"blind": {}, "with V1 to LO": {"blind": False}},
    "Fewest streamlines of an edge": {
        "10": {"min_streamline_count": 10.0},
        "100": {},
        "300": {"min_streamline_count": 300.0},
        "1000": {"min_streamline_count": 1000.0},
    },
    "Edge rule": {
        "at least 100 streamlines": {},
        "strongest 0.1 of pairs": {"rules": GraphRules(edges=TargetDensity(0.1))},
        "strongest 0.3 of pairs": {"rules": GraphRules(edges=TargetDensity(0.3))},
        "3 strongest of each": {"rules": GraphRules(edges=StrongestNeighbours(3))},
        "8 strongest of each": {"rules": GraphRules(edges=StrongestNeighbours(8))},
        "0.05 of the input": {"rules": GraphRules(edges=InputShare(0.05))},
        "0.005 of the input": {"rules": GraphRules(edges=InputShare(0.005))},
    },
    "Direction where nobody claims one": {
        "hierarchy": {},
        "structural model": {"rules": GraphRules(direction_model="structural_model")},
        "cortical types": {"rules": GraphRules(direction_model="cortical_type")},
        "none": {"rules": GraphRules(direction_model="none")},
    },
    "Layers left out": {
        "none": {},
        "I": {"rules": GraphRules(layers_left_out=("I",))},
        "I and IV": {"rules": GraphRules(layers_left_out=("I", "IV"))},
        "II and III": {"rules": GraphRules(layers_left_out=("II", "III"))},
    },
    "Cited pathways": {
        "verified and cited": {},
        "doubtful too": {"doubtful": True},
        "none": {"cited": False},
    },
    "Density": {
        "homologue, else overlap": {},
        "surface overlap": {"density_rule": "surface_overlap"},
    },
}
RULES: dict[str, dict[str, UnitRule]] = {
    "Total": {
        "1024": UnitRule(total=1024),
        "2048": UnitRule(),
        "5420": UnitRule(total=5420),
    },
    "Exponent": {
        "0.5": UnitRule(exponent=0.5),
        "0.75": UnitRule(exponent=0.75),
        "1": UnitRule(),
    },
    "Floor": {
        "1": UnitRule(floor=1),
        "16": UnitRule(floor=16),
        "32": UnitRule(),
        "64": UnitRule(floor=64),
    },
}


def main() -> None:
    """Measure, and print one object or markdown tables."""
    parser = argparse.ArgumentParser(description="Sensitivity of graph and plan.")
    parser.add_argument("--quick", action="store_true", help="time fewer rounds")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    tables = measure_tables()
    times = measure_times(n_rounds=3 if options.quick else 9)
    if options.json:
        print(json.dumps({**_figures(tables), **times}))
        return
    for title, rows in tables.items():
        print(f"\n| {title} | {' | '.join(COLUMNS.values())} |")
        print(f"|---|{'---:|' * len(COLUMNS)}")
        for name, row in rows.items():
            cells = " | ".join(f"{row[c]:,}" if c in row else "-" for c in COLUMNS)
            print(f"| {name} | {cells} |")
    print()
    for name, figure in times.items():
        print(f"{name}: {figure['value']:.3f} {figure['unit']}")


def measure_tables() -> dict[str, dict[str, dict[str, int]]]:
    """Change one default at a time."""
    source = SnapshotSource()
    tables = {
        title: {
            name: describe(preset_graph(source, "fpn", **{"blind": True, **options}))
            for name, options in variants.items()
        }
        for title, variants in GRAPHS.items()
    }
    base = preset_graph(source, "fpn", blind=True)
    for title, rules in RULES.items():
        tables[title] = {name: describe(base, rule) for name, rule in rules.items()}
    return tables


def describe(graph: RegionGraph, rule: UnitRule | None = None) -> dict[str, int]:
    """Count what a graph and its plan consist of; a graph alone if no plan is valid."""
    rule = rule or UnitRule()
    directions = Counter(edge.direction for edge in graph.projections)
    counts = {
        "n_edges": len(graph.projections),
        "n_feedforward": directions["feedforward"],
        "n_lateral": directions["lateral"],
        "n_feedback": directions["feedback"],
    }
    try:
        spec = plan_network(graph, hand_interface(graph), rule)
    except SpecError:  # an area that no sensation reaches
        return counts
    units = {area.name: area.n_units for area in spec.areas}
    between = sum(units[p.source] * units[p.target] for p in spec.pathways)
    within = sum(area.n_units**2 for area in spec.areas if area.cell == "rate")
    side = spec.action_areas[0].rsplit(" ", 1)[-1]
    return {
        **counts,
        "n_weights": between + within,
        "units_4a": units[f"4a {side}"],
        "units_4p": units[f"4p {side}"],
        "units_largest": max(units.values()),
        "n_at_floor": sum(n == rule.floor for n in units.values()),
    }


def measure_times(n_rounds: int) -> dict[str, dict[str, Any]]:
    """Time the two graphs that have a budget."""

    def plan() -> None:
        graph = preset_graph(SnapshotSource(), "fpn", blind=True)
        plan_network(graph, hand_interface(graph))

    def assemble() -> None:
        all_regions_graph(SnapshotSource())

    return {
        "plan_s": {"value": _time(plan, n_rounds), "unit": "s"},
        "all_regions_s": {"value": _time(assemble, n_rounds), "unit": "s"},
    }


def _time(call: Callable[[], None], n_rounds: int) -> float:
    """Return the median wall time of a call in s."""
    times = []
    for _ in range(n_rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _figures(
    tables: dict[str, dict[str, dict[str, int]]],
) -> dict[str, dict[str, Any]]:
    """Flatten the tables into named figures."""
    return {
        f"{title}={name}/{column}": {"value": value, "unit": "1"}
        for title, rows in tables.items()
        for name, row in rows.items()
        for column, value in row.items()
    }


if __name__ == "__main__":
    main()
