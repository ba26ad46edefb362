# SPDX-License-Identifier: Apache-2.0
"""Reaching: bring the thumb and one finger together, leave the others where they are.

After the reaching environment of gymnasium-robotics (MIT licence;
``shadow_dexterous_hand/reach.py``; Plappert et al., 2018,
https://arxiv.org/abs/1802.09464), with control steps of 20 ms, 92 touch sensors, and
a meeting point that moves with the finger it is for.
"""

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from angora_train.tasks.hand.names import TARGET_FINGERS
from angora_train.tasks.reaching.fingertips import FingertipTask, Scene
from angora_train.tasks.reaching.meeting import REST_GOAL, MeetingConfig, MeetingGoals
from angora_train.tasks.reaching.sequence import OneTarget

__all__ = ["REST_GOAL", "Reach", "ReachConfig"]


class ReachConfig(MeetingConfig):
    """Settings of the reaching task."""

    rest_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of the goals that ask for the rest posture."""


class Reach(FingertipTask):
    """Reaching with the Shadow Hand in B worlds.

    A goal is a place for each of the five fingertips: thumb and target finger at a
    meeting point above the palm, the others at rest; or, for a share of the goals,
    all at rest. Episodes last 2 s and are always truncated, never terminated.

    ==============  ====  =====================================================
    sensation       size  meaning
    ==============  ====  =====================================================
    proprioception  48    24 joint angles, rad; 24 joint velocities, rad/s
    touch           92    normal force on each sensor, N (2 ms before the rest)
    goal            15    target of the five fingertips, m, in the world's frame
    vision          15    the five fingertips, m, in the world's frame; or pixels
    auxiliary       30    goal minus fingertips, m; velocity of the fingertips,
                          m/s, as the mean over the last control step
    ==============  ====  =====================================================

    Facts in ``info``: ``success``, bool; ``distance_m``, float; ``goal_kind``, int: 0
    to 3 for the target finger ff, mf, rf, lf, 4 for the rest posture.

    Parameters
    ----------
    config : ReachConfig, optional
        The task's settings.
    n_worlds : int
        Number of worlds, B.
    first_world : int
        Index of row 0 among the worlds of all processes.
    n_threads : int
        Threads that share the physics.
    """

    config: ReachConfig = ReachConfig()
    goal_names: tuple[str, ...] = (*TARGET_FINGERS, "rest")
    remembers: ClassVar[tuple[str, ...]] = ()
    _goals: MeetingGoals

    def _make_goals(self, scene: Scene) -> MeetingGoals:
        """Ask for one meeting an episode, or for rest."""
        targets = OneTarget(self._choice, scene.simulation.n_worlds)
        return MeetingGoals(self.config, scene, targets, self.config.rest_share)

    def sample_goals(
        self, rng: np.random.Generator, n: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Draw goals as new episodes do.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        n : int
            Number of goals.

        Returns
        -------
        goals : ndarray of float64, shape (n, 15)
            Target of the five fingertips, thumb last, m, in the world's frame.
        kinds : ndarray of int64, shape (n,)
            0 to 3 for the target finger ff, mf, rf, lf, 4 for the rest posture.
        """
        fingers = self._choice[rng.integers(0, len(self._choice), n)]
        is_rest = rng.random(n) < self.config.rest_share
        goals = self._goals.places(fingers, is_rest, rng)
        return goals, np.where(is_rest, REST_GOAL, fingers)
