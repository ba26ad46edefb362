# SPDX-License-Identifier: Apache-2.0
"""Features: what is decoded from, an area's activity or the sensations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from angora_train.analysis.recording.schema import (
    area_activity,
    is_under_way,
    label_of,
)
from angora_train.errors import ConfigError

__all__ = ["MOST", "Features", "area_features", "sensation_features", "sensations"]

MOST = 256
"""Numbers that are decoded from; of more, as many principal components are."""
_MOST_CLASSES_OF_PIXELS = 8
"""Rows and columns into which pixels are averaged."""
_ONLY_FOR_VALUE = "auxiliary"
"""A sensation that no area gets: only the value head, in training."""


@dataclass(frozen=True)
class Features:
    """What is decoded from, standardised.

    Attributes
    ----------
    values : ndarray of float32, shape (n_episodes, n_times, n)
        NaN outside of episodes.
    axes : ndarray of float64, shape (n_units, n)
        Weights of `values` times this are weights of the units as they were recorded.
    """

    values: NDArray[np.float32]
    axes: NDArray[np.float64]


def area_features(
    recording: xr.Dataset, area: str, units: NDArray[np.int64] | None = None
) -> Features:
    """Return an area's activity, each unit standardised over the recording.

    Parameters
    ----------
    recording : xarray.Dataset
        See :mod:`angora_train.analysis.recording`.
    area : str
        The area.
    units : ndarray of int64, optional
        Which of its units. By default all.

    Returns
    -------
    Features
        Of an area with more than :data:`MOST` units the first principal components.
    """
    activity = area_activity(recording, area)
    if units is not None:
        activity = activity[:, :, units]
    return _standardized(activity, is_under_way(recording))


def sensations(recording: xr.Dataset) -> list[str]:
    """Return the names of what the areas of a recording sensed."""
    sensed = label_of("touch")
    return [
        str(name)
        for name, x in recording.data_vars.items()
        if label_of(str(name)) == sensed
        and x.dims[:2] == ("episode", "time")
        and name != _ONLY_FOR_VALUE
    ]


def sensation_features(recording: xr.Dataset, ages: Sequence[int]) -> Features:
    """Return all sensations, present and past, standardised.

    Parameters
    ----------
    recording : xarray.Dataset
        See :mod:`angora_train.analysis.recording`.
    ages : sequence of int
        Control steps into the past. Before an episode's first step there is that step.

    Returns
    -------
    Features
        Of more than :data:`MOST` numbers the first principal components. Pixels are
        averaged within 8 by 8 fields.

    Raises
    ------
    ConfigError
        If the recording holds no sensation.
    """
    names = sensations(recording)
    if not names or not len(ages):
        raise ConfigError(
            "The recording holds no sensation that areas could be compared with. Leave "
            "the comparison out: --no-baseline"
        )
    now = np.concatenate([_flat(recording[name].to_numpy()) for name in names], axis=2)
    steps = np.arange(now.shape[1])
    past = np.concatenate([now[:, np.maximum(steps - age, 0)] for age in ages], axis=2)
    return _standardized(past, is_under_way(recording))


def _flat(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return a sensation as (E, T, n); pixels as means of fields."""
    if values.ndim == 5:
        for axis in (2, 3):
            n = values.shape[axis]
            begins = np.unique(np.arange(_MOST_CLASSES_OF_PIXELS) * n // 8)
            sizes = np.diff(np.r_[begins, n])
            shape = [1] * values.ndim
            shape[axis] = -1
            values = np.add.reduceat(values, begins, axis) / sizes.reshape(shape)
    return values.reshape(*values.shape[:2], -1).astype(np.float32)


def _standardized(
    values: NDArray[np.float32], under_way: NDArray[np.bool_]
) -> Features:
    """Give each number mean 0 and spread 1; reduce many to principal components."""
    rows = values[under_way].astype(np.float64)
    mean, scale = rows.mean(0), rows.std(0)
    size = np.abs(rows).max(0)
    scale[scale <= 1e-6 * size] = np.inf  # silent: rounding is no signal
    axes = np.diag(1 / scale) if len(scale) <= MOST else np.empty((0, 0))
    rows -= mean
    rows /= scale
    if len(scale) > MOST:
        _, found = np.linalg.eigh(rows.T @ rows / len(rows))
        first = found[:, : -MOST - 1 : -1]
        axes, rows = first / scale[:, None], rows @ first
    placed = np.full((*values.shape[:2], rows.shape[1]), np.nan, np.float32)
    placed[under_way] = rows
    return Features(placed, axes)
