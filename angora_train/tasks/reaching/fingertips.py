# SPDX-License-Identifier: Apache-2.0
"""What the reaching tasks share: the hand above a floor, and where its fingertips are.

What the fingertips are asked for, and how they are judged, is in the `Goals` that a
task is given: places (`meeting.py`) or a finger to meet (`free_reach.py`), once an
episode or in sequence (`sequence.py`).
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from angora_train.tasks.base import Observation, VectorTask, Verdict
from angora_train.tasks.hand.cameras import WATCHER, open_eyes
from angora_train.tasks.hand.model import compose_reach_model, named_ids, rest_state
from angora_train.tasks.hand.names import FINGERTIPS, PALM, TARGET_FINGERS, Finger
from angora_train.tasks.hand.physical import Contacts, hand_state
from angora_train.tasks.hand.senses import HandConfig, HandSenses, switch_sensors
from angora_train.tasks.physical import Physical
from angora_train.tasks.worlds.rendering import Camera, Mark
from angora_train.tasks.worlds.simulation import Simulation
from angora_train.tasks.worlds.vision import VisionConfig

__all__ = [
    "COLOURS",
    "HAND_UNITS",
    "THUMB",
    "FingertipConfig",
    "FingertipTask",
    "Goals",
    "Scene",
    "balls",
    "finger_indices",
]

HAND_UNITS = MappingProxyType(
    {
        "proprioception": "rad, rad/s",
        "touch": "N",
        "goal": "m",
        "vision": "m",
        "auxiliary": "m, m/s",
    }
)
"""Units of the sensations, of each part of those that have several."""

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

    sensed_by: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **HandConfig.sensed_by,
        "vision": ("vision",),
    }

    vision: VisionConfig = VisionConfig()
    """What the sensation ``vision`` is: ``pose``, the fingertips' places, or ``rgb``,
    pixels."""

    target_fingers: Annotated[tuple[Finger, ...], Field(min_length=1)] = TARGET_FINGERS
    """Fingers that the thumb is asked to meet, drawn with equal chance."""


@dataclass(frozen=True, slots=True)
class Scene:
    """B worlds with a hand above a floor, and where its parts are at rest."""

    simulation: Simulation

    rest_fingertips_m: NDArray[np.float64]
    """Shape (5, 3): thumb last, m, in the world's frame."""

    palm_m: NDArray[np.float64]
    """Shape (3,): m."""


class Goals(Protocol):
    """What the fingertips of B worlds are asked for; fingertips have shape (B, 15).

    It remembers its worlds; see `angora_train.tasks.worlds.memory.Remembering`.
    """

    size: int
    """Width of the sensation ``goal``."""

    way_size: int
    """Width of what `way` returns."""

    def begin(self, world: int, rng: np.random.Generator) -> None:
        """Draw the goal of one world's new episode."""

    def advance(
        self,
        verdict: Verdict,
        goes_on: NDArray[np.bool_],
        rngs: Sequence[np.random.Generator],
    ) -> None:
        """Draw the next goal where its time has come, after a step was judged."""

    def switch(self, world: int, rng: np.random.Generator) -> None:
        """Ask one world for another goal, within its episode."""

    def sense(self) -> NDArray[np.float32]:
        """Return the sensation of the goal in a new array, (B, size)."""

    def way(self, fingertips: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far it still is, for the value head alone, (B, way_size)."""

    def judge(self, fingertips: NDArray[np.float64], share: float) -> Verdict:
        """Judge the fingertips, when a share of training is done."""

    def marks(self, world: int, fingertips: NDArray[np.float64]) -> Sequence[Mark]:
        """Return what a picture shows of one world's goal."""


class FingertipTask(VectorTask):
    """The Shadow Hand in B worlds, judged by its fingertips.

    Sensations: ``proprioception`` (48: 24 joint angles, rad; 24 joint velocities,
    rad/s), ``touch`` (92: normal force on each sensor, N, 2 ms before the rest),
    ``goal``, ``vision`` (15: the five fingertips, m, in the world's frame; or pixels)
    and ``auxiliary`` (the way to the goal; velocity of the fingertips, m/s, as the mean
    over the last control step). Episodes are always truncated, never terminated.

    Parameters
    ----------
    config : FingertipConfig, optional
        The task's settings.
    n_worlds : int
        Number of worlds, B.
    first_world : int
        Index of row 0 among the worlds of all processes.
    n_threads : int
        Threads that share the physics.
    """

    config: FingertipConfig = FingertipConfig()
    """The task's settings, if no others are given."""
    goal_names: tuple[str, ...] = TARGET_FINGERS
    sensation_units: Mapping[str, str] = HAND_UNITS
    remembers: ClassVar[tuple[str, ...]] = ("_goals", "_previous_fingertips")

    def __init__(
        self,
        config: FingertipConfig | None = None,
        n_worlds: int = 1,
        *,
        first_world: int = 0,
        n_threads: int = 1,
    ) -> None:
        self.config = config = config or self.config
        self._choice = finger_indices(config.target_fingers)
        model = compose_reach_model()
        switch_sensors(model, config.touch)
        rest = rest_state(model)
        simulation = Simulation(
            model, rest, n_worlds, n_substeps=config.n_substeps, n_threads=n_threads
        )
        sites = named_ids(model, "site", FINGERTIPS)
        palm = named_ids(model, "body", [PALM])[0]
        self._goals = self._make_goals(
            Scene(simulation, rest.site_xpos[sites].copy(), rest.xpos[palm].copy())
        )
        self._hand = HandSenses(simulation, config.touch)
        width = 3 * len(FINGERTIPS)
        sizes = {
            **self._hand.sizes,
            "goal": self._goals.size,
            "vision": width,
            "auxiliary": self._goals.way_size + width,
        }
        super().__init__(
            config,
            simulation,
            sizes,
            first_world=first_world,
            eyes=open_eyes(config.vision, simulation),
        )
        self._fingertips = simulation.read("site_xpos", sites).reshape(n_worlds, -1)
        self._previous_fingertips = self._fingertips.copy()
        self._contacts = Contacts(simulation)

    @abstractmethod
    def _make_goals(self, scene: Scene) -> Goals:
        """Make what the fingertips are asked for in a scene."""

    def _camera(self) -> Camera:
        """Look at the hand."""
        return WATCHER

    def _marks(self, world: int) -> Sequence[Mark]:
        """Show the goal."""
        return self._goals.marks(world, self._fingertips)

    def _start(self, world: int, rng: np.random.Generator) -> None:
        """Draw the goal; the fingertips stand still."""
        self._goals.begin(world, rng)
        self._previous_fingertips[world] = self._fingertips[world]

    def _remember(self) -> None:
        """Keep the fingertips, for their velocity."""
        np.copyto(self._previous_fingertips, self._fingertips)

    def _advance(self, verdict: Verdict, goes_on: NDArray[np.bool_]) -> None:
        """Ask for the next goal where its time has come."""
        self._goals.advance(verdict, goes_on, self._rngs)

    def _switch_goal(self, world: int, rng: np.random.Generator) -> None:
        """Ask one world for another finger."""
        self._goals.switch(world, rng)

    def physical_state(self) -> dict[str, Physical]:
        """Return joints, fingertips and contacts; see `Task`."""
        joints = self._hand.sense()["proprioception"]
        return {**hand_state(joints, self._fingertips), **self._contacts.state()}

    def _sense(self) -> Observation:
        """Return what all worlds sense, in new arrays."""
        tips = self._fingertips
        velocity = (tips - self._previous_fingertips) / self.simulation.control_step_s
        auxiliary = np.concatenate([self._goals.way(tips), velocity], axis=1)
        return {
            **self._hand.sense(),
            "goal": self._goals.sense(),
            "vision": tips.astype(np.float32),
            "auxiliary": auxiliary.astype(np.float32),
        }

    def _judge(self) -> Verdict:
        """Reward the fingertips; the time limit alone ends an episode."""
        return self._goals.judge(self._fingertips, self.progress)


def balls(
    fingers: Sequence[int], places_m: NDArray[np.float64], radius_m: float
) -> Sequence[Mark]:
    """Draw a ball in a finger's colour at each place.

    Parameters
    ----------
    fingers : sequence of int
        Rows among the fingertips.
    places_m : ndarray of float64, shape (n, 3)
        Where, m.
    radius_m : float
        Radius of the balls, m.

    Returns
    -------
    sequence of Mark
        One a finger.
    """
    return [
        Mark(place_m, (*COLOURS[finger], 0.6), radius_m)
        for finger, place_m in zip(fingers, places_m, strict=True)
    ]
