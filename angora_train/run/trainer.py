# SPDX-License-Identifier: Apache-2.0
"""The training loop."""

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from angora_train.agent.agent import Agent
from angora_train.config.loading import load_config
from angora_train.config.run import RunConfig
from angora_train.engine import Engine, make_engine
from angora_train.errors import (
    AngoraError,
    CheckpointError,
    ConfigError,
    DivergenceError,
    InterruptedRunError,
)
from angora_train.learning.rollout import Collector, Rollout
from angora_train.ranks.comm import Comm, LocalComm
from angora_train.ranks.interruption import Interruption
from angora_train.ranks.roles import Roles
from angora_train.ranks.watchdog import Watchdog
from angora_train.run import checkpoint
from angora_train.run.lesson import make_lesson
from angora_train.run.lineage import require_same_stage
from angora_train.run.method import make_learner
from angora_train.run.metrics import MetricsWriter, summarize
from angora_train.run.preparation import prepare
from angora_train.run.schedule import next_learning_rate
from angora_train.run.state import Run, restore, save, start_from
from atlasnet import AtlasNetError
from atlasnet.files import replacing, write_text

__all__ = ["Report", "pin_to_core", "train"]

_log = logging.getLogger(__name__)

Report = Callable[[Mapping[str, Any]], None]
"""Is shown each cycle's metrics, on rank 0."""


def train(
    config: RunConfig | str | Path | Mapping[str, Any],
    comm: Comm | None = None,
    report: Report | None = None,
    resume: bool = False,
) -> Agent:
    """Train an agent; every rank calls this.

    Parameters
    ----------
    config : RunConfig, str, Path or mapping
        Everything that decides the result, or what :func:`load_config` reads it from:
        a preset, a YAML file, or the settings by name.
    comm : Comm, optional
        The ranks; by default this process alone.
    report : callable, optional
        Is shown each cycle's metrics, on rank 0.
    resume : bool
        Whether to go on from the checkpoint ``last`` in the run's folder, exactly
        where it was: two times five cycles give the weights of ten. Only the worlds
        of a task that cannot be saved begin new episodes; the log says so.

    Returns
    -------
    Agent
        With the weights of the last cycle.

    Raises
    ------
    ConfigError
        If the config cannot run: before any simulation starts.
    CheckpointError
        If there is no checkpoint to resume, one that would be overwritten, or none
        can be written.
    DivergenceError
        If a loss is not finite; the batch is saved in the run's folder.
    InterruptedRunError
        If a rank got SIGINT or SIGTERM: after the cycle, with a checkpoint.
    """
    if not isinstance(config, RunConfig):
        config = load_config(config)
    comm = LocalComm() if comm is None else comm
    with Watchdog(comm, config.ranks.stall_s) as watchdog, Interruption() as stop:
        with _nothing_left(config.directory, comm):
            run = _set_up(config, comm, resume, watchdog)
            writer = _begin(run) if comm.rank == 0 else None
            if not resume:  # so that even a run that is killed at once can be resumed
                save(run)
        signal = 0
        while run.cycle < config.n_cycles and not signal:
            metrics = _take_cycle(run)
            watchdog.beat()
            signal = stop.agreed(comm)
            if writer is not None:
                writer.write(metrics)
            is_last = run.cycle == config.n_cycles or signal
            if is_last or not run.cycle % config.save_every:
                save(run)
            if writer is not None and report is not None:
                report(metrics)
        if writer is not None:
            writer.close()
        if signal:
            raise _interrupted(run, signal)
    return run.agent


@contextmanager
def _nothing_left(directory: Path, comm: Comm) -> Iterator[None]:
    """Take away the folder of a run that is refused, if the run itself made it."""
    is_new = comm.rank == 0 and not directory.exists()
    try:
        yield
    except (AngoraError, AtlasNetError):
        if is_new:
            shutil.rmtree(directory, ignore_errors=True)
        raise


def _interrupted(run: Run, signal: int) -> InterruptedRunError:
    """Say where a run was interrupted, and how it goes on."""
    return InterruptedRunError(
        f"Interrupted after cycle {run.cycle} of {run.config.n_cycles}. The last "
        "checkpoint is whole. Go on with: angora-train resume "
        f"{run.config.directory}",
        signal,
    )


def _begin(run: Run) -> MetricsWriter:
    """Open the run's files."""
    directory = run.config.directory
    write_text(directory / "config.yaml", run.config.to_yaml())
    if run.task.unsaved and not run.cycle:
        _log.warning(
            "The worlds will begin new episodes where this run is resumed: %s.",
            run.task.unsaved,
        )
    return MetricsWriter(directory / "metrics.jsonl", run.cycle)


def _take_cycle(run: Run) -> dict[str, Any]:
    """Collect and learn once; return the metrics."""
    config, comm, ppo = run.config, run.comm, run.config.ppo
    run.learning_rate = next_learning_rate(
        config, run.cycle, run.learning_rate, run.learner.last_kl
    )
    run.task.set_progress(run.cycle / config.n_cycles)
    run.cycle += 1
    run.samples += ppo.horizon * config.n_worlds
    started, waited = time.perf_counter(), run.learner.waited_s
    cpu_s = time.process_time()
    rollout = run.collector.collect(run.cycle, ppo.horizon, ppo.chunk_length)
    collected = time.perf_counter()
    run.agent.normalizer.update(comm, rollout.raw)
    summary = summarize(
        comm, rollout.episodes, run.collector.terms, run.collector.facts
    )
    guided = _guided(run, rollout)
    run.learner.take(rollout)
    del rollout  # with several ranks, which have a copy, its memory serves updates
    metrics = _learn(run)
    if comm.rank == 0 and summary["rollout/episodes"]:
        run.recent.append((summary["rollout/return"], summary["rollout/episodes"]))
    diverged = np.array([getattr(run.task, "n_diverged", 0)], np.int64)
    if guided is not None:
        summary["rollout/guided"] = guided
    summary["rollout/diverged"] = float(comm.sum(diverged)[0])
    ended = time.perf_counter()
    spent_s = (
        collected - started,
        ended - collected,
        run.learner.waited_s - waited,
        time.process_time() - cpu_s,
    )
    return {
        "cycle": run.cycle,
        "samples": run.samples,
        **summary,
        **metrics,
        **_times(config, comm, spent_s),
    }


def _guided(run: Run, rollout: Rollout) -> float | None:
    """Return the share of all steps in which a guide acted; None without one."""
    if rollout.label is None:
        return None
    n = len(run.roles.worlds)
    return float(run.comm.sum(np.array([n * rollout.guided]))[0] / run.config.n_worlds)


def _learn(run: Run) -> dict[str, float]:
    """Update the weights; keep the batch if that fails."""
    try:
        return run.learner.improve(run.cycle, run.learning_rate)
    except DivergenceError as error:
        path = run.config.directory / f"diverged-rank{run.comm.rank}.npz"
        with replacing(path) as temporary:
            np.savez_compressed(temporary, allow_pickle=False, **error.batch)
        run.comm.barrier()  # every rank is here: the first to leave ends the job
        raise DivergenceError(
            f"{error} The last checkpoint is whole; this rank's batch is in '{path}'.",
            error.batch,
        ) from error


def _set_up(config: RunConfig, comm: Comm, resume: bool, watchdog: Watchdog) -> Run:
    """Check the config and make everything that a rank needs."""
    engine = make_engine()
    roles = Roles.of(config, comm, engine.n_gpus)
    engine.use(_gpu(comm, roles, engine))
    stored = _stored(config) if resume else None
    if stored is None:
        _refuse_overwriting(config.directory)
    lesson = make_lesson(config, engine)
    if lesson is not None:
        config = lesson.config
    ready = prepare(
        config,
        roles.worlds,
        stored=stored,
        directory=config.directory,
        task=None if lesson is None else lesson.task(roles.worlds),
        unread=() if lesson is None else lesson.unread,
    )
    task, agent = ready.task, ready.agent(engine)
    guide = None if lesson is None else lesson.guide(ready, roles.worlds)
    explorer, learner = make_learner(config, agent, task, comm, roles, watchdog.beat)
    cycle = 0 if stored is None else int(stored.progress["cycle"])
    run = Run(
        config,
        comm,
        roles,
        task,
        agent,
        Collector(
            task,
            agent,
            config.seed,
            roles.worlds.start,
            cycle,
            watchdog.beat,
            guide,
            explorer,
        ),
        learner,
        cycle=cycle,
    )
    if stored is not None:
        restore(run, stored)
    elif config.start is not None:
        start_from(run, checkpoint.load(config.start, "best"))
    else:
        warmed = run.collector.warm_up(config.normalization.warm_up_steps)
        agent.normalizer.update(comm, warmed)
    return run


def _gpu(comm: Comm, roles: Roles, engine: Engine) -> int | None:
    """Return the GPU of this rank; None for those that gather on a node with GPUs."""
    if not engine.n_gpus or comm.rank not in roles.node_learners:
        return None
    return roles.node_learners.index(comm.rank) % engine.n_gpus


def _stored(config: RunConfig) -> checkpoint.Checkpoint:
    """Return the checkpoint to go on from."""
    stored = checkpoint.load(config.directory, "last")
    require_same_stage(config, stored.config)
    if stored.progress["cycle"] >= config.n_cycles:
        raise ConfigError(
            f"The run has all its {config.n_cycles} cycles. Train longer with: "
            f"angora-train resume {config.directory} --set "
            f"n_cycles={2 * config.n_cycles}"
        )
    return stored


def _refuse_overwriting(directory: Path) -> None:
    """Refuse a folder that holds a run."""
    if (directory / "checkpoints" / "last").is_file():
        raise CheckpointError(
            f"'{directory}' holds a run already. Go on with: angora-train resume "
            f"{directory}. Or choose another folder: --set directory=FOLDER."
        )


def _times(
    config: RunConfig, comm: Comm, spent_s: tuple[float, float, float, float]
) -> dict[str, float]:
    """Return speeds in samples of all ranks per s, by the mean over ranks."""
    gathering, learning, waiting, cpu_s = comm.sum(np.array(spent_s)) / comm.size
    n_samples = config.ppo.horizon * config.n_worlds
    return {
        "time/gathering_s": float(gathering),
        "time/learning_s": float(learning),
        "time/communication_s": float(waiting),
        "time/cpu_s": float(cpu_s) * comm.size,
        "time/gathering_steps_per_s": n_samples / float(gathering),
        "time/steps_per_s": n_samples / float(gathering + learning),
    }


def pin_to_core(rank: int) -> None:
    """Run this process on one core, the rank-th of those it may use.

    Two pinned ranks with one thread each gather and learn a fifth faster than one
    rank with two threads.
    """
    if hasattr(os, "sched_setaffinity"):  # Linux
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[rank % len(allowed)]})
