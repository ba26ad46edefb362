# SPDX-License-Identifier: Apache-2.0
"""Ridge regression with nested cross-validation, from the sums of each fold.

A fold's sums of squares and products are all that a fit needs of it. Those of any
training set are sums of folds' sums; one eigendecomposition of them serves every target
and every penalty; and the error in a fold that chooses the penalty follows from that
fold's sums. So 36 lags of 35 areas take minutes, and the result is that of
scikit-learn's ``StandardScaler`` and ``Ridge`` with the same folds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ALPHAS",
    "Design",
    "Fit",
    "Moments",
    "fit",
    "fit_beyond",
    "predict_nested",
]

Array = NDArray[np.float64]

ALPHAS = tuple(10.0**power for power in range(-6, 3))
"""Penalties that are tried: a fraction of the number of samples, for standardised
activity; Ridge's ``alpha`` is this times the samples that are fitted. The largest
leaves the mean of what was fitted, or as good as."""

_LEAST_VARIANCE = 1e-10
"""Of standardised activity; units below it are silent in what is fitted."""


@dataclass(frozen=True)
class Moments:
    """Sums over each fold's samples of a target, alone and with activity.

    Attributes
    ----------
    y : ndarray, shape (n_folds, n_channels)
        Sums of the target.
    xy : ndarray, shape (n_folds, n_units, n_channels)
        Sums of activity times target.
    yy : ndarray, shape (n_folds, n_channels)
        Sums of squares of the target.
    """

    y: Array
    xy: Array
    yy: Array


@dataclass(frozen=True)
class _Basis:
    """Principal axes of a training set's standardised activity."""

    n: float
    mean: Array
    to_axes: Array  # (n_units, n_units): centred activity to coordinates
    variance: Array


class Design:
    """The activity that is fitted, and what of it all targets share.

    Parameters
    ----------
    x : ndarray of float64, shape (n, n_units)
        Activity, roughly standardised, sorted by fold.
    bounds : ndarray of int, shape (n_folds + 1,)
        Where folds begin and end.
    """

    def __init__(self, x: Array, bounds: NDArray[np.int64]) -> None:
        self.x = x
        self.bounds = bounds
        self.n_folds = len(bounds) - 1
        self._bases: dict[tuple[int, ...], _Basis] = {}

    def _parts(self, rows: Array) -> list[Array]:
        """Return the folds' rows."""
        return [rows[self.bounds[i] : self.bounds[i + 1]] for i in range(self.n_folds)]

    @cached_property
    def n(self) -> Array:
        """Samples in each fold."""
        return np.diff(self.bounds).astype(np.float64)

    @cached_property
    def sums(self) -> Array:
        """Sums of activity, shape (n_folds, n_units)."""
        return np.stack([part.sum(0) for part in self._parts(self.x)])

    @cached_property
    def products(self) -> Array:
        """Sums of products of activity, shape (n_folds, n_units, n_units)."""
        return np.stack([part.T @ part for part in self._parts(self.x)])

    def moments(self, y: Array) -> Moments:
        """Return a target's sums, of shape (n, n_channels)."""
        xs, ys = self._parts(self.x), self._parts(y)
        return Moments(
            np.stack([b.sum(0) for b in ys]),
            np.stack([a.T @ b for a, b in zip(xs, ys, strict=True)]),
            np.stack([(b**2).sum(0) for b in ys]),
        )

    def basis(self, left_out: tuple[int, ...]) -> _Basis:
        """Return the axes of all folds but some."""
        key = tuple(sorted(left_out))
        if key not in self._bases:
            kept = np.setdiff1d(np.arange(self.n_folds), key)
            n = self.n[kept].sum()
            mean = self.sums[kept].sum(0) / n
            covariance = self.products[kept].sum(0) / n - np.outer(mean, mean)
            variance = np.diag(covariance)
            is_active = variance > _LEAST_VARIANCE
            scale = np.where(
                is_active, 1 / np.sqrt(np.where(is_active, variance, 1)), 0
            )
            spread, axes = np.linalg.eigh(covariance * scale[:, None] * scale)
            self._bases[key] = _Basis(n, mean, axes.T * scale, np.maximum(spread, 0))
        return self._bases[key]

    def fitted(
        self, moments: Moments, left_out: tuple[int, ...]
    ) -> tuple[_Basis, Array, Array]:
        """Return the axes, the target's covariance with them, and the target's mean."""
        basis = self.basis(left_out)
        kept = np.setdiff1d(np.arange(self.n_folds), left_out)
        mean = moments.y[kept].sum(0) / basis.n
        shared = moments.xy[kept].sum(0) / basis.n - np.outer(basis.mean, mean)
        return basis, basis.to_axes @ shared, mean

    def errors(self, moments: Moments, outer: int, alphas: Sequence[float]) -> Array:
        """Return squared errors of inner folds without an outer one, (alpha, channel).

        The sum over folds other than `outer` of the error in that fold of what is
        fitted to the remaining ones.
        """
        total: Array = np.zeros((len(alphas), moments.y.shape[1]))
        penalties = np.array(alphas)[:, None, None]
        for inner in range(self.n_folds):
            if inner == outer:
                continue
            basis, shared, mean = self.fitted(moments, (inner, outer))
            n, x, y = self.n[inner], self.sums[inner], moments.y[inner]
            products = (
                self.products[inner]
                - np.outer(basis.mean, x)
                - np.outer(x, basis.mean)
                + n * np.outer(basis.mean, basis.mean)
            )
            products = basis.to_axes @ products @ basis.to_axes.T
            crossed = (
                moments.xy[inner]
                - np.outer(basis.mean, y)
                - np.outer(x, mean)
                + n * np.outer(basis.mean, mean)
            )
            crossed = basis.to_axes @ crossed
            squares = moments.yy[inner] - 2 * mean * y + n * mean**2
            slopes = shared / (basis.variance[:, None] + penalties)  # (A, U, K)
            explained = 2 * crossed - products @ slopes
            total += squares - (slopes * explained).sum(1)
        return total

    def choose(self, moments: Moments, outer: int, alphas: Sequence[float]) -> Array:
        """Return the penalty of each channel that inner folds like best."""
        best = self.errors(moments, outer, alphas).argmin(0)
        chosen: Array = np.array(alphas)[best]
        return chosen

    def weights(
        self, moments: Moments, left_out: tuple[int, ...], penalty: Array
    ) -> tuple[Array, Array]:
        """Return weights (n_units, n_channels) and the constants (n_channels,)."""
        basis, shared, mean = self.fitted(moments, left_out)
        slopes = basis.to_axes.T @ (shared / (basis.variance[:, None] + penalty))
        return slopes, mean - basis.mean @ slopes

    def training_mean(self, moments: Moments, outer: int) -> Array:
        """Return a target's mean over all folds but one."""
        kept = np.arange(self.n_folds) != outer
        mean: Array = moments.y[kept].sum(0) / self.n[kept].sum()
        return mean


@dataclass(frozen=True)
class Fit:
    """What cross-validated ridge regression says of one target.

    Attributes
    ----------
    predicted : ndarray, shape (n, n_channels)
        Of each sample by what was fitted without its fold.
    baseline : ndarray, shape (n, n_channels)
        The target's mean over what was fitted.
    weights : ndarray, shape (n_units, n_channels)
        Mean over folds.
    penalties : ndarray, shape (n_folds, n_channels)
        What inner folds chose.
    """

    predicted: Array
    baseline: Array
    weights: Array
    penalties: Array


def fit(design: Design, y: Array, alphas: Sequence[float] = ALPHAS) -> Fit:
    """Predict each fold of a target from activity, fitted to the other folds.

    Parameters
    ----------
    design : Design
        The activity.
    y : ndarray of float64, shape (n, n_channels)
        The target of each sample.
    alphas : sequence of float
        Penalties to choose among, in inner folds, for each channel by itself.

    Returns
    -------
    Fit
        Predictions, in the target's unit.
    """
    moments = design.moments(y)
    predicted, baseline = np.empty_like(y), np.empty_like(y)
    weights, penalties = [], []
    for outer in range(design.n_folds):
        here = slice(design.bounds[outer], design.bounds[outer + 1])
        penalty = design.choose(moments, outer, alphas)
        slopes, constants = design.weights(moments, (outer,), penalty)
        predicted[here] = design.x[here] @ slopes + constants
        baseline[here] = design.training_mean(moments, outer)
        weights.append(slopes)
        penalties.append(penalty)
    return Fit(predicted, baseline, np.mean(weights, axis=0), np.stack(penalties))


def predict_nested(
    design: Design, y: Array, alphas: Sequence[float] = ALPHAS
) -> NDArray[np.float32]:
    """Predict all samples once for each outer fold, none from its own fold.

    What a second fit may begin from without having seen the outer fold: its training
    samples are predicted without their own fold and without the outer one.

    Parameters
    ----------
    design : Design
        What predicts.
    y : ndarray of float64, shape (n, n_channels)
        The target of each sample.
    alphas : sequence of float
        Penalties to choose among.

    Returns
    -------
    ndarray of float32, shape (n_folds, n, n_channels)
        Predictions for each outer fold.
    """
    moments = design.moments(y)
    predicted = np.empty((design.n_folds, *y.shape), np.float32)
    for outer in range(design.n_folds):
        penalty = design.choose(moments, outer, alphas)
        for fold in range(design.n_folds):
            here = slice(design.bounds[fold], design.bounds[fold + 1])
            slopes, constants = design.weights(moments, tuple({fold, outer}), penalty)
            predicted[outer, here] = design.x[here] @ slopes + constants
    return predicted


def fit_beyond(
    design: Design,
    y: Array,
    nested: NDArray[np.float32],
    alphas: Sequence[float] = ALPHAS,
) -> tuple[Array, Array]:
    """Predict from a first prediction with, and without, what may add something.

    Both are fitted in the same way, so that the difference is not that one was fitted
    once more. What is added may take the first prediction's place: where that is fitted
    badly, it is not held against the other.

    Parameters
    ----------
    design : Design
        What may add something.
    y : ndarray of float64, shape (n, n_channels)
        The target of each sample.
    nested : ndarray of float32, shape (n_folds, n, n_channels)
        What :func:`predict_nested` returned of the same samples.
    alphas : sequence of float
        Penalties to choose among.

    Returns
    -------
    both, first : ndarray of float64, each of shape (n, n_channels)
        Predictions with and without what `design` adds.
    """
    both, first = np.empty_like(y), np.empty_like(y)
    for outer in range(design.n_folds):
        here = slice(design.bounds[outer], design.bounds[outer + 1])
        told = nested[outer].astype(np.float64)
        told = (told - told.mean(0)) / np.maximum(told.std(0), 1e-9)
        for place, x in ((both, np.c_[design.x, told]), (first, told)):
            own = Design(x, design.bounds)
            moments = own.moments(y)
            penalty = own.choose(moments, outer, alphas)
            slopes, constants = own.weights(moments, (outer,), penalty)
            place[here] = x[here] @ slopes + constants
    return both, first
