# SPDX-License-Identifier: Apache-2.0
"""One policy step, one gradient and one update of a saved model, by any engine."""

import sys
from pathlib import Path

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
    np.savez(
        Path(out_file),
        backend=np.array(keras.config.backend()),
        sample=step.sample,
        log_prob=step.log_prob,
        value=step.value,
        gradient=gradient,
        loss=metrics["loss"],
        weights=np.concatenate(weights),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
