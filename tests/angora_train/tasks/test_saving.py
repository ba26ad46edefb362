# SPDX-License-Identifier: Apache-2.0
"""Worlds that are saved go on exactly where they were: every registered task."""

from typing import Any

import numpy as np
import pytest

from angora_train.errors import CheckpointError
from angora_train.tasks import make_vector_task, task_names, variant_of
from angora_train.tasks.saving import restore_worlds, save_worlds

TASKS = [name for name in task_names() if variant_of(name) is None]
HARD: dict[str, Any] = {
    "sensing": {"touch": {"noise_std": 0.1, "delay_steps": 2, "dropout": 0.1}},
    "physics": {"mass": [0.5, 1.5], "gain": [0.75, 1.5], "gravity_std": 0.4},
}


def steps(task: Any, actions: np.ndarray) -> list[Any]:
    """Step a task; return all that it gave."""
    given = []
    for action in actions:
        observation, reward, terminated, truncated, info = task.step(action)
        given.append(
            (dict(observation), reward, terminated, truncated, info["success"])
        )
    return given


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("settings", [{}, HARD], ids=["plain", "hard"])
def test_saved_worlds_go_on_bit_for_bit(
    name: str, settings: dict[str, Any], rng: np.random.Generator
) -> None:
    settings = {
        **settings,
        "episode_s": 0.8,
        "control": {"mode": "relative", "new_share": 0.5},
    }
    task = make_vector_task(name, settings, n_worlds=3)
    task.reset(seed=5)
    actions = rng.uniform(-1, 1, (30, *task.action_space.shape)).astype(np.float32)
    steps(task, actions[:13])
    saved = save_worlds(task)
    assert saved is not None
    expected = steps(task, actions[13:])
    other = make_vector_task(name, settings, n_worlds=3)
    other.reset(seed=99)
    restore_worlds(other, saved)
    for one, again in zip(expected, steps(other, actions[13:]), strict=True):
        for sensation, values in one[0].items():
            assert (values == again[0][sensation]).all(), sensation
        for a, b in zip(one[1:], again[1:], strict=True):
            assert (a == b).all()


def test_worlds_can_be_divided_anew(rng: np.random.Generator) -> None:
    whole = make_vector_task("Reach", n_worlds=4)
    whole.reset(seed=1)
    actions = rng.uniform(-1, 1, (6, 4, 20)).astype(np.float32)
    steps(whole, actions[:3])
    saved = save_worlds(whole)
    assert saved is not None
    expected = steps(whole, actions[3:])
    half = make_vector_task("Reach", n_worlds=2, first_world=2)
    half.reset(seed=1)
    restore_worlds(half, {name: x[2:] for name, x in saved.items()})
    for one, again in zip(expected, steps(half, actions[3:, 2:]), strict=True):
        assert (one[1][2:] == again[1]).all()


def test_worlds_of_another_task_are_refused() -> None:
    reach = make_vector_task("Reach", n_worlds=2)
    reach.reset(seed=0)
    saved = save_worlds(reach)
    assert saved is not None
    other = make_vector_task("FreeReach", n_worlds=2)
    other.reset(seed=0)
    with pytest.raises(CheckpointError, match=r"task has no '_\w+'.* another task"):
        restore_worlds(other, {**saved, **body(other)})
    with pytest.raises(CheckpointError, match=r"another body or .* other settings"):
        restore_worlds(other, {})


def body(task: Any) -> dict[str, Any]:
    return {f"simulation/{k}": x for k, x in task.simulation.save_worlds().items()}


def test_adapted_environments_cannot_be_saved() -> None:
    task = make_vector_task("gym:CartPole-v1", n_worlds=2)
    task.reset(seed=0)
    assert save_worlds(task) is None
