# SPDX-License-Identifier: Apache-2.0
"""Runs: the agents of a run's folder, as they are recorded."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras

from angora_train.agent.agent import Agent
from angora_train.agent.distributions import make_distribution
from angora_train.analysis.recording.record import area_layers
from angora_train.config.run import RunConfig
from angora_train.engine import make_engine
from angora_train.errors import AngoraError, CheckpointError
from angora_train.run.checkpoint import Which, load, mark_of, read_config
from angora_train.run.compared import as_compared
from angora_train.run.preparation import Prepared, prepare
from atlasnet import Intervention, build_model, spec_of

__all__ = ["run_attributes", "trained", "untrained_agent"]


def trained(
    directory: Path | str,
    which: Which = "best",
    *,
    n_worlds: int = 1,
    interventions: Sequence[Intervention] = (),
) -> Prepared:
    """Return a run's trained network and worlds of its task, as they are compared.

    Parameters
    ----------
    directory : Path or str
        The run's folder.
    which : {"best", "last"}
        Which checkpoint.
    n_worlds : int
        How many worlds.
    interventions : sequence of Intervention
        Lesions, clamps and noise.

    Returns
    -------
    Prepared
        Without what was for training alone.
    """
    config, _ = as_compared(read_config(directory, which))
    ready = prepare(
        config,
        range(n_worlds),
        stored=load(directory, which),
        interventions=interventions,
    )
    ready.task.set_progress(1.0)
    return ready


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
        "interventions": "[]",
        "perturbations": "[]",
    }


def _weight_shapes(model: keras.Model) -> list[tuple[str, tuple[int, ...]]]:
    """Return the name and shape of each weight, in order.

    What a layer stands in is left out: of models from a file Keras does not say it.
    """
    return [
        ("/".join(weight.path.split("/")[-2:]), tuple(weight.shape))
        for weight in model.weights
    ]
