# SPDX-License-Identifier: Apache-2.0
"""Replay: recorded sensations fed to another network.

What a network makes of the same sensations is the control for what a trained one does
with them: with its initial weights, after a lesion, of another seed. Nothing is acted
upon: the body did what was recorded.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from angora_train.agent.agent import Agent
from angora_train.analysis.recording.layout import Layout
from angora_train.analysis.recording.record import Tell, quiet
from angora_train.analysis.recording.schema import called, is_under_way
from angora_train.analysis.recording.writer import writing
from angora_train.errors import ConfigError, closest
from angora_train.randomness import ACTIONS, generator

__all__ = ["replay", "replay_to", "replayed_blocks", "replayed_layout"]

_ROWS = 64
"""Episodes that pass through a network together."""
_STEPS = 32
"""Control steps that are read at once."""


def replay(
    agent: Agent, recording: xr.Dataset, attributes: Mapping[str, Any] | None = None
) -> xr.Dataset:
    """Feed the sensations of a recording to an agent, in memory.

    Parameters
    ----------
    agent : Agent
        Who senses; its probes are what is recorded, see
        :func:`angora_train.analysis.recording.record.area_layers`.
    recording : xarray.Dataset
        What was sensed.
    attributes : mapping, optional
        What to note beside the recording's own attributes.

    Returns
    -------
    xarray.Dataset
        The recording with the agent's ``activity`` in place of what was there, and with
        ``replayed.action`` and ``replayed.value``, what it would have done and
        expected. All else, ``action`` and ``value`` among it, is as it was recorded.
        Random numbers are those of the recording, so the network that was recorded
        does the same again.

    Raises
    ------
    ConfigError
        If the agent has no probes, or reads what was not recorded, or in another shape.
    """
    n_episodes, n_times = recording.sizes["episode"], recording.sizes["time"]
    found: dict[str, NDArray[Any]] = {}
    for episodes, steps, block in replayed_blocks(agent, recording):
        for name, x in block.items():
            if name not in found:
                shape = (n_episodes, n_times, *x.shape[2:])
                found[name] = np.full(shape, np.nan, np.float32)
            found[name][episodes, steps] = x
    layout = replayed_layout(agent, recording, attributes)
    kept = recording.drop_vars(["activity", "area", "index", *found], errors="ignore")
    own = layout.dataset(found, {})
    with_units = kept.load().assign_coords(area=own["area"], index=own["index"])
    return with_units.assign(own.data_vars).assign_attrs(layout.noted())


def replay_to(
    path: Path | str,
    agent: Agent,
    recording: xr.Dataset,
    attributes: Mapping[str, Any] | None = None,
    *,
    tell: Tell = quiet,
) -> None:
    """Feed the sensations of a recording to an agent, and write what it makes of them.

    As :func:`replay`, but some rows at a time: neither recording needs to fit into
    memory.

    Parameters
    ----------
    path : Path or str
        The file, which ends in ``.nc``; it is there once all is written.
    agent, recording, attributes
        As of :func:`replay`.
    tell : callable
        Told how many episodes are done, of how many, and where the others are.

    Raises
    ------
    ConfigError
        As of :func:`replay`.
    AngoraError
        If the file cannot be written.
    """
    n_episodes = recording.sizes["episode"]
    layout = replayed_layout(agent, recording, attributes)
    by_step, by_episode = _kept(recording)
    with writing(path, n_episodes) as writer:
        for episodes, steps, block in replayed_blocks(agent, recording):
            tell(episodes.start, n_episodes, f"step {steps.start}")
            rows = {"episode": episodes, "time": steps}
            kept = {name: recording[name].isel(rows).to_numpy() for name in by_step}
            writer.write(layout, episodes, steps.start, {**block, **kept})
        for name in by_episode:
            values = {name: recording[name].to_numpy()}
            writer.write_episodes(slice(0, n_episodes), values)
        tell(n_episodes, n_episodes, "written")


def _kept(recording: xr.Dataset) -> tuple[list[str], list[str]]:
    """Name what a replay keeps: with a row for each step, and for each episode."""
    replaced = ("activity", "replayed.action", "replayed.value")
    names = [str(name) for name in recording.data_vars if name not in replaced]
    by_step = [name for name in names if "time" in recording[name].dims]
    return by_step, [name for name in names if name not in by_step]


def replayed_layout(
    agent: Agent, recording: xr.Dataset, attributes: Mapping[str, Any] | None = None
) -> Layout:
    """Return what a replay says beside its numbers.

    Parameters
    ----------
    agent, recording, attributes
        As of :func:`replay`.

    Returns
    -------
    Layout
        With the recording's attributes, and the agent's areas.
    """
    _require_sensed(agent, recording)
    channels = {
        str(name).removesuffix("_channel"): tuple(map(str, x.to_numpy()))
        for name, x in recording.coords.items()
        if str(name).endswith("_channel")
    }
    return Layout(
        areas=_sizes(agent),
        control_step_s=float(recording["time"][:2].diff("time").sum()),
        units={str(n): x.units for n, x in recording.items() if "units" in x.attrs},
        labels=channels,
        attributes={**recording.attrs, "is_replay": 1, **(attributes or {})},
    )


def replayed_blocks(
    agent: Agent, recording: xr.Dataset
) -> Iterator[tuple[slice, slice, dict[str, NDArray[np.float32]]]]:
    """Feed the sensations of a recording to an agent, some rows at a time.

    Parameters
    ----------
    agent, recording
        As of :func:`replay`.

    Yields
    ------
    episodes, steps : slice
        Which rows.
    block : dict of str to ndarray of float32, shape (n_episodes, n_steps, ...)
        ``activity``, ``replayed.action`` and ``replayed.value``; NaN after an
        episode's end.
    """
    _require_sensed(agent, recording)
    lengths = recording["n_steps"].to_numpy()
    under_way = is_under_way(recording)
    for first in range(0, recording.sizes["episode"], _ROWS):
        episodes = slice(first, min(first + _ROWS, recording.sizes["episode"]))
        rngs = _generators(recording, episodes)
        state = agent.initial_state(episodes.stop - first)
        for begin in range(0, int(lengths[episodes].max()), _STEPS):
            steps = slice(begin, min(begin + _STEPS, recording.sizes["time"]))
            sensed = _sensed(agent, recording, episodes, steps)
            rows: list[dict[str, NDArray[np.float32]]] = []
            for t in range(steps.stop - begin):
                drawn = [rng.random(agent.n_uniforms, np.float32) for rng in rngs]
                is_first = np.full(len(rngs), begin + t == 0)
                now = agent.normalize({name: x[:, t] for name, x in sensed.items()})
                done = agent.act(now, state, is_first, np.stack(drawn))
                state = done.state
                shown = [x.reshape(len(x), -1) for x in done.activity.values()]
                rows.append(
                    {
                        "activity": np.concatenate(shown, axis=1),
                        "replayed.action": done.action,
                        "replayed.value": done.value,
                    }
                )
            is_over = ~under_way[episodes, steps]
            block = {n: np.stack([row[n] for row in rows], axis=1) for n in rows[0]}
            for x in block.values():
                x[is_over] = np.nan
            yield episodes, steps, block


def _generators(recording: xr.Dataset, episodes: slice) -> list[np.random.Generator]:
    """Return the sources of chance that the recorded episodes had."""
    seed = int(recording.attrs.get("seed", 0))
    first = int(recording.attrs.get("first_world", 0))
    worlds = range(first + episodes.start, first + episodes.stop)
    return [generator(seed, world, ACTIONS, 0) for world in worlds]


def _sensed(
    agent: Agent, recording: xr.Dataset, episodes: slice, steps: slice
) -> dict[str, NDArray[Any]]:
    """Read what some episodes sensed in some steps; zero after their end."""
    found = {}
    for name in agent.sensations:
        rows = recording[called(name)].isel(episode=episodes, time=steps).to_numpy()
        found[name] = np.nan_to_num(rows) if rows.dtype.kind == "f" else rows
    return found


def _sizes(agent: Agent) -> dict[str, int]:
    """Return how many units each probed area has."""
    shown = agent.stateful.model.output
    return {
        name: math.prod(shown[f"activity_{name}"].shape[2:]) for name in agent.probes
    }


def _shapes(agent: Agent) -> dict[str, tuple[int, ...]]:
    """Return the shape of each sensation that is read, of one world and step."""
    shapes = {x.name: tuple(map(int, x.shape[2:])) for x in agent.model.inputs}
    return {name: shapes[read] for name, read in agent.inputs.items()}


def _require_sensed(agent: Agent, recording: xr.Dataset) -> None:
    """Refuse an agent that shows no areas, or that reads what was not recorded."""
    if not agent.probes:
        raise ConfigError(
            "The agent has no probes, so there is nothing to record. Take "
            "agent.probing(area_layers(agent.model))."
        )
    for name, shape in _shapes(agent).items():
        variable = called(name)
        if variable not in recording.data_vars:
            known = [str(x) for x in recording.data_vars]
            raise ConfigError(
                f"The network reads the sensation '{name}', which was not recorded."
                f"{closest(variable, known)} Recorded: {', '.join(known)}. Replay "
                "needs a recording of the network's own task."
            )
        found = recording[variable].shape[2:]
        if found != shape:
            raise ConfigError(
                f"The network reads the sensation '{name}' of shape {shape}; the "
                f"recording has {found}. Replay needs the network's own task."
            )
