# SPDX-License-Identifier: Apache-2.0
"""Statistics of a few runs: what can be said of them, and how surely.

With three to ten runs of a combination, means hide outliers and medians waste runs:
the interquartile mean stands for them, intervals come from resampling the runs within
each combination of the other factors (Agarwal et al. 2021, Deep reinforcement learning
at the edge of the statistical precipice, NeurIPS 34, arXiv:2108.13264).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from angora_train.analysis.intervals import Interval

__all__ = [
    "improvement_probability",
    "interquartile_mean",
    "samples_to_threshold",
    "stratified_interval",
]

_Array = NDArray[np.float64]

N_RESAMPLES = 2_000
"""As Agarwal et al. 2021 take for aggregate scores; more changes no second digit."""


def interquartile_mean(values: _Array, axis: int = -1) -> _Array:
    """Return the mean of the middle half, a quarter left out at each end.

    Parameters
    ----------
    values : ndarray of float64
        Any shape.
    axis : int
        Axis of the sample. Of n values, floor(n / 4) are left out at each end.

    Returns
    -------
    ndarray of float64
        One axis less.

    Examples
    --------
    >>> float(interquartile_mean(np.array([0.0, 1.0, 2.0, 30.0])))
    1.5
    """
    return np.asarray(stats.trim_mean(values, 0.25, axis=axis), np.float64)


def stratified_interval(
    strata: Sequence[_Array], seed: int = 0, level: float = 0.95
) -> Interval:
    """Return the interquartile mean of all runs, with its bootstrap interval.

    Parameters
    ----------
    strata : sequence of ndarray of float64, shape (n_runs,)
        One number a run, by combination of the other factors; NaN is left out. Runs
        are resampled within their stratum.
    seed : int
        Of the resampling.
    level : float
        Confidence level.

    Returns
    -------
    Interval
        Ends are the percentiles of the resampled means; without an end where every
        stratum has a single run.

    Examples
    --------
    >>> runs = [np.array([1.0, 1.0, 1.0]), np.array([3.0, 3.0, 3.0])]
    >>> stratified_interval(runs)
    Interval(mean=2.0, low=2.0, high=2.0)
    """
    known = [s[~np.isnan(s)] for s in strata]
    known = [s for s in known if s.size]
    if not known:
        return Interval(math.nan, math.nan, math.nan)
    value = float(interquartile_mean(np.concatenate(known)))
    if all(len(s) == 1 for s in known):
        return Interval(value, -math.inf, math.inf)
    resampled = np.concatenate(_resampled(known, seed), axis=1)
    tail = 100.0 * (1.0 - level) / 2.0
    low, high = np.percentile(interquartile_mean(resampled), [tail, 100.0 - tail])
    return Interval(value, float(low), float(high))


def improvement_probability(
    ours: Sequence[_Array], theirs: Sequence[_Array], seed: int = 0, level: float = 0.95
) -> Interval:
    """Return how probably a run of one kind beats a run of another.

    Parameters
    ----------
    ours, theirs : sequence of ndarray of float64, shape (n_runs,)
        One number a run, by the same strata.
    seed : int
        Of the resampling.
    level : float
        Confidence level.

    Returns
    -------
    Interval
        Mean over the strata of the share of pairs in which ours is greater; a draw
        counts half (Mann & Whitney's U over the number of pairs).

    Examples
    --------
    >>> first, second = [np.array([1.0, 2.0])], [np.array([0.0, 1.0])]
    >>> improvement_probability(first, second).mean
    0.875
    """
    pairs = [
        (a[~np.isnan(a)], b[~np.isnan(b)]) for a, b in zip(ours, theirs, strict=True)
    ]
    pairs = [(a, b) for a, b in pairs if a.size and b.size]
    if not pairs:
        return Interval(math.nan, math.nan, math.nan)
    value = float(np.mean([_share_greater(a[None], b[None]) for a, b in pairs]))
    if all(len(a) == len(b) == 1 for a, b in pairs):
        return Interval(value, 0.0, 1.0)
    firsts = _resampled([a for a, _ in pairs], seed)
    seconds = _resampled([b for _, b in pairs], seed + 1)
    shares = np.mean(
        [_share_greater(a, b) for a, b in zip(firsts, seconds, strict=True)], axis=0
    )
    tail = 100.0 * (1.0 - level) / 2.0
    low, high = np.percentile(shares, [tail, 100.0 - tail])
    return Interval(value, float(low), float(high))


def samples_to_threshold(samples: _Array, values: _Array, threshold: float) -> float:
    """Return after how many samples a run has reached a threshold.

    Parameters
    ----------
    samples : ndarray of float64, shape (n,)
        Control steps, ascending.
    values : ndarray of float64, shape (n,)
        The metric; NaN where no episode ended.
    threshold : float
        What it has to reach.

    Returns
    -------
    float
        Samples of the first value, of the mean over it and the two before it, that is
        at least the threshold; NaN if none is.

    Examples
    --------
    >>> steps = np.arange(1.0, 6.0)
    >>> samples_to_threshold(steps, np.array([0.0, 0.9, 0.0, 0.9, 0.9]), 0.6)
    4.0
    """
    is_known = ~np.isnan(values)
    samples, values = samples[is_known], values[is_known]
    if len(values) < _N_SMOOTHED:
        return math.nan
    smooth = np.convolve(values, np.ones(_N_SMOOTHED) / _N_SMOOTHED, mode="valid")
    is_reached = smooth >= threshold - _ROUNDING
    if not is_reached.any():
        return math.nan
    return float(samples[_N_SMOOTHED - 1 :][int(is_reached.argmax())])


_N_SMOOTHED = 3  # a single cycle's episodes may be lucky
_ROUNDING = 1e-12


def _resampled(strata: Sequence[_Array], seed: int) -> list[_Array]:
    """Return resamples of each stratum, shape (n_resamples, n_runs)."""
    rng = np.random.default_rng(seed)
    return [s[rng.integers(len(s), size=(N_RESAMPLES, len(s)))] for s in strata]


def _share_greater(a: _Array, b: _Array) -> _Array:
    """Return the share of pairs in which a is greater, by row; a draw counts half."""
    difference = a[:, :, None] - b[:, None, :]
    greater = (difference > 0) + 0.5 * (difference == 0)
    return np.asarray(greater.mean(axis=(1, 2)), np.float64)
