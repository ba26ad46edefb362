# SPDX-License-Identifier: Apache-2.0
"""One world on a line; every number follows from the places by hand."""

from typing import Any

import numpy as np
import pytest

from angora_train.config.hindsight import HindsightConfig
from angora_train.hindsight.exploration import ACTION, FACT, FAILED, GOAL
from angora_train.hindsight.replay import Replay
from angora_train.hindsight.windows import ENDED, SENSATION, Draw, Window, tell
from tests.angora_train.hindsight.walk import WalkHindsight

PLACES = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
GOAL_PLACE = 5.0


def remember(ended: int | None = None, failed: bool = False) -> Replay:
    """A walk by 0.2 a step to a goal far away."""
    n = len(PLACES)
    places = np.array(PLACES, np.float32).reshape(n, 1, 1)
    ends = np.zeros((n, 1), bool)
    if ended is not None:
        ends[ended] = True
    replay = Replay(n, 1)
    replay.append(
        {
            f"{SENSATION}vision": places,
            f"{SENSATION}goal": np.full((n, 1, 1), GOAL_PLACE, np.float32),
            f"{FACT}place": places,
            GOAL: np.full((n, 1, 1), GOAL_PLACE, np.float32),
            ACTION: np.ones((n, 1, 1), np.float32),
            FAILED: ends & failed,
            ENDED: ends,
        }
    )
    return replay


def told(
    replay: Replay,
    *,
    when: float = 0.0,
    kind: float = 0.9,
    later: float = 0.0,
    goal: float = 0.5,
    **changes: Any,
) -> Window:
    config = HindsightConfig(**{"n_steps": 3, "farthest_step": 4, **changes})
    one = {name: np.array([x]) for name, x in (("when", when), ("kind", kind))}
    draw = Draw(
        worlds=np.zeros(1, np.int64),
        **one,
        later=np.array([later]),
        goal=np.array([[goal]]),
        next_goal=np.array([[0.25]]),
    )
    return tell(replay, WalkHindsight(), config, 0.5, draw)


def test_own_goal_three_steps() -> None:
    window = told(remember())
    # Each step comes 0.2 nearer: 0.2 (1 + 1/2 + 1/4); the rest is worth 1/8 of it.
    assert window.reward[0] == pytest.approx(0.35)
    assert window.discount[0] == 0.125
    assert window.weight[0] == 1.0
    assert window.start["vision"][0, 0] == 0.0
    assert window.end["vision"][0, 0] == pytest.approx(0.6)
    assert window.start["goal"][0, 0] == window.end["goal"][0, 0] == GOAL_PLACE


def test_a_goal_that_was_reached_two_steps_later_ends_the_window_there() -> None:
    # later 0.25 of 4 steps: 1 + 1 = 2 steps later, at 0.4.
    window = told(remember(), kind=0.1, later=0.25)
    assert window.start["goal"][0, 0] == pytest.approx(0.4)
    # 0.2, then 0.2 + 1 for reaching, a step later.
    assert window.reward[0] == pytest.approx(0.2 + 0.5 * 1.2)
    assert window.discount[0] == 0.25
    assert window.end["vision"][0, 0] == pytest.approx(0.4)
    # On to a goal drawn anew: 2 * 0.25 - 1.
    assert window.end["goal"][0, 0] == -0.5


def test_a_goal_drawn_anew() -> None:
    window = told(remember(), kind=0.6, goal=0.75, drawn_share=0.3)
    assert window.start["goal"][0, 0] == 0.5  # 2 * 0.75 - 1
    # From 0 to 0.2 to 0.4: within 0.1 of 0.5 only at 0.4 + float error, else at 0.6.
    assert window.reward[0] > 0.3


def test_a_goal_that_is_met_already_is_none() -> None:
    window = told(remember(), kind=0.6, goal=0.5, drawn_share=0.3)  # at 0, where it is
    assert window.start["goal"][0, 0] == GOAL_PLACE


def test_the_latest_window_ends_at_the_latest_step() -> None:
    window = told(remember(), when=0.999)
    assert window.start["vision"][0, 0] == pytest.approx(0.4)
    assert window.end["vision"][0, 0] == pytest.approx(1.0)


def test_a_fall_is_the_end_and_counts() -> None:
    window = told(remember(ended=1, failed=True))
    assert window.reward[0] == pytest.approx(0.2 + 0.5 * -2.0)
    assert window.discount[0] == 0.0
    assert window.weight[0] == 1.0


def test_nobody_knows_what_came_after_a_cut() -> None:
    assert told(remember(ended=1)).weight[0] == 0.0


def test_a_cut_after_the_goal_does_no_harm() -> None:
    window = told(remember(ended=2), kind=0.1, later=0.25)  # reached in step 1
    assert window.weight[0] == 1.0
    assert window.discount[0] == 0.25


def test_numbers_of_a_rank_are_those_of_its_worlds() -> None:
    both = Draw.of(np.random.default_rng(0), 2, 3, range(3), 4)
    last = Draw.of(np.random.default_rng(0), 2, 3, range(2, 3), 4)
    assert last.when.tolist() == both.when[2::3].tolist()
    assert last.next_goal.tolist() == both.next_goal[2::3].tolist()
    assert both.worlds.tolist() == [0, 1, 2, 0, 1, 2]
