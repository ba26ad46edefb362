# SPDX-License-Identifier: Apache-2.0
"""Runs: the agents of a run's folder, as they are recorded."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from angora_train.agent.agent import Agent
from angora_train.agent.distributions import make_distribution
from angora_train.analysis.recording.record import (
    Tell,
    area_layers,
    quiet,
    record_to,
)
from angora_train.analysis.recording.writer import require_nc
from angora_train.config.run import RunConfig
from angora_train.engine import make_engine
from angora_train.errors import AngoraError, CheckpointError
from angora_train.run.checkpoint import Which, load, mark_of, read_config
from angora_train.run.compared import as_compared
from angora_train.run.preparation import Prepared, prepare
from angora_train.tasks.base import Task
from angora_train.tasks.registry import make_vector_task
from angora_train.tasks.worlds.perturbations import Perturbation
from atlasnet import Intervention, build_model, spec_of

__all__ = ["Played", "record_run", "run_attributes", "untrained_agent"]


@dataclass(frozen=True)
class Played:
    """What is played and recorded of a run.

    Attributes
    ----------
    episodes : int
        How many.
    seed : int
        Their seed.
    which : {"best", "last"}
        Which checkpoint plays.
    interventions : tuple of Intervention
        Lesions, clamps and noise.
    perturbations : tuple of Perturbation
        What happens in each episode.
    n_at_once : int
        Episodes that are played side by side; memory grows with it.
    """

    episodes: int = 100
    seed: int = 20_000
    which: Which = "best"
    interventions: tuple[Intervention, ...] = ()
    perturbations: tuple[Perturbation, ...] = ()
    n_at_once: int = 100


def record_run(
    directory: Path | str,
    path: Path | str,
    played: Played,
    *,
    changes: Sequence[str] = (),
    tell: Tell = quiet,
) -> None:
    """Play episodes with a run's trained network, and write what its areas did.

    The task is that which agents are compared in, without what was for training alone.

    Parameters
    ----------
    directory : Path or str
        The run's folder.
    path : Path or str
        The file, which ends in ``.nc``; it is there once all is written.
    played : Played
        What is played.
    changes : sequence of str
        Changes of the task, as ``task.options.success_rad=0.4``.
    tell : callable
        Told how many episodes are done, of how many, and where the others are.

    Raises
    ------
    AngoraError
        If there is no such checkpoint, it does not fit the task, something cannot be
        done to it, or the file cannot be written.
    """
    require_nc(Path(path))
    stored = load(directory, played.which)
    given = read_config(directory, played.which, changes)
    config, _ = as_compared(given, changes)
    first = range(min(played.n_at_once, played.episodes))
    interventions = played.interventions
    ready = prepare(config, first, stored=stored, interventions=interventions)
    agent = ready.agent(probes=area_layers(ready.model))
    attributes = {
        **run_attributes(directory, played.which),
        "config": config.to_yaml(),
        "interventions": [one.model_dump(mode="json") for one in interventions],
    }
    record_to(
        path,
        agent,
        _worlds(ready, played),
        played.seed,
        attributes,
        n_episodes=played.episodes,
        perturbations=played.perturbations,
        tell=tell,
    )


def _worlds(ready: Prepared, played: Played) -> Iterator[Task]:
    """Yield worlds for all episodes, some at a time."""
    task, n_done = ready.task, 0
    while n_done < played.episodes:
        if n_done:
            task = make_vector_task(
                ready.config.task.name,
                ready.config.task.options,
                n_worlds=min(played.n_at_once, played.episodes - n_done),
                first_world=n_done,
            )
        task.set_progress(1.0)
        n_done += task.num_envs
        yield task


def untrained_agent(directory: Path | str, which: Which = "best") -> Agent:
    """Return a run's agent with the initial weights of the run's seed.

    Parameters
    ----------
    directory : Path or str
        The run's folder.
    which : {"best", "last"}
        Whose config and normalisation of sensations it has: it senses what the trained
        one does, and differs in weights alone.

    Returns
    -------
    Agent
        Its areas are its probes.

    Raises
    ------
    CheckpointError
        If the run's config makes another network by now.
    """
    stored = load(directory, which)
    config, _ = as_compared(stored.config)
    model = _initial_model(stored.model, config)
    if model is None:
        raise CheckpointError(
            f"The initial network of '{directory}' cannot be made again: neither its "
            "config nor its plan makes a network with the weights of the checkpoint. "
            "It was trained with another version of atlasnet; train it again, or leave "
            "the untrained control out."
        )
    policy = config.policy
    n_actions = int(model.output["policy"].shape[-1])
    n_actions //= make_distribution(policy, 1).n_parameters
    return Agent.of(
        model,
        make_distribution(policy, n_actions),
        config.normalization,
        make_engine(),
        moments=stored.sensed,
        probes=area_layers(model),
    )


def _initial_model(trained: keras.Model, config: RunConfig) -> keras.Model | None:
    """Make the network that a run began with: as its config says, else by its plan."""
    wanted, spec = _weight_shapes(trained), spec_of(trained)
    with suppress(AngoraError):  # the atlas, or files that it named, may have changed
        ready = prepare(config)
        ready.task.close()
        if _weight_shapes(ready.model) == wanted:
            return ready.model
    if spec is not None:
        model = build_model(spec, seed=config.seed)
        if _weight_shapes(model) == wanted:
            return model
    return None


def run_attributes(directory: Path | str, which: Which = "best") -> dict[str, Any]:
    """Return what a recording notes of the run it is of.

    Parameters
    ----------
    directory : Path or str
        The run's folder.
    which : {"best", "last"}
        Which checkpoint.

    Returns
    -------
    dict
        ``run``, ``task``, ``which``, ``checkpoint``, ``config`` (YAML) and
        ``training_seed``.
    """
    config = read_config(directory, which)
    return {
        "run": str(directory),
        "task": config.task.name,
        "which": which,
        "checkpoint": mark_of(directory, which),
        "config": config.to_yaml(),
        "training_seed": config.seed,
    }


def _weight_shapes(model: keras.Model) -> list[tuple[str, tuple[int, ...]]]:
    """Return the name and shape of each weight, in order.

    What a layer stands in is left out: of models from a file Keras does not say it.
    """
    return [
        ("/".join(weight.path.split("/")[-2:]), tuple(weight.shape))
        for weight in model.weights
    ]
