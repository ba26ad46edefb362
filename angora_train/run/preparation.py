# SPDX-License-Identifier: Apache-2.0
"""Preparation: from a config to a task, a family of policies and a network that fit."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from numpy.typing import NDArray

from angora_train.agent.agent import Agent, check_model, without_frozen_streams
from angora_train.agent.distributions import Distribution, make_distribution
from angora_train.agent.steps import require_same_by_step
from angora_train.config.run import RunConfig
from angora_train.engine import Engine, make_engine
from angora_train.errors import ConfigError
from angora_train.networks.make import make_network
from angora_train.run.checkpoint import Checkpoint
from angora_train.tasks.base import Task
from angora_train.tasks.registry import make_vector_task
from atlasnet import Intervention, intervene

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """What a run acts with, each part checked against the others.

    Attributes
    ----------
    config : RunConfig
        What it was made from.
    task : Task
        The worlds.
    distribution : Distribution
        Family of the policy.
    model : keras.Model
        The network, new or of a checkpoint.
    moments : mapping of str to ndarray of float64, or None
        The checkpoint's normalisation; None for a new network.
    """

    config: RunConfig
    task: Task
    distribution: Distribution
    model: keras.Model
    moments: Mapping[str, NDArray[Any]] | None = None

    def agent(
        self, engine: Engine | None = None, probes: Mapping[str, str] | None = None
    ) -> Agent:
        """Make the agent.

        Parameters
        ----------
        engine : Engine, optional
            Compiles the policy step; by default that of Keras' backend.
        probes : mapping of str to str, optional
            Layers to read at every step; see :class:`angora_train.Agent`.

        Returns
        -------
        Agent
            With the checkpoint's normalisation, or that before a first sample.
        """
        return Agent.of(
            self.model,
            self.distribution,
            self.config.normalization,
            engine or make_engine(),
            moments=self.moments,
            probes=probes,
        )


def prepare(
    config: RunConfig,
    worlds: range = range(1),
    *,
    n_threads: int = 1,
    stored: Checkpoint | None = None,
    interventions: Sequence[Intervention] = (),
    directory: Path | None = None,
    task: Task | None = None,
    unread: Collection[str] = (),
) -> Prepared:
    """Make task, family of policies and network, and check that they fit.

    Parameters
    ----------
    config : RunConfig
        The run.
    worlds : range
        The worlds to make, counted over all processes.
    n_threads : int
        Threads that share their physics.
    stored : Checkpoint, optional
        Holds the network and its normalisation; by default a new one is made.
    interventions : sequence of Intervention
        Lesions, clamps and noise; see `atlasnet.Lesion`.
    directory : Path, optional
        Made if it is missing. Who has world 0 writes there where a new network came
        from, ``graph.json`` and ``network.json``.
    task : Task, optional
        The worlds, if they are made already.
    unread : collection of str
        Sensations of theirs that the network does not get to read.

    Returns
    -------
    Prepared
        All that acts.

    Raises
    ------
    TaskError
        If the task or an option of it is unknown or not allowed.
    ConfigError
        If the policy cannot choose the task's actions, the network cannot be made or
        does not fit the two, a model from a file does something else in a
        sequence than step by step, or the folder cannot be written to.

    Examples
    --------
    >>> from angora_train import load_config
    >>> changes = ["network.architecture=simple", "policy.distribution=gaussian"]
    >>> ready = prepare(load_config("reach", changes), range(2))
    >>> ready.task.num_envs, ready.distribution.n_parameters
    (2, 40)
    """
    if task is None:
        task = make_vector_task(
            config.task.name,
            config.task.options,
            n_worlds=len(worlds),
            first_world=worlds.start,
            n_threads=n_threads,
        )
    shapes = {n: x for n, x in task.sensation_shapes.items() if n not in unread}
    _require_bins(config, task)
    distribution = make_distribution(config.policy, task.n_actions)
    if directory is not None:
        _make_folder(directory)
    if stored is None:
        model = make_network(
            config.network,
            config.policy,
            shapes,
            distribution,
            control_step_s=task.control_step_s,
            seed=config.seed,
            directory=None if worlds.start else directory,
        )
    else:
        model = stored.model
    check_model(model, shapes, distribution)
    if stored is None and _holds_layers_of_others(config):
        learned, _ = without_frozen_streams(model)
        require_same_by_step(learned, config.ppo.chunk_length)
    if interventions:
        model = intervene(model, interventions)
    moments = None if stored is None else stored.sensed
    return Prepared(config, task, distribution, model, moments)


def _holds_layers_of_others(config: RunConfig) -> bool:
    """Whether a network is more than what this project builds, and tests."""
    return bool(config.network.streams) or config.network.path is not None


def _require_bins(config: RunConfig, task: Task) -> None:
    """Refuse a policy that cannot choose every action of a task."""
    policy = config.policy
    if task.n_bins is None or ":" in policy.distribution:  # a class of the user's own
        return
    told = f"The actions of task '{config.task.name}' are choices among {task.n_bins}"
    if "categorical" not in policy.distribution:
        raise ConfigError(
            f"{told}: policy.distribution must be multi_categorical or categorical "
            f"with policy.n_bins={task.n_bins}, got '{policy.distribution}'."
        )
    if policy.n_bins != task.n_bins:
        raise ConfigError(
            f"{told}: policy.n_bins must be {task.n_bins}, got {policy.n_bins}."
        )


def _make_folder(directory: Path) -> None:
    """Make the folder of a run."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"Cannot write to '{directory}': {error.strerror}. Choose another "
            "folder: --set directory=FOLDER."
        ) from error
