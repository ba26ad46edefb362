# SPDX-License-Identifier: Apache-2.0
"""Goals are drawn from what their kind says."""

import numpy as np
import pytest
from scipy import stats

from angora_train.errors import TaskError
from angora_train.tasks.cube.goals import GOAL_KINDS, GoalKind, draw_goal
from angora_train.tasks.cube.orientation import (
    about_axis,
    angle_between,
    canonical,
    face_up,
    relative_rotation,
    rotate,
    uniform_orientations,
)

_UPRIGHT = np.array([1.0, 0, 0, 0])
_ANY = (0.0, np.pi)


def _draw(
    kind: GoalKind,
    rng: np.random.Generator,
    n: int,
    range_rad: tuple[float, float] = _ANY,
    orientation: np.ndarray = _UPRIGHT,
) -> np.ndarray:
    goals = [draw_goal(kind, rng, orientation, range_rad) for _ in range(n)]
    return np.stack(goals)


def test_uniform_goals_pass_tests_of_uniformity(rng: np.random.Generator) -> None:
    goals = _draw("uniform", rng, 4000)
    angle = angle_between(goals, _UPRIGHT)
    assert stats.kstest(angle, lambda a: (a - np.sin(a)) / np.pi).pvalue > 0.01
    turned = rotate(goals, np.array([0.0, 0, 1]))
    for i in range(3):
        assert stats.kstest(turned[:, i], stats.uniform(-1, 2).cdf).pvalue > 0.01


def test_goals_about_the_vertical_leave_the_face_up_up(
    rng: np.random.Generator,
) -> None:
    cube = uniform_orientations(rng, 1)[0]
    goals = _draw("z", rng, 2000, (0.5, 1.2), cube)
    turn = relative_rotation(np.broadcast_to(cube, goals.shape), goals)
    np.testing.assert_allclose(turn[:, 1:3], 0, atol=1e-12)
    signed = 2 * np.arctan2(turn[:, 3], turn[:, 0])
    assert 0.45 < (signed > 0).mean() < 0.55
    assert stats.kstest(np.abs(signed), stats.uniform(0.5, 0.7).cdf).pvalue > 0.01


def test_parallel_goals_have_any_face_up_and_any_heading(
    rng: np.random.Generator,
) -> None:
    goals = _draw("parallel", rng, 3000)
    up = rotate(goals * [1, -1, -1, -1], np.array([0.0, 0, 1]))
    np.testing.assert_allclose(np.abs(up).max(axis=1), 1, atol=1e-12)
    counts = np.bincount(face_up(goals), minlength=6)
    assert stats.chisquare(counts).pvalue > 0.01
    flat = goals[face_up(goals) == 4]
    heading = 2 * np.arctan2(flat[:, 3], flat[:, 0])
    assert stats.kstest(heading, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 0.01


@pytest.mark.parametrize("kind", GOAL_KINDS)
def test_goals_lie_in_their_range_and_are_canonical(
    kind: GoalKind, rng: np.random.Generator
) -> None:
    cube = about_axis(np.array([0.6, 0.8, 0.0]), 0.3)
    goals = _draw(kind, rng, 300, (0.8, 2.0), cube)
    angle = angle_between(goals, cube)
    assert 0.8 <= angle.min() < 1.0
    assert 1.6 < angle.max() <= 2.0
    np.testing.assert_array_equal(goals, canonical(goals))


def test_goals_follow_the_generator() -> None:
    one, other = (_draw("uniform", np.random.default_rng(3), 5) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_a_sampler_that_never_succeeds_is_one_clear_error(
    rng: np.random.Generator,
) -> None:
    # A cube that stands on its corner is 54.7 degrees from any face up.
    corner = about_axis(np.array([1.0, -1.0, 0.0]) / np.sqrt(2), np.arccos(3**-0.5))
    with pytest.raises(TaskError, match=r"None of 1000 goals.*goal_range_rad"):
        draw_goal("parallel", rng, corner, (0.0, 0.3))
