# SPDX-License-Identifier: Apache-2.0
"""What a run leaves when the machine fails it, in processes of their own."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from angora_train.config.run import RunConfig
from angora_train.errors import ConfigError
from angora_train.ranks.comm import LocalComm
from angora_train.run import checkpoint
from angora_train.run.trainer import train

pytestmark = pytest.mark.slow  # compiles with TensorFlow

PROGRAM = """
import os, resource, sys
import numpy as np
from angora_train.commands.job import Job
from angora_train.ranks.comm import LocalComm
from angora_train.config.run import RunConfig
from angora_train.run.trainer import train

def fail(metrics):
    if metrics["cycle"] == 1:
        {failure}

config = RunConfig.model_validate_json(sys.argv[1])
with Job(LocalComm()):
    train(config, LocalComm(), fail)
"""
FULL_DISK = "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))"
KILLED_WHILE_SAVING = (
    "np.savez = lambda file, *_, **__: "
    "isinstance(file, os.PathLike) and os.kill(os.getpid(), 9)"
)


def small(directory: Path) -> RunConfig:
    return RunConfig.from_dict(
        {
            "network": {"architecture": "simple", "cell": "gru"},
            "ppo": {"horizon": 8, "chunk_length": 4, "minibatch_size": 16},
            "normalization": {"warm_up_steps": 2},
            "n_worlds": 4,
            "n_cycles": 3,
            "save_every": 1,
            "directory": str(directory),
        }
    )


def run_until(failure: str, directory: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            sys.executable,
            "-c",
            PROGRAM.format(failure=failure),
            small(directory).model_dump_json(),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize("failure", [FULL_DISK, KILLED_WHILE_SAVING])
def test_a_save_that_breaks_off_leaves_the_last_checkpoint_and_can_be_resumed(
    failure: str, tmp_path: Path
) -> None:
    done = run_until(failure, tmp_path)
    if failure == FULL_DISK:
        assert done.returncode != 0
        assert "of cycle 2 cannot be written" in done.stderr
        assert "The last checkpoint is whole" in done.stderr
    else:
        assert done.returncode == -signal.SIGKILL
        assert list((tmp_path / "checkpoints").glob(".saving-*"))
    assert checkpoint.load(tmp_path, "last").progress["cycle"] == 1
    resumed = train(small(tmp_path), LocalComm(), resume=True)
    # The same as a run that nothing happened to.
    whole = train(small(tmp_path / "whole"), LocalComm())
    for a, b in zip(resumed.model.weights, whole.model.weights, strict=True):
        assert (a.numpy() == b.numpy()).all()
    assert not list((tmp_path / "checkpoints").glob(".saving-*"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"policy": {"distribution": "gaussian"}},
            r"policy head is 220 wide.* 40 wide",
        ),
        (
            {"task": {"name": "ReorientCube"}},
            r"'\w+' is \d+ wide a step, the task's .* wide",
        ),
        ({"task": {"name": "gym:Pendulum-v1"}}, r"no sensation of the task"),
    ],
)
def test_a_checkpoint_of_another_task_or_policy_is_named(
    change: dict[str, dict[str, str]], message: str, tmp_path: Path
) -> None:
    config = small(tmp_path)
    train(config.model_copy(update={"n_cycles": 1}), LocalComm())
    other = RunConfig.from_dict({**config.model_dump(), **change})
    with pytest.raises(ConfigError, match=message):
        train(other, LocalComm(), resume=True)


def test_missing_mpi4py_is_named_with_the_remedy(tmp_path: Path) -> None:
    # The launcher's variable is there, but the package cannot be imported.
    program = (
        "import sys; sys.modules['mpi4py'] = None\n"
        "from angora_train.commands.app import main\n"
        "sys.argv = ['angora-train', 'run', 'reach']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PMI_RANK": "0", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert "mpi4py cannot be used" in done.stderr
    assert 'pip install "atlasnet[train]"' in done.stderr
    assert "Traceback" not in done.stderr
