# SPDX-License-Identifier: Apache-2.0
"""Episodes that a limit cut off: where they stood, and what their ends are worth.

Worlds start anew in the step that ends an episode, so the state that the last step led
to is none of those acted in. With many worlds an episode is cut off in nearly every
step: the ends are kept, and all of a cycle are valued together.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CutOff"]

Arrays = Mapping[str, NDArray[Any]]
Valued = Callable[[dict[str, NDArray[Any]], dict[str, NDArray[Any]]], NDArray[Any]]


class CutOff:
    """The ends of the episodes that a limit cut off within a cycle.

    Parameters
    ----------
    horizon, n_worlds : int
        Control steps of the cycle, T, and worlds, B.
    """

    def __init__(self, horizon: int, n_worlds: int) -> None:
        self._shape = (horizon, n_worlds)
        self._places: list[NDArray[np.int64]] = []
        self._observations: dict[str, list[NDArray[Any]]] = {}
        self._states: dict[str, list[NDArray[Any]]] = {}

    def add(
        self, t: int, truncated: NDArray[np.bool_], observation: Arrays, state: Arrays
    ) -> None:
        """Keep the ends of a step.

        Parameters
        ----------
        t : int
            The step, from 0.
        truncated : ndarray of bool, shape (B,)
            Where a limit cut an episode off.
        observation : mapping of str to ndarray, shape (B, ...)
            What was sensed at the end; other worlds' rows count for nothing.
        state : mapping of str to ndarray, shape (B, ...)
            Recurrent state after the step.
        """
        worlds = np.flatnonzero(truncated)
        self._places.append(t * self._shape[1] + worlds)
        for kept, found in ((self._observations, observation), (self._states, state)):
            for name, x in found.items():
                kept.setdefault(name, []).append(np.asarray(x)[worlds])

    def values(self, valued: Valued) -> NDArray[np.float32]:
        """Return what the ends are worth, and NaN wherever nothing was cut off.

        Parameters
        ----------
        valued : callable
            Takes the observations and the states of B worlds, and returns the values,
            shape (B,).

        Returns
        -------
        ndarray of float32, shape (T, B)
            Values.
        """
        found = np.full(self._shape, np.nan, np.float32)
        places = np.concatenate([np.zeros(0, np.int64), *self._places])
        observations = {n: np.concatenate(x) for n, x in self._observations.items()}
        states = {name: np.concatenate(x) for name, x in self._states.items()}
        size = self._shape[1]
        for first in range(0, len(places), size):
            rows = np.arange(first, first + size) % len(places)  # full to the brim
            worth = valued(
                {name: x[rows] for name, x in observations.items()},
                {name: x[rows] for name, x in states.items()},
            )
            block = places[first : first + size]
            found.flat[block] = worth[: len(block)]
        return found
