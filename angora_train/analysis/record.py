# SPDX-License-Identifier: Apache-2.0
"""Recording: what every area did while an agent acted, as an xarray data set."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from angora_train.agent.agent import Agent
from angora_train.agent.inputs import spelt_out
from angora_train.analysis.actors import AgentActor
from angora_train.analysis.evaluation import Moment, Tally, episodes
from angora_train.errors import AngoraError, ConfigError
from angora_train.run.versions import installed_versions
from angora_train.tasks.base import Task
from atlasnet.files import replacing

__all__ = ["area_layers", "load_recording", "record", "save_recording"]

_TEXT = {
    "activity": "activity of each unit in the step that chose the action",
    "action": "what the actuators were asked for, within [-1, 1]",
    "reward": "what the action earned, not normalised",
    "value": "return that the agent expected, in units of normalised reward",
    "distance": "distance to the goal after the step",
    "success": "whether the goal was met at the end of the episode",
    "goal_kind": "kind of the goal, as the task counts them",
    "n_steps": "length of the episode in control steps",
}


def area_layers(model: keras.Model) -> dict[str, str]:
    """Return the layers that show a model's areas.

    Parameters
    ----------
    model : keras.Model
        A model with layers of the class `atlasnet.layers.Area`.

    Returns
    -------
    dict of str to str
        Layer by region, in the order in which areas are computed: the probes of an
        agent that is to be recorded.

    Raises
    ------
    ConfigError
        If the model has no such layer.
    """
    from atlasnet.layers import Area

    areas = {layer.region: layer.name for layer in model.layers if type(layer) is Area}
    if not areas:
        raise ConfigError(
            f"The model '{model.name}' has no layer of the class Area to be recorded. "
            "Build it with atlasnet.build_model."
        )
    return areas


def record(
    agent: Agent,
    task: Task,
    seed: int,
    attributes: Mapping[str, str | int | float] | None = None,
) -> xr.Dataset:
    """Play one episode in every world and keep what the agent's areas did.

    Parameters
    ----------
    agent : Agent
        Who acts; its probes are what is recorded, see :func:`area_layers`.
    task : Task
        As many worlds as episodes are wanted.
    seed : int
        See :func:`angora_train.analysis.evaluation.episodes`.
    attributes : mapping, optional
        What else to note about the recording, such as the checkpoint.

    Returns
    -------
    xarray.Dataset
        Dimensions ``episode``, ``time`` (start of the control step, s) and ``unit``,
        whose coordinates are ``area`` and ``index``. Variables: ``activity``
        (episode, time, unit), of a retinotopic area position by position; each
        sensation as the task gives it (episode, time, ``<sensation>_channel``), pixels
        with ``<sensation>_row`` and ``<sensation>_column`` before the channel; one
        that is named like another variable, or with a stroke in its name, is spelt out,
        as ``sensation.value``;
        ``action`` (episode, time, actuator); ``reward``, ``value`` and ``distance``, in
        m after the step (episode, time);
        ``goal_kind``, ``success`` and ``n_steps`` (episode). A row of ``time`` holds
        what was sensed, then the activity and the action that followed from it, then
        the reward which that earned. Steps after an episode's end are NaN.

    Raises
    ------
    ConfigError
        If the agent has no probes.
    """
    tally = Tally(task)
    rows: list[dict[str, NDArray[Any]]] = []
    areas: dict[str, int] = {}
    for moment in episodes(AgentActor(agent), task, seed):
        tally.add(moment)
        rows.append(_row(moment))
        areas = {name: x[0].size for name, x in moment.step.activity.items()}
    found = tally.evaluation
    versions = {f"{name}_version": v for name, v in installed_versions().items()}
    return _dataset(
        {name: np.stack([row[name] for row in rows], axis=1) for name in rows[0]},
        {name: getattr(found, name) for name in ("goal_kind", "success", "n_steps")},
        areas,
        task.control_step_s,
        {"seed": seed, **(attributes or {}), **versions},
    )


def _row(moment: Moment) -> dict[str, NDArray[Any]]:
    """Return what is kept of a control step, each of shape (B, ...)."""
    activity = moment.step.activity
    if not activity:
        raise ConfigError(
            "The agent has no probes, so there is nothing to record. Take "
            "agent.probing(area_layers(agent.model))."
        )
    row = {
        "activity": np.concatenate(
            [x.reshape(len(x), -1) for x in activity.values()], axis=1
        ),
        "action": moment.step.action,
        "reward": moment.reward,
        "value": moment.step.value,
        "distance": _distance_m(moment.info, len(moment.reward)),
    }
    row |= {_called(name): x for name, x in moment.observation.items()}
    return {name: _seen(x, moment.is_under_way) for name, x in row.items()}


def _called(sensation: str) -> str:
    """Return what a sensation is called where other variables have names, too."""
    is_taken = sensation in {*_TEXT, *_COORDINATES} or "/" in sensation
    return spelt_out(sensation) if is_taken else sensation


def _distance_m(info: Mapping[str, Any], n_worlds: int) -> NDArray[np.float32]:
    """Distance to the goal, m; NaN for a task that measures none, shape (B,)."""
    distance_m = info.get("distance_m", np.full(n_worlds, np.nan))
    return np.asarray(distance_m, np.float32)


def _seen(x: NDArray[np.float32], is_under_way: NDArray[np.bool_]) -> Any:
    """Return the rows of worlds whose episode is under way, NaN for the others."""
    if is_under_way.all():
        return x
    shape = (-1,) + (1,) * (x.ndim - 1)
    return np.where(is_under_way.reshape(shape), x, np.float32(np.nan))


def _dataset(
    by_step: Mapping[str, NDArray[Any]],
    by_episode: Mapping[str, NDArray[Any]],
    areas: Mapping[str, int],
    control_step_s: float,
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Name dimensions and coordinates."""
    own = {"activity": "unit", "action": "actuator"}
    variables: dict[str, Any] = {}
    for name, values in by_step.items():
        last = own.get(name, f"{name}_channel")
        pixel = (f"{name}_row", f"{name}_column") if values.ndim == 5 else ()
        dims = ("episode", "time", *pixel, last)[: values.ndim]
        variables[name] = (dims, values, {"long_name": _TEXT.get(name, _SENSED)})
    variables["distance"][2]["units"] = "m"
    for name, values in by_episode.items():
        variables[name] = ("episode", values, {"long_name": _TEXT[name]})
    n_episodes, n_times = by_step["reward"].shape
    return xr.Dataset(
        variables,
        coords={
            "episode": np.arange(n_episodes),
            "time": ("time", np.arange(n_times) * control_step_s, {"units": "s"}),
            "area": ("unit", np.repeat(list(areas), list(areas.values())).astype(str)),
            "index": ("unit", np.concatenate([np.arange(n) for n in areas.values()])),
        },
        attrs=dict(attributes),
    )


_COORDINATES = ("episode", "time", "area", "index", "unit", "actuator")
_SENSED = "sensation as the task gave it, not normalised"


def save_recording(recording: xr.Dataset, path: Path | str) -> None:
    """Write a recording as NetCDF 4, compressed, whole or not at all.

    Parameters
    ----------
    recording : xarray.Dataset
        What :func:`record` returned.
    path : Path or str
        The file, which ends in ``.nc``.

    Raises
    ------
    ConfigError
        If the name does not end in ``.nc``.
    """
    path = Path(path)
    if path.suffix != ".nc":
        raise ConfigError(f"A recording's file ends in '.nc', got '{path.name}'.")
    encoding = {
        name: {"zlib": True, "complevel": 1, "shuffle": True}
        for name, variable in recording.data_vars.items()
        if variable.ndim > 1
    }
    with replacing(path) as temporary:
        recording.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)


def load_recording(path: Path | str) -> xr.Dataset:
    """Read a recording into memory.

    Parameters
    ----------
    path : Path or str
        What :func:`save_recording` wrote.

    Returns
    -------
    xarray.Dataset
        The recording.

    Raises
    ------
    AngoraError
        If the file is missing, or no recording.
    """
    path = Path(path)
    if not path.is_file():
        raise AngoraError(f"There is no recording '{path}'.")
    try:
        recording = xr.load_dataset(path, engine="h5netcdf")
    except (OSError, ValueError, KeyError) as error:
        raise AngoraError(f"'{path}' cannot be read as NetCDF: {error}") from error
    missing = {"activity", "area", "goal_kind"} - set(recording.variables)
    if missing:
        raise AngoraError(
            f"'{path}' is no recording: it lacks {', '.join(sorted(missing))}."
        )
    return recording
