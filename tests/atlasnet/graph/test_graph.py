# SPDX-License-Identifier: Apache-2.0
import json
import random
from dataclasses import FrozenInstanceError, replace

import pytest

from atlasnet.errors import GraphError
from atlasnet.graph.graph import Projection, Region, RegionGraph

M1 = Region(
    "4p left",
    "left",
    julich_2_9=("Area 4p (PreCG) left",),
    siibra_ids=("ID",),
    volume_mm3=1547.0,
    cell_density_per_mm3=21035.3,
    cell_density_rule="homologue",
    centroid_mm=(-36.5, -19.0, 50.1),
    system="primary motor",
)
S1 = Region("3a left", "left", volume_mm3=1464.0)
THALAMUS = Region("VIM left", "left")
FORWARD = Projection(
    "3a left",
    "4p left",
    2811.175,
    12.0,
    2.0,
    "feedforward",
    "cited",
    sln=0.9,
    citation="Huerta & Pons 1990",
)
BACK = Projection("4p left", "3a left", 2811.175, 12.0, 2.0, "lateral", "none")


@pytest.fixture
def graph():
    return RegionGraph([M1, S1, THALAMUS], [FORWARD, BACK], {"hemisphere": "left"})


def test_cell_count_is_density_times_volume_and_unknown_if_either_is():
    assert M1.cell_count == pytest.approx(1547.0 * 21035.3)
    assert S1.cell_count is None


def test_a_graph_holds_regions_without_volume_or_density(graph):
    assert graph.region("VIM left").volume_mm3 is None


def test_the_order_of_regions_and_projections_does_not_matter(graph):
    rng = random.Random(0)
    for _ in range(5):
        regions = rng.sample([M1, S1, THALAMUS], 3)
        edges = rng.sample([FORWARD, BACK], 2)
        again = RegionGraph(regions, edges, {"hemisphere": "left"})
        assert again == graph
        assert again.to_json() == graph.to_json()


def test_another_value_makes_another_graph(graph):
    other = RegionGraph(
        [replace(M1, volume_mm3=1548.0), S1, THALAMUS],
        [FORWARD, BACK],
        graph.metadata,
    )
    assert other != graph


def test_json_brings_back_an_equal_graph(graph, tmp_path):
    assert RegionGraph.from_json(graph.to_json()) == graph
    graph.save(tmp_path / "graph.json")
    assert RegionGraph.load(tmp_path / "graph.json") == graph


def test_networkx_gets_every_field_under_the_same_names(graph):
    digraph = graph.to_networkx()
    assert digraph.graph["hemisphere"] == "left"
    assert digraph.nodes["4p left"]["volume_mm3"] == 1547.0
    assert digraph.nodes["4p left"]["cell_count"] == M1.cell_count
    assert digraph.edges["3a left", "4p left"]["streamline_count"] == 2811.175
    assert digraph.edges["3a left", "4p left"]["direction"] == "feedforward"


def test_changing_the_networkx_graph_leaves_the_region_graph_alone(graph):
    graph.to_networkx().remove_node("4p left")
    assert "4p left" in graph


def test_regions_and_projections_are_immutable(graph):
    with pytest.raises(FrozenInstanceError):
        graph.region("4p left").volume_mm3 = 2.0


def test_an_unknown_region_gets_the_nearest_names(graph):
    with pytest.raises(GraphError, match=r"No region '4q left'.*4p left"):
        graph.region("4q left")
    with pytest.raises(GraphError, match=r"No projection 3a left -> VIM left"):
        graph.projection("3a left", "VIM left")


def test_a_region_is_there_once():
    with pytest.raises(GraphError, match="'4p left' appears twice"):
        RegionGraph([M1, M1])


def test_a_projection_is_there_once():
    with pytest.raises(GraphError, match="3a left -> 4p left appears twice"):
        RegionGraph([M1, S1], [FORWARD, FORWARD])


def test_a_projection_joins_regions_of_the_graph():
    with pytest.raises(GraphError, match="names the region '3a left'"):
        RegionGraph([M1], [FORWARD])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "3a left"}, "is a loop"),
        ({"streamline_count": -1.0}, "at least 0"),
        ({"streamline_count": float("nan")}, "at least 0"),
        ({"length_mm": 0.0}, "length_mm is a positive number"),
        ({"delay_ms": float("inf")}, "delay_ms is a positive number"),
        ({"direction": "forward"}, "one of feedforward, feedback, lateral"),
        ({"direction_rule": "guess"}, "one of cited, structural_model, none"),
        ({"sln": 1.5}, r"lies in \[0, 1\]"),
        ({"citation": None}, "needs its citation"),
    ],
)
def test_a_projection_that_cannot_be_is_refused(change, message):
    with pytest.raises(GraphError, match=message):
        replace(FORWARD, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": " "}, "needs a name"),
        ({"hemisphere": "both"}, "one of left, right"),
        ({"volume_mm3": 0.0}, "volume_mm3 is a positive number"),
        ({"cell_density_per_mm3": float("nan")}, "positive number"),
        ({"cell_density_rule": None}, "needs the rule"),
        ({"cell_density_rule": "guess"}, "one of homologue, surface_overlap"),
        ({"centroid_mm": (1.0, 2.0)}, "three finite numbers"),
    ],
)
def test_a_region_that_cannot_be_is_refused(change, message):
    with pytest.raises(GraphError, match=message):
        replace(M1, **change)


def _edited(graph, edit):
    data = json.loads(graph.to_json())
    edit(data)
    return json.dumps(data)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d.update(schema_version=99), "schema version 99"),
        (lambda d: d.pop("edges"), "JSON object with"),
        (lambda d: d["nodes"][0].update(colour="red"), "colour"),
        (lambda d: d["nodes"][0].pop("hemisphere"), "hemisphere"),
        (lambda d: d["nodes"].append(3), "JSON object, got 3"),
        (lambda d: d["nodes"][1].update(volume_mm3="big"), "Invalid node"),
        (lambda d: d["nodes"][1].update(name=3), "Invalid node"),
        (lambda d: d.update(nodes=None), "'nodes' of a region graph is a list"),
        (lambda d: d.update(metadata=[]), "'metadata' of a region graph is a dict"),
    ],
)
def test_a_graph_file_that_is_no_graph_is_refused(graph, edit, message):
    with pytest.raises(GraphError, match=message):
        RegionGraph.from_json(_edited(graph, edit))


def test_a_file_that_is_no_json_is_refused():
    with pytest.raises(GraphError, match="is JSON, this is not"):
        RegionGraph.from_json("{")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(GraphError, match="no graph file"):
        RegionGraph.load(tmp_path / "graph.json")
