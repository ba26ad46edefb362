# SPDX-License-Identifier: Apache-2.0
"""Curves: how well targets are read out of some features, at each lag."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from angora_train.analysis.decoding import ridge
from angora_train.analysis.decoding.classes import Classifier, counts
from angora_train.analysis.decoding.features import Features
from angora_train.analysis.decoding.samples import Rows, paired_rows
from angora_train.analysis.decoding.scores import score_of, squares_by_episode
from angora_train.analysis.decoding.targets import Target

__all__ = ["Curve", "Problem", "beyond", "curves", "nested_predictions"]

Array = NDArray[np.float64]
Nested = Mapping[tuple[int, int], NDArray[np.float32]]
"""By lag and number of the target: predictions for each outer fold."""


@dataclass(frozen=True)
class Problem:
    """What is decoded, from which episodes: the same for all features.

    Attributes
    ----------
    targets : tuple of Target
        Episodes sorted by fold.
    fold : ndarray of int64, shape (n_episodes,)
        Fold of each episode, sorted.
    counts : ndarray of float64, shape (n, n_episodes)
        How often resamples hold each episode; none if there is no resample.
    """

    targets: tuple[Target, ...]
    fold: NDArray[np.int64]
    counts: Array

    def rows(self, features: Features, lag: int) -> list[Rows]:
        """Return the samples of a lag, those that suffice."""
        values = [target.values for target in self.targets]
        found = paired_rows(features.values, values, lag, self.fold)
        return [rows for rows in found if rows.is_enough]


@dataclass(frozen=True)
class Curve:
    """How well a target is read out, by lag.

    Attributes
    ----------
    score : ndarray of float32, shape (n_lags,)
        R2 or balanced accuracy; NaN where too few samples are left.
    draws : ndarray of float32, shape (n_lags, n_resamples)
        The same of resampled episodes.
    n : ndarray of int64, shape (n_lags,)
        Samples.
    weights : ndarray of float32, shape (n_lags, n_units, n_channels or n_classes)
        Of units as recorded, mean over folds.
    """

    score: NDArray[np.float32]
    draws: NDArray[np.float32]
    n: NDArray[np.int64]
    weights: NDArray[np.float32]

    @classmethod
    def empty(cls, n_lags: int, n_draws: int, shape: tuple[int, int]) -> "Curve":
        """Return a curve that is to be filled."""
        return cls(
            np.full(n_lags, np.nan, np.float32),
            np.full((n_lags, n_draws), np.nan, np.float32),
            np.zeros(n_lags, np.int64),
            np.full((n_lags, *shape), np.nan, np.float32),
        )

    def fill(
        self,
        i: int,
        problem: Problem,
        lost: Array,
        total: Array,
    ) -> None:
        """Note the score at the lag number `i`."""
        self.score[i] = score_of(lost, total)
        self.draws[i] = score_of(lost, total, problem.counts)


def curves(
    features: Features,
    problem: Problem,
    lags: Sequence[int] | NDArray[np.int64],
    tell: Callable[[int], None] = lambda done: None,
    penalty: float | None = None,
) -> list[Curve]:
    """Decode every target from some features at every lag.

    Parameters
    ----------
    features : Features
        What is decoded from, episodes sorted by fold.
    problem : Problem
        What is decoded.
    lags : sequence of int
        Control steps by which the target is after the activity.
    tell : callable
        Told how many lags are done.
    penalty : float, optional
        Of the logistic regression. By default inner folds choose.

    Returns
    -------
    list of Curve
        One a target.
    """
    lags, n_units = np.asarray(lags), len(features.axes)
    found = [
        Curve.empty(len(lags), len(problem.counts), (n_units, _width(target)))
        for target in problem.targets
    ]
    classifiers = {
        i: Classifier(len(x.labels), penalty)
        for i, x in enumerate(problem.targets)
        if x.is_classes
    }
    # The lag nearest to 0 first: it chooses the classifiers' penalty.
    for done, i in enumerate(np.argsort(np.abs(lags), kind="stable").tolist(), 1):
        for rows in problem.rows(features, int(lags[i])):
            _fit_ridges(found, i, rows, features, problem)
            for member, y in zip(rows.members, rows.ys, strict=True):
                if member in classifiers:
                    curve, classifier = found[member], classifiers[member]
                    weights = _fit_classes(curve, i, rows, y, classifier, problem)
                    curve.weights[i] = features.axes @ weights
        tell(done)
    return found


def _width(target: Target) -> int:
    """Return how many weights a unit has for a target."""
    return len(target.labels)


def _fit_ridges(
    found: Sequence[Curve], i: int, rows: Rows, features: Features, problem: Problem
) -> None:
    """Fit all continuous targets that share samples, at once."""
    own = [
        (member, y)
        for member, y in zip(rows.members, rows.ys, strict=True)
        if not problem.targets[member].is_classes
    ]
    if not own:
        return
    y = np.concatenate([y for _, y in own], axis=1)
    fitted = ridge.fit(ridge.Design(rows.x, rows.bounds), y)
    n_episodes = len(problem.fold)
    lost = squares_by_episode(y - fitted.predicted, rows.episode, n_episodes)
    total = squares_by_episode(y - fitted.baseline, rows.episode, n_episodes)
    begin = 0
    for member, part in own:
        here = slice(begin, begin + part.shape[1])
        found[member].fill(i, problem, lost[:, here], total[:, here])
        found[member].weights[i] = features.axes @ fitted.weights[:, here]
        found[member].n[i] = len(y)
        begin = here.stop


def _fit_classes(
    curve: Curve, i: int, rows: Rows, y: Array, classifier: Classifier, problem: Problem
) -> Array:
    """Tell classes apart; return the weights of the features."""
    truth = y[:, 0].astype(np.int64)
    predicted, weights = classifier.fit(rows, truth)
    shape = (len(problem.fold), classifier.n_classes)
    is_wrong = predicted != truth
    lost = counts(truth[is_wrong], rows.episode[is_wrong], shape)
    curve.fill(i, problem, lost, counts(truth, rows.episode, shape))
    curve.n[i] = len(truth)
    return weights


def nested_predictions(
    features: Features, problem: Problem, lags: Sequence[int]
) -> Nested:
    """Predict continuous targets for what is to be compared with these features.

    Parameters
    ----------
    features : Features
        The sensations, episodes sorted by fold.
    problem : Problem
        What is decoded.
    lags : sequence of int
        Control steps.

    Returns
    -------
    mapping of (int, int) to ndarray of float32
        By lag and number of the target, see :func:`ridge.predict_nested`.
    """
    found: dict[tuple[int, int], NDArray[np.float32]] = {}
    for lag in lags:
        for rows in problem.rows(features, lag):
            design = ridge.Design(rows.x, rows.bounds)
            for member, y in zip(rows.members, rows.ys, strict=True):
                if not problem.targets[member].is_classes:
                    found[lag, member] = ridge.predict_nested(design, y)
    return found


def beyond(
    features: Features, problem: Problem, lags: Sequence[int], nested: Nested
) -> list[Curve]:
    """Return what features add to what was predicted from others: partial R2.

    Parameters
    ----------
    features : Features
        An area, episodes sorted by fold.
    problem : Problem
        What is decoded.
    lags : sequence of int
        Control steps.
    nested : mapping
        What :func:`nested_predictions` returned.

    Returns
    -------
    list of Curve
        One a target; the score is the share of the squared error of the others that
        goes when these are added, and NaN at lags that were not predicted, and of
        classes. There are no weights.
    """
    found = [
        Curve.empty(len(lags), len(problem.counts), (0, 0)) for _ in problem.targets
    ]
    n_episodes = len(problem.fold)
    for i, lag in enumerate(lags):
        wanted = {member for at, member in nested if at == lag}
        if not wanted:
            continue
        for rows in problem.rows(features, lag):
            design = ridge.Design(rows.x, rows.bounds)
            for member, y in zip(rows.members, rows.ys, strict=True):
                if member not in wanted:
                    continue
                both, first = ridge.fit_beyond(design, y, nested[lag, member])
                lost = squares_by_episode(y - both, rows.episode, n_episodes)
                total = squares_by_episode(y - first, rows.episode, n_episodes)
                found[member].fill(i, problem, lost, total)
                found[member].n[i] = len(y)
    return found
