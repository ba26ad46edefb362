# SPDX-License-Identifier: Apache-2.0
"""Networks of areas that a run's config asks for."""

import warnings
from pathlib import Path
from typing import Any

import pytest

import atlasnet
from angora_train.agent.distributions import (
    DiagonalGaussian,
    Distribution,
    MultiCategorical,
)
from angora_train.config.run import NetworkConfig, PolicyConfig
from angora_train.errors import ConfigError
from angora_train.networks.make import make_network
from atlasnet.plan.spec import NetworkSpec

pytestmark = pytest.mark.slow  # builds models

SHAPES = {
    "proprioception": (48,),
    "touch": (92,),
    "goal": (15,),
    "vision": (15,),
    "auxiliary": (30,),
}


def make(
    config: NetworkConfig,
    shapes: dict[str, Any] | None = None,
    distribution: Distribution | None = None,
    directory: Path | None = None,
) -> Any:
    return make_network(
        config,
        PolicyConfig(),
        SHAPES if shapes is None else shapes,
        distribution or MultiCategorical(20, 11),
        control_step_s=0.02,
        seed=0,
        directory=directory,
    )


def test_the_compact_preset_trains_with_the_options_of_its_plan(
    tmp_path: Path,
) -> None:
    config = NetworkConfig(
        preset="fpn-compact",
        n_units=300,
        plan={"cells": {"M1": "lstm"}, "has_delays": True, "value_stem": "plain"},
    )
    model = make(config, directory=tmp_path)
    spec = NetworkSpec.load(tmp_path / "network.json")
    assert atlasnet.spec_of(model) == spec
    assert {area.name for area in spec.areas} == {
        f"{name} left"
        for name in ("SSC", "SPL", "IPL", "IPS", "MCC", "LPFC", "PMC", "M1")
    }
    assert spec.area("M1 left").cell == "lstm"
    assert all(p.delay_steps is not None for p in spec.pathways)
    assert spec.value.stem == "plain"
    # Units of the model are those of the plan.
    for area in spec.areas:
        assert model.get_layer(area.layer).output.shape[-1] == area.n_units
    assert sum(area.n_units for area in spec.areas) == 300


def test_the_policy_head_fits_any_distribution() -> None:
    config = NetworkConfig(preset="fpn-compact", n_units=300)
    for distribution in (DiagonalGaussian(20), MultiCategorical(4, 3)):
        model = make(config, distribution=distribution)
        assert model.output["policy"].shape[-1] == distribution.n_parameters


def test_an_option_that_is_none_is_named() -> None:
    reason = r"Unknown config key 'plan\.delay'\. Close matches: has_delays"
    with pytest.raises(ConfigError, match=reason):
        NetworkConfig(preset="fpn-compact", plan={"delay": True})


def test_a_model_for_another_control_step_warns(
    tmp_path: Path, tiny_spec: NetworkSpec
) -> None:
    shapes = {"touch": (3,), "goal": (2,), "auxiliary": (2,)}
    other = tiny_spec.model_copy(update={"control_step_s": 0.08})
    for spec, name in ((tiny_spec, "same"), (other, "other")):
        model = atlasnet.build_model(spec)
        atlasnet.save_model(model, tmp_path / f"{name}.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(NetworkConfig(path=tmp_path / "same.keras"), shapes)
    config = NetworkConfig(path=tmp_path / "other.keras")
    with pytest.warns(UserWarning, match=r"step of 80 ms, the task's is 20 ms"):
        make(config, shapes)
