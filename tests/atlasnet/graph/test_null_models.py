# SPDX-License-Identifier: Apache-2.0
"""Each null model keeps what it promises and loses what it is for."""

from collections import Counter
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from scipy import stats

from atlasnet.atlas.assembly import all_regions_graph, preset_graph
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.commands.summary import report_lines
from atlasnet.errors import GraphError, SpecError
from atlasnet.graph.graph import Projection, Region, RegionGraph
from atlasnet.graph.loss import mixing, what_is_left
from atlasnet.graph.null_models import NULL_MODELS, randomize
from atlasnet.graph.rewiring import distances_mm
from atlasnet.plan.interface import hand_interface
from atlasnet.plan.planner import plan_network
from atlasnet.plan.sharing import UnitRule, unit_counts

SEEDS = range(2)


@pytest.fixture(scope="module")
def graph() -> RegionGraph:
    """Both hemispheres, so that there are callosal edges."""
    rules = GraphRules(weight="log")
    return preset_graph(SnapshotSource(), "fpn", "both", blind=True, rules=rules)


def ends(graph: RegionGraph) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in graph.projections}


def measurements(graph: RegionGraph) -> Counter:
    return Counter(
        (e.streamline_count, e.length_mm, e.delay_ms, e.weight)
        for e in graph.projections
    )


def degrees(graph: RegionGraph) -> Counter:
    """Projections that leave and enter every region, by class and hemispheres."""
    out = Counter((e.source, e.direction, e.is_callosal) for e in graph.projections)
    into = Counter(
        (e.target, e.direction, e.is_callosal, "in") for e in graph.projections
    )
    return out + into


def cells(graph: RegionGraph) -> list[float]:
    return sorted(region.cell_count or 0.0 for region in graph.regions)


@pytest.mark.parametrize("model", NULL_MODELS)
def test_the_seed_alone_decides_and_the_metadata_name_it(
    graph: RegionGraph, model: str
) -> None:
    null = randomize(graph, model, 3)
    assert null == randomize(graph, model, 3)
    assert null.metadata["null_model"] == model
    assert null.metadata["null_model_seed"] == 3
    assert null.metadata["null_model_keeps"] == NULL_MODELS[model].keeps
    assert null.names == graph.names
    if model not in ("fully_connected", "equal_units"):
        assert null != randomize(graph, model, 4)


@pytest.mark.parametrize("seed", SEEDS)
def test_rewiring_keeps_degrees_and_measurements(graph: RegionGraph, seed: int) -> None:
    null = randomize(graph, "rewired", seed)
    assert degrees(null) == degrees(graph)
    assert measurements(null) == measurements(graph)
    assert null.regions == graph.regions
    moved = null.metadata["null_model_new_projections"]
    assert moved == len(ends(null) - ends(graph))
    # Half of all pairs are joined, so many a swap leads to another joined pair.
    assert moved > 0.2 * len(graph.projections)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_direction_that_was_moved_is_claimed_by_nobody(
    graph: RegionGraph, seed: int
) -> None:
    null = randomize(graph, "rewired", seed)
    for edge in null.projections:
        if (edge.source, edge.target) in ends(graph):
            continue
        assert edge.direction_rule == "null_model"
        assert edge.citation is None
        assert edge.sln is None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_distance_surrogate_keeps_distances_too(
    graph: RegionGraph, seed: int
) -> None:
    null, rewired = (
        randomize(graph, model, seed) for model in ("distance_surrogate", "rewired")
    )
    distance = distances_mm(graph)

    def spans(which: RegionGraph) -> np.ndarray:
        return np.array([distance[e.source, e.target] for e in which.projections])

    limits = np.quantile(spans(graph), np.linspace(0, 1, 11)[1:-1])
    before, after = (
        np.bincount(np.searchsorted(limits, spans(g)), minlength=10)
        for g in (graph, null)
    )
    # As many are too many as too few: 1.7 sqrt(n) of n are in another bin.
    assert np.abs(before - after).sum() <= 3.4 * np.sqrt(len(graph.projections))
    largest = stats.ks_2samp(spans(graph), spans(null)).statistic
    assert largest < 0.1 < stats.ks_2samp(spans(graph), spans(rewired)).statistic
    assert degrees(null) == degrees(graph)
    assert measurements(null) == measurements(graph)
    assert mixing(graph, null) > 0.3
    # What is long stays long: measured lengths go with the distance as before.
    lengths = [
        stats.spearmanr(
            [distance[e.source, e.target] for e in g.projections if e.length_mm],
            [e.length_mm for e in g.projections if e.length_mm],
        ).statistic
        for g in (graph, null)
    ]
    assert lengths[1] > lengths[0] - 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_reciprocal_rewiring_keeps_pairs(graph: RegionGraph, seed: int) -> None:
    null = randomize(graph, "rewired_reciprocal", seed)
    assert degrees(null) == degrees(graph)
    assert measurements(null) == measurements(graph)

    def pairs(which: RegionGraph) -> Counter:
        return Counter(
            (
                e.direction,
                e.streamline_count,
                which.projection(e.target, e.source).direction,
                which.projection(e.target, e.source).streamline_count,
            )
            if which.has_projection(e.target, e.source)
            else (e.direction, e.streamline_count)
            for e in which.projections
        )

    assert pairs(null) == pairs(graph)
    assert mixing(graph, null) > 0.4


@pytest.mark.parametrize("seed", SEEDS)
def test_strengths_are_kept_where_they_are_dealt(graph: RegionGraph, seed: int) -> None:
    null, plain = (randomize(graph, m, seed) for m in ("rewired_strengths", "rewired"))
    assert degrees(null) == degrees(graph)
    assert measurements(null) == measurements(graph)

    def strengths(which: RegionGraph) -> np.ndarray:
        total = Counter({(n, way): 0.0 for n in graph.names for way in ("in", "out")})
        for edge in which.projections:
            total[edge.source, "out"] += edge.strength
            total[edge.target, "in"] += edge.strength
        return np.array([total[key] for key in sorted(total)])

    def error(which: RegionGraph) -> float:
        return float(np.abs(strengths(which) - strengths(graph)).sum())

    assert error(null) < 0.35 * error(plain)


def test_what_is_left_by_hand() -> None:
    places = {"a": 0.0, "b": 3.0, "c": 4.0}
    regions = [
        Region(f"{name} left", "left", centroid_mm=(x, 0.0, 0.0))
        for name, x in places.items()
    ]

    def joined(*ends: str) -> RegionGraph:
        return RegionGraph(
            regions,
            [
                Projection(f"{a} left", f"{b} left", 10.0, 1.0, 1.0, "lateral", "none")
                for a, b in ends
            ],
        )

    before, after = joined("ab", "ba", "bc"), joined("ab", "ac", "bc")
    found = {one.what: one for one in what_is_left(before, after)}
    # One of three is new; of six pairs three are joined: 1/3 over 1/2.
    assert mixing(before, after) == pytest.approx(2 / 3)
    assert found["reciprocity"].before == pytest.approx(2 / 3)
    assert found["reciprocity"].after == 0.0
    # 3, 3, 1 mm and 3, 4, 1 mm.
    assert found["mean distance (mm)"].after == pytest.approx(8 / 3)
    assert found["projections"].verdict == "kept"
    same = what_is_left(before, before)
    assert {one.verdict for one in same} == {"kept"}


def test_the_table_of_what_is_left_serves_graphs_of_all_regions() -> None:
    whole = all_regions_graph(SnapshotSource(), "both")
    assert len(whole) == 294
    found = {
        one.what: one
        for one in what_is_left(whole, randomize(whole, "rewired_reciprocal", 0))
    }
    assert found["reciprocity"].verdict == "kept"
    assert found["projections that enter a region"].verdict == "kept"
    assert found["projections in their place"].after < 0.4


@pytest.mark.parametrize("seed", SEEDS)
def test_shuffled_weights_keep_everything_else(graph: RegionGraph, seed: int) -> None:
    null = randomize(graph, "shuffled_weights", seed)
    blank = {"streamline_count": 0.0, "weight": None}
    blank |= {"is_weak": False, "evidence_against": None}
    for a, b in zip(graph.projections, null.projections, strict=True):
        assert replace(b, **blank) == replace(a, **blank)
    assert Counter(e.streamline_count for e in null.projections) == Counter(
        e.streamline_count for e in graph.projections
    )
    for edge in null.projections:
        if null.has_projection(edge.target, edge.source):
            back = null.projection(edge.target, edge.source)
            assert back.streamline_count == edge.streamline_count
    assert null.projections != graph.projections


@pytest.mark.parametrize("seed", SEEDS)
def test_shuffled_units_keep_the_set_of_unit_counts(
    graph: RegionGraph, seed: int
) -> None:
    null = randomize(graph, "shuffled_units", seed)
    assert null.projections == graph.projections
    assert cells(null) == cells(graph)
    rule = UnitRule(total=4096, floor=8)

    def units(which: RegionGraph) -> list[int]:
        counts = {r.name: r.cell_count or 0.0 for r in which.regions}
        return sorted(unit_counts(counts, rule).values())

    assert units(null) == units(graph)
    assert {r.cell_density_rule for r in null.regions} == {"null_model"}


def test_equal_units_keep_the_number_of_cells(graph: RegionGraph) -> None:
    null = randomize(graph, "equal_units", 0)
    assert null.projections == graph.projections
    assert len(set(cells(null))) == 1
    assert sum(cells(null)) == pytest.approx(sum(cells(graph)))
    rule = UnitRule(total=28 * 2 * 40, floor=1)
    spec = plan_network(null, hand_interface(null), rule)
    assert {area.n_units for area in spec.areas} == {40}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_graph_keeps_sizes_and_has_no_cycle(
    graph: RegionGraph, seed: int
) -> None:
    null = randomize(graph, "random", seed)
    assert Counter(e.direction for e in null.projections) == Counter(
        e.direction for e in graph.projections
    )
    assert measurements(null) == measurements(graph)
    assert null.metadata["closing_cycles"] == []
    assert null.regions == graph.regions
    side = {r.name: r.hemisphere for r in null.regions}
    for edge in null.projections:
        assert edge.is_callosal == (side[edge.source] != side[edge.target])


def test_a_fully_connected_graph_has_every_pair_and_the_old_ones(
    graph: RegionGraph,
) -> None:
    null = randomize(graph, "fully_connected", 0)
    n = len(graph)
    assert len(null.projections) == n * (n - 1)
    for edge in graph.projections:
        assert null.projection(edge.source, edge.target) == edge
    added = [
        e for e in null.projections if not graph.has_projection(e.source, e.target)
    ]
    assert {edge.direction_rule for edge in added} == {"null_model"}
    typical = np.median([e.streamline_count for e in graph.projections])
    assert {edge.streamline_count for edge in added} == {typical}


@pytest.mark.parametrize("model", NULL_MODELS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_network_can_be_planned_on_every_null_model(model: str, seed: int) -> None:
    graph = preset_graph(SnapshotSource(), "fpn", blind=True)
    null = randomize(graph, model, seed)
    gains = {"gain": "streamlines"}
    spec = plan_network(null, hand_interface(null), options=gains)
    assert spec.n_units == 2048
    assert spec.provenance["null_model"] == model


def test_shuffled_weights_that_nothing_reads_are_refused() -> None:
    null = randomize(preset_graph(SnapshotSource()), "shuffled_weights", 0)
    with pytest.raises(SpecError, match="gain 'streamlines'"):
        plan_network(null, hand_interface(null), options={"gain": "equal"})


def test_the_report_on_the_parts_of_a_graph_is_of_the_null_model() -> None:
    regions = [Region(name, "left") for name in "abcd"]
    edges = [
        Projection(*ends, 1.0, None, None, "lateral", "none")
        for ends in (("a", "b"), ("b", "a"))
    ]
    graph = RegionGraph(regions, edges, {"n_components": 3, "isolated_regions": ["c"]})
    null = randomize(graph, "fully_connected", 0)
    assert null.metadata["n_components"] == 1
    assert null.metadata["isolated_regions"] == []
    same = randomize(graph, "shuffled_weights", 0)
    assert same.metadata["n_components"] == 3
    assert same.metadata["isolated_regions"] == ["c", "d"]


def test_what_is_missing_is_refused(graph: RegionGraph) -> None:
    bare = RegionGraph([Region("a left", "left"), Region("b left", "left")])
    for model, reason in (
        ("distance_surrogate", "centroid"),
        ("equal_units", "volume"),
        ("fully_connected", "no typical one"),
    ):
        with pytest.raises(GraphError, match=reason):
            randomize(bare, model, 0)
    with pytest.raises(GraphError, match=r"No null model 'rewire'.*rewired"):
        randomize(graph, "rewire", 0)
    with pytest.raises(GraphError, match="seed is a whole number"):
        randomize(graph, "rewired", -1)


def test_what_a_null_model_cites_is_in_the_bibliography() -> None:
    text = (files("atlasnet.data") / "references.bib").read_text(encoding="utf-8")
    for name, model in NULL_MODELS.items():
        for key in model.references:
            assert f"{{{key}," in text, name


@pytest.mark.parametrize("model", ["rewired", "rewired_strengths", "random"])
def test_the_literature_says_nothing_of_a_pathway_that_moved(
    graph: RegionGraph, model: str
) -> None:
    null = randomize(graph, model, 1)
    moved = [e for e in null.projections if e.direction_rule == "null_model"]
    assert len(moved) > 300
    assert {edge.presence for edge in moved} == {"null_model"}
    assert {(e.citation, e.direction_probability) for e in moved} == {(None, None)}
    evidence = [str(e.evidence_against) for e in moved if e.is_weak]
    assert evidence
    assert all(" -> " in text and text.startswith("of ") for text in evidence)
    # Some of what the graph leaves out by the literature is in the null model.
    denied = [
        tuple(text.split(":")[0].split(" -> "))
        for text in graph.metadata["left_out_pathways"]
    ]
    assert any(null.has_projection(*pair) for pair in denied)
    assert null.metadata["left_out_pathways"] == []


@pytest.mark.parametrize(
    "model", ["rewired", "rewired_strengths", "distance_surrogate", "shuffled_weights"]
)
def test_what_is_weak_is_so_wherever_its_strength_goes(
    graph: RegionGraph, model: str
) -> None:
    """A plan reads weakness before it reads the count: both must move together."""

    def strengths(graph: RegionGraph) -> Counter:
        return Counter((e.streamline_count, e.is_weak) for e in graph.projections)

    null = randomize(graph, model, 1)
    assert strengths(null) == strengths(graph)
    weak = [edge.strength for edge in null.projections if edge.is_weak]
    others = [edge.strength for edge in null.projections if not edge.is_weak]
    assert max(weak) <= min(s for s in others if s > 0)


def test_a_graph_in_which_nothing_can_move_says_that_nothing_has() -> None:
    regions = [Region(f"{n} left", "left", centroid_mm=(0.0, 0.0, 1.0)) for n in "abc"]
    ends = [(a.name, b.name) for a in regions for b in regions if a is not b]
    all_joined = [
        Projection(a, b, 10.0, 1.0, 1.0, "lateral", "none", presence="streamlines")
        for a, b in ends
    ]
    for edges in ([], all_joined):
        graph = RegionGraph(regions, edges)
        found = what_is_left(graph, randomize(graph, "rewired", 1))
        assert {(one.verdict, one.before == one.after) for one in found} == {
            ("kept", True)
        }


def test_cycles_are_counted_where_nobody_has_listed_them() -> None:
    """a -> b -> c -> a: one of three is set aside, before and after."""
    regions = [Region(f"{name} left", "left") for name in "abc"]
    edges = [
        Projection(f"{a} left", f"{b} left", 10.0, 1.0, 1.0, "feedforward", "none")
        for a, b in ("ab", "bc", "ca")
    ]
    graph = RegionGraph(regions, edges)
    found = {one.what: one for one in what_is_left(graph, graph)}
    one = found["feedforward, closing a cycle"]
    assert (one.before, one.after, one.verdict) == (1.0, 1.0, "kept")


def test_a_null_model_that_changed_nothing_is_told_of() -> None:
    """Two regions joined both ways: no projection has another place to go to."""
    density = {"cell_density_per_mm3": 2.0, "cell_density_rule": "table"}
    regions = [
        Region("a left", "left", volume_mm3=10.0, **density),
        Region("b left", "left", volume_mm3=30.0, **density),
    ]
    edges = [
        Projection(*ends, 10.0, 1.0, 1.0, "lateral", "none", presence="streamlines")
        for ends in (("a left", "b left"), ("b left", "a left"))
    ]
    graph = RegionGraph(regions, edges)
    for model, is_the_graph in (
        ("rewired", True),
        ("shuffled_weights", True),
        ("fully_connected", True),
        ("equal_units", False),  # 40 mm3 are dealt out as 20 and 20
    ):
        null = randomize(graph, model, 0)
        assert null.metadata["null_model_is_the_graph"] is is_the_graph, model
        told = " ".join(report_lines(null))
        assert ("is the graph itself" in told) is is_the_graph, model
    # Of the two orders of two sizes, one is the graph's.
    dealt = {
        randomize(graph, "shuffled_units", s).metadata["null_model_is_the_graph"]
        for s in range(10)
    }
    assert dealt == {True, False}


def test_strengths_dealt_out_in_their_places_are_told_of() -> None:
    """SSC to M1 of eight regions in order: no two of a class can exchange targets."""
    compact = preset_graph(SnapshotSource(), "fpn-compact")
    null = randomize(compact, "rewired_strengths", 1)
    assert ends(null) == ends(compact)
    assert not null.metadata["null_model_is_the_graph"]
    assert "left every projection in its place" in " ".join(report_lines(null))
    moved = randomize(compact, "random", 1)
    assert "left every projection" not in " ".join(report_lines(moved))
    kept = randomize(compact, "shuffled_units", 1)  # is not to move any
    assert "left every projection" not in " ".join(report_lines(kept))
