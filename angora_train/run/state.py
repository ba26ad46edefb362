# SPDX-License-Identifier: Apache-2.0
"""Run: everything of a run on this rank, to checkpoints and from them."""

import io
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from angora_train.agent.agent import Agent
from angora_train.agent.normalization import RewardNormalizer, RunningMoments
from angora_train.config.run import RunConfig
from angora_train.errors import CheckpointError, ConfigError
from angora_train.hindsight.learner import HindsightLearner
from angora_train.learning.learner import Learner
from angora_train.learning.rollout import Collector
from angora_train.ranks.comm import Comm
from angora_train.ranks.roles import Roles
from angora_train.run import checkpoint
from angora_train.run.lineage import Stage, as_data, stages_of
from angora_train.tasks.task import Task

__all__ = ["Run", "require_same", "restore", "save", "start_from"]

_log = logging.getLogger(__name__)

_TARGETS = "target"
"""Name of the moments of the value targets, for the scaling of advantages."""
_REPLAY = "replay/"
"""Begins the names of what is remembered of steps."""
_RETURNS = "returns"
"""Name of the discounted returns that are under way, for the scaling of rewards."""


@dataclass
class Run:
    """Everything of a run on this rank."""

    config: RunConfig
    comm: Comm
    roles: Roles
    task: Task
    agent: Agent
    collector: Collector
    learner: Learner | HindsightLearner
    cycle: int = 0
    samples: int = 0
    learning_rate: float = 0.0
    best_return: float = -math.inf
    recent: list[tuple[float, float]] = field(default_factory=list)
    """Mean return and number of the episodes of each cycle since the last save."""
    before: tuple[Stage, ...] = ()
    """Stages of the agent before this run."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages of the agent, this run the last of them."""
        return (*self.before, Stage.of(self.config, self.cycle, self.samples))


def restore(run: Run, stored: checkpoint.Checkpoint) -> None:
    """Take optimizer, normalisation, worlds and progress from a checkpoint."""
    learner = run.learner
    variables = learner.optimizer.variables
    needed = [tuple(variable.shape) for variable in variables]
    if needed and not stored.optimizer:
        raise CheckpointError(
            "The checkpoint has no optimizer.npz, so that training cannot go on from "
            "it. It can be evaluated, distilled from, and begun with: "
            "--set start=FOLDER."
        )
    if needed != [value.shape for value in stored.optimizer.values()]:
        raise CheckpointError(
            f"The checkpoint's optimizer does not fit the network's weights "
            f"({len(stored.optimizer)} arrays, {len(needed)} needed): it belongs to "
            "another network."
        )
    for variable, value in zip(variables, stored.optimizer.values(), strict=True):
        variable.assign(value)
    _restore_scales(run, stored)
    reason = run.collector.why_anew(stored.worlds, run.config.n_worlds)
    if not reason:
        _restore_worlds(run, stored.worlds)
    elif run.comm.rank == 0:
        _log.warning("The worlds begin new episodes: %s.", reason)
    progress = stored.progress
    run.before = stages_of(progress, stored.config)[:-1]
    best = progress["best_return"]
    n_samples = run.cycle * run.config.ppo.horizon * run.config.n_worlds
    run.samples = int(progress.get("samples", n_samples))
    run.best_return = -math.inf if best is None else float(best)
    run.learning_rate = float(progress.get("learning_rate", 0.0))
    learner.last_kl = float(progress.get("kl", 0.0))


def _restore_scales(run: Run, stored: checkpoint.Checkpoint) -> None:
    """Take what rewards and values are scaled by."""
    learner = run.learner
    for part in (learner.reward_normalizer, learner.value_normalizer):
        if part is not None:
            part.restore(stored.moments)
    if _TARGETS in stored.moments:
        learner.targets = RunningMoments.from_array(stored.moments[_TARGETS])


def start_from(run: Run, stored: checkpoint.Checkpoint) -> None:
    """Begin a new run with the weights and the normalisation of another.

    Parameters
    ----------
    run : Run
        The new run.
    stored : Checkpoint
        Of the other one.

    Raises
    ------
    ConfigError
        If the network, the policy or the normalisation is another.
    """
    require_same(run.config, run.agent.model, stored)
    theirs, ours = _weights(stored.model), _weights(run.agent.model)
    for place, weight in ours.items():
        weight.assign(theirs[place])
    run.agent.normalizer.restore(stored.sensed)
    if stored.config.ppo.value_coef:  # else nobody knew the rewards, or their value
        _restore_scales(run, stored)
    run.before = stages_of(stored.progress, stored.config)


def require_same(
    config: RunConfig, model: keras.Model, stored: checkpoint.Checkpoint
) -> None:
    """Refuse a checkpoint that a run cannot begin with.

    Parameters
    ----------
    config : RunConfig
        Of the run.
    model : keras.Model
        Its network.
    stored : Checkpoint
        Of another run.

    Raises
    ------
    ConfigError
        If the network, the policy or the normalisation is another.
    """
    _require_same_use(config, stored.config)
    theirs, ours = _weights(stored.model), _weights(model)
    for place in (*ours, *theirs):
        found = [weights.get(place) for weights in (ours, theirs)]
        one, other = ("none" if x is None else tuple(x.shape) for x in found)
        if one != other:
            path = next(x.path for x in found if x is not None)
            raise ConfigError(
                f"start: '{config.start}' is of another network: of the weights "
                f"'{path}' it has {other}, this run's has {one}. Give the sections "
                "network, policy and task.options as in its config.yaml; parts of a "
                "network are taken over with network.pretrained."
            )


def _weights(model: keras.Model) -> dict[tuple[str, int, str], Any]:
    """Return a network's weights by layer, place in it, and name.

    Their paths would not do: they tell whether a network was built or loaded, too.
    """
    return {
        (layer.name, i, weight.name): weight
        for layer in model.layers
        for i, weight in enumerate(layer.weights)
    }


def _require_same_use(config: RunConfig, stored: RunConfig) -> None:
    """Refuse weights that were learned for something else than they would be used."""
    scales = ("sensations", "sensation_clip", "reward", "value")
    for section, keys in (
        ("policy", ("distribution", "n_bins", "spread_depends_on_state")),
        ("normalization", scales),
    ):
        for key in keys:
            one, other = (getattr(getattr(x, section), key) for x in (config, stored))
            if one != other:
                raise ConfigError(
                    f"start: '{config.start}' has {section}.{key} {other}, this run "
                    f"{one}. They must be the same: set {section}.{key}={other}."
                )


def _restore_worlds(run: Run, worlds: Mapping[str, NDArray[Any]]) -> None:
    """Take this rank's worlds back to where they were."""
    rows = slice(run.roles.worlds.start, run.roles.worlds.stop)
    own = {name: x[rows] for name, x in worlds.items()}
    held = {n.removeprefix(_REPLAY): own.pop(n) for n in list(own) if _REPLAY in n}
    if isinstance(run.learner, HindsightLearner):
        run.learner.restore_worlds(held)
    returns = own.pop(_RETURNS, None)
    scaler = run.learner.reward_normalizer
    if returns is not None and isinstance(scaler, RewardNormalizer):
        scaler.returns = returns
    run.collector.restore(own)


def save(run: Run) -> None:
    """Write a checkpoint: every rank gives its worlds, rank 0 writes."""
    worlds = _gathered_worlds(run)
    if run.comm.rank == 0:
        _write(run, worlds)


def _gathered_worlds(run: Run) -> dict[str, NDArray[Any]]:
    """Return where the worlds of all ranks are, on rank 0."""
    own = run.collector.worlds()
    buffer = io.BytesIO()
    if own is not None:
        scaler = run.learner.reward_normalizer
        if isinstance(scaler, RewardNormalizer):
            own[_RETURNS] = scaler.returns
        if isinstance(run.learner, HindsightLearner):
            held = run.learner.worlds()
            own |= {f"{_REPLAY}{name}": x for name, x in held.items()}
        np.savez(buffer, allow_pickle=False, **own)
    parts = [data for data in run.comm.collect(buffer.getvalue()) if data]
    if not parts:
        return {}
    read = [np.load(io.BytesIO(data), allow_pickle=False) for data in parts]
    return {
        name: np.concatenate([part[name] for part in read]) for name in read[0].files
    }


def _write(run: Run, worlds: dict[str, NDArray[Any]]) -> None:
    """Write a checkpoint."""
    config = run.config
    score = -math.inf
    if run.recent:
        returns, counts = np.array(run.recent).T
        score = float(np.average(returns, weights=counts))
    run.recent.clear()
    is_best = score >= run.best_return  # without any episode, the latest is best
    if is_best:
        run.best_return = score
    moments = checkpoint.Checkpoint.named(run.agent.normalizer.state())
    for part in (run.learner.reward_normalizer, run.learner.value_normalizer):
        if part is not None:
            moments |= part.state()
    moments[_TARGETS] = run.learner.targets.to_array()
    best = run.best_return if math.isfinite(run.best_return) else None
    stored = checkpoint.Checkpoint(
        model=run.agent.model,
        config=config,
        optimizer={
            f"{i:04d}": np.asarray(variable)
            for i, variable in enumerate(run.learner.optimizer.variables)
        },
        moments=moments,
        progress={
            "cycle": run.cycle,
            "samples": run.samples,
            "best_return": best,
            "seed": config.seed,
            "learning_rate": run.learning_rate,
            "kl": run.learner.last_kl,
            "stages": as_data(run.stages),
        },
        worlds=worlds,
    )
    checkpoint.save(
        config.directory,
        stored,
        ("last", "best") if is_best else ("last",),
        config.n_kept,
    )
