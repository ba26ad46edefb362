# SPDX-License-Identifier: Apache-2.0
"""What a recording holds, by name, and one area of it at a time."""

import json
from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from angora_train.agent.inputs import spelt_out
from angora_train.errors import AngoraError, ConfigError, closest

__all__ = [
    "VERSION",
    "area_activity",
    "area_units",
    "areas",
    "called",
    "dimensions",
    "goal_names",
    "is_under_way",
    "kind_name",
    "label_of",
    "require_recording",
    "require_variable",
]

VERSION = 1
"""Version of what is written; another one is refused."""

_TEXT = {
    "activity": "activity of each unit in the step that chose the action",
    "action": "what the actuators were asked for, within [-1, 1]",
    "reward": "what the action earned, not normalised",
    "value": "return that the agent expected, in units of normalised reward",
    "distance": "distance to the goal after the step",
    "success": "whether the goal was met at the end of the episode",
    "success_at": "whether the goal was met in the step",
    "goal_kind": "kind of the goal at the end of the episode, as the task counts them",
    "goal_kind_at": "kind of the goal in the step; -1 after the episode",
    "n_steps": "length of the episode in control steps",
}
_KINDS = {
    "reward.": "term of the reward, scaled",
    "state.": "physical state before the action, true whatever is sensed",
    "fact.": "what the task told of the step",
    "replayed.": "what the network would have said to the same sensations",
    "perturbed.": "whether it happened in the step",
}
_SENSED = "sensation as the task gave it, not normalised"
_COORDINATES = ("episode", "time", "area", "index", "unit", "actuator")
_OWN_LAST = {"activity": "unit", "action": "actuator"}
_NEEDED = ("activity", "area", "goal_kind", "n_steps")


def called(sensation: str) -> str:
    """Return what a sensation is called where other variables have names, too.

    Parameters
    ----------
    sensation : str
        Its name in the task.

    Returns
    -------
    str
        The same, or spelt out where that is the name of something else.

    Examples
    --------
    >>> called("touch"), called("value")
    ('touch', 'sensation.value')
    """
    is_taken = (
        sensation in {*_TEXT, *_COORDINATES}
        or "/" in sensation
        or sensation.startswith(tuple(_KINDS))
    )
    return spelt_out(sensation) if is_taken else sensation


def label_of(variable: str) -> str:
    """Return in words what a variable is."""
    if variable in _TEXT:
        return _TEXT[variable]
    return next((x for kind, x in _KINDS.items() if variable.startswith(kind)), _SENSED)


def dimensions(variable: str, n_dimensions: int) -> tuple[str, ...]:
    """Return the dimensions of a variable that has a row for each step.

    Parameters
    ----------
    variable : str
        Its name.
    n_dimensions : int
        How many it has.

    Returns
    -------
    tuple of str
        ``episode``, ``time`` and its own: pixels have a row and a column before the
        channel.

    Examples
    --------
    >>> dimensions("touch", 3), dimensions("reward", 2)
    (('episode', 'time', 'touch_channel'), ('episode', 'time'))
    """
    last = _OWN_LAST.get(variable.removeprefix("replayed."), f"{variable}_channel")
    pixel = (f"{variable}_row", f"{variable}_column") if n_dimensions == 5 else ()
    return ("episode", "time", *pixel, last)[:n_dimensions]


def areas(recording: xr.Dataset) -> list[str]:
    """Return the areas of a recording in the order in which they are computed.

    Parameters
    ----------
    recording : xarray.Dataset
        See :func:`angora_train.analysis.recording.record.record`.

    Returns
    -------
    list of str
        Names.
    """
    return list(dict.fromkeys(recording["area"].to_numpy().tolist()))


def area_units(recording: xr.Dataset, area: str) -> slice:
    """Return where an area's units stand among all.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording.
    area : str
        The area's name.

    Returns
    -------
    slice
        Of the dimension ``unit``.

    Raises
    ------
    ConfigError
        If the area is not in it.
    """
    of_unit = recording["area"].to_numpy()
    found = np.flatnonzero(of_unit == area)
    if not len(found):
        known = areas(recording)
        raise ConfigError(
            f"The recording has no area '{area}'.{closest(area, known)} It has "
            f"{len(known)}: {', '.join(known)}."
        )
    return slice(int(found[0]), int(found[-1]) + 1)


def area_activity(recording: xr.Dataset, area: str) -> NDArray[np.float32]:
    """Read the activity of one area; of a recording in a file, nothing else.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording.
    area : str
        The area's name.

    Returns
    -------
    ndarray of float32, shape (n_episodes, n_times, n_units)
        NaN after an episode's end.

    Raises
    ------
    ConfigError
        If the area is not in the recording, or a unit is not finite while an episode
        is under way.
    """
    units = area_units(recording, area)
    found = recording["activity"].isel(unit=units)
    values: NDArray[np.float32] = found.transpose("episode", "time", "unit").to_numpy()
    values = values.astype(np.float32, copy=False)
    wrong = ~np.isfinite(values) & is_under_way(recording)[:, :, None]
    if wrong.any():
        episode, step, unit = np.argwhere(wrong)[0].tolist()
        raise ConfigError(
            f"The activity of unit {unit} of area '{area}' is "
            f"{values[episode, step, unit]} in step {step} of episode {episode}, while "
            f"the episode is under way ({int(wrong.any((0, 1)).sum())} of "
            f"{values.shape[2]} units of the area are like that). Leave the area out, "
            "or record again."
        )
    return values


def is_under_way(recording: xr.Dataset) -> NDArray[np.bool_]:
    """Return where episodes are under way, shape (n_episodes, n_times)."""
    n_steps: NDArray[np.int64] = recording["n_steps"].to_numpy()
    return np.asarray(np.arange(recording.sizes["time"]) < n_steps[:, None])


def goal_names(recording: xr.Dataset) -> list[str]:
    """Return the names of kinds of goals, by number, as the task gave them."""
    return list(map(str, json.loads(recording.attrs.get("goal_names", "[]"))))


def kind_name(names: Sequence[str], kind: int) -> str:
    """Return the name of a kind of goal, or its number where it has none.

    Examples
    --------
    >>> kind_name(("ff", "mf"), 1), kind_name((), 1)
    ('mf', '1')
    """
    return names[kind] if 0 <= kind < len(names) else str(kind)


def require_variable(recording: xr.Dataset, name: str) -> xr.DataArray:
    """Return a variable of a recording.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording.
    name : str
        The variable.

    Returns
    -------
    xarray.DataArray
        As it is, not read yet.

    Raises
    ------
    ConfigError
        If it is not in the recording.
    """
    if name not in recording.data_vars:
        known = list(map(str, recording.data_vars))
        raise ConfigError(
            f"The recording has no variable '{name}'.{closest(name, known)} It has: "
            f"{', '.join(known)}."
        )
    return recording[name]


def require_recording(recording: xr.Dataset, told: str) -> None:
    """Refuse what is no recording, or one of another version.

    Parameters
    ----------
    recording : xarray.Dataset
        What was read.
    told : str
        What to call it in a message, such as its file.

    Raises
    ------
    AngoraError
        If it is not what this package writes.
    """
    missing = [name for name in _NEEDED if name not in recording.variables]
    if missing:
        raise AngoraError(f"{told} is no recording: it lacks {', '.join(missing)}.")
    version = recording.attrs.get("recording_version")
    if version != VERSION:
        was = "says no version" if version is None else f"is of version {version}"
        raise AngoraError(
            f"{told} {was}; this package reads version {VERSION}. Record it again: "
            "angora-train record RUN OUT"
        )
