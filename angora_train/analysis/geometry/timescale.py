# SPDX-License-Identifier: Apache-2.0
"""Timescale: how long an area's activity resembles itself.

The autocorrelation is taken across episodes, as Murray et al. (2014) do: at each pair
of moments the covariance over episodes, summed over units. Means belong to a moment
and are of all episodes, so the shortness of episodes does not bias it, as the mean of
each single episode would, and what every episode has in common is left out. What an
episode keeps from its beginning to its end, such as its goal, does not decay: it is
the offset of the exponential that is fitted.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from angora_train.analysis.estimates import (
    Estimate,
    Floats,
    episode_groups,
)
from angora_train.errors import ConfigError

__all__ = ["Timescale", "timescale"]

_LEAST_LAGS = 2
_LONGEST = 4.0
"""Timescales are looked for up to so many times the longest lag."""
_SHORTEST = 0.05
"""And from so many control steps on."""


@dataclass(frozen=True)
class Timescale:
    """How long an area's activity resembles itself.

    Attributes
    ----------
    time_ms : Estimate
        Time constant of the exponential, in ms, on the logarithmic scale.
    offset : Estimate
        Share of the variance over episodes that does not decay.
    correlation : ndarray of float, shape (n_lags + 1,)
        Autocorrelation from lag 0 on.
    lags_ms : ndarray of float, shape (n_lags + 1,)
        The lags, in ms.
    is_bounded : bool
        Whether the time constant lies within what was looked at; else it is only
        known to be longer, or shorter.
    """

    time_ms: Estimate
    offset: Estimate
    correlation: Floats
    lags_ms: Floats
    is_bounded: bool


def timescale(activity: NDArray[np.floating], control_step_s: float) -> Timescale:
    r"""Estimate the autocorrelation time of an area.

    Fits :math:`(1 - b) e^{-k / \tau} + b` to the autocorrelation by least squares, with
    b between 0 and 1.

    Parameters
    ----------
    activity : ndarray of float, shape (n_episodes, n_steps, n_units)
        NaN after an episode's end. Lags go up to half of the median length of
        episodes; shorter episodes are left out.
    control_step_s : float
        A step, in s.

    Returns
    -------
    Timescale
        NaN for an area that does not vary over episodes.

    Raises
    ------
    ConfigError
        If fewer than four episodes are long enough.

    References
    ----------
    Murray et al. (2014), A hierarchy of intrinsic timescales across primate cortex,
    Nat Neurosci 17:1661. https://doi.org/10.1038/nn.3862
    """
    lengths = (~np.isnan(activity[:, :, 0])).sum(axis=1)
    n_lags = int(np.median(lengths)) // 2
    if n_lags < _LEAST_LAGS:
        raise ConfigError(
            f"A timescale needs episodes of at least {2 * _LEAST_LAGS} control steps, "
            f"got a median length of {np.median(lengths):g}."
        )
    seen = activity[lengths >= 2 * n_lags, : 2 * n_lags].astype(np.float64)
    groups = episode_groups(len(seen))
    steps = np.arange(n_lags + 1)
    seen = seen - seen.mean(axis=(0, 1))
    products, means, counts = _group_sums(seen, groups, steps)
    rows = [_covariances(products.sum(0), means.sum(0), int(counts.sum()), steps)]
    for g, count in enumerate(counts):
        left = products.sum(0) - products[g], means.sum(0) - means[g]
        rows.append(_covariances(*left, int(counts.sum() - count), steps))
    covariances = np.array(rows)
    lags_ms: Floats = np.asarray(steps * (1000.0 * control_step_s), np.float64)
    if covariances[0, 0] <= 0.0:
        nothing = np.full(len(counts), np.nan)
        unknown = Estimate(float("nan"), nothing, "log")
        lost = Estimate(float("nan"), nothing)
        return Timescale(unknown, lost, covariances[0] * np.nan, lags_ms, False)
    correlations = covariances / covariances[:, :1]
    logs, offsets, is_bounded = _fit(correlations, steps)
    logs = logs + np.log(1000.0 * control_step_s)
    return Timescale(
        Estimate.jackknifed(logs[0], logs[1:], "log"),
        Estimate.jackknifed(offsets[0], offsets[1:]),
        correlations[0],
        lags_ms,
        is_bounded,
    )


def _group_sums(
    seen: Floats, groups: NDArray[np.int64], steps: NDArray[np.int64]
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return lagged products and sums over the episodes of each group, and counts."""
    n_groups, length = int(groups.max()) + 1, seen.shape[1]
    products = np.zeros((n_groups, len(steps)))
    means = np.zeros((n_groups, *seen.shape[1:]))
    for group in range(n_groups):
        own = seen[groups == group]
        means[group] = own.sum(axis=0)
        for k in steps:
            later, earlier = own[:, k:], own[:, : length - k]
            products[group, k] = np.einsum("etu,etu->", later, earlier) / (length - k)
    return products, means, np.bincount(groups).astype(np.int64)


def _covariances(
    products: Floats, means: Floats, n: int, steps: NDArray[np.int64]
) -> Floats:
    """Return the covariance over episodes at each lag, summed over units."""
    length = len(means)
    common = [
        np.einsum("tu,tu->", means[k:], means[: length - k]) / (length - k)
        for k in steps
    ]
    return (products - np.array(common) / n) / (n - 1)


def _fit(correlations: Floats, steps: NDArray[np.int64]) -> tuple[Floats, Floats, bool]:
    """Return log time constants in steps, offsets, and whether the first is inside."""
    ends = np.log(_SHORTEST), np.log(_LONGEST * steps[-1])
    grid = np.linspace(*ends, 400)
    first = _best(correlations, steps, np.tile(grid, (len(correlations), 1)))
    width = grid[1] - grid[0]
    near = first[0][:, None] + np.linspace(-width, width, 101)
    logs, offsets = _best(correlations, steps, np.clip(near, *ends))
    is_bounded = bool(ends[0] + width < logs[0] < ends[1] - width)
    return logs, offsets, is_bounded


def _best(
    correlations: Floats, steps: NDArray[np.int64], logs: Floats
) -> tuple[Floats, Floats]:
    """Return the best of the time constants of each row, and its offset."""
    decay = np.exp(-steps / np.exp(logs)[:, :, None])
    rise = 1.0 - decay
    short = correlations[:, None] - decay
    offset = np.clip((short * rise).sum(-1) / (rise**2).sum(-1), 0.0, 1.0)
    errors = ((short - offset[:, :, None] * rise) ** 2).sum(-1)
    best = errors.argmin(axis=1)
    rows = np.arange(len(best))
    return logs[rows, best], offset[rows, best]
