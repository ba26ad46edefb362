# SPDX-License-Identifier: Apache-2.0
"""Resampling: how sure a fit is over episodes and subjects, and what chance brings.

Two things can make a model fit by chance. Episodes are few: the bootstrap draws folds
of episodes, and subjects where there are several. Conditions are few: whatever tells
them apart fits some model a little; the permutation test gives the conditions each
other's labels. Conditions of a kind share episodes, and so noise: kinds change places
as a whole and conditions within them, except for the model of the kinds itself, which
that would leave as it is. The recommended test, of a model's partial correlation, asks
for both: its p is the larger of the two (an intersection-union test).

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

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from angora_train.analysis.rsa.distances import fold_pairs
from angora_train.analysis.rsa.fitting import Predictors

__all__ = [
    "false_discovery_rate",
    "fold_weights",
    "half_weights",
    "hierarchical",
    "labels_exchanged",
    "permuted_partials",
]


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
    kinds: NDArray[np.int64], n: int, rng: np.random.Generator, *, keeps_kinds: bool
) -> NDArray[np.int64]:
    """Give conditions each other's labels.

    Parameters
    ----------
    kinds : ndarray of int64, shape (n_conditions,)
        Kind of each.
    n : int
        Permutations.
    rng : numpy.random.Generator
        Draws them.
    keeps_kinds : bool
        Whether conditions of a kind stay together: kinds of equal size change places,
        and conditions within them, so that pairs within kinds stay within kinds.

    Returns
    -------
    ndarray of int64, shape (n, n_conditions)
        Permutations.
    """
    n_conditions = len(kinds)
    if not keeps_kinds:
        return np.argsort(rng.random((n, n_conditions)), axis=1)
    members = [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]
    sizes = np.array([len(one) for one in members])
    found = np.empty((n, n_conditions), np.int64)
    for row in found:
        source = np.arange(len(members))
        for size in np.unique(sizes):
            same = np.flatnonzero(sizes == size)
            source[same] = rng.permutation(same)
        for target, i in zip(members, source, strict=True):
            row[target] = rng.permutation(members[i])
    return found


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
