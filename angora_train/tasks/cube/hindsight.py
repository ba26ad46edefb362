# SPDX-License-Identifier: Apache-2.0
"""Hindsight of reorientation: any orientation that the cube had could be the goal."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from angora_train.errors import TaskError
from angora_train.tasks.base import Observation
from angora_train.tasks.cube.goals import GoalKind
from angora_train.tasks.cube.held import HeldCube
from angora_train.tasks.cube.orientation import (
    angle_between,
    canonical,
    relative_rotation,
)
from angora_train.tasks.cube.privilege import Privilege
from angora_train.tasks.cube.rewards import CubeMoment, CubeScales, cube_reward
from angora_train.tasks.hindsight import Facts, Judgement

__all__ = ["CubeHindsight"]

_TELLABLE = ("action", "closeness", "drop", "progress", "success", "time")
"""Terms of the reward that follow from orientations and actions alone."""


class CubeHindsight:
    """Steps of a held cube, told under other goals.

    Parameters
    ----------
    cube : HeldCube
        What is read of the worlds.
    goals : callable
        Returns the goals under way, shape (B, 4).
    scales : CubeScales
        Of the reward.
    success_rad : float
        Angle within which a goal is reached, rad.
    kind : GoalKind
        Which orientations are goals.
    """

    n_uniforms = 4
    failure = "dropped"

    def __init__(
        self,
        cube: HeldCube,
        goals: Callable[[], NDArray[np.float64]],
        scales: CubeScales,
        success_rad: float,
        kind: GoalKind,
    ) -> None:
        if kind != "uniform":
            raise TaskError(
                f"Hindsight draws goals of any orientation, and the task's are "
                f"'{kind}': set task.options.goal=uniform."
            )
        others = sorted(set(scales.active) - set(_TELLABLE))
        if others:
            raise TaskError(
                f"Hindsight cannot tell what {', '.join(others)} would have been: set "
                f"task.options.rewards.{others[0]}=0. It knows "
                f"{', '.join(_TELLABLE)}."
            )
        self._cube, self._goals = cube, goals
        self._scales, self._success_rad = scales, success_rad

    def facts(self) -> dict[str, NDArray[np.float32]]:
        """Return the cube's orientation, shape (B, 4)."""
        return {"orientation": canonical(self._cube.orientation).astype(np.float32)}

    def goals(self) -> NDArray[np.float32]:
        """Return the goals under way, shape (B, 4)."""
        return self._goals().astype(np.float32)

    def reached(self, facts: Facts) -> NDArray[np.float32]:
        """Return the cube's own orientation: it is the goal that is met there."""
        return facts["orientation"]

    def draw(self, uniforms: NDArray[Any], facts: Facts) -> NDArray[np.float32]:
        """Draw orientations evenly.

        References
        ----------
        Shoemake (1992), Uniform random rotations, Graphics Gems III, p. 124.
        """
        share, one, other = (uniforms[:, i] for i in range(3))
        apart, near = np.sqrt(1.0 - share), np.sqrt(share)
        one, other = 2.0 * np.pi * one, 2.0 * np.pi * other
        parts = (
            *(near * np.cos(other), apart * np.sin(one)),
            *(apart * np.cos(one), near * np.sin(other)),
        )
        return np.stack(parts, axis=1).astype(np.float32)

    def tell(
        self, sensed: Observation, facts: Facts, goals: NDArray[np.float32]
    ) -> Observation:
        """Return sensations with the goal replaced wherever it is sensed."""
        orientation, wanted = _units(facts["orientation"]), _units(goals)
        turn = relative_rotation(orientation, wanted).astype(np.float32)
        told = dict(sensed)
        if "goal" in told:
            told["goal"] = canonical(wanted).astype(np.float32)
        if "auxiliary" in told:
            told["auxiliary"] = told["auxiliary"].copy()
            told["auxiliary"][:, 15:19] = turn
        if "privileged" in told:
            told["privileged"] = Privilege.told(told["privileged"], orientation, wanted)
        return told

    def judge(
        self,
        before: Facts,
        after: Facts,
        goals: NDArray[np.float32],
        action: NDArray[np.float32],
    ) -> Judgement:
        """Judge steps in which the cube was held."""
        first, then = (
            angle_between(_units(facts["orientation"]), _units(goals))
            for facts in (before, after)
        )
        is_reached = then < self._success_rad
        held = np.zeros(len(goals), np.bool_)
        return Judgement(
            self._reward(first, then, is_reached, held, action), is_reached
        )

    def failed(self, action: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return what dropping the cube earns; progress in that step counts none."""
        angle_rad, dropped = np.full(len(action), np.pi), np.ones(len(action), np.bool_)
        return self._reward(angle_rad, angle_rad, ~dropped, dropped, action)

    def _reward(
        self,
        first: NDArray[np.float64],
        then: NDArray[np.float64],
        is_reached: NDArray[np.bool_],
        is_dropped: NDArray[np.bool_],
        action: NDArray[np.float32],
    ) -> NDArray[np.float64]:
        """Return the sum of the reward's terms, with the scales of the start."""
        moment = CubeMoment(
            previous_angle_rad=first,
            angle_rad=then,
            is_reached=is_reached,
            is_dropped=is_dropped,
            offset_m=np.zeros(len(first)),
            actions=action,
            forces=np.zeros((len(first), 1)),
        )
        terms = cube_reward(moment, self._scales)
        return np.asarray(sum(terms.values(), np.zeros(len(first))))


def _units(q: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return quaternions of float32 as unit ones of float64."""
    wide = q.astype(np.float64)
    unit: NDArray[np.float64] = wide / np.sqrt(np.square(wide).sum(1, keepdims=True))
    return unit
