# SPDX-License-Identifier: Apache-2.0
"""Encoding and flow of several subjects, beside their untrained networks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from angora_train.analysis.decoding.scores import pooled_draws
from angora_train.analysis.decoding.work import Tell, silent
from angora_train.analysis.encoding.encode import encode
from angora_train.analysis.encoding.plan import EncodingPlan
from angora_train.analysis.encoding.responses import (
    Responses,
    read_responses,
    simulate_responses,
)
from angora_train.analysis.encoding.subspace import communication_subspaces
from angora_train.analysis.recording import schema
from angora_train.analysis.recording.subject import Subject
from angora_train.errors import ConfigError

__all__ = ["Encoding", "Flow", "encode_subjects", "subspaces"]

_ENDS = (0.025, 0.975)


@dataclass(frozen=True)
class Encoding:
    """What areas explain.

    Attributes
    ----------
    table : pandas.DataFrame
        ``subject``, ``area``, ``control``, ``value``, ``low``, ``high``, ``measure``,
        ``n_channels``, ``over``.
    arrays : xarray.Dataset
        Of each channel, see :func:`angora_train.analysis.encoding.encode.encode`.
    """

    table: pd.DataFrame
    arrays: xr.Dataset


@dataclass(frozen=True)
class Flow:
    """Subspaces of pathways.

    Attributes
    ----------
    table : pandas.DataFrame
        As of :func:`communication_subspaces`, with ``subject`` and ``control``.
    summary : pandas.DataFrame
        ``control``, ``measure``, ``direction``, ``value``, ``low``, ``high``, ``n``
        (pathways): means by direction, and feedforward minus feedback.
    """

    table: pd.DataFrame
    summary: pd.DataFrame

    def arrays(self) -> xr.Dataset:
        """Return performances by pathway and rank."""
        wide = self.table.assign(
            pathway=self.table["source"] + " -> " + self.table["target"]
        ).set_index(["subject", "control", "pathway", "rank"])
        return xr.Dataset.from_dataframe(wide[["performance", "full", "dimension"]])


def _recordings(subject: Subject) -> Iterator[tuple[str, xr.Dataset]]:
    """Yield a subject's recording, then that of its untrained network."""
    with subject.recording() as recording:
        yield "none", recording
    untrained = subject.untrained()
    if untrained is not None:
        with untrained:
            yield "untrained", untrained


def encode_subjects(
    subjects: Sequence[Subject],
    responses: Path | None = None,
    *,
    example: str | None = None,
    areas: Sequence[str] | None = None,
    plan: EncodingPlan | None = None,
    tell: Tell = silent,
) -> Encoding:
    """Return what each subject's areas explain, and those of its untrained network.

    Parameters
    ----------
    subjects : sequence of Subject
        Runs or recordings.
    responses : Path, optional
        See :func:`angora_train.analysis.encoding.responses.read_responses`.
    example : str, optional
        Instead, an area that simulated neurons read.
    areas, plan, tell
        See :func:`angora_train.analysis.encoding.encode.encode`.

    Returns
    -------
    Encoding
        Intervals over episodes; of several subjects also ``all``, over subjects and
        their episodes.
    """
    given = None if responses is None else read_responses(responses)
    found: dict[str, dict[str, xr.Dataset]] = {}
    for subject in subjects:
        simulated: Responses | None = None
        for control, recording in _recordings(subject):
            if given is None and simulated is None:
                simulated = _simulated(recording, example)
            own = given or simulated
            if own is None:
                raise ConfigError("There are neither responses nor an example's area.")
            found.setdefault(control, {})[subject.name] = encode(
                recording, own, areas=areas, plan=plan, tell=tell
            )
    rows = []
    for control, by_subject in found.items():
        names = list(by_subject)
        for name in names:
            rows += _rows({name: by_subject[name]}, name, control)
        if len(names) > 1:
            rows += _rows(by_subject, "all", control)
    arrays = xr.concat(
        [
            xr.concat(list(x.values()), pd.Index(list(x), name="subject"))
            for x in found.values()
        ],
        pd.Index(list(found), name="control"),
        join="outer",
    )
    return Encoding(pd.DataFrame(rows), arrays.drop_vars("draw"))


def _simulated(recording: xr.Dataset, area: str | None) -> Responses | None:
    """Return responses of simulated neurons that read an area."""
    if area is None:
        return None
    rng = np.random.default_rng(0)
    return simulate_responses(schema.area_activity(recording, area), rng)


def _rows(
    data: dict[str, xr.Dataset], name: str, control: str
) -> list[dict[str, object]]:
    """Return a row an area, of one subject or the mean over several."""
    first = next(iter(data.values()))
    over = "episodes" if len(data) == 1 else f"{len(data)} subjects and their episodes"
    rows = []
    for area in first["area"].to_numpy():
        parts = [x.sel(area=area) for x in data.values() if area in x["area"]]
        draws = pooled_draws([x["draw"].to_numpy() for x in parts], 0)
        low, high = np.quantile(draws, _ENDS)
        rows.append(
            {
                "subject": name,
                "area": str(area),
                "control": control,
                "value": float(np.mean([float(x["score"]) for x in parts])),
                "low": float(low),
                "high": float(high),
                "measure": first.attrs["measure"],
                "n_channels": first.attrs["n_reliable"],
                "over": over,
            }
        )
    return rows


def subspaces(
    subjects: Sequence[Subject], *, n_folds: int = 5, tell: Tell = silent
) -> Flow:
    """Return the communication subspaces of each subject's pathways.

    Parameters
    ----------
    subjects : sequence of Subject
        Runs.
    n_folds : int
        Groups of episodes.
    tell : callable
        Told of the progress.

    Returns
    -------
    Flow
        Intervals over pathways; of several subjects over subjects and their pathways.

    Raises
    ------
    ConfigError
        If a subject is a recording without its run, so that no pathway is known.
    """
    tables = []
    for subject in subjects:
        if subject.spec is None:
            raise ConfigError(
                f"'{subject.name}' is a recording without its run, so its pathways are "
                "not known. Name the run's folder."
            )
        for control, recording in _recordings(subject):
            table = communication_subspaces(
                recording, subject.spec, n_folds=n_folds, tell=tell
            )
            table.insert(0, "control", control)
            table.insert(0, "subject", subject.name)
            tables.append(table)
    together = pd.concat(tables, ignore_index=True)
    return Flow(together, _summary(together))


def _summary(table: pd.DataFrame, n: int = 1000) -> pd.DataFrame:
    """Return means by direction, and feedforward minus feedback, with intervals."""
    one = table[table["rank"] == 1]
    rows: list[dict[str, object]] = []
    measures = {"dimension": "dimension", "full": "performance"}
    for control, (column, measure) in product(
        one["control"].unique(), measures.items()
    ):
        own = one[one["control"] == control]
        drawn: dict[str, tuple[float, np.ndarray, int]] = {}
        for i, (direction, part) in enumerate(own.groupby("direction")):
            values = [x[column].to_numpy(float) for _, x in part.groupby("subject")]
            rng = np.random.default_rng([7, i])
            draws = pooled_draws(
                [x[rng.integers(len(x), size=(n, len(x)))].mean(1) for x in values], 0
            )
            mean = float(np.mean([x.mean() for x in values]))
            drawn[str(direction)] = (mean, draws, len(part))
        if {"feedforward", "feedback"} <= drawn.keys():
            up, down = drawn["feedforward"], drawn["feedback"]
            drawn["feedforward minus feedback"] = (
                up[0] - down[0],
                up[1] - down[1],
                up[2] + down[2],
            )
        for direction, (value, draws, count) in drawn.items():
            low, high = np.quantile(draws, _ENDS)
            rows.append(
                {
                    "control": control,
                    "measure": measure,
                    "direction": direction,
                    "value": value,
                    "low": float(low),
                    "high": float(high),
                    "n": count,
                }
            )
    return pd.DataFrame(rows)
