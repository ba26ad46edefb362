# SPDX-License-Identifier: Apache-2.0
"""Effects: what each condition changes, beside random ones, and who needs what."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from angora_train.analysis.estimates import Estimate, pooled
from angora_train.analysis.intervals import Interval
from angora_train.analysis.lesioning.conditions import Condition
from angora_train.analysis.lesioning.sets import INTACT
from angora_train.analysis.lesioning.sweep import Sweep
from angora_train.errors import ConfigError

__all__ = [
    "ALL",
    "COLUMNS",
    "dissociations",
    "effects",
    "losses_by_goal",
    "losses_by_outcome",
    "losses_by_task",
]

ALL = "all"
"""Subject of the rows that are over all subjects."""
COLUMNS = (
    "subject",
    "condition",
    "kind",
    "draw",
    "areas",
    "n_areas",
    "units",
    "sensed",
    "acting",
    "shared",
    "outcome",
    "value",
    "change",
    "low",
    "high",
    "beyond",
    "beyond_low",
    "beyond_high",
    "n",
    "control",
)

Floats = NDArray[np.float64]
Losses = Mapping[str, Mapping[str, Floats]]
"""Losses of each episode, by condition, then by what is lost."""

_LESS_IS_MORE = ("distance", "angle")
"""Beginnings of outcomes of which less is better."""


def effects(sweeps: Mapping[str, Sweep], seed: int = 0) -> pd.DataFrame:
    """Return what each condition changes, a row a condition and outcome.

    Parameters
    ----------
    sweeps : mapping of str to Sweep
        By subject. Of several, rows of the subject ``all`` follow for the conditions
        that every subject has.
    seed : int
        Of the resampling.

    Returns
    -------
    pandas.DataFrame
        Columns :data:`COLUMNS`. ``change`` is the mean over the same episodes of the
        condition minus the intact network, with its 95 % interval; ``beyond`` is
        ``change`` minus the mean change of the random conditions beside it. Intervals
        are over episodes; of ``all``, over subjects and episodes within them.

    Raises
    ------
    ConfigError
        If there is no sweep.
    """
    if not sweeps:
        raise ConfigError("There is no sweep to compare.")
    rows = []
    for subject, sweep in sweeps.items():
        for i, condition in enumerate(sweep.conditions):
            for outcome in sweep.outcomes[0]:
                rows.append(_row(subject, [sweep], [i], condition, outcome, seed))
    if len(sweeps) > 1:
        rows += _over_all(list(sweeps.values()), seed)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _over_all(sweeps: Sequence[Sweep], seed: int) -> list[dict[str, Any]]:
    """Return the rows over all subjects, of conditions that each of them has."""
    places = [
        {(one.name, one.draw): i for i, one in enumerate(sweep.conditions)}
        for sweep in sweeps
    ]
    rows = []
    shared = [
        x for x in sweeps[0].outcomes[0] if all(x in s.outcomes[0] for s in sweeps)
    ]
    for condition in sweeps[0].conditions:
        key = condition.name, condition.draw
        if condition.draw is not None or not all(key in x for x in places):
            continue
        chosen = [x[key] for x in places]
        rows += [_row(ALL, sweeps, chosen, condition, name, seed) for name in shared]
    return rows


def _row(
    subject: str,
    sweeps: Sequence[Sweep],
    places: Sequence[int],
    condition: Condition,
    outcome: str,
    seed: int,
) -> dict[str, Any]:
    """Return one row of the table."""
    pairs = list(zip(sweeps, places, strict=True))
    changes = [_change(sweep, i, outcome) for sweep, i in pairs]
    beside = [_mean_beside(sweep, i, outcome) for sweep, i in pairs]
    change = _interval(changes, seed)
    beyond: Interval | None = None
    more = [a - b for a, b in zip(changes, beside, strict=True) if b is not None]
    if condition.draw is None and len(more) == len(changes):
        beyond = _interval(more, seed)
    values = [float(np.nanmean(s.outcomes[i][outcome])) for s, i in pairs]
    n_random = sum(b is not None for b in beside)
    return {
        "subject": subject,
        "condition": condition.name,
        "kind": condition.kind,
        "draw": "" if condition.draw is None else condition.draw,
        "areas": "; ".join(condition.areas),
        "n_areas": len(condition.areas),
        "units": condition.n_units,
        "sensed": condition.n_sensed,
        "acting": condition.n_acting,
        "shared": condition.n_shared,
        "outcome": outcome,
        "value": float(np.mean(values)),
        "change": change.mean,
        "low": change.low,
        "high": change.high,
        "beyond": "" if beyond is None else beyond.mean,
        "beyond_low": "" if beyond is None else beyond.low,
        "beyond_high": "" if beyond is None else beyond.high,
        "n": sum(sweep.n_episodes for sweep in sweeps),
        "control": "random" if beyond is not None and n_random else "",
    }


def _change(sweep: Sweep, i: int, outcome: str) -> Floats:
    """Return a condition's outcome minus the intact network's, by episode."""
    return sweep.outcomes[i][outcome] - sweep.outcomes[0][outcome]


def _mean_beside(sweep: Sweep, i: int, outcome: str) -> Floats | None:
    """Return the mean change of the random conditions beside one; None without."""
    name = sweep.conditions[i].name
    beside = [
        _change(sweep, k, outcome)
        for k, one in enumerate(sweep.conditions)
        if one.name == name and one.draw is not None
    ]
    return np.mean(beside, axis=0) if beside else None


def _interval(by_subject: Sequence[Floats], seed: int) -> Interval:
    """Return a mean over episodes, or over subjects and episodes, and its interval."""
    finite = [x[np.isfinite(x)] for x in by_subject]
    if any(not len(x) for x in finite):
        return Interval(float("nan"), float("nan"), float("nan"))
    estimates = [Estimate(float(x.mean()), x) for x in finite]
    return pooled(estimates, np.random.default_rng(seed))


# --- double dissociations -----------------------------------------------------------


def losses_by_outcome(sweep: Sweep) -> dict[str, dict[str, Floats]]:
    """Return what each condition loses of each outcome, in its spread when intact.

    Parameters
    ----------
    sweep : Sweep
        Conditions without the random ones are taken.

    Returns
    -------
    dict of str to dict of str to ndarray of float, shape (n_episodes,)
        Intact minus lesioned, or the other way round where less is better, over the
        standard deviation of the intact network's episodes; outcomes that do not
        differ between them are left out.
    """
    whole = sweep.outcomes[0]
    spreads = {name: float(np.nanstd(x)) for name, x in whole.items()}
    return {
        one.name: {
            name: _loss(whole[name], lesioned[name], name) / spread
            for name, spread in spreads.items()
            if spread > 0.0
        }
        for one, lesioned in _own(sweep)
    }


def losses_by_goal(
    sweep: Sweep, names: Sequence[str] = (), outcome: str = "return"
) -> dict[str, dict[str, Floats]]:
    """Return what each condition loses of an outcome, by the kind of goal.

    Parameters
    ----------
    sweep : Sweep
        Conditions without the random ones are taken.
    names : sequence of str
        Names of kinds, as the task counts them.
    outcome : str
        Which.

    Returns
    -------
    dict of str to dict of str to ndarray of float, shape (n,)
        Losses of the episodes of each kind.
    """
    kinds = np.unique(sweep.goal_kind).tolist()
    whole = sweep.outcomes[0][outcome]
    return {
        one.name: {
            names[kind] if 0 <= kind < len(names) else str(kind): _loss(
                whole, lesioned[outcome], outcome
            )[sweep.goal_kind == kind]
            for kind in kinds
        }
        for one, lesioned in _own(sweep)
    }


def losses_by_task(
    sweeps: Mapping[str, Sweep], outcome: str = "return"
) -> dict[str, dict[str, Floats]]:
    """Return what each condition loses of an outcome, by subject.

    Parameters
    ----------
    sweeps : mapping of str to Sweep
        By task; conditions that all have are taken.
    outcome : str
        Which, in the spread of the intact network's episodes.

    Returns
    -------
    dict of str to dict of str to ndarray of float, shape (n_episodes,)
        Losses of each task's episodes.
    """
    found: dict[str, dict[str, Floats]] = {}
    for task, sweep in sweeps.items():
        for condition, columns in losses_by_outcome(sweep).items():
            if outcome in columns:
                found.setdefault(condition, {})[task] = columns[outcome]
    return {name: x for name, x in found.items() if len(x) == len(sweeps)}


def _own(sweep: Sweep) -> list[tuple[Condition, Mapping[str, Floats]]]:
    """Return conditions with their episodes, without the intact and random ones."""
    pairs = zip(sweep.conditions, sweep.outcomes, strict=True)
    return [(c, x) for c, x in pairs if c.draw is None and c.name != INTACT]


def _loss(whole: Floats, lesioned: Floats, outcome: str) -> Floats:
    """Return what is lost, positive if the lesion makes it worse."""
    worse = whole - lesioned
    return -worse if outcome.startswith(_LESS_IS_MORE) else worse


def dissociations(losses: Losses, seed: int = 0, level: float = 0.95) -> pd.DataFrame:
    """Return which conditions doubly dissociate which columns.

    Two lesions dissociate two columns doubly if the one takes more of the first column
    than the other does, and the other more of the second: a difference in how hard
    columns or lesions are cannot explain both (Teuber 1955; Shallice 1988).

    Parameters
    ----------
    losses : mapping of str to mapping of str to ndarray
        See :func:`losses_by_outcome` and its kin: by condition, then column.
    seed : int
        Of the resampling.
    level : float
        Both intervals have this level, so that both exclude 0 by chance is rarer than
        one minus it.

    Returns
    -------
    pandas.DataFrame
        A row for each two conditions and two columns, oriented so that ``first`` loses
        more of ``column_a``: ``a`` is what the first loses of it beyond the second,
        ``b`` what the second loses of ``column_b`` beyond the first, each with its
        interval over the same episodes; ``is_double`` where both lie above 0.

    Raises
    ------
    ConfigError
        If there are fewer than two conditions or columns.

    References
    ----------
    Teuber (1955), Physiological psychology, Annu Rev Psychol 6:267. Shallice (1988),
    From neuropsychology to mental structure, Cambridge University Press.
    """
    columns = list(next(iter(losses.values()), {}))
    if len(losses) < 2 or len(columns) < 2:
        raise ConfigError(
            "A double dissociation needs at least two lesions and two outcomes, got "
            f"{len(losses)} and {len(columns)}."
        )
    rows = []
    for first, second in combinations(losses, 2):
        more = {
            name: _paired(losses[first][name], losses[second][name], seed, level)
            for name in columns
        }
        for a, b in combinations(columns, 2):
            pair = (first, second) if more[a].mean >= 0 else (second, first)
            one = more[a] if pair[0] == first else _turned(more[a])
            other = _turned(more[b]) if pair[0] == first else more[b]
            rows.append(
                {
                    "first": pair[0],
                    "second": pair[1],
                    "column_a": a,
                    "column_b": b,
                    "a": one.mean,
                    "a_low": one.low,
                    "a_high": one.high,
                    "b": other.mean,
                    "b_low": other.low,
                    "b_high": other.high,
                    "is_double": bool(one.low > 0.0 and other.low > 0.0),
                }
            )
    return pd.DataFrame(rows)


def _paired(one: Floats, other: Floats, seed: int, level: float) -> Interval:
    """Return the mean difference over the same episodes, and its interval."""
    more = one - other
    more = more[np.isfinite(more)]
    estimate = Estimate(float(more.mean()), more)
    return pooled([estimate], np.random.default_rng(seed), level=level)


def _turned(interval: Interval) -> Interval:
    """Return the interval of the difference the other way round."""
    return Interval(-interval.mean, -interval.high, -interval.low)
