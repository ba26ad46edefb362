# SPDX-License-Identifier: Apache-2.0
"""Merging regions of a graph into larger ones."""

from typing import Any

import pytest

import atlasnet
from atlasnet.errors import GraphError
from atlasnet.graph.graph import Projection, Region, RegionGraph
from atlasnet.graph.merging import merge_regions
from atlasnet.graph.preset import load_preset


def region(name: str, volume_mm3: float, density: float, **kwargs: Any) -> Region:
    given = {"centroid_mm": (0.0, 0.0, 0.0), "thickness_mm": 2.0, **kwargs}
    return Region(
        f"{name} left",
        "left",
        volume_mm3=volume_mm3,
        cell_density_per_mm3=density,
        cell_density_rule="table",
        **given,
    )


def edge(
    source: str, target: str, count: float, length: float | None, direction: Any
) -> Projection:
    names = f"{source} left", f"{target} left"
    return Projection(*names, count, length, None, direction, "structural_model")


@pytest.fixture
def graph() -> RegionGraph:
    return RegionGraph(
        [
            region("a", 10.0, 30.0, centroid_mm=(1.0, 2.0, 3.0), system="x"),
            region("b", 30.0, 10.0, centroid_mm=(5.0, 2.0, -1.0), thickness_mm=4.0),
            region("c", 20.0, 5.0),
            region("d", 20.0, 5.0),
        ],
        [
            edge("a", "b", 99.0, 10.0, "feedforward"),
            edge("a", "c", 10.0, 30.0, "feedback"),
            edge("b", "c", 30.0, 50.0, "feedforward"),
            edge("c", "b", 30.0, 50.0, "feedback"),
            edge("c", "a", 10.0, None, "lateral"),
            edge("c", "d", 7.0, 20.0, "lateral"),
        ],
        {"source": "made up"},
    )


GROUPS = {"AB left": ["a left", "b left"]}


def test_volumes_and_cell_counts_add_up(graph: RegionGraph) -> None:
    merged = merge_regions(graph, GROUPS)
    both = merged.region("AB left")
    # 10 mm3 x 30 + 30 mm3 x 10 = 600 cells in 40 mm3: 15 per mm3.
    assert (both.volume_mm3, both.cell_density_per_mm3) == (40.0, 15.0)
    assert both.cell_count == 600.0
    # Weighted by volume: (1 x 10 + 5 x 30) / 40 = 4, 2, (3 x 10 - 1 x 30) / 40 = 0.
    assert both.centroid_mm == (4.0, 2.0, 0.0)
    assert both.thickness_mm == 3.5  # (2 x 10 + 4 x 30) / 40
    assert (both.node, both.hemisphere, both.system) == ("AB", "left", "x")
    assert merged.names == ("AB left", "c left", "d left")


def test_pathways_add_up_and_most_streamlines_decide_their_class(
    graph: RegionGraph,
) -> None:
    merged = merge_regions(graph, GROUPS)
    there, back = (
        merged.projection(*pair)
        for pair in (("AB left", "c left"), ("c left", "AB left"))
    )
    # Mean length of 40 streamlines: (30 x 10 + 50 x 30) / 40 = 45 mm, 7.5 ms at 6 m/s.
    assert (there.streamline_count, there.length_mm) == (40.0, 45.0)
    assert there.delay_ms == 7.5
    # To c: 30 forward there and 30 as the opposite of c -> b, 10 + 10 others.
    assert (there.direction, back.direction) == ("feedforward", "feedback")
    assert back.length_mm == 50.0  # of those that have one
    assert there.direction_rule == "merged"
    # What concerns no group stays as it was; what is inside a group is gone.
    assert merged.projection("c left", "d left") == graph.projection("c left", "d left")
    assert len(merged.projections) == 3
    assert merged.metadata == {
        "source": "made up",
        "merged": ["AB left = a left + b left"],
    }


def test_a_tie_is_lateral() -> None:
    graph = RegionGraph(
        [region(name, 1.0, 1.0) for name in "abc"],
        [
            edge("a", "c", 5.0, 1.0, "feedforward"),
            edge("b", "c", 5.0, 1.0, "feedback"),
        ],
    )
    merged = merge_regions(graph, GROUPS)
    assert merged.projection("AB left", "c left").direction == "lateral"


def test_a_group_of_unknown_cells_has_none(graph: RegionGraph) -> None:
    unknown = Region("u left", "left", volume_mm3=3.0)
    wider = RegionGraph([*graph.regions, unknown])
    both = merge_regions(wider, {"AU left": ["a left", "u left"]}).region("AU left")
    assert both.volume_mm3 == 13.0
    assert both.cell_count is None


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"X left": []}, "group 'X left' is empty"),
        ({"X left": ["q left"]}, "names the region 'q left', which the graph lacks"),
        (
            {"X left": ["a left"], "Y left": ["a left"]},
            "'a left' is in two groups, 'X left' and 'Y left'",
        ),
    ],
)
def test_groups_that_cannot_be_are_refused(
    groups: Any, message: str, graph: RegionGraph
) -> None:
    with pytest.raises(GraphError, match=message):
        merge_regions(graph, groups)


def test_a_group_lies_in_one_hemisphere(graph: RegionGraph) -> None:
    wider = RegionGraph([*graph.regions, Region("a right", "right")])
    with pytest.raises(GraphError, match="'A' has regions of both hemispheres"):
        merge_regions(wider, {"A": ["a left", "a right"]})


@pytest.mark.parametrize("hemisphere", ["left", "both"])
def test_the_compact_preset_is_the_frontoparietal_network_merged(
    hemisphere: Any,
) -> None:
    source = atlasnet.SnapshotSource()
    preset = load_preset("fpn-compact")
    fine = atlasnet.preset_graph(
        source, "fpn", hemisphere, blind=True, also=["MCC (stand-in)"]
    )
    merged = atlasnet.preset_graph(source, "fpn-compact", hemisphere)
    sides = ("left", "right") if hemisphere == "both" else ("left",)
    assert set(merged.names) == {
        f"{name} {side}"
        for name in ("SSC", "SPL", "IPL", "IPS", "MCC", "LPFC", "PMC", "M1")
        for side in sides
    }
    parts = [part for group in preset.groups.values() for part in group]
    assert sorted(f"{p} {s}" for p in parts for s in sides) == sorted(fine.names)
    for side in sides:
        for group, members in preset.groups.items():
            counts = [fine.region(f"{m} {side}").cell_count or 0.0 for m in members]
            found = merged.region(f"{group} {side}").cell_count
            assert found == pytest.approx(sum(counts))
    spec = atlasnet.plan_network(
        merged, atlasnet.hand_interface(merged, preset="fpn-compact")
    )
    assert spec.n_units == 2048
    assert spec.action_areas == ("M1 left",)
    entered = {entry.name: entry.areas for entry in spec.inputs}
    assert entered["vision"][0] == "SPL left"
