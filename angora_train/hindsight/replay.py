# SPDX-License-Identifier: Apache-2.0
"""Replay: the latest steps of all worlds, in a ring."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Replay"]


class Replay:
    """The latest steps of B worlds.

    Parameters
    ----------
    n_steps : int
        Steps of each world that are remembered, L.
    n_worlds : int
        Worlds, B.

    Examples
    --------
    >>> replay = Replay(3, 1)
    >>> replay.append({"x": np.arange(4.0)[:, None]})
    >>> replay.read("x", np.array([0, 2]), np.array([0, 0])).tolist()
    [1.0, 3.0]
    """

    def __init__(self, n_steps: int, n_worlds: int) -> None:
        self._n_steps, self._n_worlds = n_steps, n_worlds
        self._arrays: dict[str, NDArray[Any]] = {}
        self._n_written = 0

    @property
    def n_held(self) -> int:
        """Steps of each world that are held."""
        return min(self._n_written, self._n_steps)

    @property
    def names(self) -> tuple[str, ...]:
        """What is held of a step."""
        return tuple(self._arrays)

    def append(self, steps: Mapping[str, NDArray[Any]]) -> None:
        """Take some steps in, and forget as many as there is no room for.

        Parameters
        ----------
        steps : mapping of str to ndarray, shape (T, B, ...)
            The same names every time.
        """
        n_new = len(next(iter(steps.values())))
        rows = (self._n_written + np.arange(n_new)) % self._n_steps
        for name, x in steps.items():
            if name not in self._arrays:
                shape = (self._n_steps, self._n_worlds, *x.shape[2:])
                self._arrays[name] = np.zeros(shape, x.dtype)
            self._arrays[name][rows[-self._n_steps :]] = x[-self._n_steps :]
        self._n_written += n_new

    def read(
        self, name: str, times: NDArray[np.int64], worlds: NDArray[np.int64]
    ) -> NDArray[Any]:
        """Return something of some steps.

        Parameters
        ----------
        name : str
            What of them.
        times : ndarray of int64, shape (...)
            Steps, counted from the oldest that is held.
        worlds : ndarray of int64, shape (...)
            Worlds.

        Returns
        -------
        ndarray, shape (..., ...)
            A copy.
        """
        oldest = self._n_written - self.n_held
        return np.asarray(self._arrays[name][(oldest + times) % self._n_steps, worlds])

    def worlds(self) -> dict[str, NDArray[Any]]:
        """Return all that is held by world, the oldest first, shape (B, L, ...)."""
        oldest = self._n_written - self.n_held
        rows = (oldest + np.arange(self.n_held)) % self._n_steps
        return {name: np.swapaxes(x[rows], 0, 1) for name, x in self._arrays.items()}

    def restore(self, worlds: Mapping[str, NDArray[Any]]) -> None:
        """Take what :meth:`worlds` returned: of a larger memory the latest steps.

        Parameters
        ----------
        worlds : mapping of str to ndarray, shape (B, L, ...)
            Rows of these worlds.
        """
        self._arrays, self._n_written = {}, 0
        if worlds:
            self.append({name: np.swapaxes(x, 0, 1) for name, x in worlds.items()})
