# SPDX-License-Identifier: Apache-2.0
"""Pushes, by hand."""

import mujoco
import numpy as np
import pytest

from angora_train.errors import TaskError
from angora_train.tasks import make_vector_task
from angora_train.tasks.worlds.pulses import ForcePulses, PulseConfig
from angora_train.tasks.worlds.simulation import Simulation

_PUCK = """
<mujoco>
  <option timestep="0.002" gravity="0 0 0"/>
  <worldbody>
    <body name="puck"><freejoint/><geom size="0.1" mass="2"/></body>
  </worldbody>
</mujoco>
"""


def _pucks(
    probability: float, n_worlds: int, first: int = 0
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Velocities after each of 10 steps, (10, B, 3)."""
    model = mujoco.MjModel.from_xml_string(_PUCK)
    simulation = Simulation(model, mujoco.MjData(model), n_worlds, n_substeps=10)
    config = PulseConfig(body="puck", probability=probability, force_std=3.0)
    pulses = ForcePulses(config, simulation, first)
    pulses.seed(7)
    velocities = []
    for _ in range(10):
        pulses.apply()
        simulation.step(np.zeros((n_worlds, 0)))
        velocities.append(simulation.qvel[:, :3].copy())
    return np.stack(velocities)


def test_a_push_changes_the_velocity_by_its_impulse() -> None:
    # 3 N over 20 ms on 2 kg: a standard deviation of 0.03 m/s along each axis. 6000
    # draws: standard error 0.03 / sqrt(12000) = 0.00027.
    changes = np.diff(_pucks(1.0, 200), axis=0, prepend=0.0)
    assert changes.std() == pytest.approx(0.03, abs=0.0011)
    assert changes.mean() == pytest.approx(0.0, abs=0.0016)


def test_pushes_have_their_share_and_last_one_step() -> None:
    changes = np.diff(_pucks(0.2, 400), axis=0, prepend=0.0)
    is_pushed = (np.abs(changes) > 1e-12).any(axis=2)
    # 4000 steps: four standard errors are 4 * sqrt(0.2 * 0.8 / 4000) = 0.025.
    assert is_pushed.mean() == pytest.approx(0.2, abs=0.025)


def test_pushes_follow_the_global_index_of_the_world() -> None:
    np.testing.assert_array_equal(_pucks(0.5, 4)[:, 2:], _pucks(0.5, 2, first=2))


def test_a_task_s_body_is_pushed_and_its_goals_stay() -> None:
    pulses = {"body": "robot0:thdistal", "probability": 1.0, "force_std": 1.0}
    seen = []
    for settings in ({}, {"pulses": pulses}):
        task = make_vector_task("Reach", settings)
        task.reset(seed=0)
        seen.append(task.step(np.zeros((1, 20), np.float32))[0])
    assert (seen[0]["vision"][0, 12:] != seen[1]["vision"][0, 12:]).all()
    np.testing.assert_array_equal(seen[0]["goal"], seen[1]["goal"])


def test_a_body_that_is_missing_is_named() -> None:
    pulses = {"body": "robot0:pal", "probability": 0.1}
    with pytest.raises(TaskError, match=r"no body 'robot0:pal'.*robot0:palm"):
        make_vector_task("Reach", {"pulses": pulses})
