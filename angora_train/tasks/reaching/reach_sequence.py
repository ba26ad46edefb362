# SPDX-License-Identifier: Apache-2.0
"""Reaching in sequence: the thumb meets one finger after another."""

from typing import ClassVar

from angora_train.tasks.reaching.fingertips import FingertipTask, Scene
from angora_train.tasks.reaching.meeting import MeetingConfig, MeetingGoals
from angora_train.tasks.reaching.rewards import ReachScales
from angora_train.tasks.reaching.sequence import SequenceConfig, TargetSequence

__all__ = ["ReachSequence", "ReachSequenceConfig"]


class ReachSequenceConfig(MeetingConfig):
    """Settings of the sequence of reaching goals."""

    sequence: SequenceConfig = SequenceConfig()
    """When a goal gives way to the next."""

    rewards: ReachScales = ReachScales(extends="sequence")
    """Scales of the reward's terms: a recipe's name (``single``, ``sequence``), or what
    differs from one."""


class ReachSequence(FingertipTask):
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

    config: ReachSequenceConfig = ReachSequenceConfig()
    metrics: tuple[str, ...] = ("distance_m", "n_opposed")
    remembers: ClassVar[tuple[str, ...]] = ()

    def _make_goals(self, scene: Scene) -> MeetingGoals:
        """Ask for one meeting after the other."""
        n, step_s = scene.simulation.n_worlds, scene.simulation.control_step_s
        targets = TargetSequence(self.config.sequence, self._choice, n, step_s)
        return MeetingGoals(self.config, scene, targets)
