# SPDX-License-Identifier: Apache-2.0
"""A network that learns from sequences acts step by step: it must do the same."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from angora_train.agent.agent import check_model
from angora_train.agent.distributions import MultiCategorical
from angora_train.agent.recurrence import IS_FIRST, explicit_state
from angora_train.agent.steps import require_same_by_step
from angora_train.errors import ConfigError

pytestmark = pytest.mark.slow


@keras.saving.register_keras_serializable(package="test_steps")
class RunningMean(layers.Layer):
    """The mean of all steps so far: a state that nobody carries."""

    def call(self, x: Any) -> Any:
        counts = ops.cumsum(ops.ones_like(x), axis=1)
        return ops.cumsum(x, axis=1) / counts


def model_with(part: Callable[[Any], Any]) -> keras.Model:
    touch = keras.Input((None, 3), name="touch")
    x = part(layers.Dense(4, activation="tanh", name="first")(touch))
    x = layers.GRU(4, return_sequences=True, name="memory")(x)
    heads = {
        "policy": layers.Dense(4, name="policy")(x),
        "value": layers.Dense(1, name="value")(x),
    }
    return keras.Model({"touch": touch}, heads)


def attended(x: Any) -> Any:
    return layers.MultiHeadAttention(2, 2, name="looks_back")(
        x, x, use_causal_mask=True
    )


def nested(x: Any) -> Any:
    inner = keras.Input((None, 4))
    y = layers.Conv1D(4, 3, padding="causal", name="inside")(inner)
    return keras.Model(inner, y, name="stem")(x)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (layers.Conv1D(4, 3, padding="causal", name="conv"), r"'conv' \(Conv1D\) reac"),
        # Reaches back by 12 steps, and not by one.
        (
            layers.Conv1D(4, 2, padding="causal", dilation_rate=12, name="far"),
            r"'far' \(Conv1D\) reaches over time",
        ),
        (attended, r"'looks_back' \(MultiHeadAttention\) reaches over time"),
        (RunningMean(name="mean"), r"'mean' \(RunningMean\) reaches over time"),
        (nested, r"'inside' \(Conv1D\) reaches over time"),
        (
            layers.GRU(4, return_sequences=True, recurrent_dropout=0.5, name="forgets"),
            r"'forgets' \(GRU\) changes its output in training",
        ),
        (layers.Dropout(0.5, name="drop"), r"'drop' \(Dropout\) changes its output in"),
        (layers.BatchNormalization(name="norm"), r"'norm' \(BatchNorm.* in training"),
    ],
)
def test_what_reaches_over_time_without_a_state_is_refused_by_name(
    part: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        require_same_by_step(model_with(part), 16)


@pytest.mark.parametrize(
    "part",
    [
        layers.LayerNormalization(),
        layers.LSTM(4, return_sequences=True),
        layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)], return_sequences=True),
        layers.RNN([layers.LSTMCell(4)], return_sequences=True),
        layers.RNN(
            [
                layers.StackedRNNCells([layers.GRUCell(3), layers.LSTMCell(2)]),
                layers.SimpleRNNCell(4),
            ],
            return_sequences=True,
        ),
        layers.TimeDistributed(layers.Dense(4)),
    ],
)
def test_what_is_carried_by_a_state_is_taken(part: Any) -> None:
    require_same_by_step(model_with(part), 16)


@keras.saving.register_keras_serializable(package="test_steps")
class ReZero(layers.Layer):
    """A branch whose weight begins at zero (Bachlechner et al. 2020)."""

    def build(self, _: Any) -> None:
        self.share = self.add_weight(shape=(), initializer="zeros", name="share")

    def call(self, x: Any, branch: Any) -> Any:
        return x + self.share * branch


def looking_back(x: Any) -> Any:
    return layers.Conv1D(4, 3, padding="causal", name="conv")(x)


def residual(x: Any) -> Any:
    return ReZero(name="rezero")(x, looking_back(x))


def hushed(x: Any) -> Any:
    """A branch behind units that are silent at the start."""
    bias = keras.initializers.Constant(-1e3)
    silent = layers.Dense(4, "relu", bias_initializer=bias)(looking_back(x))
    return x + silent


def only_now(x: Any) -> Any:
    """A convolution that begins as one over the present step alone."""
    conv = layers.Conv1D(4, 3, padding="causal", use_bias=False, name="conv")
    y = conv(x)
    conv.kernel.assign(np.stack([0 * np.eye(4), 0 * np.eye(4), np.eye(4)]))
    return y


@pytest.mark.parametrize("part", [residual, hushed, only_now])
def test_what_is_silent_at_the_start_is_found_and_left_as_it_was(part: Any) -> None:
    model = model_with(part)
    before = model.get_weights()
    with pytest.raises(ConfigError, match=r"'conv' \(Conv1D\) reaches over time"):
        require_same_by_step(model, 16)
    for x, y in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(
    "head",
    [
        {"kernel_initializer": "zeros"},
        {"bias_initializer": keras.initializers.Constant(1e5)},
        {"bias_initializer": keras.initializers.Constant(1e9)},
    ],
)
def test_no_head_hides_what_reaches_over_time(head: dict[str, Any]) -> None:
    touch = keras.Input((None, 3), name="touch")
    x = looking_back(touch)
    heads = {
        "policy": layers.Dense(4, name="policy", **head)(x),
        "value": layers.Dense(1, name="value", **head)(x),
    }
    model = keras.Model({"touch": touch}, heads)
    with pytest.raises(ConfigError, match=r"'conv' \(Conv1D\) reaches over time"):
        require_same_by_step(model, 8)


@pytest.mark.parametrize("distance", [64, 127])
def test_all_steps_of_a_chunk_are_looked_at(distance: int) -> None:
    # The last step of 128 hears the one 127 steps before: nothing shorter shows it.
    conv = layers.Conv1D(
        4, 2, padding="causal", dilation_rate=distance, name="far", activation="tanh"
    )
    with pytest.raises(ConfigError, match=r"'far' \(Conv1D\) reaches over time"):
        require_same_by_step(model_with(conv), 128)


@keras.saving.register_keras_serializable(package="test_steps")
class Rounding(layers.Layer):
    """Rounds a sequence otherwise than a step, as other kernels of a device do."""

    def call(self, x: Any) -> Any:
        return x * (1.0 + 2.0**-23 if x.shape[1] != 1 else 1.0)


@pytest.mark.parametrize("seed", [1, 2])
def test_rounding_is_no_reach_over_time(seed: int) -> None:
    # A recurrent network of gain 6 is chaotic (Sompolinsky et al. 1988): rounding
    # decides what it does after some ten steps.
    keras.utils.set_random_seed(seed)
    touch = keras.Input((None, 3), name="touch")
    chaos = keras.initializers.RandomNormal(stddev=6 / 8, seed=seed)
    x = layers.SimpleRNN(64, return_sequences=True, recurrent_initializer=chaos)(
        Rounding()(touch)
    )
    heads = {
        "policy": layers.Dense(4, name="policy")(x),
        "value": layers.Dense(1, name="value", kernel_initializer="zeros")(x),
    }
    require_same_by_step(keras.Model({"touch": touch}, heads), 64)


def test_a_large_bias_alone_is_taken() -> None:
    touch = keras.Input((None, 3), name="touch")
    x = layers.GRU(4, return_sequences=True)(touch)
    large = {"bias_initializer": keras.initializers.Constant(1e5)}
    heads = {
        "policy": layers.Dense(4, name="policy", **large)(x),
        "value": layers.Dense(1, name="value", **large)(x),
    }
    require_same_by_step(keras.Model({"touch": touch}, heads), 16)


def test_stacked_cells_are_the_cells_one_after_the_other(
    rng: np.random.Generator,
) -> None:
    cells = [layers.LSTMCell(5), layers.GRUCell(4)]
    touch = keras.Input((None, 3), name="touch")
    stack = layers.RNN(cells, return_sequences=True)(touch)
    model = keras.Model({"touch": touch}, {"policy": stack, "value": stack})
    stateful = explicit_state(model)
    # Of the LSTM output and memory, of the GRU its output.
    assert list(stateful.state_shapes.values()) == [(5,), (5,), (4,)]
    x = rng.normal(size=(2, 7, 3)).astype(np.float32)
    flags = np.zeros((2, 7), np.float32)
    given = {"touch": x, IS_FIRST: flags, **stateful.initial_state(2)}
    out = stateful.model(given)
    lower = layers.RNN(cells[0], return_sequences=True)(x)
    upper = layers.RNN(cells[1], return_sequences=True)(lower)
    np.testing.assert_allclose(out["policy"], upper, atol=1e-6)


def test_a_model_that_computes_in_float16_is_refused_by_name() -> None:
    touch = keras.Input((None, 3), name="touch")
    x = layers.LSTM(4, return_sequences=True, dtype="mixed_float16", name="half")(touch)
    heads = {
        "policy": layers.Dense(2, name="policy")(x),
        "value": layers.Dense(1, name="value")(x),
    }
    model = keras.Model({"touch": touch}, heads)
    with pytest.raises(ConfigError, match=r"'half' computes in float16 .*float32"):
        check_model(model, {"touch": (3,)}, MultiCategorical(1, 2))
