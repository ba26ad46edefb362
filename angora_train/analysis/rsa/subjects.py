# SPDX-License-Identifier: Apache-2.0
"""Subjects: areas compared within a subject, and the same area between subjects."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from threadpoolctl import threadpool_limits

from angora_train.analysis.rsa.alignment import Alignment, align, shape_distances
from angora_train.analysis.rsa.comparison import Sample, Settings
from angora_train.analysis.rsa.conditions import conditions_of
from angora_train.analysis.rsa.distances import active
from angora_train.analysis.rsa.patterns import Design, design_of
from angora_train.analysis.rsa.rdms import area_rows

__all__ = ["COLUMNS", "OTHERS", "align_samples"]

COLUMNS = (
    *("subject", "area", "other_subject", "other", "control"),
    *("cka", "low", "high", "cka_shuffled", "shape_rad", "n", "n_episodes"),
)
"""Of the table; see :func:`align_samples`."""
OTHERS = "mean of others"
"""What stands for all other areas."""
Patterns = Mapping[str, NDArray[np.float64]]

Tell = Callable[[str, int, int], None]


def align_samples(
    samples: Sequence[Sample],
    settings: Settings,
    *,
    labels: dict[str, pd.DataFrame] | None = None,
    tell: Tell = lambda what, done, total: None,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Compare areas by debiased CKA and shape, within subjects and between them.

    Parameters
    ----------
    samples : sequence of Sample
        Subjects.
    settings : Settings
        Conditions and seed.
    labels : dict of str to pandas.DataFrame, optional
        See :func:`angora_train.analysis.rsa.comparison.compare`.
    tell : callable
        Told how far it is.

    Returns
    -------
    table : pandas.DataFrame
        A row a pair: ``subject``, ``area``, ``other_subject``, ``other``, ``control``
        (``trained``, ``untrained``); ``cka`` with ``low``, ``high`` (95 %, jackknife
        over episodes) and ``cka_shuffled``; ``shape_rad``; ``n``, subjects;
        ``n_episodes``. Within subjects every area with every other, and with the mean
        of all others, :data:`OTHERS`; between subjects each area with itself. Of
        several subjects, rows of the subject ``all``: the mean of those within, the
        interval Student's over subjects.
    notes : tuple of str
        Which subjects could not be compared, and why.
    """
    designs: list[Design] = []
    patterns: list[dict[str, Patterns]] = []
    rows: list[dict[str, object]] = []
    notes: list[str] = []
    rng = np.random.default_rng(settings.seed)
    with threadpool_limits(limits=1, user_api="blas"):
        for i, sample in enumerate(samples):
            tell("alignment", i, len(samples))
            design, found = _patterns_of(sample, settings, labels or {})
            designs.append(design)
            patterns.append(found)
            for control, of_area in found.items():
                own = align(of_area, design, rng)
                shapes = shape_distances(of_area, design)
                about = {"subject": sample.name, "other_subject": sample.name}
                rows += _within(own, shapes, {**about, "control": control})
        for i, j in combinations(range(len(samples)), 2):
            pair = f"'{samples[i].name}' and '{samples[j].name}'"
            if not _is_same(designs[i], designs[j]):
                notes.append(
                    f"{pair} did other episodes: no CKA or shape between them."
                )
                continue
            about = {"subject": samples[i].name, "other_subject": samples[j].name}
            for control in [x for x in patterns[i] if x in patterns[j]]:
                one, other = patterns[i][control], patterns[j][control]
                rows += _between(
                    one, other, designs[i], rng, {**about, "control": control}
                )
    tell("alignment", len(samples), len(samples))
    table = pd.DataFrame(rows).reindex(columns=list(COLUMNS))
    if len(samples) > 1:
        table = pd.concat([table, _over_subjects(table)], ignore_index=True)
    return table, tuple(notes)


def _patterns_of(
    sample: Sample, settings: Settings, labels: Mapping[str, pd.DataFrame]
) -> tuple[Design, dict[str, Patterns]]:
    """Return the design of a sample and the patterns of its active areas."""
    conditions = conditions_of(
        sample.recording,
        settings.by,
        n_phases=settings.n_phases,
        labels=labels.get(sample.name),
    )
    design = design_of(sample.recording, conditions, n_folds=settings.n_folds)
    made = {"trained": sample.recording}
    if sample.untrained is not None:
        made["untrained"] = sample.untrained
    found: dict[str, Patterns] = {}
    for control, recording in made.items():
        rows = ((name, active(x)) for name, x in area_rows(recording, design))
        found[control] = {name: x for name, x in rows if x.shape[1]}
    return design, found


def _within(
    own: Alignment, shapes: np.ndarray, about: Mapping[str, object]
) -> list[dict[str, object]]:
    """Return rows of all pairs of areas, and of each with the mean of the others."""
    rows: list[dict[str, object]] = []
    for a, b in combinations(range(len(own.names)), 2):
        named = {"area": own.names[a], "other": own.names[b]}
        rows.append({**_row(own, shapes, (a, b)), **named, **about})
    for a, area in enumerate(own.names if len(own.names) > 1 else ()):
        value, low, high = own.with_others[:, a].tolist()
        others = np.arange(len(own.names)) != a
        told = {"area": area, "other": OTHERS, "cka": value, "low": low, "high": high}
        told["cka_shuffled"] = float(own.shuffled[a, others].mean())
        told["shape_rad"] = float(shapes[a, others].mean())
        rows.append({**told, "n": 1, "n_episodes": own.n_episodes, **about})
    return rows


def _between(
    one: Patterns,
    other: Patterns,
    design: Design,
    rng: np.random.Generator,
    about: Mapping[str, object],
) -> list[dict[str, object]]:
    """Return rows of each area with itself in another subject."""
    rows = []
    for area in [x for x in one if x in other]:
        both = {"one": one[area], "other": other[area]}
        own = align(both, design, rng)
        told = _row(own, shape_distances(both, design), (0, 1))
        rows.append({**told, "area": area, "other": area, **about})
    return rows


def _over_subjects(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of subjects, of pairs that all have."""
    within = table[table["subject"] == table["other_subject"]]
    n = within["subject"].nunique()
    keys = ["area", "other", "control"]
    groups = within.groupby(keys, sort=False)
    mean = groups[["cka", "cka_shuffled", "shape_rad"]].mean()
    half = stats.t.ppf(0.975, n - 1) * groups["cka"].std() / np.sqrt(n)
    mean["low"] = (mean["cka"] - half).clip(lower=-1.0)
    mean["high"] = (mean["cka"] + half).clip(upper=1.0)
    mean["n"], mean["n_episodes"] = groups["cka"].count(), groups["n_episodes"].sum()
    mean = mean[mean["n"] == n].reset_index()
    return mean.assign(subject="all", other_subject="all").reindex(
        columns=list(COLUMNS)
    )


def _row(
    own: Alignment, shapes: np.ndarray, pair: tuple[int, int]
) -> dict[str, object]:
    """Return what is told of a pair."""
    return {
        "cka": float(own.value[pair]),
        "low": float(own.low[pair]),
        "high": float(own.high[pair]),
        "cka_shuffled": float(own.shuffled[pair]),
        "shape_rad": float(shapes[pair]),
        "n": 1,
        "n_episodes": own.n_episodes,
    }


def _is_same(one: Design, other: Design) -> bool:
    """Return whether rows of two designs are of the same episodes and conditions."""
    return (
        one.names == other.names
        and np.array_equal(one.episodes, other.episodes)
        and np.array_equal(one.of_row, other.of_row)
    )
