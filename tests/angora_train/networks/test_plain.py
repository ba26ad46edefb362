# SPDX-License-Identifier: Apache-2.0
import json
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from angora_train.agent.distributions import MultiCategorical
from angora_train.agent.recurrence import IS_FIRST, explicit_state
from angora_train.config.architecture import load_architecture
from angora_train.config.run import NetworkConfig, PolicyConfig, RunConfig
from angora_train.errors import ConfigError
from angora_train.networks.make import make_network
from angora_train.networks.plain import (
    Architecture,
    architecture_names,
    build_architecture,
    count_parameters,
    match_parameters,
)
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


def test_an_architecture_is_the_published_one() -> None:
    widths = {
        name: (found.dense, found.activation, found.last)
        for name in architecture_names()
        for found in [load_architecture(name)]
    }
    assert widths == {
        "deeper": ((64, 64, 64), "tanh", 32),
        "normalized": ((256,), "silu", 256),
        "simple": ((64,), "tanh", 64),
        "teacher": ((512,), "elu", 256),
        "wide": ((1024,), "relu", 512),
    }
    for name in ("deeper", "simple", "wide"):  # a teacher senses the state, no pixels
        layers = load_architecture(name).convolutions
        sizes = [(x.n_filters, x.width_px, x.stride_px) for x in layers]
        assert sizes == [(16, 8, 4), (32, 4, 2)]


OWN = """\
dense: [5, 4]
activation: silu
last: 3
"""


def _own(folder: Path, text: str = OWN) -> str:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_an_architecture_of_ones_own_is_a_file(tmp_path: Path) -> None:
    network = RunConfig.from_dict(
        {"network": {"architecture": _own(tmp_path), "cell": "gru"}}
    ).network
    given: dict[str, Any] = {
        "policy": PolicyConfig(),
        "shapes": {"touch": (3,)},
        "distribution": MultiCategorical(2, 3),
        "control_step_s": 0.02,
        "seed": 0,
    }
    model = make_network(network, **given)
    # Policy and value each: 4 x 5, 6 x 4, GRU 3 x 3 x (4 + 3 + 2); heads 4 x 6, 4 x 1.
    assert model.count_params() == 2 * (20 + 24 + 81) + 24 + 4
    assert model.name == "mine"
    assert model.get_layer("policy_2").activation is keras.activations.silu
    # Scaled, it keeps its layers.
    bigger = network.model_copy(update={"match_parameters": 20_000})
    n = make_network(bigger, **given).count_params()
    assert abs(n / 20_000 - 1) < 0.01


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            OWN.replace("dense", "danse"),
            r"mine.yaml': Unknown config key 'danse'.*matches: dense",
        ),
        (OWN.replace("[5, 4]", "[5, 0]"), r"'dense.1': .*greater than 0, got 0"),
        (OWN.replace("silu", "sigmoid"), r"'activation': .*'tanh', got 'sigmoid'"),
        (
            OWN.replace("last: 3", ""),
            r"Invalid config at 'last': Field required",
        ),
        (
            OWN + "convolutions: [{n_filters: 3, width_px: 2, stride: 1}]",
            r"Unknown config key 'convolutions.0.stride'.*matches: stride_px",
        ),
        (
            OWN + "convolutions: [{n_filters: 3, width_px: 2}]",
            r"'convolutions.0.stride_px': Field required",
        ),
        ("dense: [5", r"mine.yaml' is no valid YAML"),
        ("- 5", r"mine.yaml' must hold a mapping, got list"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_architecture(_own(tmp_path, text))


def test_a_config_names_an_architecture_or_a_file() -> None:
    with pytest.raises(ConfigError, match=r"'simpel'. Close matches: simple. Allowed:"):
        RunConfig.from_dict({"network": {"architecture": "simpel"}})
    with pytest.raises(ConfigError, match=r"no architecture 'mine.json'.*a .yaml file"):
        RunConfig.from_dict({"network": {"architecture": "mine.json"}})
    with pytest.raises(ConfigError, match=r"there is no file 'nowhere/mine.yml'"):
        build_architecture("nowhere/mine.yml", SHAPES, 6)


def test_pixels_need_convolutions_that_fit(tmp_path: Path) -> None:
    own = _own(tmp_path)
    with pytest.raises(ConfigError, match=r"'vision' is an image of 20 x 90 pixels, b"):
        build_architecture(own, {"vision": (20, 90, 3)}, 6)
    # 8 wide by 4: 4 are left of 20, of which 4 by 2 leave one; of 16 three, then none.
    build_architecture("simple", {"vision": (20, 90, 3)}, 6)
    with pytest.raises(ConfigError, match=r"16 x 90 pixels, too few for the archi"):
        build_architecture("simple", {"vision": (16, 90, 3)}, 6)


def test_layers_are_keras_own() -> None:
    model = build_architecture("deeper", SHAPES, 6, cell="none")
    assert isinstance(keras.Model.from_config(model.get_config()), keras.Model)


# --- as many parameters as another network ------------------------------------------


@pytest.mark.parametrize("cell", ["none", "rnn", "gru", "lstm"])
@pytest.mark.parametrize("shared", [False, True])
def test_parameters_are_counted_as_they_are_built(cell: Any, shared: bool) -> None:
    shapes = {**SHAPES, "vision": (40, 36, 3)}
    convolutions = [
        {"n_filters": 3, "width_px": 5, "stride_px": 2},
        {"n_filters": 4, "width_px": 3, "stride_px": 1},
    ]
    widths = Architecture.from_dict(
        {"dense": [5, 7], "activation": "elu", "last": 6, "convolutions": convolutions}
    )
    kind: dict[str, Any] = {"cell": cell, "shared": shared}
    model = build_architecture("deeper", shapes, 11, widths=widths, **kind)
    assert model.count_params() == count_parameters(widths, shapes, 11, **kind)


@pytest.mark.parametrize("name", architecture_names())
@pytest.mark.parametrize("n_wanted", [30_000, 2_000_000])
@pytest.mark.parametrize("cell", ["none", "lstm"])
def test_a_network_is_scaled_to_a_number_of_parameters(
    name: str, n_wanted: int, cell: Any
) -> None:
    shapes = {"touch": (92,), "goal": (15,), "auxiliary": (30,)}
    found = match_parameters(name, shapes, 220, n_wanted, cell=cell)
    assert abs(found.deviation) <= 0.01
    own = build_architecture(name, SHAPES, 6).layers  # has as many layers
    stems = [x for x in own if re.fullmatch(r"policy_\d+", x.name)]
    assert len(found.widths.dense) == len(stems)
    counted = count_parameters(found.widths, shapes, 220, cell=cell)
    assert counted == found.n_parameters
    assert found.deviation == pytest.approx((counted - n_wanted) / n_wanted)


def test_proportions_stay(tmp_path: Path) -> None:
    found = match_parameters("wide", {"touch": (92,)}, 220, 3_000_000)
    assert found.widths.dense[0] / found.widths.last == pytest.approx(2.0, rel=0.02)
    assert found.widths.activation == "relu"


def test_a_number_that_cannot_be_met_is_an_error() -> None:
    # With a single unit a layer: 2 (94 + 2 + 4 x 3), heads 2 x 220 + 2: far above 100.
    with pytest.raises(ConfigError, match=r"100 parameters within 1%: the nearest is"):
        match_parameters("simple", {"touch": (92,)}, 220, 100)


@pytest.mark.slow
def test_a_run_may_ask_for_as_many_parameters_as_a_preset(tmp_path: Path) -> None:
    shapes = {"touch": (92,), "proprioception": (48,), "goal": (15,), "vision": (30,)}
    given: dict[str, Any] = {
        "policy": PolicyConfig(),
        "shapes": {**shapes, "auxiliary": (30,)},
        "distribution": MultiCategorical(20, 11),
        "control_step_s": 0.02,
        "seed": 0,
    }
    fpn = make_network(NetworkConfig(), **given)
    wide = NetworkConfig(architecture="wide", match_parameters="fpn")
    model = make_network(wide, **given, directory=tmp_path)
    report = json.loads((tmp_path / "match.json").read_text())
    assert report["n_wanted"] == fpn.count_params()
    assert report["n_parameters"] == model.count_params()
    kept = load_architecture(str(tmp_path / "architecture.yaml"))  # what was built
    assert (list(kept.dense), kept.last) == (report["dense"], report["last"])
    assert abs(model.count_params() / fpn.count_params() - 1) < 0.01
    save_model(fpn, tmp_path / "fpn.keras")
    path = str(tmp_path / "fpn.keras")
    of_file = NetworkConfig(architecture="wide", match_parameters=path)
    assert make_network(of_file, **given).count_params() == model.count_params()


def test_only_plain_networks_are_scaled() -> None:
    with pytest.raises(ConfigError, match=r"set network.architecture, too"):
        RunConfig.from_dict({"network": {"match_parameters": 1000}})
