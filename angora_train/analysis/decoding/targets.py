# SPDX-License-Identifier: Apache-2.0
"""Targets: what is decoded, from a recording or from a user's table."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from angora_train.analysis.decoding.tables import read_table
from angora_train.analysis.recording.schema import goal_names, is_under_way, kind_name
from angora_train.errors import ConfigError, closest

__all__ = ["USUAL", "Target", "read_target", "usual_targets"]

USUAL = (
    *("reward", "value", "goal", "object_pose", "fingertips"),
    *("joint_angles", "rotation", "action"),
)
"""What is decoded where nobody says what: those of these that a recording has."""


@dataclass(frozen=True)
class Target:
    """Something that may be read out of activity, for each control step.

    Attributes
    ----------
    name : str
        What it is called.
    values : ndarray of float32, shape (n_episodes, n_times, n_channels)
        NaN where there is none, as after an episode's end. Of classes one channel, the
        number of the class.
    labels : tuple of str
        Names of the channels, or of the classes.
    is_classes : bool
        Whether it is told apart (logistic) rather than fitted (ridge).
    unit : str
        Unit of the channels.
    """

    name: str
    values: NDArray[np.float32]
    labels: tuple[str, ...]
    is_classes: bool = False
    unit: str = ""

    @property
    def measure(self) -> str:
        """What its score is."""
        return "balanced accuracy" if self.is_classes else "R2"

    @property
    def chance(self) -> float:
        """Score of who knows nothing."""
        return 1.0 / len(self.labels) if self.is_classes else 0.0


def usual_targets(recording: xr.Dataset) -> list[str]:
    """Return the usual targets that a recording has and that vary in it.

    Parameters
    ----------
    recording : xarray.Dataset
        See :mod:`angora_train.analysis.recording`.

    Returns
    -------
    list of str
        Names, in the order of :data:`USUAL`.
    """
    found = []
    for name in USUAL:
        try:
            read_target(recording, name)
        except ConfigError:
            continue
        found.append(name)
    return found


def read_target(
    recording: xr.Dataset, name: str, rotation_steps: int = 10, label: str = ""
) -> Target:
    """Read what is to be decoded.

    Parameters
    ----------
    recording : xarray.Dataset
        See :mod:`angora_train.analysis.recording`.
    name : str
        ``goal`` (its kind) and ``success`` are classes. ``rotation`` is how the object
        will have turned after `rotation_steps`, as a rotation vector about the world's
        axes, rad. Any other is a variable of the recording, such as ``reward``,
        ``action`` or a sensation; ``fingertips`` also finds ``state.fingertips``.
        ``NAME=FILE.csv`` or ``NAME=FILE.npy`` is a table of the user's, see
        :func:`angora_train.analysis.decoding.tables.read_table`.
    rotation_steps : int
        Control steps over which the object turns.
    label : str
        What to call the recording in a message.

    Returns
    -------
    Target
        Without channels that never change.

    Raises
    ------
    ConfigError
        If there is no such target, or it is the same everywhere.
    """
    called, equals, path = name.partition("=")
    if equals:
        table = read_table(recording, path)
        found = Target(called, table.values, table.labels, table.is_classes)
    elif name == "goal":
        found = _goal(recording)
    elif name == "success":
        values = _by_step(recording, recording["success"].to_numpy())
        found = Target(name, values, ("failure", "success"), is_classes=True)
    elif name == "rotation":
        found = _rotation(recording, rotation_steps)
    else:
        found = _variable(recording, name)
    return _varying(found, label)


def _goal(recording: xr.Dataset) -> Target:
    """Return the kind of the goal, in each step where that is known."""
    values = _by_step(recording, recording["goal_kind"].to_numpy())
    if "goal_kind_at" in recording:  # goals that change within an episode
        at = recording["goal_kind_at"].to_numpy().astype(np.float32)
        values = np.where(at >= 0, at, np.float32(np.nan))[:, :, None]
    kinds = np.unique(values[np.isfinite(values)])
    number = np.where(np.isfinite(values), np.searchsorted(kinds, values), np.nan)
    names = goal_names(recording)
    labels = tuple(kind_name(names, int(kind)) for kind in kinds)
    return Target("goal", number.astype(np.float32), labels, is_classes=True)


def _by_step(
    recording: xr.Dataset, by_episode: NDArray[np.generic]
) -> NDArray[np.float32]:
    """Give a number of each episode to its steps, shape (E, T, 1)."""
    under_way = is_under_way(recording)
    values = np.where(under_way, by_episode.astype(np.float32)[:, None], np.nan)
    return values[:, :, None].astype(np.float32)


def _variable(recording: xr.Dataset, name: str) -> Target:
    """Return a variable that has a value for each step."""
    known = [
        str(key)
        for key, x in recording.data_vars.items()
        if x.dims[:2] == ("episode", "time") and x.ndim <= 3 and key != "activity"
    ]
    key = next((x for x in (name, f"state.{name}") if x in known), None)
    if key is None:
        names = ["goal", "success", "rotation", *known]
        raise ConfigError(
            f"There is no target '{name}' in the recording.{closest(name, names)} "
            f"There is: {', '.join(names)}. A table of your own: NAME=FILE.csv"
        )
    variable = recording[key]
    values = variable.to_numpy().astype(np.float32)
    values = values.reshape(*values.shape[:2], -1)
    values[~is_under_way(recording)] = np.nan
    labels = _labels(variable, values.shape[2])
    return Target(name, values, labels, unit=str(variable.attrs.get("units", "")))


def _labels(variable: xr.DataArray, n: int) -> tuple[str, ...]:
    """Return the names of a variable's channels, or their numbers."""
    last = variable.dims[-1]
    if variable.ndim == 3 and last in variable.coords:
        return tuple(map(str, variable.coords[last].to_numpy().tolist()))
    return tuple(map(str, range(n)))


def _rotation(recording: xr.Dataset, steps: int) -> Target:
    """Return how the object will have turned, as a rotation vector."""
    pose = _variable(recording, "object_pose").values
    if pose.shape[2] < 7:
        raise ConfigError(
            "The target 'rotation' needs object_pose to hold a position and a "
            f"quaternion (w, x, y, z), 7 numbers; got {pose.shape[2]}."
        )
    if not 0 < steps < pose.shape[1]:
        raise ConfigError(
            f"The target 'rotation' looks {steps} control steps ahead; episodes allow "
            f"1 to {pose.shape[1] - 1}."
        )
    now, later = (
        x.reshape(-1, 4) for x in (pose[:, :-steps, 3:7], pose[:, steps:, 3:7])
    )
    values = np.full((*pose.shape[:2], 3), np.nan, np.float32)
    norms = np.minimum(np.linalg.norm(now, axis=1), np.linalg.norm(later, axis=1))
    is_there = norms > 0.0  # false of NaN, too
    turned = np.full((len(now), 3), np.nan, np.float32)
    before, after = (
        Rotation.from_quat(x[is_there], scalar_first=True) for x in (now, later)
    )
    turned[is_there] = (after * before.inv()).as_rotvec()
    values[:, :-steps] = turned.reshape(len(pose), -1, 3)
    return Target("rotation", values, ("x", "y", "z"), unit="rad")


def _varying(target: Target, label: str) -> Target:
    """Return a target without channels that never change; refuse a constant."""
    where = f" in {label}" if label else ""
    values = target.values
    if target.is_classes:
        n_found = len(np.unique(values[np.isfinite(values)]))
        if n_found < 2:
            only = f", '{target.labels[0]}'" if target.labels else ""
            raise ConfigError(
                f"The target '{target.name}' has {n_found} class{only}{where}; two "
                "are needed to tell anything apart."
            )
        return target
    if not np.isfinite(values).any():
        raise ConfigError(f"The target '{target.name}' has no value{where}.")
    flat = values.reshape(-1, values.shape[2])
    lowest, highest = np.nanmin(flat, 0), np.nanmax(flat, 0)
    size = np.maximum(np.abs(lowest), np.abs(highest))
    varies = highest - lowest > 1e-6 * size
    if not varies.any():
        raise ConfigError(
            f"The target '{target.name}' is constant{where} ({lowest[0]:g} in every "
            "step), so nothing about it can be decoded. Take another target."
        )
    labels = tuple(np.array(target.labels)[varies].tolist())
    return Target(target.name, values[:, :, varies], labels, unit=target.unit)
