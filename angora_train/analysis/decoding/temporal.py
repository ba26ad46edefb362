# SPDX-License-Identifier: Apache-2.0
"""Cross-temporal generalisation: what is fitted at one time, tested at another."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from angora_train.analysis.decoding import ridge
from angora_train.analysis.decoding.classes import Classifier, Model, predict
from angora_train.analysis.decoding.features import area_features
from angora_train.analysis.decoding.plan import DecodingPlan
from angora_train.analysis.decoding.samples import Rows, paired_rows
from angora_train.analysis.decoding.scores import score_of
from angora_train.analysis.decoding.targets import Target
from angora_train.analysis.decoding.work import Tell, Work, silent
from angora_train.errors import ConfigError

__all__ = ["generalize"]

Array = NDArray[np.float64]


def generalize(
    recording: xr.Dataset,
    target: str,
    *,
    areas: Sequence[str] | None = None,
    n_times: int = 10,
    plan: DecodingPlan | None = None,
    tell: Tell = silent,
) -> xr.Dataset:
    """Fit a target at each time since the episode's start, and test it at each.

    A code that stays the same is read at all times by what is fitted at any; one that
    changes only where it was fitted.

    Parameters
    ----------
    recording : xarray.Dataset
        See :mod:`angora_train.analysis.recording`.
    target : str
        See :func:`angora_train.analysis.decoding.targets.read_target`.
    areas : sequence of str, optional
        Names. By default all.
    n_times : int
        Stretches of time, of equal length, into which episodes are cut.
    plan : DecodingPlan, optional
        Folds; tests are of episodes that were not fitted, at any time.
    tell : callable
        Told of the progress.

    Returns
    -------
    xarray.Dataset
        ``score`` (area, trained_at, tested_at), R2 or balanced accuracy, with the
        middle of each stretch in s; NaN where a stretch has too few episodes.

    Raises
    ------
    ConfigError
        If there are fewer control steps than stretches, or as for decoding.

    References
    ----------
    King & Dehaene (2014), Characterizing the dynamics of mental representations: the
    temporal generalization method, Trends Cogn Sci 18:203.
    https://doi.org/10.1016/j.tics.2014.01.002
    """
    work = Work.of(recording, [target], areas, plan or DecodingPlan())
    n_steps = recording.sizes["time"]
    if not 2 <= n_times <= n_steps:
        raise ConfigError(
            f"Episodes of {n_steps} control steps are cut into 2 to {n_steps} "
            f"stretches, got {n_times}."
        )
    edges = np.linspace(0, n_steps, n_times + 1).round().astype(int)
    own = work.problem.targets[0]
    found = np.full((len(work.areas), n_times, n_times), np.nan, np.float32)
    for i, area in enumerate(work.areas):
        x = work.sorted(area_features(recording, area)).values
        stretches = [
            _stretch(x, own, slice(first, last), work.problem.fold)
            for first, last in pairwise(edges)
        ]
        for a, fitted in enumerate(stretches):
            if fitted is not None:
                found[i, a] = _scores(fitted, stretches, own)
        tell("areas", i + 1, len(work.areas), area)
    at_s = (edges[:-1] + edges[1:] - 1) / 2 * work.control_step_s
    attrs = {"measure": own.measure, "chance": own.chance, "target": own.name}
    return xr.Dataset(
        {"score": (("area", "trained_at", "tested_at"), found, attrs)},
        coords={
            "area": list(work.areas),
            "trained_at": ("trained_at", at_s, {"units": "s"}),
            "tested_at": ("tested_at", at_s, {"units": "s"}),
        },
        attrs=attrs,
    )


def _stretch(
    x: NDArray[np.float32], target: Target, steps: slice, fold: NDArray[np.int64]
) -> Rows | None:
    """Return the samples of a stretch of time, if they suffice."""
    values = [target.values[:, steps]]
    for rows in paired_rows(x[:, steps], values, 0, fold):
        if rows.is_enough and (not target.is_classes or len(np.unique(rows.ys[0])) > 1):
            return rows
    return None


def _scores(fitted: Rows, tested: Sequence[Rows | None], target: Target) -> list[float]:
    """Return the score at each stretch of what is fitted at one."""
    if target.is_classes:
        n_classes = len(target.labels)
        y = fitted.ys[0][:, 0].astype(np.int64)
        told = Classifier(n_classes).models(fitted, y)
        return [_accuracy(told, rows, n_classes) for rows in tested]
    design = ridge.Design(fitted.x, fitted.bounds)
    moments = design.moments(fitted.ys[0])
    models = []
    for outer in range(design.n_folds):
        penalty = design.choose(moments, outer, ridge.ALPHAS)
        models.append(design.weights(moments, (outer,), penalty))
    return [_explained(models, rows) for rows in tested]


def _explained(models: Sequence[tuple[Array, Array]], rows: Rows | None) -> float:
    """Return the R2 of models, one a fold, at a stretch of time."""
    if rows is None:
        return float("nan")
    y = rows.ys[0]
    own = ridge.Design(rows.x, rows.bounds)
    moments = own.moments(y)
    lost, total = np.empty_like(y), np.empty_like(y)
    for outer, (slopes, constants) in enumerate(models):
        here = slice(rows.bounds[outer], rows.bounds[outer + 1])
        lost[here] = y[here] - rows.x[here] @ slopes - constants
        total[here] = y[here] - own.training_mean(moments, outer)
    return float(score_of(lost**2, total**2))


def _accuracy(models: Sequence[Model], rows: Rows | None, n_classes: int) -> float:
    """Return the balanced accuracy of models, one a fold, at a stretch of time."""
    if rows is None:
        return float("nan")
    truth = rows.ys[0][:, 0].astype(np.int64)
    is_wrong = predict(models, rows) != truth
    lost, total = (
        np.bincount(x, minlength=n_classes)[None].astype(np.float64)
        for x in (truth[is_wrong], truth)
    )
    return float(score_of(lost, total))
