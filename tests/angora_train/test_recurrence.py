# SPDX-License-Identifier: Apache-2.0
from typing import Any

import keras
import numpy as np
import pytest

from angora_train.errors import ConfigError
from angora_train.recurrence import IS_FIRST, explicit_state
from atlasnet.builder import build_model
from atlasnet.spec import NetworkSpec


def recurrent_model(kind: str, tiny_spec: NetworkSpec) -> keras.Model:
    if kind == "areas":
        return build_model(tiny_spec)
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


KINDS = ["areas", "lstm", "gru", "simple"]


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
