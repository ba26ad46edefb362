# SPDX-License-Identifier: Apache-2.0
"""Runs with hindsight, from a config to an agent that plays, on the cube."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from angora_train.agent.agent import Agent
from angora_train.commands.app import app
from angora_train.config.loading import load_config
from angora_train.config.run import RunConfig
from angora_train.run.checkpoint import load, load_agent
from angora_train.run.trainer import train
from tests.angora_train.hindsight.small import SMALL

pytestmark = pytest.mark.slow  # settles cubes, compiles with TensorFlow


def small(directory: Path, **changes: Any) -> RunConfig:
    settings = {
        **SMALL,
        "n_cycles": 4,
        "save_every": 2,
        "directory": directory,
        **changes,
    }
    return load_config("cube_hindsight", [f"{k}={x}" for k, x in settings.items()])


def weights(agent: Agent) -> list[np.ndarray]:
    return [np.array(weight) for weight in agent.model.weights]


def test_two_times_two_cycles_are_four(tmp_path: Path) -> None:
    whole = train(small(tmp_path / "whole"))
    train(small(tmp_path / "parts", n_cycles=2))
    parts = train(small(tmp_path / "parts"), resume=True)
    for one, other in zip(weights(whole), weights(parts), strict=True):
        assert (one == other).all()
    held = load(tmp_path / "parts", "last").worlds
    assert held["replay/sensation/privileged"].shape == (4, 30, 130)  # 120 / 4 worlds
    loaded = load_agent(tmp_path / "parts", "last")
    for one, other in zip(weights(whole), weights(loaded), strict=True):
        assert (one == other).all()


def test_a_smaller_memory_holds_the_latest(tmp_path: Path) -> None:
    train(small(tmp_path, n_cycles=2))
    before = load(tmp_path, "last").worlds["replay/action"]
    train(small(tmp_path, n_cycles=3, **{"hindsight.memory": 80}), resume=True)
    after = load(tmp_path, "last").worlds["replay/action"]
    # 16 steps of each world, then 8 more: of 24 the latest 20.
    assert (before.shape[1], after.shape[1]) == (16, 20)
    assert (after[:, :12] == before[:, 4:]).all()


def test_from_the_shell(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(small(tmp_path / "run").to_yaml())
    done = CliRunner().invoke(app, ["run", str(config)])
    assert done.exit_code == 0
    assert "cycle 4/4" in done.output
    arguments = ["evaluate", str(tmp_path / "run"), "--episodes", "2"]
    told = CliRunner().invoke(app, [*arguments, "--choice", "most_likely", "--json"])
    assert told.exit_code == 0
    assert '"success"' in told.output
