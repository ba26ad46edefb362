# SPDX-License-Identifier: Apache-2.0
"""Rewards of reorienting a cube: named terms, their scales, and known recipes.

A term is a quantity times its scale, and the reward is the sum of the terms. A recipe
is a set of scales under a name; a config starts from one and changes what it names::

    rewards: {extends: openai2018, drop: -5}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveFloat

from angora_train.tasks.scales import Bonus, Cost, Scales

__all__ = ["RECIPES", "CubeMoment", "CubeScales", "cube_reward"]

_Array = NDArray[np.float64]

RECIPES: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        # Andrychowicz et al. 2020, Learning dexterous in-hand manipulation, section
        # 4.3 (arXiv:1808.00177): progress in rad, 5 for a goal, -20 for a drop.
        "openai2018": {"progress": 1.0, "success": 5.0, "drop": -20.0},
        # Human Brain Project, deliverable D3.14, section 3.3, names the five terms
        # (constant punishment of time, progress, drop, success, squared joint force)
        # and gives no numbers. Progress, success and drop are openai2018's; time and
        # energy are ours: a goal missed costs 1 rad, and 10 N2 m2 cost as much as time.
        "d314": {
            "progress": 1.0,
            "success": 5.0,
            "drop": -20.0,
            "time": -0.01,
            "energy": -0.001,
        },
        # Isaac Gym's shadow hand (Makoviychuk et al. 2021, arXiv:2108.10470;
        # IsaacGymEnvs, tasks/shadow_hand.py and cfg/task/ShadowHandOpenAI_FF.yaml):
        # -10 per m, 1 / (angle + 0.1), -0.0002 per squared action, 250 for a goal,
        # -50 for a drop, all times the 0.01 by which its training scales rewards.
        "dense": {
            "offset": -0.1,
            "closeness": 0.01,
            "action": -2e-6,
            "success": 2.5,
            "drop": -0.5,
        },
    }
)
"""Scales by recipe and term; what a recipe leaves out is zero."""


class CubeScales(Scales):
    """Scales of the reward's terms: a recipe, and what differs from it.

    Costs are negative, so that every term is its scale times a quantity that is not
    negative (progress, which has both signs, excepted).

    Examples
    --------
    >>> CubeScales(drop=-5.0).active
    {'progress': 1.0, 'success': 5.0, 'drop': -5.0}
    """

    recipes: ClassVar[Mapping[str, Mapping[str, float]]] = RECIPES

    extends: str = "openai2018"
    """Recipe that gives the scales which are not written: ``openai2018``, ``d314`` or
    ``dense``."""

    progress: Bonus = 1.0
    """Of each radian by which the step brought the cube nearer to its goal."""

    success: Bonus = 5.0
    """Of a step that reaches the goal."""

    drop: Cost = -20.0
    """Of a step in which the cube is dropped."""

    time: Cost = 0.0
    """Of every step."""

    energy: Cost = 0.0
    """Of the squared forces of all actuators, N2 m2 (torques, as they drive hinges)."""

    closeness: Bonus = 0.0
    """Of ``1 / (angle to the goal + closeness_margin_rad)``, 1/rad."""

    offset: Cost = 0.0
    """Of each metre between the cube and where it lay at the start of the episode."""

    action: Cost = 0.0
    """Of the squared actions of all actuators."""

    closeness_margin_rad: PositiveFloat = 0.1
    """What keeps the closeness finite at the goal, rad."""


@dataclass(frozen=True, slots=True)
class CubeMoment:
    """What a step of B worlds is rewarded for."""

    previous_angle_rad: _Array
    """Shape (B,): angle to the goal before the step, rad."""

    angle_rad: _Array
    """Shape (B,): angle to the same goal after the step, rad."""

    is_reached: NDArray[np.bool_]
    """Shape (B,): whether the goal is reached."""

    is_dropped: NDArray[np.bool_]
    """Shape (B,): whether the cube is dropped."""

    offset_m: _Array
    """Shape (B,): distance of the cube from where it lay at the start, m."""

    actions: NDArray[np.float32]
    """Shape (B, A): what was done, in [-1, 1]."""

    forces: _Array
    """Shape (B, A): forces of the actuators, N m."""


def cube_reward(
    moment: CubeMoment, scales: CubeScales, share: float = 0.0
) -> dict[str, _Array]:
    """Reward a step.

    Parameters
    ----------
    moment : CubeMoment
        The step.
    scales : CubeScales
        Scale of each term.
    share : float
        Share of training that is done, for scales that follow it.

    Returns
    -------
    dict of ndarray of float64, shape (B,)
        The terms whose scale is not zero from the start of training to its end.

    Examples
    --------
    >>> moment = CubeMoment(
    ...     previous_angle_rad=np.array([0.5]), angle_rad=np.array([0.25]),
    ...     is_reached=np.array([True]), is_dropped=np.array([False]),
    ...     offset_m=np.zeros(1), actions=np.zeros((1, 20), np.float32),
    ...     forces=np.zeros((1, 20)))
    >>> terms = cube_reward(moment, CubeScales())
    >>> {name: float(term[0]) for name, term in terms.items()}
    {'progress': 0.25, 'success': 5.0, 'drop': 0.0}
    """
    # Adding zero turns the -0.0 of a cost that is not incurred into 0.0.
    return {
        name: scale * _measure(name, moment, scales) + 0.0
        for name, scale in scales.at(share).items()
    }


def _measure(name: str, moment: CubeMoment, scales: CubeScales) -> _Array:
    """Return the quantity that a term scales, shape (B,)."""
    match name:
        case "progress":
            quantity = moment.previous_angle_rad - moment.angle_rad
        case "success":
            quantity = moment.is_reached.astype(np.float64)
        case "drop":
            quantity = moment.is_dropped.astype(np.float64)
        case "energy":
            quantity = np.square(moment.forces).sum(axis=-1)
        case "closeness":
            quantity = 1.0 / (moment.angle_rad + scales.closeness_margin_rad)
        case "offset":
            quantity = moment.offset_m
        case "action":
            quantity = np.square(moment.actions, dtype=np.float64).sum(axis=-1)
        case _:
            quantity = np.ones_like(moment.angle_rad)  # time
    return np.asarray(quantity, np.float64)
