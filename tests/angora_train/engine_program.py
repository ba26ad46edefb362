# SPDX-License-Identifier: Apache-2.0
"""One policy step, one gradient and one update of a saved model, by any engine."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from angora_train.agent.agent import Agent, given_to
from angora_train.agent.distributions import MultiCategorical
from angora_train.agent.normalization import SensationNormalizer
from angora_train.config.run import RunConfig
from angora_train.engine import make_engine
from angora_train.learning.learner import Learner
from angora_train.ranks.comm import LocalComm
from angora_train.ranks.roles import Roles
from atlasnet import load_model
from tests.angora_train.point import SIZES


def main(model_file: str, batch_file: str, out_file: str) -> None:
    """Write what the backend of this process computes."""
    agent = Agent(
        load_model(model_file),
        MultiCategorical(3, 2),
        SensationNormalizer(SIZES),
        make_engine(),
    )
    config = RunConfig()
    learner = Learner(
        agent, config, LocalComm(), Roles.of(config, LocalComm(), n_gpus=0)
    )
    with np.load(batch_file) as stored:
        batch = {name: stored[name] for name in stored.files}
    first = {name: batch[name][:, 0] for name in SIZES}
    step = agent.act(
        first,
        agent.initial_state(4),
        np.ones(4, bool),
        np.linspace(0, 0.99, 4 * agent.n_uniforms, dtype=np.float32).reshape(4, -1),
    )
    names = [tensor.name for tensor in agent.stateful.model.inputs]
    given = given_to({name: batch[name] for name in names})
    rest = {name: x for name, x in batch.items() if name not in SIZES}
    gradient, metrics = learner._gradient({**rest, **given})
    learner._apply(gradient, 1e-2)
    weights = [keras.ops.convert_to_numpy(w).ravel() for w in agent.model.weights]
    target, source = (keras.Variable(np.full(2, x, np.float32)) for x in (1.0, 5.0))

    def product(given: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        total = keras.ops.sum(source * target * given["x"])
        return total, {"total": total}

    # What is read and not learned may change from call to call.
    of_source = agent.engine.gradient(product, [source], read=[target])
    followed = [of_source({"x": np.array([1.0, 2.0], np.float32)})[0]]
    follow = agent.engine.follow([target], [source])
    for _ in range(2):
        follow(0.25)
        followed.append(of_source({"x": np.array([1.0, 2.0], np.float32)})[0])
    np.savez(
        Path(out_file),
        backend=np.array(keras.config.backend()),
        sample=step.sample,
        log_prob=step.log_prob,
        value=step.value,
        gradient=gradient,
        loss=metrics["loss"],
        weights=np.concatenate(weights),
        followed=np.stack(followed),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
