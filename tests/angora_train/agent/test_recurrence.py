# SPDX-License-Identifier: Apache-2.0
from typing import Any

import keras
import numpy as np
import pytest

from angora_train.agent.recurrence import IS_FIRST, explicit_state
from angora_train.errors import ConfigError
from atlasnet.model.builder import build_model
from atlasnet.plan.spec import NetworkSpec

pytestmark = pytest.mark.slow


def recurrent_model(kind: str, tiny_spec: NetworkSpec) -> keras.Model:
    if kind == "areas":
        return build_model(tiny_spec)
    if kind.startswith("areas of "):
        cell = kind.removeprefix("areas of ")
        areas = [
            area.model_copy(update={"cell": cell}) if area.is_recurrent else area
            for area in tiny_spec.areas
        ]
        return build_model(tiny_spec.model_copy(update={"areas": tuple(areas)}))
    touch = keras.Input((None, 3), name="touch")
    goal = keras.Input((None, 2), name="goal")
    x = keras.layers.Concatenate()([touch, goal])
    x = keras.layers.Dense(8, activation="tanh")(x)
    layer = {
        "lstm": keras.layers.LSTM,
        "gru": keras.layers.GRU,
        "simple": keras.layers.SimpleRNN,
    }[kind]
    x = layer(6, return_sequences=True)(x)
    policy = keras.layers.Dense(6, name="policy")(x)
    value = keras.layers.Dense(1, name="value")(x)
    return keras.Model(
        {"touch": touch, "goal": goal}, {"policy": policy, "value": value}
    )


def random_inputs(model: keras.Model, rng: np.random.Generator) -> dict[str, Any]:
    return {
        tensor.name: rng.normal(size=(3, 9, tensor.shape[-1])).astype(np.float32)
        for tensor in model.inputs
    }


KINDS = [
    "areas",
    "areas of dense",
    "areas of rnn",
    "areas of gru",
    "areas of lstm",
    "lstm",
    "gru",
    "simple",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_step_by_step_equals_the_sequence_in_one_go(
    kind: str, tiny_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    model = recurrent_model(kind, tiny_spec)
    stateful = explicit_state(model)
    x = random_inputs(model, rng)
    whole = model(x)
    state: dict[str, Any] = dict(stateful.initial_state(3))
    for t in range(9):
        step = {name: value[:, t : t + 1] for name, value in x.items()}
        flags = np.zeros((3, 1), np.float32)
        out = stateful.model({**step, IS_FIRST: flags, **state})
        state = {name: out[name].numpy() for name in stateful.state_shapes}
        np.testing.assert_allclose(
            out["policy"][:, 0], whole["policy"][:, t], atol=1e-5
        )


@pytest.mark.parametrize("kind", KINDS)
def test_an_episode_that_begins_inside_a_chunk_forgets_what_was_before(
    kind: str, tiny_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    model = recurrent_model(kind, tiny_spec)
    stateful = explicit_state(model)
    x = random_inputs(model, rng)
    flags = np.zeros((3, 9), np.float32)
    flags[1, 4] = 1.0
    out = stateful.model({**x, IS_FIRST: flags, **stateful.initial_state(3)})
    fresh = model({name: value[:, 4:] for name, value in x.items()})
    whole = model(x)
    np.testing.assert_allclose(out["policy"][1, 4:], fresh["policy"][1], atol=1e-5)
    np.testing.assert_allclose(out["policy"][0], whole["policy"][0], atol=1e-5)
    np.testing.assert_allclose(out["policy"][1, :4], whole["policy"][1, :4], atol=1e-5)


def test_the_clone_shares_its_weights_with_the_model(tiny_spec: NetworkSpec) -> None:
    model = build_model(tiny_spec)
    stateful = explicit_state(model)
    mine = {id(variable) for variable in model.trainable_variables}
    assert {id(v) for v in stateful.model.trainable_variables} == mine


def test_a_layer_that_hides_its_sequence_is_refused(tiny_spec: NetworkSpec) -> None:
    touch = keras.Input((None, 3), name="touch")
    x = keras.layers.GRU(4, name="memory")(touch)
    model = keras.Model({"touch": touch}, {"policy": x, "value": x})
    with pytest.raises(ConfigError, match="'memory' must have return_sequences=True"):
        explicit_state(model)


def image_model(*, nested: bool) -> keras.Model:
    """ConvLSTM over images, then a GRU, perhaps inside a model of their own."""
    vision = keras.Input((None, 8, 8, 2), name="vision")
    inner_in = keras.Input((None, 8, 8, 2))
    x = keras.layers.ConvLSTM2D(3, 3, strides=2, return_sequences=True, name="conv")(
        inner_in if nested else vision
    )
    x = keras.layers.TimeDistributed(keras.layers.Flatten())(x)
    x = keras.layers.GRU(5, return_sequences=True, name="gru")(x)
    if nested:
        x = keras.Model(inner_in, x, name="stream")(vision)
    heads = {name: keras.layers.Dense(n, name=name)(x) for name, n in HEADS.items()}
    return keras.Model({"vision": vision}, heads)


HEADS = {"policy": 4, "value": 1}


@pytest.mark.parametrize("nested", [False, True])
def test_states_of_images_and_of_nested_models_are_carried_and_reset(
    nested: bool, rng: np.random.Generator
) -> None:
    model = image_model(nested=nested)
    stateful = explicit_state(model)
    # 8 x 8 with stride 2, no padding: (8 - 3) // 2 + 1 = 3.
    assert sorted(stateful.state_shapes.values()) == [(3, 3, 3), (3, 3, 3), (5,)]
    x = rng.normal(size=(2, 6, 8, 8, 2)).astype(np.float32)
    first, second = model({"vision": x[:, :4]}), model({"vision": x[:, 4:]})
    state: dict[str, Any] = dict(stateful.initial_state(2))
    for t in range(6):
        flags = np.full((2, 1), float(t == 4), np.float32)  # an episode begins
        out = stateful.model({"vision": x[:, t : t + 1], IS_FIRST: flags, **state})
        state = {name: out[name].numpy() for name in stateful.state_shapes}
        expected = first["policy"][:, t] if t < 4 else second["policy"][:, t - 4]
        np.testing.assert_allclose(out["policy"][:, 0], expected, atol=1e-5)


def test_a_sequential_part_may_hold_recurrent_layers(rng: np.random.Generator) -> None:
    touch = keras.Input((None, 3), name="touch")
    stem = keras.Sequential(
        [keras.layers.Dense(4), keras.layers.LSTM(5, return_sequences=True)]
    )
    x = stem(touch)
    heads = {name: keras.layers.Dense(n, name=name)(x) for name, n in HEADS.items()}
    stateful = explicit_state(keras.Model({"touch": touch}, heads))
    assert list(stateful.state_shapes.values()) == [(5,), (5,)]


def test_states_that_cannot_be_carried_are_refused() -> None:
    touch = keras.Input((None, 3), name="touch")
    both = keras.layers.Bidirectional(
        keras.layers.GRU(2, return_sequences=True), name="both_ways"
    )
    model = keras.Model({"touch": touch}, {"policy": both(touch)})
    with pytest.raises(ConfigError, match=r"'both_ways' \(Bidirectional\) holds"):
        explicit_state(model)

    class Own(keras.Model):
        pass

    with pytest.raises(ConfigError, match="Own; the trainer needs a functional"):
        explicit_state(Own())


def test_a_layer_may_be_called_like_an_operation() -> None:
    # As in a model that another process named.
    touch = keras.Input((None, 3), name="touch")
    goal = keras.Input((None, 3), name="goal")
    x = keras.layers.Concatenate(name="concatenate")([touch, goal])
    x = keras.layers.Dense(3, name="expand_dims")(x)
    x = keras.layers.GRU(2, return_sequences=True, name="_preparing_rnn")(x)
    heads = {name: keras.layers.Dense(n, name=name)(x) for name, n in HEADS.items()}
    inputs = {"touch": touch, "goal": goal}
    assert explicit_state(keras.Model(inputs, heads)).state_shapes
