# SPDX-License-Identifier: Apache-2.0
"""RDMs of areas, as rsatoolbox holds them, and how reliable they are."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from rsatoolbox.rdm.rdms import RDMs

from angora_train.analysis.recording.schema import area_activity, areas
from angora_train.analysis.rsa.conditions import Conditions
from angora_train.analysis.rsa.distances import (
    Noise,
    active,
    fold_distances,
    fold_pairs,
)
from angora_train.analysis.rsa.patterns import Design, design_of
from angora_train.errors import ConfigError

__all__ = [
    "AreaDistances",
    "area_distances",
    "area_rdms",
    "area_rows",
    "described",
    "reliability",
]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AreaDistances:
    """Distances in one area.

    Attributes
    ----------
    area : str
        Its name.
    n_units, n_active : int
        Units, and those that were not constant.
    values : ndarray of float64, shape (n_fold_pairs, n_pairs)
        See :func:`angora_train.analysis.rsa.distances.fold_distances`.
    """

    area: str
    n_units: int
    n_active: int
    values: NDArray[np.float64]


def area_rows(
    recording: xr.Dataset, design: Design
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield the patterns of one area after the other.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording; one area of it is in memory at a time.
    design : Design
        What is averaged.

    Yields
    ------
    str, ndarray of float64, shape (n_rows, n_units)
        The area and its patterns.

    Raises
    ------
    ConfigError
        If a unit's activity is not a number in a step that counts.
    """
    for area in areas(recording):
        rows = design.rows(area_activity(recording, area))
        yield area, rows


def area_distances(
    recording: xr.Dataset,
    design: Design,
    noise: Noise = "shrinkage_eye",
    *,
    from_others: bool = False,
) -> Iterator[AreaDistances]:
    """Yield the distances in one area after the other.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording.
    design : Design
        Conditions and folds.
    noise : {"shrinkage_eye", "shrinkage_diag", "identity"}
        How the noise weighs the units.
    from_others : bool
        Whether it is measured in other episodes than those that are multiplied, see
        :func:`angora_train.analysis.rsa.distances.fold_distances`.

    Yields
    ------
    AreaDistances
        Of every area with an active unit; the others are left out, with a warning in
        the log.

    Raises
    ------
    ConfigError
        If no area is active, or a unit is not a number.
    """
    is_any = False
    for area, rows in area_rows(recording, design):
        varying = active(rows)
        if not varying.shape[1]:
            _log.warning("The area '%s' is silent: it has no distances.", area)
            continue
        is_any = True
        values = fold_distances(varying, design, noise, from_others=from_others)
        yield AreaDistances(area, rows.shape[1], varying.shape[1], values)
    if not is_any:
        raise ConfigError("No area was active in this recording.")


def area_rdms(
    recording: xr.Dataset,
    conditions: Conditions | None = None,
    *,
    n_phases: int = 5,
    n_folds: int | None = None,
    noise: Noise = "shrinkage_eye",
) -> RDMs:
    """Measure how far apart the conditions are in the activity of each area.

    Parameters
    ----------
    recording : xarray.Dataset
        See :func:`angora_train.analysis.recording.record.record`.
    conditions : Conditions, optional
        What is compared, see :mod:`angora_train.analysis.rsa.conditions`; by default
        kinds of goals in phases of the episode.
    n_phases : int
        Equal parts of the episode, where no conditions are given.
    n_folds : int, optional
        Folds of cross-validation over episodes; by default as many as there are
        episodes of a kind, at most 16.
    noise : {"shrinkage_eye", "shrinkage_diag", "identity"}
        How the noise weighs the units; see
        :mod:`angora_train.analysis.rsa.distances`.

    Returns
    -------
    rsatoolbox.rdm.RDMs
        One matrix of crossnobis distances an area, divided by its number of active
        units; they may be negative. ``rdm_descriptors``: ``area``, ``n_units`` and
        ``n_active``, the units that were not constant. ``pattern_descriptors``:
        ``condition``, ``kind`` and each factor. Areas without an active unit are left
        out, with a warning in the log.

    Raises
    ------
    ConfigError
        If there are too few episodes for the folds, or no area is active.
    """
    design = design_of(recording, conditions, n_folds=n_folds, n_phases=n_phases)
    found = list(area_distances(recording, design, noise))
    rdms = RDMs(  # type: ignore[no-untyped-call]
        np.array([one.values.mean(axis=0) for one in found]),
        dissimilarity_measure="crossnobis",
        rdm_descriptors={
            "area": [one.area for one in found],
            "n_units": [one.n_units for one in found],
            "n_active": [one.n_active for one in found],
        },
    )
    return described(rdms, design.conditions)


def described(rdms: RDMs, conditions: Conditions) -> RDMs:
    """Name the conditions of distances that are in their order.

    Parameters
    ----------
    rdms : rsatoolbox.rdm.RDMs
        Distances.
    conditions : Conditions
        What they are between.

    Returns
    -------
    rsatoolbox.rdm.RDMs
        The same, described.
    """
    numbers = {
        name: (conditions.levels[:, i] + 1).tolist()
        for i, name in enumerate(conditions.factors)
    }
    rdms.pattern_descriptors.update(
        condition=list(conditions.names), kind=list(conditions.kinds), **numbers
    )
    return rdms


def reliability(
    recording: xr.Dataset,
    conditions: Conditions | None = None,
    *,
    n_phases: int = 5,
    n_folds: int | None = None,
    noise: Noise = "shrinkage_eye",
) -> pd.Series:
    """Measure how well an area's distances repeat in other episodes.

    Parameters
    ----------
    recording, conditions, n_phases, noise
        See :func:`area_rdms`.
    n_folds : int, optional
        Folds in each half of the episodes, at least 2.

    Returns
    -------
    pandas.Series
        By area, the correlation of the distances in one half of the episodes with
        those in the other half. Areas cannot be expected to correlate better with
        each other than with themselves.

    Raises
    ------
    ConfigError
        If a kind of goal has fewer than twice as many episodes as there are folds.
    """
    doubled = None if n_folds is None else 2 * n_folds
    design = design_of(recording, conditions, n_folds=doubled, n_phases=n_phases)
    if design.n_folds < 4:
        raise ConfigError(
            f"Halves of the episodes need two folds each, so 4 episodes of every kind; "
            f"there are {design.n_folds}."
        )
    first, second = fold_pairs(design.n_folds)
    found = {}
    for one in area_distances(recording, design, noise):
        halves = [
            one.values[(first % 2 == half) & (second % 2 == half)].mean(axis=0)
            for half in (0, 1)
        ]
        if all(half.std() > 0 for half in halves):
            found[one.area] = float(np.corrcoef(*halves)[0, 1])
    return pd.Series(found, name="reliability", dtype=np.float64)
