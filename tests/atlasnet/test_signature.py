# SPDX-License-Identifier: Apache-2.0
"""What the shell says in a sentence, Python says too."""

import numpy as np
import pytest

import atlasnet
from atlasnet.errors import AtlasError, AtlasNetError, SpecError
from atlasnet.signature import checked


@pytest.fixture(scope="module")
def source():
    return atlasnet.SnapshotSource()


@pytest.fixture(scope="module")
def graph(source):
    return atlasnet.build_graph(source, ["4p", "3a", "IFS"])


@pytest.fixture(scope="module")
def interface(graph):
    return atlasnet.hand_interface(graph, without="vision")


def test_a_name_stands_for_a_list_of_it(source, graph):
    assert atlasnet.build_graph(source, "4p").names == ("Area 4p (PreCG) left",)
    inputs = {"touch": "3a"}
    made = atlasnet.hand_interface(graph, inputs=inputs, without="vision")
    touch = next(entry for entry in made.inputs if entry.name == "touch")
    assert touch.areas == ("Area 3a (PostCG) left",)
    assert atlasnet.strongest_neighbours(source, "4p", 1)[0] == "4p"


def test_fields_stand_for_what_is_made_of_them(source, graph, interface):
    assert atlasnet.plan_network(graph, interface, {"total": 512}).n_units == 512
    spec = atlasnet.plan_network(graph, interface, options={"activation": "relu"})
    assert {area.activation for area in spec.areas} == {"relu"}
    made = atlasnet.build_graph(source, "4p", rules={"edges": "strongest=5"})
    assert made.metadata["edge_rule"] == "the 5 strongest neighbours of every region"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda s, g, i: atlasnet.build_graph(["4p"], s),
            "'source' is an AtlasSource, got ['4p'] (list). Are 'source' and 'names' "
            "swapped?",
        ),
        (
            lambda s, g, i: atlasnet.build_graph(s, ["4p"], "leftt"),
            "'hemisphere' is 'left' or 'right' or 'both', got 'leftt' (str). Close "
            "matches: left.",
        ),
        (lambda s, g, i: atlasnet.build_graph(s, ["4p", 3]), "a list of str"),
        (
            lambda s, g, i: atlasnet.plan_network(i, g),
            "'interface' swapped",
        ),
        (
            lambda s, g, i: atlasnet.plan_network(g, i, 512),
            "UnitRule or None, got 512",
        ),
        (
            lambda s, g, i: atlasnet.plan_network(g, i, control_step_s="0.02"),
            "'control_step_s' is a float, got '0.02' (str)",
        ),
        (
            lambda s, g, i: atlasnet.plan_network(g, i, options={"delay": True}),
            "Close matches: has_delays",
        ),
        (lambda s, g, i: atlasnet.randomize("rewired", g, 1), "swapped"),
        (lambda s, g, i: atlasnet.build_model(g), "'spec' is a NetworkSpec, got a Reg"),
        (
            lambda s, g, i: atlasnet.UnitRule(512),
            "such as UnitRule(total=...)",
        ),
        (lambda s, g, i: atlasnet.strongest_neighbours(s, "4p", "2"), "'k' is an int"),
        (lambda s, g, i: atlasnet.GraphRules(edges="strongst=5"), "An edge rule is"),
    ],
)
def test_what_does_not_fit_is_said_by_name(source, graph, interface, call, words):
    with pytest.raises(AtlasNetError) as caught:
        call(source, graph, interface)
    assert words in str(caught.value)


@checked(AtlasError)
def _step(n: int, size: float = 1.0, is_on: bool = True, name: str | None = None):
    return n * size


def test_numbers_of_numpy_are_numbers_and_truth_is_none():
    assert _step(np.int64(2), np.float32(0.5), np.bool_(False)) == 1.0
    assert _step(2, 3) == 6
    for wrong in ({"n": True}, {"n": 2.0}, {"n": 1, "is_on": 1}, {"n": 1, "name": 3}):
        with pytest.raises(AtlasError):
            _step(**wrong)
    with pytest.raises(TypeError, match="_step"):
        _step()


def test_a_name_of_several_areas_is_a_lesion_in_each(source):
    from atlasnet.plan.interventions import Lesion, resolve

    graph = atlasnet.preset_graph(source)
    spec = atlasnet.plan_network(graph, atlasnet.hand_interface(graph))
    found = resolve([Lesion(area="M1"), Lesion(area="PM*", share=0.5)], spec)
    assert {(one.area, one.share) for one in found} == {
        ("4a left", 1.0),
        ("4p left", 1.0),
        *((f"{name} left", 0.5) for name in ("PMdc", "PMdr", "PMv")),
    }
    pathways = resolve([Lesion(area="BA4", source="F5")], spec)
    assert {one.area for one in pathways} == {"4a left", "4p left"}
    with pytest.raises(SpecError, match="No area"):
        spec.area("M2")


@pytest.mark.parametrize(
    "names",
    [np.array(["4p"]), {"4p"}, ("4p",), (name for name in ["4p"]), {"4p": 1}.keys()],
    ids=["array", "set", "tuple", "generator", "keys"],
)
def test_names_come_in_whatever_holds_them(source, names):
    assert atlasnet.build_graph(source, names).names == ("Area 4p (PreCG) left",)


@pytest.mark.parametrize(
    "call",
    [
        lambda s, g: atlasnet.build_graph(s, b"4p"),
        lambda s, g: atlasnet.build_graph(s, ["4p"], hemisphere=np.array(["left"] * 2)),
        lambda s, g: atlasnet.build_graph(s, ["4p"], rules={1: "x"}),
        lambda s, g: g.region(None),
        lambda s, g: g.region(4),
        lambda s, g: atlasnet.UnitRule(total=True),
        lambda s, g: atlasnet.parse_intervention("lesion", "1.2.3% of 4p"),
    ],
)
def test_what_is_no_name_or_number_is_one_sentence(source, graph, call):
    with pytest.raises(AtlasNetError):
        call(source, graph)
    assert 4 not in graph
