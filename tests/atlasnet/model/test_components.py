# SPDX-License-Identifier: Apache-2.0
"""Parts of a model by name: taken over, frozen, replaced."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import atlasnet
from atlasnet.errors import ComponentError, SpecError
from atlasnet.layers import AreaCell, Stream
from atlasnet.model.builder import build_model
from atlasnet.model.components import freeze, take_weights
from atlasnet.model.rewiring import area_cell, connect_stream
from atlasnet.plan.replacement import adopt_areas, replace_areas
from atlasnet.plan.spec import AreaSpec, InputSpec, NetworkSpec
from tests.conftest import pathway


def cell_of(model: keras.Model) -> AreaCell:
    cell = area_cell(model)
    assert cell is not None
    return cell


def weights(model: keras.Model) -> dict[str, np.ndarray]:
    return {v.path: keras.ops.convert_to_numpy(v).copy() for v in model.variables}


def columns(model: keras.Model, source: str, target: str) -> np.ndarray:
    cell = cell_of(model)
    i = [area.name for area in cell.spec.areas].index(target)
    kernel = keras.ops.convert_to_numpy(cell.populations[i].kernel)
    return kernel[:, cell.afferent_columns(target)[source]].copy()


@pytest.fixture
def larger_spec(tiny_spec: NetworkSpec) -> NetworkSpec:
    """The tiny network with another area Q before P, and P larger."""
    return NetworkSpec.model_validate(
        {
            **tiny_spec.model_dump(),
            "areas": [
                tiny_spec.areas[0].model_dump(),
                AreaSpec(name="Q", n_units=3, cell="rate").model_dump(),
                {**tiny_spec.areas[1].model_dump(), "n_units": 9},
                tiny_spec.areas[2].model_dump(),
            ],
            "pathways": [
                *(p.model_dump() for p in tiny_spec.pathways),
                pathway("S", "Q").model_dump(),
                pathway("Q", "M").model_dump(),
            ],
        }
    )


def test_everything_is_taken_over_from_an_equal_network(tiny_spec: NetworkSpec) -> None:
    model, source = build_model(tiny_spec, seed=1), build_model(tiny_spec, seed=2)
    found = take_weights(model, source)
    after, given = weights(model), weights(source)
    assert all((after[path] == given[path]).all() for path in given)
    assert found.kept == {}
    assert {"S", "P", "M", "S -> P", "M -> P", "P -> P", "touch -> S", "policy"} <= set(
        found.taken
    )


def test_of_another_network_what_both_have_is_taken_over(
    tiny_spec: NetworkSpec, larger_spec: NetworkSpec
) -> None:
    model, source = build_model(larger_spec, seed=1), build_model(tiny_spec, seed=2)
    cell_of(source).populations[2].bias.assign(np.arange(6.0))
    before = weights(model)
    found = take_weights(model, source)
    # S and M are the same in both; P is larger here, Q is new.
    assert (columns(model, "touch", "S") == columns(source, "touch", "S")).all()
    assert (columns(model, "M", "M") == columns(source, "M", "M")).all()
    bias = keras.ops.convert_to_numpy(cell_of(model).populations[3].bias)
    assert bias.tolist() == [0, 1, 2, 3, 4, 5]
    assert "M" in found.taken
    assert found.kept["P"] == "it has 9 units here and 5 there"
    assert found.kept["P -> M"] == "its source has 9 units here and 5 there"
    assert found.kept["Q -> M"] == "the model that gives has no such pathway"
    after = weights(model)
    untouched = [path for path in after if "/p/" in path or "/q/" in path]
    assert len(untouched) == 4
    assert all((after[path] == before[path]).all() for path in untouched)


def test_one_pathway_is_taken_over_alone(tiny_spec: NetworkSpec) -> None:
    model, source = build_model(tiny_spec, seed=1), build_model(tiny_spec, seed=2)
    before = {s: columns(model, s, "P") for s in ("goal", "S", "M", "P")}
    assert take_weights(model, source, ["m -> p"]).taken == ("M -> P",)
    assert (columns(model, "M", "P") == columns(source, "M", "P")).all()
    for afferent in ("goal", "S", "P"):
        assert (columns(model, afferent, "P") == before[afferent]).all()


def test_patterns_mean_several_parts(tiny_spec: NetworkSpec) -> None:
    model, source = build_model(tiny_spec, seed=1), build_model(tiny_spec, seed=2)
    assert take_weights(model, source, ["* -> P", "value*"]).taken == (
        "goal -> P",
        "S -> P",
        "M -> P",
        "P -> P",
        "value_1",
        "value",
    )


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (["PP"], r"no area or layer with weights 'PP'.*Close matches: P.*It has: S, Q"),
        (["S -> T"], r"no pathway 'S -> T'.*Close matches: .*S -> "),
        (["P"], r"'P' cannot be taken over: it has 9 units here and 5 there"),
        (["Q"], r"'Q' cannot .* no such area.*has: S, P, M"),
        (["Q -> M"], r"'Q -> M' cannot .* no such pathway"),
        (
            ["value_1"],
            r"'value_1' .* shapes \[\(17, 7\), \(7,\)\] here and \[\(13, 7\)",
        ),
        (["Q*"], "Nothing can be taken over"),
    ],
)
def test_what_does_not_fit_is_named(
    tiny_spec: NetworkSpec, larger_spec: NetworkSpec, parts: list[str], message: str
) -> None:
    model, source = build_model(larger_spec), build_model(tiny_spec)
    before = weights(model)
    with pytest.raises(ComponentError, match=message):
        take_weights(model, source, parts)
    after = weights(model)
    assert all((after[path] == before[path]).all() for path in before)


def test_another_cell_does_not_fit(tiny_spec: NetworkSpec) -> None:
    areas = [a.model_copy(update={"cell": "dense"}) for a in tiny_spec.areas]
    dense = tiny_spec.model_copy(update={"areas": tuple(areas)})
    with pytest.raises(ComponentError, match=r"cell is 'rate' here and 'dense' there"):
        take_weights(build_model(tiny_spec), build_model(dense), ["M"])


def test_frozen_areas_and_layers_are_not_trained_even_when_saved(
    tiny_spec: NetworkSpec, tmp_path: Path
) -> None:
    model = build_model(tiny_spec)
    assert freeze(model, ["s", "value*"]) == ("S", "value_1", "value")
    atlasnet.save_model(model, tmp_path / "frozen.keras")
    for one in (model, atlasnet.load_model(tmp_path / "frozen.keras")):
        trained = {v.path for v in one.trainable_variables}
        assert not any("/s/" in path or "value" in path for path in trained)
        assert any("/p/kernel" in path for path in trained)
        assert any("policy" in path for path in trained)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (["polisy"], r"'polisy'.*Close matches: policy"),
        (["S -> P"], r"'S -> P' cannot be frozen by itself.*Freeze 'P'"),
        (["*"], "leaves nothing to be trained"),
    ],
)
def test_what_cannot_be_frozen_is_named(
    tiny_spec: NetworkSpec, parts: list[str], message: str
) -> None:
    with pytest.raises(ComponentError, match=message):
        freeze(build_model(tiny_spec), parts)


def test_areas_are_adopted_from_another_network(
    tiny_spec: NetworkSpec, larger_spec: NetworkSpec
) -> None:
    spec = adopt_areas(tiny_spec, larger_spec, ["P"])
    assert [area.n_units for area in spec.areas] == [4, 9, 6]
    model = build_model(spec)
    taken = take_weights(model, build_model(larger_spec, seed=3), ["P"]).taken
    assert taken == ("P", "goal -> P", "S -> P", "M -> P", "P -> P")
    with pytest.raises(SpecError, match="No area 'Q'"):
        adopt_areas(tiny_spec, larger_spec, ["Q"])


def test_a_sensation_takes_the_place_of_areas(tiny_spec: NetworkSpec) -> None:
    # S leads to P: features enter P, and touch, which entered S alone, is gone.
    spec = replace_areas(tiny_spec, ["S"], "features", 12)
    assert [area.name for area in spec.areas] == ["P", "M"]
    assert {e.name: (e.size, e.areas) for e in spec.inputs} == {
        "goal": (2, ("P",)),
        "features": (12, ("P",)),
    }
    assert {(p.source, p.target) for p in spec.pathways} == {("P", "M"), ("M", "P")}
    # The areas' own sensation keeps its name, and goes on to where it went besides.
    both = [e.model_copy(update={"areas": ("S", "M")}) for e in tiny_spec.inputs[:1]]
    wide = tiny_spec.model_copy(update={"inputs": (*both, tiny_spec.inputs[1])})
    kept = replace_areas(wide, ["S"], "touch", 12)
    assert {e.name: e.areas for e in kept.inputs} == {
        "goal": ("P",),
        "touch": ("P", "M"),
    }
    with pytest.raises(SpecError, match="No area 'T'"):
        replace_areas(tiny_spec, ["T"], "features", 12)
    with pytest.raises(SpecError, match="The value head"):
        replace_areas(tiny_spec, ["P"], "features", 12)
    with pytest.raises(ComponentError, match="areas M lead to no other area"):
        replace_areas(tiny_spec, ["M"], "features", 12)


def small_stream(n_features: int = 12) -> keras.Model:
    picture = keras.Input((8, 6, 3), name="picture")
    x = keras.layers.Conv2D(2, 3, name="conv")(picture)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(picture, keras.layers.Dense(n_features, name="features")(x))


@pytest.fixture
def seeing(tiny_spec: NetworkSpec) -> tuple[keras.Model, keras.Model, keras.Model]:
    """A stream, the model that it feeds, and both together."""
    spec = replace_areas(tiny_spec, ["S"], "features", 12)
    model, stream = build_model(spec), small_stream()
    return stream, model, connect_stream(model, "features", stream)


def pictures(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "features": rng.random((2, 5, 8, 6, 3)).astype(np.float32),
        "goal": rng.normal(size=(2, 5, 2)).astype(np.float32),
        "auxiliary": rng.normal(size=(2, 5, 2)).astype(np.float32),
    }


@pytest.mark.slow
def test_a_stream_sees_every_step_and_feeds_its_areas(
    seeing: tuple[keras.Model, keras.Model, keras.Model],
    rng: np.random.Generator,
    tmp_path: Path,
) -> None:
    stream, model, whole = seeing
    x = pictures(rng)
    steps = [np.asarray(stream(x["features"][:, t])) for t in range(5)]
    by_hand = model({**x, "features": np.stack(steps, axis=1)})
    out = whole(x)
    np.testing.assert_allclose(out["policy"], by_hand["policy"], atol=1e-6)
    assert whole.get_layer("p").output.shape == (None, None, 5)
    assert atlasnet.spec_of(whole) is not None
    # It trains with the rest, unless it is frozen, and is saved with it.
    assert any("conv" in v.path for v in whole.trainable_variables)
    freeze(whole, ["features_stream"])
    atlasnet.save_model(whole, tmp_path / "whole.keras")
    again = atlasnet.load_model(tmp_path / "whole.keras")
    np.testing.assert_allclose(again(x)["policy"], out["policy"], atol=1e-6)
    assert not any("conv" in v.path for v in again.trainable_variables)
    assert isinstance(again.get_layer("features_stream"), Stream)


def test_streams_that_do_not_fit_are_named(tiny_spec: NetworkSpec) -> None:
    model = build_model(replace_areas(tiny_spec, ["S"], "features", 12))
    with pytest.raises(ComponentError, match=r"no input 'feature'.*matches: features"):
        connect_stream(model, "feature", small_stream())
    with pytest.raises(ComponentError, match=r"returns 7 features.*takes 12"):
        connect_stream(model, "features", small_stream(7))
    whole = small_stream()
    two = keras.Model(whole.input, {"a": whole.output, "b": whole.output})
    with pytest.raises(ComponentError, match="one input and one output"):
        connect_stream(model, "features", two)


def test_a_stream_may_have_a_name_of_its_own(tiny_spec: NetworkSpec) -> None:
    spec = tiny_spec.model_copy(
        update={"inputs": (InputSpec(name="touch", size=12, areas=("S", "P")),)}
    )
    model = connect_stream(build_model(spec), "touch", small_stream(), name="eye")
    assert model.get_layer("eye").n_features == 12


def test_a_stream_sees_the_same_in_training(rng: np.random.Generator) -> None:
    picture = keras.Input((8, 6, 3))
    x = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(picture))
    layer = Stream(keras.Model(picture, x))
    # A stream may return maps: all of their numbers are features.
    assert layer.n_features == 8 * 6 * 3
    inputs = keras.Input((None, 8, 6, 3))
    model = keras.Model(inputs, layer(inputs))
    seen = rng.random((2, 5, 8, 6, 3)).astype(np.float32)
    out = np.asarray(model(seen, training=True))
    assert out.shape == (2, 5, 144)
    assert (out == np.asarray(model(seen))).all()
    np.testing.assert_allclose(out, seen.reshape(2, 5, -1), rtol=1e-3)
