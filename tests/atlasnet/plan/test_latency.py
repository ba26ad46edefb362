# SPDX-License-Identifier: Apache-2.0
"""A latency names the path whose time it tells."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import pytest

from atlasnet.commands.tables import latency_notes
from atlasnet.plan.area import AreaSpec
from atlasnet.plan.latency import path_latencies
from atlasnet.plan.pathway import PathwaySpec
from atlasnet.plan.sensation import InputSpec
from atlasnet.plan.spec import NetworkSpec, ValueSpec


def pathway(source: str, target: str, lag: int, length_mm: float | None) -> PathwaySpec:
    return PathwaySpec(
        source=source,
        target=target,
        timing="previous_step" if lag else "same_step",
        delay_steps=lag,
        direction="feedforward",
        direction_rule="cited",
        length_mm=length_mm,
    )


def network(
    pathways: Sequence[PathwaySpec],
    action_areas: Sequence[str] = ("M",),
    entries: Sequence[str] = ("A",),
) -> NetworkSpec:
    """Areas A, B, C, D, M, computed in this order."""
    return NetworkSpec(
        name="hand-made",
        control_step_s=0.02,
        areas=tuple(AreaSpec(name=n, n_units=2, cell="rate") for n in "ABCDM"),
        pathways=tuple(pathways),
        inputs=(
            InputSpec(name="goal", size=2, areas=tuple(entries)),
            InputSpec(name="touch", size=2, areas=("D",)),
        ),
        action_areas=tuple(action_areas),
        policy_size=2,
        value=ValueSpec(areas=("M",)),
    )


# From A to M there are four ways, at 6 m/s:
#   A > M          2 steps  12 mm   2 ms
#   A > B > M      0 + 0    60 + 60 mm  20 ms
#   A > C > M      0 + 0    30 + 60 mm  15 ms
#   A > D > M      1 + 0     3 +  6 mm   1.5 ms
PATHWAYS = (
    pathway("A", "M", 2, 12.0),
    pathway("A", "B", 0, 60.0),
    pathway("B", "M", 0, 60.0),
    pathway("A", "C", 0, 30.0),
    pathway("C", "M", 0, 60.0),
    pathway("A", "D", 1, 3.0),
    pathway("D", "M", 0, 6.0),
    pathway("M", "B", 1, 6.0),
)


def test_the_named_path_takes_the_steps_and_the_time_that_are_told() -> None:
    goal, touch = path_latencies(network(PATHWAYS))
    # Within the step go A > B > M and A > C > M, and the tracts by C are shorter.
    assert (goal.path, goal.n_steps) == (("A", "C", "M"), 0)
    assert goal.delay_ms == pytest.approx(15.0)
    # Spikes take least by D, one step later in the network.
    assert (goal.tract_path, goal.tract_n_steps) == (("A", "D", "M"), 1)
    assert goal.tract_delay_ms == pytest.approx(1.5)
    assert (touch.path, touch.n_steps, touch.delay_ms) == (("D", "M"), 0, 1.0)
    assert touch.tract_path == touch.path


def test_each_action_area_has_a_path_of_its_own() -> None:
    goal_b, goal_m, touch_b, touch_m = path_latencies(network(PATHWAYS, ("B", "M")))
    assert (goal_b.path, goal_b.n_steps) == (("A", "B"), 0)
    # By D, M and back: 1 + 0 + 1 steps, 3 + 6 + 6 mm.
    assert (goal_b.tract_path, goal_b.tract_n_steps) == (("A", "D", "M", "B"), 2)
    assert goal_b.tract_delay_ms == pytest.approx(2.5)
    assert goal_m.path == ("A", "C", "M")
    assert (touch_b.path, touch_b.n_steps) == (("D", "M", "B"), 1)
    assert touch_m.path == ("D", "M")


def test_the_first_area_of_a_path_is_the_entry_that_is_nearest() -> None:
    goal, _ = path_latencies(network(PATHWAYS, entries=("A", "C")))
    assert (goal.path, goal.n_steps, goal.delay_ms) == (("C", "M"), 0, 10.0)


def test_an_action_area_that_a_sensation_enters_takes_nothing() -> None:
    goal, *_ = path_latencies(network(PATHWAYS, ("A",)))
    assert (goal.path, goal.n_steps, goal.delay_ms) == (("A",), 0, 0.0)


def test_unknown_lengths_count_steps_and_no_time() -> None:
    ways = [p.model_copy(update={"length_mm": None}) for p in PATHWAYS[:4]]
    goal, _ = path_latencies(network([*ways, *PATHWAYS[5:7]]))
    # By B within the step, of unknown length; by D the lengths are known.
    assert (goal.path, goal.n_steps, goal.delay_ms) == (("A", "B", "M"), 0, None)
    assert (goal.tract_path, goal.tract_n_steps) == (("A", "D", "M"), 1)
    goal, _ = path_latencies(network([*ways, pathway("D", "M", 0, 6.0)]))
    assert (goal.tract_path, goal.tract_n_steps, goal.tract_delay_ms) == (
        (),
        None,
        None,
    )


@pytest.mark.parametrize("velocity", [0.5, 6.0])
def test_steps_and_times_are_sums_along_the_named_paths(velocity: float) -> None:
    spec = network(PATHWAYS, ("A", "B", "C", "D", "M"))
    edges: Any = {(p.source, p.target): p for p in spec.pathways}
    for found in path_latencies(spec, velocity):
        for path, steps, ms in (
            (found.path, found.n_steps, found.delay_ms),
            (found.tract_path, found.tract_n_steps, found.tract_delay_ms),
        ):
            along = [edges[pair] for pair in pairwise(path)]
            assert steps == sum(p.lag for p in along)
            assert ms == pytest.approx(sum(p.length_mm for p in along) / velocity)
        assert found.n_steps <= (found.tract_n_steps or 0)


def test_a_note_keeps_a_path_and_its_numbers_together() -> None:
    notes = list(latency_notes(asdict(x) for x in path_latencies(network(PATHWAYS))))
    assert notes == [
        "goal to M: within the step by A > C > M (15 ms of tracts); on the shortest "
        "tracts 1 step later by A > D > M (2 ms of tracts)",
        "touch to M: within the step by D > M (1 ms of tracts)",
    ]
