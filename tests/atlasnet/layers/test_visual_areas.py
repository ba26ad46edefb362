# SPDX-License-Identifier: Apache-2.0
"""Areas with a retinotopic map among others, in one network."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import atlasnet
from angora_train.agent.recurrence import IS_FIRST, explicit_state
from atlasnet.errors import SpecError
from atlasnet.layers import Area, AreaCell
from atlasnet.model.builder import build_model
from atlasnet.plan.spec import (
    AreaSpec,
    ImageSpec,
    InputSpec,
    MapSpec,
    NetworkSpec,
    ValueSpec,
)
from tests.conftest import pathway

pytestmark = pytest.mark.slow

IMAGE = ImageSpec(height_px=16, width_px=16, n_channels=6)
LAYOUTS = {
    "V1": MapSpec(height=8, width=8, n_channels=4, spacing_px=2, field_px=4.0),
    "V2": MapSpec(height=4, width=4, n_channels=3, spacing_px=4, field_px=8.0),
    "LO": MapSpec(height=2, width=2, n_channels=5, spacing_px=8, field_px=16.0),
}
PATHWAYS = {
    ("V1", "V2"): "same_step",  # to a coarser map
    ("V1", "LO"): "same_step",
    ("V2", "LO"): "same_step",
    ("V2", "P"): "same_step",  # read out
    ("LO", "P"): "same_step",
    ("P", "M"): "same_step",
    ("V2", "V1"): "previous_step",  # to a finer map
    ("LO", "V2"): "previous_step",
    ("P", "V1"): "previous_step",  # to a map from units without one
    ("LO", "M"): "previous_step",  # read out a step later
    ("V1", "LO2"): "previous_step",  # to a coarser map a step later
    ("LO2", "LO"): "previous_step",  # between maps of one size
    ("M", "P"): "previous_step",
}


def _area(name: str, cell: Any, **more: Any) -> AreaSpec:
    layout = LAYOUTS[name].model_copy(update=more.pop("layout", {}))
    n_units = layout.n_units
    return AreaSpec(name=name, n_units=n_units, cell=cell, map=layout, **more)


def _spec(cell: Any = "dense", **changes: Any) -> NetworkSpec:
    """Two cameras and touch, four maps (one hears nothing of its step), P and M."""
    layout = changes.pop("layout", {})
    areas = [_area(name, cell, layout=layout) for name in LAYOUTS]
    lateral = areas[-1].model_copy(update={"name": "LO2"})
    delays = changes.pop("delays", {})
    given: dict[str, Any] = {
        "name": "eye",
        "control_step_s": 0.02,
        "areas": (
            *areas,
            lateral,
            AreaSpec(name="P", n_units=5, cell="rate"),
            AreaSpec(name="M", n_units=6, cell="rate"),
        ),
        "pathways": tuple(
            pathway(*ends, timing).model_copy(
                update={"delay_steps": delays.get(ends), "length_mm": 30.0}
            )
            for ends, timing in PATHWAYS.items()
        ),
        "inputs": (
            InputSpec(name="vision", image=IMAGE, areas=("V1",)),
            InputSpec(name="touch", size=3, areas=("P",)),
        ),
        "action_areas": ("M",),
        "policy_size": 4,
        "value": ValueSpec(areas=("P", "M"), hidden_units=(7,)),
    }
    return NetworkSpec(**{**given, **changes})


READOUTS = [pytest.param("flatten", marks=pytest.mark.slow), "spatial_softmax"]


@pytest.fixture
def sensed(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "vision": rng.random((2, 6, *IMAGE.shape), np.float32),
        "touch": rng.normal(size=(2, 6, 3)).astype(np.float32),
    }


def _activity(model: keras.Model, x: dict[str, Any]) -> dict[str, Any]:
    layers = {a.region: a.output for a in model.layers if isinstance(a, Area)}
    read = keras.Model(model.inputs, layers)
    out = read([x[tensor.name] for tensor in model.inputs])
    return {name: np.asarray(value) for name, value in out.items()}


def _moved(a: dict[str, Any], b: dict[str, Any], step: int) -> set[str]:
    """Return the areas whose activity differs at a step."""
    return {name for name in a if (a[name][:, step] != b[name][:, step]).any()}


def _cell(model: keras.Model) -> AreaCell:
    cell: AreaCell = model.get_layer("areas").cell
    return cell


def test_every_map_is_a_layer_in_its_shape(sensed: dict[str, Any]) -> None:
    spec = _spec()
    shapes = {
        name: value.shape
        for name, value in _activity(build_model(spec), sensed).items()
    }
    assert shapes == {
        "V1": (2, 6, 8, 8, 4),
        "V2": (2, 6, 4, 4, 3),
        "LO": (2, 6, 2, 2, 5),
        "LO2": (2, 6, 2, 2, 5),
        "P": (2, 6, 5),
        "M": (2, 6, 6),
    }
    assert spec.n_units == 8 * 8 * 4 + 4 * 4 * 3 + 2 * 2 * 5 * 2 + 5 + 6


def test_parameters_are_those_of_the_pathways() -> None:
    # V1: image 4 x 4 x 6, V2 3 x 3 x 3, P 5 = 128 rows x 4, bias 4: 516.
    # V2: V1 (1 + (8 - 4) / 2 = 3) 3 x 3 x 4, LO 3 x 3 x 5 = 81 x 3, bias: 246.
    # LO: V1 (1 + 12 / 2 = 7) 7 x 7 x 4, V2 (1 + 8 / 4 = 3) 3 x 3 x 3, LO2 3 x 3 x 5 =
    # 268 x 5, bias: 1345. LO2: V1 7 x 7 x 4 = 196 x 5, bias: 985.
    # P: touch 3, V2 2 x 3, LO 2 x 5, M 6, itself 5 = 30 x 5, bias: 155.
    # M: P 5, LO 10, itself 6 = 21 x 6, bias: 132. Temperatures of V2 and LO: 2.
    # Policy 6 x 4 + 4 = 28, value 11 x 7 + 7 + 8 = 92.
    model = build_model(_spec())
    assert model.count_params() == 516 + 246 + 1345 + 985 + 155 + 132 + 2 + 28 + 92
    columns = _cell(model).afferent_columns("V1")
    assert {name: part.stop - part.start for name, part in columns.items()} == {
        "vision": 96,
        "V2": 27,
        "P": 5,
    }


def test_the_state_holds_only_what_is_read_a_step_later() -> None:
    # V1 48, V2 ... are read a step later: V1 256, V2 48, LO 20, LO2 20, P 5, M 6.
    assert _cell(build_model(_spec())).state_size == 256 + 48 + 20 + 20 + 5 + 6
    # Without V1's one pathway of a step later, its 256 units are not carried.
    spec = _spec()
    kept = tuple(p for p in spec.pathways if (p.source, p.target) != ("V1", "LO2"))
    forward = pathway("V2", "LO2", "previous_step")
    less = spec.model_copy(update={"pathways": (*kept, forward)})
    assert _cell(build_model(less)).state_size == 48 + 20 + 20 + 5 + 6


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("cell", ["dense", "rate"])
def test_every_pathway_has_a_gradient(
    cell: str, readout: str, sensed: dict[str, Any]
) -> None:
    import tensorflow as tf

    model = build_model(_spec(cell, layout={"readout": readout}))
    names = ("V1", "V2", "LO", "LO2", "P", "M")
    populations = zip(names, _cell(model).populations, strict=True)
    kernels = {name: population.kernel for name, population in populations}
    temperatures = [w for w in model.weights if "temperature" in w.path]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(sensed)["policy"] ** 2)
    watched = [k.value for k in kernels.values()]
    gradients = dict(zip(kernels, tape.gradient(loss, watched), strict=True))
    for area, gradient in gradients.items():
        for source, part in _cell(model).afferent_columns(area).items():
            assert np.abs(gradient[:, part]).max() > 0, (source, area)
    assert len(temperatures) == (2 if readout == "spatial_softmax" else 0)


def test_no_gradient_where_the_graph_has_no_path(sensed: dict[str, Any]) -> None:
    import tensorflow as tf

    model = build_model(_spec())
    names = ["V1", "V2", "LO", "LO2", "P", "M"]
    kernels = [p.kernel for p in _cell(model).populations]
    read = keras.Model(model.inputs, model.get_layer("lo").output)

    def reach(n_steps: int) -> set[str]:
        with tf.GradientTape() as tape:
            x = [sensed[tensor.name][:, :n_steps] for tensor in model.inputs]
            loss = tf.reduce_sum(read(x) ** 2)
        gradients = tape.gradient(loss, [k.value for k in kernels])
        return {
            name
            for name, g in zip(names, gradients, strict=True)
            if g is not None and np.abs(g).max() > 0
        }

    assert reach(1) == {"V1", "V2", "LO"}  # within the step
    assert reach(2) == {"V1", "V2", "LO", "P"}  # P -> V1
    # V1 -> LO2 -> LO takes two steps, as M -> P -> V1 does.
    assert reach(3) == {"V1", "V2", "LO", "LO2", "P", "M"}


def test_a_silenced_pathway_changes_only_what_lies_downstream(
    sensed: dict[str, Any],
) -> None:
    model = build_model(_spec())
    cell = _cell(model)
    before = _activity(model, sensed)
    kernel = cell.populations[1].kernel
    silenced = np.array(kernel)
    silenced[:, cell.afferent_columns("V2")["V1"]] = 0.0
    kernel.assign(silenced)
    after = _activity(model, sensed)
    assert _moved(before, after, 0) == {"V2", "LO", "P", "M"}
    assert _moved(before, after, 1) == {"V1", "V2", "LO", "P", "M"}  # V2 -> V1
    assert _moved(before, after, 2) == {"V1", "V2", "LO", "LO2", "P", "M"}


def test_a_pathway_of_the_step_before_into_a_map_arrives_one_step_later(
    sensed: dict[str, Any],
) -> None:
    model = build_model(_spec())
    touched = {**sensed, "touch": sensed["touch"].copy()}
    touched["touch"][:, 2] += 1.0
    before, after = _activity(model, sensed), _activity(model, touched)
    assert _moved(before, after, 1) == set()
    assert _moved(before, after, 2) == {"P", "M"}
    assert {"V1", "V2", "LO", "P", "M"} == _moved(before, after, 3)  # P -> V1 -> ...
    assert "LO2" in _moved(before, after, 4)


def test_a_delayed_pathway_between_maps_arrives_as_late_as_it_says(
    sensed: dict[str, Any],
) -> None:
    model = build_model(_spec(delays={("V1", "LO2"): 3}))
    seen = {**sensed, "vision": sensed["vision"].copy()}
    seen["vision"][:, 1] = 1.0 - seen["vision"][:, 1]
    before, after = _activity(model, sensed), _activity(model, seen)
    assert ["LO2" in _moved(before, after, t) for t in range(5)] == [
        False,
        False,
        False,
        False,
        True,
    ]


def test_a_shifted_image_shifts_the_map(rng: np.random.Generator) -> None:
    # At the first step V1 hears the image alone. Its positions lie 2 pixels apart: 4
    # pixels to the right and 2 down are 2 positions and 1, away from the borders, where
    # the 4 pixels of a field reach beyond.
    read = build_model(_spec())
    image = rng.random((1, 1, *IMAGE.shape), np.float32)
    shifted = np.roll(image, (2, 4), axis=(2, 3))
    touch = np.zeros((1, 1, 3), np.float32)
    first = _activity(read, {"vision": image, "touch": touch})["V1"][0, 0]
    second = _activity(read, {"vision": shifted, "touch": touch})["V1"][0, 0]
    np.testing.assert_allclose(second[2:-1, 3:-1], first[1:-2, 1:-3], atol=1e-6)
    assert np.abs(second[2:-1, 3:-1] - first[2:-1, 3:-1]).max() > 0.01


def test_an_image_is_read_around_a_middling_grey() -> None:
    # An image of 0.5 counts as 0: only the bias, 0 at the start, is left.
    grey = {
        "vision": np.full((1, 1, *IMAGE.shape), 0.5, np.float32),
        "touch": np.zeros((1, 1, 3), np.float32),
    }
    assert (_activity(build_model(_spec()), grey)["V1"] == 0).all()


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("cell", ["dense", "rate"])
def test_a_sequence_in_one_go_equals_step_by_step_with_resets(
    cell: str, readout: str, sensed: dict[str, Any]
) -> None:
    model = build_model(_spec(cell, layout={"readout": readout}))
    stateful = explicit_state(model)
    flags = np.zeros((2, 6), np.float32)
    flags[0, 3] = 1.0  # an episode of the first world begins here
    start = stateful.initial_state(2)
    whole = stateful.model({**sensed, IS_FIRST: flags, **start})
    state: dict[str, Any] = dict(start)
    for t in range(6):
        step = {name: value[:, t : t + 1] for name, value in sensed.items()}
        out = stateful.model({**step, IS_FIRST: flags[:, t : t + 1], **state})
        state = {name: np.asarray(out[name]) for name in stateful.state_shapes}
        for head in ("policy", "value"):
            np.testing.assert_allclose(out[head][:, 0], whole[head][:, t], atol=1e-5)
    # From the reset on, the first world is as if nothing had been before.
    anew = {name: value[:, 3:] for name, value in sensed.items()}
    np.testing.assert_allclose(
        model(anew)["policy"][0], whole["policy"][0, 3:], atol=1e-5
    )
    np.testing.assert_allclose(
        model(sensed)["policy"][1], whole["policy"][1], atol=1e-5
    )


def test_units_of_a_rate_map_remember(sensed: dict[str, Any]) -> None:
    # After the image has turned grey and nothing else is heard, a dense V1 would be
    # silent but for the step before; with leak 1 - exp(-1) and no weights 37 % stay.
    model = build_model(_spec("rate"))
    cell = _cell(model)
    kernel = np.array(cell.populations[0].kernel)
    for source in ("V2", "P", "V1"):
        kernel[:, cell.afferent_columns("V1")[source]] = 0.0
    cell.populations[0].kernel.assign(kernel)
    dark = {**sensed, "vision": sensed["vision"].copy()}
    dark["vision"][:, 1:] = 0.5
    v1 = _activity(model, dark)["V1"]
    np.testing.assert_allclose(v1[:, 1], np.exp(-1.0) * v1[:, 0], atol=1e-6)


def test_neighbours_in_a_rate_map_hear_each_other(sensed: dict[str, Any]) -> None:
    model = build_model(_spec("rate", layout={"own_kernel": 5}))
    own = _cell(model).afferent_columns("V2")["V2"]
    assert own.stop - own.start == 5 * 5 * 3
    assert (_activity(model, sensed)["V2"] != 0).any()


def test_excitation_and_inhibition_keep_their_signs_in_maps(
    sensed: dict[str, Any],
) -> None:
    spec = _spec("rate")
    signed = [a.model_copy(update={"inhibitory_share": 0.25}) for a in spec.areas]
    cell = _cell(build_model(spec.model_copy(update={"areas": tuple(signed)})))
    v1 = cell.populations[0]
    weights = np.asarray(v1.signed_kernel()).T
    own = weights[cell.afferent_columns("V1")["V1"]].reshape(3, 3, 4, 4)
    assert (own[:, :, :3] >= 0).all()  # a quarter of four channels inhibits
    assert (own[:, :, 3] <= 0).all()
    back = weights[cell.afferent_columns("V1")["V2"]].reshape(3, 3, 3, 4)
    assert (back >= 0).all()  # and none of them elsewhere
    assert (back[:, :, 2] == 0).all()  # 0.25 x 3 = 0.75: one of V2's three channels
    seen = np.asarray(cell.populations[4].weights_in_use())
    places = seen[:, cell.afferent_columns("P")["V2"]]
    assert (places > 0).any()
    assert (places < 0).any()  # a place is no rate


def test_noise_enters_every_unit_of_a_map(sensed: dict[str, Any]) -> None:
    model = build_model(_spec(noise_std=0.1))
    quiet = {**sensed, "noise": np.zeros((2, 6, 3), np.float32)}
    noisy = {**sensed, "noise": np.full((2, 6, 3), 0.3, np.float32)}
    moved = _activity(model, quiet)["V1"] != _activity(model, noisy)["V1"]
    assert moved[:, 0].mean() > 0.99
    plain = _activity(build_model(_spec()), sensed)["V1"]
    assert (_activity(model, quiet)["V1"] == plain).all()


def test_a_wiring_cost_is_a_mean_over_the_weights_of_maps_too() -> None:
    # All tracts are 30 mm: 2 per mm times 30 mm times the mean size of all weights
    # between areas, each counted once however many positions use it.
    model = build_model(_spec(wiring_cost=2.0))
    cell = _cell(model)
    sizes = []
    names = ("V1", "V2", "LO", "LO2", "P", "M")
    for name, population in zip(names, cell.populations, strict=True):
        kernel = np.abs(np.asarray(population.kernel))
        columns = cell.afferent_columns(name)
        for source in {p.source for p in _spec().pathways if p.target == name}:
            sizes.append(kernel[:, columns[source]].ravel())
    expected = 2.0 * 30.0 * np.concatenate(sizes).mean()
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("stem", ["copy", "plain"])
def test_a_value_head_with_a_stem_of_its_own_sees_the_image(
    stem: Any, sensed: dict[str, Any]
) -> None:
    value = ValueSpec(areas=("P", "M"), stem=stem, hidden_units=(7, 5))
    model = build_model(_spec(value=value))
    dark = {**sensed, "vision": np.zeros_like(sensed["vision"])}
    assert np.abs(np.asarray(model(dark)["value"] - model(sensed)["value"])).max() > 0
    acting = atlasnet.policy_only(model)
    policy = acting({tensor.name: sensed[tensor.name] for tensor in acting.inputs})
    same = np.asarray(policy["policy"]) == np.asarray(model(sensed)["policy"])
    assert same.all()


def test_heads_may_read_a_map(sensed: dict[str, Any]) -> None:
    spec = _spec(action_areas=("LO",), value=ValueSpec(areas=("V2", "P")))
    out = build_model(spec)(sensed)
    assert tuple(out["policy"].shape) == (2, 6, 4)
    assert build_model(spec).get_layer("value_areas").output.shape[-1] == 48 + 5


def test_a_saved_network_gives_the_same_outputs(
    sensed: dict[str, Any], tmp_path: Path
) -> None:
    spec = _spec("rate")
    model = build_model(spec, seed=3)
    atlasnet.save_model(model, tmp_path / "eye.keras")
    again = atlasnet.load_model(tmp_path / "eye.keras")
    for head in ("policy", "value"):
        assert (
            np.asarray(model(sensed)[head]) == np.asarray(again(sensed)[head])
        ).all()
    assert atlasnet.spec_of(again) == spec
    assert {a.region: a.layout for a in again.layers if isinstance(a, Area)}["V1"] == (
        LAYOUTS["V1"]
    )


_OTHER_ENGINE = """
import sys
import numpy as np
import atlasnet
model = atlasnet.load_model(sys.argv[1])
x = dict(np.load(sys.argv[2]))
np.save(sys.argv[3], np.asarray(model(x)["policy"]))
"""


@pytest.mark.parametrize("cell", ["dense", "rate"])
def test_the_other_engine_gives_the_same_outputs(
    cell: str, sensed: dict[str, Any], tmp_path: Path
) -> None:
    model = build_model(_spec(cell))
    atlasnet.save_model(model, tmp_path / "eye.keras")
    np.savez(tmp_path / "x.npz", **sensed)
    files = [str(tmp_path / name) for name in ("eye.keras", "x.npz", "policy.npy")]
    subprocess.run(
        [sys.executable, "-c", _OTHER_ENGINE, *files],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        check=True,
    )
    np.testing.assert_allclose(
        np.load(tmp_path / "policy.npy"), model(sensed)["policy"], atol=1e-5
    )


def test_a_map_given_another_kernel_uses_it() -> None:
    spec = _spec()
    wide = [
        p.model_copy(update={"kernel_size": 9}) if p.target == "V2" else p
        for p in spec.pathways
    ]
    cell = _cell(build_model(spec.model_copy(update={"pathways": tuple(wide)})))
    assert cell.afferent_columns("V2")["V1"] == slice(0, 9 * 9 * 4)


# What is refused ---------------------------------------------------------------------


def test_a_vector_for_a_map_says_what_a_map_takes() -> None:
    entries = (InputSpec(name="touch", size=3, areas=("V1",)),)
    with pytest.raises(SpecError, match=r"'touch' is 3 numbers.*takes an image"):
        _spec(inputs=entries)


def test_an_image_for_an_area_without_a_map_lists_those_with_one() -> None:
    entries = (InputSpec(name="vision", image=IMAGE, areas=("P",)),)
    with pytest.raises(SpecError, match="Areas with one: V1, V2, LO, LO2"):
        _spec(inputs=entries)


def test_an_image_of_another_size_than_the_map_was_planned_for() -> None:
    wide = ImageSpec(height_px=16, width_px=24, n_channels=3)
    entries = (InputSpec(name="vision", image=wide, areas=("V1",)),)
    with pytest.raises(SpecError, match="16 x 24 x 3 then needs 8 x 12"):
        _spec(inputs=entries)


def test_maps_that_do_not_fit_each_other_are_refused() -> None:
    with pytest.raises(SpecError, match="V1 -> V2 joins maps of 8 x 8 and 4 x 4"):
        _spec(areas=_with(V2={"spacing_px": 3}))


def test_a_map_has_as_many_units_as_its_area() -> None:
    with pytest.raises(SpecError, match="has 7 units, its map of 8 x 8 x 4 has 256"):
        AreaSpec(name="V1", n_units=7, cell="dense", map=LAYOUTS["V1"])


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_units_of_a_map_are_dense_or_rate(cell: str) -> None:
    with pytest.raises(SpecError, match="those of a map are dense or rate"):
        _area("V1", cell)


def test_a_kernel_size_without_maps_is_refused() -> None:
    spec = _spec()
    odd = [
        p.model_copy(update={"kernel_size": 3}) if p.target == "M" else p
        for p in spec.pathways
    ]
    with pytest.raises(SpecError, match="joins no two areas with a map"):
        _spec(pathways=tuple(odd))


def test_an_image_is_as_many_numbers_as_its_shape() -> None:
    assert InputSpec(name="vision", image=IMAGE, areas=("V1",)).size == 16 * 16 * 6
    with pytest.raises(SpecError, match="image of 16 x 16 x 6, which is not 5 numbers"):
        InputSpec(name="vision", image=IMAGE, size=5, areas=("V1",))


def _with(**layouts: dict[str, Any]) -> tuple[AreaSpec, ...]:
    """Return the areas with some of their maps changed."""
    return tuple(
        area
        if area.name not in layouts or area.map is None
        else area.model_copy(
            update={"map": area.map.model_copy(update=layouts[area.name])}
        )
        for area in _spec().areas
    )
