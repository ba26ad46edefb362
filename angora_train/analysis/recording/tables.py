# SPDX-License-Identifier: Apache-2.0
"""Tables: a recording for pandas and for rsatoolbox, one part of it at a time."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from rsatoolbox.data.dataset import TemporalDataset

from angora_train.analysis.recording.schema import (
    area_activity,
    area_units,
    areas,
    goal_names,
    is_under_way,
    kind_name,
    require_variable,
)
from angora_train.errors import ConfigError, closest

__all__ = ["to_pandas", "to_rsatoolbox"]


def to_pandas(recording: xr.Dataset, name: str) -> pd.DataFrame:
    """Return one area or variable as a tidy table.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording, in memory or opened from a file: nothing else of it is read.
    name : str
        An area, as ``4p left``, or a variable, as ``state.fingertips``.

    Returns
    -------
    pandas.DataFrame
        A row for each value of a step of an episode that is under way: ``episode``,
        ``time`` in s, ``goal`` of the episode by name, ``channel`` (a unit's index in
        its area, or the label that a channel has; none for a variable with one number)
        and ``value``. Of a variable with one value an episode, a row for each episode.

    Raises
    ------
    ConfigError
        If the recording has neither, or pixels are asked for.

    Examples
    --------
    >>> import xarray as xr
    >>> recording = xr.Dataset(
    ...     {"activity": (("episode", "time", "unit"), [[[0.5, 1.0], [0.0, -1.0]]]),
    ...      "goal_kind": ("episode", [1]), "n_steps": ("episode", [2])},
    ...     coords={"area": ("unit", ["M1", "M1"]), "index": ("unit", [0, 1]),
    ...             "time": [0.0, 0.02]})
    >>> to_pandas(recording, "M1")
       episode  time goal  channel  value
    0        0  0.00    1        0    0.5
    1        0  0.00    1        1    1.0
    2        0  0.02    1        0    0.0
    3        0  0.02    1        1   -1.0
    """
    goals = np.array(_goals(recording))
    if name in recording.data_vars and "time" not in recording[name].dims:
        own = recording[name].to_numpy()
        episodes = np.arange(len(own))
        return pd.DataFrame({"episode": episodes, "goal": goals, "value": own})
    values, channels = _values(recording, name)
    episode, step = np.nonzero(is_under_way(recording))
    kept = values[episode, step]
    n_channels = kept.shape[1] if kept.ndim == 2 else 1
    columns = {
        "episode": np.repeat(episode, n_channels),
        "time": np.repeat(recording["time"].to_numpy()[step], n_channels),
        "goal": np.repeat(goals[episode], n_channels),
    }
    if kept.ndim == 2:
        columns["channel"] = np.tile(np.asarray(channels), len(kept))
    return pd.DataFrame({**columns, "value": kept.reshape(-1)})


def to_rsatoolbox(recording: xr.Dataset, area: str) -> TemporalDataset:
    """Return the activity of one area as rsatoolbox takes it.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording, in memory or opened from a file: nothing else of it is read.
    area : str
        The area.

    Returns
    -------
    rsatoolbox.data.TemporalDataset
        Measurements of shape (n_episodes, n_units, n_times), of the steps in which all
        episodes are under way. Observations have ``episode``, ``goal`` by name,
        ``goal_kind``, ``success`` where it was recorded; channels have ``area`` and
        ``unit``; times have ``time``, s.

    Raises
    ------
    ConfigError
        If the area is not in the recording, or a unit is not finite.
    """
    activity = area_activity(recording, area)
    n_times = int(recording["n_steps"].min())
    kinds = recording["goal_kind"].to_numpy()
    observations: dict[str, Any] = {
        "episode": np.arange(len(kinds)),
        "goal": _goals(recording),
        "goal_kind": kinds,
    }
    if "success" in recording:
        observations["success"] = recording["success"].to_numpy()
    n_units = activity.shape[2]
    noted = ("task", "checkpoint", "seed")
    return TemporalDataset(  # type: ignore[no-untyped-call]
        np.swapaxes(activity[:, :n_times], 1, 2),
        descriptors={
            "area": area,
            **{name: x for name in noted if (x := recording.attrs.get(name))},
        },
        obs_descriptors=observations,
        channel_descriptors={"area": [area] * n_units, "unit": np.arange(n_units)},
        time_descriptors={"time": recording["time"].to_numpy()[:n_times]},
    )


def _goals(recording: xr.Dataset) -> list[str]:
    """Return the name of each episode's goal."""
    names = goal_names(recording)
    return [kind_name(names, int(kind)) for kind in recording["goal_kind"].to_numpy()]


def _values(
    recording: xr.Dataset, name: str
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return an area or a variable, and the names of its channels."""
    known = areas(recording)
    if name in known:
        index = recording["index"].to_numpy()[area_units(recording, name)]
        return area_activity(recording, name), index
    if name not in recording.data_vars:
        everything = [*known, *map(str, recording.data_vars)]
        raise ConfigError(
            f"The recording has neither an area nor a variable '{name}'."
            f"{closest(name, everything)} Areas: {', '.join(known)}. Variables: "
            f"{', '.join(map(str, recording.data_vars))}."
        )
    if name == "activity":
        raise ConfigError(
            f"A table has one area at a time, not all activity. Areas: "
            f"{', '.join(known)}."
        )
    variable = require_variable(recording, name)
    if variable.ndim > 3:
        raise ConfigError(
            f"'{name}' is {variable.ndim - 2}-dimensional in each step: pixels make no "
            "table. Take recording['vision'] itself."
        )
    values = variable.to_numpy()
    if variable.ndim == 2:
        return values, None
    channel = variable.dims[2]
    return values, variable.coords.get(channel, variable[channel]).to_numpy()
