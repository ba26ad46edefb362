# SPDX-License-Identifier: Apache-2.0
"""Patterns: mean activity in every condition, a kind of goal in a phase of a movement.

Episodes lie in folds of cross-validation, as many of every kind in each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from angora_train.analysis.recording.schema import goal_names, kind_name
from angora_train.errors import ConfigError

__all__ = ["Patterns", "patterns_by_condition"]


@dataclass(frozen=True)
class Patterns:
    """Mean activity of episodes in each phase, the same number of every kind of goal.

    Attributes
    ----------
    episodes : ndarray of int, shape (n_rows,)
        Row of the recording.
    conditions : ndarray of int, shape (n_rows,)
        Index of the condition, ``kind * n_phases + phase``.
    folds : ndarray of int, shape (n_rows,)
        Fold of cross-validation; an episode lies in one fold, and every fold has the
        same number of episodes of every kind.
    values : ndarray of float64, shape (n_rows, n_channels)
        Mean over the phase.
    kinds : tuple of str
        Kinds of goals, in the order of the conditions.
    n_phases : int
        Equal parts of the episode.
    """

    episodes: NDArray[np.int64]
    conditions: NDArray[np.int64]
    folds: NDArray[np.int64]
    values: NDArray[np.float64]
    kinds: tuple[str, ...]
    n_phases: int

    @property
    def names(self) -> list[str]:
        """Names of the conditions, e.g. ``"ff 1"`` for its first phase."""
        phases = range(1, self.n_phases + 1)
        return [f"{kind} {phase}" for kind in self.kinds for phase in phases]

    @property
    def n_per_kind(self) -> int:
        """Episodes of each kind of goal."""
        return len(np.unique(self.episodes)) // len(self.kinds)

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean of each condition, shape (n_conditions, n_channels)."""
        rows = [self.conditions == i for i in range(len(self.names))]
        return np.array([self.values[of_one].mean(axis=0) for of_one in rows])


def patterns_by_condition(
    recording: xr.Dataset,
    variable: str = "activity",
    *,
    n_phases: int = 5,
    n_folds: int = 5,
) -> Patterns:
    """Average a variable of a recording over the phases of each episode.

    Parameters
    ----------
    recording : xarray.Dataset
        See :func:`angora_train.analysis.recording.record.record`.
    variable : str
        A variable with the dimensions episode, time and one more.
    n_phases : int
        Equal parts of the episode.
    n_folds : int
        Folds of cross-validation.

    Returns
    -------
    Patterns
        The first episodes of every kind of goal, as many of each: the number of the
        rarest kind, rounded down to a multiple of `n_folds`.

    Raises
    ------
    ConfigError
        If a kind has fewer episodes than there are folds, or an episode fewer steps
        than there are phases.
    """
    names = goal_names(recording)
    episode_of = _balanced(recording["goal_kind"].to_numpy(), n_folds, names)
    values = recording[variable].transpose("episode", "time", ...).to_numpy()
    n_steps = recording["n_steps"].to_numpy()
    if n_steps.min() < n_phases:
        raise ConfigError(
            f"{n_phases} phases need as many steps; an episode has {n_steps.min()}."
        )
    chosen = np.array(list(episode_of.values()))
    kind, rank, phase = np.indices((*chosen.shape, n_phases)).reshape(3, -1)
    means = [
        part.mean(axis=0, dtype=np.float64)
        for episode in chosen.flat
        for part in np.array_split(values[episode, : n_steps[episode]], n_phases)
    ]
    return Patterns(
        episodes=chosen[kind, rank],
        conditions=kind * n_phases + phase,
        folds=rank % n_folds,
        values=np.array(means),
        kinds=tuple(kind_name(names, kind) for kind in episode_of),
        n_phases=n_phases,
    )


def _balanced(
    kind_of: NDArray[np.integer], n_folds: int, names: Sequence[str]
) -> dict[int, NDArray[np.int64]]:
    """Return by kind its first episodes, as many of each, a multiple of the folds."""
    kinds, counts = np.unique(kind_of, return_counts=True)
    n_each = counts.min() // n_folds * n_folds
    if not n_each:
        raise ConfigError(
            f"{n_folds} folds need as many episodes of every kind of goal; the kind "
            f"'{kind_name(names, int(kinds[counts.argmin()]))}' has {counts.min()} of "
            f"{len(kind_of)}. Record more episodes, or take fewer folds."
        )
    return {int(kind): np.flatnonzero(kind_of == kind)[:n_each] for kind in kinds}
