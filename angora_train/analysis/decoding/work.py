# SPDX-License-Identifier: Apache-2.0
"""Work: what a decoding is asked, read from a recording and checked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from angora_train.analysis.decoding.curves import Problem
from angora_train.analysis.decoding.features import Features
from angora_train.analysis.decoding.plan import DecodingPlan
from angora_train.analysis.decoding.samples import assign_folds
from angora_train.analysis.decoding.scores import resample_counts
from angora_train.analysis.decoding.targets import (
    Target,
    read_target,
    usual_targets,
)
from angora_train.analysis.recording import schema
from angora_train.errors import ConfigError

__all__ = ["Tell", "Work", "control_step_s", "silent"]

_BEYOND_EVERY = 10
"""Control steps between lags at which areas are compared with the sensations."""


class Tell(Protocol):
    """Told how far it is."""

    def __call__(self, what: str, done: int, total: int, text: str = "") -> None:
        """Take note."""
        ...


def silent(what: str, done: int, total: int, text: str = "") -> None:
    """Take no note."""


def control_step_s(recording: xr.Dataset) -> float:
    """Return the duration of a control step of a recording, s."""
    if "control_step_s" in recording.attrs:
        return float(recording.attrs["control_step_s"])
    return float(np.diff(recording["time"].to_numpy()[:2])[0])


@dataclass(frozen=True)
class Work:
    """What is decoded, read and checked.

    Attributes
    ----------
    recording : xarray.Dataset
        What it is read from, an area at a time.
    areas : tuple of str
        Areas wanted.
    asked : tuple of str
        Targets as they were asked for.
    targets : tuple of Target
        Targets wanted, episodes as recorded.
    plan : DecodingPlan
        Lags, folds and controls.
    order : ndarray of int64, shape (n_episodes,)
        Episodes sorted by fold.
    problem : Problem
        The targets with episodes sorted by fold.
    lags : ndarray of int64, shape (n_lags,)
        Control steps.
    n_units : ndarray of int64, shape (n_areas,)
        Units of each area.
    """

    recording: xr.Dataset
    areas: tuple[str, ...]
    asked: tuple[str, ...]
    targets: tuple[Target, ...]
    plan: DecodingPlan
    order: NDArray[np.int64]
    problem: Problem
    lags: NDArray[np.int64]
    n_units: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        recording: xr.Dataset,
        targets: Sequence[str] | None,
        areas: Sequence[str] | None,
        plan: DecodingPlan,
    ) -> "Work":
        """Read targets; refuse what cannot be decoded before work begins."""
        names = list(areas or schema.areas(recording))
        units = [schema.area_units(recording, name) for name in names]
        fold = assign_folds(recording.sizes["episode"], plan.folds, plan.fold_kind)
        asked = list(targets or usual_targets(recording))
        if not asked:
            raise ConfigError(
                "The recording has none of the usual targets, or all are constant. "
                "Name one: --target NAME"
            )
        read = tuple(read_target(recording, x, plan.rotation_steps) for x in asked)
        twice = [x.name for x in read if [y.name for y in read].count(x.name) > 1]
        if twice:
            raise ConfigError(f"The target '{twice[0]}' is asked for twice.")
        lags = _possible_lags(recording, plan)
        order = np.argsort(fold, kind="stable")
        for target in read:
            _require_classes(target, fold, plan)
        problem = Problem(
            tuple(replace(x, values=x.values[order]) for x in read),
            fold[order],
            resample_counts(len(fold), plan.resamples, plan.decoding_seed)[:, order],
        )
        n_units = np.array([part.stop - part.start for part in units])
        return cls(
            recording,
            tuple(names),
            tuple(asked),
            read,
            plan,
            order,
            problem,
            lags,
            n_units,
        )

    @property
    def control_step_s(self) -> float:
        """Duration of a control step, s."""
        return control_step_s(self.recording)

    @property
    def beyond_lags(self) -> list[int]:
        """Lags at which areas are compared with the sensations."""
        lags: list[int] = self.lags.tolist()
        return [x for x in lags if x % _BEYOND_EVERY == 0] or lags[:1]

    def sorted(self, features: Features) -> Features:
        """Return features with episodes sorted by fold."""
        return replace(features, values=features.values[self.order])


def _possible_lags(recording: xr.Dataset, plan: DecodingPlan) -> NDArray[np.int64]:
    """Return the lags; refuse a plan of which no sample would be left."""
    longest = int(recording["n_steps"].max())
    if min(np.abs(plan.lags)) >= longest - 1:
        raise ConfigError(
            f"The lags {plan.first_lag} to {plan.last_lag} control steps leave no "
            f"sample in episodes of at most {longest} steps. Take shorter ones."
        )
    return plan.lags


def _require_classes(
    target: Target, fold: NDArray[np.int64], plan: DecodingPlan
) -> None:
    """Refuse classes that are in too few episodes, or that folds hold all of."""
    if not target.is_classes:
        return
    for number, label in enumerate(target.labels):
        has = (target.values[:, :, 0] == number).any(1)
        n = int(has.sum())
        if n < 2:
            raise ConfigError(
                f"The class '{label}' of '{target.name}' is in {n} episode; 2 are "
                "needed, one to fit and one to test. Record more, or take a table "
                "without it."
            )
        if len(np.unique(fold[has])) < 2:
            raise ConfigError(
                f"All {n} episodes of the class '{label}' of '{target.name}' are in "
                f"one of {plan.folds} folds of neighbouring episodes. Take --fold-kind "
                "interleaved, or record more."
            )
