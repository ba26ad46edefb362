# SPDX-License-Identifier: Apache-2.0
"""What a frozen stream sees is computed once, and changes nothing that is learned."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import atlasnet
from angora_train.agent.agent import Agent
from angora_train.agent.distributions import MultiCategorical
from angora_train.agent.export import step_model
from angora_train.agent.normalization import SensationNormalizer
from angora_train.config.run import PPOConfig, RunConfig
from angora_train.engine import make_engine
from angora_train.errors import ConfigError
from angora_train.learning.losses import ppo_loss
from angora_train.ranks.comm import LocalComm
from angora_train.run import checkpoint
from angora_train.run.dry_run import describe
from angora_train.run.trainer import train
from tests.angora_train.tasks.worlds.test_vision import (
    _needs_graphics,  # noqa: F401 - a fixture for all
)

N_WORLDS, N_FEATURES = 3, 5


def _model(*, is_frozen: bool, side: int = 6) -> keras.Model:
    """Return a GRU that reads touch and the features of a picture."""
    picture = keras.Input((side, side, 3))
    features = keras.layers.Conv2D(
        N_FEATURES, side, kernel_initializer=keras.initializers.HeNormal(seed=1)
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


def test_what_two_layers_read_stays_in_the_model() -> None:
    model = _model(is_frozen=True)
    seen = next(tensor for tensor in model.inputs if tensor.name == "vision")
    brightness = keras.layers.GlobalAveragePooling3D(name="brightness")(seen)
    both = keras.Model(model.inputs, {**model.output, "brightness": brightness})
    rest, streams = atlasnet.split_frozen_streams(both)
    assert rest is both
    assert not streams


def test_a_frozen_stream_with_memory_is_refused() -> None:
    picture = keras.Input((6, 6, 3))
    rows = keras.layers.Reshape((6, 18))(picture)
    memory = keras.Model(picture, keras.layers.GRU(N_FEATURES)(rows))
    vision = keras.Input((None, N_FEATURES), name="vision")
    heads = {
        "policy": keras.layers.Dense(6, name="policy")(vision),
        "value": keras.layers.Dense(1, name="value")(vision),
    }
    model = atlasnet.connect_stream(
        keras.Model({"vision": vision}, heads), "vision", memory
    )
    atlasnet.freeze(model, ["vision_stream"])
    with pytest.raises(ConfigError, match="holds a recurrent layer"):
        Agent(model, MultiCategorical(2, 3), SensationNormalizer({}), make_engine())


def _run(directory: Path, stream: Path, **changes: Any) -> RunConfig:
    eye = {"kind": "rgb", "height_px": 16, "width_px": 16, "hand": "shapes"}
    return RunConfig.from_dict(
        {
            "task": {"name": "Reach", "options": {"vision": eye, "touch": False}},
            "network": {
                "architecture": "simple",
                "cell": "gru",
                "streams": {"vision": {"path": str(stream)}},
                "frozen": ["vision_stream"],
            },
            "ppo": {
                "horizon": 8,
                "chunk_length": 4,
                "minibatch_size": 16,
                "n_epochs": 2,
            },
            "normalization": {"warm_up_steps": 2},
            "n_worlds": 4,
            "n_cycles": 2,
            "directory": str(directory),
            **changes,
        }
    )


@pytest.mark.slow  # draws, and compiles with TensorFlow
def test_a_run_with_a_frozen_stream_goes_on_and_is_exported(tmp_path: Path) -> None:
    path = tmp_path / "eye.keras"
    stream = _model(is_frozen=True, side=16).get_layer("vision_stream").stream
    kept = [keras.ops.convert_to_numpy(w).copy() for w in stream.weights]
    stream.save(path)
    # Two cycles at once, and one after the other.
    whole = train(_run(tmp_path / "whole", path), LocalComm())
    halves = _run(tmp_path / "halves", path, n_cycles=1)
    train(halves, LocalComm())
    longer = _run(tmp_path / "halves", path)
    resumed = train(longer, LocalComm(), resume=True)
    for mine, theirs in zip(whole.model.weights, resumed.model.weights, strict=True):
        assert (np.asarray(mine) == np.asarray(theirs)).all(), mine.path
    agent = checkpoint.load_agent(tmp_path / "whole", "last")
    own = agent.model.get_layer("vision_stream").stream.weights
    assert all(
        (np.asarray(a) == b).all() for a, b in zip(own, kept, strict=True)
    )  # it was not trained
    step = step_model(agent)
    assert next(x for x in step.inputs if x.name == "vision").dtype == "uint8"
    # 48 + 15 + 30 numbers and 5 features, 4 bytes each, 8 steps of 4 worlds.
    told = describe(_run(tmp_path, path, n_worlds=4, ppo=_MANY), 1, 1)
    assert told["sensations of a rank in a cycle, MB"] == round(
        98 * 4 * 4 * 8_000 / 1e6
    )


_MANY = {"horizon": 8_000, "chunk_length": 4, "minibatch_size": 16}
