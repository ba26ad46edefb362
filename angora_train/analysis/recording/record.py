# SPDX-License-Identifier: Apache-2.0
"""Recording: what every area did while an agent acted, as an xarray data set."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from angora_train.agent.agent import Agent
from angora_train.analysis.actors import AgentActor
from angora_train.analysis.evaluation import Moment, Tally, episodes
from angora_train.analysis.recording.layout import Layout
from angora_train.analysis.recording.schema import called
from angora_train.analysis.recording.writer import (
    blocks_of,
    nothing,
    writing,
)
from angora_train.errors import ConfigError
from angora_train.tasks.base import Task
from angora_train.tasks.worlds.perturbations import Perturbation

__all__ = ["Recorder", "Tell", "area_layers", "quiet", "record", "record_to"]

_EPISODE = ("goal_kind", "success", "n_steps")
_REWARD = "reward/"


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


Tell = Callable[[int, int, str], None]
"""Told how much is done, of how much, and more in words."""


def quiet(n_done: int, n: int, text: str = "") -> None:
    """Say nothing."""


def record(
    agent: Agent,
    task: Task,
    seed: int,
    attributes: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Play one episode in every world and keep what the agent's areas did, in memory.

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
        as ``sensation.value``; ``state.<name>``, the physical state, likewise;
        ``action`` (episode, time, actuator); ``reward``, ``reward.<term>``, ``value``,
        ``distance`` after the step, ``fact.<name>``, the task's metrics,
        ``goal_kind_at`` and ``success_at`` (episode, time); ``goal_kind``, ``success``
        and ``n_steps`` (episode). A row of ``time`` holds what was sensed and true,
        then the activity and the action that followed from it, then the reward which
        that earned. Steps after an episode's end are NaN; pixels 0, kinds -1.

    Raises
    ------
    ConfigError
        If the agent has no probes.
    """
    recorder = Recorder(agent, task, seed, attributes)
    rows = list(recorder.rows())
    by_step = {name: np.stack([row[name] for row in rows], axis=1) for name in rows[0]}
    return recorder.layout.dataset(by_step, recorder.by_episode)


def record_to(
    path: Path | str,
    agent: Agent,
    tasks: Iterable[Task],
    seed: int,
    attributes: Mapping[str, Any] | None = None,
    *,
    n_episodes: int,
    perturbations: Sequence[Perturbation] = (),
    tell: Tell = quiet,
) -> None:
    """Play one episode in every world and write what the agent's areas did.

    As :func:`record`, but written block by block while the agent acts: what is held in
    memory does not grow with the episodes.

    Parameters
    ----------
    path : Path or str
        The file, which ends in ``.nc``; it is there once all is written.
    agent, seed, attributes
        As of :func:`record`.
    tasks : iterable of Task
        Worlds one after the other, each task with the ``first_world`` that comes after
        the last world of the one before. They are closed here.
    n_episodes : int
        Worlds of all tasks.
    perturbations : sequence of Perturbation
        What happens in each episode.
    tell : callable
        Told how many episodes are done, of how many, and where the others are.

    Raises
    ------
    ConfigError
        If the agent has no probes.
    AngoraError
        If the file cannot be written.
    """
    n_done = 0
    with writing(path, n_episodes) as writer:
        for task in tasks:
            episodes = slice(n_done, n_done + task.num_envs)
            recorder = Recorder(agent, task, seed, attributes, perturbations)
            for first, block in blocks_of(recorder.rows()):
                tell(n_done + recorder.n_over, n_episodes, f"step {first}")
                writer.write(recorder.layout, episodes, first, block)
            writer.write_episodes(episodes, recorder.by_episode)
            task.close()
            n_done = episodes.stop
            tell(n_done, n_episodes, "written")


class Recorder:
    """An agent that plays one episode in every world, and what is kept of that.

    Parameters
    ----------
    agent, task, seed, attributes
        As of :func:`record`.
    perturbations : sequence of Perturbation
        What happens in each episode.
    """

    def __init__(
        self,
        agent: Agent,
        task: Task,
        seed: int,
        attributes: Mapping[str, Any] | None = None,
        perturbations: Sequence[Perturbation] = (),
    ) -> None:
        self._agent, self._task, self._seed = agent, task, seed
        self._attributes = attributes or {}
        self._perturbations = tuple(perturbations)
        task.perturb(self._perturbations)
        self._tally = Tally(task)
        self._first: Moment | None = None
        self._n_over = 0

    def rows(self) -> Iterator[dict[str, NDArray[Any]]]:
        """Play; yield what is kept of each control step, each of shape (B, ...)."""
        actor = AgentActor(self._agent)
        played = episodes(actor, self._task, self._seed, with_state=True)
        for step, moment in enumerate(played):
            self._first = self._first or moment
            self._tally.add(moment)
            self._n_over += int(moment.is_last.sum())
            yield {**_row(moment, self._task.metrics), **self._perturbed(step, moment)}

    def _perturbed(self, step: int, moment: Moment) -> dict[str, NDArray[np.bool_]]:
        """Say which perturbations happen in a control step, and where."""
        step_s = self._task.control_step_s
        found: dict[str, NDArray[np.bool_]] = {}
        for one in self._perturbations:
            name = f"perturbed.{one.kind}"
            happens = moment.is_under_way & one.is_active(step, step_s)
            found[name] = found.get(name, np.False_) | happens
        return found

    @property
    def n_over(self) -> int:
        """How many episodes have ended."""
        return self._n_over

    @property
    def by_episode(self) -> dict[str, NDArray[Any]]:
        """What is kept of each episode, once all have ended, each of shape (B,)."""
        found = self._tally.evaluation
        return {name: getattr(found, name) for name in _EPISODE}

    @property
    def layout(self) -> Layout:
        """What is said beside the numbers, once there was a row."""
        task, moment = self._task, self._first
        if moment is None:
            raise ConfigError("Nothing was recorded yet.")
        states = {f"state.{name}": x for name, x in moment.state.items()}
        sensed = {called(name): x for name, x in task.sensation_units.items()}
        units = {name: x.units for name, x in states.items()}
        pixels = {called(n) for n, x in moment.observation.items() if x.ndim == 4}
        units |= {name: x for name, x in sensed.items() if name not in pixels}
        units |= {f"fact.{name}": x for name in task.metrics if (x := _unit_of(name))}
        units["distance"] = "rad" if _is_angle(moment.info) else "m"
        return Layout(
            areas={name: x[0].size for name, x in moment.step.activity.items()},
            control_step_s=task.control_step_s,
            units=units,
            labels={name: x.labels for name, x in states.items()},
            attributes={
                "seed": self._seed,
                "first_world": task.first_world,
                "goal_names": list(task.goal_names),
                "perturbations": [x.noted() for x in self._perturbations],
                **self._attributes,
            },
        )


def _row(moment: Moment, metrics: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Return what is kept of a control step, each of shape (B, ...)."""
    activity, info = moment.step.activity, moment.info
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
        "distance": _distance(info, len(moment.reward)),
        "goal_kind_at": np.asarray(info["goal_kind"], np.int16),
        "success_at": np.asarray(info["success"], np.bool_),
    }
    row |= {
        f"reward.{name.removeprefix(_REWARD)}": np.asarray(x, np.float32)
        for name, x in info.items()
        if name.startswith(_REWARD)
    }
    facts = {name: info[name] for name in metrics if name in info}
    row |= {f"fact.{name}": np.asarray(x, np.float32) for name, x in facts.items()}
    row |= {f"state.{name}": x.values for name, x in moment.state.items()}
    row |= {called(name): x for name, x in moment.observation.items()}
    return {name: _seen(x, moment.is_under_way) for name, x in row.items()}


def _is_angle(info: Mapping[str, Any]) -> bool:
    """Whether a task measures how far its goal is as an angle."""
    return "distance_m" not in info and "distance_rad" in info


def _distance(info: Mapping[str, Any], n_worlds: int) -> NDArray[np.float32]:
    """Distance to the goal; NaN for a task that measures none, shape (B,)."""
    name = "distance_rad" if _is_angle(info) else "distance_m"
    return np.asarray(info.get(name, np.full(n_worlds, np.nan)), np.float32)


def _unit_of(name: str) -> str:
    """Return the unit that a name ends in."""
    last = name.rpartition("_")[2]
    return last if last in ("m", "rad", "s", "n") else ""


def _seen(x: NDArray[Any], is_under_way: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the rows of worlds whose episode is under way, nothing for the others."""
    if is_under_way.all():
        return x
    shape = (-1,) + (1,) * (x.ndim - 1)
    return np.where(is_under_way.reshape(shape), x, nothing(x.dtype))
