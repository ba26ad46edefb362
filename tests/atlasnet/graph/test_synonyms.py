# SPDX-License-Identifier: Apache-2.0
"""Expected regions are those of the publications that the table names."""

import pytest

from atlasnet.atlas.assembly import build_graph, preset_graph
from atlasnet.atlas.catalogue import Catalogue
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.errors import (
    AmbiguousNameError,
    GraphError,
    RegionNotFoundError,
    SpecError,
)
from atlasnet.graph.synonyms import all_synonyms, meant
from atlasnet.plan.interface import hand_interface
from atlasnet.plan.planner import plan_network


@pytest.fixture(scope="module")
def source():
    return SnapshotSource()


NAMES = [name for one in all_synonyms() for name in one.names]


@pytest.mark.parametrize("name", NAMES)
def test_every_synonym_means_regions_of_the_atlas(source, name):
    catalogue = Catalogue(source, GraphRules())
    assert catalogue.members(name, ["left"])
    assert catalogue.members(name, ["right"])


def test_nodes_are_those_of_the_regions(source):
    node_of = {name: one.node for name, one in source.homologues().items()}
    for one in all_synonyms():
        named = {node_of.get(f"{region} left") for region in one.regions}
        assert set(one.nodes) <= named | set(one.regions)
    pmd = next(one for one in all_synonyms() if "PMd" in one.names)
    assert pmd.nodes == ("PMdc", "PMdr")


def test_no_name_is_in_two_rows_and_every_row_has_its_source():
    assert len({name.casefold() for name in NAMES}) == len(NAMES)
    assert all(one.source for one in all_synonyms())
    kinds = {one.kind for one in all_synonyms()}
    assert kinds == {"human", "brodmann", "macaque", "functional"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("M1", {"Area 4a (PreCG) left", "Area 4p (PreCG) left"}),
        ("BA 04", {"Area 4a (PreCG) left", "Area 4p (PreCG) left"}),
        ("Brodmann area 44 right", {"Area 44 (IFG) right"}),
        (
            "s1",
            {f"Area {k} left" for k in ("1 (PostCG)", "3a (PostCG)", "3b (PostCG)")}
            | {"Area 2 (PostCS) left"},
        ),
        ("F5", {"PMv left"}),
        ("V5", {"Area hOc5 (LOC) left"}),
        ("Broca", {"Area 44 (IFG) left", "Area 45 (IFG) left"}),
    ],
)
def test_a_synonym_means_all_its_regions(source, text, expected):
    graph = build_graph(source, [text])
    assert set(graph.names) == expected
    said = graph.metadata["synonyms"]
    assert len(said) == 1
    assert " means " in said[0]


def test_a_homologue_says_that_it_is_of_the_macaque(source):
    (said,) = build_graph(source, ["LIP"]).metadata["synonyms"]
    assert "macaque" in said


def test_an_atlas_that_lacks_the_regions_has_no_such_synonym():
    areas = {"Motor (M1) left": ["Motor (M1) left"], "V1 left": ["V1 left"]}
    assert meant("M1", areas) == ["Motor (M1) left"]
    assert meant("S1", areas) == []


def test_a_spelling_that_built_the_graph_finds_its_regions(source):
    graph = build_graph(source, ["4p", "3a", "AIP", "F5"])
    for spelling in ("4p", "4p left", "Area 4p (PreCG)", "area_4p_precg_left"):
        assert graph.region(spelling).name == "Area 4p (PreCG) left"
        assert spelling in graph
    assert graph.region("F5").name == graph.region("pmv").name == "PMv left"
    assert graph.projection("3a", "4p").target == "Area 4p (PreCG) left"
    assert graph.has_projection("3a left", "4p left")
    assert not graph.has_projection("3a left", "FEF")
    with pytest.raises(GraphError, match="No region '4p right'"):
        graph.region("4p right")
    spec = plan_network(graph, hand_interface(graph, action=["4p left"]))
    assert spec.area("4p left").name == "Area 4p (PreCG) left"
    with pytest.raises(SpecError, match="No area '4b'"):
        spec.area("4b")


def test_one_name_for_several_regions_is_asked_about(source):
    graph = preset_graph(source, "fpn", "both")
    with pytest.raises(AmbiguousNameError, match="4p left"):
        graph.region("4p")
    assert graph.regions_called("M1") == (
        "4a left",
        "4a right",
        "4p left",
        "4p right",
    )
    assert graph.regions_called("M1 right") == ("4a right", "4p right")


def test_commas_part_names_or_belong_to_one(source):
    graph = build_graph(source, ["V1", "V2", "4p"], min_streamline_count=1)
    entry = "Area hOc1 (V1, 17, CalcS), V2"
    spec = hand_interface(
        graph,
        inputs={"vision": [entry]},
        action=["4p"],
        value=["4p"],
        without=["proprioception", "touch", "goal"],
    )
    vision = next(one for one in spec.inputs if one.name == "vision")
    assert vision.areas == ("Area hOc1 (V1, 17, CalcS) left", "Area hOc2 (V2, 18) left")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4-p", "Area 4p (PreCG) left"),
        ("4 p", "Area 4p (PreCG) left"),
        ("3 a", "Area 3a (PostCG) left"),
        ("5 l", "Area 5L (SPL) left"),
        ("BA 3b", "Area 3b (PostCG) left"),
        ("area 17", "Area hOc1 (V1, 17, CalcS) left"),
        ("lh V5", "Area hOc5 (LOC) left"),
        ("4p (R)", "Area 4p (PreCG) right"),
        ("right 4p", "Area 4p (PreCG) right"),
        ("4p_R", "Area 4p (PreCG) right"),
    ],
)
def test_blanks_signs_and_sides_are_read_as_people_write_them(source, text, expected):
    assert build_graph(source, [text]).names == (expected,)
    graph = build_graph(source, [expected, "Area FG1 (FusG)"])
    assert graph.region(text).name == expected


@pytest.mark.parametrize("text", ["6d", "x3", "oc", "P"])
def test_no_name_is_found_by_a_few_of_its_letters(source, text):
    with pytest.raises((AmbiguousNameError, RegionNotFoundError)):
        build_graph(source, [text])


def test_numbers_alone_are_brodmanns(source):
    assert build_graph(source, ["4"]).names == (
        "Area 4a (PreCG) left",
        "Area 4p (PreCG) left",
    )
