# SPDX-License-Identifier: Apache-2.0
"""Patterns: mean activity of each episode in every condition, in folds of episodes.

An episode lies in one fold, so that folds are independent. As many folds as there are
episodes of the rarest kind make most of the data: each pair of folds gives distances.
"""

import logging
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse

from angora_train.analysis.rsa.conditions import Conditions, conditions_of
from angora_train.errors import ConfigError

__all__ = ["MAX_FOLDS", "Design", "averaging", "design_of", "values_of"]

_log = logging.getLogger(__name__)

MAX_FOLDS = 16
"""Folds where none are asked for, if there are as many episodes."""


@dataclass(frozen=True)
class Design:
    """Which steps of a recording are averaged, and what with.

    A row is an episode in a condition.

    Attributes
    ----------
    conditions : Conditions
        What is compared.
    episodes : ndarray of int64, shape (n_rows,)
        Row of the recording.
    of_row : ndarray of int64, shape (n_rows,)
        Index of the condition.
    folds : ndarray of int64, shape (n_rows,)
        Fold of cross-validation; every fold has every condition.
    n_folds : int
        Folds.
    averaging : scipy.sparse.csr_matrix, shape (n_rows, n_episodes * n_steps)
        Takes steps to rows.
    """

    conditions: Conditions
    episodes: NDArray[np.int64]
    of_row: NDArray[np.int64]
    folds: NDArray[np.int64]
    n_folds: int
    averaging: sparse.csr_matrix

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the conditions."""
        return self.conditions.names

    @property
    def n_episodes(self) -> int:
        """Episodes that are made use of."""
        return len(np.unique(self.episodes))

    def rows(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Average steps.

        Parameters
        ----------
        values : ndarray of float, shape (n_episodes, n_steps, ...)
            Of each step.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_channels)
            Means; not a number where a step that counts is not.
        """
        flat = values.reshape(values.shape[0] * values.shape[1], -1)
        used = np.unique(self.averaging.indices)
        means = self.averaging[:, used] @ flat[used].astype(np.float64)
        return np.asarray(means)

    def fold_means(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average the rows of each fold and condition.

        Parameters
        ----------
        rows : ndarray of float64, shape (n_rows, n_channels)
            See :meth:`rows`.

        Returns
        -------
        ndarray of float64, shape (n_folds, n_conditions, n_channels)
            Means.
        """
        n = len(self.names)
        means = averaging(self.folds * n + self.of_row, self.n_folds * n) @ rows
        return np.asarray(means).reshape(self.n_folds, n, -1)


def averaging(of_row: NDArray[np.int64], n: int) -> sparse.csr_matrix:
    """Return the matrix that averages the rows of each group.

    Parameters
    ----------
    of_row : ndarray of int64, shape (n_rows,)
        Group of each.
    n : int
        Groups.

    Returns
    -------
    scipy.sparse.csr_matrix, shape (n, n_rows)
        Takes rows to means; 0 of a group without rows.
    """
    share = 1.0 / np.bincount(of_row, minlength=n)[of_row]
    shape = (n, len(of_row))
    return sparse.csr_matrix((share, (of_row, np.arange(len(of_row)))), shape=shape)


def design_of(
    recording: xr.Dataset,
    conditions: Conditions | None = None,
    *,
    n_folds: int | None = None,
    n_phases: int = 5,
) -> Design:
    """Decide which episodes are compared, in which folds.

    Parameters
    ----------
    recording : xarray.Dataset
        See :func:`angora_train.analysis.recording.record.record`.
    conditions : Conditions, optional
        What is compared; by default goals in `n_phases` phases.
    n_folds : int, optional
        Folds of cross-validation, at least 2. By default as many as there are
        episodes of the rarest kind, or, if these are more than :data:`MAX_FOLDS`, so
        many that fewest are left over.
    n_phases : int
        Where no conditions are given.

    Returns
    -------
    Design
        Where an episode has one kind, the first episodes of every kind, as many of
        each: the number of the rarest, rounded down to a multiple of the folds. Else
        all episodes; conditions that are missing in a fold are left out, with a
        warning in the log.

    Raises
    ------
    ConfigError
        If there are too few episodes for the folds, or fewer than two conditions.

    Examples
    --------
    >>> kinds = np.tile([0, 1], 6)
    >>> recording = xr.Dataset({"goal_kind": ("episode", kinds),
    ...     "n_steps": ("episode", np.full(12, 4))}, coords={"time": np.arange(4)})
    >>> design = design_of(recording, n_phases=2, n_folds=3)
    >>> design.names, len(design.episodes)
    (('0 1', '0 2', '1 1', '1 2'), 24)
    """
    if conditions is None:
        conditions = conditions_of(recording, n_phases=n_phases)
    if n_folds is not None and n_folds < 2:
        raise ConfigError(
            f"{n_folds} fold{'' if n_folds == 1 else 's'} cannot be cross-validated: "
            "distances multiply the patterns of separate episodes. Take at least 2."
        )
    if conditions.group_of is None:
        fold_of, n_folds = _folds_of_all(conditions, n_folds)
        conditions = _complete(conditions, fold_of, n_folds)
    else:
        fold_of, n_folds = _balanced(conditions, conditions.group_of, n_folds)
    if len(conditions.names) < 2:
        raise ConfigError(
            f"Distances need at least two conditions; there is one, "
            f"'{conditions.names[0]}'. Take more phases, or other conditions."
        )
    return _design(conditions, fold_of, n_folds)


def _folds_of_all(
    conditions: Conditions, n_folds: int | None
) -> tuple[NDArray[np.int64], int]:
    """Return the fold of each episode, all made use of."""
    n_episodes = len(conditions.of_step)
    n = n_folds or min(n_episodes, MAX_FOLDS)
    if n_folds is None:  # so few that the commoner half of the conditions is in each
        shown = np.zeros((n_episodes, len(conditions.names)), bool)
        for i, row in enumerate(conditions.of_step):
            shown[i, row[row >= 0]] = True
        n = int(np.clip(np.median(shown.sum(axis=0)) // 2, 2, n))
    if n_episodes < n:
        raise ConfigError(
            f"{n} folds need at least {n} episodes; recorded are {n_episodes}. "
            "Record more, or take fewer folds."
        )
    return np.arange(n_episodes) % n, n


def _complete(
    conditions: Conditions, fold_of: NDArray[np.int64], n_folds: int
) -> Conditions:
    """Leave out the conditions that some fold lacks."""
    n = len(conditions.names)
    seen = np.zeros((n_folds, n), bool)
    for fold in range(n_folds):
        found = np.unique(conditions.of_step[fold_of == fold])
        seen[fold, found[found >= 0]] = True
    is_kept = seen.all(axis=0)
    if is_kept.sum() < 2:
        raise ConfigError(
            f"Only {is_kept.sum()} of {n} conditions occur in each of {n_folds} folds "
            f"of episodes, and 2 are needed. A condition needs at least {n_folds} "
            "episodes that show it: record more, or take fewer folds."
        )
    if is_kept.all():
        return conditions
    out = [conditions.names[i] for i in np.flatnonzero(~is_kept)]
    _log.warning(
        "Left out, since some of %d folds of episodes lack them: %s.",
        n_folds,
        ", ".join(out),
    )
    new = np.where(is_kept, np.cumsum(is_kept) - 1, -1)
    keep = np.flatnonzero(is_kept)
    return Conditions(
        factors=conditions.factors,
        names=tuple(conditions.names[i] for i in keep),
        levels=conditions.levels[keep],
        kinds=tuple(conditions.kinds[i] for i in keep),
        of_step=np.where(conditions.of_step >= 0, new[conditions.of_step], -1),
        group_of=None,
    )


def _balanced(
    conditions: Conditions, group_of: NDArray[np.int64], n_folds: int | None
) -> tuple[NDArray[np.int64], int]:
    """Return the fold of each episode, -1 for those beyond the rarest kind's number."""
    groups, counts = np.unique(group_of[group_of >= 0], return_counts=True)
    fewest = int(counts.min())
    n = n_folds or _default_folds(fewest)
    n_each = fewest // n * n
    if not n_each:
        rarest = int(np.flatnonzero(group_of == groups[counts.argmin()])[0])
        shown = conditions.of_step[rarest]
        name = conditions.kinds[int(shown[shown >= 0][0])]
        raise ConfigError(
            f"{n} folds need at least {n} episodes of every kind; the kind "
            f"'{name}' has {fewest} of {len(group_of)}. Record more episodes, or "
            "take fewer folds (at least 2)."
        )
    fold_of = np.full(len(group_of), -1, np.int64)
    for group in groups:
        fold_of[np.flatnonzero(group_of == group)[:n_each]] = np.arange(n_each) % n
    return fold_of, n


def _default_folds(n_episodes: int) -> int:
    """Return the folds that use most episodes of a kind; of several, the most."""
    most = max(2, min(n_episodes, MAX_FOLDS))
    tried = range(max(2, most // 2), most + 1)
    return max(tried, key=lambda n: (n_episodes // n * n, n))


def _design(conditions: Conditions, fold_of: NDArray[np.int64], n_folds: int) -> Design:
    """Return the design of conditions and of folds of episodes, -1 for none."""
    n = len(conditions.names)
    of_step = np.where(fold_of[:, None] >= 0, conditions.of_step, -1)
    episode, step = np.nonzero(of_step >= 0)
    key = episode * n + of_step[episode, step]
    rows, row_of = np.unique(key, return_inverse=True)
    share = 1.0 / np.bincount(row_of)[row_of]
    places = (row_of, episode * of_step.shape[1] + step)
    return Design(
        conditions=conditions,
        episodes=rows // n,
        of_row=rows % n,
        folds=fold_of[rows // n],
        n_folds=n_folds,
        averaging=sparse.csr_matrix((share, places), shape=(len(rows), of_step.size)),
    )


def values_of(recording: xr.Dataset, variable: str) -> NDArray[np.floating]:
    """Return a variable of each step.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording.
    variable : str
        Its name; pictures become one channel a pixel and colour.

    Returns
    -------
    ndarray of float, shape (n_episodes, n_steps, n_channels)
        Values.
    """
    values = recording[variable].transpose("episode", "time", ...).to_numpy()
    return values.reshape(*values.shape[:2], -1)
