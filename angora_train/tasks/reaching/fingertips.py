# SPDX-License-Identifier: Apache-2.0
"""What the reaching tasks share: the hand above a floor, and where its fingertips are.

A task of this kind says what its goal is and how the fingertips are judged. The body,
its senses and the velocity of the fingertips are kept here.
"""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from angora_train.tasks.base import Observation, VectorTask
from angora_train.tasks.hand.cameras import WATCHER, open_eyes
from angora_train.tasks.hand.model import compose_reach_model, named_ids, rest_state
from angora_train.tasks.hand.names import (
    FINGERTIPS,
    PALM,
    TARGET_FINGERS,
    Finger,
)
from angora_train.tasks.hand.senses import HandConfig, HandSenses, switch_sensors
from angora_train.tasks.worlds.rendering import Camera, Mark
from angora_train.tasks.worlds.simulation import Simulation
from angora_train.tasks.worlds.vision import VisionConfig

__all__ = ["COLOURS", "THUMB", "FingertipConfig", "FingertipTask", "finger_indices"]

COLOURS = (
    (0.90, 0.20, 0.20),
    (0.20, 0.75, 0.25),
    (0.25, 0.45, 0.95),
    (0.95, 0.80, 0.10),
    (0.80, 0.30, 0.85),
)
"""Red, green and blue of what belongs to each fingertip in pictures, thumb last."""

THUMB = len(TARGET_FINGERS)
"""Row of the thumb among the fingertips."""


def finger_indices(fingers: tuple[Finger, ...]) -> NDArray[np.int64]:
    """Return the rows of fingers among the fingertips.

    Parameters
    ----------
    fingers : tuple of {"ff", "mf", "rf", "lf"}
        Short names.

    Returns
    -------
    ndarray of int64, shape (len(fingers),)
        0 to 3.

    Examples
    --------
    >>> finger_indices(("lf", "ff")).tolist()
    [3, 0]
    """
    return np.array([TARGET_FINGERS.index(finger) for finger in fingers], np.int64)


class FingertipConfig(HandConfig):
    """What every reaching task can be asked for."""

    vision: VisionConfig = VisionConfig()
    """What the sensation ``vision`` is: ``pose``, the fingertips' places, or ``rgb``,
    pixels."""


class FingertipTask(VectorTask):
    """The Shadow Hand in B worlds, judged by its fingertips.

    Sensations: ``proprioception`` (48: 24 joint angles, rad; 24 joint velocities,
    rad/s), ``touch`` (92: normal force on each sensor, N, 2 ms before the rest),
    ``goal``, ``vision`` (15: the five fingertips, m, in the world's frame; or pixels)
    and ``auxiliary``; goal and auxiliary are the task's.

    Parameters
    ----------
    config : FingertipConfig
        The task's settings.
    n_worlds : int
        Number of worlds, B.
    goal_size, auxiliary_size : int
        Widths of the two sensations that are the task's own.
    first_world : int
        Index of row 0 among the worlds of all processes.
    n_threads : int
        Threads that share the physics.
    """

    def __init__(
        self,
        config: FingertipConfig,
        n_worlds: int,
        *,
        goal_size: int,
        auxiliary_size: int,
        first_world: int,
        n_threads: int,
    ) -> None:
        model = compose_reach_model()
        switch_sensors(model, config.touch)
        rest = rest_state(model)
        simulation = Simulation(
            model, rest, n_worlds, n_substeps=config.n_substeps, n_threads=n_threads
        )
        self._hand = HandSenses(simulation, config.touch)
        sizes = {
            **self._hand.sizes,
            "goal": goal_size,
            "vision": 3 * len(FINGERTIPS),
            "auxiliary": auxiliary_size,
        }
        super().__init__(
            config,
            simulation,
            sizes,
            first_world=first_world,
            eyes=open_eyes(config.vision, simulation),
        )
        sites = named_ids(model, "site", FINGERTIPS)
        self._fingertips = simulation.read("site_xpos", sites).reshape(n_worlds, -1)
        self._rest_fingertips = rest.site_xpos[sites].copy()
        self._palm = rest.xpos[named_ids(model, "body", [PALM])[0]].copy()
        self._previous_fingertips = self._fingertips.copy()

    def _camera(self) -> Camera:
        """Look at the hand."""
        return WATCHER

    def _balls(
        self, fingers: Sequence[int], places_m: NDArray[np.float64], radius_m: float
    ) -> Sequence[Mark]:
        """Draw a ball in a finger's colour at each place, (n, 3)."""
        return [
            Mark(place_m, (*COLOURS[finger], 0.6), radius_m)
            for finger, place_m in zip(fingers, places_m, strict=True)
        ]

    @abstractmethod
    def _draw_goal(self, world: int, rng: np.random.Generator) -> None:
        """Draw the goal of one world's new episode."""

    @abstractmethod
    def _goal(self) -> NDArray[np.float32]:
        """Return the sensation of the goal in a new array, (B, goal_size)."""

    @abstractmethod
    def _auxiliary(self) -> NDArray[np.float32]:
        """Return what only the value head may know, (B, auxiliary_size)."""

    def _start(self, world: int, rng: np.random.Generator) -> None:
        """Draw the goal; the fingertips stand still."""
        self._draw_goal(world, rng)
        self._previous_fingertips[world] = self._fingertips[world]

    def _remember(self) -> None:
        """Keep the fingertips, for their velocity."""
        np.copyto(self._previous_fingertips, self._fingertips)

    def _fingertip_velocity(self) -> NDArray[np.float64]:
        """Mean velocity over the last control step, m/s, (B, 15)."""
        moved = self._fingertips - self._previous_fingertips
        velocity: NDArray[np.float64] = moved / self.simulation.control_step_s
        return velocity

    def _sense(self) -> Observation:
        """Return what all worlds sense, in new arrays."""
        return {
            **self._hand.sense(),
            "goal": self._goal(),
            "vision": self._fingertips.astype(np.float32),
            "auxiliary": self._auxiliary(),
        }
