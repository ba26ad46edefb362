# SPDX-License-Identifier: Apache-2.0
"""What a user may choose about a plan, and what becomes of it."""

import math
from typing import Any

import pytest

from atlasnet.errors import RegionNotFoundError, SpecError
from atlasnet.graph.graph import Projection, Region, RegionGraph
from atlasnet.plan.area import AreaSpec
from atlasnet.plan.interface import Interface, hand_interface
from atlasnet.plan.latency import path_latencies
from atlasnet.plan.options import PlanOptions
from atlasnet.plan.planner import plan_network
from atlasnet.plan.sharing import UnitRule
from atlasnet.plan.spec import InputSpec, NetworkSpec, PathwaySpec, ValueSpec


def region(node: str, system: str) -> Region:
    return Region(
        f"{node} left",
        "left",
        volume_mm3=10.0,
        cell_density_per_mm3=10.0,
        cell_density_rule="table",
        node=node,
        system=system,
    )


def edge(
    source: str, target: str, count: float, length_mm: float | None, direction: Any
) -> Projection:
    names = f"{source} left", f"{target} left"
    return Projection(*names, count, length_mm, None, direction, "structural_model")


def plan(**kwargs: Any) -> NetworkSpec:
    """S (dense) -> P, Q -> M, with feedback from M; 20 ms a step."""
    graph = RegionGraph(
        [
            region("S", "primary somatosensory"),
            region("P", "parietal association"),
            region("Q", "premotor"),
            region("M", "primary motor"),
        ],
        [
            edge("S", "P", 99.0, 60.0, "feedforward"),
            edge("S", "Q", 999.0, 30.0, "feedforward"),
            edge("P", "M", 9.0, 202.0, "feedforward"),
            edge("Q", "M", 9999.0, 12.0, "feedforward"),
            edge("M", "P", 9.0, 12.0, "feedback"),
            edge("M", "Q", 0.0, None, "feedback"),
        ],
    )
    interface = Interface(
        inputs=(InputSpec(name="touch", size=3, areas=("S left",)),),
        action_areas=("M left",),
        policy_size=2,
        value=ValueSpec(areas=("M left",)),
    )
    return plan_network(
        graph,
        interface,
        UnitRule(total=40, floor=5),
        options=PlanOptions(**kwargs) if kwargs else None,
    )


def pathways(spec: NetworkSpec) -> dict[str, PathwaySpec]:
    return {f"{p.source[0]}{p.target[0]}": p for p in spec.pathways}


def cells(spec: NetworkSpec) -> dict[str, str]:
    return {area.name[0]: area.cell for area in spec.areas}


def test_by_default_primary_sensory_areas_have_no_memory() -> None:
    assert cells(plan()) == {"S": "dense", "P": "rate", "Q": "rate", "M": "rate"}


def test_one_cell_is_that_of_all_areas_with_a_memory() -> None:
    assert cells(plan(cell="gru")) == {"S": "dense", "P": "gru", "Q": "gru", "M": "gru"}


def test_the_cell_of_a_single_area_wins() -> None:
    chosen = plan(cell="rnn", cells={"m": "lstm", "S left": "rate"})
    assert cells(chosen) == {"S": "rate", "P": "rnn", "Q": "rnn", "M": "lstm"}


def test_an_area_that_is_not_there_is_refused() -> None:
    with pytest.raises(RegionNotFoundError, match="'4p'"):
        plan(cells={"4p": "lstm"})


def test_activation_and_time_constant_are_those_chosen() -> None:
    areas = plan(activation="relu", time_constant_s=0.1).areas
    assert {(a.activation, a.time_constant_s) for a in areas} == {("relu", 0.1)}


def test_gains_go_with_the_logarithm_of_streamline_counts() -> None:
    by_name = pathways(plan(gain="streamlines", strength="fixed"))
    # To M: log10(10) = 1 and log10(10000) = 4, root mean square sqrt(17 / 2).
    rms = 8.5**0.5
    assert by_name["PM"].strength == pytest.approx(1 / rms)
    assert by_name["QM"].strength == pytest.approx(4 / rms)
    # Alone among what drives P and what modulates Q: an even share.
    assert by_name["SP"].strength == pytest.approx(1.0)
    assert by_name["MQ"].strength == pytest.approx(1.0)
    assert {p.strength_use for p in by_name.values()} == {"fixed"}


def test_shares_go_with_streamline_counts() -> None:
    by_name = pathways(plan(gain="input_share"))
    # To M: 9 and 9999 streamlines, root mean square sqrt((9^2 + 9999^2) / 2).
    rms = ((9.0**2 + 9999.0**2) / 2) ** 0.5
    assert by_name["PM"].strength == pytest.approx(9.0 / rms)
    assert by_name["QM"].strength == pytest.approx(9999.0 / rms)


def test_shares_are_of_all_that_arrives_whenever_it_does() -> None:
    edges = [
        Projection("A left", "D left", 2.0, None, None, "feedforward", "none"),
        Projection("B left", "D left", 6.0, None, None, "lateral", "none"),
        Projection("C left", "D left", 8.0, None, None, "feedback", "none"),
    ]
    graph = _graph_of_three(*edges)
    found = _plan_of(graph, "input_share").pathways
    assert [p.timing for p in found] == ["same_step", "previous_step", "previous_step"]
    # As the connectome has them: 2, 6 and 8 streamlines, root mean square sqrt(104/3).
    rms = (104 / 3) ** 0.5
    assert [p.strength for p in found] == pytest.approx([2 / rms, 6 / rms, 8 / rms])
    # The others share the step's drive (A alone) and that of the step before by itself.
    logs = [math.log10(7.0), math.log10(9.0)]
    rms = (sum(x * x for x in logs) / 2) ** 0.5
    assert [p.strength for p in _plan_of(graph, "streamlines").pathways] == (
        pytest.approx([1.0, logs[0] / rms, logs[1] / rms])
    )


def _graph_of_three(*edges: Projection) -> RegionGraph:
    cells = {"volume_mm3": 1.0, "cell_density_per_mm3": 1.0}
    regions = [
        Region(f"{n} left", "left", **cells, cell_density_rule="table") for n in "ABCD"
    ]
    return RegionGraph(regions, edges)


@pytest.mark.parametrize(
    ("gain", "counts", "expected"),
    [
        # Without a streamline: the least of the others, 1 of 1, 4 and 1.
        ("streamlines", (9.0, 9999.0, 0.0), (1.0, 4.0, 1.0)),
        ("input_share", (2.0, 6.0, 0.0), (2.0, 6.0, 2.0)),
        ("equal", (2.0, 6.0, 0.0), (1.0, 1.0, 1.0)),
    ],
)
def test_what_no_streamline_measures_is_not_loud(gain, counts, expected) -> None:
    graph = _graph_of_three(
        *(
            Projection(f"{a} left", "D left", n, None, None, "feedforward", "none")
            for a, n in zip("ABC", counts, strict=True)
        )
    )
    found = [p.strength for p in _plan_of(graph, gain).pathways]
    rms = (sum(x * x for x in expected) / 3) ** 0.5
    assert found == pytest.approx([x / rms for x in expected])


def test_a_weak_pathway_is_weak_under_every_gain() -> None:
    weak = {"is_weak": True, "evidence_against": "seen by nobody"}
    edges = [
        Projection("A left", "D left", 5000.0, None, None, "feedforward", "none"),
        Projection("B left", "D left", 50.0, None, None, "feedforward", "none"),
        Projection(
            "C left", "D left", 9000.0, None, None, "feedforward", "none", **weak
        ),
    ]
    graph = _graph_of_three(*edges)
    for gain, ratio in (("equal", 0.1), ("streamlines", 1.0), ("input_share", 1.0)):
        a, b, c = (p.strength for p in _plan_of(graph, gain).pathways)
        assert c == pytest.approx(ratio * min(a, b))


def _plan_of(graph: RegionGraph, gain: str) -> NetworkSpec:
    interface = hand_interface(
        graph,
        inputs={"goal": ["A left", "B left", "C left"]},
        action=["D left"],
        value=["D left"],
        without=["touch", "vision", "proprioception"],
    )
    rule = UnitRule(total=40, floor=4)
    return plan_network(graph, interface, rule, options={"gain": gain})


def test_a_delay_is_at_most_1000_control_steps() -> None:
    # 202 mm at 0.0101 m/s take 20 s: 1,000 steps of 20 ms.
    by_name = pathways(plan(has_delays=True, conduction_velocity_m_per_s=0.0101))
    assert by_name["PM"].delay_steps == 1000
    with pytest.raises(SpecError, match=r"P left -> M left .* 2\.02e\+04 ms"):
        plan(has_delays=True, conduction_velocity_m_per_s=0.01)
    for endless in (1e-12, 5e-324):
        with pytest.raises(SpecError, match="more than 1,000 control steps"):
            plan(has_delays=True, conduction_velocity_m_per_s=endless)
    assert plan(conduction_velocity_m_per_s=1e-12)  # without delays it is not used


def test_delays_are_tract_lengths_in_control_steps() -> None:
    by_name = pathways(plan(has_delays=True))
    # 202 mm at 6 m/s are 33.7 ms, 1.7 steps of 20 ms; 60 mm are 10 ms: half a step,
    # which rounds to the even 0; 12 mm are 2 ms, but feedback takes a step at least.
    found = {name: p.lag for name, p in by_name.items()}
    assert found == {"SP": 0, "SQ": 0, "PM": 2, "QM": 0, "MP": 1, "MQ": 1}
    slow = pathways(plan(has_delays=True, conduction_velocity_m_per_s=1.0))
    # 202 ms: 10 steps; 60 ms: 3; 30 ms: 1.5, which rounds to 2.
    assert [slow[name].lag for name in ("PM", "SP", "SQ")] == [10, 3, 2]
    assert {p.lag for p in pathways(plan()).values()} == {0, 1}


def test_dales_principle_holds_in_every_area() -> None:
    areas = plan(inhibitory_share=0.25, activation="softplus").areas
    shares = {area.name[0]: area.inhibitory_share for area in areas}
    assert shares == {"S": 0.0, "P": 0.25, "Q": 0.25, "M": 0.25}
    # S is dense and comes first, but has no weights inside for the share.
    with pytest.raises(
        SpecError, match=r"'[MPQ] left' .* inhibitory share of 0\.25: .* relu"
    ):
        plan(inhibitory_share=0.25)


def test_a_share_that_leaves_no_unit_of_a_sign_is_refused() -> None:
    def area(n_units: int, share: float) -> AreaSpec:
        return AreaSpec(
            name="a",
            n_units=n_units,
            cell="rate",
            activation="relu",
            inhibitory_share=share,
        )

    # 0.01 of 32 units are 0.32: none; 1/32 of them is one.
    with pytest.raises(SpecError, match=r"none of its 32 .* at least 0\.031"):
        area(32, 0.01)
    with pytest.raises(SpecError, match=r"none of its 32 units would excite.* 0\.9688"):
        area(32, 0.99)
    assert area(32, 0.02).n_inhibitory == 1
    assert area(32, 0.0).n_inhibitory == 0
    assert area(32, 0.98).n_inhibitory == 31


def test_noise_costs_and_value_stem_reach_the_spec() -> None:
    spec = plan(noise_std=0.1, activity_cost=0.2, wiring_cost=0.3, value_stem="copy")
    assert (spec.noise_std, spec.activity_cost, spec.wiring_cost) == (0.1, 0.2, 0.3)
    assert spec.value.stem == "copy"
    assert '"noise_std":0.1' in spec.provenance["options"]
    assert "options" not in plan().provenance


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (
            {"cells": {"4p": "spiking"}},
            "Invalid plan at 'cells.4p': Input should be 'dense', 'rate'",
        ),
        (
            {"cell": "spiking"},
            "plan at 'cell': Input should be 'dense', 'rate'",
        ),
        ({"delay": True}, "Unknown plan key 'delay'. Close matches: has_delays"),
        ({"noise_std": -1.0}, "Invalid plan at 'noise_std'.*got -1.0"),
    ],
)
def test_options_that_cannot_be_are_refused(
    kwargs: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        PlanOptions(**kwargs)


def test_latencies_are_those_of_the_fastest_path() -> None:
    (latency,) = path_latencies(plan())
    # By Q: 30 + 12 mm at 6 m/s, 7 ms; all feedforward, so within the step.
    assert latency.path == ("S left", "Q left", "M left")
    assert latency.delay_ms == pytest.approx(7.0)
    assert (latency.sensation, latency.area, latency.n_steps) == ("touch", "M left", 0)
    (slow,) = path_latencies(
        plan(has_delays=True, conduction_velocity_m_per_s=1.0), 1.0
    )
    # 30 ms and 12 ms, each rounded: 1.5 to 2 steps, 0.6 to 1.
    assert (slow.tract_n_steps, slow.tract_delay_ms) == (2 + 1, pytest.approx(42.0))
    assert (slow.path, slow.n_steps) == (slow.tract_path, slow.tract_n_steps)
