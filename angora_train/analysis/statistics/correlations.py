# SPDX-License-Identifier: Apache-2.0
"""Correlations: how sensations and states resemble themselves, and each other, later.

Series of random actions, from the start of an episode on: 15 of 100, as Weidler et al.
(2023) take for their figure 5. The measure is the normalised cross-correlation: of each
pair of signals and each lag the mean over pairs of channels of the absolute correlation
over moments; of a signal with itself, the mean over its channels of the correlation of
each with itself. Means are those of the moments compared, which makes the correlation
of what changes as slowly as a series is long too small; absolute correlations of
signals that have nothing in common are above 0, see the control.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from angora_train.analysis.estimates import Estimate, Floats, pooled
from angora_train.errors import ConfigError, TaskError
from angora_train.randomness import ACTIONS, generator
from angora_train.tasks.base import Task

__all__ = ["STATE", "Series", "correlations", "play_randomly"]

STATE = "state"
"""All that is sensed, side by side: the state vector."""
_PHYSICAL = "state."
_LEAST_SERIES = 2


@dataclass(frozen=True)
class Series:
    """Signals of series of random actions.

    Attributes
    ----------
    signals : mapping of str to ndarray of float, shape (n_series, n_steps, size)
        Sensations by name, and the physical state as ``state.<name>``; NaN after an
        episode's end.
    control_step_s : float
        A step, in s.
    """

    signals: Mapping[str, Floats]
    control_step_s: float

    @property
    def n_series(self) -> int:
        """How many series there are."""
        return len(next(iter(self.signals.values())))


def play_randomly(task: Task, n_steps: int, seed: int) -> Series:
    """Play a series of random actions in each world.

    Parameters
    ----------
    task : Task
        As many worlds as series are wanted.
    n_steps : int
        Actions of a series, at most; a series ends with its episode. Uniform between
        -1 and 1; of a task whose actions are choices, equally often each.
    seed : int
        Decides goals, starts and actions.

    Returns
    -------
    Series
        What was sensed and what was true before each action; pixels are left out.

    Raises
    ------
    ConfigError
        If fewer than three actions are asked for.
    """
    if n_steps < 3:
        raise ConfigError(f"A series has at least 3 actions, got {n_steps}.")
    worlds = range(task.first_world, task.first_world + task.num_envs)
    rngs = [generator(seed, world, ACTIONS, 0) for world in worlds]
    observation, _ = task.reset(seed=seed)
    is_under_way = np.ones(task.num_envs, np.bool_)
    rows: dict[str, list[Floats]] = {}
    for _ in range(n_steps):
        seen = dict(observation)
        for name, quantity in task.physical_state().items():
            seen[f"{_PHYSICAL}{name}"] = quantity.values
        for name, x in seen.items():
            if x.ndim == 2:
                row = np.where(is_under_way[:, None], x.astype(np.float64), np.nan)
                rows.setdefault(name, []).append(row)
        drawn = [rng.random(task.n_actions, np.float32) for rng in rngs]
        action = _actions(np.stack(drawn), task.n_bins)
        observation, _, terminated, truncated, _ = task.step(action)
        is_under_way = is_under_way & ~(terminated | truncated)
        if not is_under_way.any():
            break
    if not rows:
        raise TaskError("The task has no sensation of numbers, so no statistics.")
    signals = {name: np.stack(x, axis=1) for name, x in rows.items()}
    return Series(signals, task.control_step_s)


def _actions(uniforms: NDArray[np.float32], n_bins: int | None) -> NDArray[np.float32]:
    """Return actions within [-1, 1], or the middles of as many bins as choices."""
    if n_bins is None:
        return np.asarray(2.0 * uniforms - 1.0, np.float32)
    chosen = np.minimum((uniforms * n_bins).astype(np.int64), n_bins - 1)
    return np.asarray(2.0 * chosen / max(n_bins - 1, 1) - 1.0, np.float32)


def _quiet(n_done: int, n: int) -> None:
    """Say nothing."""


def correlations(
    series: Series,
    *,
    longest_lag: int = 50,
    seed: int = 0,
    tell: Callable[[int, int], None] = _quiet,
) -> pd.DataFrame:
    """Correlate every signal with itself and with every other, over lags.

    Parameters
    ----------
    series : Series
        At least two.
    longest_lag : int
        In control steps; lags go from minus that to that, at most half of a series. At
        each lag as many moments are compared, those of a series less the longest lag:
        a mean of absolute correlations is larger by chance where there are fewer.
    seed : int
        Of the resampling and of the controls.
    tell : callable
        Called with pairs of signals that are done, and of all.

    Returns
    -------
    pandas.DataFrame
        ``first``, ``second``, ``lag_steps``, ``lag_ms``, ``value``, ``low``, ``high``,
        ``n`` series and ``control``. At a positive lag `second` is the later. Values
        are means over series of correlations within each series, the interval is over
        series. ``control`` is empty, or ``other series``: the second signal is of
        another series, which leaves what all series have in common and what a mean of
        absolute correlations of so many moments has by chance. The signal ``state`` is
        all sensations side by side.

    Raises
    ------
    ConfigError
        If there are fewer than two series.

    References
    ----------
    Weidler, Goebel & Senden (2023), AngoraPy: a Python toolkit for modeling
    anthropomorphic goal-driven sensorimotor systems, Front Neuroinform 17:1223687,
    fig. 5. https://doi.org/10.3389/fninf.2023.1223687
    """
    if series.n_series < _LEAST_SERIES:
        raise ConfigError(
            f"Statistics need at least {_LEAST_SERIES} series, got {series.n_series}."
        )
    signals = {k: x for k, x in _with_state(series.signals).items() if x.shape[2]}
    length = next(iter(signals.values())).shape[1]
    longest = min(longest_lag, length // 2)
    lags, n = range(-longest, longest + 1), length - longest
    names = list(signals)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i:]]
    rows = []
    for n_done, (first, second) in enumerate(pairs):
        tell(n_done, len(pairs))
        x, y = signals[first], signals[second]
        for control, other in (("", y), ("other series", np.roll(y, 1, axis=0))):
            for lag in lags:
                found = _at_lag(x, other, lag, n, is_own=first == second)
                found = found[np.isfinite(found)]
                if not len(found):
                    continue
                estimate = Estimate(float(found.mean()), found)
                interval = pooled([estimate], np.random.default_rng(seed), n=1_000)
                rows.append(
                    {
                        "first": first,
                        "second": second,
                        "lag_steps": lag,
                        "lag_ms": 1000.0 * lag * series.control_step_s,
                        "value": interval.mean,
                        "low": interval.low,
                        "high": interval.high,
                        "n": len(found),
                        "control": control,
                    }
                )
    tell(len(pairs), len(pairs))
    return pd.DataFrame(rows)


def _with_state(signals: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return signals, and all sensations side by side; without what never varies."""
    sensed = [x for name, x in signals.items() if not name.startswith(_PHYSICAL)]
    named = {**signals, STATE: np.concatenate(sensed, axis=2)}
    spread = {k: np.nanstd(x, axis=1).max(axis=0) for k, x in named.items()}
    return {k: x[:, :, spread[k] > 1e-9] for k, x in named.items()}


def _at_lag(x: Floats, y: Floats, lag: int, n: int, *, is_own: bool) -> Floats:
    """Return the correlation of each series at a lag over n moments, (n_series,)."""
    first = x[:, max(-lag, 0) : max(-lag, 0) + n]
    second = y[:, max(lag, 0) : max(lag, 0) + n]
    found = np.full(len(x), np.nan)
    for i, (a, b) in enumerate(zip(first, second, strict=True)):
        is_seen = ~(np.isnan(a).any(axis=1) | np.isnan(b).any(axis=1))
        if is_seen.sum() < 3:
            continue
        a, b = _standard(a[is_seen]), _standard(b[is_seen])
        between = np.abs(a.T @ b / len(a)).ravel()
        each = (a * b).mean(axis=0) if is_own else between
        varies = np.isfinite(each)
        found[i] = each[varies].mean() if varies.any() else np.nan
    return found


def _standard(x: Floats) -> Floats:
    """Return channels with mean 0 and spread 1; NaN for one that does not vary."""
    spread = x.std(axis=0)
    scaled: Floats = (x - x.mean(axis=0)) / np.where(spread > 1e-9, spread, np.nan)
    return scaled
