# SPDX-License-Identifier: Apache-2.0
"""Targets: which finger is to be met now, and when that changes."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveFloat, model_validator

from angora_train.tasks.hand.names import TARGET_FINGERS
from angora_train.tasks.settings import TaskSettings
from angora_train.tasks.worlds.memory import Remembering

__all__ = ["OneTarget", "SequenceConfig", "TargetSequence", "Targets"]


class SequenceConfig(TaskSettings):
    """When a target gives way to the next, and to which."""

    advances_on_reach: bool = True
    """Whether the next target appears as soon as one is reached."""

    target_s: PositiveFloat | None = None
    """Longest time that a target stays, s, rounded to whole control steps; None for
    as long as it takes."""

    order: Literal["random", "cyclic"] = "random"
    """``random``: any finger but the one just asked for, with equal chance;
    ``cyclic``: the target fingers as they are listed, from the first on."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.advances_on_reach and self.target_s is None:
            raise ValueError(
                "the target would never change: set advances_on_reach or target_s"
            )
        return self


class OneTarget(Remembering):
    """One target an episode, drawn with equal chance.

    Parameters
    ----------
    fingers : ndarray of int64, shape (n,)
        Fingers to be met, 0 to 3.
    n_worlds : int
        Number of worlds, B.
    """

    remembers: ClassVar[tuple[str, ...]] = ("targets",)

    def __init__(self, fingers: NDArray[np.int64], n_worlds: int) -> None:
        self.targets = np.zeros(n_worlds, np.int64)
        self._fingers = fingers

    def begin(self, world: int, rng: np.random.Generator) -> None:
        """Draw the target of one world's episode."""
        self.targets[world] = self._fingers[rng.integers(len(self._fingers))]

    def switch(self, world: int, rng: np.random.Generator) -> None:
        """Draw another target; the same only if it is the only one."""
        others = self._fingers[self._fingers != self.targets[world]]
        if len(others):
            self.targets[world] = others[rng.integers(len(others))]

    def advance(
        self,
        reached: NDArray[np.bool_],
        goes_on: NDArray[np.bool_],
        rngs: Sequence[np.random.Generator],
    ) -> NDArray[np.int64]:
        """Return no world: the target stays."""
        return np.empty(0, np.int64)

    def facts(self, reached: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """State ``success``: where the target is met."""
        return {"success": reached}


class TargetSequence(Remembering):
    """Targets of B worlds that follow one another within an episode.

    Parameters
    ----------
    config : SequenceConfig
        When targets change.
    fingers : ndarray of int64, shape (n,)
        Fingers to be met, 0 to 3, in their order.
    n_worlds : int
        Number of worlds, B.
    control_step_s : float
        Time of one step, s.

    Attributes
    ----------
    targets : ndarray of int64, shape (B,)
        Finger that each world asks for now, 0 to 3.
    """

    remembers: ClassVar[tuple[str, ...]] = (
        "targets",
        "_age",
        "_n_opposed",
        "_has_reached",
        "_met",
    )

    def __init__(
        self,
        config: SequenceConfig,
        fingers: NDArray[np.int64],
        n_worlds: int,
        control_step_s: float,
    ) -> None:
        self.config = config
        self.targets = np.zeros(n_worlds, np.int64)
        self._fingers = fingers
        self._limit = (
            None
            if config.target_s is None
            else max(1, round(config.target_s / control_step_s))
        )
        self._age = np.zeros(n_worlds, np.int64)
        self._n_opposed = np.zeros(n_worlds, np.int64)
        self._has_reached = np.zeros(n_worlds, np.bool_)
        self._met = np.zeros((n_worlds, len(TARGET_FINGERS)), np.bool_)

    def begin(self, world: int, rng: np.random.Generator) -> None:
        """Start a new sequence in one world.

        Parameters
        ----------
        world : int
            Row.
        rng : numpy.random.Generator
            Source of chance.
        """
        self._age[world] = self._n_opposed[world] = 0
        self._has_reached[world] = False
        self._met[world] = False
        i = rng.integers(len(self._fingers)) if self.config.order == "random" else 0
        self.targets[world] = self._fingers[i]

    def facts(self, reached: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """State ``success``, `is_complete`, and ``n_opposed`` of each world."""
        return {
            "success": self.is_complete(reached),
            "n_opposed": self.n_opposed(reached),
        }

    def n_opposed(self, reached: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Count the targets met in each world's episode, each once.

        Parameters
        ----------
        reached : ndarray of bool, shape (B,)
            Where the present target is met now.

        Returns
        -------
        ndarray of int64, shape (B,)
            With the present one where it is met.
        """
        counted: NDArray[np.int64] = self._n_opposed + (reached & ~self._has_reached)
        return counted

    def is_complete(self, reached: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell where every finger was met at least once in the episode.

        Parameters
        ----------
        reached : ndarray of bool, shape (B,)
            Where the present target is met now.

        Returns
        -------
        ndarray of bool, shape (B,)
            With the present one where it is met.
        """
        met = self._with_present(reached)
        return np.asarray(met[:, self._fingers].all(axis=1))

    def advance(
        self,
        reached: NDArray[np.bool_],
        goes_on: NDArray[np.bool_],
        rngs: Sequence[np.random.Generator],
    ) -> NDArray[np.int64]:
        """Count a step, and change the targets whose time has come.

        Parameters
        ----------
        reached : ndarray of bool, shape (B,)
            Where the present target is met.
        goes_on : ndarray of bool, shape (B,)
            Where the episode is not over.
        rngs : sequence of numpy.random.Generator
            Source of chance of each world.

        Returns
        -------
        ndarray of int64, shape (n,)
            Worlds that ask for another finger now.
        """
        self._n_opposed = self.n_opposed(reached)
        self._met = self._with_present(reached)
        self._has_reached |= reached
        self._age += 1
        due: NDArray[np.bool_] = np.zeros(len(reached), np.bool_)
        if self.config.advances_on_reach:
            due |= reached
        if self._limit is not None:
            due |= self._age >= self._limit
        worlds = np.flatnonzero(due & goes_on)
        for world in worlds.tolist():
            self.targets[world] = self._next(int(self.targets[world]), rngs[world])
        self._age[worlds] = 0
        self._has_reached[worlds] = False
        return worlds

    def switch(self, world: int, rng: np.random.Generator) -> None:
        """Go on to the next target of one world before its time."""
        self.targets[world] = self._next(int(self.targets[world]), rng)
        self._age[world] = 0
        self._has_reached[world] = False

    def _with_present(self, reached: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Fingers met so far, the present target included where it is reached."""
        met = self._met.copy()
        met[np.arange(len(met)), self.targets] |= reached
        return met

    def _next(self, finger: int, rng: np.random.Generator) -> int:
        """Finger that follows another; the same only if it is the only one."""
        if len(self._fingers) == 1:
            return finger
        if self.config.order == "cyclic":
            place = int(np.flatnonzero(self._fingers == finger)[0])
            return int(self._fingers[(place + 1) % len(self._fingers)])
        others = self._fingers[self._fingers != finger]
        return int(others[rng.integers(len(others))])


Targets = OneTarget | TargetSequence
"""The finger that each of B worlds asks for, and when that changes."""
