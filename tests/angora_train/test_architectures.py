# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import keras
import numpy as np
import pytest

from angora_train.architectures import architecture_names, build_architecture
from angora_train.errors import ConfigError
from angora_train.recurrence import IS_FIRST, explicit_state
from atlasnet import load_model, save_model

SHAPES = {"touch": (3,), "goal": (2,), "auxiliary": (4,)}


@pytest.mark.slow
@pytest.mark.parametrize("name", architecture_names())
@pytest.mark.parametrize("cell", ["none", "rnn", "gru", "lstm"])
@pytest.mark.parametrize("shared", [False, True])
def test_only_the_value_reads_auxiliary(
    name: str, cell: str, shared: bool, rng: np.random.Generator
) -> None:
    model = build_architecture(name, SHAPES, 6, cell=cell, shared=shared)  # type: ignore[arg-type]
    x = {n: rng.normal(size=(2, 5, *s)).astype(np.float32) for n, s in SHAPES.items()}
    before = model(x)
    assert before["policy"].shape == (2, 5, 6)
    assert before["value"].shape == (2, 5, 1)
    x["auxiliary"] += 1
    after = model(x)
    assert (np.asarray(before["policy"]) == np.asarray(after["policy"])).all()
    assert (np.asarray(before["value"]) != np.asarray(after["value"])).any()
    states = explicit_state(model).state_shapes
    n_cells = 0 if cell == "none" else 1 if shared else 2
    assert len(states) == n_cells * (2 if cell == "lstm" else 1)


def test_the_wide_network_has_the_weights_of_the_published_one() -> None:
    # Joined sensations of 5: Dense 1024: 6 x 1024; LSTM 512: 4 x 512 x (1024 + 512 +
    # 1); policy 513 x 220, value 513; the value's stem reads 4 more.
    model = build_architecture("wide", SHAPES, 220)
    lstm = 4 * 512 * 1537
    assert model.count_params() == 6 * 1024 + 10 * 1024 + 2 * lstm + 513 * 221


def test_the_seed_decides_the_weights(tmp_path: Path) -> None:
    def weights(seed: int) -> np.ndarray:
        model = build_architecture("simple", SHAPES, 6, seed=seed)
        return np.concatenate([np.asarray(w).ravel() for w in model.weights])

    assert (weights(1) == weights(1)).all()
    assert (weights(1) != weights(2)).any()
    # Policy and value start differently.
    model = build_architecture("simple", {"touch": (3,)}, 6, seed=1)
    one, other = (
        model.get_layer(f"{n}_lstm").get_weights() for n in ("policy", "value")
    )
    assert (one[0] != other[0]).any()


def test_pixels_are_convolved_and_the_model_is_saved(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    shapes = {"vision": (84, 84, 3), "touch": (3,)}
    model = build_architecture("simple", shapes, 6, cell="gru", shared=True)
    save_model(model, tmp_path / "pixels.keras")
    x = {n: rng.random((1, 2, *s)).astype(np.float32) for n, s in shapes.items()}
    again = load_model(tmp_path / "pixels.keras")(x)["policy"]
    np.testing.assert_allclose(model(x)["policy"], again, atol=1e-6)
    stateful = explicit_state(model)
    flags = np.zeros((1, 2), np.float32)
    out = stateful.model({**x, IS_FIRST: flags, **stateful.initial_state(1)})
    np.testing.assert_allclose(out["policy"], again, atol=1e-5)


def test_an_unknown_architecture_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'wider'.*Close matches: wide"):
        build_architecture("wider", SHAPES, 6)
    with pytest.raises(ConfigError, match="no sensation that the policy may read"):
        build_architecture("wide", {"auxiliary": (3,)}, 6)


def test_layers_are_keras_own() -> None:
    model = build_architecture("deeper", SHAPES, 6, cell="none")
    assert isinstance(keras.Model.from_config(model.get_config()), keras.Model)
