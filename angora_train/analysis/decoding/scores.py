# SPDX-License-Identifier: Apache-2.0
"""Scores: R2 or balanced accuracy of episodes, and of episodes drawn again.

Both are one minus a mean over channels, or over classes, of what is lost over what
there was: squared errors over squared distances from the mean of what was fitted, or
samples put into another class over samples of the class.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["pooled_draws", "resample_counts", "score_of", "squares_by_episode"]

Array = NDArray[np.float64]


def resample_counts(n_episodes: int, n: int, seed: int) -> Array:
    """Return how often resamples hold each episode, shape (n, n_episodes)."""
    rng = np.random.default_rng([seed, 1])
    share = np.full(n_episodes, 1 / n_episodes)
    return rng.multinomial(n_episodes, share, size=n).astype(np.float64)


def score_of(
    lost: Array, total: Array, counts: Array | None = None
) -> NDArray[np.float64]:
    """Return the score of all episodes, or of resamples of them.

    Parameters
    ----------
    lost, total : ndarray of float64, shape (n_episodes, n_channels)
        What is lost of what there was, summed over an episode's samples.
    counts : ndarray of float64, shape (n, n_episodes), optional
        What :func:`resample_counts` returned.

    Returns
    -------
    ndarray of float64, shape (n,), or () without counts
        One minus the mean over channels of the share that is lost. Channels of which
        there is nothing do not count.

    Examples
    --------
    >>> lost, total = np.array([[1.0, 0.0]]), np.array([[2.0, 4.0]])
    >>> float(score_of(lost, total))  # 1 - (1/2 + 0/4) / 2
    0.75
    """
    if counts is None:
        lost, total = lost.sum(0), total.sum(0)
    else:
        lost, total = counts @ lost, counts @ total
    is_there = total > 0
    share = np.where(is_there, lost / np.where(is_there, total, 1.0), 0.0)
    n = is_there.sum(-1)
    mean = share.sum(-1) / np.maximum(n, 1)
    return np.where(n > 0, 1.0 - mean, np.nan)


def squares_by_episode(
    errors: Array, episode: NDArray[np.int64], n_episodes: int
) -> Array:
    """Return sums of squares over each episode's samples, (n_episodes, n_channels)."""
    found: Array = np.zeros((n_episodes, errors.shape[1]))
    begins = np.flatnonzero(np.r_[True, np.diff(episode) != 0])
    found[episode[begins]] = np.add.reduceat(errors**2, begins)
    return found


def pooled_draws(
    draws: Sequence[NDArray[np.floating]], seed: int
) -> NDArray[np.float64]:
    """Return resamples of the mean over subjects: subjects first, episodes within.

    Parameters
    ----------
    draws : sequence of ndarray, each of shape (..., n)
        Resamples of each subject's episodes.
    seed : int
        Equal seeds draw the same subjects and resamples, so that differences of what
        is pooled are paired.

    Returns
    -------
    ndarray of float64, shape (..., n)
        Of one subject: its own resamples.

    References
    ----------
    Saravanan et al. (2020), Application of the hierarchical bootstrap to multi-level
    data in neuroscience, Neurons, Behavior, Data analysis, and Theory 3(5).
    """
    stacked = np.stack([np.asarray(x, np.float64) for x in draws])
    n_subjects, n = len(stacked), stacked.shape[-1]
    if n_subjects == 1:
        return np.asarray(stacked[0])
    rng = np.random.default_rng([seed, 2])
    total = np.zeros(stacked.shape[1:])
    for _ in range(n_subjects):
        subject = rng.integers(n_subjects, size=n)
        resample = rng.integers(n, size=n)
        drawn = stacked[subject, ..., resample]  # (n, ...)
        total += np.moveaxis(drawn, 0, -1)
    return total / n_subjects
