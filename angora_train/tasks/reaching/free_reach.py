# SPDX-License-Identifier: Apache-2.0
"""Free reaching: thumb and one finger meet, wherever they like.

The goal names the finger and no place. After the free reaching task of this project's
predecessor, AngoraPy; the constants of its reward are in `FreeReachScales`.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from angora_train.tasks.base import Verdict
from angora_train.tasks.hand.names import TARGET_FINGERS
from angora_train.tasks.reaching.fingertips import (
    HAND_UNITS,
    THUMB,
    FingertipConfig,
    FingertipTask,
    Scene,
    balls,
)
from angora_train.tasks.reaching.rewards import (
    FreeReachScales,
    free_reach_distances,
    free_reach_reward,
)
from angora_train.tasks.reaching.sequence import OneTarget, Targets
from angora_train.tasks.worlds.memory import Remembering
from angora_train.tasks.worlds.rendering import Mark

__all__ = ["FingerGoals", "FreeReach", "FreeReachConfig"]

_N_FINGERS = len(TARGET_FINGERS)


class FreeReachConfig(FingertipConfig):
    """Settings of the free reaching task."""

    rewards: FreeReachScales = FreeReachScales()
    """Scales of the reward's terms: a recipe's name (``single``, ``sequence``), or what
    differs from one."""


class FingerGoals(Remembering):
    """A finger that the thumb is to meet in each of B worlds, wherever that may be.

    Parameters
    ----------
    scales : FreeReachScales
        Scales of the reward's terms.
    targets : Targets
        Which finger.
    """

    remembers: ClassVar[tuple[str, ...]] = ("_targets",)
    size = _N_FINGERS
    way_size = 3 + _N_FINGERS

    def __init__(self, scales: FreeReachScales, targets: Targets) -> None:
        self._scales = scales
        self._targets = targets

    def begin(self, world: int, rng: np.random.Generator) -> None:
        """Draw the finger to be met."""
        self._targets.begin(world, rng)

    def advance(
        self,
        verdict: Verdict,
        goes_on: NDArray[np.bool_],
        rngs: Sequence[np.random.Generator],
    ) -> None:
        """Ask for the next finger where its time has come."""
        reached = verdict.facts["distance_m"] < self._scales.success_distance_m
        self._targets.advance(reached, goes_on, rngs)

    def switch(self, world: int, rng: np.random.Generator) -> None:
        """Ask for another finger."""
        self._targets.switch(world, rng)

    def sense(self) -> NDArray[np.float32]:
        """Return which finger is to be met, (B, 4)."""
        return np.eye(_N_FINGERS, dtype=np.float32)[self._targets.targets]

    def way(self, fingertips: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the way from the thumb, and each finger's distance, m, (B, 7)."""
        tips = fingertips.reshape(len(fingertips), -1, 3)
        way = tips[np.arange(len(tips)), self._targets.targets] - tips[:, THUMB]
        return np.concatenate([way, free_reach_distances(fingertips)], axis=1)

    def judge(self, fingertips: NDArray[np.float64], share: float) -> Verdict:
        """Reward thumb and finger for meeting."""
        scales, targets, n = self._scales, self._targets.targets, len(fingertips)
        distance_m = free_reach_distances(fingertips)[np.arange(n), targets]
        return Verdict(
            terms=free_reach_reward(fingertips, targets, scales, share),
            facts={
                **self._targets.facts(distance_m < scales.success_distance_m),
                "distance_m": distance_m,
                "goal_kind": targets.copy(),
            },
            terminated=np.zeros(n, np.bool_),
        )

    def marks(self, world: int, fingertips: NDArray[np.float64]) -> Sequence[Mark]:
        """Show which fingertip should meet the thumb's."""
        finger = int(self._targets.targets[world])
        tips = fingertips[world].reshape(-1, 3)[[finger, THUMB]]
        return balls([finger, finger], tips, radius_m=0.013)


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

    config: FreeReachConfig = FreeReachConfig()
    sensation_units: Mapping[str, str] = MappingProxyType({**HAND_UNITS, "goal": "1"})
    remembers: ClassVar[tuple[str, ...]] = ()

    def _make_goals(self, scene: Scene) -> FingerGoals:
        """Ask for one finger an episode."""
        targets = OneTarget(self._choice, scene.simulation.n_worlds)
        return FingerGoals(self.config.rewards, targets)
