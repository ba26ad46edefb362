# SPDX-License-Identifier: Apache-2.0
"""Nulls: targets that keep their own course in time and lose their tie to activity.

*Exchanged* episodes: each episode's activity meets the target of another one, at the
same steps. The target keeps its autocorrelation, its course within episodes that all
have in common, and its drift over episodes, since all episodes move on by the same
number. What beats this is particular to the episode: the test that is recommended.

*Shifted* targets: each episode's own target is turned around in time, by an amount of
its own. What beats this is particular to the moment. Of a target that is constant
within episodes, nothing can.
"""

import numpy as np
from numpy.typing import NDArray

from angora_train.errors import ConfigError

__all__ = ["exchanged", "moves", "shifted", "varies_within_episodes"]


def moves(n_episodes: int, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw numbers of episodes to move on by, each once.

    Parameters
    ----------
    n_episodes : int
        Episodes of the recording.
    n : int
        Numbers wanted; there are one fewer than episodes.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray of int64, shape (min(n, n_episodes - 1),)
        From 1 on.

    Raises
    ------
    ConfigError
        If no test of them can reach .05.
    """
    n = min(n, n_episodes - 1)
    if n < 19:
        raise ConfigError(
            f"{n} exchanges of episodes give no probability below {1 / (n + 1):.2f}. "
            "Ask for at least 19 (--null 19), of a recording of at least 20 episodes; "
            f"this one has {n_episodes}."
        )
    return 1 + rng.permutation(n_episodes - 1)[:n]


def exchanged(values: NDArray[np.float32], move: int) -> NDArray[np.float32]:
    """Return a target of which each episode has that of a later one.

    Parameters
    ----------
    values : ndarray of float32, shape (E, T, n_channels)
        The target; episodes in the order in which they were recorded.
    move : int
        Episodes to move on by; after the last comes the first.

    Returns
    -------
    ndarray of float32, shape (E, T, n_channels)
        Of the shorter of both episodes the steps.
    """
    return np.roll(values, -move, axis=0)


def shifted(
    values: NDArray[np.float32], n_steps: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return a target of which each episode is turned around in time.

    Parameters
    ----------
    values : ndarray of float32, shape (E, T, n_channels)
        The target.
    n_steps : ndarray of int64, shape (E,)
        Lengths of the episodes.
    rng : numpy.random.Generator
        Draws by how much: at least a tenth of the episode, either way.

    Returns
    -------
    ndarray of float32, shape (E, T, n_channels)
        Within each episode the same values.
    """
    turned = values.copy()
    for episode, n in enumerate(n_steps.tolist()):
        least = max(1, n // 10)
        if n > 2 * least:
            move = int(rng.integers(least, n - least + 1))
            turned[episode, :n] = np.roll(values[episode, :n], move, axis=0)
    return turned


def varies_within_episodes(values: NDArray[np.float32]) -> bool:
    """Return whether a target (E, T, n_channels) changes during any episode."""
    is_there = np.isfinite(values).all(-1)
    first = values[np.arange(len(values)), is_there.argmax(1)][:, None]
    return bool((values != first)[is_there].any())
