# SPDX-License-Identifier: Apache-2.0
import networkx as nx
import pytest

from atlasnet.atlas.assembly import build_graph, preset_graph
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.errors import RegionNotFoundError, SpecError
from atlasnet.graph.preset import load_preset
from atlasnet.plan.interface import hand_interface

FOUR = ["Area 4p (PreCG)", "Area 3a (PostCG)", "Area 2 (PostCS)", "Area hIP2 (IPS)"]
POSE_NODES = ["V6A", "cIPS", "mIPS", "7P"]


@pytest.fixture(scope="module")
def source():
    return SnapshotSource()


@pytest.fixture(scope="module")
def blind(source):
    return preset_graph(source, "fpn", blind=True)


@pytest.fixture(scope="module")
def four(source):
    return build_graph(source, FOUR)


def _areas(interface):
    return {entry.name: entry.areas for entry in interface.inputs}


def _nodes(*names):
    return tuple(f"{name} left" for name in names)


def test_the_preset_is_connected_by_its_entry_table(blind):
    interface = hand_interface(blind)
    assert _areas(interface) == {
        "proprioception": _nodes("3a", "2"),
        "touch": _nodes("3b", "1"),
        "goal": _nodes("dlPFC", "IFS"),
        "vision": _nodes(*POSE_NODES),
    }
    assert interface.action_areas == _nodes("4a", "4p")
    sizes = {entry.name: entry.size for entry in interface.inputs}
    assert sizes == {"proprioception": 48, "touch": 92, "goal": 15, "vision": 15}
    assert interface.policy_size == 20 * 11
    assert interface.value.auxiliary_size == 30
    assert set(interface.value.areas) >= {"dlPFC left", "4p left"}


def test_the_pose_enters_where_cited_pathways_lead_from_the_occipital_nodes(source):
    occipital = set(load_preset("fpn").blind_without)
    targets = {
        pathway.target
        for pathway in source.pathways()
        if pathway.support != "doubtful"
        and pathway.direction == "feedforward"
        and pathway.source in occipital
        and pathway.target not in occipital
    }
    assert targets == set(POSE_NODES)


def test_the_structural_model_adds_no_other_parietal_target(source):
    graph = preset_graph(source, "fpn", blind=False, direction_model="structural_model")
    occipital = {f"{node} left" for node in load_preset("fpn").blind_without}
    targets = {
        edge.target.removesuffix(" left")
        for edge in graph.projections
        if edge.source in occipital
        and edge.direction == "feedforward"
        and graph.region(edge.target).system == "parietal association"
    }
    assert targets == set(POSE_NODES)


def test_vision_enters_v1_where_the_graph_has_it(source):
    interface = hand_interface(preset_graph(source, "fpn", blind=False))
    assert _areas(interface)["vision"] == ("V1 left",)


def test_four_regions_are_connected_by_alternatives_that_are_noted(four):
    interface = hand_interface(four)
    assert _areas(interface) == {
        "proprioception": ("Area 3a (PostCG) left", "Area 2 (PostCS) left"),
        "touch": ("Area 2 (PostCS) left", "Area 3a (PostCG) left"),
        "goal": ("Area hIP2 (IPS) left",),
        "vision": ("Area hIP2 (IPS) left",),
    }
    assert interface.action_areas == ("Area 4p (PreCG) left",)
    notes = "\n".join(interface.notes)
    assert "any primary somatosensory area, without 3b and 1" in notes
    assert len(interface.notes) == 6


def test_every_sensation_of_the_four_regions_reaches_the_action_area(four):
    interface = hand_interface(four)
    digraph = four.to_networkx()
    for entry in interface.inputs:
        assert any(
            nx.has_path(digraph, area, action)
            for area in entry.areas
            for action in interface.action_areas
        )


@pytest.mark.parametrize(
    "name",
    [
        "Area 3a (PostCG)",
        "Area 3a (PostCG) left",
        "area 3a (postcg)",
        "3a",
        "3a left",
    ],
)
def test_a_given_area_may_be_a_region_or_node_with_or_without_hemisphere(four, name):
    interface = hand_interface(four, inputs={"proprioception": [name]})
    assert _areas(interface)["proprioception"] == ("Area 3a (PostCG) left",)
    assert "(given)" in interface.notes[0]


def test_a_given_node_stands_for_all_its_parts(source):
    graph = build_graph(source, [*FOUR, "Area hIP1 (IPS)"])
    interface = hand_interface(graph, inputs={"goal": ["AIP"]})
    assert _areas(interface)["goal"] == (
        "Area hIP1 (IPS) left",
        "Area hIP2 (IPS) left",
    )


def test_action_and_value_may_be_given(four):
    interface = hand_interface(
        four, action=["Area 2 (PostCS)"], value=["Area hIP2 (IPS)", "4p"]
    )
    assert interface.action_areas == ("Area 2 (PostCS) left",)
    assert interface.value.areas == ("Area hIP2 (IPS) left", "Area 4p (PreCG) left")


def test_an_unknown_area_gets_the_nearest_names(four):
    with pytest.raises(RegionNotFoundError, match=r"Area 3a \(PostCG\) left"):
        hand_interface(four, inputs={"touch": ["Area 3c (PostCG)"]})
    with pytest.raises(RegionNotFoundError, match=r"Close matches"):
        hand_interface(four, action=["Area 4q (PreCG)"])


def test_an_unknown_sensation_gets_the_nearest(four):
    with pytest.raises(SpecError, match=r"'toch' in inputs.*Close matches: touch"):
        hand_interface(four, inputs={"toch": ["3a"]})
    with pytest.raises(SpecError, match=r"'sight' in without is no sensation"):
        hand_interface(four, without=["sight"])


def test_a_sensation_without_an_area_says_what_to_do(source):
    graph = build_graph(source, ["Area 4p (PreCG)", "Area 3a (PostCG)"])
    message = "--input vision=AREA or leave it out with --without vision"
    with pytest.raises(SpecError, match=message):
        hand_interface(graph, without=["goal"])
    interface = hand_interface(graph, without=["goal", "vision"])
    assert list(_areas(interface)) == ["proprioception", "touch"]
    assert "vision is left out" in interface.notes


def test_an_action_without_an_area_says_what_to_do(source):
    graph = build_graph(source, ["Area 3a (PostCG)", "Area hIP2 (IPS)"])
    with pytest.raises(SpecError, match="No area of the graph drives action"):
        hand_interface(graph)


def test_a_network_needs_a_sensation(four):
    names = ["proprioception", "touch", "goal", "vision"]
    with pytest.raises(SpecError, match="needs a sensation"):
        hand_interface(four, without=names)


def test_an_empty_choice_of_areas_is_refused(four):
    with pytest.raises(SpecError, match="'action' was given no area"):
        hand_interface(four, action=[])


def test_sizes_may_be_given_and_the_auxiliary_input_left_out(four):
    interface = hand_interface(
        four, sizes={"touch": 5, "policy": 40}, without=["auxiliary"]
    )
    sizes = {entry.name: entry.size for entry in interface.inputs}
    assert sizes["touch"] == 5
    assert interface.policy_size == 40
    assert interface.value.auxiliary_size == 0


def test_a_right_hand_is_felt_and_moved_by_the_left_hemisphere(source):
    both = hand_interface(preset_graph(source, "fpn", "both", blind=True))
    assert both.action_areas == ("4a left", "4p left")
    assert _areas(both)["touch"] == ("3b left", "1 left")
    assert "dlPFC right" in _areas(both)["goal"]
    right = hand_interface(preset_graph(source, "fpn", "right", blind=True))
    assert right.action_areas == ("4a right", "4p right")
    # The right hemisphere alone moves the hand of its own side, and says so.
    own_side = "on the right hand's own side, since the graph lacks the other"
    told = [note.split()[0] for note in right.notes if own_side in note]
    assert told == ["proprioception", "touch", "action"]
    assert not any(own_side in note for note in both.notes)


def test_of_both_hemispheres_the_left_feels_and_moves_and_both_know_the_goal(source):
    graph = preset_graph(source, "fpn", "both", blind=True)
    both = hand_interface(graph)
    assert _areas(both)["proprioception"] == ("3a left", "2 left")
    assert _areas(both)["goal"] == (
        *("dlPFC left", "dlPFC right"),
        *("IFS left", "IFS right"),
    )
    assert {name.rsplit(" ", 1)[1] for name in _areas(both)["vision"]} == {
        "left",
        "right",
    }
    # The right hemisphere acts through the callosum alone.
    crossing = {
        (e.source, e.target)
        for e in graph.projections
        if e.is_callosal and e.target in both.action_areas
    }
    assert crossing
    assert all(source.endswith("right") for source, _ in crossing)


def test_a_size_below_one_is_refused(four):
    with pytest.raises(SpecError, match="size of 'touch' is at least 1, got 0"):
        hand_interface(four, sizes={"touch": 0})
