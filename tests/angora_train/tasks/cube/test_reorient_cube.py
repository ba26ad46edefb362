# SPDX-License-Identifier: Apache-2.0
"""The reorientation tasks, number by number."""

from typing import Any

import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from angora_train.config.loading import load_config
from angora_train.errors import TaskError
from angora_train.tasks import make_config, make_task, make_vector_task
from angora_train.tasks.cube.orientation import about_axis, angle_between, multiply
from angora_train.tasks.cube.reorient_cube import ReorientCube, ReorientCubeConfig
from angora_train.tasks.cube.reorient_cube_z import ReorientCubeZ, ReorientCubeZConfig
from angora_train.tasks.cube.starts import Settling, settle
from angora_train.tasks.hand.model import CubeScene, named_ids
from angora_train.tasks.hand.names import FINGERTIPS, TOUCH_SENSORS
from angora_train.tasks.worlds.simulation import Simulation

pytestmark = pytest.mark.slow  # settles and turns cubes

_IDLE = np.zeros((1, 20), np.float32)


def _actions(n_steps: int, n_worlds: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (n_steps, n_worlds, 20)).astype(np.float32)


def _rotation(q: Any) -> Rotation:
    return Rotation.from_quat(np.asarray(q)[..., [1, 2, 3, 0]])


def _place(task: ReorientCube, world: int, orientation: Any = None, z: Any = 0) -> None:
    """Turn or lift the cube of a world, without forgetting the rest."""
    qpos = task.simulation.qpos[world].copy()
    if orientation is not None:
        qpos[27:31] = orientation
    qpos[26] += z
    task.simulation.place(world, qpos, task.simulation.state(world))


# --- sensations ---------------------------------------------------------------------


def test_sensations_have_the_sizes_of_the_hand_and_the_cube() -> None:
    observation, _ = ReorientCube(n_worlds=2).reset(seed=0)
    assert {name: values.shape for name, values in observation.items()} == {
        "proprioception": (2, 48),
        "touch": (2, 92),
        "goal": (2, 4),
        "vision": (2, 7),
        "auxiliary": (2, 26),
    }


def test_sensations_are_those_of_the_model() -> None:
    task = ReorientCube(n_worlds=2)
    observation, _ = task.reset(seed=0)
    goal = observation["goal"][1]
    for action in _actions(4, 2):
        observation, *_, info = task.step(action)
    assert not info["success"][1]
    data, model = task.simulation.data(1), task.simulation.model
    tips = data.site_xpos[named_ids(model, "site", FINGERTIPS)].ravel()
    velocity = np.zeros(6)  # angular, then linear, about the cube, world's axes
    mujoco.mj_objectVelocity(
        model, data, mujoco.mjtObj.mjOBJ_BODY, model.body("object").id, velocity, 0
    )
    cube = data.body("object")
    turn = _rotation(goal) * _rotation(cube.xquat).inv()
    x, y, z, w = turn.as_quat(canonical=True)
    expected = {
        "proprioception": np.concatenate([data.qpos[:24], data.qvel[:24]]),
        "touch": np.array([data.sensor(name).data[0] for name in TOUCH_SENSORS]),
        "goal": goal,
        "vision": np.concatenate([cube.xpos, cube.xquat * np.sign(cube.xquat[0])]),
        "auxiliary": np.concatenate([tips, [w, x, y, z]]),
    }
    auxiliary = observation["auxiliary"][1]
    observation["auxiliary"] = observation["auxiliary"][:, :19]
    for name, values in expected.items():
        np.testing.assert_allclose(observation[name][1], values, atol=1e-5)
    # mj_objectVelocity reads what mj_step left of the substep before: to 1 %.
    motion = np.concatenate([velocity[3:], velocity[:3]])
    rates = Rotation.from_quat(cube.xquat[[1, 2, 3, 0]]).apply(data.qvel[27:30])
    np.testing.assert_allclose(auxiliary[19:25], [*data.qvel[24:27], *rates], atol=1e-5)
    np.testing.assert_allclose(
        auxiliary[19:25], motion, atol=0.3 * np.abs(motion).max()
    )
    assert auxiliary[25] == pytest.approx(8.0 - 4 * 0.08)  # s left


def test_without_touch_all_else_is_as_before() -> None:
    tasks = [ReorientCube(ReorientCubeConfig(touch=x), n_worlds=2) for x in (1, 0)]
    for task in tasks:
        task.reset(seed=0)
    for action in _actions(20, 2):
        felt, numb = (task.step(action) for task in tasks)
    assert felt[0].pop("touch").any()
    assert list(numb[0]) == ["proprioception", "goal", "vision", "auxiliary"]
    for name, values in numb[0].items():
        np.testing.assert_array_equal(values, felt[0][name])
    assert not tasks[1].simulation.data(0).sensordata.any()  # it cost nothing


def test_angular_velocity_is_about_the_world_s_axes() -> None:
    # A cube on its side that spins about its own y axis, which points up.
    task = ReorientCube(n_worlds=1)
    task.reset(seed=0)
    _place(task, 0, about_axis(np.array([1.0, 0, 0]), np.pi / 2))
    task.simulation.qvel[0, 27:30] = 0, 2, 0
    spin = task._sense()["auxiliary"][0, 22:25]
    np.testing.assert_allclose(spin, [0, 0, 2], atol=1e-6)


def test_the_seen_orientation_does_not_depend_on_its_sign() -> None:
    task = ReorientCube(n_worlds=2)
    task.reset(seed=0)
    q = np.array([0.1, -0.7, 0.5, 0.5])
    q /= np.linalg.norm(q)
    _place(task, 0, q)
    _place(task, 1, -q)
    vision = task._sense()["vision"]
    np.testing.assert_array_equal(vision[0, 3:], vision[1, 3:])
    assert (vision[:, 3] >= 0).all()


def test_the_policy_can_be_told_the_turn_that_is_left() -> None:
    task = ReorientCube(ReorientCubeConfig(relative_goal=True), n_worlds=4)
    absolute = ReorientCube(n_worlds=4)
    relative, _ = task.reset(seed=0)
    observation, _ = absolute.reset(seed=0)
    np.testing.assert_array_equal(relative["goal"], relative["auxiliary"][:, 15:19])
    turned = _rotation(relative["goal"]) * _rotation(observation["vision"][:, 3:])
    np.testing.assert_allclose(
        turned.as_matrix(), _rotation(observation["goal"]).as_matrix(), atol=1e-5
    )


# --- starts -------------------------------------------------------------------------


# With soft friction contacts creep, as MuJoCo's do: by most of a millimetre
# in this second; with firm friction a few cubes still find a better place.
@pytest.mark.parametrize(
    ("grip", "half_m", "most_m", "most_rad"),
    [("soft", 0.001, 0.004, 0.1), ("firm", 0.0002, 0.006, 0.2)],
)
@pytest.mark.parametrize("name", ["ReorientCube", "ReorientCubeZ"])
def test_a_cube_at_rest_in_a_settled_hand_stays(
    name: str, grip: str, half_m: float, most_m: float, most_rad: float
) -> None:
    worlds: Any = make_vector_task(name, {"grip": grip}, 64)
    worlds.reset(seed=0)
    held = np.stack([worlds.simulation.data(w).ctrl.copy() for w in range(64)])
    before = worlds.simulation.qpos.copy()
    for _ in range(12):
        worlds.simulation.step(held)
    moved_m = np.linalg.norm((worlds.simulation.qpos - before)[:, 24:27], axis=1)
    turned = angle_between(worlds.simulation.qpos[:, 27:31], before[:, 27:31])
    assert np.median(moved_m) < half_m
    assert moved_m.max() < most_m
    assert turned.max() < most_rad
    assert not worlds._judge().facts["dropped"].any()


def test_starts_are_the_same_whoever_asks_and_vary_among_themselves() -> None:
    one = settle(Settling(n=8))
    settle.cache_clear()
    np.testing.assert_array_equal(one, settle(Settling(n=8)))
    assert not one.flags.writeable
    assert len(np.unique(one, axis=0)) == 8
    # Fewer starts are the first of more.
    np.testing.assert_array_equal(one[:3], settle(Settling(n=3)))


def test_episodes_begin_in_different_settled_states() -> None:
    observation, _ = ReorientCube(n_worlds=64).reset(seed=0)
    n_kinds = len(np.unique(observation["vision"], axis=0))
    # 64 draws from 64 states: 40 different ones on average, sd 3.
    assert 30 <= n_kinds <= 50


def test_an_episode_begins_just_as_it_was_settled() -> None:
    task = ReorientCube(n_worlds=2)
    task.reset(seed=0)
    for action in _actions(3, 2):
        task.step(action)
    task.reset(seed=1)
    starts = settle(Settling())
    assert any(np.array_equal(task.simulation.state(0), start) for start in starts)


def test_a_hand_that_cannot_hold_the_cube_is_one_clear_error() -> None:
    with pytest.raises(TaskError, match="only 0 of 20 tries"):
        settle(Settling(CubeScene(tilt_deg=-80.0), n=1))


def test_start_noise_moves_joints_but_not_the_cube() -> None:
    quiet = ReorientCube(n_worlds=4)
    noisy = ReorientCube(ReorientCubeConfig(start_noise_rad=0.01), n_worlds=4)
    one, _ = quiet.reset(seed=0)
    other, _ = noisy.reset(seed=0)
    np.testing.assert_array_equal(one["vision"], other["vision"])
    moved = one["proprioception"][:, :24] - other["proprioception"][:, :24]
    assert 0.005 < moved.std() < 0.015


# --- goals --------------------------------------------------------------------------


def _solve(task: ReorientCube, worlds: Any = (0,)) -> Any:
    """Turn cubes into their goals, then hold still for a step."""
    for world in worlds:
        _place(task, world, task._goals[world])
    return task.step(np.zeros((task.num_envs, 20), np.float32))


def test_a_reached_goal_is_followed_by_a_new_one() -> None:
    task = ReorientCube(n_worlds=2)
    first, _ = task.reset(seed=0)
    observation, reward, terminated, truncated, info = _solve(task)
    assert info["success"].tolist() == [True, False]
    assert info["goals_reached"].tolist() == [1, 0]
    assert not terminated.any()
    assert not truncated.any()
    assert reward[0] > 4
    assert not np.array_equal(observation["goal"][0], first["goal"][0])
    np.testing.assert_array_equal(observation["goal"][1], first["goal"][1])
    # The new goal has its whole 8 s; the other has used one step.
    np.testing.assert_allclose(observation["auxiliary"][:, 25], [8.0, 7.92])
    *_, info = _solve(task)
    assert info["goals_reached"].tolist() == [2, 0]


def test_progress_starts_from_the_reset_state_and_from_each_new_goal() -> None:
    task = ReorientCube(n_worlds=1)
    for seed in range(3):  # also after episodes that ended elsewhere
        observation, _ = task.reset(seed=seed)
        for _ in range(3):
            before = angle_between(observation["vision"][:, 3:], observation["goal"])
            goal = observation["goal"]
            observation, *_, info = task.step(_actions(1, 1, seed)[0])
            after = angle_between(observation["vision"][:, 3:], goal)
            np.testing.assert_allclose(
                info["reward/progress"], before - after, atol=1e-5
            )
        _, _, _, _, info = _solve(task)
        goal_distance = task._judge().facts["distance_rad"][0]
        *_, info = task.step(_IDLE)
        assert info["reward/progress"][0] == pytest.approx(
            goal_distance - info["distance_rad"][0], abs=1e-12
        )


def test_q_and_minus_q_are_the_same_goal() -> None:
    task = ReorientCube(n_worlds=2)
    task.reset(seed=0)
    _place(task, 0, task._goals[0])
    _place(task, 1, -task._goals[1])
    *_, info = task.step(np.zeros((2, 20), np.float32))
    assert info["success"].all()
    assert (info["distance_rad"] < 0.4).all()


def test_a_goal_that_is_met_at_the_start_counts_with_the_first_step() -> None:
    config = ReorientCubeConfig(goal="z", goal_range_rad=(0.0, 1e-3))
    task = ReorientCube(config)
    _, info = task.reset(seed=0)
    assert not info["success"][0]
    assert info["goals_reached"][0] == 0
    *_, info = task.step(_IDLE)
    assert info["goals_reached"][0] == 1


def test_success_begins_below_its_angle() -> None:
    for success_rad, is_success in ((0.4, True), (0.1, False)):
        task = ReorientCube(ReorientCubeConfig(success_rad=success_rad))
        task.reset(seed=0)
        turn = about_axis(np.array([0.0, 0, 1]), 0.25)
        _place(task, 0, multiply(turn, task._goals[0]), z=0.03)
        *_, info = task.step(_IDLE)
        assert 0.1 < info["distance_rad"][0] < 0.4
        assert info["success"][0] == is_success


def test_a_sampler_that_never_succeeds_is_one_clear_error() -> None:
    task = make_vector_task(
        "ReorientCube", {"goal": "parallel", "goal_range_rad": (0, 1e-6)}
    )
    with pytest.raises(TaskError, match="goal_range_rad"):
        task.reset(seed=0)


def test_sample_goals_gives_orientations_and_the_face_that_is_up() -> None:
    goals, kinds = ReorientCube().sample_goals(np.random.default_rng(0), 100)
    assert goals.shape == (100, 4)
    assert set(kinds) == set(range(6))


# --- ends ---------------------------------------------------------------------------


def test_a_missed_goal_terminates_after_its_time() -> None:
    task = ReorientCube(ReorientCubeConfig(goal_s=0.4))  # 5 steps
    task.reset(seed=0)
    ends = [task.step(_IDLE)[2][0] for _ in range(12)]
    assert np.flatnonzero(ends).tolist() == [4, 9]


def test_the_clock_starts_again_with_each_goal() -> None:
    task = ReorientCube(ReorientCubeConfig(goal_s=0.4))
    task.reset(seed=0)
    assert not any(task.step(_IDLE)[2][0] for _ in range(4))
    *_, terminated, _, info = _solve(task)  # in the last step there is
    assert info["success"][0]
    assert not terminated[0]
    assert [task.step(_IDLE)[2][0] for _ in range(5)] == [False] * 4 + [True]


def test_a_dropped_cube_terminates_and_costs_twenty() -> None:
    task = ReorientCube(n_worlds=2)
    task.reset(seed=0)
    _place(task, 0, z=-0.2)
    _, _, terminated, truncated, info = task.step(np.zeros((2, 20), np.float32))
    assert terminated.tolist() == [True, False]
    assert not truncated.any()
    assert info["dropped"].tolist() == [True, False]
    assert info["reward/drop"].tolist() == [-20.0, 0.0]
    # The next episode has begun with the cube in the hand.
    assert info["_final_obs"].tolist() == [True, False]
    assert not task._judge().facts["dropped"].any()


def test_a_cube_far_from_the_palm_is_dropped_where_a_distance_is_set() -> None:
    for config, is_dropped in (
        (ReorientCubeConfig(), False),
        (ReorientCubeConfig(max_distance_m=0.18), True),
    ):
        task = ReorientCube(config)
        task.reset(seed=0)
        _place(task, 0, z=0.3)
        assert task.step(_IDLE)[4]["dropped"][0] == is_dropped


def test_the_last_goal_terminates() -> None:
    task = ReorientCube(ReorientCubeConfig(max_goals=3))
    task.reset(seed=0)
    ends = [_solve(task)[2:] for _ in range(3)]
    assert [bool(terminated[0]) for terminated, *_ in ends] == [False, False, True]
    assert [int(info["goals_reached"][0]) for *_, info in ends] == [1, 2, 3]
    assert task._judge().facts["goals_reached"][0] == 0  # the next episode


def test_a_cap_on_the_length_truncates_and_shows_the_goal_that_would_follow() -> None:
    task = ReorientCube(ReorientCubeConfig(episode_s=0.24))
    first, _ = task.reset(seed=0)
    for _ in range(2):
        *_, truncated, _ = task.step(_IDLE)
        assert not truncated[0]
    _, _, terminated, truncated, info = _solve(task)
    assert truncated[0]
    assert not terminated[0]
    assert not np.array_equal(info["final_obs"]["goal"], first["goal"])


# --- rewards ------------------------------------------------------------------------


def test_openai2018_by_hand_on_a_recorded_trajectory() -> None:
    # Recorded: orientations, goals and heights; recomputed with scipy alone.
    config = ReorientCubeConfig(goal="z", goal_range_rad=(0.3, 0.6), goal_s=1.6)
    task = ReorientCube(config, n_worlds=4)
    observation, _ = task.reset(seed=0)
    actions = _actions(60, 4, seed=1)
    n_events = np.zeros(3, int)
    for action in actions:
        goal, before = observation["goal"], observation["vision"]
        observation, reward, terminated, _, info = task.step(action)
        seen = dict(observation)
        if "final_obs" in info:
            rows = info["_final_obs"][:, None]
            seen["vision"] = np.where(
                rows, info["final_obs"]["vision"], observation["vision"]
            )
        turns = [
            (_rotation(goal) * _rotation(vision[:, 3:]).inv()).magnitude()
            for vision in (before, seen["vision"])
        ]
        dropped = info["dropped"]
        reached = (turns[1] < 0.4) & ~dropped
        expected = turns[0] - turns[1] + 5.0 * reached - 20.0 * dropped
        np.testing.assert_allclose(reward, expected, atol=2e-3)
        n_events += [reached.sum(), dropped.sum(), terminated.sum()]
    assert n_events[0] > 3, "no goal was reached"
    assert n_events[2] > n_events[1], "no goal was missed"


def test_energy_is_the_squared_force_of_the_actuators() -> None:
    task = make_vector_task("ReorientCube", {"rewards": "d314"}, 2)
    task.reset(seed=0)
    for action in _actions(3, 2):
        *_, info = task.step(action)
    force = task.simulation.data(1).actuator_force
    assert info["reward/energy"][1] == pytest.approx(-0.001 * (force**2).sum())
    assert info["reward/energy"][1] < 0
    assert info["reward/time"].tolist() == [-0.01, -0.01]


@pytest.mark.parametrize("recipe", ["openai2018", "d314", "dense"])
def test_every_term_is_logged_under_its_name(recipe: str) -> None:
    task = make_vector_task("ReorientCube", {"rewards": recipe})
    task.reset(seed=0)
    *_, info = task.step(_IDLE)
    logged = {name.removeprefix("reward/") for name in info if "reward/" in name}
    assert logged == set(task.config.rewards.active)


# --- settings -----------------------------------------------------------------------


def test_defaults_are_those_of_the_paper() -> None:
    task = ReorientCube()
    assert task.simulation.control_step_s == pytest.approx(0.08)
    assert (task.n_goal_steps, task.n_episode_steps) == (100, 5000)
    assert task.config.success_rad == 0.4
    assert task.config.max_goals == 50
    assert task.config.control.mode == "relative"


@pytest.mark.parametrize(("n_substeps", "timestep_s"), [(20, 0.004), (40, 0.002)])
def test_finer_physics_keeps_the_control_step(
    n_substeps: int, timestep_s: float
) -> None:
    config = ReorientCubeConfig(
        n_substeps=n_substeps, timestep_s=timestep_s, n_starts=1
    )
    task = ReorientCube(config)
    task.reset(seed=0)
    task.step(_IDLE)
    assert task.simulation.control_step_s == pytest.approx(0.08)
    assert task.simulation.data(0).time == pytest.approx(0.08)


def test_the_easy_relative_turns_about_the_vertical_on_a_tilted_hand() -> None:
    task = ReorientCubeZ(n_worlds=16)
    observation, info = task.reset(seed=0)
    # The turn that is left is about z, and no goal comes free.
    np.testing.assert_allclose(observation["goal"][:, 1:3], 0, atol=1e-6)
    assert (info["distance_rad"] >= 0.5 - 1e-9).all()
    down = task.simulation.model.opt.gravity / 9.81
    # Fingers point along -y and are raised by 20 degrees.
    np.testing.assert_allclose(down, [0, np.sin(np.pi / 9), -np.cos(np.pi / 9)])
    assert task.config.rewards.drop == -5


def test_the_easy_relative_s_config_is_its_own() -> None:
    assert isinstance(make_config("ReorientCubeZ"), ReorientCubeZConfig)
    with pytest.raises(TaskError, match="takes a ReorientCubeZConfig"):
        make_vector_task("ReorientCubeZ", ReorientCubeConfig())


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"goal": "up"}, r"'goal': .*'uniform', 'parallel' or 'z'"),
        ({"goal_range_rad": (1.0, 0.5)}, "goal_range_rad is 1.0 to 0.5"),
        ({"goal_range_rad": (0.0, 4.0)}, "least < greatest <= pi"),
        ({"goal_seconds": 8}, r"Unknown setting key 'goal_seconds'"),
        ({"timestep_s": 0.05}, "timestep_s"),
        ({"tilt_deg": float("nan")}, "tilt_deg"),
    ],
)
def test_settings_that_make_no_sense_are_one_clear_error(
    settings: dict[str, Any], match: str
) -> None:
    with pytest.raises(TaskError, match=match):
        make_vector_task("ReorientCube", settings)


@pytest.mark.parametrize("preset", ["cube", "cube_z"])
def test_presets_are_valid_down_to_their_task(preset: str) -> None:
    run = load_config(preset)
    config = make_config(run.task.name, run.task.options)
    assert isinstance(config, ReorientCubeConfig)
    assert (config.control.mode, config.control.new_share) == ("relative", 0.3)


def test_the_laptop_s_preset_trains_on_near_goals_only() -> None:
    options = load_config("cube_z").task.options
    task = make_vector_task("ReorientCubeZ", options, 16)
    _, info = task.reset(seed=0)
    assert (info["distance_rad"] <= 1.2 + 1e-9).all()
    assert task.config.rewards.active == {"progress": 1, "success": 5, "drop": -5}


def test_a_goal_shorter_than_a_step_is_refused() -> None:
    with pytest.raises(TaskError, match=r"goal_s is 0\.01 s"):
        ReorientCube(ReorientCubeConfig(goal_s=0.01))


def test_an_action_that_is_no_number_names_its_actuator() -> None:
    task = ReorientCube()
    task.reset(seed=0)
    action = _IDLE.copy()
    action[0, 3] = np.nan
    with pytest.raises(TaskError, match=r"nan for actuator 'robot0:A_FFJ2'"):
        task.step(action)


# --- batches ------------------------------------------------------------------------


def test_one_world_alone_does_what_it_does_among_others() -> None:
    settings = {"goal_s": 0.4, "goal": "z", "goal_range_rad": (0.3, 0.6)}
    actions = _actions(20, 8)
    batch = make_vector_task("ReorientCube", settings, 8, n_threads=2)
    batch.reset(seed=4)
    single = make_task("ReorientCube", **settings)
    observation, _ = single.reset(seed=4)
    for action in actions:
        several, *_ = batch.step(action)
        observation, _, terminated, truncated, _ = single.step(action[0])
        if terminated or truncated:
            observation, _ = single.reset()
        for name, values in observation.items():
            np.testing.assert_array_equal(values, several[name][0])
    batch.close()


@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_trajectory_is_bitwise_the_same_in_1_and_32_worlds(n_threads: int) -> None:
    actions = _actions(12, 32)
    whole = make_vector_task("ReorientCube", {"goal_s": 0.4}, 32, 0, n_threads)
    alone = make_vector_task("ReorientCube", {"goal_s": 0.4}, 1, first_world=17)
    for task in (whole, alone):
        task.reset(seed=9)
    for action in actions:
        several, rewards, *_ = whole.step(action)
        one, reward, *_ = alone.step(action[17:18])
        np.testing.assert_array_equal(reward[0], rewards[17])
        for name, values in one.items():
            np.testing.assert_array_equal(values[0], several[name][17])
    whole.close()


def test_a_diverging_world_ends_truncated_and_the_others_go_on() -> None:
    task = ReorientCube(n_worlds=2)
    task.reset(seed=0)
    simulation: Simulation = task.simulation
    simulation.data(0).qvel[24] = np.nan
    _, reward, terminated, truncated, info = task.step(np.zeros((2, 20), np.float32))
    assert info["diverged"].tolist() == [True, False]
    assert truncated.tolist() == [True, False]
    assert not terminated.any()
    assert np.isfinite(reward).all()
    assert not task.step(np.zeros((2, 20), np.float32))[4]["diverged"].any()
    assert task.n_diverged == 1
