# SPDX-License-Identifier: Apache-2.0
"""What happens to worlds at a time of their episodes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from angora_train.agent.agent import Agent
from angora_train.analysis.recording.perturbation import (
    parse_force_pulse,
    parse_goal_switch,
)
from angora_train.analysis.recording.reader import load_recording
from angora_train.analysis.recording.record import record, record_to
from angora_train.errors import ConfigError, TaskError
from angora_train.tasks import make_vector_task
from angora_train.tasks.base import VectorTask
from angora_train.tasks.worlds.perturbations import ForcePulse, GoalSwitch
from tests.angora_train.analysis.recording.test_record import SEED
from tests.angora_train.analysis.recording.test_record import agent as agent


def worlds() -> VectorTask:
    """Return three worlds with episodes of 20 control steps of 20 ms."""
    return make_vector_task("Reach", {"episode_s": 0.4}, n_worlds=3)


@pytest.fixture(scope="module")
def still(agent: Agent) -> xr.Dataset:
    """Return what is recorded if nothing happens."""
    return record(agent, worlds(), SEED)


def perturbed(agent: Agent, path: Path, *what: Any) -> xr.Dataset:
    """Return the recording of the same episodes in which something happens."""
    options = {"n_episodes": 3, "perturbations": what}
    record_to(path, agent, [worlds()], SEED, **options)
    return load_recording(path)


@pytest.mark.slow
def test_after_a_goal_switch_another_goal_is_sensed(
    agent: Agent, still: xr.Dataset, tmp_path: Path
) -> None:
    found = perturbed(agent, tmp_path / "a.nc", GoalSwitch(at_s=0.2))
    # 0.2 s are 10 steps: row 10 is the first with the new goal.
    assert found["goal"][:, :10].equals(still["goal"][:, :10])
    assert (found["goal"][:, 10:] == found["goal"][:, 10]).all()
    kinds = found["goal_kind_at"].to_numpy()
    assert (kinds[:, 9] != kinds[:, 10]).all()
    assert (kinds[:, 10:] == found["goal_kind"].to_numpy()[:, None]).all()
    happens = found["perturbed.goal_switch"].to_numpy()
    assert happens[:, 10].all()
    assert happens.sum() == 3
    # All is as it was until the step that senses the new goal.
    assert found["activity"][:, :10].equals(still["activity"][:, :10])
    assert (found["activity"] != still["activity"])[:, 10].any()
    noted = json.loads(found.attrs["perturbations"])
    assert noted == [{"kind": "goal_switch", "at_s": 0.2}]


@pytest.mark.slow
def test_a_force_pulse_moves_what_it_pushes_and_nothing_before(
    agent: Agent, still: xr.Dataset, tmp_path: Path
) -> None:
    pulse = ForcePulse((0.0, 0.0, 3.0), at_s=0.2, for_s=0.04, body="robot0:ffdistal")
    found = perturbed(agent, tmp_path / "a.nc", pulse)
    tips, before = found["state.fingertips"], still["state.fingertips"]
    # State is that before the step: row 10 is pushed, row 11 shows it.
    assert tips[:, :11].equals(before[:, :11])
    rise_m = (tips - before).sel({"state.fingertips_channel": "ff z"})
    assert (rise_m[:, 12] > 0.001).all()
    happens = found["perturbed.force_pulse"].to_numpy()
    assert happens[:, 10:12].all()
    assert happens.sum() == 6


@pytest.mark.slow
def test_the_force_ends_with_the_pulse() -> None:
    task = make_vector_task("ReorientCube", n_worlds=2)
    pulse = ForcePulse((0.5, 0.0, 0.0), at_s=0.08, for_s=0.16)
    task.perturb([pulse])
    task.reset(seed=1)
    assert isinstance(task, VectorTask)
    body = task.simulation.model.body("object").id
    pushed = []
    for _ in range(5):  # of 80 ms
        task.step(np.zeros((2, 20), np.float32))
        pushed.append(task.simulation.data(1).xfrc_applied[body, 0])
    assert pushed == [0.0, 0.5, 0.5, 0.0, 0.0]


@pytest.mark.slow
def test_the_cube_s_state_is_recorded_with_units_and_names() -> None:
    task = make_vector_task("ReorientCube", n_worlds=2)
    observation, _ = task.reset(seed=3)
    state = task.physical_state()
    assert task.goal_names == ("+x", "-x", "+y", "-y", "+z", "-z")
    np.testing.assert_allclose(
        state["object_pose"].values, observation["vision"], atol=1e-6
    )
    assert state["object_pose"].units.split() == ["m"] * 3 + ["1"] * 4
    # The angle of the rotation that is left is the distance to the goal.
    angle = np.linalg.norm(state["goal_rotation"].values, axis=1)
    np.testing.assert_allclose(angle, task.facts()["distance_rad"], atol=1e-5)
    # The cube lies on the palm and fingers, with its weight at least once they settle.
    contacts = state["contacts"]
    assert contacts.labels == ("palm", "ff", "mf", "rf", "lf", "th")
    assert (contacts.values.sum(axis=1) > 0.1).all()
    angles = state["joint_angles"]
    assert len(angles.labels) == 24
    np.testing.assert_array_equal(angles.values, observation["proprioception"][:, :24])


@pytest.mark.slow
def test_terms_of_the_reward_add_up_to_it(still: xr.Dataset) -> None:
    terms = [name for name in still if str(name).startswith("reward.")]
    assert len(terms) > 1
    total = sum(still[name] for name in terms)
    np.testing.assert_allclose(total, still["reward"], rtol=1e-5, atol=1e-6)
    assert json.loads(still.attrs["goal_names"]) == ["ff", "mf", "rf", "lf", "rest"]
    assert still["touch"].attrs["units"] == "N"
    assert still["state.fingertips"].attrs["units"] == "m"


def test_perturbations_are_read_from_words() -> None:
    assert parse_goal_switch("1.0s") == GoalSwitch(1.0)
    pulse = parse_force_pulse("0.5 N at 1.0 s for 0.2 s along x")
    assert pulse == ForcePulse((0.5, 0.0, 0.0), 1.0, 0.2)
    for text in ("1.0", "soon", "-1 s"):
        with pytest.raises(ConfigError, match=r"goal.switch"):
            parse_goal_switch(text)
    for text in ("0.5 at 1.0 s", "1 N at 1 s for 1 s along w", "0 N at 1 s for 1 s x"):
        with pytest.raises(ConfigError, match="force pulse"):
            parse_force_pulse(text)
    with pytest.raises(ConfigError, match="the force is 0 N"):
        parse_force_pulse("0 N at 1 s for 1 s along x")


def test_what_cannot_happen_in_a_task_is_refused() -> None:
    with pytest.raises(TaskError, match="no body 'cube' to be pushed"):
        worlds().perturb([ForcePulse((1.0, 0.0, 0.0), 0.1, 0.1, body="cube")])
    pole = make_vector_task("gym:CartPole-v1")
    with pytest.raises(TaskError, match="A GymTask cannot be perturbed"):
        pole.perturb([GoalSwitch(1.0)])
    pole.perturb([])
