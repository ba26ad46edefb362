# SPDX-License-Identifier: Apache-2.0
"""Statements on a network of five areas, by hand."""

import math
from typing import Any

import pytest

from atlasnet.graph.graph import Projection, Region, RegionGraph
from atlasnet.plan.interface import hand_interface
from atlasnet.plan.planner import plan_network
from atlasnet.plan.sharing import UnitRule
from atlasnet.robustness.statements import Bound, Planned, statements_of

VOLUMES = {"3b": 40.0, "AIP": 30.0, "PMv": 10.0, "dlPFC": 10.0, "4a": 10.0}
SYSTEMS = {
    "3b": "primary somatosensory",
    "AIP": "parietal association",
    "PMv": "premotor",
    "dlPFC": "prefrontal",
    "4a": "primary motor",
}
EDGES: dict[tuple[str, str], tuple[float, Any]] = {
    ("dlPFC", "PMv"): (50.0, "lateral"),
    ("PMv", "4a"): (30.0, "feedforward"),
    ("dlPFC", "3b"): (20.0, "feedback"),
    ("3b", "4a"): (10.0, "feedforward"),
    ("AIP", "PMv"): (12.0, "feedforward"),
    ("AIP", "4a"): (4.0, "feedforward"),
    ("4a", "3b"): (10.0, "feedback"),
    ("PMv", "AIP"): (12.0, "feedback"),
}


def plan(
    volumes: dict[str, float] = VOLUMES, edges: Any = EDGES, floor: int = 5
) -> Planned:
    graph = RegionGraph(
        (
            Region(
                f"{node} left",
                "left",
                volume_mm3=volume,
                cell_density_per_mm3=1e4,
                cell_density_rule="homologue",
                node=node,
                system=SYSTEMS[node],
            )
            for node, volume in volumes.items()
        ),
        (
            Projection(f"{a} left", f"{b} left", count, 10.0, 2.0, direction, "none")
            for (a, b), (count, direction) in edges.items()
        ),
    )
    rule = UnitRule(total=100, floor=floor)
    spec = plan_network(graph, hand_interface(graph), rule)
    return Planned(graph, spec, floor)


def numbers(now: Planned, default: Planned | None = None) -> dict[str, float | None]:
    default = default or now
    return {s.name: s.measure(now, default) for s in statements_of(default)}


def verdict(name: str, now: Planned, default: Planned) -> bool | None:
    found = next(s for s in statements_of(default) if s.name == name)
    return found.holds(found.measure(now, default), found.measure(default, default))


EXPECTED = {
    "premotor_first": 1.0,
    "premotor_majority": 30 / 44,
    # PMv: the weaker of 50 and 30; around it by 3b the weaker of 20 and 10.
    "premotor_strongest": 30 / 10,
    # One step either way: dlPFC -> PMv or dlPFC -> 3b is late, the rest is not.
    "premotor_between": 0.0,
    "grasp_chain": 12 / 4,
    "grasp_forward": 1.0,
    "two_streams": None,  # no dorsal premotor area
    "parietal_forward": 1.0,
    "m1_last": 0.0,
    "same_pathways": 1.0,
    "steps_proprioception": 0.0,
    "steps_touch": 0.0,
    "steps_goal": 1.0,
    "steps_vision": 0.0,
    # Units are 40, 30, 10, 10, 10.
    "s1_over_m1": 4.0,
    "3b_largest": 1.0,
    "parietal_largest": 30 / 40,
    "same_ranks": 1.0,
    "by_cells": 0.0,
    "moved": 0.0,
    "n_pathways": 8.0,
    "density": 8 / 20,
    "forward": 4 / 8,
}


def test_numbers_by_hand() -> None:
    found = numbers(plan())
    assert found == {k: v and pytest.approx(v) for k, v in EXPECTED.items()}


def test_names_sentences_and_bounds_are_there_once() -> None:
    found = statements_of(plan())
    assert len({s.name for s in found}) == len({s.sentence for s in found})
    assert all(s.sentence.endswith(".") and s.measured for s in found)
    # What claims nothing has no bound, and no verdict.
    silent = {s.name for s in found if s.bound is None}
    assert silent == {"moved", "n_pathways", "density", "forward"}
    assert verdict("density", plan(), plan()) is None


def test_without_the_way_round_premotor_cortex_stands_between() -> None:
    edges = {k: v for k, v in EDGES.items() if k != ("dlPFC", "3b")}
    now = numbers(plan(edges=edges))
    assert (now["premotor_between"], now["premotor_strongest"]) == (math.inf, math.inf)
    assert verdict("premotor_between", plan(edges=edges), plan()) is True
    assert verdict("premotor_between", plan(), plan()) is False


def test_premotor_cortex_is_second_behind_a_stronger_afferent() -> None:
    now = plan(edges={**EDGES, ("3b", "4a"): (31.0, "feedforward")})
    assert numbers(now)["premotor_first"] == 2.0
    # 30 of 65 is no majority; the way round is as strong as its 20 now.
    assert numbers(now)["premotor_majority"] == pytest.approx(30 / 65)
    assert numbers(now)["premotor_strongest"] == pytest.approx(30 / 20)
    for name in ("premotor_first", "premotor_majority"):
        assert verdict(name, now, plan()) is False


def test_what_changed_counts_against_the_default() -> None:
    # dlPFC -> PMv is feedforward, PMv -> AIP is gone: 6 of 8 are the same.
    edges = {k: v for k, v in EDGES.items() if k != ("PMv", "AIP")}
    edges["dlPFC", "PMv"] = (50.0, "feedforward")
    volumes = {**VOLUMES, "3b": 10.0, "4a": 40.0}
    now, default = plan(volumes, edges), plan()
    found = numbers(now, default)
    assert found["same_pathways"] == 6 / 8
    assert found["steps_goal"] == 0.0
    assert verdict("steps_goal", now, default) is False
    assert verdict("steps_touch", now, default) is True
    # 30 units went from 3b to 4a; AIP stays, and is second as before.
    assert found["moved"] == pytest.approx(0.3)
    assert found["s1_over_m1"] == pytest.approx(0.25)
    assert found["3b_largest"] == 5.0  # 4a, AIP, and two as large as it
    # Ranks of 3b, 4, 4a, dlPFC and PMv before: 5, 4, 2, 2, 2, after: 2, 4, 5, 2, 2.
    # Centred: 2, 1, -1, -1, -1 and -1, 1, 2, -1, -1; products -2 + 1 - 2 + 1 + 1 = -1,
    # squares 8 each.
    assert found["same_ranks"] == pytest.approx(-1 / 8)


def test_areas_at_the_floor_count_as_such() -> None:
    # Floors of 15 take 45 units for three areas of ten; the rest is shared 4 to 3.
    now = plan(floor=15)
    assert sorted(now.units.values()) == [15, 15, 15, 24, 31]
    assert numbers(now)["by_cells"] == pytest.approx(3 / 5)
    assert verdict("by_cells", now, plan()) is False


def test_a_network_without_the_areas_of_a_statement_says_nothing() -> None:
    left = {k: v for k, v in VOLUMES.items() if k != "PMv"}
    edges = {k: v for k, v in EDGES.items() if "PMv" not in k}
    now = plan(left, edges)
    found = numbers(now)
    names = ("premotor_strongest", "premotor_between", "grasp_chain", "premotor_first")
    assert [found[name] for name in names] == [None] * 4
    assert [verdict(name, now, plan()) for name in names] == [None] * 4


@pytest.mark.parametrize(
    ("sign", "values"),
    [
        ("above", [False, False, True]),
        ("below", [True, False, False]),
        ("at least", [False, True, True]),
        ("at most", [True, True, False]),
    ],
)
def test_bounds_at_their_number(sign: Any, values: list[bool]) -> None:
    bound = Bound(sign, 1.0)
    assert [bound.allows(x, None) for x in (0.5, 1.0, 2.0)] == values
    assert str(bound) == f"{sign} 1"
    assert Bound("as default").allows(2.0, 2.0)
    assert not Bound("as default").allows(2.0, None)
