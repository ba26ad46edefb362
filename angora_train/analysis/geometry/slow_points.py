# SPDX-License-Identifier: Apache-2.0
"""Fixed and slow points of a recorded network, trained and untrained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from angora_train.agent.agent import Agent
from angora_train.analysis.geometry.fixed_points import (
    Slowness,
    fixed_points,
    state_areas,
)
from angora_train.analysis.recording.schema import called, require_variable
from angora_train.errors import ConfigError

__all__ = ["Held", "points_table", "slow_points"]

_N_EPISODES = 8
"""Episodes that states are taken from."""


@dataclass(frozen=True)
class Held:
    """What was found while a sensation of a recording was held.

    Attributes
    ----------
    episode, step : int
        Where the sensation was recorded.
    slowness : Slowness
        The points.
    areas : tuple of str
        Area of each unit of the state.
    """

    episode: int
    step: int
    slowness: Slowness
    areas: tuple[str, ...]


def _quiet(n_done: int, n: int) -> None:
    """Say nothing."""


def slow_points(
    agent: Agent,
    recording: xr.Dataset,
    *,
    n_held: int = 2,
    n_starts: int = 16,
    n_steps: int = 100,
    n_told: int = 2,
    seed: int = 0,
    tell: Callable[[int, int], None] = _quiet,
) -> list[Held]:
    """Find fixed and slow points of a network at sensations of a recording.

    Parameters
    ----------
    agent : Agent
        The network. Its states come from the recorded sensations, whoever acted.
    recording : xarray.Dataset
        What was sensed.
    n_held : int
        Sensations that are held, each from the middle of an episode, at most eight.
    n_starts : int
        States from which the search starts, of the first eight episodes.
    n_steps : int
        Steps of the search downhill; see :func:`fixed_points`.
    n_told : int
        Points at each sensation whose stability is computed.
    seed : int
        Draws the states.
    tell : callable
        Called with steps that are done, and of all.

    Returns
    -------
    list of Held
        One a sensation.

    Raises
    ------
    ConfigError
        If the network has no state, or reads what was not recorded, or the recording
        has fewer episodes than sensations are to be held.
    """
    lengths = recording["n_steps"].to_numpy().astype(int)
    if min(len(lengths), _N_EPISODES) < n_held:
        raise ConfigError(
            f"{n_held} sensations are held, each of another of the first {_N_EPISODES} "
            f"episodes; the recording has {len(lengths)}."
        )
    rows = slice(0, min(_N_EPISODES, len(lengths)))
    sensed = {
        name: np.nan_to_num(
            require_variable(recording, called(name)).isel(episode=rows).to_numpy()
        )
        for name in agent.sensations
    }
    rng = np.random.default_rng(seed)
    states = _visited(agent, sensed, lengths[rows], n_starts, rng)
    areas = tuple(state_areas(agent))
    places = [(i, int(lengths[i]) // 2) for i in range(n_held)]
    held = [{name: x[place] for name, x in sensed.items()} for place in places]
    found = fixed_points(agent, held, states, n_steps=n_steps, n_told=n_told, tell=tell)
    return [
        Held(episode, step, slowness, areas)
        for (episode, step), slowness in zip(places, found, strict=True)
    ]


def _visited(
    agent: Agent,
    sensed: Mapping[str, NDArray[Any]],
    lengths: NDArray[np.int64],
    n: int,
    rng: np.random.Generator,
) -> dict[str, NDArray[np.float32]]:
    """Return states that the network comes through, drawn from all of them."""
    state = agent.initial_state(len(lengths))
    if not state:
        raise ConfigError(
            "The network has no recurrent state, so it has no fixed points."
        )
    quiet = np.zeros((len(lengths), agent.n_uniforms), np.float32)
    rows: dict[str, list[NDArray[np.float32]]] = {name: [] for name in state}
    for t in range(int(lengths.max())):
        now = agent.normalize({name: x[:, t] for name, x in sensed.items()})
        state = agent.act(now, state, np.full(len(lengths), t == 0), quiet).state
        for name, x in state.items():
            rows[name].append(x[t < lengths])
    joined = {name: np.concatenate(x) for name, x in rows.items()}
    total = len(next(iter(joined.values())))
    chosen = rng.choice(total, min(n, total), replace=False)
    return {name: x[chosen] for name, x in joined.items()}


def points_table(
    found: Mapping[tuple[str, str], list[Held]], control_step_s: float
) -> pd.DataFrame:
    """Return a row a point, of each subject and control.

    Parameters
    ----------
    found : mapping of (str, str) to list of Held
        By subject and control.
    control_step_s : float
        A step, in s.

    Returns
    -------
    pandas.DataFrame
        ``speed`` is q a unit, beside its median over ``visited`` states; ``largest``
        is the largest absolute eigenvalue and ``slowest_ms`` the time in which that
        mode falls or grows to 1/e or e; ``area`` is where most of it lives, with its
        ``share``. NaN where eigenvalues were not computed.
    """
    rows = []
    for (subject, control), held in found.items():
        for one in held:
            for point in one.slowness.points:
                absolute = np.abs(point.eigenvalues)
                largest = float(absolute[0]) if len(absolute) else float("nan")
                shares = (
                    pd.Series(point.modes).groupby(list(one.areas)).sum()
                    if len(point.modes)
                    else pd.Series(dtype=float)
                )
                rows.append(
                    {
                        "subject": subject,
                        "control": control,
                        "episode": one.episode,
                        "step": one.step,
                        "speed": point.speed,
                        "visited": float(np.median(one.slowness.speed_visited)),
                        "is_fixed": point.is_fixed,
                        "n_starts": point.n_starts,
                        "is_stable": "" if point.is_stable is None else point.is_stable,
                        "largest": largest,
                        "slowest_ms": _time_ms(largest, control_step_s),
                        "area": str(shares.idxmax()) if len(shares) else "",
                        "share": float(shares.max()) if len(shares) else float("nan"),
                    }
                )
    return pd.DataFrame(rows)


def _time_ms(absolute: float, control_step_s: float) -> float:
    """Return the time in which a mode of such an eigenvalue changes e-fold, ms."""
    if not absolute > 0.0 or absolute == 1.0:
        return float("inf") if absolute == 1.0 else float("nan")
    return float(1000.0 * control_step_s / abs(np.log(absolute)))
