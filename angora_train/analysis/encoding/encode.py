# SPDX-License-Identifier: Apache-2.0
"""Encoding: how much of a user's neural data each area explains."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from sklearn.cross_decomposition import PLSRegression

from angora_train.analysis.decoding import ridge
from angora_train.analysis.decoding.features import area_features
from angora_train.analysis.decoding.samples import Rows, assign_folds, paired_rows
from angora_train.analysis.decoding.scores import resample_counts, squares_by_episode
from angora_train.analysis.decoding.work import Tell, silent
from angora_train.analysis.encoding.plan import EncodingPlan, Method
from angora_train.analysis.encoding.responses import Responses, reliability
from angora_train.analysis.recording import schema
from angora_train.errors import ConfigError

__all__ = ["encode"]

Array = NDArray[np.float64]

_COMPONENTS = (1, 2, 4, 8, 16, 32)
"""Numbers of components of PLS that inner folds choose among."""
_LEAST_RELIABLE = 0.05
"""Channels less reliable than this are noise, which no area can explain."""
_RESAMPLES = 500


def encode(
    recording: xr.Dataset,
    responses: Responses,
    *,
    areas: Sequence[str] | None = None,
    plan: EncodingPlan | None = None,
    tell: Tell = silent,
) -> xr.Dataset:
    """Predict responses from each area, for episodes that were not fitted.

    Parameters
    ----------
    recording : xarray.Dataset
        See :mod:`angora_train.analysis.recording`.
    responses : Responses
        Of the same episodes and steps.
    areas : sequence of str, optional
        Names. By default all.
    plan : EncodingPlan, optional
        Regression, lag and folds.
    tell : callable
        Told of the progress.

    Returns
    -------
    xarray.Dataset
        ``r2`` (area, channel) of the mean over repeats; ``reliability`` (channel), the
        share of its variance that is not noise; ``explained`` (area, channel), one over
        the other; ``draw`` (area, resample), the mean of ``explained`` over channels of
        resampled episodes, of ``r2`` where there is one repeat; ``score`` (area).

    Raises
    ------
    ConfigError
        If episodes, steps or folds do not fit, an area is not there, or no channel is
        reliable.
    """
    responses.require_same(recording)
    plan = plan or EncodingPlan()
    names = list(areas or schema.areas(recording))
    for name in names:
        schema.area_units(recording, name)
    fold = assign_folds(recording.sizes["episode"], plan.folds)
    under_way = schema.is_under_way(recording)
    mean = responses.values.mean(0).astype(np.float32)
    mean[~under_way] = np.nan
    is_there = np.isfinite(mean).all(-1)
    if not is_there.any():
        raise ConfigError("The responses have no step in which all channels are known.")
    reliable = reliability(responses.values[:, is_there])
    ceiling = np.where(np.isnan(reliable), 1.0, reliable)
    ceiling = np.where(ceiling < _LEAST_RELIABLE, np.nan, ceiling)
    if np.isnan(ceiling).all():
        raise ConfigError(
            f"No channel is reliable: at best {np.nanmax(reliable):.2f} of the "
            f"variance of the mean over {len(responses.values)} repeats is no noise, "
            f"{_LEAST_RELIABLE} is needed. Take more repeats."
        )
    counts = resample_counts(len(fold), _RESAMPLES, 0)
    r2 = np.full((len(names), mean.shape[2]), np.nan)
    draws = np.full((len(names), _RESAMPLES), np.nan)
    for i, name in enumerate(names):
        x = area_features(recording, name).values
        rows = [x for x in paired_rows(x, [mean], plan.lag, fold) if x.is_enough]
        if not rows:
            raise ConfigError(
                f"At a lag of {plan.lag} control steps too few samples are left in "
                f"some of {plan.folds} folds. Take a shorter lag or fewer folds."
            )
        lost, total = _errors(rows[0], plan.method, len(fold))
        r2[i] = 1 - lost.sum(0) / total.sum(0)
        drawn = 1 - (counts @ lost) / (counts @ total)
        draws[i] = np.nanmean(drawn / ceiling, axis=1)
        tell("areas", i + 1, len(names), name)
    explained = r2 / ceiling
    return xr.Dataset(
        {
            "r2": (("area", "channel"), r2),
            "reliability": ("channel", reliable),
            "explained": (("area", "channel"), explained),
            "score": ("area", np.nanmean(explained, axis=1)),
            "draw": (("area", "resample"), draws),
        },
        coords={"area": names, "channel": list(responses.names)},
        attrs={
            **plan.model_dump(),
            "n_repeats": len(responses.values),
            "n_reliable": int(np.isfinite(ceiling).sum()),
            "measure": "share of what is no noise"
            if len(responses.values) > 1
            else "R2",
        },
    )


def _errors(rows: Rows, method: Method, n_episodes: int) -> tuple[Array, Array]:
    """Return squared errors, and distances from the mean, by episode and channel."""
    y = rows.ys[0]
    design = ridge.Design(rows.x, rows.bounds)
    if method == "ridge":
        fitted = ridge.fit(design, y)
        predicted, baseline = fitted.predicted, fitted.baseline
    else:
        predicted, baseline = _partial_least_squares(design, y)
    return (
        squares_by_episode(y - predicted, rows.episode, n_episodes),
        squares_by_episode(y - baseline, rows.episode, n_episodes),
    )


def _partial_least_squares(design: ridge.Design, y: Array) -> tuple[Array, Array]:
    """Predict each fold by components that inner folds chose the number of."""
    fold = np.repeat(np.arange(design.n_folds), np.diff(design.bounds))
    most = min(design.x.shape[1], len(y) // 4)
    allowed = [n for n in _COMPONENTS if n <= most] or [1]
    predicted, baseline = np.empty_like(y), np.empty_like(y)
    for outer in range(design.n_folds):
        errors = np.zeros(len(allowed))
        for inner in set(range(design.n_folds)) - {outer}:
            kept, here = (fold != outer) & (fold != inner), fold == inner
            for k, n in enumerate(allowed):
                model = PLSRegression(n).fit(design.x[kept], y[kept])
                errors[k] += ((model.predict(design.x[here]) - y[here]) ** 2).sum()
        kept, here = fold != outer, fold == outer
        model = PLSRegression(allowed[int(errors.argmin())]).fit(
            design.x[kept], y[kept]
        )
        predicted[here] = model.predict(design.x[here]).reshape(-1, y.shape[1])
        baseline[here] = y[kept].mean(0)
    return predicted, baseline
