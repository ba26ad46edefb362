# SPDX-License-Identifier: Apache-2.0
"""Movies: distances between kinds in bins of time around an event of each episode."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from angora_train.analysis.recording.schema import is_under_way
from angora_train.analysis.rsa.comparison import Settings
from angora_train.analysis.rsa.conditions import (
    Factor,
    contact_factor,
    cross,
)
from angora_train.analysis.rsa.patterns import design_of
from angora_train.analysis.rsa.rdms import area_distances
from angora_train.analysis.rsa.resampling import fold_weights
from angora_train.errors import ConfigError, closest

__all__ = ["EVENTS", "Window", "event_steps", "rdm_movie"]

EVENTS = ("goal", "contact", "reached")
"""What happens in an episode: the goal is set, something touches first, the goal is
reached first."""


@dataclass(frozen=True)
class Window:
    """Control steps around an event.

    Attributes
    ----------
    before, after : int
        Steps before the event, and from it on.
    width : int
        Steps of a bin.
    """

    before: int
    after: int
    width: int = 1

    def __post_init__(self) -> None:
        """Refuse a window without a bin."""
        if self.width < 1 or self.before < 0 or self.after < self.width:
            raise ConfigError(
                "A window has bins of at least one step, and one after the event; got "
                f"{self.before} steps before, {self.after} after, bins of {self.width}."
            )

    @property
    def starts(self) -> NDArray[np.int64]:
        """First step of each bin, from the event; one begins at the event."""
        n_before = self.before // self.width
        return np.arange(-n_before, self.after // self.width) * self.width


def event_steps(
    recording: xr.Dataset, event: str, times: pd.DataFrame | None = None
) -> NDArray[np.int64]:
    """Return when an event happens.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording. ``reached`` needs ``success_at`` (episode, time).
    event : str
        One of :data:`EVENTS`, or what the times are of.
    times : pandas.DataFrame, optional
        A user's, columns ``episode`` and ``time`` in s; one an episode.

    Returns
    -------
    ndarray of int64, shape (n_episodes,)
        Control step; -1 where it does not happen.

    Raises
    ------
    ConfigError
        If the event is unknown, or what tells of it was not recorded.
    """
    n_episodes = recording.sizes["episode"]
    if times is not None:
        return _given_steps(recording, times)
    if event == "goal":
        return np.zeros(n_episodes, np.int64)
    if event == "contact":
        factor = contact_factor(recording)
        free = factor.levels.index("free") if "free" in factor.levels else -1
        is_on = (factor.of_step >= 0) & (factor.of_step != free)
        is_on &= ~is_on[:, :1]  # a touch that was there from the start has no onset
    elif event == "reached":
        if "success_at" not in recording:
            raise ConfigError(
                "When a goal is reached needs 'success_at', which was not recorded. "
                "Record again, or give the times as a table."
            )
        reached = np.nan_to_num(recording["success_at"].to_numpy()) > 0
        is_on = reached & is_under_way(recording)
    else:
        raise ConfigError(
            f"The event '{event}' is unknown.{closest(event, EVENTS)} Allowed: "
            f"{', '.join(EVENTS)}, or a table of times."
        )
    return np.where(is_on.any(axis=1), is_on.argmax(axis=1), -1)


def _given_steps(recording: xr.Dataset, times: pd.DataFrame) -> NDArray[np.int64]:
    """Return a user's times as steps."""
    missing = [x for x in ("episode", "time") if x not in times]
    if missing or times["episode"].duplicated().any():
        raise ConfigError(
            "Times of events are a table with the columns episode and time (s), a row "
            f"an episode; got {', '.join(map(str, times.columns))}."
        )
    steps = np.full(recording.sizes["episode"], -1, np.int64)
    row_of = {int(x): i for i, x in enumerate(recording["episode"].to_numpy())}
    starts = recording["time"].to_numpy()
    for episode, time in zip(times["episode"], times["time"], strict=True):
        if int(episode) not in row_of or not starts[0] <= time:
            raise ConfigError(
                f"An event is at {time} s of episode {episode}; recorded are the "
                f"episodes {min(row_of)} to {max(row_of)}, from {starts[0]} s on."
            )
        row = row_of[int(episode)]
        steps[row] = np.searchsorted(starts, time + 1e-9, side="right") - 1
    return steps


def rdm_movie(
    recording: xr.Dataset,
    kinds: Factor,
    steps: NDArray[np.int64],
    window: Window,
    settings: Settings,
    *,
    tell: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> xr.Dataset:
    """Measure distances between kinds around an event.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording.
    kinds : Factor
        What is told apart, such as
        :func:`angora_train.analysis.rsa.conditions.goal_factor`.
    steps : ndarray of int64, shape (n_episodes,)
        When the event happens, see :func:`event_steps`. Episodes that do not hold the
        whole window are left out.
    window : Window
        Around it.
    settings : Settings
        Folds, noise and resamples.
    tell : callable
        Told of the bins.

    Returns
    -------
    xarray.Dataset
        ``distances`` (area, lag, pair), and their mean over pairs, ``separation``, with
        ``low`` and ``high`` of its 95 % interval (area, lag). ``lag``: start of the
        bin, ms after the event, negative before.

    Raises
    ------
    ConfigError
        If too few episodes hold the window.
    """
    last = window.starts[-1] + window.width
    n_steps = recording["n_steps"].to_numpy()
    first = steps + window.starts[0]
    is_held = (steps >= 0) & (first >= 0) & (steps + last <= n_steps)
    if not is_held.any():
        raise ConfigError(
            f"No episode of {len(steps)} holds the window: {(steps >= 0).sum()} have "
            f"the event, with up to {first[steps >= 0].max(initial=0)} steps before "
            "it. Take a shorter window, or another event."
        )
    rng = np.random.default_rng(settings.seed)
    areas = list(dict.fromkeys(recording["area"].to_numpy().astype(str).tolist()))
    frames, n_episodes = [], 0
    names: tuple[str, ...] = ()
    for i, start in enumerate(window.starts):
        tell("bins", i, len(window.starts))
        begin = np.where(is_held, steps + start, -1)
        of_step = _within(kinds.of_step, begin, window.width)
        conditions = cross([replace(kinds, of_step=of_step)])
        design = design_of(recording, conditions, n_folds=settings.n_folds)
        weights, _ = fold_weights(design.n_folds, settings.n_resamples, rng)
        n_pairs = len(design.names) * (len(design.names) - 1) // 2
        frame = np.full((len(areas), 3 + n_pairs), np.nan)
        for one in area_distances(recording, design, settings.noise, from_others=True):
            told = (_separation(one.values, weights), one.values.mean(axis=0))
            frame[areas.index(one.area)] = np.concatenate(told)
        frames.append(frame)
        names, n_episodes = design.names, design.n_episodes
    tell("bins", len(window.starts), len(window.starts))
    movie = np.stack(frames, axis=1)
    first_of, second_of = np.triu_indices(len(names), 1)
    times = recording["time"].to_numpy()
    control_step_ms = 1000 * float(times[1] - times[0])
    return xr.Dataset(
        {
            "distances": (("area", "lag", "pair"), movie[..., 3:]),
            **{
                name: (("area", "lag"), movie[..., k])
                for k, name in enumerate(("separation", "low", "high"))
            },
        },
        coords={
            "area": areas,
            "lag": ("lag", window.starts * control_step_ms, {"units": "ms"}),
            "first": ("pair", np.array(names)[first_of]),
            "second": ("pair", np.array(names)[second_of]),
        },
        attrs={"n_episodes": n_episodes, "level": 0.95, "over": "episodes"},
    )


def _within(
    of_step: NDArray[np.int64], begin: NDArray[np.int64], width: int
) -> NDArray[np.int64]:
    """Return levels of the steps of a bin, -1 elsewhere and where it has no begin."""
    step = np.arange(of_step.shape[1])
    start = begin[:, None]
    is_in = (start >= 0) & (step >= start) & (step < start + width)
    return np.where(is_in, of_step, -1)


def _separation(
    values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean distance and the ends of its interval."""
    of_pair = values.mean(axis=1)
    drawn = weights @ of_pair
    spread = float(np.std(drawn[np.isfinite(drawn)], ddof=1))
    n_folds = round((1 + np.sqrt(1 + 8 * len(values))) / 2)
    half = float(stats.t.ppf(0.975, n_folds - 1)) * spread
    mean = float(of_pair.mean())
    return np.array([mean, mean - half, mean + half])
