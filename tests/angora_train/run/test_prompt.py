# SPDX-License-Identifier: Apache-2.0
"""What is typed at a prompt is taken, or answered with one sentence."""

from pathlib import Path
from typing import Any

import pytest

from angora_train.config.experiment import load_experiment
from angora_train.config.loading import load_config, load_pretraining
from angora_train.errors import CheckpointError, ConfigError
from angora_train.run import checkpoint
from angora_train.run.checkpoint import load_agent, read_config
from angora_train.run.trainer import train

LATIN = "task: {name: Reach}  # Größe\n".encode("latin-1")
"""The byte 25 is ö, 0xf6 in Latin-1: 6 + 13 + 2 + 2 + 2 stand before it."""


def test_a_config_may_be_a_name_a_path_a_mapping_or_one(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("seed: 3\n")
    own = load_config(str(path))
    assert own == load_config(path) == load_config({"seed": 3}) == load_config(own)
    assert own == load_config({}, "seed=3") == load_config({}, ("seed=3",))
    assert load_config(Path("reach")) == load_config("reach")
    given = {"network": {"units": {"total": 64}}}
    assert load_config(given, ["network.units.total=32"]).network.units.total == 32
    assert given == {"network": {"units": {"total": 64}}}


@pytest.mark.parametrize("source", [None, 123, ["reach"], b"reach", 1.5])
def test_what_is_no_config_is_one_error(source: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a YAML file, a preset or a mapping, got"):
        load_config(source)
    with pytest.raises(ConfigError, match="a YAML file, a preset or a mapping, got"):
        train(source)
    with pytest.raises(ConfigError, match="a YAML file or a folder, got"):
        load_experiment(source)
    for read in (load_agent, read_config, checkpoint.load):
        with pytest.raises(CheckpointError, match="its folder, a text or a path, got"):
            read(source)


def test_other_slips_are_one_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no config file or preset 'seed: 1"):
        load_config("seed: 1\n" * 1000)
    with pytest.raises(ConfigError, match=r"each KEY=VALUE, in a list; got \{'seed'"):
        load_config("reach", {"seed": 1})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"each KEY=VALUE, in a list; got \[1\]"):
        load_config("reach", [1])  # type: ignore[list-item]
    with pytest.raises(ConfigError, match="'sead'"):
        train({"sead": 1})
    with pytest.raises(ConfigError, match=r"preset 'raech'\. Close matches: reach"):
        train("raech")
    with pytest.raises(CheckpointError, match=r"no checkpoint 'newest' of a run; one"):
        load_agent(tmp_path, "newest")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "read", [load_config, load_pretraining, load_experiment, train]
)
def test_a_file_of_another_encoding_is_one_error(read: Any, tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(LATIN)
    told = r"latin\.yaml' is not encoded in UTF-8: its byte 25 is 0xf6\. Save it"
    with pytest.raises(ConfigError, match=told):
        read(str(path))


def test_an_architecture_and_a_mark_of_another_encoding_are_one_error(
    tmp_path: Path,
) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(LATIN)
    network = {"architecture": str(path)}
    with pytest.raises(ConfigError, match="not encoded in UTF-8"):
        train({"network": network, "directory": str(tmp_path / "run")})
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "best").write_bytes(LATIN)
    with pytest.raises(CheckpointError, match="best' is broken"):
        load_agent(tmp_path)


def test_an_experiment_may_be_named_by_a_text(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("base: reach\nseeds: 0-1\n")
    assert load_experiment(str(path)) == load_experiment(path)


@pytest.mark.slow
def test_training_takes_a_mapping(tmp_path: Path) -> None:
    settings = {
        "task": {"name": "gym:CartPole-v1"},
        "network": {"architecture": "simple"},
        "policy": {"n_bins": 2},
        "ppo": {"horizon": 8, "chunk_length": 4, "minibatch_size": 8, "n_epochs": 1},
        "normalization": {"warm_up_steps": 2},
        "n_worlds": 1,
        "n_cycles": 1,
        "directory": str(tmp_path / "run"),
    }
    assert train(settings).sensations == ("proprioception",)
    assert read_config(tmp_path / "run") == load_config(settings)
