# SPDX-License-Identifier: Apache-2.0
"""Volumes of one hemisphere, of the other, and of both."""

import csv
from importlib.resources import files

import pytest

from atlasnet.atlas.assembly import all_regions_graph, build_graph, preset_graph
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.source import RegionRecord
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.atlas.volumes import with_volumes
from atlasnet.errors import AtlasError

MM3 = {
    row["name"]: float(row["volume_mm3"])
    for row in csv.DictReader(
        (files("atlasnet.data") / "regions.csv").read_text("utf-8").splitlines()
    )
    if row["volume_mm3"]
}


@pytest.fixture(scope="module")
def source() -> SnapshotSource:
    return SnapshotSource()


def record(name: str, volume_mm3: float | None) -> RegionRecord:
    return RegionRecord(
        name=name,
        hemisphere="left" if name.endswith("left") else "right",
        hierarchy=(),
        system="other cortex",
        is_isocortex=True,
        volume_mm3=volume_mm3,
        centroid_mm=None,
        connectome_row=None,
    )


PAIRS = [
    *(record("Area A left", 10.0), record("Area A right", 30.0)),
    *(record("Area b (X) right", 7.0), record("area B (X) left", None)),
]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("own", [10.0, 30.0, 7.0, None]),
        ("other", [30.0, 10.0, None, 7.0]),
        # (10 + 30) / 2; of B one side is not known, so neither is the mean.
        ("mean", [20.0, 20.0, None, None]),
    ],
)
def test_volumes_by_hand(rule, expected) -> None:
    found = with_volumes(PAIRS, rule)
    assert [r.volume_mm3 for r in found] == expected
    assert [r.name for r in found] == [r.name for r in PAIRS]


def test_a_region_without_a_counterpart_is_named_with_the_way_out() -> None:
    alone = [*PAIRS, record("Area C left", 1.0)]
    assert with_volumes(alone, "own") == tuple(alone)
    with pytest.raises(AtlasError, match=r"'other'.*'Area C left'.*'own' takes"):
        with_volumes(alone, "other")


def test_4a_has_three_times_its_volume_by_the_other_hemisphere(source) -> None:
    left, right = MM3["Area 4a (PreCG) left"], MM3["Area 4a (PreCG) right"]
    assert 3.0 < right / left < 3.6
    for rule, expected in {"other": right, "mean": (left + right) / 2}.items():
        graph = build_graph(source, ["4a"], volume=rule)
        region = graph.region("Area 4a (PreCG) left")
        assert region.volume_mm3 == pytest.approx(expected)
        assert graph.metadata["volume_rule"] == rule
        # The density stays the homologue's.
        assert region.cell_count == pytest.approx(expected * 21_035, rel=1e-4)


def test_a_node_has_the_sum_of_its_parts_of_the_other_side(source) -> None:
    # PMv is 6v1 + 6v2 + 6v3 in 3.1.
    parts = ("Area 6v1 (PreCG)", "Area 6v2 (PreCG)", "Area 6v3 (PreCG)")
    graph = preset_graph(source, volume="other")
    expected = sum(v for k, v in MM3.items() if k.endswith("right") and k[:-6] in parts)
    assert expected > 0
    assert graph.region("PMv left").volume_mm3 == pytest.approx(expected)


@pytest.mark.parametrize("rule", ["other", "mean"])
def test_only_volumes_change(source, rule) -> None:
    own, changed = (
        all_regions_graph(source, "both", volume=v, direction_model="structural_model")
        for v in ("own", rule)
    )
    assert changed.projections == own.projections
    for before, after in zip(own.regions, changed.regions, strict=True):
        assert after.cell_density_per_mm3 == before.cell_density_per_mm3
        assert after.centroid_mm == before.centroid_mm
    swapped = sum(r.volume_mm3 or 0.0 for r in changed.regions)
    assert swapped == pytest.approx(sum(r.volume_mm3 or 0.0 for r in own.regions))


def test_the_other_side_of_the_left_is_the_right_sides_own(source) -> None:
    left = preset_graph(source, "fpn", "left", volume="other")
    right = preset_graph(source, "fpn", "right")
    for region in left.regions:
        twin = right.region(f"{region.name.removesuffix(' left')} right")
        assert region.volume_mm3 == pytest.approx(twin.volume_mm3)


def test_a_rule_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(AtlasError, match=r"volume.*'own', 'other' or 'mean'.*'both'"):
        GraphRules(volume="both")
