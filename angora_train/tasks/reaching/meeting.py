# SPDX-License-Identifier: Apache-2.0
"""Meeting points: where thumb and finger come together, as places of the fingertips."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from angora_train.tasks.base import Verdict
from angora_train.tasks.hand.names import FINGERTIPS, TARGET_FINGERS
from angora_train.tasks.reaching.fingertips import THUMB, FingertipConfig, Scene, balls
from angora_train.tasks.reaching.rewards import (
    ReachScales,
    reach_distance,
    reach_reward,
)
from angora_train.tasks.reaching.sequence import Targets
from angora_train.tasks.worlds.memory import Remembering
from angora_train.tasks.worlds.rendering import Mark

__all__ = ["REST_GOAL", "MeetingConfig", "MeetingGoals"]

REST_GOAL = len(TARGET_FINGERS)
"""Kind of the goal that asks for the rest posture; other kinds count fingers."""

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

    rewards: ReachScales = ReachScales()
    """Scales of the reward's terms: a recipe's name (``single``, ``sequence``), or what
    differs from one."""


class MeetingGoals(Remembering):
    """Places of the five fingertips in B worlds: thumb and a finger together.

    Parameters
    ----------
    config : MeetingConfig
        Where they meet, and what that earns.
    scene : Scene
        The worlds.
    targets : Targets
        Which finger meets the thumb.
    rest_share : float, optional
        Share of the goals that ask for the rest posture instead; None for a task
        without such goals.
    """

    remembers: ClassVar[tuple[str, ...]] = ("_targets", "_is_rest", "_places")
    size = way_size = 3 * len(FINGERTIPS)

    def __init__(
        self,
        config: MeetingConfig,
        scene: Scene,
        targets: Targets,
        rest_share: float | None = None,
    ) -> None:
        n_worlds = scene.simulation.n_worlds
        self._config = config
        self._scales = config.rewards
        self.scene = scene
        self._targets = targets
        self._rest_share = rest_share
        self._is_rest = np.zeros(n_worlds, np.bool_)
        self._places = np.zeros((n_worlds, self.size))

    def places(
        self,
        fingers: NDArray[np.int64],
        is_rest: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Draw places of the fingertips.

        Parameters
        ----------
        fingers : ndarray of int64, shape (n,)
            Who meets the thumb, 0 to 3.
        is_rest : ndarray of bool, shape (n,)
            Where the rest posture is asked for instead.
        rng : numpy.random.Generator
            Source of chance.

        Returns
        -------
        ndarray of float64, shape (n, 15)
            Thumb last, m, in the world's frame.
        """
        config, n = self._config, len(fingers)
        noise_m = rng.normal(0.0, config.meeting_noise_m, (n, 3))
        point_m = self.scene.palm_m + np.asarray(config.meeting_point_m)
        meeting = np.tile(point_m, (n, 1))
        rest = self.scene.rest_fingertips_m
        sideways = rest[fingers, _LATERAL] - meeting[:, _LATERAL]
        meeting[:, _LATERAL] += config.meeting_share * sideways
        meeting += noise_m
        goals: NDArray[np.float64] = np.tile(rest, (n, 1, 1))
        for tips in (fingers, np.full(n, THUMB)):
            way = meeting - rest[tips]
            way /= np.sqrt(np.square(way).sum(axis=-1, keepdims=True))
            goals[np.arange(n), tips] = meeting - config.tip_offset_m * way
        goals[is_rest] = rest
        return goals.reshape(n, -1)

    def begin(self, world: int, rng: np.random.Generator) -> None:
        """Draw the goal of one world's new episode."""
        self._targets.begin(world, rng)
        if self._rest_share is not None:
            self._is_rest[world] = rng.random() < self._rest_share
        self._show(world, rng)

    def switch(self, world: int, rng: np.random.Generator) -> None:
        """Ask for another finger, at a place drawn anew; after rest, for any."""
        if not self._is_rest[world]:
            self._targets.switch(world, rng)
        self._is_rest[world] = False
        self._show(world, rng)

    def _show(self, world: int, rng: np.random.Generator) -> None:
        """Draw the places for the present target."""
        row = [world]
        targets, is_rest = self._targets.targets[row], self._is_rest[row]
        self._places[row] = self.places(targets, is_rest, rng)

    def advance(
        self,
        verdict: Verdict,
        goes_on: NDArray[np.bool_],
        rngs: Sequence[np.random.Generator],
    ) -> None:
        """Show the next goal where its time has come."""
        reached = verdict.facts["distance_m"] < self._scales.success_distance_m
        for world in self._targets.advance(reached, goes_on, rngs).tolist():
            self._show(world, rngs[world])

    def sense(self) -> NDArray[np.float32]:
        """Return the places that the fingertips should take, (B, 15)."""
        return self._places.astype(np.float32)

    def way(self, fingertips: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the places minus the fingertips, m, (B, 15)."""
        return self._places - fingertips

    def judge(self, fingertips: NDArray[np.float64], share: float) -> Verdict:
        """Reward the fingertips for being where they should be."""
        distance_m = reach_distance(fingertips, self._places)
        targets = self._targets
        return Verdict(
            terms=reach_reward(fingertips, self._places, self._scales, share),
            facts={
                **targets.facts(distance_m < self._scales.success_distance_m),
                "distance_m": distance_m,
                "goal_kind": np.where(self._is_rest, REST_GOAL, targets.targets),
            },
            terminated=np.zeros(len(distance_m), np.bool_),
        )

    def marks(self, world: int, fingertips: NDArray[np.float64]) -> Sequence[Mark]:
        """Show where each fingertip should be."""
        places_m = self._places[world].reshape(-1, 3)
        return balls(range(len(places_m)), places_m, radius_m=0.008)
