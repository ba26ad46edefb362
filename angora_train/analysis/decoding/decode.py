# SPDX-License-Identifier: Apache-2.0
"""Decoding: what can be read out of each area, how long before or after it happens."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from angora_train.analysis.decoding.curves import (
    Curve,
    Nested,
    beyond,
    curves,
    nested_predictions,
)
from angora_train.analysis.decoding.features import (
    Features,
    area_features,
    sensation_features,
)
from angora_train.analysis.decoding.plan import DecodingPlan
from angora_train.analysis.decoding.significance import Nulls
from angora_train.analysis.decoding.work import Tell, Work, silent

__all__ = ["BEYOND", "EQUAL", "OWN", "SENSATIONS", "decode"]

OWN = "none"
"""Control: none, an area as it is."""
EQUAL = "equal_units"
"""Control: as many units of each area."""
SENSATIONS = "sensations"
"""Control, and the name of what stands in an area's place: all sensations."""
BEYOND = "beyond_sensations"
"""Control: partial R2, what an area adds to the sensations."""

_Curves = dict[str, dict[str, list[Curve]]]
"""By control and area, one a target."""


def decode(
    recording: xr.Dataset,
    targets: Sequence[str] | None = None,
    *,
    areas: Sequence[str] | None = None,
    plan: DecodingPlan | None = None,
    tell: Tell = silent,
) -> xr.Dataset:
    """Decode targets from each area of a recording, at each lag.

    Ridge regression (R2) for numbers, logistic regression (balanced accuracy) for
    classes, in nested cross-validation whose folds are groups of episodes. One area is
    in memory at a time.

    Parameters
    ----------
    recording : xarray.Dataset
        See :mod:`angora_train.analysis.recording`; may be open in a file.
    targets : sequence of str, optional
        See :func:`angora_train.analysis.decoding.targets.read_target`. By default the
        usual ones that the recording has.
    areas : sequence of str, optional
        Names. By default all.
    plan : DecodingPlan, optional
        Lags, folds and controls.
    tell : callable
        Told of the progress.

    Returns
    -------
    xarray.Dataset
        ``score`` and ``draw`` (control, area, target, lag[, resample]), where ``lag``
        is in ms, positive where the target is after the activity; of each target
        ``measure`` and ``chance``; ``weights.<target>`` (lag, unit, channel) per unit
        of activity; with a null ``null`` (null_kind, tested_area, target, null_lag,
        replicate) and its ``p``.

    Raises
    ------
    ConfigError
        If a target or area is not there, a target is constant, or there are too few
        episodes or steps.
    """
    plan = plan or DecodingPlan()
    work = Work.of(recording, targets, areas, plan)
    found: _Curves = {OWN: {}, EQUAL: {}, BEYOND: {}}
    nested: Nested = {}
    total = len(work.areas) * len(work.lags)
    if plan.baseline:
        sensed = work.sorted(sensation_features(recording, plan.history))
        found[SENSATIONS] = {SENSATIONS: curves(sensed, work.problem, work.lags)}
        nested = nested_predictions(sensed, work.problem, work.beyond_lags)
    exchanges = Nulls.of(work) if plan.null else None
    for i, area in enumerate(work.areas):
        features = work.sorted(area_features(recording, area))

        def told(done: int, i: int = i, area: str = area) -> None:
            tell("areas x lags", i * len(work.lags) + done, total, area)

        found[OWN][area] = curves(features, work.problem, work.lags, told)
        if plan.unit_draws:
            own = found[OWN][area]
            found[EQUAL][area] = _with_equal_units(work, i, features, own)
        if nested:
            found[BEYOND][area] = beyond(
                features, work.problem, work.lags.tolist(), nested
            )
        if exchanges is not None:
            exchanges.test(i, features, tell)
    data = _dataset(work, {name: x for name, x in found.items() if x})
    return data if exchanges is None else exchanges.added(data)


def _with_equal_units(
    work: Work, i: int, features: Features, own: list[Curve]
) -> list[Curve]:
    """Decode from as many units of each area; mean over draws of units."""
    plan = work.plan
    n = plan.equal_units or int(work.n_units.min())
    if work.n_units[i] <= n:
        return own
    rng = np.random.default_rng([plan.decoding_seed, 3, i])
    drawn = []
    for _ in range(plan.unit_draws):
        units = np.sort(rng.permutation(work.n_units[i])[:n])
        part = _of_units(work, i, features, units)
        drawn.append(curves(part, work.problem, work.lags))
    return [
        replace(
            x[0],
            score=np.mean([y.score for y in x], axis=0),
            draws=np.mean([y.draws for y in x], axis=0),
        )
        for x in zip(*drawn, strict=True)
    ]


def _of_units(
    work: Work, i: int, features: Features, units: NDArray[np.int64]
) -> Features:
    """Return the features of some of an area's units."""
    if features.values.shape[2] < work.n_units[i]:  # they are components
        return work.sorted(area_features(work.recording, work.areas[i], units))
    axes = features.axes[np.ix_(units, units)]
    return Features(features.values[:, :, units], axes)


def _dataset(work: Work, found: _Curves) -> xr.Dataset:
    """Return curves by name; NaN where an area has no such control."""
    areas = [*work.areas, *found.get(SENSATIONS, ())]
    names = [target.name for target in work.targets]
    shape = (len(found), len(areas), len(names), len(work.lags))
    score = np.full(shape, np.nan, np.float32)
    draws = np.full((*shape, work.plan.resamples), np.nan, np.float32)
    n = np.zeros(shape, np.int64)
    for c, by_area in enumerate(found.values()):
        for area, curves_of in by_area.items():
            for t, curve in enumerate(curves_of):
                place = (c, areas.index(area), t)
                score[place], draws[place], n[place] = curve.score, curve.draws, curve.n
    dims = ("control", "area", "target", "lag")
    step_ms = 1000.0 * work.control_step_s
    n_units = np.r_[work.n_units, [0] * (len(areas) - len(work.areas))]
    return xr.Dataset(
        {
            "score": (dims, score, {"long_name": "R2 or balanced accuracy"}),
            "draw": ((*dims, "resample"), draws, {"long_name": "of episodes drawn"}),
            "n": (dims, n, {"long_name": "samples"}),
            "n_units": ("area", n_units),
            "measure": ("target", [x.measure for x in work.targets]),
            "chance": ("target", [x.chance for x in work.targets]),
            **_weights(work, found[OWN]),
        },
        coords={
            "control": list(found),
            "area": areas,
            "target": names,
            "lag": ("lag", work.lags * step_ms, {"units": "ms", "long_name": _LAG}),
        },
        attrs={
            "n_episodes": len(work.order),
            "targets": list(work.asked),
            "plan": work.plan.model_dump_json(),
        },
    )


_LAG = "target after activity"


def _weights(work: Work, own: dict[str, list[Curve]]) -> dict[str, Any]:
    """Return what each unit's activity counts for, by target."""
    found: dict[str, Any] = {}
    for t, target in enumerate(work.targets):
        name = f"weights.{target.name}"
        values = np.concatenate([own[area][t].weights for area in work.areas], axis=1)
        per = "log odds" if target.is_classes else (target.unit or "target")
        text = {"long_name": f"{per} per unit of activity, mean over folds"}
        found[name] = (("lag", "unit", f"{target.name}_channel"), values, text)
        found[f"{target.name}_channel"] = (
            f"{target.name}_channel",
            list(target.labels),
        )
    found["unit_area"] = ("unit", np.repeat(work.areas, work.n_units))
    return found
