# SPDX-License-Identifier: Apache-2.0
"""Integration: of how many sensations an area's activity carries a part of its own.

An area that hears the hand's joints alone has one source, an area that joins them with
touch and the goal has three. Each sensation's part is what a linear model of the
activity loses without it, in episodes that it was not fitted to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from angora_train.analysis.estimates import (
    Estimate,
    Floats,
    episode_groups,
)
from angora_train.errors import ConfigError

__all__ = ["Sources", "integration"]

_N_FOLDS = 5
_RIDGE = 1e-3
"""Penalty, as a share of the mean variance of predictors."""
_MEMORY_STEPS = 5
"""Beside the present a model reads the mean of so many steps before."""


@dataclass(frozen=True)
class Sources:
    """What areas' activity is predicted from: sensations, once for all areas.

    Parameters
    ----------
    sensations : mapping of str to ndarray of float, shape (n_episodes, n_steps, size)
        NaN after an episode's end; those that never vary are left out.

    Raises
    ------
    ConfigError
        If fewer than two sensations vary.
    """

    sensations: Mapping[str, NDArray[np.floating]]

    def __post_init__(self) -> None:
        kept = {name: _varying(x) for name, x in self.sensations.items()}
        kept = {name: x for name, x in kept.items() if x.shape[2]}
        if len(kept) < 2:
            raise ConfigError(
                "Integration is of at least two sensations that vary, got "
                f"{', '.join(kept) or 'none'}."
            )
        object.__setattr__(self, "sensations", kept)

    def predictors(self) -> tuple[Floats, list[str]]:
        """Return predictors, (n_episodes, n_steps, P), and the sensation of each."""
        parts, names = [], []
        for name, x in self.sensations.items():
            now = np.asarray(x, np.float64)
            parts += [now, _memory(now)]
            names += [name] * (2 * x.shape[2])
        return np.concatenate(parts, axis=2), names


def integration(activity: NDArray[np.floating], sources: Sources) -> Estimate:
    """Estimate the effective number of sensations that an area's activity carries.

    With u the share of the activity's variance that a model loses without each
    sensation, at least 0: ``sum(u)^2 / sum(u^2)``, between 1 and their number. Models
    are linear with a small ridge, read the present sensations and their mean over five
    steps before, and are tested on episodes that they were not fitted to, in five
    folds.

    Parameters
    ----------
    activity : ndarray of float, shape (n_episodes, n_steps, n_units)
        NaN after an episode's end.
    sources : Sources
        The sensations, of the same episodes.

    Returns
    -------
    Estimate
        NaN where no sensation has a part of its own. Parts leave out the test
        episodes of a group, not what the models were fitted to.
    """
    predictors, names = sources.predictors()
    groups = episode_groups(len(activity))
    errors = _errors(activity.astype(np.float64), predictors, names, groups)
    value = _effective(errors.sum(axis=1))
    without = [
        _effective(np.delete(errors, g, axis=1).sum(axis=1))
        for g in range(errors.shape[1])
    ]
    return Estimate.jackknifed(value, np.array(without))


def _effective(errors: Floats) -> float:
    """Return the effective number from errors without each and, last, with all."""
    unique = np.maximum(errors[:-1] - errors[-1], 0.0)
    squares = float((unique**2).sum())
    return float(unique.sum()) ** 2 / squares if squares > 0 else float("nan")


def _errors(
    activity: Floats,
    predictors: Floats,
    names: Sequence[str],
    groups: NDArray[np.int64],
) -> Floats:
    """Return squared errors without each sensation, then with all, by group."""
    kinds, n_groups = list(dict.fromkeys(names)), int(groups.max()) + 1
    columns = [[i for i, x in enumerate(names) if x != kind] for kind in kinds]
    columns.append(list(range(len(names))))
    fold_of = np.arange(n_groups) % min(_N_FOLDS, n_groups)
    errors = np.zeros((len(columns), n_groups))
    is_seen = ~np.isnan(activity[:, :, 0])
    for fold in range(int(fold_of.max()) + 1):
        is_tested = fold_of[groups] == fold
        x, y = (z[~is_tested][is_seen[~is_tested]] for z in (predictors, activity))
        x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
        x, y = x - x_mean, y - y_mean
        gram, cross = x.T @ x, x.T @ y
        penalty = _RIDGE * float(np.trace(gram)) / len(gram)
        gram = gram + penalty * np.eye(len(gram))
        for row, chosen in enumerate(columns):
            weights = np.linalg.solve(gram[np.ix_(chosen, chosen)], cross[chosen])
            for i in np.flatnonzero(is_tested):
                rows = is_seen[i]
                seen = predictors[i][rows][:, chosen] - x_mean[chosen]
                off = activity[i][rows] - y_mean - seen @ weights
                errors[row, groups[i]] += float((off**2).sum())
    return errors


def _varying(x: NDArray[np.floating]) -> Floats:
    """Return the channels that vary, each with spread 1."""
    spread = np.nanstd(x, axis=(0, 1), dtype=np.float64)
    kept = spread > 1e-6 * max(float(spread.max(initial=0.0)), 1e-12)
    scaled: Floats = np.asarray(x[:, :, kept], np.float64) / spread[kept]
    return scaled


def _memory(x: Floats) -> Floats:
    """Return the mean of the steps before, of those that there were."""
    found = np.zeros_like(x)
    counts = np.zeros(x.shape[1])
    for back in range(1, _MEMORY_STEPS + 1):
        found[:, back:] += x[:, :-back]
        counts[back:] += 1
    means: Floats = found / np.maximum(counts, 1)[None, :, None]
    return means
