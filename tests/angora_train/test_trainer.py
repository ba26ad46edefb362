# SPDX-License-Identifier: Apache-2.0
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from angora_train import checkpoint
from angora_train.comm import LocalComm
from angora_train.config import RunConfig
from angora_train.errors import CheckpointError, ConfigError
from angora_train.metrics import read_metrics
from angora_train.trainer import learning_rate, train

pytestmark = pytest.mark.slow  # compiles with TensorFlow, steps MuJoCo

REGIONS = [
    "Area 4p (PreCG)",
    "Area 3a (PostCG)",
    "Area 2 (PostCS)",
    "Area hIP2 (IPS)",
]


def small(directory: Path, **changes: Any) -> RunConfig:
    data: dict[str, Any] = {
        "network": {"regions": REGIONS, "n_units": 64, "floor": 8},
        "ppo": {"horizon": 8, "chunk_length": 4},
        "normalization": {"warm_up_steps": 2},
        "n_worlds": 4,
        "n_cycles": 2,
        "save_every": 1,
        "directory": str(directory),
    }
    return RunConfig.from_dict({**data, **changes})


def test_a_run_leaves_metrics_config_graph_and_checkpoints(tmp_path: Path) -> None:
    config = small(tmp_path)
    shown: list[Any] = []
    train(config, LocalComm(), shown.append)
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert [row["cycle"] for row in rows] == [1, 2]
    assert [row["samples"] for row in rows] == [32, 64]  # 8 steps x 4 worlds a cycle
    assert [row["cycle"] for row in shown] == [1, 2]
    assert checkpoint.read_config(tmp_path) == config
    for name in ("graph.json", "network.json", "config.yaml"):
        assert (tmp_path / name).is_file()
    assert checkpoint.load(tmp_path, "last").progress["cycle"] == 2


def test_a_resumed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    config = small(tmp_path, n_cycles=4)
    train(config.model_copy(update={"n_cycles": 2}), LocalComm())
    before = checkpoint.load(tmp_path, "last")
    train(config, LocalComm(), resume=True)
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert [row["cycle"] for row in rows] == [1, 2, 3, 4]
    assert rows[2]["samples"] == 3 * 32
    after = checkpoint.load(tmp_path, "last")
    # 2 updates an epoch, 4 epochs a cycle: Adam counts on from 16 to 32.
    assert int(before.optimizer["0000"]) == 16
    assert int(after.optimizer["0000"]) == 32
    # 2 warm-up steps of 4 worlds, then 32 samples a cycle.
    assert before.moments["touch"][0] == 8 + 2 * 32
    assert after.moments["touch"][0] == 8 + 4 * 32


def test_a_run_has_a_best_checkpoint_before_any_episode_ends(tmp_path: Path) -> None:
    train(small(tmp_path), LocalComm())  # 16 steps of episodes of 100
    assert checkpoint.load(tmp_path, "best").progress["cycle"] == 2
    assert checkpoint.load(tmp_path, "last").progress["cycle"] == 2


def test_training_twice_gives_the_same_weights(tmp_path: Path) -> None:
    first = train(small(tmp_path / "a"), LocalComm())
    second = train(small(tmp_path / "b"), LocalComm())
    for a, b in zip(first.model.weights, second.model.weights, strict=True):
        assert (a.numpy() == b.numpy()).all()


def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    train(small(tmp_path, n_cycles=1), LocalComm())
    with pytest.raises(
        CheckpointError, match=r"holds a run already.*angora-train resume"
    ):
        train(small(tmp_path, n_cycles=1), LocalComm())


@pytest.mark.parametrize("name", ["optimizer.npz", "moments.npz"])
def test_a_checkpoint_of_another_network_is_refused(name: str, tmp_path: Path) -> None:
    # Same areas and sensations, other widths: as many arrays, of other shapes.
    other = {"regions": REGIONS, "n_units": 72, "floor": 8}
    train(small(tmp_path / "a", n_cycles=1), LocalComm())
    train(small(tmp_path / "b", n_cycles=1, network=other), LocalComm())
    mine, theirs = (checkpoint._folder(tmp_path / run, "last") for run in "ab")
    if name == "optimizer.npz":
        shutil.copy(theirs / name, mine / name)
    else:
        with np.load(mine / name) as stored:
            shorter = {key: stored[key][:-2] for key in stored.files}
        np.savez(mine / name, **shorter)
    with pytest.raises(CheckpointError, match="belongs to another network"):
        train(small(tmp_path / "a"), LocalComm(), resume=True)


def test_a_run_that_is_done_says_how_to_train_longer(tmp_path: Path) -> None:
    train(small(tmp_path, n_cycles=1), LocalComm())
    with pytest.raises(ConfigError, match=r"all its 1 cycles.*--set n_cycles=2"):
        train(small(tmp_path, n_cycles=1), LocalComm(), resume=True)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="Cannot write to"):
        train(small(tmp_path / "file" / "run"), LocalComm())


def test_worlds_that_cannot_be_shared_are_refused(tmp_path: Path) -> None:
    class Three(LocalComm):
        size = 3

    with pytest.raises(
        ConfigError, match=r"got 4 worlds for 3 ranks. The nearest is 3"
    ):
        train(small(tmp_path), Three())


def test_a_model_that_does_not_fit_the_task_is_refused(tmp_path: Path) -> None:
    train(small(tmp_path / "a", n_cycles=1), LocalComm())
    path = checkpoint._folder(tmp_path / "a", "last") / "model.keras"
    with pytest.raises(
        ConfigError, match=r"policy head is 220 wide; .* 100 parameters"
    ):
        train(
            small(tmp_path / "b", network={"path": str(path)}, policy={"n_bins": 5}),
            LocalComm(),
        )


def test_an_unknown_region_is_named_before_any_simulation(tmp_path: Path) -> None:
    wrong = {"regions": ["Area 4q (PreCG)"], "n_units": 64}
    with pytest.raises(ConfigError, match="Area 4p"):
        train(small(tmp_path, network=wrong), LocalComm())
    assert not (tmp_path / "metrics.jsonl").exists()


def test_the_learning_rate_falls_linearly(tmp_path: Path) -> None:
    config = small(
        tmp_path,
        n_cycles=5,
        ppo={"learning_rate": 1.0, "final_learning_rate": 0.0},
    )
    assert [learning_rate(config, i) for i in (1, 2, 5)] == [1.0, 0.75, 0.0]
