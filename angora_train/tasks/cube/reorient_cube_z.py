# SPDX-License-Identifier: Apache-2.0
"""Reorientation about the vertical: the easy relative, for laptops.

The hand is tilted so that the cube stays in it, the cube starts flat, each goal is the
cube's own orientation turned about the vertical, and the policy is told the turn that
is left. In trial runs with these settings (tilt, relative smoothed control, progress
and 5 for a goal, -5 for a drop) a recurrent policy reached over ten times the goals of
a random one after 0.6 million steps, while goals lay 0.5 to 1.2 rad away in training;
see ``docs/tasks.md``.
"""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, PositiveFloat

from angora_train.tasks.cube.goals import GoalKind
from angora_train.tasks.cube.reorient_cube import ReorientCube, ReorientCubeConfig
from angora_train.tasks.cube.rewards import CubeScales

__all__ = ["ReorientCubeZ", "ReorientCubeZConfig"]


class ReorientCubeZConfig(ReorientCubeConfig):
    """Settings of the reorientation task about the vertical."""

    goal: GoalKind = "z"
    """Which orientations are goals; here the cube's own, turned about the vertical."""

    goal_range_rad: tuple[float, float] = (0.5, np.pi)
    """Least and greatest angle between the cube and a new goal, rad. Above
    `success_rad`, so that no goal comes free; training is faster with 0.5 to 1.2."""

    relative_goal: bool = True
    """Whether the goal is sensed as the rotation that still leads there, instead of
    as an orientation in the world."""

    max_distance_m: PositiveFloat | None = 0.18
    """Distance between the centres of cube and palm beyond which the cube counts as
    dropped, m, too: on a tilted hand it may come to lie on the forearm."""

    tilt_deg: Annotated[float, Field(ge=-90, le=90)] = 20.0
    """How far the fingers are raised, degrees. Of -10, 0, 10 and 20 the one at which
    random actions drop the cube least."""

    start_pose: Literal["any", "flat"] = "flat"
    """How the cube was let go before it came to rest in the hand: in any orientation,
    or flat, turned by any angle about the vertical."""

    rewards: CubeScales = CubeScales(drop=-5.0)
    """Scales of the reward's terms: the name of a recipe (``openai2018``, ``d314``,
    ``dense``), or what differs from one. A drop costs no more than a goal earns, so
    that trying is worth it."""


class ReorientCubeZ(ReorientCube):
    """Turning a cube about the vertical in the Shadow Hand in B worlds.

    `ReorientCube` with other settings; sensations, facts and ends are the same.

    Parameters
    ----------
    config : ReorientCubeZConfig, optional
        The task's settings.
    n_worlds : int
        Number of worlds, B.
    first_world : int
        Index of row 0 among the worlds of all processes.
    n_threads : int
        Threads that share the physics.
    """

    config: ReorientCubeZConfig = ReorientCubeZConfig()
    remembers: ClassVar[tuple[str, ...]] = ()
