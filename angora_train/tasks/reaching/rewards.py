# SPDX-License-Identifier: Apache-2.0
"""Rewards: pure functions from positions to named terms.

The sum of a function's terms is the reward of the step. Every term is logged under
its name as ``reward/<term>``.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveFloat

from angora_train.tasks.scales import Bonus, Scales

__all__ = [
    "FreeReachScales",
    "ReachScales",
    "free_reach_distances",
    "free_reach_reward",
    "reach_distance",
    "reach_reward",
]

_Array = NDArray[np.float64]


class ReachScales(Scales):
    """Scales of the reaching reward's terms: a recipe, and what differs from it.

    ``single`` is for one goal an episode. With its bonus it would pay to hover before
    a goal that gives way to one farther off: the next costs about 0.1 m over the 10 to
    20 steps that it takes, 1 to 2. The bonus of ``sequence`` is this project's choice.
    """

    recipes: ClassVar[Mapping[str, Mapping[str, float]]] = MappingProxyType(
        {
            "single": {"distance": 1.0, "success": 0.1},
            "sequence": {"distance": 1.0, "success": 5.0},
        }
    )

    extends: str = "single"
    """Recipe that gives the scales which are not written: ``single`` or
    ``sequence``."""

    distance: Bonus = 1.0
    """Cost of one metre between the fingertips and their goal."""

    success: Bonus = 0.1
    """Bonus of a step that ends within `success_distance_m`."""

    success_distance_m: PositiveFloat = 0.02
    """Distance below which the goal counts as reached, or the finger as met, m."""


def reach_distance(fingertips: _Array, goals: _Array) -> _Array:
    """Measure how far the fingertips are from their goal.

    Parameters
    ----------
    fingertips, goals : ndarray of float64, shape (..., 15)
        Five positions each, m, in the world's frame.

    Returns
    -------
    ndarray of float64, shape (...)
        Euclidean norm over all 15 numbers, m.

    Examples
    --------
    >>> tips, goal = np.zeros(15), np.zeros(15)
    >>> goal[[0, 14]] = 0.3, 0.4
    >>> round(float(reach_distance(tips, goal)), 6)
    0.5
    """
    difference = np.asarray(fingertips, np.float64) - goals
    distance_m: _Array = np.sqrt(np.square(difference).sum(axis=-1))
    return distance_m


def reach_reward(
    fingertips: _Array, goals: _Array, scales: ReachScales, share: float = 0.0
) -> dict[str, _Array]:
    """Reward fingertips for being where they should be.

    Parameters
    ----------
    fingertips, goals : ndarray of float64, shape (..., 15)
        Five positions each, m, in the world's frame.
    scales : ReachScales
        Weight of each term.
    share : float
        Share of training that is done, for scales that follow it.

    Returns
    -------
    dict of ndarray of float64, shape (...)
        ``distance``: minus the distance in metres, scaled; ``success``: the bonus
        where the distance is below the threshold, else zero. A term whose scale is
        zero from the start of training to its end is left out.

    Examples
    --------
    >>> tips, goal = np.zeros(15), np.zeros(15)
    >>> goal[0] = 0.01
    >>> terms = reach_reward(tips, goal, ReachScales())
    >>> {name: round(float(term), 6) for name, term in terms.items()}
    {'distance': -0.01, 'success': 0.1}
    """
    distance_m = reach_distance(fingertips, goals)
    reached = np.asarray(distance_m < scales.success_distance_m, np.float64)
    return _scaled({"distance": -distance_m, "success": reached}, scales, share)


class FreeReachScales(ReachScales):
    """Scales of the free reaching reward's terms: a recipe, and what differs from it.

    The numbers of ``single`` are those of this project's predecessor, AngoraPy 0.11;
    the bonus of ``sequence`` is this project's choice, as for `ReachScales`.
    """

    recipes: ClassVar[Mapping[str, Mapping[str, float]]] = MappingProxyType(
        {
            "single": {"distance": 1.0, "success": 0.1, "zone": 0.01},
            "sequence": {"distance": 1.0, "success": 5.0, "zone": 0.01},
        }
    )

    distance: Bonus = 1.0
    """Cost of one metre between the tips of thumb and target finger."""

    zone: Bonus = 0.01
    """Cost of one metre that another finger has come into the thumb's zone."""

    zone_radius_m: PositiveFloat = 0.06015
    """Radius of the zone around the thumb's tip that other fingers keep out of, m."""


def free_reach_distances(fingertips: _Array) -> _Array:
    """Measure how far each finger's tip is from the thumb's.

    Parameters
    ----------
    fingertips : ndarray of float64, shape (..., 15)
        Five positions, thumb last, m.

    Returns
    -------
    ndarray of float64, shape (..., 4)
        Euclidean distances, m.

    Examples
    --------
    >>> tips = np.zeros((5, 3))
    >>> tips[:4, 2] = 0.01, 0.02, 0.03, 0.04
    >>> free_reach_distances(tips.ravel()).round(6).tolist()
    [0.01, 0.02, 0.03, 0.04]
    """
    tips = np.asarray(fingertips, np.float64)
    tips = tips.reshape(*tips.shape[:-1], 5, 3)
    apart = tips[..., :4, :] - tips[..., 4:, :]
    distances_m: _Array = np.sqrt(np.square(apart).sum(axis=-1))
    return distances_m


def free_reach_reward(
    fingertips: _Array,
    targets: NDArray[np.int64],
    scales: FreeReachScales,
    share: float = 0.0,
) -> dict[str, _Array]:
    """Reward the thumb for meeting one finger, and the others for keeping away.

    Parameters
    ----------
    fingertips : ndarray of float64, shape (..., 15)
        Five positions, thumb last, m.
    targets : ndarray of int64, shape (...)
        Finger to be met, 0 to 3.
    scales : FreeReachScales
        Weight of each term.
    share : float
        Share of training that is done, for scales that follow it.

    Returns
    -------
    dict of ndarray of float64, shape (...)
        ``distance``: minus the distance of thumb and target finger in metres, scaled;
        ``success``: the bonus where that is below the threshold; ``zone``: minus the
        sum over the other fingers of ``max(0, radius - distance)``, scaled. A term
        whose scale is zero from the start of training to its end is left out.

    Examples
    --------
    >>> tips = np.zeros((5, 3))
    >>> tips[:4, 2] = 0.01, 0.05015, 0.1, 0.1
    >>> terms = free_reach_reward(tips.ravel(), np.array(0), FreeReachScales())
    >>> {name: round(float(term), 6) for name, term in terms.items()}
    {'distance': -0.01, 'success': 0.1, 'zone': -0.0001}
    """
    distances_m = free_reach_distances(fingertips)
    is_target = np.asarray(targets)[..., None] == np.arange(4)
    distance_m = np.where(is_target, distances_m, 0.0).sum(axis=-1)
    depth_m = np.maximum(scales.zone_radius_m - distances_m, 0.0)
    intrusion_m = np.where(is_target, 0.0, depth_m).sum(axis=-1)
    reached = np.asarray(distance_m < scales.success_distance_m, np.float64)
    quantities = {"distance": -distance_m, "success": reached, "zone": -intrusion_m}
    return _scaled(quantities, scales, share)


def _scaled(
    quantities: Mapping[str, _Array], scales: Scales, share: float
) -> dict[str, _Array]:
    """Terms: quantities times their scales at a moment of training."""
    return {name: scale * quantities[name] for name, scale in scales.at(share).items()}
