# SPDX-License-Identifier: Apache-2.0
"""Estimates from episodes, and how sure they are over episodes and subjects.

A number such as a dimension is no mean over episodes. Its spread is had by leaving out
a group of episodes after the other, the jackknife; what each group speaks for, its
pseudo-value, is then resampled as a mean's values would be. An ordinary bootstrap
would draw an episode twice, and two copies of an episode agree: it makes every
dimension smaller.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from angora_train.analysis.intervals import Interval
from angora_train.errors import ConfigError

__all__ = [
    "LEAST_EPISODES",
    "Estimate",
    "Limit",
    "Scale",
    "episode_groups",
    "pooled",
]

LEAST_EPISODES = 4
"""Without bias a mean of four factors takes four episodes."""
_MOST_GROUPS = 20

Scale = Literal["plain", "log", "inverse"]
"""How a number is counted while means are taken."""

Limit = Literal["", "at least", "at most"]
"""What is known of a number that lies beyond what was looked at."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number, and what each group of episodes says of it.

    Attributes
    ----------
    value : float
        The number on its scale, from all episodes.
    parts : ndarray of float, shape (n_groups,)
        Pseudo-values on the scale.
    scale : {"plain", "log", "inverse"}
        The number itself, its logarithm, or one over it.
    limit : {"", "at least", "at most"}
        Empty, or the number is only known to be so large, or so small.
    """

    value: float
    parts: Floats
    scale: Scale = "plain"
    limit: Limit = ""

    @classmethod
    def jackknifed(cls, value: float, without: Floats, scale: Scale = "plain") -> Self:
        """Return the estimate whose values without each group are given.

        References
        ----------
        Efron & Tibshirani (1993), An introduction to the bootstrap, eq. 11.10.

        Examples
        --------
        >>> without = np.array([2.5, 2.0, 1.5])  # means of 1, 2, 3 without each
        >>> Estimate.jackknifed(2.0, without).parts.tolist()
        [1.0, 2.0, 3.0]
        """
        n = len(without)
        return cls(float(value), n * value - (n - 1) * without, scale)

    @property
    def number(self) -> float:
        """The number as people read it."""
        return _read(self.value, self.scale)


def episode_groups(n_episodes: int) -> NDArray[np.int64]:
    """Return the group of each episode: as many as twenty, of neighbours.

    Raises
    ------
    ConfigError
        If there are too few episodes.
    """
    if n_episodes < LEAST_EPISODES:
        raise ConfigError(
            f"The geometry of activity needs at least {LEAST_EPISODES} episodes of two "
            f"steps, got {n_episodes}. Record more: --episodes {LEAST_EPISODES}"
        )
    n_groups = min(n_episodes, _MOST_GROUPS)
    return np.arange(n_episodes) * n_groups // n_episodes


def pooled(
    estimates: Sequence[Estimate],
    rng: np.random.Generator,
    n: int = 2_000,
    level: float = 0.95,
) -> Interval:
    """Return the mean over subjects with its interval over subjects and episodes.

    Parameters
    ----------
    estimates : sequence of Estimate
        One a subject, all on one scale. Of a single one the interval is over its
        episodes alone.
    rng : numpy.random.Generator
        Draws subjects, then groups of episodes within them.
    n : int
        Resamples.
    level : float
        Confidence level.

    Returns
    -------
    Interval
        In the units of the number; NaN where any subject's is.

    References
    ----------
    Saravanan, Berman & Sober (2020), Application of the hierarchical bootstrap to
    multi-level data in neuroscience, Neurons Behav Data Anal Theory 3(5).
    https://pmc.ncbi.nlm.nih.gov/articles/PMC7906290
    """
    scale = estimates[0].scale
    mean = float(np.mean([one.value for one in estimates]))
    if not np.isfinite(mean) or any(not np.isfinite(x.parts).all() for x in estimates):
        return Interval(_read(mean, scale), np.nan, np.nan)
    # Pseudo-values are spread about their own mean, which has less bias than the value.
    spread = [one.parts - one.parts.mean() + one.value for one in estimates]
    sizes = [len(x) for x in spread]
    draws = np.empty((n, len(spread)))
    chosen = rng.integers(len(spread), size=(n, len(spread)))
    for i, (parts, size) in enumerate(zip(spread, sizes, strict=True)):
        counts = int((chosen == i).sum())
        drawn = parts[rng.integers(size, size=(counts, size))]
        draws[chosen == i] = drawn.mean(axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(draws.mean(axis=1), [tail, 1 - tail])
    ends = [_read(float(x), scale) for x in (low, high)]
    if scale == "inverse":
        ends.reverse()
    return Interval(_read(mean, scale), *ends)


def _read(value: float, scale: Scale) -> float:
    """Return a number from its scale; one over nothing, or less, is beyond bounds."""
    if scale == "log":
        return float(np.exp(value))
    if scale == "inverse":
        return float("nan") if np.isnan(value) else 1 / value if value > 0 else np.inf
    return value
