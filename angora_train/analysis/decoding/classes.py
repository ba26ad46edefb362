# SPDX-License-Identifier: Apache-2.0
"""Classes told apart by logistic regression, nested like the ridge regression."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from angora_train.analysis.decoding.samples import Rows

__all__ = ["PENALTIES", "Classifier", "Model", "counts", "predict"]

Array = NDArray[np.float64]

PENALTIES = (1e-4, 1e-2, 1.0)
"""Tried in inner folds: scikit-learn's ``C`` is one over this times the samples."""
_MOST_SAMPLES = 2000
"""Fitted at a time; of more, evenly spaced ones. Neighbouring steps say the same."""
_MOST_ITERATIONS = 100


@dataclass
class Classifier:
    """Tells classes apart fold by fold; remembers, from lag to lag, where it ended.

    The penalty is chosen once, for the first lag that it is given: from episodes that
    are not tested, so that no test sees it.

    Attributes
    ----------
    n_classes : int
        Classes, numbered from 0.
    penalty : float, optional
        The penalty. By default inner folds choose.
    """

    n_classes: int
    penalty: float | None = None
    _penalty: dict[int, float] = field(default_factory=dict)
    _started: dict[int, tuple[Array, Array]] = field(default_factory=dict)

    def models(self, rows: Rows, y: NDArray[np.int64]) -> "list[Model]":
        """Return what is fitted without each fold."""
        n_folds = len(rows.bounds) - 1
        fold = np.repeat(np.arange(n_folds), np.diff(rows.bounds))
        if self.penalty is not None:
            self._penalty = dict.fromkeys(range(n_folds), self.penalty)
        elif not self._penalty:
            self._penalty = self._choose(rows.x, y, fold)
        found = []
        for outer in range(n_folds):
            model = Model(self.n_classes, self._penalty[outer])
            start = self._started.get(outer)
            model.fit(rows.x[fold != outer], y[fold != outer], start)
            self._started[outer] = model.state
            found.append(model)
        return found

    def fit(self, rows: Rows, y: NDArray[np.int64]) -> tuple[NDArray[np.int64], Array]:
        """Return the class predicted of each sample, and mean weights, by class."""
        models = self.models(rows, y)
        weights = np.mean([model.weights for model in models], axis=0)
        return predict(models, rows), weights

    def _choose(
        self, x: Array, y: NDArray[np.int64], fold: NDArray[np.int64]
    ) -> dict[int, float]:
        """Return the penalty with the best balanced accuracy in inner folds, by outer.

        What is fitted without two folds tests either for the other.
        """
        n_folds = int(fold[-1]) + 1
        right: Array = np.zeros((n_folds, len(PENALTIES), self.n_classes))
        for one, other in combinations(range(n_folds), 2):
            is_kept = (fold != one) & (fold != other)
            for p, penalty in enumerate(PENALTIES):
                model = Model(self.n_classes, penalty)
                model.fit(x[is_kept], y[is_kept])
                for outer, inner in ((one, other), (other, one)):
                    here = fold == inner
                    hits = y[here][model.predict(x[here]) == y[here]]
                    right[outer, p] += np.bincount(hits, minlength=self.n_classes)
        chosen = {}
        for outer in range(n_folds):
            n = np.bincount(y[fold != outer], minlength=self.n_classes)
            scores = (right[outer][:, n > 0] / n[n > 0]).mean(1)
            chosen[outer] = PENALTIES[int(np.argmax(scores))]
        return chosen


class Model:
    """A logistic regression of standardised activity; classes may be lacking.

    Parameters
    ----------
    n_classes : int
        Classes, numbered from 0.
    penalty : float
        See :data:`PENALTIES`.
    """

    def __init__(self, n_classes: int, penalty: float) -> None:
        self.n_classes = n_classes
        self.penalty = penalty

    def fit(
        self,
        x: Array,
        y: NDArray[np.int64],
        start: tuple[Array, Array] | None = None,
    ) -> None:
        """Fit evenly spaced samples, each class with the same weight."""
        every = -(-len(y) // _MOST_SAMPLES)
        x, y = x[::every], y[::every]
        self._mean, self._scale = x.mean(0), x.std(0)
        self._scale[self._scale < 1e-5] = 1.0
        self._only = int(y[0]) if (y == y[0]).all() else None
        if self._only is not None:
            return
        model = LogisticRegression(
            C=1 / (self.penalty * len(y)),
            class_weight="balanced",
            max_iter=_MOST_ITERATIONS,
            warm_start=True,
        )
        n_rows = len(np.unique(y))
        if start is not None and len(start[1]) == (1 if n_rows == 2 else n_rows):
            model.coef_, model.intercept_ = start
            model.classes_ = np.unique(y)
        with warnings.catch_warnings():
            # Where it has not settled it is no worse a decoder than what it has.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._model = model.fit((x - self._mean) / self._scale, y)

    @property
    def state(self) -> tuple[Array, Array]:
        """Return where the next fit may begin."""
        if self._only is not None:
            return np.empty((0, 0)), np.empty(0)
        return self._model.coef_, self._model.intercept_

    @property
    def weights(self) -> Array:
        """Return weights of activity as it is, shape (n_units, n_classes)."""
        weights: Array = np.zeros((len(self._mean), self.n_classes))
        if self._only is None:
            found = self._model.coef_ / self._scale
            if len(found) == 1:  # of two classes scikit-learn keeps one row
                found = np.concatenate([-found, found]) / 2
            weights[:, self._model.classes_] = found.T
        return weights

    def predict(self, x: Array) -> NDArray[np.int64]:
        """Return the class of each sample."""
        if self._only is not None:
            return np.full(len(x), self._only)
        found = self._model.predict((x - self._mean) / self._scale)
        return np.asarray(found, np.int64)


def predict(models: Sequence[Model], rows: Rows) -> NDArray[np.int64]:
    """Return the class of each sample by the model that was fitted without its fold."""
    parts = zip(models, rows.bounds[:-1], rows.bounds[1:], strict=True)
    return np.concatenate([model.predict(rows.x[a:b]) for model, a, b in parts])


def counts(
    y: NDArray[np.int64], episode: NDArray[np.int64], shape: Sequence[int]
) -> Array:
    """Return how often each class comes in each episode, shape (E, n_classes)."""
    n_episodes, n_classes = shape
    flat = np.bincount(episode * n_classes + y, minlength=n_episodes * n_classes)
    return flat.reshape(n_episodes, n_classes).astype(np.float64)
