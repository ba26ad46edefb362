# SPDX-License-Identifier: Apache-2.0
"""The task of the documentation keeps the promises of every task, and trains."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from angora_train.errors import TaskError
from angora_train.run.metrics import read_metrics
from angora_train.tasks import (
    make_task,
    make_vector_task,
    register_task,
    registry,
    task_names,
)
from angora_train.tasks.reaching.reach import Reach, ReachConfig
from tests.contracts import test_every_task as contract
from tests.contracts.documents import ROOT, blocks

NAME = "TwoJointArm"


@pytest.fixture
def arm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of ``arm.py``, as a reader of the page would write it."""
    code = blocks(ROOT / "docs" / "custom_task.md", "python")[0]
    (tmp_path / "arm.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("arm", None)
    yield tmp_path
    _forget(NAME)


def _forget(name: str) -> None:
    registry._TASKS.pop(name, None)
    registry._ADDED.discard(name)
    gymnasium.registry.pop(f"angora/{name}-v0", None)
    sys.modules.pop("arm", None)


@pytest.mark.usefixtures("arm")
def test_a_name_with_a_module_imports_it_first() -> None:
    assert NAME not in task_names()
    task = make_vector_task(f"arm:{NAME}", {"episode_s": 1.0}, n_worlds=4)
    assert type(task).__name__ == NAME
    assert NAME in task_names()


@pytest.mark.usefixtures("arm")
def test_the_documented_task_keeps_the_promises_of_every_task() -> None:
    make_task(f"arm:{NAME}").close()
    checks = [name for name in vars(contract) if name.startswith("test_")]
    spread = "test_how_worlds_are_spread_changes_no_bit"
    assert len(checks) > 8
    for check in checks:
        if check == spread:
            contract.test_how_worlds_are_spread_changes_no_bit(NAME, [3, 5], 2)
        else:
            getattr(contract, check)(NAME)


@pytest.mark.usefixtures("arm")
def test_the_documented_task_by_hand() -> None:
    # Straight along x the hand is at (0.6, 0); both links are 0.3 m long.
    task = make_vector_task(f"arm:{NAME}", n_worlds=2)
    observation, info = task.reset(seed=0)
    goal = observation["goal"]
    distance_m = np.linalg.norm(np.array([0.6, 0.0]) - goal, axis=1)
    np.testing.assert_allclose(info["distance_m"], distance_m, atol=1e-6)
    # A quarter turn of the shoulder, 1.5708 of 2.4 rad; the hand comes to (0, 0.6).
    action = np.array([[1.5708 / 2.4, 0.0]] * 2, np.float32)
    for _ in range(90):
        _, reward, _, _, info = task.step(action)
    distance_m = np.linalg.norm(np.array([0.0, 0.6]) - goal, axis=1)
    np.testing.assert_allclose(info["distance_m"], distance_m, atol=2e-3)
    np.testing.assert_allclose(reward, -info["distance_m"], atol=1e-6)


def test_a_body_with_muscles_is_a_body_like_any_other(arm: Path) -> None:
    code = (arm / "arm.py").read_text(encoding="utf-8")
    for joint in ("shoulder", "elbow"):
        code = code.replace(
            f'<position joint="{joint}"/>',
            f'<muscle name="{joint}" joint="{joint}" lengthrange="-2 2"/>',
        )
    (arm / "arm.py").write_text(code, encoding="utf-8")
    task = make_vector_task(f"arm:{NAME}", n_worlds=2)
    task.reset(seed=0)
    # A muscle's command is an activation from 0 to 1: no action is half of it.
    for _ in range(60):
        before = task.step(np.array([[-1, -1], [1, 1]], np.float32))[0]
    moved = np.abs(before["proprioception"])
    assert (moved[0] < 1e-6).all()
    assert (moved[1, :2] > 0.1).all()
    contract.test_how_worlds_are_spread_changes_no_bit(NAME, [3, 5], 2)


@pytest.mark.slow
def test_the_documented_task_trains(arm: Path) -> None:
    page = ROOT / "docs" / "custom_task.md"
    (arm / "arm.yaml").write_text(blocks(page, "yaml")[0], encoding="utf-8")
    (arm / "network.py").write_text(blocks(page, "python")[1], encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": f".:{ROOT}"}
    for command in (
        ["network.py"],
        ["-m", "angora_train.commands.app", "run", "arm.yaml", "--set", "n_cycles=30"],
    ):
        subprocess.run([sys.executable, *command], check=True, cwd=arm, env=environment)
    rows = read_metrics(arm / "runs" / "arm" / "metrics.jsonl")
    returns = [row["rollout/return"] for row in rows]
    seen = [x for x in returns if x is not None]
    assert seen[-1] > 0.6 * seen[0]


def test_a_task_of_one_s_own_replaces_itself_and_no_other() -> None:
    register_task("Mine", Reach, ReachConfig)
    register_task("Mine", Reach, ReachConfig)
    assert "Mine" in task_names()
    assert "angora/Mine-v0" in gymnasium.registry
    _forget("Mine")
    with pytest.raises(TaskError, match="'Reach' ships with this package"):
        register_task("Reach", Reach, ReachConfig)
    with pytest.raises(TaskError, match="cannot be named 'my task'"):
        register_task("my task", Reach, ReachConfig)


def test_a_module_that_is_missing_is_explained() -> None:
    with pytest.raises(TaskError, match=r"module 'nowhere'.*PYTHONPATH"):
        make_vector_task("nowhere:Arm")
