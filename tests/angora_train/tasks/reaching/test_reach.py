# SPDX-License-Identifier: Apache-2.0
"""The reaching task, number by number."""

from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest

from angora_train.errors import TaskError
from angora_train.tasks import make_task, make_vector_task
from angora_train.tasks.hand.model import named_ids
from angora_train.tasks.hand.names import FINGERTIPS, TOUCH_SENSORS
from angora_train.tasks.reaching.reach import REST_GOAL, Reach, ReachConfig

_Observation = dict[str, np.ndarray[Any, np.dtype[np.float32]]]


def _actions(n_steps: int, n_worlds: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (n_steps, n_worlds, 20)).astype(np.float32)


def test_sensations_have_the_sizes_of_the_hand() -> None:
    observation, _ = Reach(n_worlds=2).reset(seed=0)
    assert {name: values.shape for name, values in observation.items()} == {
        "proprioception": (2, 48),
        "touch": (2, 92),
        "goal": (2, 15),
        "vision": (2, 15),
        "auxiliary": (2, 30),
    }


def test_sensations_are_those_of_the_model() -> None:
    task = Reach(n_worlds=2)
    task.reset(seed=0)
    for action in _actions(40, 2):
        before = task.simulation.data(1).site_xpos.copy()
        observation, *_ = task.step(action)
    data, model = task.simulation.data(1), task.simulation.model
    sites = named_ids(model, "site", FINGERTIPS)
    tips = data.site_xpos[sites].ravel()
    moved = tips - before[sites].ravel()
    touch = [data.sensor(name).data[0] for name in TOUCH_SENSORS]
    expected = {
        "proprioception": np.concatenate([data.qpos, data.qvel]),
        "touch": np.array(touch),
        "vision": tips,
        # 10 substeps of 2 ms
        "auxiliary": np.concatenate([observation["goal"][1] - tips, moved / 0.02]),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(observation[name][1], values, atol=1e-5)
    assert np.abs(moved).max() > 1e-4


def test_touch_can_be_left_out() -> None:
    tasks = [Reach(ReachConfig(touch=x), n_worlds=2) for x in (True, False)]
    for task in tasks:
        task.reset(seed=0)
    for action in _actions(40, 2):
        felt, numb = (task.step(action)[0] for task in tasks)
    assert list(numb) == ["proprioception", "goal", "vision", "auxiliary"]
    assert "touch" not in tasks[1].single_observation_space.spaces
    for name, values in numb.items():
        np.testing.assert_array_equal(values, felt[name])


def test_touch_is_felt_when_thumb_and_finger_press() -> None:
    # A fist: all finger flexors at their limit, thumb across the palm.
    task = Reach()
    task.reset(seed=0)
    fist = np.ones((1, 20), np.float32)
    forces = [task.step(fist)[0]["touch"].sum() for _ in range(60)]
    assert max(forces) > 0


def test_reward_and_distance_by_hand() -> None:
    task = Reach(n_worlds=3)
    observation, _ = task.reset(seed=4)
    observation, reward, _, _, info = task.step(_actions(1, 3)[0])
    distance_m = np.linalg.norm(observation["vision"] - observation["goal"], axis=1)
    bonus = np.where(distance_m < 0.02, 0.1, 0.0)
    np.testing.assert_allclose(reward, bonus - distance_m, atol=1e-6)
    np.testing.assert_allclose(info["distance_m"], distance_m, atol=1e-6)
    np.testing.assert_allclose(info["reward/distance"], -distance_m, atol=1e-6)
    np.testing.assert_array_equal(info["reward/success"], bonus)
    np.testing.assert_array_equal(info["success"], distance_m < 0.02)


def test_the_rest_goal_is_reached_at_rest() -> None:
    task = Reach(ReachConfig(rest_share=1.0))
    observation, info = task.reset(seed=0)
    np.testing.assert_array_equal(observation["goal"], observation["vision"])
    assert info["goal_kind"].tolist() == [REST_GOAL]
    assert info["success"].tolist() == [True]
    assert info["reward/success"].tolist() == [0.0]  # nothing was done yet


def test_an_episode_is_truncated_after_exactly_two_seconds() -> None:
    task = Reach(n_worlds=2)
    first, _ = task.reset(seed=0)
    for i_step, action in enumerate(_actions(100, 2)):
        observation, _, terminated, truncated, info = task.step(action)
        assert not terminated.any()
        assert truncated.tolist() == [i_step == 99] * 2
        assert ("final_obs" in info) == ("_final_obs" in info) == (i_step == 99)
    final = info["final_obs"]
    assert info["_final_obs"].tolist() == [True, True]
    # The hand is at rest again with a new goal; the last observation is elsewhere.
    np.testing.assert_array_equal(
        observation["proprioception"], first["proprioception"]
    )
    np.testing.assert_array_equal(observation["vision"], first["vision"])
    assert not observation["auxiliary"][:, 15:].any()
    assert not np.array_equal(observation["goal"], first["goal"])
    np.testing.assert_array_equal(final["goal"], first["goal"])
    assert np.abs(final["vision"] - first["vision"]).max() > 0.01
    # What info says belongs to the episode that ended.
    distance_m = np.linalg.norm(final["vision"] - final["goal"], axis=1)
    np.testing.assert_allclose(info["distance_m"], distance_m, atol=1e-6)


def test_episode_length_follows_the_clock() -> None:
    config = ReachConfig(episode_s=0.1, n_substeps=25)  # two steps of 50 ms
    assert Reach(config).n_episode_steps == 2
    with pytest.raises(TaskError, match="less than half a control step"):
        Reach(ReachConfig(episode_s=0.001))


def test_goals_bring_the_thumb_and_the_target_finger_together() -> None:
    task = Reach()
    goals, kinds = task.sample_goals(np.random.default_rng(0), 4000)
    rest = task._goals.scene.rest_fingertips_m
    tips = goals.reshape(-1, 5, 3)
    for kind in range(4):
        chosen = tips[kinds == kind]
        others = [finger for finger in range(4) if finger != kind]
        expected = np.broadcast_to(rest[others], (len(chosen), 3, 3))
        np.testing.assert_array_equal(chosen[:, others], expected)
        # Both tips stop 5 mm before the meeting point.
        gap_m = np.linalg.norm(chosen[:, kind] - chosen[:, 4], axis=1)
        assert 0 < gap_m.min() < gap_m.max() < 0.01
        # Midway between x of the palm - 1 cm and of the finger at rest; the two
        # tips' offsets along x are at most 5 mm each.
        palm = task._goals.scene.palm_m
        middle = chosen[:, [kind, 4]].mean(axis=(0, 1))
        x = (palm[0] - 0.01 + rest[kind, 0]) / 2
        np.testing.assert_allclose(middle[0], x, atol=0.005)
        np.testing.assert_allclose(
            middle[1:], palm[1:] + np.array([-0.08, 0.05]), atol=0.005
        )
        # Noise of 5 mm along each axis. Standard error of the
        # estimate from about 900 goals: 5 / sqrt(1800) = 0.12 mm, and the offset
        # along the way to the meeting point turns a little with the noise.
        spread_m = chosen[:, 4].std(axis=0)
        np.testing.assert_allclose(spread_m, [0.005, 0.005, 0.005], atol=0.0008)
    np.testing.assert_array_equal(
        tips[kinds == REST_GOAL],
        np.broadcast_to(rest, ((kinds == REST_GOAL).sum(), 5, 3)),
    )


def test_goal_kinds_have_their_shares() -> None:
    _, kinds = Reach().sample_goals(np.random.default_rng(1), 20000)
    shares = np.bincount(kinds, minlength=5) / 20000
    # Rest 10 %, the others 22.5 % each; four standard errors are about 1.2 %.
    np.testing.assert_allclose(shares, [0.225] * 4 + [0.1], atol=0.012)


def test_goals_can_be_limited_to_fingers() -> None:
    task = Reach(ReachConfig(target_fingers=("rf",), rest_share=0.0))
    _, kinds = task.sample_goals(np.random.default_rng(2), 50)
    assert set(kinds.tolist()) == {2}


def test_absolute_actions_span_the_actuators_ranges() -> None:
    task = Reach(n_worlds=3)
    task.reset(seed=0)
    task.step(np.array([-1, 0, 1], np.float32)[:, None] * np.ones((3, 20), np.float32))
    low, high = task.simulation.model.actuator_ctrlrange.T
    asked = np.stack([task.simulation.data(world).ctrl for world in range(3)])
    np.testing.assert_allclose(asked, [low, (low + high) / 2, high], atol=1e-15)


def test_relative_actions_start_from_the_joints() -> None:
    task = Reach(ReachConfig(control="relative"), n_worlds=2)
    observation, _ = task.reset(seed=0)
    model = task.simulation.model
    angles = observation["proprioception"][0][model.actuator_trnid[:, 0]]
    low, high = model.actuator_ctrlrange.T
    actions = np.zeros((2, 20), np.float32)
    actions[1] = 0.1
    task.step(actions)
    held, moved = (task.simulation.data(world).ctrl for world in range(2))
    np.testing.assert_allclose(held, np.clip(angles, low, high), atol=1e-6)
    expected = np.clip(angles + 0.1 * (high - low) / 2, low, high)
    np.testing.assert_allclose(moved, expected, atol=1e-6)


def test_start_noise_disturbs_the_joints_within_their_limits() -> None:
    task = Reach(ReachConfig(start_noise_rad=0.05), n_worlds=64)
    observation, _ = task.reset(seed=0)
    rest, _ = Reach().reset(seed=0)
    angles = observation["proprioception"][:, :24]
    low, high = task.simulation.model.jnt_range.T
    assert (angles >= low - 1e-6).all()
    assert (angles <= high + 1e-6).all()
    # WRJ0 is far from its limits: 64 draws, standard error 0.05 / sqrt(128) = 0.0044.
    assert angles[:, 1].std() == pytest.approx(0.05, abs=0.015)
    assert angles[:, 1].mean() == pytest.approx(rest["proprioception"][0, 1], abs=0.02)
    assert not observation["proprioception"][:, 24:].any()
    assert not observation["auxiliary"][:, 15:].any()


def test_a_diverging_world_is_truncated_counted_and_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    actions = _actions(6, 3)
    tasks = [Reach(n_worlds=3), Reach(n_worlds=3)]
    for task in tasks:
        last, _ = task.reset(seed=0)
        for action in actions[:5]:
            last, *_ = task.step(action)
    calm, wild = tasks
    wild.simulation.data(1).qvel[:] = 1e11
    expected = calm.step(actions[5])[0]
    observation, reward, terminated, truncated, info = wild.step(actions[5])
    assert truncated.tolist() == [False, True, False]
    assert info["diverged"].tolist() == [False, True, False]
    assert not terminated.any()
    assert info["_final_obs"].tolist() == [False, True, False]
    assert np.isfinite(reward).all()
    for name, values in info["final_obs"].items():
        # The last state before the breakdown, standing still.
        still = last[name][1].copy()
        if name == "auxiliary":
            still[15:] = 0.0
        np.testing.assert_array_equal(values[1], still)
        np.testing.assert_array_equal(observation[name][[0, 2]], expected[name][[0, 2]])
    rest, _ = Reach().reset(seed=0)
    np.testing.assert_array_equal(observation["vision"][1], rest["vision"][0])
    # Its clock begins anew: the others end 94 steps later, it ends 100 steps later.
    for action in _actions(94, 3):
        _, _, _, truncated, info = wild.step(action)
    assert truncated.tolist() == [True, False, True]
    assert not info["diverged"].any()
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_action_names_world_and_actuator() -> None:
    task = Reach(n_worlds=3, first_world=8)
    task.reset(seed=0)
    for value in (np.nan, 1.5, -np.inf):
        actions = np.zeros((3, 20), np.float32)
        actions[2, 4] = value
        with pytest.raises(TaskError, match=r"World 10 .*'robot0:A_FFJ1' \(column 4\)"):
            task.step(actions)
    with pytest.raises(TaskError, match=r"shape \(20,\); expected \(3, 20\)"):
        task.step(np.zeros(20, np.float32))


def test_a_refused_action_changes_nothing() -> None:
    task = Reach()
    task.reset(seed=0)
    before = task.simulation.data(0).time
    with pytest.raises(TaskError):
        task.step(np.full((1, 20), 2.0, np.float32))
    assert task.simulation.data(0).time == before


def test_unknown_tasks_and_settings_are_explained() -> None:
    with pytest.raises(TaskError, match=r"No task 'Reech'. Close matches: Reach"):
        make_vector_task("Reech")
    with pytest.raises(TaskError, match=r"Unknown setting key 'contrl'.*control"):
        make_vector_task("Reach", {"contrl": "absolute"})
    with pytest.raises(TaskError, match=r"rewards.success.*: .*greater than or equal"):
        make_vector_task("Reach", {"rewards": {"success": -1.0}})
    with pytest.raises(TaskError, match=r"'episode_s': .*finite"):
        make_vector_task("Reach", {"episode_s": float("inf")})
    with pytest.raises(TaskError, match=r"target_fingers.*'th'"):
        make_vector_task("Reach", {"target_fingers": ["th"]})
    with pytest.raises(TaskError, match="n_worlds is 0"):
        make_vector_task("Reach", n_worlds=0)
    with pytest.raises(TaskError, match="first_world is -1"):
        make_vector_task("Reach", first_world=-1)


def test_the_single_environment_lives_through_the_batch_s_episodes() -> None:
    batch, single = Reach(), make_task("Reach")
    batch_observation, _ = batch.reset(seed=7)
    observation, _ = single.reset(seed=7)
    for action in _actions(250, 1):
        _assert_row(batch_observation, observation)
        batch_observation, reward, _, truncated, info = batch.step(action)
        observation, single_reward, _, is_truncated, single_info = single.step(
            action[0]
        )
        assert single_reward == reward[0]
        assert is_truncated == truncated[0]
        assert single_info["goal_kind"] == info["goal_kind"][0]
        if is_truncated:
            _assert_row(info["final_obs"], observation)
            observation, _ = single.reset()


def test_after_steps_past_an_end_a_reset_begins_an_episode_of_full_length() -> None:
    single = make_task("Reach")
    observation, _ = single.reset(seed=7)
    for action in _actions(105, 1):  # the episode ended with the 100th
        single.step(action[0])
    observation, _ = single.reset()
    np.testing.assert_array_equal(
        observation["proprioception"], single.task._sense()["proprioception"][0]
    )
    ends = [single.step(action[0])[3] for action in _actions(100, 1)]
    assert ends.index(True) == 99


def test_the_model_s_integrator_is_the_published_one() -> None:
    option = Reach().simulation.model.opt
    assert option.timestep == 0.002
    assert int(option.integrator) == int(mujoco.mjtIntegrator.mjINT_EULER)


def _assert_row(batch: _Observation, single: _Observation) -> None:
    for name, values in single.items():
        np.testing.assert_array_equal(batch[name][0], values)
