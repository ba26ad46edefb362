# SPDX-License-Identifier: Apache-2.0
"""Results: what the runs of an experiment wrote down, and what follows from it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from angora_train.analysis.intervals import Interval
from angora_train.config.experiment import ExperimentConfig
from angora_train.errors import CheckpointError, closest
from angora_train.experiment.plan import PlannedRun
from angora_train.experiment.state import state_of
from angora_train.experiment.statistics import (
    improvement_probability,
    samples_to_threshold,
    stratified_interval,
)
from angora_train.run.metrics import read_metrics

__all__ = ["Curve", "Results", "read_results"]

_Array = NDArray[np.float64]

_LAST_SHARE = 0.1
"""Share of a run, at its end, whose mean is its result. Ours."""
_N_POINTS = 200
"""Most points of a curve of several runs."""


@dataclass(frozen=True)
class Curve:
    """A run's metric.

    Attributes
    ----------
    run : PlannedRun
        Whose it is.
    samples : ndarray of float64, shape (n,)
        Control steps after each cycle.
    values : ndarray of float64, shape (n,)
        The metric; NaN where no episode ended.
    hours : float
        Time of gathering and learning, h.
    """

    run: PlannedRun
    samples: _Array
    values: _Array
    hours: float

    @property
    def result(self) -> float:
        """Mean of the last tenth of what the whole run is to be; NaN before it."""
        n_cycles = max(self.run.config.n_cycles, len(self.values))
        n_last = max(1, round(_LAST_SHARE * n_cycles))
        known = self.values[n_cycles - n_last :]
        known = known[~np.isnan(known)]
        return float(known.mean()) if len(known) else math.nan


@dataclass(frozen=True)
class Results:
    """What an experiment says so far.

    Attributes
    ----------
    experiment : ExperimentConfig
        What is compared.
    runs : tuple of PlannedRun
        All runs.
    curves : tuple of Curve
        Of those that have begun.
    """

    experiment: ExperimentConfig
    runs: tuple[PlannedRun, ...]
    curves: tuple[Curve, ...]

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels of the compared factor; one without a name if nothing is varied."""
        factor = self.experiment.compared
        return ("",) if factor is None else tuple(self.experiment.vary[factor])

    @cached_property
    def strata(self) -> tuple[str, ...]:
        """Combinations of the other factors."""
        return tuple(dict.fromkeys(self._stratum(run) for run in self.runs))

    def of(self, level: str, stratum: str) -> tuple[Curve, ...]:
        """Return the curves of a level in a combination of the other factors."""
        return tuple(
            curve
            for curve in self.curves
            if self._level(curve.run) == level and self._stratum(curve.run) == stratum
        )

    def table(self) -> pd.DataFrame:
        """Return one row a run: levels, seed, state, samples, result, hours."""
        curve_of = {curve.run.folder: curve for curve in self.curves}
        rows = []
        for number, run in enumerate(self.runs):
            curve = curve_of.get(run.folder)
            is_begun = curve is not None and len(curve.samples) > 0
            reached = math.nan
            if curve is not None and self.experiment.threshold is not None:
                reached = samples_to_threshold(
                    curve.samples, curve.values, self.experiment.threshold
                )
            rows.append(
                {
                    "run": number,
                    **run.levels,
                    "seed": run.seed,
                    "state": state_of(run),
                    "samples": curve.samples[-1] if curve and is_begun else 0.0,
                    "result": curve.result if curve else math.nan,
                    "samples_to_threshold": reached,
                    "hours": curve.hours if curve else 0.0,
                    "folder": str(run.folder.relative_to(self.experiment.directory)),
                }
            )
        return pd.DataFrame(rows)

    def summary(self) -> pd.DataFrame:
        """Return one row a level and combination of the others, and one over these.

        Columns are ``n_runs``, the interquartile mean of the results with the ends of
        its interval, the share of runs that reached the threshold and the median of
        the samples that this took (of those that did), and the probability that a run
        beats one of the first level.
        """
        rows = []
        for level in self.levels:
            over_all = [self.strata] if len(self.strata) > 1 else []
            for strata in [*((one,) for one in self.strata), *over_all]:
                rows.append(self._summary_row(level, strata))
        return pd.DataFrame(rows)

    def _summary_row(self, level: str, strata: Sequence[str]) -> dict[str, object]:
        """Return a row of the summary."""
        found = self._results(level, strata)
        interval = stratified_interval(found)
        reached = self._reached(level, strata)
        is_reached = ~np.isnan(reached)
        first = self._results(self.levels[0], strata)
        better = improvement_probability(found, first)
        if level == self.levels[0]:
            better = Interval(math.nan, math.nan, math.nan)
        return {
            "level": level,
            "within": strata[0] if len(strata) == 1 else "all",
            "n_runs": int(sum((~np.isnan(x)).sum() for x in found)),
            "iqm": interval.mean,
            "iqm_low": interval.low,
            "iqm_high": interval.high,
            "share_reached": float(is_reached.mean()) if len(reached) else math.nan,
            "median_samples_to_threshold": float(np.median(reached[is_reached]))
            if is_reached.any()
            else math.nan,
            f"p_better_than_{self.levels[0] or 'first'}": better.mean,
            "p_better_low": better.low,
            "p_better_high": better.high,
        }

    def curve_table(self) -> pd.DataFrame:
        """Return the interquartile mean of each level over samples, with intervals."""
        rows = []
        for level in self.levels:
            for stratum in self.strata:
                curves = [c for c in self.of(level, stratum) if len(c.samples)]
                if not curves:
                    continue
                samples, values = _on_common_samples(curves)
                for i, at in enumerate(samples):
                    interval = stratified_interval([values[:, i]])
                    rows.append(
                        {
                            "level": level,
                            "within": stratum,
                            "samples": at,
                            "iqm": interval.mean,
                            "low": interval.low,
                            "high": interval.high,
                            "n_runs": int((~np.isnan(values[:, i])).sum()),
                        }
                    )
        columns = ["level", "within", "samples", "iqm", "low", "high", "n_runs"]
        return pd.DataFrame(rows, columns=columns)

    def _results(self, level: str, strata: Sequence[str]) -> list[_Array]:
        """Return the results of a level's runs by stratum."""
        return [np.array([c.result for c in self.of(level, s)]) for s in strata]

    def _reached(self, level: str, strata: Sequence[str]) -> _Array:
        """Return after how many samples a level's whole runs reached the threshold."""
        threshold = self.experiment.threshold
        if threshold is None:
            return np.zeros(0)
        curves = [curve for stratum in strata for curve in self.of(level, stratum)]
        return np.array(
            [samples_to_threshold(c.samples, c.values, threshold) for c in curves]
        )

    def _level(self, run: PlannedRun) -> str:
        """Return a run's level of the compared factor."""
        factor = self.experiment.compared
        return "" if factor is None else run.levels[factor]

    def _stratum(self, run: PlannedRun) -> str:
        """Return a run's combination of the other factors."""
        compared = self.experiment.compared
        return "+".join(v for factor, v in run.levels.items() if factor != compared)


def read_results(experiment: ExperimentConfig, runs: tuple[PlannedRun, ...]) -> Results:
    """Read what the runs of an experiment wrote down so far.

    Parameters
    ----------
    experiment : ExperimentConfig
        What is compared.
    runs : tuple of PlannedRun
        Its runs.

    Returns
    -------
    Results
        Of all runs that have begun.

    Raises
    ------
    CheckpointError
        If a run that has begun has no such metric.
    """
    found = []
    for run in runs:
        rows = read_metrics(run.folder / "metrics.jsonl")
        if rows:
            found.append(_curve(run, rows, experiment.metric))
    return Results(experiment, runs, tuple(found))


def _curve(
    run: PlannedRun, rows: Sequence[Mapping[str, float | None]], metric: str
) -> Curve:
    """Return a run's curve of a metric."""
    if metric not in rows[0]:
        raise CheckpointError(
            f"metric: the run '{run.name}' has no '{metric}'."
            f"{closest(metric, rows[0])} It has: {', '.join(rows[0])}."
        )
    spent_s = sum(
        float(row.get(f"time/{part}_s") or 0.0)
        for row in rows
        for part in ("gathering", "learning")
    )
    return Curve(
        run,
        np.array([row["samples"] for row in rows], np.float64),
        np.array([_number(row[metric]) for row in rows], np.float64),
        spent_s / 3600.0,
    )


def _number(value: float | None) -> float:
    """Return a metric, NaN where it is missing."""
    return math.nan if value is None else float(value)


def _on_common_samples(curves: Sequence[Curve]) -> tuple[_Array, _Array]:
    """Return curves at the same samples, up to where the shortest ends.

    Returns
    -------
    samples : ndarray of float64, shape (n,)
        At most `_N_POINTS`, of the run with the most cycles up to there.
    values : ndarray of float64, shape (n_runs, n)
        Each run's last known value; NaN before its first.
    """
    last = min(curve.samples[-1] for curve in curves)
    longest = max(curves, key=lambda c: int((c.samples <= last).sum()))
    samples = longest.samples[longest.samples <= last]
    if len(samples) > _N_POINTS:
        picked = np.linspace(0, len(samples) - 1, _N_POINTS).round().astype(np.int64)
        samples = samples[picked]
    values = np.full((len(curves), len(samples)), np.nan)
    for row, curve in zip(values, curves, strict=True):
        is_known = ~np.isnan(curve.values)
        known, held = curve.samples[is_known], curve.values[is_known]
        at = np.searchsorted(known, samples, side="right") - 1
        row[at >= 0] = held[at[at >= 0]]
    return samples, values
