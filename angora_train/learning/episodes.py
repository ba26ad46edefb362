# SPDX-License-Identifier: Apache-2.0
"""Episodes: those that ended, and the sums of those under way."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Episode", "Tally"]


@dataclass(frozen=True)
class Episode:
    """An episode that ended during a rollout.

    Attributes
    ----------
    total_reward : float
        Sum of its rewards, not normalised.
    n_steps : int
        Its length in control steps.
    is_success : bool
        Whether the goal was met at its end.
    terms : dict of str to float
        Sum of each term of the reward, by its metric's name.
    facts : dict of str to float
        What the task counts among its metrics, at its end: the distance to the goal,
        with the unit in its name.
    """

    total_reward: float
    n_steps: int
    is_success: bool
    terms: dict[str, float]
    facts: dict[str, float]


@dataclass
class Tally:
    """Running sums of the episodes under way.

    Attributes
    ----------
    reward : ndarray of float64, shape (B,)
        Their rewards so far.
    n_steps : ndarray of int64, shape (B,)
        Their steps so far.
    facts : tuple of str
        Names of the task's metrics.
    terms : dict of str to ndarray of float64, shape (B,)
        Their terms of the reward so far.
    is_guided : ndarray of bool, shape (B,)
        True where a guide acted in them: they say nothing about who learns.
    """

    reward: NDArray[np.float64]
    n_steps: NDArray[np.int64]
    facts: tuple[str, ...]
    is_guided: NDArray[np.bool_]
    terms: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    @classmethod
    def of(cls, n_worlds: int, facts: tuple[str, ...]) -> "Tally":
        """Begin to count in some worlds."""
        return cls(
            np.zeros(n_worlds),
            np.zeros(n_worlds, np.int64),
            facts,
            np.zeros(n_worlds, bool),
        )

    def add(
        self, reward: NDArray[np.float32], ended: NDArray[np.bool_], info: Any
    ) -> list[Episode]:
        """Add a step and return the episodes that it ended, without guided ones."""
        self.reward += reward
        self.n_steps += 1
        for name, term in info.items():
            if name.startswith("reward/"):
                self.terms.setdefault(name, np.zeros(len(reward)))
                self.terms[name] += term
        if not ended.any():
            return []
        episodes = [
            Episode(
                total_reward=float(self.reward[b]),
                n_steps=int(self.n_steps[b]),
                is_success=bool(info["success"][b]),
                terms={name: float(term[b]) for name, term in self.terms.items()},
                facts={name: float(info[name][b]) for name in self.facts},
            )
            for b in np.flatnonzero(ended & ~self.is_guided)
        ]
        for tally in (self.reward, self.n_steps, *self.terms.values()):
            tally[ended] = 0
        self.is_guided = self.is_guided & ~ended
        return episodes
