# SPDX-License-Identifier: Apache-2.0
"""Plan: what a run would do, said before it is done."""

from typing import Any

import keras
import numpy as np

from angora_train.agent.agent import without_frozen_streams
from angora_train.agent.normalization import make_normalizer, make_reward_scaler
from angora_train.config.run import RunConfig
from angora_train.engine import make_engine
from angora_train.errors import ConfigError
from angora_train.learning.minibatches import Geometry
from angora_train.ranks.roles import learning_ranks, require_chunks, share_of_worlds
from angora_train.run import checkpoint
from angora_train.run.lesson import make_lesson
from angora_train.run.preparation import Prepared, prepare
from angora_train.run.state import require_same
from angora_train.tasks.saving import save_worlds

__all__ = ["describe"]

_FLOAT_BYTES = 4


def describe(config: RunConfig, n_ranks: int, n_nodes: int) -> dict[str, Any]:
    """Say what a run would do on a given machine.

    The task is made with one world and the network is built, so that whatever would
    stop the run from starting stops this.

    Parameters
    ----------
    config : RunConfig
        The run.
    n_ranks, n_nodes : int
        MPI ranks, and the nodes that they are spread over evenly.

    Returns
    -------
    dict of str to int or str
        Numbers by what they are.

    Raises
    ------
    ConfigError
        If the run could not start.
    """
    if n_ranks % n_nodes:
        raise ConfigError(
            f"{n_ranks} ranks cannot be spread evenly over {n_nodes} nodes. The "
            f"nearest is {max(1, round(n_ranks / n_nodes)) * n_nodes}."
        )
    per_node = n_ranks // n_nodes
    learners = learning_ranks(
        [range(i * per_node, (i + 1) * per_node) for i in range(n_nodes)],
        config.ranks.gpus_per_node or 0,
        config.ranks.n_optimizers,
    )
    geometry = Geometry.of(config)
    require_chunks(len(learners), config.ppo)
    worlds = share_of_worlds(config.n_worlds, n_ranks, 0)
    ready = _prepared(config)
    _try_out(ready)
    ready.task.close()
    step_s = ready.task.control_step_s
    n_bytes = config.ppo.horizon * len(worlds) * _kept_bytes(ready.model)
    return {
        **geometry.describe(len(learners)),
        "worlds of a rank": len(worlds),
        "control step, ms": round(1000 * step_s),
        "simulated time of a cycle, h": round(geometry.n_steps * step_s / 3600, 2),
        "cycles": config.n_cycles,
        "control steps in all": geometry.n_steps * config.n_cycles,
        "weights": ready.model.count_params(),
        "sensations of a rank in a cycle, MB": round(n_bytes / 1e6),
    }


def _prepared(config: RunConfig) -> Prepared:
    """Prepare a run with one world, its teacher and what it begins with, too."""
    lesson = make_lesson(config, make_engine())
    one = range(1)
    if lesson is None:
        ready = prepare(config, one)
    else:
        worlds = lesson.task(one)
        ready = prepare(lesson.config, one, task=worlds, unread=lesson.unread)
        lesson.guide(ready, one)
    if config.start is not None:
        require_same(config, ready.model, checkpoint.load(config.start, "best"))
    return ready


def _try_out(ready: Prepared) -> None:
    """Make and save what a run makes and saves before its first cycle."""
    normalization, task = ready.config.normalization, ready.task
    sizes = {
        n: shape[0] for n, shape in task.sensation_shapes.items() if len(shape) < 2
    }
    make_normalizer(normalization.sensations, sizes, normalization.sensation_clip)
    make_reward_scaler(normalization.reward, task.num_envs, ready.config.ppo.discount)
    task.reset(seed=ready.config.seed)
    save_worlds(task)


def _kept_bytes(model: keras.Model) -> int:
    """Return what is kept of one control step: features for what streams stand for."""
    rest, _ = without_frozen_streams(model)
    return sum(
        int(np.prod(tensor.shape[2:])) * (1 if len(tensor.shape) > 3 else _FLOAT_BYTES)
        for tensor in rest.inputs
    )
