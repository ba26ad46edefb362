# SPDX-License-Identifier: Apache-2.0
import random
import subprocess
import sys
from dataclasses import replace

import pytest

from atlasnet.atlas.assembly import build_graph, preset_graph
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.errors import IncompleteDataError, SpecError
from atlasnet.graph.graph import Projection, Region, RegionGraph
from atlasnet.graph.order import break_cycles
from atlasnet.plan.interface import Interface, hand_interface
from atlasnet.plan.planner import plan_network
from atlasnet.plan.sharing import UnitRule, unit_counts
from atlasnet.plan.spec import InputSpec, NetworkSpec, ValueSpec


def _edge(source, target, count, direction="feedforward", *, cited=False):
    rule = "cited" if cited else "structural_model"
    citation = "Somebody 1990" if cited else None
    return Projection(source, target, count, 60.0, 10.0, direction, rule, 0.5, citation)


def _region(name, cells=1e6, system="premotor"):
    return Region(
        name,
        "left",
        volume_mm3=100.0,
        cell_density_per_mm3=cells / 100.0,
        cell_density_rule="homologue",
        system=system,
    )


def _interface(enters, acts):
    return Interface(
        inputs=(InputSpec(name="touch", size=3, areas=enters),),
        action_areas=acts,
        policy_size=4,
        value=ValueSpec(areas=acts),
    )


def _plan(names, edges, enters, acts, **options):
    graph = RegionGraph([_region(name) for name in names], edges)
    return plan_network(graph, _interface(enters, acts), **options)


@pytest.fixture(scope="module")
def source():
    return SnapshotSource()


@pytest.fixture(scope="module")
def blind(source):
    return preset_graph(source, "fpn", blind=True)


@pytest.fixture(scope="module")
def spec(blind):
    return plan_network(blind, hand_interface(blind), name="fpn")


# Units -------------------------------------------------------------------------------


def test_units_are_proportional_to_cells():
    # 100 units for 1 + 3 + 6 = 10 parts: 10 each.
    counts = unit_counts({"a": 1.0, "b": 3.0, "c": 6.0}, UnitRule(total=100, floor=1))
    assert counts == {"a": 10, "b": 30, "c": 60}


def test_small_areas_get_the_floor_and_the_rest_is_shared_again():
    # 100 units, 1 + 3 + 16 + 80 = 100 parts. a and b are below 10: 80 units are left
    # for 96 parts; c would get 13.33 and d 66.67, and the larger remainder takes the
    # unit that is left over.
    counts = unit_counts(
        {"a": 1.0, "b": 3.0, "c": 16.0, "d": 80.0}, UnitRule(total=100, floor=10)
    )
    assert counts == {"a": 10, "b": 10, "c": 13, "d": 67}


def test_an_area_may_fall_below_the_floor_only_when_others_are_raised():
    # 30 units: shares 2, 10.4, 17.6. a is raised to 10; 20 are left for 52 + 88 = 140
    # parts: b would get 7.43, so it is raised too; c gets what is left.
    counts = unit_counts(
        {"a": 10.0, "b": 52.0, "c": 88.0}, UnitRule(total=30, floor=10)
    )
    assert counts == {"a": 10, "b": 10, "c": 10}


def test_the_largest_remainder_gets_the_unit_and_ties_go_by_name():
    # 10 units for three equal parts: 3.33 each; the first name gets the tenth.
    counts = unit_counts({"c": 1.0, "b": 1.0, "a": 1.0}, UnitRule(total=10, floor=1))
    assert counts == {"c": 3, "b": 3, "a": 4}


def test_the_exponent_flattens_the_distribution():
    # Square roots of 1 and 9: 1 to 3 instead of 1 to 9.
    cells = {"a": 1.0, "b": 9.0}
    rule = UnitRule(total=40, floor=1, exponent=0.5)
    assert unit_counts(cells, rule) == {"a": 10, "b": 30}
    assert unit_counts(cells, UnitRule(total=40, floor=1)) == {"a": 4, "b": 36}
    assert unit_counts(cells, UnitRule(total=40, floor=1, exponent=0)) == {
        "a": 20,
        "b": 20,
    }


@pytest.mark.parametrize("cells", [3e7, 1e4])
def test_an_exponent_beyond_all_numbers_names_the_area(cells):
    # 30 ** 400 is 1e591 and 0.01 ** 400 is 1e-800; numbers go from 1e-323 to 1e308.
    with pytest.raises(SpecError, match=r"cells of 'a', .* power of 400 leave"):
        unit_counts({"b": 1e6, "a": cells}, UnitRule(exponent=400))


def test_the_total_may_be_exactly_the_floors():
    assert unit_counts({"a": 1.0, "b": 9.0}, UnitRule(total=64, floor=32)) == {
        "a": 32,
        "b": 32,
    }


def test_a_total_below_the_floors_says_the_smallest_total():
    with pytest.raises(SpecError, match=r"63 units are too few.*at least 64"):
        unit_counts({"a": 1.0, "b": 9.0}, UnitRule(total=63, floor=32))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"total": 0}, "Invalid unit rule at 'total'"),
        ({"floor": 0}, "Invalid unit rule at 'floor'"),
        ({"exponent": -1.0}, "Invalid unit rule at 'exponent'"),
        ({"totel": 100}, "Unknown unit rule key 'totel'. Close matches: total"),
    ],
)
def test_a_unit_rule_that_cannot_be_is_refused(change, message):
    with pytest.raises(SpecError, match=message):
        UnitRule(**change)


@pytest.mark.parametrize("cells", [0.0, -1.0, float("nan"), float("inf")])
def test_a_cell_count_that_cannot_be_is_refused(cells):
    with pytest.raises(SpecError, match="cell count of 'a'"):
        unit_counts({"a": cells}, UnitRule())


@pytest.mark.parametrize("seed", range(5))
def test_totals_are_exact_floors_hold_and_a_permutation_permutes_only(seed):
    rng = random.Random(seed)
    cells = {f"area {i}": rng.lognormvariate(18.0, 1.5) for i in range(35)}
    rule = UnitRule(total=2048, floor=32, exponent=rng.choice([0.5, 0.7, 1.0]))
    counts = unit_counts(cells, rule)
    assert sum(counts.values()) == 2048
    assert min(counts.values()) >= 32
    ranked = sorted(cells, key=cells.__getitem__)
    assert [counts[n] for n in ranked] == sorted(counts.values())
    names = list(cells)
    rng.shuffle(names)
    assert unit_counts({name: cells[name] for name in names}, rule) == counts


# Cycles and order --------------------------------------------------------------------


def test_a_cycle_is_broken_at_its_weakest_projection():
    edges = [_edge("a", "b", 50), _edge("b", "c", 20), _edge("c", "a", 10)]
    kept, closing = break_cycles(edges)
    assert kept == (edges[0], edges[1])
    assert closing == (edges[2],)


def test_an_uncited_projection_is_weaker_than_a_cited_one():
    edges = [_edge("a", "b", 10, cited=True), _edge("b", "a", 999)]
    assert break_cycles(edges) == ((edges[0],), (edges[1],))


def test_a_projection_outside_cycles_is_never_set_aside():
    edges = [_edge("a", "b", 1), _edge("b", "c", 50), _edge("c", "b", 60)]
    kept, closing = break_cycles(edges)
    assert edges[0] in kept
    assert closing == (edges[1],)


def test_two_cycles_through_one_weak_projection_are_both_broken_by_it():
    edges = [
        _edge("a", "b", 1),
        _edge("b", "c", 9),
        _edge("c", "a", 9),
        _edge("b", "d", 8),
        _edge("d", "a", 8),
    ]
    assert break_cycles(edges)[1] == (edges[0],)


def test_an_area_keeps_the_system_of_its_region():
    spec = _plan("ab", [_edge("a", "b", 9.0)], ("a",), ("b",))
    assert [area.system for area in spec.areas] == ["premotor", "premotor"]


def test_what_closes_a_cycle_acts_a_step_later_and_is_reported():
    edges = [_edge("a", "b", 50), _edge("b", "a", 10), _edge("b", "c", 5, "lateral")]
    spec = _plan("abc", edges, ("a",), ("c",), rule=UnitRule(total=96))
    timing = {(p.source, p.target): (p.timing, p.direction) for p in spec.pathways}
    assert timing == {
        ("a", "b"): ("same_step", "feedforward"),
        ("b", "a"): ("previous_step", "feedforward"),
        ("b", "c"): ("previous_step", "lateral"),
    }
    assert spec.provenance["closing_cycles"] == "b -> a"


def test_areas_stand_in_the_order_of_computation_and_ties_go_by_name():
    edges = [_edge("d", "a", 9), _edge("c", "b", 9), _edge("a", "b", 9)]
    spec = _plan("abcd", edges, ("c", "d"), ("b",), rule=UnitRule(total=128))
    assert [area.name for area in spec.areas] == ["c", "d", "a", "b"]


# Planning ----------------------------------------------------------------------------


def test_the_preset_is_planned_with_the_documented_defaults(spec):
    assert spec.n_units == 2048
    assert min(area.n_units for area in spec.areas) == 32
    assert spec.area("4p left").n_units == 32
    assert spec.area("3b left").n_units > spec.area("3a left").n_units
    assert spec.control_step_s == 0.02
    assert spec.action_areas == ("4a left", "4p left")
    assert spec.value.auxiliary_size == 30
    assert spec.policy_size == 220


def test_without_a_floor_m1_would_have_a_handful_of_units(source):
    # Of 7.029e9 cells in 35 nodes 4a has 6.04e7, 4p 3.25e7, V6 9.0e6 and V1 1.29e9;
    # times 2048 / 7.029e9 that is 17.6, 9.48, 2.62 and 376.9.
    graph = preset_graph(source, "fpn", blind=False)
    cells = {region.node: region.cell_count for region in graph.regions}
    counts = unit_counts(cells, UnitRule(floor=1))
    assert (counts["4a"], counts["4p"], counts["V6"], counts["V1"]) == (18, 9, 3, 377)


def test_primary_sensory_areas_are_dense_and_all_others_recurrent(source):
    graph = preset_graph(source, "fpn", blind=False)
    spec = plan_network(graph, hand_interface(graph))
    dense = {
        area.name.removesuffix(" left") for area in spec.areas if area.cell == "dense"
    }
    visual = {"V1", "V2", "V3d", "V3A", "V6", "MT", "LO"}
    assert dense == {"3a", "3b", "1", "2"} | visual


def test_every_pathway_of_the_graph_is_in_the_spec_and_no_other(blind, spec):
    assert {(p.source, p.target) for p in spec.pathways} == {
        (e.source, e.target) for e in blind.projections
    }
    for pathway in spec.pathways:
        if pathway.timing == "same_step":
            assert pathway.direction == "feedforward"


def test_the_spec_says_where_its_numbers_come_from(source, spec):
    assert source.checksum in spec.provenance["snapshot_checksum"]
    assert spec.provenance["unit_rule"].startswith("2048 units")
    assert UnitRule.read(spec.provenance["unit_rule"]) == UnitRule()
    at_floor = {area.name for area in spec.areas if area.n_units == 32}
    assert at_floor
    assert set(spec.areas_at_floor) == at_floor
    unknown = spec.model_copy(update={"provenance": {"unit_rule": "by hand"}})
    assert unknown.areas_at_floor == ()
    assert "proprioception enters 3a left" in spec.provenance["interface"]
    assert NetworkSpec.from_json(spec.to_json()) == spec


def test_a_permutation_of_the_regions_plans_the_same_network(blind, spec):
    regions, edges = list(blind.regions), list(blind.projections)
    random.Random(1).shuffle(regions)
    random.Random(2).shuffle(edges)
    shuffled = RegionGraph(regions, edges, blind.metadata)
    assert plan_network(shuffled, hand_interface(shuffled), name="fpn") == spec


def test_an_area_without_density_or_volume_is_named(source):
    graph = build_graph(source, ["Frontal-I (GapMap)", "Area 4p (PreCG)"])
    interface = _interface(("Area 4p (PreCG) left",), ("Area 4p (PreCG) left",))
    with pytest.raises(
        IncompleteDataError, match=r"'Frontal-I \(GapMap\) left' has no volume"
    ):
        plan_network(graph, interface)
    amygdala = build_graph(source, ["LB (Amygdala)", "Area 4p (PreCG)"])
    with pytest.raises(IncompleteDataError, match=r"LB .* has no cell density"):
        plan_network(amygdala, interface)


def test_a_total_below_the_floors_is_refused(blind):
    with pytest.raises(
        SpecError, match="28 areas with a floor of 32 need at least 896"
    ):
        plan_network(blind, hand_interface(blind), UnitRule(total=895))


def test_an_action_area_that_no_sensation_reaches_is_refused():
    with pytest.raises(SpecError, match="No sensation reaches the action area 'b'"):
        _plan("ab", [], ("a",), ("b",), rule=UnitRule(total=64))


def test_an_area_without_any_input_is_refused():
    edges = [_edge("a", "b", 9), _edge("c", "b", 9)]
    with pytest.raises(SpecError, match="'c' has no input"):
        _plan("abc", edges, ("a",), ("b",), rule=UnitRule(total=96))


def test_four_regions_are_planned_with_defaults(source):
    graph = build_graph(
        source,
        ["Area 4p (PreCG)", "Area 3a (PostCG)", "Area 2 (PostCS)", "Area hIP2 (IPS)"],
    )
    spec = plan_network(graph, hand_interface(graph), UnitRule(total=512))
    assert spec.n_units == 512
    names = [area.name for area in spec.areas]
    assert names.index("Area 3a (PostCG) left") < names.index("Area 4p (PreCG) left")
    assert spec.area("Area 2 (PostCS) left").cell == "dense"
    assert spec.area("Area hIP2 (IPS) left").cell == "rate"


@pytest.mark.parametrize("field", ["volume_mm3", "cell_density_per_mm3"])
def test_units_follow_volume_and_density(field):
    # Twice the volume or density of an area: twice its units.
    regions = [_region("a"), _region("b")]
    regions[1] = replace(regions[1], **{field: 2 * getattr(regions[1], field)})
    graph = RegionGraph(regions, [_edge("a", "b", 9)])
    spec = plan_network(graph, _interface(("a",), ("b",)), UnitRule(total=300))
    assert [area.n_units for area in spec.areas] == [100, 200]


@pytest.mark.slow
def test_graph_and_plan_load_no_keras():
    code = """
import sys
from atlasnet.atlas.assembly import preset_graph
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.plan.interface import hand_interface
from atlasnet.plan.planner import plan_network
graph = preset_graph(SnapshotSource(), "fpn", blind=True)
plan_network(graph, hand_interface(graph))
heavy = {"keras", "tensorflow", "matplotlib", "nilearn", "siibra"} & set(sys.modules)
print(sorted(heavy))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"
