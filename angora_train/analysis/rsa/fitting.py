# SPDX-License-Identifier: Apache-2.0
"""Fitting: what each of several models adds to the others in explaining distances.

Models of one task are alike: what is far in goal is far in posture. Compared one by one
they all fit. Jointly, `partial` is the correlation of the distances with what a model
says beyond all others, `unique` the share of variance that only it explains, and
`weight` its share in the mixture of models, none of them negative, that fits best.

Every figure follows from few products, so that a thousand resamples cost no more than
one: with distances ``d = W D`` (W the weights of fold pairs, D their distances) the
correlations need ``D X'`` and ``D D'`` alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from angora_train.errors import ConfigError

__all__ = ["MEASURES", "Moments", "Predictors", "fit", "moments_of", "predictors"]

MEASURES = ("correlation", "partial", "unique", "weight")
"""What is told of a model; ``partial`` is what is tested."""

_MOST_MODELS = 10
_LARGEST_INFLATION = 1e6
"""Variance inflation above which a model says nothing beyond those before it."""


@dataclass(frozen=True)
class Predictors:
    """Models in one scope: all pairs of conditions, or those within or between kinds.

    Attributes
    ----------
    names : tuple of str
        Models that vary in the scope and are not a mixture of those before them.
    left_out : mapping of str to str
        The others, with the reason.
    is_in : ndarray of bool, shape (n_pairs,)
        Pairs of conditions in the scope.
    values : ndarray of float64, shape (n_models, n_in)
        Models, mean 0 and norm 1.
    """

    names: tuple[str, ...]
    left_out: Mapping[str, str]
    is_in: NDArray[np.bool_]
    values: NDArray[np.float64]

    @property
    def gram(self) -> NDArray[np.float64]:
        """Correlations of the models, shape (n_models, n_models)."""
        return np.asarray(self.values @ self.values.T)

    @property
    def inflation(self) -> NDArray[np.float64]:
        """Variance inflation of each model by the others: 1 if it is like none."""
        return np.asarray(np.diag(np.linalg.inv(self.gram)))


@dataclass(frozen=True)
class Moments:
    """Products of the distances of fold pairs with models and with each other.

    Attributes
    ----------
    with_models : ndarray of float64, shape (n_fold_pairs, n_models)
        With each model.
    with_each_other : ndarray of float64, shape (n_fold_pairs, n_fold_pairs)
        Of distances minus their mean.
    """

    with_models: NDArray[np.float64]
    with_each_other: NDArray[np.float64]


def predictors(
    models: Mapping[str, NDArray[np.float64]], is_in: NDArray[np.bool_]
) -> Predictors:
    """Prepare models to be compared in a scope.

    Parameters
    ----------
    models : mapping of str to ndarray of float64, shape (n_pairs,)
        Distances that they expect.
    is_in : ndarray of bool, shape (n_pairs,)
        Pairs of conditions that count.

    Returns
    -------
    Predictors
        Those that can be told apart.

    Raises
    ------
    ConfigError
        If there are more than ten models, or a model has another number of distances.
    """
    if len(models) > _MOST_MODELS:
        raise ConfigError(
            f"At most {_MOST_MODELS} models are compared jointly, got {len(models)}: "
            f"{', '.join(models)}."
        )
    kept: dict[str, NDArray[np.float64]] = {}
    left_out: dict[str, str] = {}
    for name, values in models.items():
        if values.shape != is_in.shape:
            raise ConfigError(
                f"The model '{name}' has {values.size} distances, and the conditions "
                f"have {is_in.size}."
            )
        centred = values[is_in] - values[is_in].mean() if is_in.any() else values[:0]
        norm = np.linalg.norm(centred)
        if norm <= 1e-9 * np.abs(values).max(initial=0.0):
            left_out[name] = "is constant here"
        elif _is_mixture(centred / norm, list(kept.values())):
            left_out[name] = f"says nothing beyond {', '.join(kept)} here"
        elif is_in.sum() < len(kept) + 4:
            left_out[name] = f"is one too many for {is_in.sum()} distances"
        else:
            kept[name] = centred / norm
    values = np.array(list(kept.values())).reshape(len(kept), int(is_in.sum()))
    return Predictors(tuple(kept), left_out, is_in, values)


def _is_mixture(
    model: NDArray[np.float64], others: Sequence[NDArray[np.float64]]
) -> bool:
    """Return whether a model is a mixture of others, all of norm 1."""
    if not others:
        return False
    basis = np.linalg.qr(np.array(others).T)[0]
    rest = model - basis @ (basis.T @ model)
    return bool(np.square(rest).sum() < 1 / _LARGEST_INFLATION)


def moments_of(
    distances: NDArray[np.float64], scopes: Mapping[str, Predictors]
) -> dict[str, Moments]:
    """Reduce the distances of an area to what fits are made from.

    Parameters
    ----------
    distances : ndarray of float64, shape (n_fold_pairs, n_pairs)
        Of each pair of folds.
    scopes : mapping of str to Predictors
        Models of each scope.

    Returns
    -------
    dict of str to Moments
        Products within each scope.
    """
    total = distances @ distances.T
    found = {}
    for scope, models in scopes.items():
        n_in = int(models.is_in.sum())
        is_most = 2 * n_in > models.is_in.size
        beside = distances[:, models.is_in != is_most]
        products = beside @ beside.T
        if is_most:  # of most pairs, all products without the others'
            products = total - products
        values = np.zeros((len(models.names), models.is_in.size))
        values[:, models.is_in] = models.values
        mean = distances @ models.is_in / n_in
        found[scope] = Moments(
            distances @ values.T, products - n_in * np.outer(mean, mean)
        )
    return found


def fit(
    moments: Moments, weights: NDArray[np.float64], gram: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Fit models jointly to weighted means of the distances.

    Parameters
    ----------
    moments : Moments
        Of an area in a scope.
    weights : ndarray of float64, shape (n, n_fold_pairs)
        A row a resample.
    gram : ndarray of float64, shape (n_models, n_models)
        Correlations of the models.

    Returns
    -------
    dict of str to ndarray of float64
        By :data:`MEASURES`, shape (n, n_models): `correlation` of a model alone;
        `partial` correlation given the others; `unique`, the squared semipartial
        correlation with the sign of the effect, its square a product of separate
        folds, so that noise adds nothing to it (of fewer than four folds, the plain
        square); `weight`, by non-negative least squares, of models and distances of
        norm 1. ``explained``, shape (n,): share of the variance that this mixture
        explains. Not a number where distances do not vary.
    """
    if not len(gram):
        empty = np.zeros((len(weights), 0))
        return {**dict.fromkeys(MEASURES, empty), "explained": np.zeros(len(weights))}
    squares = np.einsum("bp,bp->b", weights @ moments.with_each_other, weights)
    scale = np.sqrt(np.where(squares > 0, squares, np.nan))
    correlation = (weights @ moments.with_models) / scale[:, None]
    inverse = np.linalg.inv(gram)
    beta = correlation @ inverse
    only = np.square(beta) / np.diag(inverse)
    rest = np.maximum(1 - (beta * correlation).sum(axis=1), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        partial = np.sign(beta) * np.sqrt(only / (rest[:, None] + only))
    own = moments.with_models @ inverse / np.sqrt(np.diag(inverse))
    squared = _held_out_squares(own, weights)
    unique = only if squared is None else squared / np.square(scale)[:, None]
    weight, explained = _non_negative(correlation, gram)
    return {
        "correlation": correlation,
        "partial": partial,
        "unique": np.sign(beta) * unique,
        "weight": weight,
        "explained": explained,
    }


def _held_out_squares(
    values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Return squares of weighted means whose two factors have no fold in common.

    Of a noisy mean, the square is too large by its variance; products of estimates from
    separate folds are not. Pairs of fold pairs that share a fold are taken off the
    square of the sum: those of each fold, less those that share both.
    """
    n_folds = round((1 + np.sqrt(1 + 8 * len(values))) / 2)
    if n_folds < 4:
        return None
    has_fold = np.zeros((n_folds, len(values)))
    for fold in np.triu_indices(n_folds, 1):
        has_fold[fold, np.arange(len(values))] = 1.0

    def apart(x: NDArray[np.float64]) -> NDArray[np.float64]:
        of_fold = (x[:, None] * has_fold) @ values
        return np.asarray(
            np.square(x @ values)
            - np.square(of_fold).sum(axis=1)
            + np.square(x) @ np.square(values)
        )

    count = (
        np.square(weights.sum(axis=1))
        - np.square(weights @ has_fold.T).sum(axis=1)
        + np.square(weights).sum(axis=1)
    )
    is_any = count > 1e-12
    return np.asarray(apart(weights) / np.where(is_any, count, np.nan)[:, None])


def _non_negative(
    correlation: NDArray[np.float64], gram: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights of non-negative least squares and the variance they explain.

    Of all sets of models, those whose unconstrained weights are positive are feasible;
    the best of these is the solution.
    """
    n, n_models = correlation.shape
    best, weight = np.zeros(n), np.zeros((n, n_models))
    for size in range(1, n_models + 1):
        for chosen in map(list, combinations(range(n_models), size)):
            of_set = correlation[:, chosen]
            beta = np.linalg.solve(gram[np.ix_(chosen, chosen)], of_set.T).T
            explained = (beta * of_set).sum(axis=1)
            is_better = (beta > 0).all(axis=1) & (explained > best)
            best = np.where(is_better, explained, best)
            weight[is_better] = 0.0
            weight[np.ix_(is_better, chosen)] = beta[is_better]
    is_nan = np.isnan(correlation).any(axis=1)
    best[is_nan], weight[is_nan] = np.nan, np.nan
    return weight, best
