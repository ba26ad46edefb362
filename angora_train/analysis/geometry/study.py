# SPDX-License-Identifier: Apache-2.0
"""Study: the geometry of every area of subjects and of their controls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from angora_train.analysis.estimates import Estimate, pooled
from angora_train.analysis.geometry.dimension import dimension
from angora_train.analysis.geometry.hierarchy import (
    LEAST_AREAS,
    motor_depth,
    rank_correlation,
)
from angora_train.analysis.geometry.integration import Sources, integration
from angora_train.analysis.geometry.tangling import tangling
from angora_train.analysis.geometry.timescale import timescale
from angora_train.analysis.recording.schema import (
    area_activity,
    areas,
    label_of,
)
from angora_train.analysis.recording.subject import Report, Subject, silent
from angora_train.errors import ConfigError

__all__ = [
    "ALL",
    "DIRECTIONS",
    "MEASURES",
    "Geometry",
    "hierarchy_table",
    "measure_areas",
    "measure_subjects",
]

MEASURES = {
    "dimension": "dimension of the population",
    "dimension_of_units": "dimension of the units",
    "timescale_ms": "autocorrelation time (ms)",
    "stable_share": "share of variance that does not decay",
    "tangling": "tangling (1/s²)",
    "integration": "sensations that are carried",
}
"""What is measured of an area, and how a figure calls it."""
DIRECTIONS = {"dimension": -1.0, "integration": 1.0}
"""What is claimed to fall, and to grow, from sensory to motor areas."""
_BOUNDS = {"stable_share": (0.0, 1.0), "integration": (1.0, np.inf)}
"""What a measure can be: the pseudo-values of its interval know no bounds."""
ALL = "all"
ACTION = "(action)"
"""In place of an area: the commands, whose tangling is what areas are held against."""
TRAINED, UNTRAINED, NULL, DIFFERENCE = (
    "trained",
    "untrained",
    "null model",
    "trained minus untrained",
)

_SENSED = label_of("touch")

Measured = dict[str, dict[str, Estimate]]
"""Estimates by measure, then by area."""


@dataclass(frozen=True)
class Geometry:
    """What was measured of subjects and of their controls.

    Attributes
    ----------
    measured : mapping of (str, str) to Measured
        By subject and kind: ``trained``, ``untrained`` or ``null model``.
    orders : mapping of str to mapping of str to float
        Place of each area by the name of the order: ``computed``, and ``senses to
        muscles`` where the network's plan is known.
    n_episodes : mapping of str to int
        Episodes by subject.
    """

    measured: Mapping[tuple[str, str], Measured]
    orders: Mapping[str, Mapping[str, float]]
    n_episodes: Mapping[str, int] = field(default_factory=dict)

    def kinds(self) -> list[str]:
        """Return the kinds that there are, the trained first."""
        return list(dict.fromkeys(kind for _, kind in self.measured))

    def of_kind(self, kind: str) -> dict[str, Measured]:
        """Return what was measured of a kind, by subject."""
        return {s: found for (s, own), found in self.measured.items() if own == kind}

    def table(self, seed: int = 0) -> pd.DataFrame:
        """Return a row an area and measure, of each subject and of all.

        Parameters
        ----------
        seed : int
            Of the resampling.

        Returns
        -------
        pandas.DataFrame
            ``subject``, ``area``, ``order``, ``depth``, ``measure``, ``value``, ends
            of the 95 % interval ``low`` and ``high``, ``limit``, ``n`` episodes,
            ``n_subjects`` and ``control``. The interval is over episodes; of ``all``,
            over subjects and episodes within them. Where ``limit`` is ``at least`` or
            ``at most``, the value of a subject lies beyond what was looked at, and so
            does that end of the interval.
        """
        rows = []
        for kind in self.kinds():
            own = self.of_kind(kind)
            for subject, found in own.items():
                rows += self._rows(kind, {subject: found}, subject, seed)
            if len(own) > 1:
                rows += self._rows(kind, own, ALL, seed)
        return pd.DataFrame(rows)

    def _rows(
        self, kind: str, own: Mapping[str, Measured], subject: str, seed: int
    ) -> list[dict[str, object]]:
        """Return the rows of some subjects of a kind together."""
        first = next(iter(own.values()))
        depth = self.orders.get("senses to muscles", {})
        rows: list[dict[str, object]] = []
        for measure, by_area in first.items():
            least, most = _BOUNDS.get(measure, (-np.inf, np.inf))
            for area in by_area:
                found = [x[measure].get(area) for x in own.values() if measure in x]
                estimates = [x for x in found if x is not None]
                if len(estimates) < len(own):
                    continue
                interval = pooled(estimates, np.random.default_rng(seed))
                limits = {x.limit for x in estimates} - {""}
                rows.append(
                    {
                        "subject": subject,
                        "area": area,
                        "order": self.orders["computed"].get(area, ""),
                        "depth": depth.get(area, ""),
                        "measure": measure,
                        "value": interval.mean,
                        "low": 0.0 if "at most" in limits else max(interval.low, least),
                        "high": np.inf
                        if "at least" in limits
                        else min(interval.high, most),
                        "limit": " and ".join(sorted(limits)),
                        "n": sum(self.n_episodes.get(name, 0) for name in own),
                        "n_subjects": len(own),
                        "control": "" if kind == TRAINED else kind,
                    }
                )
        return rows


def measure_areas(
    recording: xr.Dataset,
    *,
    seed: int = 0,
    name: str = "",
    tell: Report = silent,
) -> Measured:
    """Measure every area of a recording, one after the other.

    Parameters
    ----------
    recording : xarray.Dataset
        Read one area at a time.
    seed : int
        Draws units of areas that have very many.
    name : str
        What the recording is called when its progress is told.
    tell : callable
        Told of the progress.

    Returns
    -------
    dict of str to dict of str to Estimate
        By measure, see :data:`MEASURES`, then by area. Integration is left out where
        fewer than two sensations that are no pixels vary.

    Raises
    ------
    ConfigError
        If there are too few episodes, or they are too short.
    """
    step_s = float(recording["time"][:2].diff("time").sum())
    sources = _sources(recording)
    kinds = recording["goal_kind"].to_numpy().astype(np.int64)
    names = areas(recording)
    found: Measured = {measure: {} for measure in MEASURES}
    for i, area in enumerate(names):
        tell(name, i, len(names), area)
        activity = area_activity(recording, area)
        found_dimension = dimension(activity, np.random.default_rng(seed))
        found["dimension"][area] = found_dimension.of_population
        found["dimension_of_units"][area] = found_dimension.of_units
        times = timescale(activity, step_s, kinds)
        found["timescale_ms"][area] = times.time_ms
        found["stable_share"][area] = times.offset
        found["tangling"][area] = tangling(activity, step_s)
        if sources is not None:
            found["integration"][area] = integration(activity, sources)
    action = recording["action"].to_numpy().astype(np.float64)
    found["tangling"][ACTION] = tangling(action, step_s)
    tell(name, len(names), len(names), "done")
    return {measure: x for measure, x in found.items() if x}


def _sources(recording: xr.Dataset) -> Sources | None:
    """Return the sensations; None where fewer than two vary."""
    sensed: dict[str, NDArray[np.float64]] = {
        str(name): values.to_numpy()
        for name, values in recording.items()
        if label_of(str(name)) == _SENSED and values.dims[2:] == (f"{name}_channel",)
    }
    try:
        return Sources(sensed)
    except ConfigError:
        return None


def measure_subjects(
    subjects: Sequence[Subject],
    controls: Sequence[Subject] = (),
    *,
    untrained: bool = True,
    seed: int = 0,
    tell: Report = silent,
) -> Geometry:
    """Measure subjects, what their untrained networks make of the same, and controls.

    Parameters
    ----------
    subjects : sequence of Subject
        Trained networks, or recordings.
    controls : sequence of Subject
        Networks of null models, trained likewise.
    untrained : bool
        Whether the recorded sensations are replayed through initial weights.
    seed : int
        Draws units of areas that have very many.
    tell : callable
        Told of the progress.

    Returns
    -------
    Geometry
        All of them.
    """
    measured: dict[tuple[str, str], Measured] = {}
    n_episodes: dict[str, int] = {}
    orders: dict[str, dict[str, float]] = {}
    for subject in subjects:
        with subject.recording() as recording:
            n_episodes[subject.name] = int(recording.sizes["episode"])
            if not orders:
                orders["computed"] = _places(areas(recording))
                if subject.spec is not None:
                    orders["senses to muscles"] = motor_depth(subject.spec)
            measured[subject.name, TRAINED] = measure_areas(
                recording, seed=seed, name=subject.name, tell=tell
            )
        replayed = subject.untrained() if untrained else None
        if replayed is not None:
            with replayed:
                measured[subject.name, UNTRAINED] = measure_areas(
                    replayed, seed=seed, name=f"{subject.name} untrained", tell=tell
                )
    for control in controls:
        with control.recording() as recording:
            n_episodes[control.name] = int(recording.sizes["episode"])
            measured[control.name, NULL] = measure_areas(
                recording, seed=seed, name=control.name, tell=tell
            )
    return Geometry(measured, orders, n_episodes)


def _places(names: Sequence[str]) -> dict[str, float]:
    """Return the place of each area in the order in which they are computed."""
    return {name: float(i) for i, name in enumerate(names)}


def hierarchy_table(geometry: Geometry, seed: int = 0) -> pd.DataFrame:
    """Test whether representations get more integrated and lower-dimensional.

    Parameters
    ----------
    geometry : Geometry
        What was measured.
    seed : int
        Of the resampling.

    Returns
    -------
    pandas.DataFrame
        A row a measure, order, subject and control: Spearman's correlation of the
        measure with the place of areas, with its 95 % interval over episodes, and over
        subjects in the rows of ``all``. ``claimed`` is the sign that the claim asks
        for, -1 of dimension and 1 of integration, 0 of measures that nothing is
        claimed of; ``holds`` says whether the interval lies on that side of 0. Rows
        ``trained minus untrained`` compare the same episodes.

    Raises
    ------
    ConfigError
        If there are fewer than four areas.
    """
    rows = []
    for order, places in geometry.orders.items():
        for measure in MEASURES:
            by_kind = {
                kind: {
                    subject: rank_correlation(found[measure], places)
                    for subject, found in geometry.of_kind(kind).items()
                    if measure in found and _is_told(found[measure], places)
                }
                for kind in geometry.kinds()
            }
            trained, before = by_kind.get(TRAINED, {}), by_kind.get(UNTRAINED, {})
            by_kind[DIFFERENCE] = {
                name: Estimate(
                    trained[name].value - before[name].value,
                    trained[name].parts - before[name].parts,
                )
                for name in trained
                if name in before
                and len(trained[name].parts) == len(before[name].parts)
            }
            for kind, own in by_kind.items():
                rows += _correlations(measure, order, kind, own, geometry, seed)
    return pd.DataFrame(rows)


def _is_told(by_area: Mapping[str, Estimate], places: Mapping[str, float]) -> bool:
    """Whether enough areas have a number; one area less is told by its absence."""
    numbers = [x for name, x in by_area.items() if name in places]
    n = sum(bool(np.isfinite(x.value)) for x in numbers)
    return n >= min(LEAST_AREAS, len(places))


def _correlations(
    measure: str,
    order: str,
    kind: str,
    own: Mapping[str, Estimate],
    geometry: Geometry,
    seed: int,
) -> list[dict[str, object]]:
    """Return the rows of a measure, an order and a kind: each subject, then all."""
    claimed = DIRECTIONS.get(measure, 0.0)
    chosen = {name: [estimate] for name, estimate in own.items()}
    if len(own) > 1:
        chosen[ALL] = list(own.values())
    rows: list[dict[str, object]] = []
    for subject, estimates in chosen.items():
        interval = pooled(estimates, np.random.default_rng(seed))
        ends = sorted((claimed * interval.low, claimed * interval.high))
        most = 2.0 if kind == DIFFERENCE else 1.0  # pseudo-values know no bounds
        counted = own if subject == ALL else [subject]
        rows.append(
            {
                "subject": subject,
                "measure": measure,
                "ordered": order,
                "value": interval.mean,
                "low": max(interval.low, -most),
                "high": min(interval.high, most),
                "n": sum(geometry.n_episodes.get(name, 0) for name in counted),
                "n_subjects": len(estimates),
                "control": "" if kind == TRAINED else kind,
                "claimed": claimed,
                "holds": bool(ends[0] > 0.0) if claimed else "",
            }
        )
    return rows
