# SPDX-License-Identifier: Apache-2.0
"""Subjects: areas compared within a subject, and the same area between subjects."""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from angora_train.analysis.rsa.alignment import Alignment, align, shape_distances
from angora_train.analysis.rsa.comparison import Sample, Settings
from angora_train.analysis.rsa.conditions import conditions_of
from angora_train.analysis.rsa.distances import active
from angora_train.analysis.rsa.patterns import Design, design_of
from angora_train.analysis.rsa.rdms import area_rows

__all__ = ["align_samples"]

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
        A row a pair: ``subject``, ``area``, ``other_subject``, ``other``; ``cka`` with
        ``low``, ``high`` (95 %, jackknife over episodes) and ``cka_shuffled``;
        ``shape_rad``; ``n_episodes``. Within subjects every area with every other;
        between subjects each area with itself.
    notes : tuple of str
        Which subjects could not be compared, and why.
    """
    designs, patterns = [], []
    for sample in samples:
        conditions = conditions_of(
            sample.recording,
            settings.by,
            n_phases=settings.n_phases,
            labels=(labels or {}).get(sample.name),
        )
        design = design_of(sample.recording, conditions, n_folds=settings.n_folds)
        found = ((name, active(x)) for name, x in area_rows(sample.recording, design))
        designs.append(design)
        patterns.append({name: x for name, x in found if x.shape[1]})
    rows: list[dict[str, object]] = []
    notes: list[str] = []
    rng = np.random.default_rng(settings.seed)
    for i, sample in enumerate(samples):
        tell("alignment", i, len(samples))
        own = align(patterns[i], designs[i], rng)
        shapes = shape_distances(patterns[i], designs[i])
        for a, b in combinations(range(len(own.names)), 2):
            rows.append(
                _row(own, shapes, (a, b))
                | {"subject": sample.name, "other_subject": sample.name}
                | {"area": own.names[a], "other": own.names[b]}
            )
    for i, j in combinations(range(len(samples)), 2):
        pair = f"'{samples[i].name}' and '{samples[j].name}'"
        if not _is_same(designs[i], designs[j]):
            notes.append(f"{pair} did other episodes: no CKA or shape between them.")
            continue
        for area in [x for x in patterns[i] if x in patterns[j]]:
            both = {str(k): patterns[k][area] for k in (i, j)}
            own = align(both, designs[i], rng)
            rows.append(
                _row(own, shape_distances(both, designs[i]), (0, 1))
                | {"subject": samples[i].name, "other_subject": samples[j].name}
                | {"area": area, "other": area}
            )
    tell("alignment", len(samples), len(samples))
    columns = ["subject", "area", "other_subject", "other", "cka", "low", "high"]
    columns += ["cka_shuffled", "shape_rad", "n_episodes"]
    return pd.DataFrame(rows).reindex(columns=columns), tuple(notes)


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
        "n_episodes": own.n_episodes,
    }


def _is_same(one: Design, other: Design) -> bool:
    """Return whether rows of two designs are of the same episodes and conditions."""
    return (
        one.names == other.names
        and np.array_equal(one.episodes, other.episodes)
        and np.array_equal(one.of_row, other.of_row)
    )
