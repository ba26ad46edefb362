# SPDX-License-Identifier: Apache-2.0
"""Gymnasium's own wrappers around our tasks, as docs/tasks.md has it."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import wrappers
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector

from angora_train.tasks import make_task, make_vector_task

pytestmark = pytest.mark.slow


def _truncations(env: Any, n_steps: int) -> list[int]:
    """Return the steps, from 1, that end an episode of 100; a single task is reset."""
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    found = []
    for step in range(1, n_steps + 1):
        action = rng.uniform(-1, 1, env.action_space.shape).astype(np.float32)
        _, _, _, truncated, _ = env.step(action)
        if np.any(truncated):
            found.append(step)
            if not isinstance(truncated, np.ndarray):
                env.reset()
    return found


@pytest.mark.parametrize(
    "wrap",
    [
        vector.RecordEpisodeStatistics,
        vector.NormalizeReward,
        lambda env: vector.ClipReward(env, -1, 1),
        lambda env: vector.TransformReward(env, np.abs),
        vector.ClipAction,
        lambda env: vector.RescaleAction(env, -1, 1),
        lambda env: vector.TransformAction(env, np.asarray),
        vector.DictInfoToList,
    ],
)
def test_wrappers_of_rewards_actions_and_info_take_a_batch(
    wrap: Callable[[Any], Any],
) -> None:
    assert _truncations(wrap(make_vector_task("Reach", n_worlds=2)), 210) == [100, 200]


@pytest.mark.parametrize(
    "wrap", [vector.FlattenObservation, vector.NormalizeObservation]
)
def test_wrappers_of_observations_refuse_a_batch_that_resets_in_the_same_step(
    wrap: Callable[[Any], Any],
) -> None:
    with pytest.raises(ValueError, match="Expected autoreset_mode to be NEXT_STEP"):
        wrap(make_vector_task("Reach", n_worlds=2))


@pytest.mark.parametrize(
    ("mode", "ends"),
    # With NEXT_STEP the reset takes a step of its own.
    [(AutoresetMode.NEXT_STEP, [100, 201]), (AutoresetMode.SAME_STEP, [100, 200])],
)
def test_gymnasium_makes_a_batch_of_single_tasks(
    mode: AutoresetMode, ends: list[int]
) -> None:
    batch = SyncVectorEnv([lambda: make_task("Reach")] * 2, autoreset_mode=mode)
    assert _truncations(batch, 210) == ends


def _flat_and_normalised(env: Any) -> Any:
    return wrappers.NormalizeObservation(wrappers.FlattenObservation(env))


@pytest.mark.parametrize(
    "wrap",
    [
        wrappers.RecordEpisodeStatistics,
        wrappers.NormalizeReward,
        wrappers.PassiveEnvChecker,
        wrappers.ClipAction,
        lambda env: wrappers.FrameStackObservation(env, 3),
        lambda env: wrappers.FilterObservation(env, ["touch", "goal"]),
        _flat_and_normalised,
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_wrappers_take_a_single_task(wrap: Callable[[Any], gymnasium.Env]) -> None:
    assert _truncations(wrap(make_task("Reach")), 210) == [100, 200]


def test_a_shorter_limit_cuts_a_single_task() -> None:
    env = wrappers.TimeLimit(make_task("Reach"), 50)
    assert _truncations(env, 160) == [50, 100, 150]
