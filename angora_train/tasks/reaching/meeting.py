# SPDX-License-Identifier: Apache-2.0
"""Meeting points: where thumb and finger come together, as places of the fingertips."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from angora_train.tasks.hand.names import FINGERTIPS, TARGET_FINGERS, Finger
from angora_train.tasks.reaching.fingertips import THUMB, FingertipConfig, FingertipTask
from angora_train.tasks.worlds.rendering import Mark

__all__ = ["MeetingConfig", "MeetingTask"]

_LATERAL = 0  # the world's x axis runs from the thumb's side to the little finger's


class MeetingConfig(FingertipConfig):
    """Where thumb and finger meet.

    The meeting point is that of this project's predecessor, 8 cm from the palm along
    the fingers, 5 cm above it and 1 cm to the side, and here that side is the
    thumb's. Within the limits of joints and couplings the nearest posture then leaves
    0.5, 0.4, 8 and 8 mm (first to little finger; mean of 25 goals each, collisions
    left out), at most 15 mm. On the other side it leaves 14 mm for the little finger
    and up to 22 mm, beyond the success threshold of 20 mm. Gymnasium-robotics meets at
    ``(0.0, -0.09, 0.05)`` with a `meeting_share` of 0.
    """

    target_fingers: Annotated[tuple[Finger, ...], Field(min_length=1)] = TARGET_FINGERS
    """Fingers that the thumb is asked to meet, drawn with equal chance."""

    meeting_point_m: tuple[float, float, float] = (-0.01, -0.08, 0.05)
    """Where the two tips meet, from the palm's place at rest, m: along the world's x
    (from the thumb's side to the little finger's), y (from the fingers back to the
    wrist) and z (up, out of the palm)."""

    meeting_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """How far the meeting point moves sideways towards the finger's tip at rest."""

    meeting_noise_m: Annotated[float, Field(ge=0)] = 0.005
    """Standard deviation of the meeting point along each axis, m."""

    tip_offset_m: Annotated[float, Field(ge=0)] = 0.005
    """How far before the meeting point each tip stops, so that they do not overlap."""


class MeetingTask(FingertipTask):
    """A task whose goal is a place for each of the five fingertips.

    Sensations: ``goal`` (15: target of the five fingertips, m, in the world's frame)
    and ``auxiliary`` (30: goal minus fingertips, m; velocity of the fingertips, m/s,
    as the mean over the last control step); see `FingertipTask` for the others.

    Parameters
    ----------
    config : MeetingConfig
        The task's settings.
    n_worlds : int
        Number of worlds, B.
    first_world : int
        Index of row 0 among the worlds of all processes.
    n_threads : int
        Threads that share the physics.
    """

    config: MeetingConfig

    def __init__(
        self,
        config: MeetingConfig,
        n_worlds: int,
        *,
        first_world: int,
        n_threads: int,
    ) -> None:
        super().__init__(
            config,
            n_worlds,
            goal_size=3 * len(FINGERTIPS),
            auxiliary_size=6 * len(FINGERTIPS),
            first_world=first_world,
            n_threads=n_threads,
        )
        self._goals = np.zeros_like(self._fingertips)

    def _meeting_goals(
        self, fingers: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Places of the fingertips where the thumb meets each finger, (n, 5, 3)."""
        config, n = self.config, len(fingers)
        noise_m = rng.normal(0.0, config.meeting_noise_m, (n, 3))
        meeting = self._palm + np.asarray(config.meeting_point_m) + noise_m
        rest = self._rest_fingertips
        sideways = rest[fingers, _LATERAL] - meeting[:, _LATERAL]
        meeting[:, _LATERAL] += config.meeting_share * sideways
        goals: NDArray[np.float64] = np.tile(rest, (n, 1, 1))
        for tips in (fingers, np.full(n, THUMB)):
            way = meeting - rest[tips]
            way /= np.sqrt(np.square(way).sum(axis=-1, keepdims=True))
            goals[np.arange(n), tips] = meeting - config.tip_offset_m * way
        return goals

    def _marks(self, world: int) -> Sequence[Mark]:
        """Show where each fingertip should be."""
        places_m = self._goals[world].reshape(-1, 3)
        return self._balls(range(len(places_m)), places_m, radius_m=0.008)

    def _goal(self) -> NDArray[np.float32]:
        """Return the places that the fingertips should take."""
        return self._goals.astype(np.float32)

    def _auxiliary(self) -> NDArray[np.float32]:
        """Return the way to the goal and the velocity of the fingertips."""
        tips = self._fingertips
        n_tips = tips.shape[1]
        auxiliary = np.empty((self.num_envs, 2 * n_tips), np.float32)
        auxiliary[:, :n_tips] = self._goals - tips
        auxiliary[:, n_tips:] = self._fingertip_velocity()
        return auxiliary
