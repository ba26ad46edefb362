# SPDX-License-Identifier: Apache-2.0
"""Exploration: worlds that try different things, and notes of what came of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from angora_train.config.hindsight import NoiseConfig
from angora_train.tasks.hindsight import Hindsight

__all__ = ["ACTION", "FACT", "FAILED", "GOAL", "Exploration", "noise_scale"]

ACTION = "action"
"""Name of what was done, as noted of a step."""

GOAL = "goal"
"""Name of the goal under which it was."""

FAILED = "failed"
"""Name of whether the episode failed by it."""

FACT = "fact/"
"""Begins the names of facts."""

_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
_MARGIN = 6e-8
"""Half the spacing of float32 below one: numbers are kept off 0 and 1."""


def noise_scale(worlds: range, noise: NoiseConfig) -> NDArray[np.float64]:
    """Return each world's noise, in standard deviations of the policy.

    Parameters
    ----------
    worlds : range
        Worlds, counted over all ranks.
    noise : NoiseConfig
        The least and the most.

    Returns
    -------
    ndarray of float64, shape (B,)
        Spread evenly, by the multiples of the golden section: any worlds in a row hold
        calm and bold ones.

    Examples
    --------
    >>> noise_scale(range(3), NoiseConfig(least=0.0, most=1.0)).round(3).tolist()
    [0.0, 0.618, 0.236]
    """
    share = np.mod(np.arange(worlds.start, worlds.stop) * _GOLDEN, 1.0)
    scale: NDArray[np.float64] = noise.least + (noise.most - noise.least) * share
    return scale


class Exploration:
    """Shapes the numbers that decide the noise of a policy, and notes each step.

    Parameters
    ----------
    hindsight : Hindsight
        What is to be known of the worlds.
    noise : NoiseConfig
        How loud, and for how long.
    worlds : range
        Worlds of this rank among all.
    n_actions : int
        Dimensions of an action.
    """

    def __init__(
        self, hindsight: Hindsight, noise: NoiseConfig, worlds: range, n_actions: int
    ) -> None:
        self._hindsight = hindsight
        self._scale = noise_scale(worlds, noise)[:, None]
        is_lasting = (np.arange(worlds.start, worlds.stop) % 2 == 0)[:, None]
        self._kept = np.where(is_lasting, noise.persistence, 0.0)
        self._noise = np.zeros((len(worlds), n_actions))

    def shape(self, uniforms: NDArray[np.float32]) -> NDArray[np.float32]:
        """Make noise last, and make it louder or calmer.

        Parameters
        ----------
        uniforms : ndarray of float32, shape (B, A)
            Numbers in [0, 1).

        Returns
        -------
        ndarray of float32, shape (B, A)
            Numbers in (0, 1): a normal variate that is made from them is an
            autoregressive process of first order, times the world's scale.
        """
        fresh = ndtri(np.clip(uniforms.astype(np.float64), _MARGIN, 1.0 - _MARGIN))
        spread = np.sqrt(1.0 - self._kept**2)
        self._noise = self._kept * self._noise + spread * fresh
        shaped = np.clip(ndtr(self._scale * self._noise), _MARGIN, 1.0 - _MARGIN)
        return np.asarray(shaped, np.float32)

    def before(self) -> dict[str, NDArray[Any]]:
        """Note what goals are compared with, and the goals, before a step."""
        facts = self._hindsight.facts()
        noted = {f"{FACT}{name}": x for name, x in facts.items()}
        return {**noted, GOAL: self._hindsight.goals()}

    def after(
        self, action: NDArray[np.float32], info: Mapping[str, Any]
    ) -> dict[str, NDArray[Any]]:
        """Note what was done, and whether it failed, after a step."""
        name = self._hindsight.failure
        nobody = np.zeros(len(action), np.bool_)
        return {ACTION: action, FAILED: np.asarray(info[name]) if name else nobody}

    def worlds(self) -> dict[str, NDArray[Any]]:
        """Return what is remembered of each world."""
        return {"noise": self._noise}

    def restore(self, worlds: Mapping[str, NDArray[Any]]) -> None:
        """Take what :meth:`worlds` returned; silence where there is nothing."""
        self._noise = worlds.get("noise", np.zeros_like(self._noise)).copy()
