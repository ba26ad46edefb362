# SPDX-License-Identifier: Apache-2.0
"""Calm: a policy that varies less than it would."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Calm"]


class Calm:
    """Draws nearer to the median of each actuator's distribution.

    Actions are drawn by the inverse of the cumulative distribution, so numbers nearer
    to one half are actions nearer to the median: of bins, of a normal and of a beta
    distribution alike. A student that is unsure of each of many actuators is taught
    where it would come if it did what it takes for best, not where a flailing hand
    comes.

    Parameters
    ----------
    share : float
        Of the distance of each number from one half, what is left; 1 changes nothing.
    n_actions : int
        Numbers that decide the action; those after them decide the network's noise.
    """

    def __init__(self, share: float, n_actions: int) -> None:
        self._share = share
        self._n_actions = n_actions

    def shape(self, uniforms: NDArray[np.float32]) -> NDArray[np.float32]:
        """Move numbers towards one half.

        Parameters
        ----------
        uniforms : ndarray of float32, shape (B, n)
            Numbers in [0, 1).

        Returns
        -------
        ndarray of float32, shape (B, n)
            The same for the network's noise.

        Examples
        --------
        >>> Calm(0.5, 2).shape(np.float32([[0.0, 0.75, 0.9]])).tolist()[0][:2]
        [0.25, 0.625]
        """
        shaped = uniforms.copy()
        drawn = shaped[:, : self._n_actions]
        drawn[:] = 0.5 + self._share * (drawn - 0.5)
        return shaped

    def before(self) -> dict[str, NDArray[Any]]:
        """Note nothing."""
        return {}

    def after(
        self, action: NDArray[np.float32], info: Mapping[str, Any]
    ) -> dict[str, NDArray[Any]]:
        """Note nothing."""
        return {}

    def worlds(self) -> dict[str, NDArray[Any]]:
        """Return nothing: no world has a memory."""
        return {}

    def restore(self, worlds: Mapping[str, NDArray[Any]]) -> None:
        """Take nothing."""
