# SPDX-License-Identifier: Apache-2.0
"""Regions by name, part, parent, node, composite and growth."""

from statistics import fmean

import pytest

from atlasnet.atlas.assembly import build_graph, preset_graph
from atlasnet.atlas.edges import StreamlineThreshold, StrongestNeighbours
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.selection import strongest_neighbours
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.errors import (
    AmbiguousNameError,
    AtlasError,
    IncompleteDataError,
    RegionNotFoundError,
)


@pytest.fixture(scope="module")
def source() -> SnapshotSource:
    return SnapshotSource()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Area 4p (PreCG)", "Area 4p (PreCG) left"),
        ("area 4P (precg) LEFT", "Area 4p (PreCG) left"),
        ("4p", "Area 4p (PreCG) left"),
        ("4p right", "Area 4p (PreCG) right"),
        ("hIP1", "Area hIP1 (IPS) left"),
        ("Op1", "Area OP1 (POperc) left"),  # as 3.1 spells it
        ("V1", "Area hOc1 (V1, 17, CalcS) left"),
        ("PGa", "Area PGa (IPL) left"),
        ("7P", "Area 7P (SPL) left"),  # 7PC has it within a word
        ("PMv", "PMv left"),  # no region is called so: the node
        ("1", "1 left"),  # several are called so: the node
    ],
)
def test_a_region_goes_by_its_name_or_an_unambiguous_part(
    source: SnapshotSource, text: str, name: str
) -> None:
    assert build_graph(source, [text]).names == (name,)


def test_an_ambiguous_part_lists_the_candidates(source: SnapshotSource) -> None:
    with pytest.raises(AmbiguousNameError) as caught:
        build_graph(source, ["FusG"])
    text = str(caught.value)
    assert "'FusG left' may mean any of 5 regions" in text
    for k in range(1, 6):
        assert f"'Area FG{k} (FusG) left'" in text


def test_a_parent_means_all_its_regions_with_connections(
    source: SnapshotSource,
) -> None:
    graph = build_graph(source, ["superior parietal lobule"])
    assert [name.split()[1] for name in graph.names] == [
        *("5Ci", "5L", "5M", "7A", "7M", "7P", "7PC")
    ]


def test_what_a_parent_has_without_connections_is_reported(
    source: SnapshotSource,
) -> None:
    graph = build_graph(source, ["superior frontal sulcus"])
    # Version 2.9 had mapped 6d3 alone.
    assert graph.names == ("Area 6d3 (SFS) left",)
    left_out = graph.metadata["left_out_without_connections"]
    assert isinstance(left_out, list)
    assert len(left_out) == 3
    assert all(name.endswith("left") for name in left_out)


def test_both_hemispheres_are_joined_by_callosal_edges(source: SnapshotSource) -> None:
    graph = build_graph(source, ["4p", "3a"], "both", min_streamline_count=1e-9)
    assert len(graph) == 4
    for edge in graph.projections:
        sides = {name.rsplit(" ", 1)[1] for name in (edge.source, edge.target)}
        assert edge.is_callosal == (len(sides) == 2)
    assert any(edge.is_callosal for edge in graph.projections)


def test_a_composite_merges_counts_lengths_volumes_and_densities(
    source: SnapshotSource,
) -> None:
    parts = ["hIP1", "Area 5Ci (SPL)"]
    single = build_graph(source, [*parts, "4a"], min_streamline_count=1e-9)
    graph = build_graph(
        source, [f"X = {' + '.join(parts)}", "4a"], min_streamline_count=1e-9
    )
    a, b = single.region("Area hIP1 (IPS) left"), single.region("Area 5Ci (SPL) left")
    x, m1 = graph.region("X left"), "Area 4a (PreCG) left"
    edges = [single.projection(region.name, m1) for region in (a, b)]
    merged = graph.projection("X left", m1)
    assert a.volume_mm3
    assert b.volume_mm3
    assert a.cell_density_per_mm3
    assert b.cell_density_per_mm3
    assert x.volume_mm3 == a.volume_mm3 + b.volume_mm3
    # So that the cells are those of the parts.
    assert x.cell_count == pytest.approx((a.cell_count or 0) + (b.cell_count or 0))
    assert x.cell_density_rule == "mixed"  # a homologue and an overlap
    assert merged.streamline_count == pytest.approx(
        sum(edge.streamline_count for edge in edges)
    )
    weighted = sum(e.streamline_count * (e.length_mm or 0) for e in edges)
    assert merged.length_mm == pytest.approx(weighted / merged.streamline_count)
    assert graph.metadata["composites"] == [
        "X left = Area hIP1 (IPS) left + Area 5Ci (SPL) left"
    ]


def test_a_composite_of_all_parts_of_a_node_is_that_node(
    source: SnapshotSource,
) -> None:
    named = build_graph(source, ["AIP = hIP1 + hIP2", "PMv"])
    node = build_graph(source, ["AIP", "PMv"])
    assert named.region("AIP left").node == "AIP"
    edge = named.projection("AIP left", "PMv left")
    assert edge == node.projection("AIP left", "PMv left")
    assert edge.direction_rule == "cited"


def test_two_composites_of_one_name_are_refused(source: SnapshotSource) -> None:
    assert build_graph(source, ["A = 4p", "A = 4p"]).names == ("A left",)
    for other in ("A = 3a", "A = 4p @ LA1"):
        with pytest.raises(AtlasError, match=f"second is '{other}'"):
            build_graph(source, ["A = 4p", other])


@pytest.mark.parametrize(
    "twice",
    [
        {"min_streamline_count": 50, "edges": 60},
        {"density": "homologue", "density_rule": "surface_overlap"},
    ],
)
def test_a_rule_given_by_both_names_is_given_twice(
    source: SnapshotSource, twice: dict[str, object]
) -> None:
    with pytest.raises(AtlasError, match="One rule is given twice") as caught:
        build_graph(source, ["4p"], **twice)
    assert all(name in str(caught.value) for name in twice)


def test_a_composite_may_take_the_density_of_an_economo_area(
    source: SnapshotSource,
) -> None:
    graph = build_graph(source, ["X = p24ab + p24c @ LA1 + LA2"])
    areas = source.economo_areas()
    expected = fmean(areas[s].cell_density_per_mm3 for s in ("LA1", "LA2"))
    assert graph.region("X left").cell_density_per_mm3 == pytest.approx(expected)


def test_the_stand_in_for_mcc_says_that_it_is_one(source: SnapshotSource) -> None:
    graph = preset_graph(source, blind=True, also=["MCC (stand-in)"])
    mcc = graph.region("MCC (stand-in) left")
    la1 = source.economo_areas()["LA1"]
    assert mcc.cell_density_per_mm3 == la1.cell_density_per_mm3
    assert "no parcel in Julich-Brain" in (mcc.role or "")
    assert mcc.julich_3_1 == ("Area p24ab (pACC) left", "Area p24c (pACC) left")
    assert len(graph) == 29


@pytest.mark.parametrize(
    ("names", "kind", "reason"),
    [
        ([], AtlasError, "at least one region"),
        ([" "], AtlasError, "A region has a name"),
        (["4p left right"], RegionNotFoundError, "No region"),
        (["Area 4pp (PreCG)"], RegionNotFoundError, r"Close matches: Area 4p"),
        (["Area 6v1 (PreCG)"], IncompleteDataError, r"3\.1 only.*node 'PMv'"),
        (["X = hIP1 +"], AtlasError, "NAME = PART"),
        (["X = hIP1 @ QQ"], AtlasError, "no von Economo area 'QQ'"),
        (["= hIP1"], AtlasError, "A composite has a name"),
        (["hand = M1 left + M1 right"], AtlasError, "one hemisphere.*'hand left'"),
        (["hand left = 4p + 4a right"], AtlasError, "one hemisphere: 'hand left'"),
        (["hand = 4p right"], AtlasError, "one hemisphere.*'hand right = ...'"),
        (["X = hIP1 + AIP"], AtlasError, "both stand for the same region"),
        (["AIP", "hIP1"], AtlasError, "both stand for the same region"),
    ],
)
def test_a_selection_that_cannot_be_is_refused(
    source: SnapshotSource, names: list[str], kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=reason):
        build_graph(source, names)


def test_growth_adds_the_strongest_neighbours(source: SnapshotSource) -> None:
    names = strongest_neighbours(source, ["4p"], 3)
    record_of = {r.name: r for r in source.regions()}
    row = record_of["Area 4p (PreCG) left"].connectome_row
    count = source.connections().streamline_count[row]
    left = {
        r.name: count[r.connectome_row]
        for r in record_of.values()
        if r.connectome_row is not None
        and r.hemisphere == "left"
        and r.connectome_row != row
    }
    expected = sorted(left, key=lambda name: -left[name])[:3]
    assert names == ("4p", *expected)
    assert len(build_graph(source, names)) == 4


def test_growth_can_pass_over_regions_without_data(source: SnapshotSource) -> None:
    grown = strongest_neighbours(source, ["44"], 30, complete=True)
    graph = build_graph(source, grown)
    assert all(region.cell_count is not None for region in graph.regions)
    plain = strongest_neighbours(source, ["44"], 30)
    assert any(
        region.cell_count is None for region in build_graph(source, plain).regions
    )


def test_growth_beyond_what_there_is_is_refused(source: SnapshotSource) -> None:
    with pytest.raises(AtlasError, match="fewer than the 500"):
        strongest_neighbours(source, ["4p"], 500)
    with pytest.raises(AtlasError, match="got no name"):
        strongest_neighbours(source, [], 3)


# --- density -------------------------------------------------------------------------


def test_layers_left_out_take_their_cells_along(source: SnapshotSource) -> None:
    rules = GraphRules(layers_left_out=("I",))
    graph = build_graph(source, ["4p", "5Ci"], rules=rules)
    whole = build_graph(source, ["4p", "5Ci"])
    # FA: layer I has 7,000 * 0.0485 of 7,000 * 0.0485 + 26,700 * 0.3854
    # + 16,000 * 0.2291 + 20,000 * 0.3369 = 21,033 cells in a mm3.
    kept = 1 - 7000 * 0.0485 / (
        7000 * 0.0485 + 26700 * 0.3854 + 16000 * 0.2291 + 20000 * 0.3369
    )
    m1 = graph.region("Area 4p (PreCG) left")
    assert m1.cell_density_per_mm3 == pytest.approx(21035.3 * kept)
    # Overlap too: 5Ci falls on several areas.
    x = graph.region("Area 5Ci (SPL) left").cell_density_per_mm3
    y = whole.region("Area 5Ci (SPL) left").cell_density_per_mm3
    assert x
    assert y
    assert x < y


def test_directions_go_by_all_layers_even_if_some_do_not_count(
    source: SnapshotSource,
) -> None:
    rules = GraphRules(layers_left_out=("II", "III"), cited=False)
    graph = preset_graph(source, blind=True, rules=rules)
    whole = preset_graph(source, blind=True, rules=GraphRules(cited=False))
    assert [e.sln for e in graph.projections] == [e.sln for e in whole.projections]


def test_regions_that_are_not_isocortex_have_no_density_by_overlap(
    source: SnapshotSource,
) -> None:
    names = ["CA1 (Hippocampus)", "LB (Amygdala)", "4p"]
    graph = build_graph(source, names, density_rule="surface_overlap")
    unknown = [r.name for r in graph.regions if r.cell_density_per_mm3 is None]
    assert unknown == ["CA1 (Hippocampus) left", "LB (Amygdala) left"]


def test_measured_layers_need_a_source_that_has_them(source: SnapshotSource) -> None:
    with pytest.raises(AtlasError, match="no measured layers"):
        build_graph(source, ["4p"], rules=GraphRules(density="measured_layers"))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"layers_left_out": ("VII",)}, "'IV', 'V' or 'VI', got 'VII'"),
        ({"layers_left_out": ("I", "II", "III", "IV", "V", "VI")}, "All six layers"),
        (
            {"weight": "square"},
            "at 'weight': Input should be 'streamlines', 'log'",
        ),
        (
            {"density": "guess"},
            "rules at 'density'.*'measured_layers', got 'guess'",
        ),
        ({"direction_model": "guess"}, "graph rules at 'direction_model'.*got 'guess'"),
    ],
)
def test_rules_that_cannot_be_are_refused(options: dict, reason: str) -> None:
    with pytest.raises(AtlasError, match=reason):
        GraphRules(**options)


def test_rules_and_single_options_do_not_go_together(source: SnapshotSource) -> None:
    with pytest.raises(AtlasError, match="either rules, or"):
        build_graph(source, ["4p"], cited=False, rules=GraphRules())


def test_a_rule_that_is_none_is_named_with_the_nearest(source: SnapshotSource) -> None:
    with pytest.raises(AtlasError, match=r"'citde'\. Close matches: cited"):
        build_graph(source, ["4p"], citde=False)


def test_an_edge_rule_may_be_given_as_text_or_number() -> None:
    assert GraphRules(edges="strongest=5").edges == StrongestNeighbours(5)
    assert GraphRules(edges=50).edges == StreamlineThreshold(50.0)
    assert GraphRules(min_streamline_count=50) == GraphRules(edges="streamlines=50")
    assert GraphRules().edges == StreamlineThreshold(100.0)
