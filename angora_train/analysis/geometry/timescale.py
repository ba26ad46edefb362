# SPDX-License-Identifier: Apache-2.0
"""Timescale: how long an area's activity resembles itself.

The autocorrelation is taken across episodes, as Murray et al. (2014) do across trials:
at each pair of moments the covariance over episodes, summed over units. Means belong to
a moment and a kind of goal, so what a condition always does is left out, and the
shortness of episodes does not bias it, as the mean of each single episode would. What
an episode keeps beyond its kind from its beginning to its end, such as where it
started, does not decay: it is the offset of the exponential that is fitted, theirs for
timescales much longer than what was looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from angora_train.analysis.estimates import (
    LEAST_EPISODES,
    Estimate,
    Floats,
    Limit,
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
        Time constant of the exponential, in ms, on the logarithmic scale; with a limit
        where it lies beyond what was looked at.
    offset : Estimate
        Share of the variance over episodes that does not decay.
    correlation : ndarray of float, shape (n_lags + 1,)
        Autocorrelation from lag 0 on.
    lags_ms : ndarray of float, shape (n_lags + 1,)
        The lags, in ms.
    """

    time_ms: Estimate
    offset: Estimate
    correlation: Floats
    lags_ms: Floats


def timescale(
    activity: NDArray[np.floating],
    control_step_s: float,
    kinds: NDArray[np.integer] | None = None,
) -> Timescale:
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
    kinds : ndarray of int, shape (n_episodes,), optional
        Condition of each episode, such as the kind of its goal: the mean of each at
        each moment is left out. By default all are of one.

    Returns
    -------
    Timescale
        NaN for an area that does not vary over episodes of a kind.

    Raises
    ------
    ConfigError
        If fewer than four episodes are long enough, or there are not four more than
        kinds.

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
    is_long = lengths >= 2 * n_lags
    seen = activity[is_long, : 2 * n_lags].astype(np.float64)
    groups = episode_groups(len(seen))
    own = np.zeros(len(seen), np.int64) if kinds is None else kinds[is_long]
    _require_enough(own)
    steps = np.arange(n_lags + 1)
    covariances = _covariances(seen, own, groups, steps)
    lags_ms: Floats = np.asarray(steps * (1000.0 * control_step_s), np.float64)
    n_groups = len(covariances) - 1
    if covariances[0, 0] <= 0.0:
        nothing = np.full(n_groups, np.nan)
        unknown = Estimate(float("nan"), nothing, "log")
        lost = Estimate(float("nan"), nothing)
        return Timescale(unknown, lost, covariances[0] * np.nan, lags_ms)
    correlations = covariances / covariances[:, :1]
    logs, offsets, limit = _fit(correlations, steps)
    logs = logs + np.log(1000.0 * control_step_s)
    time_ms = Estimate.jackknifed(logs[0], logs[1:], "log")
    return Timescale(
        replace(time_ms, limit=limit),
        Estimate.jackknifed(offsets[0], offsets[1:]),
        correlations[0],
        lags_ms,
    )


def _require_enough(kinds: NDArray[np.integer]) -> None:
    """Refuse episodes whose means by kind leave nothing over."""
    n_kinds = len(np.unique(kinds))
    needed = n_kinds + LEAST_EPISODES
    if n_kinds > 1 and len(kinds) < needed:
        raise ConfigError(
            f"A timescale leaves out the mean of each kind of goal: of {n_kinds} kinds "
            f"it needs at least {needed} episodes, got {len(kinds)}. Record more: "
            f"--episodes {needed}"
        )


def _covariances(
    seen: Floats,
    kinds: NDArray[np.integer],
    groups: NDArray[np.int64],
    steps: NDArray[np.int64],
) -> Floats:
    """Return covariances over episodes of a kind at each lag, summed over units.

    Shape (1 + n_groups, n_lags + 1): of all episodes, then without each group.
    """
    seen = seen - seen.mean(axis=(0, 1))
    products = np.array([list(_lagged(x, steps)) for x in seen])
    rows = []
    for left_out in range(-1, int(groups.max()) + 1):
        is_kept = groups != left_out
        total, n_free = products[is_kept].sum(axis=0), 0
        for kind in np.unique(kinds[is_kept]):
            own = seen[is_kept & (kinds == kind)]
            mean = own.mean(axis=0)
            total = total - len(own) * np.array(list(_lagged(mean, steps)))
            n_free += len(own) - 1
        rows.append(total / max(n_free, 1))
    return np.array(rows)


def _lagged(x: Floats, steps: NDArray[np.int64]) -> Iterator[float]:
    """Yield the mean over moments of a signal's product with itself later."""
    between = x @ x.T  # (T, T)
    for k in steps:
        yield float(np.diagonal(between, k).mean())


def _fit(
    correlations: Floats, steps: NDArray[np.int64]
) -> tuple[Floats, Floats, Limit]:
    """Return log time constants in steps, offsets, and what is known of the first."""
    ends = np.log(_SHORTEST), np.log(_LONGEST * steps[-1])
    grid = np.linspace(*ends, 400)
    first = _best(correlations, steps, np.tile(grid, (len(correlations), 1)))
    width = grid[1] - grid[0]
    near = first[0][:, None] + np.linspace(-width, width, 101)
    logs, offsets = _best(correlations, steps, np.clip(near, *ends))
    is_long, is_short = logs[0] >= ends[1] - width, logs[0] <= ends[0] + width
    return logs, offsets, "at least" if is_long else "at most" if is_short else ""


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
