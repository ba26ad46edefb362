# SPDX-License-Identifier: Apache-2.0
"""Graphs assembled from the shipped snapshot: the preset's and others."""

import csv
from importlib.resources import files

import pytest

from atlasnet.atlas.assembly import all_regions_graph, build_graph, preset_graph
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.errors import (
    AtlasError,
    IncompleteDataError,
    RegionNotFoundError,
    SpecError,
)
from atlasnet.graph.graph import RegionGraph
from atlasnet.graph.preset import Preset, load_preset, preset_names

FOUR = ["Area 4p (PreCG)", "Area 3a (PostCG)", "Area 2 (PostCS)", "Area hIP2 (IPS)"]


@pytest.fixture(scope="module")
def source():
    return SnapshotSource()


@pytest.fixture(scope="module")
def graph(source):
    return preset_graph(source, "fpn", blind=False)


@pytest.fixture(scope="module")
def both(source):
    return preset_graph(source, "fpn", "both", blind=False)


@pytest.fixture(scope="module")
def everything(source):
    return all_regions_graph(source)


def _node_table():
    text = (files("atlasnet.data") / "hand_network_regions.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_the_presets_nodes_are_those_of_the_node_table(source):
    assert preset_names() == ("fpn", "fpn-compact", "fpn-visual")
    assert load_preset("fpn-visual").nodes == load_preset("fpn").nodes
    table = {node.node for node in source.node_table()}
    assert set(load_preset("fpn").nodes) == table


def test_an_unknown_preset_is_named_with_the_nearest():
    with pytest.raises(AtlasError, match=r"No preset 'fpm'.*Close matches: fpn"):
        load_preset("fpm")


def test_what_is_wrong_with_a_preset_is_one_error_of_ours():
    told = load_preset("fpn").model_dump()
    wrong = {"alternatives": [{"nodes": ["M1"], "reson": "where movements start"}]}
    with pytest.raises(SpecError, match=r"0\.reson'\. Close matches: reason\."):
        Preset(**{**told, "action": wrong})
    with pytest.raises(SpecError, match=r"Invalid Preset at 'body_side'"):
        Preset(**{**told, "body_side": "middle"})


def test_the_preset_has_35_nodes_a_hemisphere_and_28_when_blind(source, both):
    for hemisphere in ("left", "right"):
        assert len(preset_graph(source, "fpn", hemisphere, blind=False)) == 35
        blind = preset_graph(source, "fpn", hemisphere, blind=True)
        assert len(blind) == 28
        assert f"V1 {hemisphere}" not in blind
    assert len(both) == 70


@pytest.mark.parametrize(
    "row", _node_table(), ids=lambda r: f"{r['node']}-{r['hemisphere']}"
)
def test_nodes_reproduce_the_node_table(both, row):
    # Computed from von Economo's table and the volumes of the parts.
    region = both.region(f"{row['node']} {row['hemisphere']}")
    assert region.volume_mm3 == float(row["volume_mm3"])
    # The table rounds to 0.1 cells/mm3 and to whole cells.
    expected = float(row["cell_density_per_mm3"])
    assert region.cell_density_per_mm3 == pytest.approx(expected, abs=0.0501)
    assert region.cell_count == pytest.approx(float(row["cell_count"]), abs=0.501)
    assert region.thickness_mm == pytest.approx(float(row["thickness_mm"]), abs=0.00501)
    assert region.cortical_type == row["cortical_type"]
    assert region.cell_density_rule == "homologue"
    assert region.role == row["role"]
    if ";" not in row["julich_3_1"]:
        centroid = [float(row[f"{axis}_mm"]) for axis in "xyz"]
        assert region.centroid_mm == pytest.approx(centroid, abs=0.0501)


def test_real_values_of_m1(graph):
    m1 = graph.region("4p left")
    assert m1.volume_mm3 == 1547.0
    assert m1.cell_density_per_mm3 == 21035.3
    count = graph.projection("3a left", "4p left").streamline_count
    assert count == pytest.approx(2811.18, abs=0.005)


@pytest.mark.parametrize(
    ("a", "b", "count"),
    [
        ("V1", "V2", 35689),
        ("PMv", "4p", 10446),
        ("AIP", "PMv", 2502),  # hIP1 and hIP2
        ("cIPS", "AIP", 156),  # 3 x 2 pairs of parts
        ("S2", "PMv", 5292),  # OP1 and OP4
        ("2", "5L", 1036),
        ("dlPFC", "PMv", 5687),
        ("SMA", "4a", 3906),
    ],
)
def test_counts_of_parts_add_up(graph, a, b, count):
    there = graph.projection(f"{a} left", f"{b} left")
    assert there.streamline_count == pytest.approx(count, abs=0.5)


def test_lengths_of_parts_are_weighted_by_their_counts(source, graph):
    parts = [("Area hIP1 (IPS)", 0), ("Area hIP2 (IPS)", 1)]
    names = [name for name, _ in parts] + ["Frontal-II (GapMap)"]
    single = build_graph(source, names, min_streamline_count=1e-6)
    edges = [
        single.projection(f"{name} left", "Frontal-II (GapMap) left")
        for name, _ in parts
    ]
    total = sum(edge.streamline_count for edge in edges)
    expected = sum(e.streamline_count * e.length_mm for e in edges) / total
    composite = graph.projection("AIP left", "PMv left")
    assert composite.streamline_count == pytest.approx(total)
    assert composite.length_mm == pytest.approx(expected)
    assert composite.delay_ms == pytest.approx(expected / 6.0)


def test_edges_are_the_strong_pairs_in_both_ways_and_the_cited_pathways(source):
    graph = preset_graph(source, "fpn", blind=False, denied=True, doubtful=True)
    strong = [e for e in graph.projections if e.streamline_count >= 100]
    assert len(strong) == 2 * 244  # the source counts 244 left pairs of at least 100
    assert {(e.target, e.source) for e in strong} == {
        (e.source, e.target) for e in strong
    }
    weak = [e for e in graph.projections if e.streamline_count < 100]
    assert weak
    assert all(e.direction_rule == "cited" for e in weak)
    uncited = preset_graph(source, "fpn", cited=False, blind=False)
    assert len(uncited.projections) == len(strong)
    assert {e.direction_rule for e in uncited.projections} == {"structural_model"}
    # The source says: of 488 directed left edges 212 are lateral by this rule.
    assert sum(e.direction == "lateral" for e in uncited.projections) == 212


def test_a_cited_pathway_without_streamlines_is_an_edge_of_unknown_length(graph):
    edge = graph.projection("V6 left", "mIPS left")
    assert edge.streamline_count < 1.0
    assert not graph.has_projection("mIPS left", "V6 left")


def test_directions_follow_the_citation_and_keep_the_laminar_type_apart(graph):
    premotor = graph.projection("PMdc left", "4a left")
    assert (premotor.direction, premotor.direction_rule) == ("feedforward", "cited")
    assert "doi:" in premotor.citation
    # Laminar type: Phi(-0.152 - 1.534 ln(21035.3 / 25391.4)) = Phi(0.1367) = 0.554.
    assert premotor.sln == pytest.approx(0.554, abs=1e-3)
    back = graph.projection("4p left", "3a left")
    assert (back.direction, back.direction_rule) == ("feedback", "cited")


def test_a_citation_of_the_opposite_way_overrules_the_structural_model(source):
    # dlPFC -> PMv is cited as feedback, and the model calls PMv -> dlPFC feedback too.
    graph = preset_graph(source, "fpn", direction_model="structural_model")
    edge = graph.projection("PMv left", "dlPFC left")
    assert edge.sln < 0.35
    assert edge.direction == "lateral"
    assert edge.citation.startswith("opposite pathway: ")


def test_doubtful_pathways_count_only_on_demand(source, graph):
    # Streamlines do not bring in what nothing bears: 2 -> AIP is joined by many.
    assert not graph.has_projection("2 left", "AIP left")
    assert graph.projection("AIP left", "2 left").streamline_count > 100
    doubtful = preset_graph(source, "fpn", doubtful=True, blind=False)
    assert doubtful.projection("2 left", "AIP left").direction_rule == "cited"
    assert len(doubtful.projections) > len(graph.projections)


def test_both_hemispheres_are_cited_alike_but_no_pathway_crosses(both):
    assert both.projection("3a right", "4p right").direction_rule == "cited"
    crossing = [e for e in both.projections if e.source[-4:] != e.target[-4:]]
    assert crossing
    assert all(edge.direction_rule == "hierarchy" for edge in crossing)


def test_surface_overlap_alone_counts_on_demand(source, graph):
    overlap = preset_graph(source, "fpn", density_rule="surface_overlap", blind=False)
    region = overlap.region("4p left")
    assert region.cell_density_per_mm3 == 26027.8
    assert region.cell_density_rule == "surface_overlap"
    assert graph.region("4p left").cell_density_rule == "homologue"


def test_the_graph_says_where_it_comes_from(source, graph):
    metadata = graph.metadata
    assert metadata["connections_version"] == "2.9"
    assert metadata["volumes_version"] == "3.1"
    assert metadata["snapshot_checksum"] == f"sha256:{source.checksum}"
    assert metadata["min_streamline_count"] == 100.0
    assert metadata["hemisphere"] == "left"
    assert any("CC BY-NC-SA 4.0" in licence for licence in metadata["licences"])
    assert RegionGraph.from_json(graph.to_json()) == graph


def test_names_may_have_the_spelling_of_either_version_and_a_hemisphere(source):
    a = build_graph(source, ["Area OP1 (POperc)", "Area 4p (PreCG) right"])
    b = build_graph(source, ["Area Op1 (POperc) left", "area 4P (PreCG) RIGHT"])
    assert a.names == b.names == ("Area 4p (PreCG) right", "Area OP1 (POperc) left")
    both = build_graph(source, ["Area 4p (PreCG)"], "both")
    assert both.names == ("Area 4p (PreCG) left", "Area 4p (PreCG) right")


def test_an_unknown_region_gets_the_nearest_names(source):
    with pytest.raises(RegionNotFoundError, match=r"Area 4p \(PreCG\) left"):
        build_graph(source, ["Area 4q (PreCG)"])


def test_a_region_that_the_connectome_lacks_is_refused(source):
    with pytest.raises(IncompleteDataError, match=r"3\.1 only.*node 'PMv'"):
        build_graph(source, ["Area 6v1 (PreCG)"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": []}, "at least one region"),
        ({"names": FOUR, "hemisphere": "middle"}, "'left' or 'right' or 'both', got"),
        ({"names": FOUR, "min_streamline_count": 0.0}, "above 0"),
    ],
)
def test_options_that_make_no_graph_are_refused(source, options, message):
    with pytest.raises(AtlasError, match=message):
        build_graph(source, **options)


def test_a_permutation_of_the_names_makes_the_same_graph(source):
    assert build_graph(source, FOUR) == build_graph(source, FOUR[::-1])


def test_a_claim_about_a_node_decides_directions_of_its_parts_but_adds_no_edge(source):
    graph = build_graph(source, FOUR)
    edge = graph.projection("Area hIP2 (IPS) left", "Area 2 (PostCS) left")
    assert edge.direction == "feedback"
    assert edge.citation.endswith("(Area hIP2 (IPS) left as part of AIP)")
    # V6 -> mIPS is cited; V6 is one region, hIP3 a part of mIPS, with few streamlines.
    weak = build_graph(source, ["Area hOc6 (POS)", "Area hIP3 (IPS)"])
    assert weak.projections == ()
    # V6 and V6A are one region each: there the claim is about these regions.
    whole = build_graph(source, ["Area hOc6 (POS)", "Area hPO1 (POS)"])
    assert whole.projections[0].streamline_count < 100


def test_a_single_region_takes_the_homologue_of_its_node_else_overlap(source):
    graph = build_graph(source, ["Area hIP2 (IPS)", "Area FG1 (FusG)"])
    aip = graph.region("Area hIP2 (IPS) left")
    # Mean of PE 36043.8 and PF 44122.8.
    assert aip.cell_density_per_mm3 == pytest.approx(40083.3)
    assert aip.node == "AIP"
    fusiform = graph.region("Area FG1 (FusG) left")
    assert fusiform.cell_density_rule == "surface_overlap"
    assert fusiform.node is None


def test_all_regions_are_294_with_missing_values_kept(everything):
    assert len(everything) == 294
    assert sum(r.volume_mm3 is None for r in everything.regions) == 24
    with_volume = [r for r in everything.regions if r.volume_mm3 is not None]
    # 21 without overlap and 9 outside isocortex; none of them has a homologue.
    assert sum(r.cell_density_per_mm3 is None for r in with_volume) == 21 + 9
    unknown = [e for e in everything.projections if e.direction_rule == "none"]
    assert unknown
    assert all(e.direction == "lateral" and e.sln is None for e in unknown)


def test_the_parts_of_the_brain_follow_the_hierarchy(everything):
    system_of = {r.name: r.system for r in everything.regions}
    assert system_of["Area 4a (PreCG) left"] == "primary motor"
    assert system_of["Area 6d3 (SFS) left"] == "premotor"
    assert system_of["Area 2 (PostCS) right"] == "primary somatosensory"
    assert system_of["Area hOc1 (V1, 17, CalcS) left"] == "visual"
    assert system_of["Area hPO1 (POS) left"] == "parietal association"
    assert system_of["Area TE 1.0 (HESCHL) left"] == "auditory"
    # Gap maps take the system of the node that they are.
    assert system_of["Frontal-I (GapMap) left"] == "prefrontal"
    assert system_of["Frontal-II (GapMap) left"] == "premotor"
    assert system_of["LB (Amygdala) left"] == "subcortical"
