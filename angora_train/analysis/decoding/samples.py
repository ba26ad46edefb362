# SPDX-License-Identifier: Apache-2.0
"""Samples: which step's activity meets which step's target, and in which fold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from angora_train.errors import ConfigError

__all__ = ["FoldKind", "Rows", "assign_folds", "paired_rows"]

FoldKind = Literal["blocks", "interleaved"]


def assign_folds(
    n_episodes: int, n_folds: int, kind: FoldKind = "blocks"
) -> NDArray[np.int64]:
    """Return the fold of each episode; no episode is in two.

    Parameters
    ----------
    n_episodes : int
        Episodes of the recording.
    n_folds : int
        Folds, at least three: one is tested, one chooses the penalty, one is fitted.
    kind : {'blocks', 'interleaved'}
        ``blocks`` are neighbouring episodes, so that a drift over many episodes does
        not join what is fitted to what is tested. ``interleaved`` is for recordings
        that are sorted by what is decoded.

    Returns
    -------
    ndarray of int64, shape (n_episodes,)
        Folds that differ by one episode at most.

    Raises
    ------
    ConfigError
        If there are too few folds, or fewer than two episodes a fold.

    Examples
    --------
    >>> assign_folds(7, 3).tolist()
    [0, 0, 0, 1, 1, 2, 2]
    """
    if n_folds < 3:
        raise ConfigError(
            f"Nested cross-validation needs at least 3 folds, got {n_folds}."
        )
    if n_episodes < 2 * n_folds:
        raise ConfigError(
            f"{n_folds} folds need at least {2 * n_folds} episodes, two a fold; the "
            f"recording has {n_episodes}. Record more, or take fewer folds (at least "
            "3, which need 6 episodes)."
        )
    if kind == "interleaved":
        return np.arange(n_episodes) % n_folds
    parts = np.array_split(np.arange(n_episodes), n_folds)
    return np.repeat(np.arange(n_folds), [len(part) for part in parts])


@dataclass(frozen=True)
class Rows:
    """Samples of one lag, sorted by fold and episode.

    Attributes
    ----------
    members : tuple of int
        Which targets have exactly these samples.
    x : ndarray of float64, shape (n, n_units)
        Activity.
    ys : tuple of ndarray of float64, each of shape (n, n_channels)
        The members' values.
    episode : ndarray of int64, shape (n,)
        Episode of each sample.
    bounds : ndarray of int64, shape (n_folds + 1,)
        Where folds begin and end among the samples.
    """

    members: tuple[int, ...]
    x: NDArray[np.float64]
    ys: tuple[NDArray[np.float64], ...]
    episode: NDArray[np.int64]
    bounds: NDArray[np.int64]

    @property
    def is_enough(self) -> bool:
        """Whether each fold has something to test and something to fit."""
        sizes = np.diff(self.bounds)
        return bool((sizes > 0).all() and len(self.x) - sizes.max() > 2)


def paired_rows(
    x: NDArray[np.float32],
    targets: Sequence[NDArray[np.float32]],
    lag: int,
    fold: NDArray[np.int64],
) -> Iterator[Rows]:
    """Pair activity with what is the case `lag` control steps later.

    Nothing is carried over an episode's border: a sample whose activity or target lies
    outside of the episode is not there.

    Parameters
    ----------
    x : ndarray of float32, shape (E, T, n_units)
        Activity, NaN outside of episodes; episodes sorted by fold.
    targets : sequence of ndarray of float32, each of shape (E, T, n_channels)
        Values, NaN where there are none.
    lag : int
        Control steps by which the target is after the activity; negative for before.
    fold : ndarray of int64, shape (E,)
        Fold of each episode, sorted.

    Yields
    ------
    Rows
        One for all targets that have the same samples.
    """
    n_times = x.shape[1]
    if abs(lag) >= n_times:
        return
    first, last = max(0, -lag), n_times - max(0, lag)
    activity = x[:, first:last]
    is_there = np.isfinite(activity[:, :, 0])
    later = [y[:, first + lag : last + lag] for y in targets]
    groups: dict[bytes, list[int]] = {}
    masks: dict[bytes, NDArray[np.bool_]] = {}
    for i, y in enumerate(later):
        mask = is_there & np.isfinite(y).all(-1)
        groups.setdefault(mask.tobytes(), []).append(i)
        masks[mask.tobytes()] = mask
    for key, members in groups.items():
        mask = masks[key]
        episode = np.nonzero(mask)[0]
        n_folds = int(fold[-1]) + 1
        bounds = np.searchsorted(fold[episode], np.arange(n_folds + 1))
        rows = activity[mask].astype(np.float64)
        ys = tuple(later[i][mask].astype(np.float64) for i in members)
        yield Rows(tuple(members), rows, ys, episode, bounds)
