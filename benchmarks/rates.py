# SPDX-License-Identifier: Apache-2.0
"""Rates of what training consists of: a process that `training` starts, not a script.

``python rates.py parts|products ROUNDS [--set KEY=VALUE ...]`` prints one JSON object
on the first rank: lists with one number a round.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from repeated import Physics, Record

PRESET = "paper"
N_WARM_UP = 64
"""Control steps before what is recorded."""
N_POLICY_STEPS = 100
N_MESSAGES = 5
N_SIDE = 2048
"""Rows and columns of the matrices that are multiplied."""


def measure_parts(overrides: Sequence[str], n_rounds: int) -> dict[str, Any]:
    """Rates of physics, policy and update, all ranks at once, and of a message.

    Parameters
    ----------
    overrides : sequence of str
        Changes of the preset; worlds and minibatch are those of one rank.
    n_rounds : int
        Rounds that count; one more compiles.

    Returns
    -------
    dict
        ``physics``, ``policy``, ``update``: samples of all ranks per second, the
        slowest rank's time; ``message_s``: an all-reduce of the gradient.
    """
    import numpy as np

    from angora_train.ranks.comm import make_comm
    from angora_train.run.trainer import pin_to_core

    comm = make_comm()
    if comm.size > 1:
        pin_to_core(comm.rank)
    rank = _Rank(overrides, comm.rank)
    gradient = np.ones(rank.n_weights, np.float32)

    def message() -> float:
        start = time.perf_counter()
        for _ in range(N_MESSAGES):
            comm.sum(gradient)
        return (time.perf_counter() - start) / N_MESSAGES

    works: dict[str, Callable[[], float]] = {
        "physics": rank.step_physics,
        "policy": rank.act,
        "update": rank.update,
        "message_s": message,
    }
    rounds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(n_rounds + 1):
        for name, work in works.items():
            comm.barrier()
            rounds[name].append(float(comm.gather(np.array([work()])).max()))
    n_samples = {
        "physics": rank.n_samples,
        "policy": N_POLICY_STEPS * rank.n_worlds,
        "update": rank.n_samples,
    }
    rates = {
        name: [comm.size * n / seconds for seconds in rounds[name][1:]]
        for name, n in n_samples.items()
    }
    return {**rates, "message_s": rounds["message_s"][1:]} if comm.rank == 0 else {}


def measure_products(overrides: Sequence[str], n_rounds: int) -> dict[str, Any]:
    """Operations per second of updates and of matrix products, in turn, on one core.

    Parameters
    ----------
    overrides : sequence of str
        Changes of the preset.
    n_rounds : int
        Rounds that count; one more compiles.

    Returns
    -------
    dict
        ``update`` and ``sgemm``: FLOP/s; ``flop_per_sample``: of an update.
    """
    import keras
    import numpy as np

    from angora_train.run.trainer import pin_to_core

    pin_to_core(0)
    rank = _Rank(overrides, 0)
    rng = np.random.default_rng(0)
    factors = [
        keras.ops.convert_to_tensor(rng.standard_normal((N_SIDE, N_SIDE), np.float32))
        for _ in range(2)
    ]

    def multiply() -> float:
        start = time.perf_counter()
        product = keras.ops.matmul(*factors)
        keras.ops.convert_to_numpy(product[:1, :1])  # it is there
        return time.perf_counter() - start

    n_flop = flop_per_sample(rank.agent.model)
    update, sgemm = [], []
    for _ in range(n_rounds + 1):
        update.append(n_flop * rank.n_samples / rank.update())
        sgemm.append(2.0 * N_SIDE**3 / min(multiply() for _ in range(3)))
    return {"update": update[1:], "sgemm": sgemm[1:], "flop_per_sample": n_flop}


def flop_per_sample(model: Any) -> float:
    """Return the operations of the matrix products of an update, a sample.

    Two for each weight of a matrix forward, two for its own gradient and two for that
    of its input; the last falls away where the input is a sensation.

    Parameters
    ----------
    model : keras.Model
        A plain architecture, without pixels.

    Returns
    -------
    float
        FLOP.
    """
    total = 0.0
    for layer in model.layers:
        n_weights = sum(math.prod(w.shape) for w in layer.weights if _is_factor(w))
        reads_sensations = layer.name.endswith("_1")
        total += (4.0 if reads_sensations else 6.0) * n_weights
    return total


def _is_factor(weight: Any) -> bool:
    """Whether a weight is multiplied with, rather than added; some biases are 2-D."""
    return "kernel" in weight.name


class _Rank:
    """Worlds, agent and learner of one rank, each part of which can be timed."""

    def __init__(self, overrides: Sequence[str], number: int) -> None:
        import numpy as np

        from angora_train.config.loading import load_config
        from angora_train.engine import make_engine
        from angora_train.learning.learner import Learner
        from angora_train.learning.rollout import Collector
        from angora_train.ranks.comm import LocalComm
        from angora_train.ranks.roles import Roles
        from angora_train.run.preparation import prepare

        config = load_config(PRESET, overrides)
        self.n_worlds = config.n_worlds
        self.n_samples = config.n_worlds * config.ppo.horizon
        self._engine = _TimedEngine(make_engine())
        first_world = number * config.n_worlds
        ready = prepare(config, range(first_world, first_world + config.n_worlds))
        task: Any = ready.task
        self.agent = ready.agent(self._engine)
        self.n_weights = ready.model.count_params()
        alone = LocalComm()
        roles = Roles.of(config, alone, 0)
        self._learner = Learner(self.agent, config, alone, roles)
        collector = Collector(task, self.agent, config.seed, first_world)
        collector.collect(1, N_WARM_UP, config.ppo.chunk_length)
        record = Record(task)
        self._rollout = collector.collect(
            2, config.ppo.horizon, config.ppo.chunk_length
        )
        self._physics = Physics(task, record)
        self._sensations = {n: x[0] for n, x in self._rollout.sensations.items()}
        self._state = self.agent.initial_state(config.n_worlds)
        self._is_first = np.zeros(config.n_worlds, np.bool_)
        shape = (config.n_worlds, ready.distribution.n_uniforms)
        self._uniforms = np.random.default_rng(number).random(shape, np.float32)
        self._n_updates = 0

    def step_physics(self) -> float:
        """Repeat the physics of the rollout, and nothing else; return the time, s."""
        return self._physics.repeat()

    def act(self) -> float:
        """Act in all worlds again and again; return the time, s."""
        state = self._state
        start = time.perf_counter()
        for _ in range(N_POLICY_STEPS):
            step = self.agent.act(
                self._sensations, state, self._is_first, self._uniforms
            )
            state = step.state
        return time.perf_counter() - start

    def update(self) -> float:
        """Learn from the rollout; return the time of gradients and steps alone, s."""
        before = self._engine.spent_s
        self._n_updates += 1
        self._learner.update(self._rollout, self._n_updates, learning_rate=1e-4)
        return self._engine.spent_s - before


class _TimedEngine:
    """An engine that knows how long gradients and the optimizer's steps took.

    Attributes
    ----------
    spent_s : float
        Their time so far, s.
    """

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.n_gpus: int = engine.n_gpus
        self.spent_s = 0.0

    def use(self, gpu: int | None) -> None:
        """Pass it on."""
        self._engine.use(gpu)

    def compile(
        self,
        function: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        variables: Sequence[Any],
    ) -> Any:
        """Compile a function, whose time is not counted."""
        return self._engine.compile(function, variables)

    def gradient(self, loss: Any, variables: Sequence[Any]) -> Any:
        """Compile a gradient."""
        return partial(self._timed, self._engine.gradient(loss, variables))

    def update(self, optimizer: Any, variables: Sequence[Any]) -> Any:
        """Compile an optimizer's step."""
        return partial(self._timed, self._engine.update(optimizer, variables))

    def _timed(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function and count its time."""
        start = time.perf_counter()
        result = function(*arguments)
        self.spent_s += time.perf_counter() - start
        return result


def _report() -> None:
    """Measure what is asked for; the first rank prints."""
    from atlasnet.quiet import import_keras

    import_keras()
    works = {"parts": measure_parts, "products": measure_products}
    parser = argparse.ArgumentParser(description="Rates of the parts of training.")
    parser.add_argument("work", choices=works)
    parser.add_argument("rounds", type=int)
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    options = parser.parse_args()
    measured = works[options.work](options.overrides, options.rounds)
    if measured:
        print(json.dumps(measured))


if __name__ == "__main__":
    _report()
