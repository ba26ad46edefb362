# SPDX-License-Identifier: Apache-2.0
"""Windows: some steps in a row, told under one goal, and what they are worth."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from angora_train.config.hindsight import HindsightConfig
from angora_train.hindsight.exploration import ACTION, FACT, FAILED, GOAL
from angora_train.hindsight.replay import Replay
from angora_train.tasks.hindsight import Hindsight
from angora_train.tasks.task import Observation

__all__ = ["ENDED", "SENSATION", "Draw", "Window", "tell"]

ENDED = "ended"
"""Name of what is remembered beside what is noted: whether an episode ended."""

SENSATION = "sensation/"
"""Begins the names of sensations, which are as the task gave them."""

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Draw:
    """Which steps are told, and how: numbers of some worlds, shape (n, ...).

    Attributes
    ----------
    worlds : ndarray of int64
        Rows of the replay.
    when, kind, later : ndarray of float64
        In [0, 1): which step, which goal, and how much later it was reached.
    goal, next_goal : ndarray of float64, shape (n, k)
        Numbers that decide goals which are drawn.
    """

    worlds: NDArray[np.int64]
    when: _Floats
    kind: _Floats
    later: _Floats
    goal: _Floats
    next_goal: _Floats

    @classmethod
    def of(
        cls,
        rng: np.random.Generator,
        n_each: int,
        n_worlds: int,
        own: range,
        n_uniforms: int,
    ) -> "Draw":
        """Draw for all worlds, and keep the numbers of this rank's.

        Parameters
        ----------
        rng : numpy.random.Generator
            The same on every rank.
        n_each : int
            Steps of each world.
        n_worlds : int
            Worlds of all ranks.
        own : range
            Worlds of this rank.
        n_uniforms : int
            Numbers of a goal.
        """
        drawn = rng.random((n_each, n_worlds, 3 + 2 * n_uniforms))
        kept = drawn[:, own.start : own.stop].reshape(n_each * len(own), -1)
        when, kind, later = kept[:, :3].T
        return cls(
            worlds=np.tile(np.arange(len(own)), n_each),
            when=when,
            kind=kind,
            later=later,
            goal=kept[:, 3 : 3 + n_uniforms],
            next_goal=kept[:, 3 + n_uniforms :],
        )


@dataclass(frozen=True)
class Window:
    """Steps in a row, told under one goal; arrays of n rows.

    Attributes
    ----------
    start, end : dict of str to ndarray
        What is sensed where it begins, and where its worth is left to an estimate.
    action : ndarray of float32, shape (n, A)
        What was done first.
    reward : ndarray of float64, shape (n,)
        Discounted sum of rewards.
    discount : ndarray of float64, shape (n,)
        Of the estimate at the end; 0 where an episode failed.
    weight : ndarray of float32, shape (n,)
        0 where an episode was cut off in between, so that nobody knows; else 1.
    """

    start: Observation
    end: Observation
    action: NDArray[np.float32]
    reward: _Floats
    discount: _Floats
    weight: NDArray[np.float32]


def tell(
    replay: Replay,
    hindsight: Hindsight,
    config: HindsightConfig,
    discount: float,
    draw: Draw,
) -> Window:
    """Tell steps under goals of their own, of later, or drawn anew.

    A window ends where its goal is reached, and goes on to a goal drawn anew, as the
    task does.

    Parameters
    ----------
    replay : Replay
        What is remembered; more steps than a window has.
    hindsight : Hindsight
        How steps are told.
    config : HindsightConfig
        Shares of goals and length of windows.
    discount : float
        Of a step.
    draw : Draw
        Chance.

    Returns
    -------
    Window
        One for each row of the draw.
    """
    n_steps, last = config.n_steps, replay.n_held - 1
    first = (draw.when * (last - n_steps + 1)).astype(np.int64)
    facts = [_facts(replay, first + i, draw.worlds) for i in range(n_steps + 1)]
    goals = _goals(replay, hindsight, config, draw, first, facts[0])
    n = len(first)
    reward, worth = np.zeros(n), np.zeros(n)
    ends, is_met = np.full(n, n_steps), np.zeros(n, np.bool_)
    is_open, weight = np.ones(n, np.bool_), np.ones(n, np.float32)
    for i in range(n_steps):
        action, failed, ended = (
            replay.read(name, first + i, draw.worlds)
            for name in (ACTION, FAILED, ENDED)
        )
        told = hindsight.judge(facts[i], facts[i + 1], goals, action)
        if failed.any():
            told = told._replace(
                reward=np.where(failed, hindsight.failed(action), told.reward),
                is_reached=told.is_reached & ~failed,
            )
        weight[is_open & ended & ~failed] = 0.0
        reward += is_open * discount**i * told.reward
        reached = is_open & told.is_reached & ~ended
        ends[reached], is_met[reached] = i + 1, True
        worth[reached] = discount ** (i + 1)
        is_open &= ~(told.is_reached | ended)
    worth[is_open] = discount**n_steps
    then = {
        name: np.stack([one[name] for one in facts])[ends, np.arange(n)]
        for name in facts[0]
    }
    goes_on = np.where(
        is_met[:, None], hindsight.draw(draw.next_goal, then), goals
    ).astype(np.float32)
    return Window(
        start=hindsight.tell(_sensed(replay, first, draw.worlds), facts[0], goals),
        end=hindsight.tell(_sensed(replay, first + ends, draw.worlds), then, goes_on),
        action=replay.read(ACTION, first, draw.worlds),
        reward=reward,
        discount=worth,
        weight=weight,
    )


def _goals(
    replay: Replay,
    hindsight: Hindsight,
    config: HindsightConfig,
    draw: Draw,
    first: NDArray[np.int64],
    facts: dict[str, NDArray[Any]],
) -> NDArray[np.float32]:
    """Return the goals under which steps are told."""
    own = replay.read(GOAL, first, draw.worlds)
    steps = 1 + (draw.later * config.farthest_step).astype(np.int64)
    later = np.minimum(first + steps, replay.n_held - 1)
    reached = hindsight.reached(_facts(replay, later, draw.worlds))
    by_hindsight = draw.kind < config.hindsight_share
    is_drawn = ~by_hindsight & (draw.kind < config.hindsight_share + config.drawn_share)
    goals = np.where(by_hindsight[:, None], reached, own)
    goals = np.where(is_drawn[:, None], hindsight.draw(draw.goal, facts), goals)
    # A goal that is reached already is none.
    is_met = hindsight.judge(
        facts, facts, goals, replay.read(ACTION, first, draw.worlds)
    ).is_reached
    return np.asarray(np.where(is_met[:, None], own, goals), np.float32)


def _facts(
    replay: Replay, times: NDArray[np.int64], worlds: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Return what goals are compared with at some steps."""
    return {
        name.removeprefix(FACT): replay.read(name, times, worlds)
        for name in replay.names
        if name.startswith(FACT)
    }


def _sensed(
    replay: Replay, times: NDArray[np.int64], worlds: NDArray[np.int64]
) -> Observation:
    """Return what was sensed at some steps."""
    return {
        name.removeprefix(SENSATION): replay.read(name, times, worlds)
        for name in replay.names
        if name.startswith(SENSATION)
    }
