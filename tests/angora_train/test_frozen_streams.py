# SPDX-License-Identifier: Apache-2.0
"""What a frozen stream sees is computed once, and changes nothing that is learned."""

from typing import Any

import keras
import numpy as np
import pytest

import atlasnet
from angora_train.agent import Agent
from angora_train.config import PPOConfig
from angora_train.distributions import MultiCategorical
from angora_train.engine import make_engine
from angora_train.losses import ppo_loss
from angora_train.normalization import SensationNormalizer

N_WORLDS, N_FEATURES = 3, 5


def _model(*, is_frozen: bool) -> keras.Model:
    """Return a GRU that reads touch and the features of a picture."""
    picture = keras.Input((6, 6, 3))
    features = keras.layers.Conv2D(
        N_FEATURES, 6, kernel_initializer=keras.initializers.HeNormal(seed=1)
    )(picture)
    stream = keras.Model(picture, features)
    touch = keras.Input((None, 2), name="touch")
    vision = keras.Input((None, N_FEATURES), name="vision")
    joined = keras.layers.Concatenate()([touch, vision])
    gru = keras.layers.GRU(
        4,
        return_sequences=True,
        kernel_initializer=keras.initializers.HeNormal(seed=2),
        recurrent_initializer=keras.initializers.HeNormal(seed=3),
    )(joined)
    heads = {
        "policy": keras.layers.Dense(
            6, kernel_initializer=keras.initializers.HeNormal(seed=4), name="policy"
        )(gru),
        "value": keras.layers.Dense(
            1, kernel_initializer=keras.initializers.HeNormal(seed=5), name="value"
        )(gru),
    }
    rest = keras.Model({"touch": touch, "vision": vision}, heads)
    model = atlasnet.connect_stream(rest, "vision", stream)
    if is_frozen:
        atlasnet.freeze(model, ["vision_stream"])
    return model


def _agent(*, is_frozen: bool, probes: dict[str, str] | None = None) -> Agent:
    normalizer = SensationNormalizer({"touch": 2})
    family = MultiCategorical(2, 3)
    return Agent(_model(is_frozen=is_frozen), family, normalizer, make_engine(), probes)


def _observation(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "touch": rng.standard_normal((N_WORLDS, 2), np.float32),
        "vision": rng.integers(0, 256, (N_WORLDS, 6, 6, 3), np.uint8),
    }


def _act(agent: Agent, given: dict[str, Any]) -> Any:
    state = agent.initial_state(N_WORLDS)
    uniforms = np.full((N_WORLDS, agent.n_uniforms), 0.3, np.float32)
    return agent.act(given, state, np.ones(N_WORLDS, bool), uniforms)


def test_features_take_the_place_of_what_a_frozen_stream_sees(
    rng: np.random.Generator,
) -> None:
    frozen, free = _agent(is_frozen=True), _agent(is_frozen=False)
    observation = _observation(rng)
    given, seen = frozen.normalize(observation), free.normalize(observation)
    assert seen["vision"].dtype == np.uint8
    assert given["vision"].shape == (N_WORLDS, N_FEATURES)
    # A kernel as large as the picture is a matrix: 108 numbers to 5 features.
    conv = free.model.get_layer("vision_stream").stream.layers[-1]
    kernel = keras.ops.convert_to_numpy(conv.kernel).reshape(108, N_FEATURES)
    flat = observation["vision"].reshape(N_WORLDS, 108) / 255.0
    np.testing.assert_allclose(given["vision"], flat @ kernel, atol=1e-5)
    np.testing.assert_allclose(
        _act(frozen, given).log_prob, _act(free, seen).log_prob, atol=1e-5
    )
    np.testing.assert_allclose(
        _act(frozen, given).value, _act(free, seen).value, atol=1e-5
    )


def test_what_is_learned_is_the_same(rng: np.random.Generator) -> None:
    observation = _observation(rng)
    found = []
    for is_frozen in (True, False):
        agent = _agent(is_frozen=is_frozen)
        model = agent.stateful.model
        # The layers after the stream, which the other agent could train, too.
        variables = [v for v in model.trainable_variables if "conv" not in v.path]

        def loss(batch: Any, agent: Agent = agent, model: Any = model) -> Any:
            inputs = agent.as_floats({t.name: batch[t.name] for t in model.inputs})
            return ppo_loss(
                model(inputs, training=True), batch, agent.distribution, PPOConfig()
            )

        ones = np.ones((N_WORLDS, 1), np.float32)
        batch = {
            **{name: x[:, None] for name, x in agent.normalize(observation).items()},
            **agent.initial_state(N_WORLDS),
            "is_first": ones,
            "sample": np.ones((N_WORLDS, 1, 2), np.float32),
            "log_prob": -2.0 * ones,
            "advantage": np.array([[1.0], [-2.0], [0.5]], np.float32),
            "value": 0.0 * ones,
            "value_target": ones,
            "mask": np.ones((N_WORLDS, 1), bool),
        }
        gradient, _ = make_engine().gradient(loss, variables)(batch)
        found.append(gradient)
    assert np.abs(found[0]).max() > 1e-3
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


@pytest.mark.parametrize("is_frozen", [True, False])
def test_only_frozen_streams_are_taken_off(is_frozen: bool) -> None:
    model = _model(is_frozen=is_frozen)
    rest, streams = atlasnet.split_frozen_streams(model)
    assert list(streams) == (["vision"] if is_frozen else [])
    assert (rest is model) != is_frozen
    shapes = {tensor.name: tuple(tensor.shape[2:]) for tensor in rest.inputs}
    expected = (N_FEATURES,) if is_frozen else (6, 6, 3)
    assert shapes == {"touch": (2,), "vision": expected}


def test_a_stream_that_is_read_stays_in_the_model(rng: np.random.Generator) -> None:
    agent = _agent(is_frozen=True, probes={"eye": "vision_stream"})
    given = agent.normalize(_observation(rng))
    assert given["vision"].dtype == np.uint8
    assert _act(agent, given).activity["eye"].shape == (N_WORLDS, N_FEATURES)
