# SPDX-License-Identifier: Apache-2.0
"""Free reaching: thumb and one finger meet, wherever they like.

The goal names the finger and no place. After the free reaching task of this project's
predecessor, AngoraPy; the constants of its reward are in `FreeReachScales`.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from angora_train.tasks.base import Verdict
from angora_train.tasks.hand.names import FINGERTIPS, TARGET_FINGERS, Finger
from angora_train.tasks.reaching.fingertips import (
    THUMB,
    FingertipConfig,
    FingertipTask,
    finger_indices,
)
from angora_train.tasks.reaching.rewards import (
    FreeReachScales,
    free_reach_distances,
    free_reach_reward,
)
from angora_train.tasks.worlds.rendering import Mark

__all__ = ["FreeReach", "FreeReachConfig"]

_N_FINGERS = len(TARGET_FINGERS)


class FreeReachConfig(FingertipConfig):
    """Settings of the free reaching task."""

    target_fingers: Annotated[tuple[Finger, ...], Field(min_length=1)] = TARGET_FINGERS
    """Fingers that the thumb is asked to meet, drawn with equal chance."""

    rewards: FreeReachScales = FreeReachScales()
    """Scales of the reward's terms: a recipe's name (``single``, ``sequence``), or what
    differs from one."""


class FreeReach(FingertipTask):
    """Meeting a finger with the thumb in B worlds, wherever that may be.

    Episodes last 2 s and are always truncated, never terminated.

    ==============  ====  =====================================================
    sensation       size  meaning
    ==============  ====  =====================================================
    proprioception  48    24 joint angles, rad; 24 joint velocities, rad/s
    touch           92    normal force on each sensor, N (2 ms before the rest)
    goal            4     1 for the finger to be met (ff, mf, rf, lf), else 0
    vision          15    the five fingertips, m, in the world's frame; or pixels
    auxiliary       22    way from the thumb to the target finger, m; distance of
                          each finger from the thumb, m; velocity of the
                          fingertips, m/s, as the mean over the last control step
    ==============  ====  =====================================================

    Facts in ``info``: ``success``, bool; ``distance_m``, float, between thumb and
    target finger; ``goal_kind``, int: 0 to 3 for the target finger ff, mf, rf, lf.

    Parameters
    ----------
    config : FreeReachConfig, optional
        The task's settings.
    n_worlds : int
        Number of worlds, B.
    first_world : int
        Index of row 0 among the worlds of all processes.
    n_threads : int
        Threads that share the physics.
    """

    config: FreeReachConfig

    def __init__(
        self,
        config: FreeReachConfig | None = None,
        n_worlds: int = 1,
        *,
        first_world: int = 0,
        n_threads: int = 1,
    ) -> None:
        super().__init__(
            FreeReachConfig() if config is None else config,
            n_worlds,
            goal_size=_N_FINGERS,
            auxiliary_size=3 + _N_FINGERS + 3 * len(FINGERTIPS),
            first_world=first_world,
            n_threads=n_threads,
        )
        self._targets = np.zeros(n_worlds, np.int64)

    def _draw_goal(self, world: int, rng: np.random.Generator) -> None:
        """Draw the finger to be met."""
        choice = finger_indices(self.config.target_fingers)
        self._targets[world] = choice[rng.integers(len(choice))]

    def _marks(self, world: int) -> Sequence[Mark]:
        """Show which fingertip should meet the thumb's."""
        finger = int(self._targets[world])
        tips = self._fingertips[world].reshape(-1, 3)[[finger, THUMB]]
        return self._balls([finger, finger], tips, radius_m=0.013)

    def _goal(self) -> NDArray[np.float32]:
        """Return which finger is to be met."""
        return np.eye(_N_FINGERS, dtype=np.float32)[self._targets]

    def _auxiliary(self) -> NDArray[np.float32]:
        """Return where the fingers are from the thumb, and how fast they move."""
        tips = self._fingertips.reshape(self.num_envs, -1, 3)
        way = tips[np.arange(self.num_envs), self._targets] - tips[:, THUMB]
        distances_m = free_reach_distances(self._fingertips)
        parts = [way, distances_m, self._fingertip_velocity()]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def _judge(self) -> Verdict:
        """Reward thumb and finger; the time limit alone ends an episode."""
        scales = self.config.rewards
        distances_m = free_reach_distances(self._fingertips)
        distance_m = distances_m[np.arange(self.num_envs), self._targets]
        return Verdict(
            terms=free_reach_reward(
                self._fingertips, self._targets, scales, self.progress
            ),
            facts={
                "success": distance_m < scales.success_distance_m,
                "distance_m": distance_m,
                "goal_kind": self._targets.copy(),
            },
            terminated=np.zeros(self.num_envs, np.bool_),
        )
