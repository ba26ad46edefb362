# SPDX-License-Identifier: Apache-2.0
"""Rewards: pure functions from positions to named terms.

The sum of a function's terms is the reward of the step. Every term is logged under
its name as ``reward/<term>``.
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, NonNegativeFloat, PositiveFloat

__all__ = [
    "FreeReachScales",
    "ReachScales",
    "free_reach_distances",
    "free_reach_reward",
    "reach_distance",
    "reach_reward",
]

_Array = NDArray[np.float64]


class ReachScales(BaseModel):
    """Scales of the reaching reward's terms."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )

    distance: NonNegativeFloat = 1.0
    """Cost of one metre between the fingertips and their goal."""

    success: NonNegativeFloat = 0.1
    """Bonus of a step that ends within `success_distance_m`."""

    success_distance_m: PositiveFloat = 0.02
    """Distance below which the goal counts as reached, m."""


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
    fingertips: _Array, goals: _Array, scales: ReachScales
) -> dict[str, _Array]:
    """Reward fingertips for being where they should be.

    Parameters
    ----------
    fingertips, goals : ndarray of float64, shape (..., 15)
        Five positions each, m, in the world's frame.
    scales : ReachScales
        Weight of each term.

    Returns
    -------
    dict of ndarray of float64, shape (...)
        ``distance``: minus the distance in metres, scaled; ``success``: the bonus
        where the distance is below the threshold, else zero.

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
    return {
        "distance": -scales.distance * distance_m,
        "success": scales.success * reached,
    }


class FreeReachScales(BaseModel):
    """Scales of the free reaching reward's terms.

    The numbers are those of this project's predecessor, AngoraPy 0.11.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )

    distance: NonNegativeFloat = 1.0
    """Cost of one metre between the tips of thumb and target finger."""

    success: NonNegativeFloat = 0.1
    """Bonus of a step that ends within `success_distance_m`."""

    success_distance_m: PositiveFloat = 0.02
    """Distance below which the target finger counts as met, m."""

    zone: NonNegativeFloat = 0.01
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
    fingertips: _Array, targets: NDArray[np.int64], scales: FreeReachScales
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

    Returns
    -------
    dict of ndarray of float64, shape (...)
        ``distance``: minus the distance of thumb and target finger in metres, scaled;
        ``success``: the bonus where that is below the threshold; ``zone``: minus the
        sum over the other fingers of ``max(0, radius - distance)``, scaled.

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
    return {
        "distance": -scales.distance * distance_m,
        "success": scales.success * reached,
        "zone": -scales.zone * intrusion_m,
    }
