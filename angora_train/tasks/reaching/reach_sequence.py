# SPDX-License-Identifier: Apache-2.0
"""Reaching in sequence: the thumb meets one finger after another."""

import numpy as np
from numpy.typing import NDArray

from angora_train.tasks.base import Verdict
from angora_train.tasks.reaching.fingertips import finger_indices
from angora_train.tasks.reaching.meeting import MeetingConfig, MeetingTask
from angora_train.tasks.reaching.rewards import (
    ReachScales,
    reach_distance,
    reach_reward,
)
from angora_train.tasks.reaching.sequence import SequenceConfig, TargetSequence

__all__ = ["ReachSequence", "ReachSequenceConfig"]


class ReachSequenceConfig(MeetingConfig):
    """Settings of the sequence of reaching goals."""

    sequence: SequenceConfig = SequenceConfig()
    """When a goal gives way to the next."""

    rewards: ReachScales = ReachScales(extends="sequence")
    """Scales of the reward's terms: a recipe's name (``single``, ``sequence``), or what
    differs from one."""


class ReachSequence(MeetingTask):
    """Reaching goals one after the other, with the Shadow Hand in B worlds.

    Sensations are those of `Reach`; ``goal`` shows the present goal. A step is judged
    by the goal that it was taken for, and what is sensed after it has the next.

    Facts in ``info``: ``n_opposed``, int, the fingers met in this episode, a finger
    that is asked for again counting again; ``success``, bool, whether every target
    finger was met at least once in this episode; ``distance_m``, float, to the goal
    that the step was taken for; ``goal_kind``, int, its finger: 0 to 3.

    Parameters
    ----------
    config : ReachSequenceConfig, optional
        The task's settings.
    n_worlds : int
        Number of worlds, B.
    first_world : int
        Index of row 0 among the worlds of all processes.
    n_threads : int
        Threads that share the physics.
    """

    config: ReachSequenceConfig
    metrics: tuple[str, ...] = ("distance_m", "n_opposed")

    def __init__(
        self,
        config: ReachSequenceConfig | None = None,
        n_worlds: int = 1,
        *,
        first_world: int = 0,
        n_threads: int = 1,
    ) -> None:
        config = ReachSequenceConfig() if config is None else config
        super().__init__(config, n_worlds, first_world=first_world, n_threads=n_threads)
        self._sequence = TargetSequence(
            config.sequence,
            finger_indices(config.target_fingers),
            n_worlds,
            self.simulation.control_step_s,
        )

    def _draw_goal(self, world: int, rng: np.random.Generator) -> None:
        """Begin a sequence with its first goal."""
        self._sequence.begin(world, rng)
        self._show(world, rng)

    def _show(self, world: int, rng: np.random.Generator) -> None:
        """Draw the goal of the present target."""
        goals = self._meeting_goals(self._sequence.targets[[world]], rng)
        self._goals[world] = goals[0].ravel()

    def _advance(self, verdict: Verdict, goes_on: NDArray[np.bool_]) -> None:
        """Show the next goal where its time has come."""
        reached = verdict.facts["distance_m"] < self.config.rewards.success_distance_m
        for world in self._sequence.advance(reached, goes_on, self._rngs):
            self._show(int(world), self._rngs[world])

    def _judge(self) -> Verdict:
        """Reward the fingertips, count the fingers met."""
        scales = self.config.rewards
        distance_m = reach_distance(self._fingertips, self._goals)
        reached = distance_m < scales.success_distance_m
        return Verdict(
            terms=reach_reward(self._fingertips, self._goals, scales, self.progress),
            facts={
                "success": self._sequence.is_complete(reached),
                "distance_m": distance_m,
                "goal_kind": self._sequence.targets.copy(),
                "n_opposed": self._sequence.n_opposed(reached),
            },
            terminated=np.zeros(self.num_envs, np.bool_),
        )
