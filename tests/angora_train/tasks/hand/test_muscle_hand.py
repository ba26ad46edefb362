# SPDX-License-Identifier: Apache-2.0
"""The documentation's hand with muscles, a body from another package."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from angora_train.tasks import make_vector_task, registry
from tests.contracts import test_every_task as contract
from tests.contracts.documents import ROOT, blocks

pytest.importorskip("myo_sim")
pytestmark = pytest.mark.slow  # composes a hand of many muscles

NAME = "MusclePinch"


@pytest.fixture
def pinch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Name of the task, whose file is as a reader of the page would write it."""
    (code,) = (
        block
        for block in blocks(ROOT / "docs" / "custom_task.md", "python")
        if "myo_sim" in block
    )
    (tmp_path / "muscle_hand.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield f"muscle_hand:{NAME}"
    registry._TASKS.pop(NAME, None)
    registry._ADDED.discard(NAME)
    gymnasium.registry.pop(f"angora/{NAME}-v0", None)
    sys.modules.pop("muscle_hand", None)


def _excite(task: Any, n_steps: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    for _ in range(n_steps):
        actions = rng.uniform(-1, 1, task.action_space.shape).astype(np.float32)
        returned = task.step(actions)
    return returned


def test_it_keeps_the_promises_of_every_task(pinch: str) -> None:
    make_vector_task(pinch).close()
    contract.test_what_it_returns_fits_its_spaces(NAME)
    contract.test_how_worlds_are_spread_changes_no_bit(NAME, [3, 5], 2)


def test_muscles_follow_their_excitation(pinch: str) -> None:
    task: Any = make_vector_task(pinch, n_worlds=2)
    observation, _ = task.reset(seed=0)
    assert not observation["muscles"].any()
    actions = np.full((2, 39), -1.0, np.float32)
    actions[1] = 1.0
    for _ in range(20):  # 0.4 s, ten times as long as a muscle takes
        observation, *_ = task.step(actions)
    assert observation["muscles"][0].max() < 0.01
    assert observation["muscles"][1].min() > 0.99


def test_a_world_goes_on_from_a_state_with_its_activations(pinch: str) -> None:
    task: Any = make_vector_task(pinch, n_worlds=2)
    task.reset(seed=0)
    _excite(task, 5)
    simulation = task.simulation
    states = np.stack([simulation.state(world) for world in range(2)])
    activations = task._activations.copy()
    assert activations.any()
    expected = _excite(task, 5, seed=1)[0]
    simulation.restore([0, 1], states)
    np.testing.assert_array_equal(task._activations, activations)
    again = _excite(task, 5, seed=1)[0]
    for name, values in expected.items():
        np.testing.assert_array_equal(values, again[name], err_msg=name)


def test_a_new_episode_begins_with_slack_muscles(pinch: str) -> None:
    task: Any = make_vector_task(pinch, {"episode_s": 0.1}, n_worlds=2)
    task.reset(seed=0)
    observation, *_, info = _excite(task, 5)  # 5 steps of 20 ms
    assert info["_final_obs"].all()
    assert info["final_obs"]["muscles"].any()
    assert not observation["muscles"].any()
