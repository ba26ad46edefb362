# SPDX-License-Identifier: Apache-2.0
"""Goals of reorientation: which orientation a cube is asked for next."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from angora_train.errors import TaskError
from angora_train.tasks.cube.orientation import (
    about_axis,
    angle_between,
    canonical,
    multiply,
    parallel_orientations,
    uniform_orientations,
)

__all__ = ["GOAL_KINDS", "GoalKind", "draw_goal"]

_Array = NDArray[np.float64]

GoalKind = Literal["uniform", "parallel", "z"]
"""``uniform``: any orientation, all equally likely. ``parallel``: a face up, turned by
any angle about the vertical, as in gymnasium-robotics. ``z``: the orientation that the
cube has, turned about the vertical."""

GOAL_KINDS: tuple[GoalKind, ...] = get_args(GoalKind)

_MAX_DRAWS = 1000
_UP = np.array([0.0, 0.0, 1.0])
_PARALLEL = parallel_orientations()


def draw_goal(
    kind: GoalKind,
    rng: np.random.Generator,
    orientation: _Array,
    range_rad: tuple[float, float],
) -> _Array:
    """Draw the orientation that a cube is asked for.

    Parameters
    ----------
    kind : {"uniform", "parallel", "z"}
        What is drawn from; see `GoalKind`.
    rng : numpy.random.Generator
        Source of chance.
    orientation : ndarray of float64, shape (4,)
        The cube's orientation now, a unit quaternion (w, x, y, z).
    range_rad : tuple of float
        Least and greatest angle between the cube and its goal, rad. Angles about the
        vertical (``z``) are uniform in it, to both sides; of the other kinds, draws
        outside of it are drawn again.

    Returns
    -------
    ndarray of float64, shape (4,)
        Canonical unit quaternion.

    Raises
    ------
    TaskError
        If none of 1,000 draws lies in the range.
    """
    nearest, farthest = range_rad
    if kind == "z":
        angle = rng.uniform(nearest, farthest) * rng.choice((-1.0, 1.0))
        return canonical(multiply(about_axis(_UP, angle), orientation))
    for _ in range(_MAX_DRAWS):
        goal = _draw(kind, rng)
        if nearest <= angle_between(goal, orientation) <= farthest:
            return goal
    raise TaskError(
        f"None of {_MAX_DRAWS} goals of kind '{kind}' lay {nearest} to {farthest} rad "
        "from the cube. Widen goal_range_rad, or choose another kind of goal: "
        f"{', '.join(GOAL_KINDS)}."
    )


def _draw(kind: GoalKind, rng: np.random.Generator) -> _Array:
    """One orientation, wherever the cube is."""
    if kind == "uniform":
        return uniform_orientations(rng, 1).reshape(4)
    face = _PARALLEL[rng.integers(len(_PARALLEL))]
    return canonical(multiply(about_axis(_UP, rng.uniform(-np.pi, np.pi)), face))
