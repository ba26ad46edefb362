# SPDX-License-Identifier: Apache-2.0
"""Hindsight: what a step would have been worth, had the goal been another one.

A body moves as it does whatever its goal is. A task that can say afterwards how a step
looks and what it earns under another goal lets one step teach about many goals
(Andrychowicz et al. 2017, Hindsight experience replay, arXiv:1707.01495).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from angora_train.tasks.task import Observation

__all__ = ["Facts", "Hindsight", "Judgement"]

Facts = Mapping[str, NDArray[np.float32]]
"""What a goal is compared with, by name, arrays of one row a step."""


class Judgement(NamedTuple):
    """What steps are worth under some goals, each of shape (n,)."""

    reward: NDArray[np.float64]
    is_reached: NDArray[np.bool_]


class Hindsight(Protocol):
    """How the steps of a task are told under other goals.

    Attributes
    ----------
    n_uniforms : int
        Uniform numbers that decide a goal which is drawn anew.
    failure : str
        Fact in ``info`` that says that a step ended the episode by failing at any
        goal; empty where nothing does.
    """

    n_uniforms: int
    failure: str

    def facts(self) -> dict[str, NDArray[np.float32]]:
        """Return what goals are compared with in all worlds now, new arrays."""

    def goals(self) -> NDArray[np.float32]:
        """Return the goals under way, shape (B, g), a new array."""

    def reached(self, facts: Facts) -> NDArray[np.float32]:
        """Return the goals that are met there, shape (n, g)."""

    def draw(self, uniforms: NDArray[Any], facts: Facts) -> NDArray[np.float32]:
        """Draw goals as the task does, shape (n, g), with numbers (n, n_uniforms)."""

    def tell(self, sensed: Observation, facts: Facts, goals: Any) -> Observation:
        """Return what would have been sensed there under other goals, new arrays."""

    def judge(self, before: Facts, after: Facts, goals: Any, action: Any) -> Judgement:
        """Judge steps that did not fail."""

    def failed(self, action: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return what steps earn that fail, shape (n,)."""
