# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from angora_train.config.run import RunConfig
from angora_train.errors import CheckpointError
from angora_train.run import checkpoint
from angora_train.run.checkpoint import Checkpoint
from atlasnet.model.builder import build_model
from atlasnet.plan.spec import NetworkSpec


def make_checkpoint(spec: NetworkSpec, cycle: int) -> Checkpoint:
    return Checkpoint(
        model=build_model(spec, seed=cycle),
        config=RunConfig(seed=3),
        optimizer={"0000": np.arange(3.0), "0001": np.float32([[1, 2]])},
        moments={"touch": np.arange(7.0)},
        progress={"cycle": cycle, "samples": 10 * cycle, "best_return": None},
    )


def test_a_checkpoint_reads_back_as_it_was(
    tiny_spec: NetworkSpec, tmp_path: Path
) -> None:
    written = make_checkpoint(tiny_spec, 4)
    checkpoint.save(tmp_path, written, ("last",))
    read = checkpoint.load(tmp_path, "last")
    assert read.config == written.config
    assert read.progress["cycle"] == 4
    assert read.progress["versions"]["keras"]
    for name, value in written.optimizer.items():
        assert (read.optimizer[name] == value).all()
    assert (read.moments["touch"] == written.moments["touch"]).all()
    for a, b in zip(read.model.weights, written.model.weights, strict=True):
        assert (a.numpy() == b.numpy()).all()


@pytest.mark.slow
def test_only_marked_checkpoints_are_kept(
    tiny_spec: NetworkSpec, tmp_path: Path
) -> None:
    checkpoint.save(tmp_path, make_checkpoint(tiny_spec, 1), ("last", "best"))
    checkpoint.save(tmp_path, make_checkpoint(tiny_spec, 2), ("last",))
    checkpoint.save(tmp_path, make_checkpoint(tiny_spec, 3), ("last",))
    kept = sorted(folder.name for folder in (tmp_path / "checkpoints").glob("cycle-*"))
    assert kept == ["cycle-000001", "cycle-000003"]
    assert checkpoint.load(tmp_path, "best").progress["cycle"] == 1
    assert checkpoint.load(tmp_path, "last").progress["cycle"] == 3


def test_a_save_that_fails_leaves_the_last_checkpoint_whole(
    tiny_spec: NetworkSpec, tmp_path: Path
) -> None:
    checkpoint.save(tmp_path, make_checkpoint(tiny_spec, 1), ("last",))
    whole = make_checkpoint(tiny_spec, 2)
    broken = Checkpoint(
        whole.model,
        whole.config,
        whole.optimizer,
        whole.moments,
        {"cycle": 2, "set": {1}},  # no JSON: fails after model and optimizer
    )
    with pytest.raises(TypeError):
        checkpoint.save(tmp_path, broken, ("last",))
    assert checkpoint.load(tmp_path, "last").progress["cycle"] == 1
    assert [p.name for p in (tmp_path / "checkpoints").iterdir() if p.is_dir()] == [
        "cycle-000001"
    ]


def test_a_missing_checkpoint_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint 'last' in"):
        checkpoint.load(tmp_path, "last")


@pytest.mark.parametrize("name", ["model.keras", "optimizer.npz", "state.json"])
def test_a_broken_file_is_named(
    name: str, tiny_spec: NetworkSpec, tmp_path: Path
) -> None:
    folder = checkpoint.save(tmp_path, make_checkpoint(tiny_spec, 1), ("last",))
    (folder / name).write_bytes(b"broken")
    with pytest.raises(CheckpointError, match="cycle-000001' is broken"):
        checkpoint.load(tmp_path, "last")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.keras", "optimizer.npz"])
def test_a_file_cut_short_is_a_broken_checkpoint(
    name: str, tiny_spec: NetworkSpec, tmp_path: Path
) -> None:
    folder = checkpoint.save(tmp_path, make_checkpoint(tiny_spec, 1), ("last",))
    content = (folder / name).read_bytes()
    for damaged in (content[: len(content) // 2], _flipped(content)):
        (folder / name).write_bytes(damaged)
        with pytest.raises(CheckpointError, match="cycle-000001' is broken"):
            checkpoint.load(tmp_path, "last")


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    inverted = bytes(255 - byte for byte in content[middle : middle + 64])
    return content[:middle] + inverted + content[middle + 64 :]


def test_what_killed_saves_left_is_removed(
    tiny_spec: NetworkSpec, tmp_path: Path
) -> None:
    (tmp_path / "checkpoints" / ".saving-abc").mkdir(parents=True)
    checkpoint.save(tmp_path, make_checkpoint(tiny_spec, 1), ("last",))
    assert not (tmp_path / "checkpoints" / ".saving-abc").exists()


def test_pickled_arrays_are_not_loaded(tiny_spec: NetworkSpec, tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> Any:
            return (tmp_path.joinpath("harm").write_text, ("done",))

    folder = checkpoint.save(tmp_path, make_checkpoint(tiny_spec, 1), ("last",))
    np.savez(folder / "optimizer.npz", harm=np.array([Harm()], dtype=object))
    with pytest.raises(CheckpointError):
        checkpoint.load(tmp_path, "last")
    assert not (tmp_path / "harm").exists()


def test_state_is_plain_json(tiny_spec: NetworkSpec, tmp_path: Path) -> None:
    folder = checkpoint.save(tmp_path, make_checkpoint(tiny_spec, 1), ("last",))
    assert json.loads((folder / "state.json").read_text())["samples"] == 10
