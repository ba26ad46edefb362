# SPDX-License-Identifier: Apache-2.0
"""Worlds stepped together behave like worlds stepped alone."""

from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest

from angora_train.errors import TaskError
from angora_train.tasks.cube.starts import held_state
from angora_train.tasks.hand.model import (
    compose_cube_model,
    compose_reach_model,
    named_ids,
    rest_state,
)
from angora_train.tasks.hand.names import FINGERTIPS
from angora_train.tasks.worlds.simulation import Simulation

_LIFT = """
<mujoco>
  <option timestep="0.002"/>
  <worldbody>
    <body><joint name="lift" type="slide" axis="0 0 1"/>
      <geom size="0.1" mass="2"/><site name="top" pos="0 0 0.1"/></body>
  </worldbody>
  <actuator><motor joint="lift"/></actuator>
</mujoco>
"""


@pytest.fixture
def lift() -> Any:
    return mujoco.MjModel.from_xml_string(_LIFT)


def _simulate(model: Any, n_worlds: int = 3, n_threads: int = 1) -> Simulation:
    return Simulation(
        model, mujoco.MjData(model), n_worlds, n_substeps=10, n_threads=n_threads
    )


def test_free_fall_by_hand(lift: Any) -> None:
    # Semi-implicit Euler, dt = 2 ms, 10 substeps: v = -9.81 * 10 * dt = -0.1962 m/s,
    # z = -9.81 * dt^2 * (1 + 2 + ... + 10) = -9.81 * 4e-6 * 55 = -2.1582e-3 m.
    # A force of 2 kg * 9.81 m/s2 holds the mass; twice that throws it up.
    simulation = _simulate(lift)
    diverged = simulation.step(np.array([[0.0], [19.62], [39.24]]))
    np.testing.assert_allclose(
        simulation.qvel, [[-0.1962], [0.0], [0.1962]], atol=1e-12
    )
    np.testing.assert_allclose(
        simulation.qpos, [[-2.1582e-3], [0.0], [2.1582e-3]], atol=1e-12
    )
    assert not diverged.any()
    assert simulation.control_step_s == pytest.approx(0.02)


def test_sites_are_where_the_joints_say(lift: Any) -> None:
    # Without correction the site would be one substep behind: 0.1962 m/s * 2 ms.
    simulation = _simulate(lift, 1)
    site = simulation.read("site_xpos", [0])
    simulation.step(np.zeros((1, 1)))
    assert site[0, 0, 2] == pytest.approx(0.1 + simulation.qpos[0, 0], abs=1e-15)


def test_fingertips_are_at_the_instant_of_the_joint_angles() -> None:
    model = compose_reach_model()
    simulation = Simulation(model, rest_state(model), 2, n_substeps=10)
    sites = named_ids(model, "site", FINGERTIPS)
    tips = simulation.read("site_xpos", sites)
    rng = np.random.default_rng(0)
    low, high = model.actuator_ctrlrange.T
    for _ in range(20):
        simulation.step(rng.uniform(low, high, (2, 20)))
        for world in range(2):
            copy = mujoco.MjData(model)
            copy.qpos[:] = simulation.data(world).qpos
            mujoco.mj_forward(model, copy)
            np.testing.assert_array_equal(tips[world], copy.site_xpos[sites])


def test_reading_positions_does_not_change_the_trajectory() -> None:
    model = compose_reach_model()
    start = rest_state(model)
    simulation = Simulation(model, start, 1, n_substeps=10)
    bare = mujoco.MjData(model)
    mujoco.mj_copyData(bare, model, start)
    for controls in np.random.default_rng(1).uniform(0, 0.5, (30, 20)):
        simulation.step(controls[None])
        bare.ctrl[:] = controls
        mujoco.mj_step(model, bare, 10)
        np.testing.assert_array_equal(simulation.qpos[0], bare.qpos)


def test_readings_keep_the_order_asked_for() -> None:
    model = compose_reach_model()
    simulation = Simulation(model, rest_state(model), 2, n_substeps=1)
    picked = simulation.read("qpos", [5, 6, 7, 2, 23])
    simulation.step(np.zeros((2, 20)))
    np.testing.assert_array_equal(picked, simulation.qpos[:, [5, 6, 7, 2, 23]])


@pytest.mark.parametrize("n_threads", [2, 5])
def test_threads_change_no_bit(n_threads: int) -> None:
    model = compose_reach_model()
    controls = np.random.default_rng(2).uniform(0, 0.5, (10, 4, 20))
    results = []
    for threads in (1, n_threads):
        start = rest_state(model)
        simulation = Simulation(model, start, 4, n_substeps=10, n_threads=threads)
        for control in controls:
            simulation.step(control)
        results.append(simulation.qpos.copy())
        simulation.close()
    np.testing.assert_array_equal(results[0], results[1])


def test_a_restored_world_forgets_everything() -> None:
    model = compose_reach_model()
    controls = np.random.default_rng(3).uniform(0, 0.5, (20, 1, 20))
    simulation = Simulation(model, rest_state(model), 1, n_substeps=10)
    trajectories = []
    for _ in range(2):
        simulation.restore([0])
        steps = []
        for control in controls:
            simulation.step(control)
            steps.append(simulation.qpos.copy())
        trajectories.append(np.stack(steps))
    np.testing.assert_array_equal(trajectories[0], trajectories[1])


def test_a_placed_world_has_the_positions_given(lift: Any) -> None:
    simulation = _simulate(lift, 2)
    site = simulation.read("site_xpos", [0])
    simulation.step(np.zeros((2, 1)))
    simulation.place(1, np.array([0.5]))
    assert simulation.qpos[1, 0] == 0.5
    assert simulation.qvel[1, 0] == 0.0
    assert site[1, 0, 2] == pytest.approx(0.6)


def test_a_world_goes_on_from_a_state_as_if_nothing_had_happened() -> None:
    model = compose_cube_model()
    simulation = Simulation(model, held_state(model), 3, n_substeps=10)
    controls = np.random.default_rng(3).uniform(0, 0.5, (8, 3, 20))
    for control in controls[:4]:
        simulation.step(control)
    saved = simulation.state(1)
    for control in controls[4:]:
        simulation.step(control)
    expected = simulation.qpos[1].copy()
    # Into another row, beside a world that starts from the beginning.
    simulation.restore([0, 2], np.stack([saved, saved]))
    np.testing.assert_array_equal(simulation.qpos[0], simulation.qpos[2])
    for control in controls[4:]:
        simulation.step(control[[1, 1, 1]])
    np.testing.assert_array_equal(simulation.qpos[0], expected)
    np.testing.assert_array_equal(simulation.qpos[2], expected)


def test_a_world_placed_in_a_state_keeps_all_but_its_positions() -> None:
    model = compose_cube_model()
    simulation = Simulation(model, held_state(model), 1, n_substeps=10)
    simulation.step(np.full((1, 20), 0.3))
    state, qpos, qvel = (
        simulation.state(0),
        simulation.qpos[0] + 0.0,
        simulation.qvel[0],
    )
    qvel = qvel.copy()
    qpos[24] += 0.01
    simulation.restore([0])
    simulation.place(0, qpos, state)
    np.testing.assert_array_equal(simulation.qpos[0], qpos)
    np.testing.assert_array_equal(simulation.qvel[0], qvel)
    assert (simulation.data(0).ctrl == 0.3).all()


@pytest.mark.parametrize("value", [1e12, np.nan, np.inf])
def test_a_diverging_world_is_found_and_leaves_the_others_alone(
    lift: Any, value: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    simulation = _simulate(lift)
    simulation.step(np.zeros((3, 1)))
    before = simulation.qpos.copy()
    simulation.data(1).qvel[0] = value
    diverged = simulation.step(np.zeros((3, 1)))
    assert diverged.tolist() == [False, True, False]
    # Fall of 20 substeps: -9.81 * 4e-6 * 210 = -8.2404e-3 m.
    np.testing.assert_allclose(simulation.qpos[[0, 2], 0], -8.2404e-3, atol=1e-12)
    assert simulation.qpos[1] == before[1]
    simulation.restore(np.flatnonzero(diverged))
    assert not simulation.step(np.zeros((3, 1))).any()
    assert simulation.qpos[1, 0] == pytest.approx(-2.1582e-3)
    assert list(tmp_path.iterdir()) == []


def test_a_world_that_runs_away_in_the_last_substep_is_found(lift: Any) -> None:
    # One substep: MuJoCo checks before it moves, so its own warning would come late.
    simulation = Simulation(lift, mujoco.MjData(lift), 2, n_substeps=1)
    simulation.data(0).qpos[0] = 9.9e9
    simulation.data(0).qvel[0] = 9.9e9
    for _ in range(6):  # 2e7 m a substep: past 1e10 m in the sixth
        diverged = simulation.step(np.zeros((2, 1)))
    assert diverged.tolist() == [True, False]
    assert not simulation.data(0).warning.number.any()


@pytest.mark.parametrize("name", ["n_worlds", "n_substeps", "n_threads"])
def test_counts_below_one_are_refused(lift: Any, name: str) -> None:
    counts = {"n_worlds": 1, "n_substeps": 1, "n_threads": 1, name: 0}
    with pytest.raises(TaskError, match=f"{name} is 0"):
        Simulation(lift, mujoco.MjData(lift), **counts)
