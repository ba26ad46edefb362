# SPDX-License-Identifier: Apache-2.0
import math

import pytest

from atlasnet.atlas.assembly import preset_graph
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.errors import SpecError
from atlasnet.graph.preset import load_preset
from atlasnet.plan.interface import hand_interface
from atlasnet.plan.planner import plan_network
from atlasnet.plan.retinotopy import (
    RECEPTIVE_FIELDS,
    VisualRule,
    plan_kernels,
    plan_maps,
)
from atlasnet.plan.sharing import UnitRule
from atlasnet.plan.spec import ImageSpec, MapSpec, NetworkSpec

NODES = ("V1", "V2", "V3d", "V3A", "V6", "MT", "LO")
SQUARE = ImageSpec(height_px=84, width_px=84, n_channels=3)


@pytest.fixture(scope="module")
def graph():
    return preset_graph(SnapshotSource(), "fpn-visual")


@pytest.fixture(scope="module")
def interface(graph):
    return hand_interface(graph, preset=load_preset("fpn-visual"))


@pytest.fixture(scope="module")
def spec(graph, interface):
    return plan_network(graph, interface, name="fpn-visual")


def _maps(spec: NetworkSpec) -> dict[str, MapSpec]:
    return {a.name.removesuffix(" left"): a.map for a in spec.areas if a.map}


def _plan(n_units=20_000, image=SQUARE, rule=None, nodes=NODES):
    return plan_maps(
        dict.fromkeys(nodes, n_units), {node: node for node in nodes}, image, rule
    )


def _sides(maps):
    return {area: (m.height, m.width) for area, m in maps.items()}


def test_positions_thin_out_as_receptive_fields_grow():
    # The mean distance of a square's points from its middle is 0.3826 of the side
    # (sqrt(2) + asinh(1)) / 6: 7.65 of 20 degrees, at 84 / 20 = 4.2 pixels a degree.
    # Radii in pixels: V1 4.2 (0.0218 + 0.1688 x 7.65) = 5.52, V2 6.05, V3d 9.9, V3A
    # 15.7, LO 27.5, MT 44.9. The largest power of two not above 5.52 is 4; the others
    # are 1.1, 1.8, 2.8, 5.0 and 8.1 times as large: 1, 2, 4, 4 and 8 to the nearest
    # power of two. 84 / 4 = 21, 84 / 8 = 10.5, 84 / 16 = 5.25, 84 / 32 = 2.6.
    assert _sides(_plan()) == {
        "V1": (21, 21),
        "V2": (21, 21),
        "V3d": (11, 11),
        "V3A": (6, 6),
        "LO": (6, 6),
        "MT": (3, 3),
        "V6": (3, 3),
    }
    share = (math.sqrt(2) + math.asinh(1)) / 6
    v1 = 84 / 20 * (0.02179 + 0.16883 * share * 20)
    assert _plan()["V1"].field_px == pytest.approx(2 * v1, abs=0.1)


def test_a_wide_image_has_wide_maps():
    # 84 x 168: 8.4 pixels a degree, the mean distance is 49.8 pixels or 5.9 degrees,
    # so V1's radius is 8.6 pixels and its spacing 8: 10.5 and 21.
    image = ImageSpec(height_px=84, width_px=168, n_channels=6)
    assert _sides(_plan(image=image))["V1"] == (11, 21)
    assert _sides(_plan(image=image))["MT"] == (2, 3)


def test_the_field_of_view_hardly_changes_the_maps():
    # Radii grow with eccentricity: at twice the angle they are nearly twice as many
    # degrees, and as many pixels.
    wide = _plan(rule=VisualRule(field_deg=40.0))
    assert _sides(wide)["V1"] == _sides(_plan())["V1"]
    assert wide["MT"].field_px == pytest.approx(_plan()["MT"].field_px, rel=0.02)


def test_channels_are_units_by_positions_rounded():
    # 441 positions: 20,000 / 441 = 45.35; 36 positions: 20,000 / 36 = 555.6.
    maps = _plan()
    assert maps["V1"].n_channels == 45
    assert maps["LO"].n_channels == 556
    assert maps["V1"].n_units == 45 * 441


def test_kernels_reach_the_targets_receptive_field():
    maps = _plan()
    # Fields are 11.0 pixels in V1, 19.8 in V3d, 31.4 in V3A, 89.8 in MT.
    # V1 -> V3d: 1 + ceil(8.8 / 4) = 4, to the next odd number: 5.
    assert maps["V3d"].kernel_from(maps["V1"]) == 5
    # V1 -> V3A: 1 + ceil(20.4 / 4) = 7.
    assert maps["V3A"].kernel_from(maps["V1"]) == 7
    # V1 -> MT: 1 + ceil(78.8 / 4) = 21, all of V1's map.
    assert maps["MT"].kernel_from(maps["V1"]) == 21
    # V1 -> V2: 1 + ceil(1.1 / 4) = 2, but at least 3.
    assert maps["V2"].kernel_from(maps["V1"]) == 3
    # MT -> V1: from a coarser map.
    assert maps["V1"].kernel_from(maps["MT"]) == 3


def test_a_kernel_skips_no_position_and_is_no_larger_than_the_source():
    fine = MapSpec(height=8, width=8, n_channels=1, spacing_px=2, field_px=30.0)
    coarse = MapSpec(height=2, width=2, n_channels=1, spacing_px=8, field_px=20.0)
    # The field is reached already, but four positions lie between two of the target.
    assert coarse.kernel_from(fine) == 5
    wide = coarse.model_copy(update={"field_px": 400.0})
    assert wide.kernel_from(fine) == 9  # 8, odd


def test_one_afferent_reaches_the_field_and_the_others_skip_nothing():
    # LO hears V1 and V2 within the step; V2's field is the larger one. 1 + ceil((55.0 -
    # 12.1) / 4) = 12, to the next odd number: 13. V1's positions are 4 apart: 5. What
    # comes from MT a step later is coarser: 3.
    within = {("V1", "LO"): "same_step", ("V2", "LO"): "same_step"}
    timings = {**within, ("MT", "LO"): "previous_step", ("LO", "P"): "same_step"}
    assert plan_kernels(_plan(), timings) == {
        ("V1", "LO"): 5,
        ("V2", "LO"): 13,
        ("MT", "LO"): 3,
    }


def test_the_plan_gives_every_pathway_between_maps_its_kernel(spec):
    kernels = {
        (p.source.removesuffix(" left"), p.target.removesuffix(" left")): p.kernel_size
        for p in spec.pathways
    }
    assert kernels["V1", "LO"] == 5
    assert kernels["V3A", "MT"] == 5
    assert kernels["V1", "V6A"] is None
    assert all(
        (size is not None) == (set(ends) <= set(NODES))
        for ends, size in kernels.items()
    )


def test_the_preset_has_maps_in_the_seven_occipital_areas(spec):
    maps = _maps(spec)
    assert set(maps) == set(NODES) == set(RECEPTIVE_FIELDS)
    assert (maps["V6"].height, maps["V6"].width, maps["V6"].n_channels) == (3, 3, 8)
    for area in spec.areas:
        if area.map:
            assert area.n_units == area.map.n_units
            assert area.cell == "dense"


def test_visual_areas_have_a_total_of_their_own(graph, spec):
    flat = [area for area in spec.areas if area.map is None]
    assert sum(area.n_units for area in flat) == 2048
    assert len(flat) == 28
    # Each area is as near to its share of the total as whole channels allow.
    cells = {r.name: r.cell_count for r in graph.regions if r.node in NODES}
    for area in spec.areas:
        if area.map:
            planned = 18_720 * cells[area.name] / sum(cells.values())
            positions = area.map.height * area.map.width
            assert abs(area.n_units - planned) <= positions / 2 + 1


def test_the_plan_says_both_totals(spec):
    actual = sum(m.n_units for m in _maps(spec).values())
    said = spec.provenance["visual_rule"]
    assert said.startswith("18720 units planned for areas with a map, ")
    assert f" {actual} after rounding to whole channels" in said
    assert "V6 left 3 x 3 x 8" in said
    assert "V6: stand-in" in spec.provenance["receptive_fields"]


def test_one_total_for_all_areas_would_have_to_be_56_000(graph):
    # V6 has 9.0 of 7,029 million cells: 72 units ask for 56,272 in all 35 areas, and
    # for 18,715 in the seven visual ones, which is why they have their own total.
    cells = {r.name: r.cell_count for r in graph.regions}
    visual = sum(cells[f"{node} left"] for node in NODES)
    v6 = cells["V6 left"]
    assert 72 * sum(cells.values()) / v6 == pytest.approx(56_272, rel=1e-3)
    assert 72 * visual / v6 == pytest.approx(18_715, rel=1e-3)


def test_units_of_areas_without_a_map_do_not_depend_on_the_visual_total(
    graph, interface
):
    rule = UnitRule(total=1500, floor=20)
    plans = [
        plan_network(graph, interface, rule, visual=VisualRule(total=total))
        for total in (18_720, 56_000)
    ]
    flat = [[(a.name, a.n_units) for a in p.areas if not a.map] for p in plans]
    assert flat[0] == flat[1]
    assert sum(n for _, n in flat[0]) == 1500
    channels = [_maps(plan)["V6"].n_channels for plan in plans]
    assert channels == [8, 24]  # 215.4 / 9 = 23.9


def test_the_exponent_counts_for_visual_areas_too(graph, interface):
    # With exponent 0 all seven have a seventh of 18,720 units: 2,674.
    plan = plan_network(graph, interface, UnitRule(exponent=0.0))
    assert _maps(plan)["V6"].n_channels == round(18_720 / 7 / 9)


def test_every_option_of_the_rule_is_in_the_plan(graph, interface):
    visual = VisualRule(
        total=30_000,
        field_deg=25.0,
        spacing_px={"V1": 8, "V2": 8, "V6": 64},
        cell="rate",
        readout="flatten",
    )
    plan = plan_network(graph, interface, visual=visual)
    maps = _maps(plan)
    assert (maps["V1"].height, maps["V6"].height) == (11, 2)
    assert {m.readout for m in maps.values()} == {"flatten"}
    assert {a.cell for a in plan.areas if a.map} == {"rate"}


def test_a_plan_without_an_image_has_no_maps(graph):
    interface = hand_interface(graph)  # the preset fpn: a pose of 15 numbers
    plan = plan_network(graph, interface)
    assert not _maps(plan)
    assert plan.n_units == 2048
    with pytest.raises(SpecError, match="no sensation is an image"):
        plan_network(graph, interface, visual=VisualRule())


def test_less_than_one_channel_names_the_area_and_the_remedy(graph, interface):
    with pytest.raises(SpecError) as error:
        plan_network(graph, interface, visual=VisualRule(total=2000))
    # V6 gets 7.7 of 2000 units, rounded by largest remainder to 8, for 9 positions:
    # 2000 x 9 / 8 = 2250. V2's is worse, but areas are taken in the graph's order.
    message = str(error.value)
    assert "less than one channel" in message
    assert "Raise the visual total from 2,000 to" in message
    assert "smaller map: visual.spacing_px" in message


def test_the_total_that_an_error_asks_for_is_enough():
    units = {"V1": 400, "MT": 90}
    nodes = {"V1": "V1", "MT": "MT"}
    rule = VisualRule(total=490)
    with pytest.raises(SpecError, match="from 490 to 541 or more"):
        plan_maps(units, nodes, SQUARE, rule)  # 490 x 441 / 400 = 540.2
    assert plan_maps({"V1": 442, "MT": 99}, nodes, SQUARE, rule)["V1"].n_channels == 1


def test_an_image_too_small_for_the_stream_says_how_large_it_must_be():
    tiny = ImageSpec(height_px=8, width_px=8, n_channels=3)
    with pytest.raises(SpecError, match="at least 16 pixels a side"):
        _plan(image=tiny)
    flat = ImageSpec(height_px=20, width_px=200, n_channels=3)
    with pytest.raises(SpecError, match="more than 64 pixels a side"):
        _plan(image=flat, nodes=("MT",))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"total": 0}, "Invalid visual rule at 'total'"),
        ({"field_deg": -1.0}, "Invalid visual rule at 'field_deg'"),
        ({"toal": 5}, "Unknown visual rule key 'toal'. Close matches: total"),
    ],
)
def test_a_wrong_rule_is_one_clear_error(options, message):
    with pytest.raises(SpecError, match=message):
        VisualRule(**options)


def test_a_spacing_for_a_node_without_a_map_is_refused():
    with pytest.raises(SpecError, match="'4p', which is no node with a map: V1, V2"):
        _plan(rule=VisualRule(spacing_px={"4p": 4}))


def test_a_vector_for_a_preset_that_sees_pixels_says_what_to_do(graph):
    with pytest.raises(SpecError, match=r"vision: \{kind: rgb\}"):
        hand_interface(graph, preset=load_preset("fpn-visual"), sizes={"vision": 15})


def test_pixels_for_a_blind_network_say_what_to_do():
    blind = preset_graph(SnapshotSource(), "fpn", blind=True)
    interface = hand_interface(blind, sizes={"vision": (84, 84, 3)})
    with pytest.raises(SpecError, match=r"'V6A left', which has no retinotopic map"):
        plan_network(blind, interface)


@pytest.mark.parametrize("size", [(84, 84), (84, 0, 3), ()])
def test_a_size_that_is_no_image_is_refused(graph, size):
    with pytest.raises(SpecError, match="size of 'vision'"):
        hand_interface(graph, sizes={"vision": size})


def test_cameras_are_channels_of_the_image(graph):
    interface = hand_interface(
        graph, preset=load_preset("fpn-visual"), sizes={"vision": (96, 96, 9)}
    )
    plan = plan_network(graph, interface)
    entry = next(e for e in plan.inputs if e.name == "vision")
    assert entry.shape == (96, 96, 9)
    assert entry.areas == ("V1 left",)
    assert _maps(plan)["V1"].height == 24


def test_a_plan_with_maps_survives_json(spec):
    assert NetworkSpec.from_json(spec.to_json()) == spec
