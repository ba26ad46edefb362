# SPDX-License-Identifier: Apache-2.0
"""Resampling: how sure a fit is over episodes and subjects, and what chance brings.

Two things can make a model fit by chance. Episodes are few: the bootstrap draws folds
of episodes, and subjects where there are several. Conditions are few: whatever tells
them apart fits some model a little; the permutation test gives the conditions each
other's labels. The recommended test, of a model's partial correlation, asks for both:
its p is the larger of the two (an intersection-union test).

What may change places must be alike if the hypothesis is false. Phases of a kind are
not: activity, posture and action all change slowly, so that two slow things that have
nothing to do with each other fit, and phases exchanged at random hide it. Kinds
therefore change places as wholes and keep the order of their phases. Only the models of
the phases and of the kinds, which that leaves as they are, exchange conditions within
kinds, and all conditions.

References
----------
Schuett et al. (2023), Statistical inference on representational geometries, eLife
12:e82566. https://doi.org/10.7554/eLife.82566
Dekker, Krackhardt & Snijders (2007), Sensitivity of MRQAP tests to collinearity and
autocorrelation conditions, Psychometrika 72:563 (double semi-partialing).
Benjamini & Hochberg (1995), Controlling the false discovery rate, J R Stat Soc B
57:289.
Nichols & Holmes (2002), Nonparametric permutation tests for functional neuroimaging,
Hum Brain Mapp 15:1 (maximum statistic).
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from angora_train.analysis.rsa.distances import fold_pairs
from angora_train.analysis.rsa.fitting import Predictors

__all__ = [
    "FEWEST_FOLDS",
    "Keeps",
    "false_discovery_rate",
    "fold_weights",
    "half_weights",
    "hierarchical",
    "labels_exchanged",
    "n_exchanges",
    "permuted_partials",
]

FEWEST_FOLDS = 4
"""Folds that an interval needs: two make one pair of folds, which every resample
repeats, and of three most resamples have one or all."""
Keeps = Literal["nothing", "kinds", "time"]
"""What exchanged labels leave together, see :func:`labels_exchanged`."""


def fold_weights(
    n_folds: int, n: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], int]:
    """Draw folds of episodes with replacement.

    Parameters
    ----------
    n_folds : int
        Folds.
    n : int
        Resamples.
    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    weights : ndarray of float64, shape (n, n_fold_pairs)
        Of the distances of each pair of folds; a fold makes no pair with itself,
        however often it is drawn, so distances stay unbiased. A row is not a number
        if one fold alone was drawn.
    n_valid : int
        Resamples with a pair.
    """
    counts = rng.multinomial(n_folds, np.full(n_folds, 1 / n_folds), size=n)
    first, second = fold_pairs(n_folds)
    weights = (counts[:, first] * counts[:, second]).astype(np.float64)
    total = weights.sum(axis=1, keepdims=True)
    weights /= np.where(total > 0, total, np.nan)
    return weights, int((total > 0).sum())


def half_weights(
    n_folds: int, n: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Split folds into halves at random.

    Parameters
    ----------
    n_folds : int
        Folds.
    n : int
        Splits.
    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    tuple of two ndarrays of float64, shape (n, n_fold_pairs), or None
        Weights of pairs within either half; None with fewer than four folds.
    """
    if n_folds < 4:
        return None
    order = np.argsort(rng.random((n, n_folds)), axis=1)
    is_first = order < n_folds // 2
    first, second = fold_pairs(n_folds)
    halves = []
    for is_own in (is_first, ~is_first):
        weights = (is_own[:, first] & is_own[:, second]).astype(np.float64)
        halves.append(weights / weights.sum(axis=1, keepdims=True))
    return halves[0], halves[1]


def hierarchical(
    resamples: Sequence[NDArray[np.float64]], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw subjects with replacement, and for each its resample of episodes.

    Parameters
    ----------
    resamples : sequence of ndarray of float64, shape (n, ...)
        A statistic over resamples of episodes, one array a subject.
    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    ndarray of float64, shape (n, ...)
        Mean over the subjects drawn; of one subject, its own resamples.
    """
    n_subjects, n = len(resamples), len(resamples[0])
    if n_subjects == 1:
        return resamples[0]
    stacked = np.stack(resamples)
    drawn = rng.integers(n_subjects, size=(n_subjects, n))
    total = np.zeros_like(stacked[0])
    for subjects in drawn:
        total += stacked[subjects, rng.permutation(n)]
    return np.asarray(total / n_subjects)


def labels_exchanged(
    levels: NDArray[np.int64],
    n: int,
    rng: np.random.Generator,
    *,
    keeps: Keeps,
    phase: int | None = None,
) -> NDArray[np.int64]:
    """Give conditions each other's labels.

    Parameters
    ----------
    levels : ndarray of int64, shape (n_conditions, n_factors)
        Level of each factor; the first makes the kinds.
    n : int
        Permutations.
    rng : numpy.random.Generator
        Draws them.
    keeps : {"nothing", "kinds", "time"}
        What stays together. ``nothing``: conditions change places freely. ``kinds``:
        kinds of equal size do, and conditions within them, so that pairs within kinds
        stay within kinds. ``time``: kinds of equal levels do, and levels of the other
        factors within them, and each keeps the order of its phases.
    phase : int, optional
        Column of the phases; ``time`` needs it.

    Returns
    -------
    ndarray of int64, shape (n, n_conditions)
        Permutations.
    """
    n_conditions = len(levels)
    if keeps == "nothing":
        return np.argsort(rng.random((n, n_conditions)), axis=1)
    kinds = _kinds_of(levels, phase if keeps == "time" else None)
    sizes = [_sizes(kind) for kind in kinds]
    found = np.empty((n, n_conditions), np.int64)
    for row in found:
        for target, i in zip(kinds, _exchanged(sizes, rng), strict=True):
            keys = [phases for phases, _ in kinds[i]]
            for (_, to), j in zip(target, _exchanged(keys, rng), strict=True):
                row[to] = kinds[i][j][1]
    return found


def n_exchanges(levels: NDArray[np.int64], phase: int) -> int:
    """Return in how many ways labels can be exchanged that keep the order of phases.

    Parameters
    ----------
    levels, phase
        See :func:`labels_exchanged`.

    Returns
    -------
    int
        Ways, the one that exchanges nothing among them: p is at least 1 by it.
    """
    kinds = _kinds_of(levels, phase)
    ways = _orders([_sizes(kind) for kind in kinds])
    for kind in kinds:
        ways *= _orders([phases for phases, _ in kind])
    return ways


_Group = tuple[tuple[int, ...], NDArray[np.int64]]
"""Phases of conditions that stay together, and the conditions."""


def _kinds_of(levels: NDArray[np.int64], phase: int | None) -> list[list[_Group]]:
    """Return the groups of conditions of each kind, without phases each one alone."""
    if phase is None:
        kind = levels[:, 0]
        group = np.arange(len(levels))
        order = np.zeros(len(levels), np.int64)
    else:
        rest = np.delete(levels, phase, axis=1)
        kind = levels[:, 0] if phase > 0 else np.zeros(len(levels), np.int64)
        group = np.unique(rest, axis=0, return_inverse=True)[1].ravel()
        order = levels[:, phase]
    found = []
    for one in np.unique(kind):
        groups = [np.flatnonzero(group == x) for x in dict.fromkeys(group[kind == one])]
        ordered = [x[np.argsort(order[x])] for x in groups]
        found.append([(tuple(order[x].tolist()), x) for x in ordered])
    return found


def _sizes(kind: Sequence[_Group]) -> tuple[tuple[int, ...], ...]:
    """Return what kinds that change places have in common."""
    return tuple(phases for phases, _ in kind)


def _exchanged(keys: Sequence[object], rng: np.random.Generator) -> list[int]:
    """Return places, those of equal keys exchanged."""
    found = list(range(len(keys)))
    for key in dict.fromkeys(keys):
        same = [i for i, x in enumerate(keys) if x == key]
        for i, j in zip(same, rng.permutation(same).tolist(), strict=True):
            found[i] = j
    return found


def _orders(keys: Sequence[object]) -> int:
    """Return in how many orders places of equal keys can stand."""
    return math.prod(math.factorial(x) for x in Counter(keys).values())


def permuted_partials(
    distances: NDArray[np.float64],
    models: Predictors,
    orders: Sequence[NDArray[np.int64]],
) -> NDArray[np.float64]:
    """Return partial correlations with conditions that have each other's labels.

    Double semi-partialing: what a model says beyond the others is permuted, and its
    partial correlation, given the others as they are, is what is compared.

    Parameters
    ----------
    distances : ndarray of float64, shape (n_areas, n_pairs)
        Of each area.
    models : Predictors
        In a scope; permutations keep it.
    orders : sequence of ndarray of int64, shape (n, n_conditions)
        Permutations of the conditions, of each model.

    Returns
    -------
    ndarray of float64, shape (n, n_areas, n_models)
        Partial correlations, in single precision; 0 where distances do not vary.
    """
    n, n_conditions = orders[0].shape
    i, j = np.triu_indices(n_conditions, 1)
    chosen = distances[:, models.is_in]
    chosen = chosen - chosen.mean(axis=1, keepdims=True)
    found = np.zeros((n, len(distances), len(models.names)))
    for m in range(len(models.names)):
        others = np.delete(models.values, m, axis=0)
        basis = np.linalg.qr(others.T)[0] if len(others) else others.T
        residual = models.values[m] - basis @ (basis.T @ models.values[m])
        square = np.zeros((n_conditions, n_conditions))
        square[i[models.is_in], j[models.is_in]] = residual
        square = square + square.T
        rest = chosen - (chosen @ basis) @ basis.T
        norms = np.linalg.norm(rest, axis=1)
        rest = rest / np.where(norms > 0, norms, np.nan)[:, None]
        rest, basis = rest.astype(np.float32), basis.astype(np.float32)
        square = square.astype(np.float32)
        rows, columns = i[models.is_in], j[models.is_in]
        for start in range(0, n, 50):
            part = orders[m][start : start + 50]
            moved = square[part[:, rows], part[:, columns]]
            along = moved @ basis
            left = np.square(moved).sum(axis=1) - np.square(along).sum(axis=1)
            left = np.where(left > 1e-6 * float(residual @ residual), left, np.nan)
            found[start : start + 50, :, m] = (moved @ rest.T) / np.sqrt(left)[:, None]
    return np.nan_to_num(found)


def false_discovery_rate(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correct p for the number of tests (Benjamini & Hochberg 1995).

    Parameters
    ----------
    p : ndarray of float64
        Of all tests; those that are not a number do not count.

    Returns
    -------
    ndarray of float64
        Smallest rate of false discoveries at which each is a discovery.

    Examples
    --------
    >>> false_discovery_rate(np.array([0.01, 0.04, 0.03, 0.5])).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.5]
    """
    corrected = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p.ravel()))
    values = p.ravel()[known]
    order = np.argsort(-values)
    ranks = np.arange(len(values), 0, -1)
    best = np.minimum.accumulate(values[order] * len(values) / ranks)
    corrected.ravel()[known[order]] = np.minimum(best, 1.0)
    return corrected
