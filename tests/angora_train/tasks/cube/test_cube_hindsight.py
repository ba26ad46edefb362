# SPDX-License-Identifier: Apache-2.0
"""What is told afterwards is what the task itself would have shown and judged."""

import numpy as np
import pytest

from angora_train.errors import TaskError
from angora_train.tasks.cube.orientation import canonical
from angora_train.tasks.cube.reorient_cube import ReorientCube, ReorientCubeConfig
from angora_train.tasks.cube.reorient_cube_z import ReorientCubeZ

pytestmark = pytest.mark.slow  # settles cubes

CONFIG = ReorientCubeConfig(
    physics_model="fast", touch=False, privileged=True, n_starts=4
)


def held(n_worlds: int = 3) -> ReorientCube:
    task = ReorientCube(CONFIG, n_worlds)
    task.reset(seed=3)
    return task


def test_sensations_told_under_another_goal_are_those_that_the_task_shows() -> None:
    task = held()
    rng = np.random.default_rng(0)
    task.step(rng.uniform(-1, 1, (3, 20)).astype(np.float32))
    hindsight = task.hindsight()
    sensed, facts = task._sense(), hindsight.facts()
    goals = hindsight.draw(rng.random((3, 4)), facts)
    told = hindsight.tell(sensed, facts, goals)
    task._goals = canonical(goals.astype(np.float64))
    shown = task._sense()
    for name in ("privileged", "goal", "auxiliary", "vision", "proprioception"):
        assert told[name] == pytest.approx(shown[name], abs=2e-5), name
    assert np.abs(told["privileged"] - sensed["privileged"]).max() > 0.1


def test_steps_are_judged_as_the_task_judges_them() -> None:
    task = held()
    hindsight = task.hindsight()
    rng = np.random.default_rng(1)
    for _ in range(4):
        before, goals = hindsight.facts(), hindsight.goals()
        action = rng.uniform(-1, 1, (3, 20)).astype(np.float32)
        _, reward, _, _, info = task.step(action)
        told = hindsight.judge(before, hindsight.facts(), goals, action)
        assert told.reward == pytest.approx(reward, abs=1e-4)
        assert told.is_reached.tolist() == info["success"].tolist()


def test_the_orientation_of_now_is_a_goal_that_is_reached() -> None:
    hindsight = held().hindsight()
    facts = hindsight.facts()
    told = hindsight.judge(
        facts, facts, hindsight.reached(facts), np.zeros((3, 20), np.float32)
    )
    assert told.is_reached.all()
    assert told.reward == pytest.approx(np.full(3, 5.0))  # no progress, a goal


def test_a_drop_costs_what_it_costs() -> None:
    hindsight = held().hindsight()
    assert hindsight.failed(np.zeros((2, 20), np.float32)).tolist() == [-20.0, -20.0]


def test_drawn_goals_are_spread_evenly() -> None:
    uniforms = np.random.default_rng(5).random((20_000, 4))
    goals = held(1).hindsight().draw(uniforms, {})
    assert np.allclose(np.linalg.norm(goals, axis=1), 1.0, atol=1e-6)
    # Of evenly spread rotations every part has mean square 1/4, and the angle from
    # any other is below t for a share (t - sin t) / pi.
    assert np.square(goals).mean(0) == pytest.approx(np.full(4, 0.25), abs=0.01)
    angle = 2 * np.arccos(np.abs(goals[:, 0]))
    assert np.mean(angle < np.pi / 2) == pytest.approx(0.5 - 1 / np.pi, abs=0.01)


def test_what_cannot_be_told_is_refused() -> None:
    costly = ReorientCube(
        CONFIG.model_copy(
            update={"rewards": CONFIG.rewards.model_copy(update={"energy": -0.1})}
        )
    )
    with pytest.raises(TaskError, match=r"energy.*rewards.energy=0"):
        costly.hindsight()
    with pytest.raises(TaskError, match=r"'z'.*goal=uniform"):
        ReorientCubeZ().hindsight()
