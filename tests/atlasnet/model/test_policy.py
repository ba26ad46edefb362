# SPDX-License-Identifier: Apache-2.0
"""Heads: what the value reads, and what is left without it."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import atlasnet
from angora_train.networks.plain import build_architecture
from atlasnet.errors import SpecError
from atlasnet.model.builder import build_model
from atlasnet.model.policy import policy_only
from atlasnet.plan.spec import NetworkSpec, ValueSpec

pytestmark = pytest.mark.slow


def with_value(spec: NetworkSpec, **kwargs: Any) -> NetworkSpec:
    value = ValueSpec(**{**spec.value.model_dump(), **kwargs})
    return NetworkSpec(**{**spec.model_dump(), "value": value})


def drawn(model: keras.Model, rng: np.random.Generator) -> dict[str, Any]:
    return {
        tensor.name: rng.normal(size=(2, 5, *tensor.shape[2:])).astype(np.float32)
        for tensor in model.inputs
    }


def moved(model: keras.Model, variable: Any, x: dict[str, Any]) -> dict[str, bool]:
    """Return which heads change if a weight does."""
    before = {name: np.asarray(head) for name, head in model(x).items()}
    kept = variable.numpy().copy()
    variable.assign(kept + 0.5)
    after = {name: np.asarray(head) for name, head in model(x).items()}
    variable.assign(kept)
    return {n: bool(np.abs(before[n] - after[n]).max() > 1e-6) for n in before}


STEMS = ["shared", "copy", "plain"]


@pytest.mark.parametrize("stem", STEMS)
def test_the_stem_decides_which_weights_the_value_depends_on(
    stem: Any, tiny_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    model = build_model(with_value(tiny_spec, stem=stem))
    x = drawn(model, rng)
    acting = model.get_layer("areas").cell.populations[1].kernel
    is_shared = stem == "shared"
    assert moved(model, acting, x) == {"policy": True, "value": is_shared}
    if stem == "copy":
        own = model.get_layer("value_network").cell.populations[1].kernel
        assert moved(model, own, x) == {"policy": False, "value": True}
        assert own.shape == acting.shape
        assert (own.numpy() != acting.numpy()).any()
    if stem == "plain":
        # goal 2, touch 3 and auxiliary 2 into an LSTM of 7: (7 + 7 + 1) x 4 x 7.
        assert model.get_layer("value_1").count_params() == 420


def test_the_value_reads_the_areas_of_the_spec(
    tiny_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    only_s = build_model(with_value(tiny_spec, areas=("S",)))
    s, p, _ = only_s.get_layer("areas").cell.populations
    x = drawn(only_s, rng)
    assert moved(only_s, s.kernel, x)["value"]
    assert not moved(only_s, p.kernel, x)["value"]


@pytest.mark.parametrize("stem", STEMS)
def test_a_policy_without_its_value_acts_the_same(
    stem: Any, tiny_spec: NetworkSpec, rng: np.random.Generator, tmp_path: Path
) -> None:
    data = {**with_value(tiny_spec, stem=stem).model_dump(), "activity_cost": 0.1}
    model = build_model(NetworkSpec(**data))
    acting = policy_only(model)
    assert sorted(t.name for t in acting.inputs) == ["goal", "touch"]
    assert set(acting.output) == {"policy"}
    assert not [layer.name for layer in acting.layers if "value" in layer.name]
    assert acting.count_params() < model.count_params()
    x = drawn(model, rng)
    expected = np.asarray(model(x)["policy"])
    given = {name: x[name] for name in ("goal", "touch")}
    assert (np.asarray(acting(given)["policy"]) == expected).all()
    atlasnet.save_model(acting, tmp_path / "policy.keras")
    again = atlasnet.load_model(tmp_path / "policy.keras")
    assert (np.asarray(again(given)["policy"]) == expected).all()


@pytest.mark.parametrize("name", ["simple", "wide"])
@pytest.mark.parametrize("shared", [False, True])
def test_any_functional_model_can_be_cut_to_its_policy(
    name: str, shared: bool, rng: np.random.Generator
) -> None:
    shapes = {"touch": (3,), "auxiliary": (2,)}
    model = build_architecture(name, shapes, 4, shared=shared)
    acting = policy_only(model)
    x = drawn(model, rng)
    out = acting({"touch": x["touch"]})
    assert (np.asarray(out["policy"]) == np.asarray(model(x)["policy"])).all()


def test_a_model_without_a_policy_is_refused(tiny_spec: NetworkSpec) -> None:
    model = build_model(tiny_spec)
    silent = keras.Model(model.input, {"value": model.output["value"]}, name="critic")
    with pytest.raises(SpecError, match="'critic' has no output 'policy'"):
        policy_only(silent)
    with pytest.raises(SpecError, match="functional"):
        policy_only(keras.Sequential([keras.layers.Dense(2)], name="plain"))


def test_a_plain_value_network_needs_a_width(tiny_spec: NetworkSpec) -> None:
    with pytest.raises(SpecError, match="needs hidden_units"):
        with_value(tiny_spec, stem="plain", hidden_units=())
