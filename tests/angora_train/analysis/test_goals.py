# SPDX-License-Identifier: Apache-2.0
import csv
import json
from pathlib import Path

import numpy as np
import pytest

from angora_train.analysis.figures import plot_goals
from angora_train.analysis.goals import (
    ANGLE_BEFORE,
    Goals,
    GoalTally,
    by_angle,
    by_position,
)
from atlasnet.figures.palette import figure_of

A, B = 0, 1


@pytest.fixture
def goals() -> Goals:
    """Two episodes: A reaches two goals and misses one, B drops the cube at once."""
    tally, is_under_way = GoalTally(2), np.ones(2, bool)
    for angle, success, last in (
        ([1.0, 3.0], [0, 0], [0, 0]),
        ([0.5, 2.9], [1, 0], [0, 1]),  # A's first goal; B is over
        ([2.0, 0.1], [1, 1], [0, 0]),  # A's second, at once; B plays unseen
        ([2.5, 0.2], [0, 1], [0, 0]),
        ([2.4, 0.2], [0, 0], [1, 0]),  # A's third, missed
    ):
        info = {ANGLE_BEFORE: np.array(angle), "success": np.array(success, bool)}
        is_last = is_under_way & np.array(last, bool)
        tally.add(info, is_under_way, is_last)
        is_under_way = is_under_way & ~is_last
    return tally.goals


def test_each_goal_has_the_angle_at_which_it_was_set(goals: Goals) -> None:
    assert goals.episode.tolist() == [A, B, A, A]
    assert goals.position.tolist() == [1, 1, 2, 3]
    assert goals.angle_rad.tolist() == [1.0, 3.0, 2.0, 2.5]
    assert goals.n_steps.tolist() == [2, 2, 1, 2]
    assert goals.is_reached.tolist() == [True, False, True, False]


def test_shares_are_those_of_angle_and_place(goals: Goals) -> None:
    found = by_angle(goals, (0.0, 1.0, 2.0, 4.0))
    # 1.0 and 2.0 are lower borders of their ranges.
    assert [(a, b, n, share.mean) for a, b, n, share in found] == [
        (1.0, 2.0, 1, 1.0),
        (2.0, 4.0, 3, pytest.approx(1 / 3)),
    ]
    places = [(place, n, share.mean) for place, n, share in by_position(goals)]
    assert places == [(1, 2, 0.5), (2, 1, 1.0), (3, 1, 0.0)]
    # Wilson's interval of 1 of 2: (1 + z^2 / 2 +- z sqrt(1/2 + z^2 / 4)) / (2 + z^2).
    assert by_position(goals)[0][2].low == pytest.approx(0.0945, abs=1e-4)


def test_a_picture_shows_both(goals: Goals) -> None:
    many = Goals(*(np.repeat(x, 10) for x in vars(goals).values()))
    axes = plot_goals(many)
    lines = axes[1].containers[0].lines[0]
    assert lines.get_ydata().tolist() == [0.5, 1.0, 0.0]
    assert figure_of(axes[0]) is figure_of(axes[1])
    assert [len(ax.containers) for ax in plot_goals(goals)] == [1, 0]


def test_of_no_goals_nothing_is_said() -> None:
    none = GoalTally(3).goals
    assert (len(none), by_angle(none), by_position(none)) == (0, [], [])
    assert plot_goals(none)


@pytest.mark.slow
def test_an_evaluation_of_the_cube_tells_of_every_goal(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from angora_train.commands.app import app

    def call(*words: str) -> str:
        result = CliRunner().invoke(app, list(words))
        assert result.exit_code == 0, result.output
        return result.stdout

    small = ["n_worlds=4", "ppo.horizon=4", "ppo.minibatch_size=8", "n_cycles=1"]
    fast = ["task.options.n_starts=2", "task.options.goal_s=0.4"]
    run, out = tmp_path / "run", tmp_path / "out"
    changes = [f"directory={run}", *small, *fast]
    call("run", "cube_teacher", *(x for c in changes for x in ("--set", c)))
    text = call("evaluate", str(run), "--episodes", "3", "--json", "--out", str(out))
    found = json.loads(text)
    with (out / "goals.csv").open() as file:
        rows = list(csv.DictReader(file))
    counted = sum(row["goals"] for row in found["goals"]["by_angle"])
    assert counted == len(rows) == 3 + sum(r["is_reached"] == "True" for r in rows)
    assert 0.0 <= found["dropped"]["mean"] <= 1.0
    # What is not reached within 0.4 s, 5 steps, is missed.
    assert {r["n_steps"] for r in rows if r["is_reached"] == "False"} == {"5"}
    assert (out / "goals.png").stat().st_size > 5_000
    shown = call("evaluate", str(run), "--episodes", "3")
    assert "number 1 of its episode" in shown
