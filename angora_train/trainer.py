# SPDX-License-Identifier: Apache-2.0
"""The training loop."""

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from angora_train import checkpoint
from angora_train.agent import Agent, check_model
from angora_train.comm import Comm
from angora_train.config import RunConfig
from angora_train.engine import make_engine
from angora_train.errors import CheckpointError, ConfigError, DivergenceError
from angora_train.learner import PPOLearner
from angora_train.metrics import MetricsWriter, summarize
from angora_train.network import make_network
from angora_train.normalization import make_normalizer, make_reward_scaler
from angora_train.rollout import Collector, Rollout
from angora_train.tasks.base import Task
from angora_train.tasks.registry import make_vector_task
from atlasnet.files import replacing, write_text

__all__ = ["Report", "learning_rate", "pin_to_core", "train"]

Report = Callable[[Mapping[str, Any]], None]
"""Is shown each cycle's metrics, on rank 0."""


@dataclass
class _Run:
    """Everything of a run on this rank."""

    config: RunConfig
    comm: Comm
    agent: Agent
    collector: Collector
    learner: PPOLearner
    cycle: int = 0
    best_return: float = -math.inf
    recent: list[tuple[float, float]] = field(default_factory=list)
    """Mean return and number of the episodes of each cycle since the last save."""


def train(
    config: RunConfig,
    comm: Comm,
    report: Report | None = None,
    resume: bool = False,
) -> Agent:
    """Train an agent; every rank calls this.

    Parameters
    ----------
    config : RunConfig
        Everything that decides the result.
    comm : Comm
        The ranks.
    report : callable, optional
        Is shown each cycle's metrics, on rank 0.
    resume : bool
        Whether to go on from the checkpoint ``last`` in the run's folder. Weights,
        optimizer, normalisation and the noise of actions and minibatches go on as
        they were; the worlds begin new episodes.

    Returns
    -------
    Agent
        With the weights of the last cycle.

    Raises
    ------
    ConfigError
        If the config cannot run: before any simulation starts.
    CheckpointError
        If there is no checkpoint to resume, or one that would be overwritten.
    DivergenceError
        If a loss is not finite; the batch is saved in the run's folder.
    """
    run = _set_up(config, comm, resume)
    ppo = config.ppo
    is_first_rank = comm.rank == 0
    if is_first_rank:
        write_text(config.directory / "config.yaml", config.to_yaml())
        writer = MetricsWriter(config.directory / "metrics.jsonl", run.cycle)
        if not resume:  # so that even a run stopped at once can be resumed
            _save(run)
    while run.cycle < config.n_cycles:
        run.cycle += 1
        started = time.perf_counter()
        rollout = run.collector.collect(run.cycle, ppo.horizon, ppo.chunk_length)
        collected = time.perf_counter()
        metrics = _learn(run, rollout)
        run.agent.normalizer.update(comm, rollout.raw)
        metrics = {
            "cycle": run.cycle,
            "samples": run.cycle * ppo.horizon * config.n_worlds,
            **summarize(
                comm, rollout.episodes, run.collector.terms, run.collector.facts
            ),
            **metrics,
            **_times(config, comm, started, collected),
        }
        if is_first_rank:
            writer.write(metrics)
            if metrics["rollout/episodes"]:
                run.recent.append(
                    (metrics["rollout/return"], metrics["rollout/episodes"])
                )
            if not run.cycle % config.save_every or run.cycle == config.n_cycles:
                _save(run)
            if report is not None:
                report(metrics)
    return run.agent


def _learn(run: _Run, rollout: Rollout) -> dict[str, float]:
    """Update the weights; keep the batch if that fails."""
    rate = learning_rate(run.config, run.cycle)
    try:
        return run.learner.update(rollout, run.cycle, rate)
    except DivergenceError as error:
        path = run.config.directory / f"diverged-rank{run.comm.rank}.npz"
        with replacing(path) as temporary:
            np.savez_compressed(temporary, allow_pickle=False, **error.batch)
        run.comm.barrier()  # every rank is here: the first to leave ends the job
        raise DivergenceError(
            f"{error} The last checkpoint is whole; this rank's batch is in '{path}'.",
            error.batch,
        ) from error


def learning_rate(config: RunConfig, cycle: int) -> float:
    """Return the step size of a cycle, from 1: linear from the first to the last."""
    ppo = config.ppo
    progress = (cycle - 1) / max(1, config.n_cycles - 1)
    return ppo.learning_rate + progress * (ppo.final_learning_rate - ppo.learning_rate)


def _set_up(config: RunConfig, comm: Comm, resume: bool) -> _Run:
    """Check the config and make everything that a rank needs."""
    n_worlds, first_world = _share(config, comm)
    engine = make_engine()
    task = make_vector_task(
        config.task.name,
        config.task.options,
        n_worlds=n_worlds,
        first_world=first_world,
    )
    _check_bins(config, task)
    stored = _stored(config, resume)
    sizes = _sizes(task)
    distribution = checkpoint.make_distribution(config, _n_actions(task))
    if stored is None:
        model = make_network(
            config.network,
            sizes,
            distribution.n_parameters,
            control_step_s=task.control_step_s,
            seed=config.seed,
            directory=config.directory if comm.rank == 0 else None,
        )
    else:
        model = stored.model
    check_model(model, sizes, distribution)
    read = {tensor.name: sizes[tensor.name] for tensor in model.inputs}
    normalizer = make_normalizer(
        config.normalization.sensations, read, config.normalization.sensation_clip
    )
    agent = Agent(model, distribution, normalizer, engine)
    scaler = make_reward_scaler(
        config.normalization.reward, n_worlds, config.ppo.discount
    )
    learner = PPOLearner(
        agent,
        config.ppo,
        comm,
        reward_normalizer=scaler,
        seed=config.seed,
        n_worlds=n_worlds,
        first_world=first_world,
    )
    cycle = 0 if stored is None else int(stored.progress["cycle"])
    run = _Run(
        config,
        comm,
        agent,
        Collector(task, agent, config.seed, first_world, cycle),
        learner,
        cycle=cycle,
    )
    if stored is None:
        normalizer.update(
            comm, run.collector.warm_up(config.normalization.warm_up_steps)
        )
    else:
        _restore(run, stored)
    return run


def _stored(config: RunConfig, resume: bool) -> checkpoint.Checkpoint | None:
    """Return the checkpoint to go on from; refuse to overwrite one."""
    if resume:
        stored = checkpoint.load(config.directory, "last")
        if stored.progress["cycle"] >= config.n_cycles:
            raise ConfigError(
                f"The run has all its {config.n_cycles} cycles. Train longer with: "
                f"angora-train resume {config.directory} --set "
                f"n_cycles={2 * config.n_cycles}"
            )
        return stored
    try:
        config.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"Cannot write to '{config.directory}': {error.strerror}. Choose another "
            "folder: --set directory=FOLDER."
        ) from error
    if (config.directory / "checkpoints" / "last").is_file():
        raise CheckpointError(
            f"'{config.directory}' holds a run already. Go on with: angora-train "
            f"resume {config.directory}. Or choose another folder: --set "
            "directory=FOLDER."
        )
    return None


def _restore(run: _Run, stored: checkpoint.Checkpoint) -> None:
    """Take optimizer, normalisation and progress from a checkpoint."""
    variables = run.learner.optimizer.variables
    needed = [tuple(variable.shape) for variable in variables]
    if needed != [value.shape for value in stored.optimizer.values()]:
        raise CheckpointError(
            f"The checkpoint's optimizer does not fit the network's weights "
            f"({len(stored.optimizer)} arrays, {len(needed)} needed): it belongs to "
            "another network."
        )
    for variable, value in zip(variables, stored.optimizer.values(), strict=True):
        variable.assign(value)
    run.agent.normalizer.restore(stored.moments)
    if run.learner.reward_normalizer is not None:
        run.learner.reward_normalizer.restore(stored.moments)
    best = stored.progress["best_return"]
    run.best_return = -math.inf if best is None else float(best)


def _share(config: RunConfig, comm: Comm) -> tuple[int, int]:
    """Return how many worlds this rank has and the index of its first."""
    if config.n_worlds % comm.size:
        raise ConfigError(
            f"n_worlds must be a multiple of the number of ranks, got "
            f"{config.n_worlds} worlds for {comm.size} ranks. The nearest is "
            f"{max(1, round(config.n_worlds / comm.size)) * comm.size}."
        )
    n_worlds = config.n_worlds // comm.size
    return n_worlds, comm.rank * n_worlds


def _check_bins(config: RunConfig, task: Task) -> None:
    """Refuse a policy that cannot choose every action of a task."""
    if task.n_bins not in {None, config.policy.n_bins}:
        raise ConfigError(
            f"The actions of task '{config.task.name}' are choices among {task.n_bins}:"
            f" policy.n_bins must be {task.n_bins}, got {config.policy.n_bins}."
        )


def _sizes(task: Task) -> dict[str, int]:
    """Return the width of each sensation of a task."""
    space: Any = task.single_observation_space
    return {name: int(np.prod(box.shape)) for name, box in space.spaces.items()}


def _n_actions(task: Task) -> int:
    """Return the number of a task's actuators."""
    shape = task.single_action_space.shape
    return int(np.prod(shape)) if shape else 1


def _times(
    config: RunConfig, comm: Comm, started: float, collected: float
) -> dict[str, float]:
    """Return speeds in samples of all ranks per s, by the mean over ranks."""
    ended = time.perf_counter()
    gathering, learning = (
        comm.sum(np.array([collected - started, ended - collected])) / comm.size
    )
    n_samples = config.ppo.horizon * config.n_worlds
    return {
        "time/gathering_s": float(gathering),
        "time/learning_s": float(learning),
        "time/gathering_steps_per_s": n_samples / float(gathering),
        "time/steps_per_s": n_samples / float(gathering + learning),
    }


def _save(run: _Run) -> None:
    """Write a checkpoint; rank 0 only."""
    config = run.config
    score = -math.inf
    if run.recent:
        returns, counts = np.array(run.recent).T
        score = float(np.average(returns, weights=counts))
    run.recent.clear()
    is_best = score >= run.best_return  # without any episode, the latest is best
    if is_best:
        run.best_return = score
    moments = run.agent.normalizer.state()
    if run.learner.reward_normalizer is not None:
        moments |= run.learner.reward_normalizer.state()
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
            "samples": run.cycle * config.ppo.horizon * config.n_worlds,
            "best_return": best,
            "seed": config.seed,
        },
    )
    checkpoint.save(
        config.directory, stored, ("last", "best") if is_best else ("last",)
    )


def pin_to_core(rank: int) -> None:
    """Run this process on one core, the rank-th of those it may use.

    Two pinned ranks with one thread each gather and learn a fifth faster than one
    rank with two threads.
    """
    if hasattr(os, "sched_setaffinity"):  # Linux
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[rank % len(allowed)]})
