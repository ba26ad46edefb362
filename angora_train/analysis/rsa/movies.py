# SPDX-License-Identifier: Apache-2.0
"""Movies: distances between kinds in bins of time around an event of each episode."""

from collections.abc import Callable, Sequence
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
    goal_factor,
)
from angora_train.analysis.rsa.distances import active, fold_distances
from angora_train.analysis.rsa.patterns import design_of
from angora_train.analysis.rsa.rdms import area_rows
from angora_train.analysis.rsa.resampling import FEWEST_FOLDS, fold_weights
from angora_train.errors import ConfigError, closest

__all__ = ["EVENTS", "Window", "events_of", "mean_movie", "rdm_movie"]

EVENTS = ("goal", "contact", "reached")
"""What happens in an episode: a goal is set, something touches first, a goal is
reached."""


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


def events_of(
    recording: xr.Dataset, event: str, times: pd.DataFrame | None = None
) -> NDArray[np.bool_]:
    """Return when an event happens, once or several times in an episode.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording. ``reached`` needs ``success_at`` (episode, time); with
        ``goal_kind_at`` a goal of another kind in the course of an episode is one more
        ``goal``.
    event : str
        One of :data:`EVENTS`, or what the times are of.
    times : pandas.DataFrame, optional
        A user's, columns ``episode`` and ``time`` in s.

    Returns
    -------
    ndarray of bool, shape (n_episodes, n_steps)
        True in the control step of the event.

    Raises
    ------
    ConfigError
        If the event is unknown, or what tells of it was not recorded.
    """
    if times is not None:
        return _given_events(recording, times)
    is_now = is_under_way(recording)
    if event == "goal":
        kind = goal_factor(recording).of_step
        is_new = np.ones(kind.shape, bool)
        is_new[:, 1:] = kind[:, 1:] != kind[:, :-1]
        return is_new & is_now
    if event == "contact":
        factor = contact_factor(recording)
        free = factor.levels.index("free") if "free" in factor.levels else -1
        is_on = (factor.of_step >= 0) & (factor.of_step != free)
    elif event == "reached":
        if "success_at" not in recording:
            raise ConfigError(
                "When a goal is reached needs 'success_at', which was not recorded. "
                "Record again, or give the times as a table."
            )
        is_on = (np.nan_to_num(recording["success_at"].to_numpy()) > 0) & is_now
    else:
        raise ConfigError(
            f"The event '{event}' is unknown.{closest(event, EVENTS)} Allowed: "
            f"{', '.join(EVENTS)}, or a table of times."
        )
    return _onsets(is_on, is_first=event == "contact")


def _onsets(is_on: NDArray[np.bool_], *, is_first: bool) -> NDArray[np.bool_]:
    """Return where something begins; a touch from the start has no onset."""
    begins = is_on.copy()
    begins[:, 1:] &= ~is_on[:, :-1]
    if is_first:
        begins &= ~is_on[:, :1]
        begins &= np.cumsum(begins, axis=1) == 1
    return begins


def _given_events(recording: xr.Dataset, times: pd.DataFrame) -> NDArray[np.bool_]:
    """Return a user's times as steps."""
    if not {"episode", "time"} <= set(times):
        raise ConfigError(
            "Times of events are a table with the columns episode and time (s), a row "
            f"an event; got {', '.join(map(str, times.columns))}."
        )
    shape = (recording.sizes["episode"], recording.sizes["time"])
    found = np.zeros(shape, bool)
    row_of = {int(x): i for i, x in enumerate(recording["episode"].to_numpy())}
    starts = recording["time"].to_numpy()
    for episode, time in zip(times["episode"], times["time"], strict=True):
        if int(episode) not in row_of or not starts[0] <= time:
            raise ConfigError(
                f"An event is at {time} s of episode {episode}; recorded are the "
                f"episodes {min(row_of)} to {max(row_of)}, from {starts[0]} s on."
            )
        step = np.searchsorted(starts, time + 1e-9, side="right") - 1
        found[row_of[int(episode)], step] = True
    return found


def rdm_movie(
    recording: xr.Dataset,
    kinds: Factor,
    is_event: NDArray[np.bool_],
    window: Window,
    settings: Settings,
    *,
    untrained: xr.Dataset | None = None,
    tell: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> xr.Dataset:
    """Measure distances between kinds around an event.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording.
    kinds : Factor
        What is told apart, such as
        :func:`angora_train.analysis.rsa.conditions.goal_factor`; an event has the kind
        of its own step, before it and after.
    is_event : ndarray of bool, shape (n_episodes, n_steps)
        When the event happens, see :func:`events_of`. Events whose whole window the
        episode does not hold are left out.
    window : Window
        Around it.
    settings : Settings
        Folds, noise and resamples.
    untrained : xarray.Dataset, optional
        The untrained network, which senses the same.
    tell : callable
        Told of the bins.

    Returns
    -------
    xarray.Dataset
        ``distances`` (control, area, lag, pair), and their mean over pairs,
        ``separation``, with ``low`` and ``high`` of its 95 % interval (control, area,
        lag); 0 in bins where an area is silent, which tells no kinds apart.
        ``overall``, with ``overall_low`` and ``overall_high`` (control, lag): the mean
        over areas that are not always silent, each divided by its largest separation.
        ``lag``: start of the bin, ms after the event, negative before. ``control``:
        ``trained``, and ``untrained`` if given.

    Raises
    ------
    ConfigError
        If too few episodes hold the window.
    """
    labels = _event_labels(recording, kinds, is_event, window)
    design = design_of(
        recording, cross([replace(kinds, of_step=labels[0])]), n_folds=settings.n_folds
    )
    rng = np.random.default_rng(settings.seed)
    weights, _ = fold_weights(design.n_folds, settings.n_resamples, rng)
    weights = weights[np.isfinite(weights).all(axis=1)]
    areas = list(dict.fromkeys(recording["area"].to_numpy().astype(str).tolist()))
    n_pairs = len(design.names) * (len(design.names) - 1) // 2
    made = {"trained": recording}
    if untrained is not None:
        made["untrained"] = untrained
    shape = (len(made), len(areas), len(labels))
    distances = np.zeros((*shape, n_pairs))
    drawn = np.zeros((*shape, len(weights)))
    for i, of_step in enumerate(labels):
        tell("bins", i, len(labels))
        conditions = cross([replace(kinds, of_step=of_step)])
        of_bin = design_of(recording, conditions, n_folds=design.n_folds)
        for c, data in enumerate(made.values()):
            for area, rows in area_rows(data, of_bin):
                varying = active(rows)
                if not varying.shape[1]:
                    continue  # silent in this bin: nothing is told apart
                values = fold_distances(
                    varying, of_bin, settings.noise, from_others=True
                )
                a = areas.index(area)
                distances[c, a, i] = values.mean(axis=0)
                drawn[c, a, i] = weights @ values.mean(axis=1)
    tell("bins", len(labels), len(labels))
    lag_ms = window.starts * 1000 * float(np.diff(recording["time"].to_numpy()[:2])[0])
    told = _with_intervals(distances, drawn, design.n_folds)
    first, second = np.triu_indices(len(design.names), 1)
    return xr.Dataset(
        {"distances": (("control", "area", "lag", "pair"), distances), **told},
        coords={
            "control": list(made),
            "area": areas,
            "lag": ("lag", lag_ms, {"units": "ms"}),
            "first": ("pair", np.array(design.names)[first]),
            "second": ("pair", np.array(design.names)[second]),
        },
        attrs={"n_episodes": design.n_episodes, "level": 0.95, "over": "episodes"},
    )


def _event_labels(
    recording: xr.Dataset,
    kinds: Factor,
    is_event: NDArray[np.bool_],
    window: Window,
) -> list[NDArray[np.int64]]:
    """Return of each bin the kind of the event whose bin a step is in, else -1."""
    last = window.starts[-1] + window.width
    episode, step = np.nonzero(is_event)
    n_steps = recording["n_steps"].to_numpy()[episode]
    before = step + window.starts[0]
    is_held = (before >= 0) & (step + last <= n_steps)
    is_held &= kinds.of_step[episode, step] >= 0
    if not is_held.any():
        raise ConfigError(
            f"No episode of {len(is_event)} holds the window: "
            f"{len(np.unique(episode))} have the event, with up to "
            f"{step.max(initial=0)} steps before it. Take a shorter window, or another "
            "event."
        )
    episode, step = episode[is_held], step[is_held]
    labels = []
    for start in window.starts:
        of_step = np.full(kinds.of_step.shape, -1, np.int64)
        for k in range(window.width):
            of_step[episode, step + start + k] = kinds.of_step[episode, step]
        labels.append(of_step)
    return labels


def _with_intervals(
    distances: NDArray[np.float64], drawn: NDArray[np.float64], n_folds: int
) -> dict[str, tuple[tuple[str, ...], NDArray[np.float64]]]:
    """Return means over pairs, and over areas, with the ends of their intervals."""
    separation = distances.mean(axis=-1)
    is_sure = n_folds >= FEWEST_FOLDS
    t = float(stats.t.ppf(0.975, n_folds - 1)) if is_sure else np.nan
    half = t * drawn.std(axis=-1, ddof=1)
    shape = (len(separation), separation.shape[2])
    overall, half_overall = np.full(shape, np.nan), np.full(shape, np.nan)
    for c, of_area in enumerate(separation):
        largest = of_area.max(axis=1, keepdims=True)
        is_in = largest[:, 0] > 0
        if is_in.any():
            scale = largest[is_in]
            overall[c] = (of_area[is_in] / scale).mean(axis=0)
            of_areas = (drawn[c, is_in] / scale[..., None]).mean(axis=0)
            half_overall[c] = t * of_areas.std(axis=-1, ddof=1)
    by_area, by_lag = ("control", "area", "lag"), ("control", "lag")
    return {
        "separation": (by_area, separation),
        "low": (by_area, separation - half),
        "high": (by_area, separation + half),
        "overall": (by_lag, overall),
        "overall_low": (by_lag, overall - half_overall),
        "overall_high": (by_lag, overall + half_overall),
    }


def mean_movie(movies: Sequence[xr.Dataset], names: Sequence[str]) -> xr.Dataset:
    """Put the movies of subjects together.

    Parameters
    ----------
    movies : sequence of xarray.Dataset
        See :func:`rdm_movie`.
    names : sequence of str
        Of the subjects.

    Returns
    -------
    xarray.Dataset
        With a dimension ``subject``. Of several, ``overall`` is their mean (control,
        lag), and its interval Student's over subjects.

    Raises
    ------
    ConfigError
        If subjects differ in what is compared.
    """
    first = movies[0]
    for movie, name in zip(movies, names, strict=True):
        if not movie["first"].equals(first["first"]):
            raise ConfigError(
                f"The movie of '{names[0]}' has the kinds "
                f"{', '.join(_kinds_of(first))}, and that of '{name}' "
                f"{', '.join(_kinds_of(movie))}. Make one of each alone."
            )
    found = xr.concat(movies, "subject", join="outer", combine_attrs="drop")
    found = found.assign_coords(subject=list(names)).assign_attrs(first.attrs)
    n = len(movies)
    found.attrs["n_episodes"] = sum(x.attrs["n_episodes"] for x in movies)
    if n > 1:
        of_all = found["overall"]
        half = float(stats.t.ppf(0.975, n - 1)) * of_all.std("subject", ddof=1) / n**0.5
        mean = of_all.mean("subject")
        found["overall"] = mean
        found["overall_low"], found["overall_high"] = mean - half, mean + half
        found.attrs["over"] = "subjects"
    else:
        for name in ("overall", "overall_low", "overall_high"):
            found[name] = found[name].isel(subject=0, drop=True)
    return found


def _kinds_of(movie: xr.Dataset) -> list[str]:
    """Return the kinds of a movie."""
    both = [*movie["first"].to_numpy().tolist(), *movie["second"].to_numpy().tolist()]
    return list(dict.fromkeys(both))
