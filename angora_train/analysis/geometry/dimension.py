# SPDX-License-Identifier: Apache-2.0
"""Dimension: over how many directions the variance of an area's activity is spread.

The participation ratio of a covariance C is tr(C)^2 / tr(C^2). Put in the covariance
of few samples, or of few units, and it comes out too small: the more so, the fewer
there are, and areas differ in their units. Here numerator and denominator are each
estimated without bias, from products whose factors come from different episodes and
different units, as Chun et al. (2025) do with samples. Moments of one episode, whose
steps resemble each other, count as one sample.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import factorial, perm

import numpy as np
from numpy.typing import NDArray

from angora_train.analysis.estimates import (
    Estimate,
    Floats,
    episode_groups,
)

__all__ = ["Dimension", "dimension", "naive_dimension"]

_MOST_UNITS = 128
"""Of more units, so many are drawn: pairs of them are a fair sample of all pairs."""

# Factors of a product, of units a and b: S the episode's mean of x_a x_b, da that of
# x_a x_a, ma that of x_a.
_VARIANCES = {("da", "db"): 1, ("da", "mb", "mb"): -2, ("ma", "ma", "mb", "mb"): 1}
_COVARIANCES = {("S", "S"): 1, ("S", "ma", "mb"): -2, ("ma", "ma", "mb", "mb"): 1}


@dataclass(frozen=True)
class Dimension:
    """An area's participation ratio.

    Attributes
    ----------
    of_population : Estimate
        Of a population from which the units are a sample; so areas of different
        numbers of units compare. On the inverse scale; infinite where units share
        no variance.
    of_units : Estimate
        Of these units alone, at most as many as they are; likewise.
    """

    of_population: Estimate
    of_units: Estimate


def dimension(activity: NDArray[np.floating], rng: np.random.Generator) -> Dimension:
    """Estimate the participation ratio of an area's activity without bias.

    Parameters
    ----------
    activity : ndarray of float, shape (n_episodes, n_steps, n_units)
        NaN after an episode's end.
    rng : numpy.random.Generator
        Draws units of an area that has very many.

    Returns
    -------
    Dimension
        NaN for an area whose units do not vary; that of the population also for a
        single unit.

    Raises
    ------
    ConfigError
        If there are fewer than four episodes.

    References
    ----------
    Chun, Canatar, Chung & Lee (2025), Estimating dimensionality of neural
    representations from finite samples. https://arxiv.org/abs/2509.26560
    """
    n_units = activity.shape[2]
    if n_units > _MOST_UNITS:
        kept = np.sort(rng.choice(n_units, _MOST_UNITS, replace=False))
        activity = activity[:, :, kept]
    groups = episode_groups(len(activity))
    sums = _group_sums(activity, groups)
    counts = np.bincount(groups).astype(np.int64)
    total = {key: x.sum(axis=0) for key, x in sums.items()}
    ratios = [_ratios(total, int(counts.sum()), n_units)]
    for g, count in enumerate(counts):
        left = {key: total[key] - x[g] for key, x in sums.items()}
        ratios.append(_ratios(left, int(counts.sum() - count), n_units))
    (population, units), *without = ratios
    by_group = np.array(without)
    return Dimension(
        Estimate.jackknifed(population, by_group[:, 0], "inverse"),
        Estimate.jackknifed(units, by_group[:, 1], "inverse"),
    )


def naive_dimension(activity: NDArray[np.floating]) -> float:
    """Return the participation ratio of the sample's covariance, bias and all.

    Parameters
    ----------
    activity : ndarray of float, shape (n_episodes, n_steps, n_units)
        NaN after an episode's end.

    Returns
    -------
    float
        Between 1 and the number of units; NaN if nothing varies.

    Examples
    --------
    >>> square = np.array([[[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]])
    >>> naive_dimension(square)
    2.0
    """
    rows = activity.reshape(-1, activity.shape[2]).astype(np.float64)
    rows = rows[~np.isnan(rows).any(axis=1)]
    rows = rows - rows.mean(axis=0)
    covariance = rows.T @ rows
    scatter = float(np.sum(covariance**2))
    return float(np.trace(covariance)) ** 2 / scatter if scatter > 0 else float("nan")


def _group_sums(
    activity: NDArray[np.floating], groups: NDArray[np.int64]
) -> dict[tuple[str, ...], Floats]:
    """Return sums over the episodes of each group of all products that are needed."""
    n_units = activity.shape[2]
    keys = sorted(
        {
            tuple(sorted(block))
            for term in (*_VARIANCES, *_COVARIANCES)
            for partition in _partitions(term)
            for block in partition
        }
    )
    sums = {k: np.zeros((groups.max() + 1, n_units, n_units)) for k in keys}
    # A shift of all activity changes no covariance, and keeps products small.
    centre = np.nanmean(activity, axis=(0, 1), dtype=np.float64)
    for group, episode in zip(groups, activity, strict=True):
        rows = episode[~np.isnan(episode).any(axis=1)] - centre
        second = rows.T @ rows / len(rows)
        mean, own = rows.mean(axis=0), np.diag(second)
        factors = {
            "S": second,
            "da": own[:, None],
            "db": own[None, :],
            "ma": mean[:, None],
            "mb": mean[None, :],
        }
        for key in keys:
            product: Floats = np.ones((1, 1))
            for name in key:
                product = product * factors[name]
            sums[key][group] += product
    return sums


def _ratios(
    sums: Mapping[tuple[str, ...], Floats], n: int, n_units: int
) -> tuple[float, float]:
    """Return one over the participation ratio: of the population, of the units."""
    pairs = []
    for terms in (_VARIANCES, _COVARIANCES):
        values = sum(w * _distinct_mean(sums, n, term) for term, w in terms.items())
        matrix = np.broadcast_to(values, (len(sums["S",]), len(sums["S",])))
        diagonal, n_seen = float(np.trace(matrix)), len(matrix)
        apart = (float(matrix.sum()) - diagonal) / max(n_seen * (n_seen - 1), 1)
        pairs.append((apart, diagonal / n_seen))
    (variances, own_variances), (covariances, own) = pairs
    of_units = [
        (n_units - 1) * apart + same
        for apart, same in ((covariances, own), (variances, own_variances))
    ]
    return (
        covariances / variances if variances > 0 and n_units > 1 else float("nan"),
        of_units[0] / of_units[1] if of_units[1] > 0 else float("nan"),
    )


def _distinct_mean(
    sums: Mapping[tuple[str, ...], Floats], n: int, factors: Sequence[str]
) -> Floats:
    """Return the mean of a product whose factors are of different episodes.

    Over ordered choices of different episodes; by inclusion and exclusion over the
    partitions of the factors, from sums over single episodes.
    """
    total: Floats = np.zeros((1, 1))
    for partition in _partitions(tuple(factors)):
        term: Floats = np.ones((1, 1))
        for block in partition:
            weight = (-1) ** (len(block) - 1) * factorial(len(block) - 1)
            term = term * weight * sums[tuple(sorted(block))]
        total = total + term
    return total / perm(n, len(factors))


@cache
def _partitions(items: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """Return all ways to put things, told apart by their place, into blocks."""
    return tuple(_ways(items))


def _ways(items: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], ...]]:
    """Yield them: the first thing with any of the others, then the rest."""
    if not items:
        yield ()
        return
    first, rest = items[0], items[1:]
    for size in range(len(rest) + 1):
        for chosen in combinations(range(len(rest)), size):
            block = (first, *(rest[i] for i in chosen))
            left = tuple(x for i, x in enumerate(rest) if i not in chosen)
            for others in _ways(left):
                yield (block, *others)
