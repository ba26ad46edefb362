# SPDX-License-Identifier: Apache-2.0
"""Goals: each goal of each episode, how far it was and whether it was reached."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from angora_train.analysis.intervals import Interval, share_interval

__all__ = ["ANGLE_BEFORE", "EDGES_RAD", "GoalTally", "Goals", "by_angle", "by_position"]

ANGLE_BEFORE = "angle_before_rad"
"""What a task with goals in a row tells: the angle to the goal before a step, rad."""

EDGES_RAD = tuple(np.linspace(0.0, np.pi, 9).tolist())
"""Borders of the ranges of angles that are told apart, rad."""


@dataclass(frozen=True)
class Goals:
    """All goals of some episodes, one row a goal, in the order in which they ended.

    Attributes
    ----------
    episode : ndarray of int64, shape (n,)
        Row of the episode.
    position : ndarray of int64, shape (n,)
        The goal's place among those of its episode, from 1.
    angle_rad : ndarray of float64, shape (n,)
        How far the goal was when it was set, rad.
    n_steps : ndarray of int64, shape (n,)
        Control steps for it.
    is_reached : ndarray of bool, shape (n,)
        Whether it was reached; else time ran out, or the episode ended in another way.
    """

    episode: NDArray[np.int64]
    position: NDArray[np.int64]
    angle_rad: NDArray[np.float64]
    n_steps: NDArray[np.int64]
    is_reached: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of goals."""
        return len(self.episode)


class GoalTally:
    """Goals of B episodes, while they are under way.

    Parameters
    ----------
    n_episodes : int
        Episodes, B.
    """

    def __init__(self, n_episodes: int) -> None:
        self._position = np.ones(n_episodes, np.int64)
        self._angle_rad = np.zeros(n_episodes)
        self._n_steps = np.zeros(n_episodes, np.int64)
        self._rows: list[tuple[NDArray[Any], ...]] = []

    def add(
        self,
        info: Mapping[str, Any],
        is_under_way: NDArray[np.bool_],
        is_last: NDArray[np.bool_],
    ) -> None:
        """Take note of a control step.

        Parameters
        ----------
        info : mapping
            What the task told of it: ``success`` and :data:`ANGLE_BEFORE`.
        is_under_way, is_last : ndarray of bool, shape (B,)
            Whether the step belongs to an episode, and ends it.
        """
        is_new = self._n_steps == 0
        self._angle_rad[is_new] = info[ANGLE_BEFORE][is_new]
        self._n_steps += 1
        is_over = np.flatnonzero(is_under_way & (info["success"] | is_last))
        counted = (self._position, self._angle_rad, self._n_steps, info["success"])
        self._rows.append((is_over, *(x[is_over] for x in counted)))
        self._position[is_over] += 1
        self._n_steps[is_over] = 0

    @property
    def goals(self) -> Goals:
        """All that have ended so far."""
        if not self._rows:
            none = np.zeros(0, np.int64)
            return Goals(none, none, np.zeros(0), none, np.zeros(0, np.bool_))
        return Goals(*map(np.concatenate, zip(*self._rows, strict=True)))


def by_angle(
    goals: Goals, edges_rad: tuple[float, ...] = EDGES_RAD
) -> list[tuple[float, float, int, Interval]]:
    """Return the share of goals reached, by how far they were.

    Parameters
    ----------
    goals : Goals
        All of some episodes.
    edges_rad : tuple of float
        Borders of the ranges, rad, rising; each range has its lower border, the last
        the upper one, too.

    Returns
    -------
    list of (float, float, int, Interval)
        Of each range that has goals: its borders, rad, how many, and the share with
        its 95 % interval of Wilson.

    Examples
    --------
    >>> one, two = np.array([0, 1]), np.array([1, 1])
    >>> goals = Goals(one, two, np.array([0.2, 1.9]), two, np.array([True, False]))
    >>> [(n, share.mean) for _, _, n, share in by_angle(goals, (0.0, 1.0, 2.0))]
    [(1, 1.0), (1, 0.0)]
    """
    inner = np.asarray(edges_rad[1:-1])
    which = np.searchsorted(inner, goals.angle_rad, side="right")
    found = []
    for i, (low, high) in enumerate(pairwise(edges_rad)):
        reached = goals.is_reached[which == i]
        if len(reached):
            share = share_interval(int(reached.sum()), len(reached))
            found.append((low, high, len(reached), share))
    return found


def by_position(goals: Goals) -> list[tuple[int, int, Interval]]:
    """Return the share of goals reached, by their place in the episode.

    Parameters
    ----------
    goals : Goals
        All of some episodes.

    Returns
    -------
    list of (int, int, Interval)
        Of each place that an episode came to: the place, from 1, how many episodes,
        and the share with its 95 % interval of Wilson.
    """
    found = []
    for place in np.unique(goals.position).tolist():
        reached = goals.is_reached[goals.position == place]
        share = share_interval(int(reached.sum()), len(reached))
        found.append((place, len(reached), share))
    return found
