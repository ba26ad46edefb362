# SPDX-License-Identifier: Apache-2.0
"""Free reaching in sequence: the thumb meets one finger after another, anywhere."""

import numpy as np
from numpy.typing import NDArray

from angora_train.tasks.base import Verdict
from angora_train.tasks.reaching.fingertips import finger_indices
from angora_train.tasks.reaching.free_reach import FreeReach, FreeReachConfig
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


class FreeReachSequence(FreeReach):
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

    config: FreeReachSequenceConfig
    metrics: tuple[str, ...] = ("distance_m", "n_opposed")

    def __init__(
        self,
        config: FreeReachSequenceConfig | None = None,
        n_worlds: int = 1,
        *,
        first_world: int = 0,
        n_threads: int = 1,
    ) -> None:
        config = FreeReachSequenceConfig() if config is None else config
        super().__init__(config, n_worlds, first_world=first_world, n_threads=n_threads)
        self._sequence = TargetSequence(
            config.sequence,
            finger_indices(config.target_fingers),
            n_worlds,
            self.simulation.control_step_s,
        )
        self._targets = self._sequence.targets

    def _draw_goal(self, world: int, rng: np.random.Generator) -> None:
        """Begin a sequence with its first finger."""
        self._sequence.begin(world, rng)

    def _advance(self, verdict: Verdict, goes_on: NDArray[np.bool_]) -> None:
        """Ask for the next finger where its time has come."""
        reached = verdict.facts["distance_m"] < self.config.rewards.success_distance_m
        self._sequence.advance(reached, goes_on, self._rngs)

    def _judge(self) -> Verdict:
        """Reward thumb and finger, count the fingers met."""
        verdict = super()._judge()
        reached = verdict.facts["success"]
        facts = {
            **verdict.facts,
            "success": self._sequence.is_complete(reached),
            "n_opposed": self._sequence.n_opposed(reached),
        }
        return Verdict(verdict.terms, facts, verdict.terminated)
