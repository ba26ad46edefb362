# SPDX-License-Identifier: Apache-2.0
"""Free reaching in sequence: the thumb meets one finger after another, anywhere."""

from collections.abc import Mapping
from typing import ClassVar

from angora_train.tasks.reaching.fingertips import FingertipTask, Scene
from angora_train.tasks.reaching.free_reach import (
    FingerGoals,
    FreeReach,
    FreeReachConfig,
)
from angora_train.tasks.reaching.rewards import FreeReachScales
from angora_train.tasks.reaching.sequence import SequenceConfig, TargetSequence

__all__ = ["FreeReachSequence", "FreeReachSequenceConfig"]


class FreeReachSequenceConfig(FreeReachConfig):
    """Settings of the sequence of fingers."""

    sequence: SequenceConfig = SequenceConfig()
    """When a finger gives way to the next."""

    rewards: FreeReachScales = FreeReachScales(extends="sequence")
    """Scales of the reward's terms: a recipe's name (``single``, ``sequence``), or what
    differs from one."""


class FreeReachSequence(FingertipTask):
    """Meeting one finger after the other with the thumb in B worlds.

    Sensations are those of `FreeReach`; ``goal`` shows the present finger. A step is
    judged by the finger that it was taken for, and what is sensed after it has the
    next.

    Facts in ``info``: ``n_opposed``, int, the fingers met in this episode, a finger
    that is asked for again counting again; ``success``, bool, whether every target
    finger was met at least once in this episode; ``distance_m``, float, between thumb
    and the finger that the step was taken for; ``goal_kind``, int, that finger: 0 to
    3.

    Parameters
    ----------
    config : FreeReachSequenceConfig, optional
        The task's settings.
    n_worlds : int
        Number of worlds, B.
    first_world : int
        Index of row 0 among the worlds of all processes.
    n_threads : int
        Threads that share the physics.
    """

    config: FreeReachSequenceConfig = FreeReachSequenceConfig()
    sensation_units: Mapping[str, str] = FreeReach.sensation_units
    metrics: tuple[str, ...] = ("distance_m", "n_opposed")
    remembers: ClassVar[tuple[str, ...]] = ()

    def _make_goals(self, scene: Scene) -> FingerGoals:
        """Ask for one finger after the other."""
        n, step_s = scene.simulation.n_worlds, scene.simulation.control_step_s
        targets = TargetSequence(self.config.sequence, self._choice, n, step_s)
        return FingerGoals(self.config.rewards, targets)
