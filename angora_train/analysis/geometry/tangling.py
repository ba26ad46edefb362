# SPDX-License-Identifier: Apache-2.0
"""Tangling: whether like states of an area go different ways.

Of a dynamical system that runs by itself, like states go on alike. Where they do not,
something else drives the area; motor cortex is untangled, muscles are not (Russo et
al. 2018).
"""

import numpy as np
from numpy.typing import NDArray

from angora_train.analysis.estimates import (
    Estimate,
    Floats,
    episode_groups,
)

__all__ = ["tangling"]

_N_COMPONENTS = 8
_SOFTENING = 0.1
"""Constant of the denominator, as a share of the variance of the states."""
_PERCENTILE = 90
_MOST_MOMENTS = 1_500
"""More moments are thinned: the largest of more is larger."""


def tangling(activity: NDArray[np.floating], control_step_s: float) -> Estimate:
    r"""Estimate the tangling of an area's activity.

    :math:`Q(t) = \max_{t'} |\dot x_t - \dot x_{t'}|^2 / (|x_t - x_{t'}|^2 +
    \epsilon)` over moments of all episodes, in the first eight principal components,
    :math:`\epsilon` a tenth of their variance. An episode's tangling is the 90th
    percentile over its moments; the area's is the geometric mean over episodes.

    Parameters
    ----------
    activity : ndarray of float, shape (n_episodes, n_steps, n_units)
        NaN after an episode's end. Compare areas over the same episodes only: the
        largest of more moments is larger. Of more than 1,500 moments every second,
        third, ... is taken; the change is always that over one step.
    control_step_s : float
        A step, in s.

    Returns
    -------
    Estimate
        In 1/s^2, on the logarithmic scale, a part a group of episodes; NaN for an
        area that does not vary.

    Raises
    ------
    ConfigError
        If there are fewer than four episodes.

    References
    ----------
    Russo et al. (2018), Motor cortex embeds muscle-like commands in an untangled
    population response, Neuron 97:953. https://doi.org/10.1016/j.neuron.2018.01.004
    """
    groups = episode_groups(len(activity))
    states, changes, episode = _moments(activity)
    nothing = np.full(int(groups.max()) + 1, np.nan)
    variance = float(states.var(axis=0).sum()) if len(states) else 0.0
    if variance <= 0.0:
        return Estimate(float("nan"), nothing, "log")
    apart = _squared_distances(states) + _SOFTENING * variance
    largest = (_squared_distances(changes) / apart).max(axis=1) / control_step_s**2
    logs = np.full(len(activity), np.nan)
    for i in np.unique(episode):
        found = np.percentile(largest[episode == i], _PERCENTILE)
        logs[i] = np.log(found) if found > 0 else np.nan
    parts = np.array(
        [
            np.nanmean(logs[groups == g])
            if np.isfinite(logs[groups == g]).any()
            else np.nan
            for g in range(len(nothing))
        ]
    )
    return Estimate(float(np.nanmean(parts)), parts[np.isfinite(parts)], "log")


def _moments(
    activity: NDArray[np.floating],
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return states and their changes in a step, (N, C) each, and their episodes."""
    before, after = activity[:, :-1], activity[:, 1:]
    is_seen = ~np.isnan(after[:, :, 0])
    episode = np.nonzero(is_seen)[0]
    states = after[is_seen].astype(np.float64)
    changes = states - before[is_seen]
    states = states - states.mean(axis=0)
    _, axes = np.linalg.eigh(states.T @ states)
    main = axes[:, ::-1][:, :_N_COMPONENTS]
    every = slice(None, None, -(-len(states) // _MOST_MOMENTS) or 1)
    return (states @ main)[every], (changes @ main)[every], episode[every]


def _squared_distances(points: Floats) -> Floats:
    """Return squared distances between all points, shape (N, N)."""
    squares = (points**2).sum(axis=1)
    found = squares[:, None] + squares[None, :] - 2.0 * points @ points.T
    return np.asarray(np.maximum(found, 0.0), np.float64)
