# SPDX-License-Identifier: Apache-2.0
"""Goals that get harder as they are reached."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from angora_train.errors import TaskError
from angora_train.tasks import make_config, make_vector_task
from angora_train.tasks.cube.curriculum import CubeCurriculum, Curriculum
from angora_train.tasks.cube.orientation import angle_between, uniform_orientations

START = np.array([0.5, 0.5, -0.5, 0.5])


def _draws(curriculum: Curriculum, n: int, rng: np.random.Generator) -> np.ndarray:
    goals = [curriculum.draw(0, rng, START) for _ in range(n)]
    return np.array([angle_between(goal, START) for goal in goals])


def test_a_reached_goal_widens_a_range_and_a_missed_one_narrows_it() -> None:
    config = CubeCurriculum(first_rad=1.0, widening_rad=0.02, target=0.8)
    curriculum = Curriculum(config, 3, 100)
    nowhere, everywhere = np.zeros(3, bool), np.ones(3, bool)
    for _ in range(10):
        curriculum.judge(np.array([True, True, False]), nowhere)
    # Ten times 0.02; then once 0.02 * 0.8 / 0.2 = 0.08 less, never below the first.
    np.testing.assert_allclose(curriculum.farthest_rad, [1.2, 1.2, 1.0])
    curriculum.judge(nowhere, np.array([True, False, True]))
    np.testing.assert_allclose(curriculum.farthest_rad, [1.12, 1.2, 1.0])
    for _ in range(200):
        curriculum.judge(everywhere, nowhere)
    np.testing.assert_allclose(curriculum.farthest_rad, np.pi)


def test_at_the_target_a_range_stays_where_it_is() -> None:
    config = CubeCurriculum(first_rad=0.6, widening_rad=0.01, target=0.75)
    curriculum = Curriculum(config, 1, 100)
    curriculum.farthest_rad[:] = 2.0
    yes, no = np.array([True]), np.array([False])
    for _ in range(25):
        for _ in range(3):
            curriculum.judge(yes, no)
        curriculum.judge(no, yes)
    assert curriculum.farthest_rad[0] == pytest.approx(2.0)


def test_goals_lie_within_the_range_and_are_equally_likely(
    rng: np.random.Generator,
) -> None:
    config = CubeCurriculum(nearest_rad=0.5, first_rad=1.0, full_share=0.0)
    curriculum = Curriculum(config, 1, 100)
    curriculum.farthest_rad[:] = 2.0
    angles = _draws(curriculum, 2000, rng)
    assert angles.min() >= 0.5
    assert angles.max() <= 2.0
    uniform = angle_between(uniform_orientations(rng, 40_000), START)
    among = uniform[(uniform >= 0.5) & (uniform <= 2.0)]
    assert stats.ks_2samp(angles, among).pvalue > 0.01


def test_some_goals_come_from_the_whole_range_and_do_not_count(
    rng: np.random.Generator,
) -> None:
    config = CubeCurriculum(nearest_rad=0.5, first_rad=0.8, full_share=0.25)
    curriculum = Curriculum(config, 1, 100)
    angles = _draws(curriculum, 2000, rng)
    # Of the whole range, 1 - 0.025 lie beyond 0.8 rad: (0.8 - sin 0.8) / pi = 0.026,
    # (0.5 - sin 0.5) / pi = 0.007. 500 draws in 2,000, of standard deviation 19.
    assert abs((angles > 0.8).sum() - 0.25 * 0.981 * 2000) < 80
    always = CubeCurriculum(first_rad=0.8, full_share=1.0)
    curriculum = Curriculum(always, 1, 100)
    curriculum.draw(0, rng, START)
    curriculum.judge(np.array([True]), np.array([False]))
    assert curriculum.farthest_rad[0] == 0.8


def test_near_goals_get_less_time(rng: np.random.Generator) -> None:
    config = CubeCurriculum(nearest_rad=0.5, first_rad=3.0, least_time=0.5)
    curriculum = Curriculum(config, 1, 100)
    for _ in range(50):
        angle_rad = angle_between(curriculum.draw(0, rng, START), START)
        # Half of 100 steps up to 1 rad, 50 more a radian, all from 2 rad on.
        expected = round(100 * min(max(0.5 + 0.5 * (angle_rad - 1), 0.5), 1.0))
        assert abs(curriculum.n_steps[0] - expected) <= 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"nearest_rad": 1.0, "first_rad": 0.9}, "must be greater"),
        ({"widening_rad": 1.0, "target": 0.9}, "cannot widen"),
        ({"target": 1.0}, "less than 1"),
        ({"on_mis": "end"}, "on_mis"),
    ],
)
def test_a_curriculum_that_makes_no_sense_is_one_error(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        CubeCurriculum(**settings)
    with pytest.raises(TaskError, match=message):
        make_config("ReorientCube", {"curriculum": settings})


@pytest.mark.slow
@pytest.mark.parametrize(("on_miss", "is_truncated"), [("restart", 1), ("end", 0)])
def test_a_miss_cuts_an_episode_short_or_ends_it(
    on_miss: str, is_truncated: int
) -> None:
    options = {
        "touch": False,
        "goal_s": 0.8,
        "curriculum": {"on_miss": on_miss, "nearest_rad": 2.5, "first_rad": 3.0},
    }
    task = make_vector_task("ReorientCube", options, n_worlds=1)
    task.reset(seed=0)
    for step in range(1, 11):  # 0.8 s are ten steps; goals of 2.5 rad have them all
        *_, terminated, truncated, info = task.step(np.zeros((1, 20), np.float32))
        assert bool(terminated[0] | truncated[0]) == (step == 10)
    assert (truncated[0], terminated[0]) == (is_truncated, 1 - is_truncated)
    assert info["goal_range_rad"][0] == 3.0


@pytest.mark.slow
def test_a_world_s_curriculum_does_not_depend_on_the_others() -> None:
    options = {"touch": False, "physics_model": "fast", "curriculum": {}}
    actions = np.random.default_rng(0).uniform(-1, 1, (60, 3, 20)).astype(np.float32)
    ranges = {}
    for first, n in ((0, 3), (2, 1)):
        task = make_vector_task("ReorientCube", options, n_worlds=n, first_world=first)
        task.reset(seed=5)
        for action in actions:
            *_, info = task.step(action[first : first + n])
        ranges[first] = info["goal_range_rad"][-1], info["distance_rad"][-1]
    assert ranges[0] == ranges[2]
