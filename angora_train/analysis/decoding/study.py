# SPDX-License-Identifier: Apache-2.0
"""A decoding of several subjects: with untrained networks, intervals, as a table."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from angora_train.analysis.decoding.decode import BEYOND, OWN, decode
from angora_train.analysis.decoding.plan import DecodingPlan
from angora_train.analysis.decoding.scores import pooled_draws
from angora_train.analysis.decoding.work import Tell, silent
from angora_train.analysis.recording.subject import Subject

__all__ = [
    "ALL",
    "UNTRAINED",
    "UNTRAINED_BEYOND",
    "decode_subjects",
    "estimate",
    "tabulate",
]

ALL = "all"
"""Name of the mean over subjects."""
UNTRAINED = "untrained"
"""Control: the same sensations, replayed through the initial weights."""
UNTRAINED_BEYOND = "untrained_beyond_sensations"
"""Control: partial R2 of that."""
_OF_UNTRAINED = {OWN: UNTRAINED, BEYOND: UNTRAINED_BEYOND}
_LEVEL = 0.95


def decode_subjects(
    subjects: Sequence[Subject],
    targets: Sequence[str] | None = None,
    *,
    areas: Sequence[str] | None = None,
    plan: DecodingPlan | None = None,
    tell: Tell = silent,
) -> xr.Dataset:
    """Decode from each subject and from its untrained network.

    Parameters
    ----------
    subjects : sequence of Subject
        Runs or recordings.
    targets : sequence of str, optional
        See :func:`angora_train.analysis.decoding.decode.decode`.
    areas : sequence of str, optional
        Names. By default all.
    plan : DecodingPlan, optional
        Lags, folds and controls. Untrained networks are not tested.
    tell : callable
        Told of the progress.

    Returns
    -------
    xarray.Dataset
        As of one recording, with the dimension ``subject``. A recording without a run
        has no untrained network: NaN.

    Raises
    ------
    ConfigError
        As for one recording.
    """
    plan = plan or DecodingPlan()
    found = []
    for subject in subjects:

        def told(
            what: str, done: int, total: int, text: str = "", name: str = subject.name
        ) -> None:
            tell(f"{name}: {what}", done, total, text)

        with subject.recording() as recording:
            own = decode(recording, targets, areas=areas, plan=plan, tell=told)
        untrained = subject.untrained()
        if untrained is not None:
            with untrained as recording:
                beside = _untrained(recording, own, plan, told)
            own = xr.merge([own, beside], join="outer", compat="no_conflicts")
        found.append(own.expand_dims(subject=[subject.name]))
    return xr.concat(
        found,
        "subject",
        data_vars="all",
        coords="different",
        compat="equals",
        join="outer",
        combine_attrs="drop_conflicts",
    )


def _untrained(
    recording: xr.Dataset, own: xr.Dataset, plan: DecodingPlan, tell: Tell
) -> xr.Dataset:
    """Decode the same from the untrained network."""
    areas = [str(x) for x in own["unit_area"].to_numpy()]
    simpler = plan.model_copy(update={"null": 0, "unit_draws": 0})

    def told(what: str, done: int, total: int, text: str = "") -> None:
        tell(f"untrained, {what}", done, total, text)

    data = decode(
        recording,
        [str(x) for x in own.attrs["targets"]],
        areas=list(dict.fromkeys(areas)),
        plan=simpler,
        tell=told,
    )
    kept = data[["score", "draw", "n"]].sel(
        control=[x for x in _OF_UNTRAINED if x in data["control"]]
    )
    names = [_OF_UNTRAINED[str(x)] for x in kept["control"].to_numpy()]
    return kept.assign_coords(control=names)


def estimate(
    data: xr.Dataset,
    weights: Sequence[tuple[float, Mapping[str, object]]],
    seed: int = 0,
) -> tuple[float, float, float]:
    """Return a weighted sum of scores with its interval, over subjects and episodes.

    Parameters
    ----------
    data : xarray.Dataset
        What :func:`decode_subjects` returned.
    weights : sequence of (float, mapping)
        A factor, and the coordinates whose scores it is of; of several, the mean.
    seed : int
        Of the resampling.

    Returns
    -------
    value, low, high : float
        The sum and the ends of its 95 % interval. Resamples hold the same episodes
        everywhere, so a difference is a paired one. NaN where something is lacking.
    """
    score: NDArray[np.float64] = np.zeros(data.sizes["subject"])
    draws: NDArray[np.float64] = np.zeros((len(score), data.sizes["resample"]))
    for factor, where in weights:
        part = data.sel(where)
        other = [x for x in part["score"].dims if x != "subject"]
        score = score + factor * part["score"].mean(other).to_numpy()
        drawn = part["draw"].mean(other).transpose("subject", "resample")
        draws = draws + factor * drawn.to_numpy()
    is_there = np.isfinite(score)
    if not is_there.any():
        return float("nan"), float("nan"), float("nan")
    pooled = pooled_draws(list(draws[is_there]), seed)
    low, high = np.nanquantile(pooled, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(score[is_there].mean()), float(low), float(high)


def tabulate(data: xr.Dataset, seed: int = 0) -> pd.DataFrame:
    """Return scores as a table, one row an estimate.

    Parameters
    ----------
    data : xarray.Dataset
        What :func:`decode_subjects` returned.
    seed : int
        Of the resampling of subjects.

    Returns
    -------
    pandas.DataFrame
        Columns ``subject`` (``all`` is the mean over several), ``area``, ``target``,
        ``lag_ms``, ``control``, ``measure``, ``value``, ``low`` and ``high`` (95 %,
        over episodes; of ``all`` over subjects and their episodes), ``chance``, ``n``
        (samples), ``n_subjects``, ``p_exchanged`` and ``p_shifted`` where tested.
    """
    names = [str(x) for x in data["subject"].to_numpy()]
    parts = [_rows(data.sel(subject=[name]), name, seed) for name in names]
    if len(names) > 1:
        parts.append(_rows(data, ALL, seed))
    return pd.concat(parts, ignore_index=True)


def _rows(data: xr.Dataset, name: str, seed: int) -> pd.DataFrame:
    """Return the rows of a subject, or of the mean over several."""
    dims = ("control", "area", "target", "lag")
    score = data["score"].transpose("subject", *dims).to_numpy()
    ends = [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2]
    low, high = np.empty((2, *score.shape[1:]))
    for i in range(len(low)):  # one control at a time: all are gigabytes
        part = data["draw"].isel(control=i)
        draws = part.transpose("subject", *dims[1:], "resample").to_numpy()
        pooled = pooled_draws(list(draws), seed)
        low[i], high[i] = np.quantile(pooled, ends, axis=-1)
    index = pd.MultiIndex.from_product(
        [data[x].to_numpy() for x in dims],
        names=["control", "area", "target", "lag_ms"],
    )
    frame = pd.DataFrame(
        {
            "value": score.mean(0).ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
            "n": data["n"]
            .transpose("subject", *dims)
            .sum("subject")
            .to_numpy()
            .ravel(),
        },
        index=index,
    ).reset_index()
    frame = frame[np.isfinite(frame["value"])]
    first = data.isel(subject=0)
    of_target = {
        key: dict(zip(first["target"].to_numpy(), first[key].to_numpy(), strict=True))
        for key in ("measure", "chance")
    }
    frame["measure"] = frame["target"].map(of_target["measure"])
    frame["chance"] = frame["target"].map(of_target["chance"])
    is_beyond = frame["control"].isin([BEYOND, UNTRAINED_BEYOND])
    frame.loc[is_beyond, "measure"] = "partial R2"
    frame.insert(0, "subject", name)
    frame["n_subjects"] = data.sizes["subject"]
    return _with_tests(frame, data) if "p" in data and name != ALL else frame


def _with_tests(frame: pd.DataFrame, data: xr.Dataset) -> pd.DataFrame:
    """Add the probabilities of the tests of areas as they are."""
    p = data["p"].isel(subject=0).to_series().rename("p").reset_index()
    for kind in p["null_kind"].unique():
        own = p[p["null_kind"] == kind].rename(
            columns={"tested_area": "area", "null_lag": "lag_ms", "p": f"p_{kind}"}
        )
        own = own[["area", "target", "lag_ms", f"p_{kind}"]].assign(control=OWN)
        frame = frame.merge(own, "left", on=["control", "area", "target", "lag_ms"])
    return frame
