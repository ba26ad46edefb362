# SPDX-License-Identifier: Apache-2.0
"""Intervals: how sure the mean of some episodes, or of a few runs, is."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from angora_train.errors import ConfigError

if TYPE_CHECKING:
    from angora_train.analysis.evaluation import Evaluation

__all__ = [
    "Interval",
    "bootstrap_interval",
    "share_interval",
    "spread",
    "student_interval",
    "summarize",
]


@dataclass(frozen=True)
class Interval:
    """A mean and how far it may be off.

    Attributes
    ----------
    mean : float
        Mean of the sample.
    low, high : float
        Ends of the confidence interval.
    """

    mean: float
    low: float
    high: float

    def text(self, form: str = ".2f", scale: float = 1.0) -> str:
        """Return it as people read it, in another unit if wanted.

        Examples
        --------
        >>> Interval(0.25, 0.1, 0.4).text(".0f", 100)
        '25 [10, 40]'
        """
        mean, low, high = (
            format(scale * x, form) for x in (self.mean, self.low, self.high)
        )
        return f"{mean} [{low}, {high}]"


def bootstrap_interval(
    values: NDArray[np.floating],
    rng: np.random.Generator,
    n: int = 10_000,
    level: float = 0.95,
    statistic: Callable[..., NDArray[np.float64]] = np.mean,
) -> Interval:
    """Return the mean of a sample with its percentile bootstrap interval.

    Applied to the differences of two actors over the same episodes, this is the
    paired interval.

    Parameters
    ----------
    values : ndarray of float, shape (n_episodes,)
        The sample.
    rng : numpy.random.Generator
        Draws the resamples.
    n : int
        Resamples.
    level : float
        Confidence level, in (0, 1).
    statistic : callable
        What stands for the mean, such as ``np.median``; it takes an `axis`.

    Returns
    -------
    Interval
        Mean and the ends between which `level` of the resampled means lie.

    Raises
    ------
    ConfigError
        If there is no value, or the level is no fraction.

    References
    ----------
    Efron & Tibshirani (1993), An introduction to the bootstrap, section 13.3.

    Examples
    --------
    >>> bootstrap_interval(np.full(5, 2.0), np.random.default_rng(0))
    Interval(mean=2.0, low=2.0, high=2.0)
    """
    _require_sample(len(values), level)
    sample = np.asarray(values, np.float64)
    value = float(statistic(sample))
    if len(sample) == 1 or math.isnan(value):  # SciPy refuses, or warns
        return Interval(value, value, value)
    options: dict[str, Any] = {"n_resamples": n, "confidence_level": level, "rng": rng}
    found = stats.bootstrap((sample,), statistic, method="percentile", **options)
    return Interval(value, *map(float, found.confidence_interval))


def share_interval(n_hits: int, n: int, level: float = 0.95) -> Interval:
    """Return a share with its Wilson interval, which is honest at 0 and 1 too.

    Parameters
    ----------
    n_hits : int
        Episodes that count.
    n : int
        Episodes.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Interval
        The share and its interval.

    Raises
    ------
    ConfigError
        If there is no episode, or the level is no fraction.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical
    inference, J Am Stat Assoc 22:209. https://doi.org/10.2307/2276774

    Examples
    --------
    >>> round(share_interval(0, 50).high, 4)
    0.0713
    """
    _require_sample(n, level)
    interval = stats.binomtest(n_hits, n).proportion_ci(level, method="wilson")
    return Interval(n_hits / n, float(interval.low), float(interval.high))


def student_interval(values: NDArray[np.floating], level: float = 0.95) -> Interval:
    """Return the mean of a few runs with the interval of Student's t.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        One number a run.
    level : float
        Confidence level.

    Returns
    -------
    Interval
        Mean and interval; without an end for a single run.

    Examples
    --------
    >>> interval = student_interval(np.array([1.0, 2.0, 3.0]))
    >>> round(interval.high, 3)  # 2 + 4.303 / sqrt(3)
    4.484
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, -math.inf, math.inf)
    half = float(stats.t.ppf((1 + level) / 2, len(values) - 1) * stats.sem(values))
    return Interval(mean, mean - half, mean + half)


def _require_sample(n: int, level: float) -> None:
    """Refuse an empty sample and a level that is no fraction."""
    if n < 1:
        raise ConfigError("An interval needs at least one episode, got none.")
    if not 0.0 < level < 1.0:
        raise ConfigError(f"A confidence level lies between 0 and 1, got {level}.")


def spread(values: NDArray[np.floating], seed: int) -> dict[str, float]:
    """Describe a number's distribution over episodes beyond its mean.

    Parameters
    ----------
    values : ndarray of float, shape (n_episodes,)
        The number, such as the goals that an episode reached.
    seed : int
        Of the resampling.

    Returns
    -------
    dict of str to float
        ``median`` with the ends of its 95 % percentile bootstrap interval,
        ``median_low`` and ``median_high``; ``mode``, the most frequent value, the
        smallest of several; ``std``.

    Examples
    --------
    >>> spread(np.array([1.0, 3.0, 3.0, 8.0]), seed=0)["mode"]
    3.0
    """
    rng = np.random.default_rng(seed)
    median = bootstrap_interval(values, rng, statistic=np.median)
    found, counts = np.unique(values, return_counts=True)
    return {
        "median": median.mean,
        "median_low": median.low,
        "median_high": median.high,
        "mode": float(found[np.argmax(counts)]),
        "std": float(np.std(values)),
    }


def summarize(evaluation: "Evaluation", seed: int) -> dict[str, Interval]:
    """Return the means of an evaluation with their 95 % intervals.

    Parameters
    ----------
    evaluation : Evaluation
        Episodes.
    seed : int
        Of the resampling.

    Returns
    -------
    dict of str to Interval
        ``return``, ``success`` (a share), ``distance_m`` where the task measures it,
        and what else it counts among its metrics.
    """
    n_hits = int(evaluation.success.sum())
    measured = {"return": evaluation.total_reward, **evaluation.facts}
    if not evaluation.facts and np.isfinite(evaluation.distance_m).any():
        measured["distance_m"] = evaluation.distance_m
    means = {
        name: bootstrap_interval(values, np.random.default_rng(seed))
        for name, values in measured.items()
    }
    success = share_interval(n_hits, evaluation.n_episodes)
    return {"return": means.pop("return"), "success": success, **means}
