# SPDX-License-Identifier: Apache-2.0
"""Free reaching and the sequences, number by number."""

from typing import Any

import numpy as np
import pytest

from angora_train.tasks import make_vector_task
from angora_train.tasks.hand.names import ACTUATORS
from angora_train.tasks.reaching.free_reach import FreeReach
from angora_train.tasks.reaching.free_reach_sequence import (
    FreeReachSequence,
    FreeReachSequenceConfig,
)
from angora_train.tasks.reaching.reach import Reach
from angora_train.tasks.reaching.reach_sequence import (
    ReachSequence,
    ReachSequenceConfig,
)
from angora_train.tasks.reaching.rewards import FreeReachScales, ReachScales
from angora_train.tasks.reaching.sequence import SequenceConfig


def _actions(n_steps: int, n_worlds: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (n_steps, n_worlds, 20)).astype(np.float32)


def test_the_goal_names_the_finger_and_no_place() -> None:
    task = FreeReach(n_worlds=50)
    observation, info = task.reset(seed=0)
    assert observation["goal"].shape == (50, 4)
    np.testing.assert_array_equal(observation["goal"], np.eye(4)[info["goal_kind"]])
    assert set(info["goal_kind"].tolist()) == {0, 1, 2, 3}


def test_reward_and_auxiliary_by_hand() -> None:
    task = FreeReach(n_worlds=6)
    before, info = task.reset(seed=0)
    kinds = info["goal_kind"]
    observation, reward, terminated, truncated, info = task.step(_actions(1, 6)[0])
    tips = observation["vision"].reshape(6, 5, 3)
    ways = tips[:, :4] - tips[:, 4:]
    distances_m = np.linalg.norm(ways, axis=2)
    distance_m = distances_m[np.arange(6), kinds]
    others = np.arange(4) != kinds[:, None]
    intrusion_m = (np.maximum(0.06015 - distances_m, 0) * others).sum(axis=1)
    expected = -distance_m - 0.01 * intrusion_m + 0.1 * (distance_m < 0.02)
    np.testing.assert_allclose(reward, expected, atol=1e-6)
    np.testing.assert_allclose(info["distance_m"], distance_m, atol=1e-6)
    moved = (observation["vision"] - before["vision"]) / 0.02
    auxiliary = [ways[np.arange(6), kinds], distances_m, moved]
    np.testing.assert_allclose(
        observation["auxiliary"], np.concatenate(auxiliary, axis=1), atol=2e-5
    )
    assert not terminated.any()
    assert not truncated.any()


@pytest.mark.parametrize("task", [FreeReach, ReachSequence, FreeReachSequence])
def test_episodes_last_two_seconds_and_are_truncated(task: Any) -> None:
    worlds = task(n_worlds=2)
    worlds.reset(seed=0)
    for i_step, action in enumerate(_actions(100, 2)):
        *_, terminated, truncated, _ = worlds.step(action)
        assert not terminated.any()
        assert truncated.tolist() == [i_step == 99] * 2


@pytest.mark.parametrize("kind", ["Reach", "FreeReach"])
@pytest.mark.parametrize("finger", ["ff", "mf", "rf", "lf"])
def test_a_variant_asks_for_its_finger_only(kind: str, finger: str) -> None:
    task = make_vector_task(f"{kind}{finger.upper()}", n_worlds=40)
    _, info = task.reset(seed=0)
    allowed = {["ff", "mf", "rf", "lf"].index(finger)}
    if kind == "Reach":
        allowed.add(4)  # rest
    assert set(info["goal_kind"].tolist()) == allowed


def test_a_variant_takes_other_settings_too() -> None:
    task = make_vector_task("ReachRF", {"rest_share": 0.0, "episode_s": 1.0})
    assert isinstance(task, Reach)
    assert task.config.target_fingers == ("rf",)
    assert task.config.rest_share == 0.0
    assert task.n_episode_steps == 50


def test_what_is_sensed_has_the_next_finger_and_the_step_is_judged_by_the_last() -> (
    None
):
    # Every distance counts as reached, so that the target changes with each step.
    config = FreeReachSequenceConfig(
        rewards=FreeReachScales(success=2.0, success_distance_m=1.0),
        sequence=SequenceConfig(order="cyclic"),
    )
    task = FreeReachSequence(config, n_worlds=2)
    observation, _ = task.reset(seed=0)
    for i_step, action in enumerate(_actions(6, 2)):
        finger = i_step % 4
        assert observation["goal"].argmax(axis=1).tolist() == [finger] * 2
        observation, _, _, _, info = task.step(action)
        tips = observation["vision"].reshape(2, 5, 3)
        distance_m = np.linalg.norm(tips[:, finger] - tips[:, 4], axis=1)
        np.testing.assert_allclose(info["distance_m"], distance_m, atol=1e-6)
        assert info["goal_kind"].tolist() == [finger] * 2
        assert info["n_opposed"].tolist() == [i_step + 1] * 2
        assert info["success"].tolist() == [i_step >= 3] * 2
        assert info["reward/success"].tolist() == [2.0, 2.0]
        way = tips[:, (finger + 1) % 4] - tips[:, 4]
        np.testing.assert_allclose(observation["auxiliary"][:, :3], way, atol=1e-6)


def test_a_sequence_of_reaching_goals_shows_the_present_one() -> None:
    config = ReachSequenceConfig(
        rewards=ReachScales(success_distance_m=1.0),
        sequence=SequenceConfig(order="cyclic"),
        meeting_noise_m=0.0,
    )
    task = ReachSequence(config)
    # The goals without noise are those of the single reaching task.
    settings = {"meeting_noise_m": 0.0, "rest_share": 0.0}
    single = make_vector_task("Reach", settings)
    assert isinstance(single, Reach)
    goals, kinds = single.sample_goals(np.random.default_rng(0), 50)
    expected = {int(kind): goal for goal, kind in zip(goals, kinds, strict=True)}
    observation, _ = task.reset(seed=0)
    for i_step, action in enumerate(_actions(6, 1)):
        goal = expected[i_step % 4].astype(np.float32)
        np.testing.assert_array_equal(observation["goal"][0], goal)
        observation, _, _, _, info = task.step(action)
        distance_m = np.linalg.norm(observation["vision"][0] - goal)
        assert info["distance_m"][0] == pytest.approx(distance_m, abs=1e-6)
        assert info["goal_kind"].tolist() == [i_step % 4]


def test_a_target_that_is_not_met_stays() -> None:
    task = FreeReachSequence(n_worlds=4)
    first, _ = task.reset(seed=0)
    for action in _actions(20, 4):
        observation, *_, info = task.step(0.01 * action)
    np.testing.assert_array_equal(observation["goal"], first["goal"])
    assert not info["n_opposed"].any()
    assert not info["success"].any()


def test_the_last_observation_has_the_next_goal_and_the_new_episode_its_own() -> None:
    config = FreeReachSequenceConfig(
        episode_s=0.04,
        rewards=FreeReachScales(success_distance_m=1.0),
        sequence=SequenceConfig(order="cyclic"),
    )
    task = FreeReachSequence(config)
    task.reset(seed=0)
    task.step(_actions(1, 1)[0])
    observation, *_, info = task.step(_actions(1, 1)[0])
    assert info["final_obs"]["goal"].argmax() == 2
    assert observation["goal"].argmax() == 0
    assert info["n_opposed"].tolist() == [2]


# Actions of the finger's and the thumb's actuators, found by random search.
_OPPOSITIONS = {
    "ff": [1.0, -0.22, 0.62, 0.27, 0.27, 0.7, 0.15, -0.8],
    "mf": [0.34, -0.25, 0.77, 0.48, 0.96, -0.65, -0.47, -0.45],
    "rf": [0.54, -0.64, 0.51, 0.75, 1.0, 0.1, -0.57, 0.48],
    "lf": [0.81, 0.5, -0.09, -0.35, 0.03, 0.87, 0.3, -0.74, 0.24],
}


@pytest.mark.parametrize(("finger", "posture"), _OPPOSITIONS.items())
def test_every_finger_can_be_met(finger: str, posture: list[float]) -> None:
    task = make_vector_task(f"FreeReach{finger.upper()}")
    task.reset(seed=0)
    action = np.zeros((1, 20), np.float32)
    for i, name in enumerate(ACTUATORS):
        if name.endswith(("J2", "J1")) and not name.endswith(("WRJ1", "THJ2", "THJ1")):
            action[0, i] = -1.0  # the other fingers are straight
    moved = [i for i, a in enumerate(ACTUATORS) if finger.upper() in a or "TH" in a]
    action[0, moved] = posture
    for _ in range(40):
        *_, info = task.step(action)
    assert info["success"].tolist() == [True]
    assert info["reward/success"].tolist() == [0.1]
