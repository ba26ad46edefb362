# SPDX-License-Identifier: Apache-2.0
"""A chain whose optimum is known: PPO finds it, and its values are right."""

from typing import Any

import gymnasium
import keras
import numpy as np
import pytest
from gymnasium.vector import VectorEnv
from keras import ops
from numpy.typing import NDArray

from angora_train.agent.agent import Agent
from angora_train.agent.distributions import MultiCategorical
from angora_train.agent.normalization import IdentityNormalizer
from angora_train.config.run import PPOConfig, RunConfig
from angora_train.engine import make_engine
from angora_train.learning.learner import Learner
from angora_train.learning.rollout import Collector
from angora_train.ranks.comm import LocalComm
from angora_train.ranks.roles import Roles

LENGTH = 5
DISCOUNT = 0.9


class Chain(VectorEnv):
    """Five places in a row. The right end gives 1, the left end 0.2; both end.

    Episodes begin in the middle, two steps from both ends, and are cut after 20 steps.
    """

    def __init__(self, n_worlds: int) -> None:
        self.num_envs = n_worlds
        self.single_action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.place = np.full(self.num_envs, LENGTH // 2)
        self.clock = np.zeros(self.num_envs, int)
        return self._observe(), {}

    def _observe(self) -> dict[str, NDArray[np.float32]]:
        return {"place": np.eye(LENGTH, dtype=np.float32)[self.place]}

    def step(self, actions: NDArray[np.float32]) -> Any:
        self.place = self.place + np.where(actions[:, 0] > 0, 1, -1)
        self.clock += 1
        is_right, is_left = self.place == LENGTH - 1, self.place == 0
        reward = np.where(is_right, 1.0, np.where(is_left, 0.2, 0.0))
        terminated = is_right | is_left
        truncated = (self.clock >= 20) & ~terminated
        final, ended = self._observe(), terminated | truncated
        self.place = np.where(ended, LENGTH // 2, self.place)
        self.clock = np.where(ended, 0, self.clock)
        info = {
            "success": is_right,
            "distance_m": reward,
            "reward/end": reward,
            "final_obs": final,
            "_final_obs": ended,
        }
        return self._observe(), reward.astype(np.float32), terminated, truncated, info


class Direction:
    """A user's own family: one class, two actions, all from one number."""

    n_parameters = n_dimensions = n_uniforms = 1
    n_spreads = 0

    def __init__(self, n_dimensions: int) -> None:
        assert n_dimensions == 1

    def sample(self, parameters: Any, uniforms: Any) -> Any:
        return ops.cast(uniforms < ops.sigmoid(parameters), "float32")

    def mode(self, parameters: Any) -> Any:
        return ops.cast(parameters > 0, "float32")

    def action(self, sample: Any) -> Any:
        return 2.0 * sample - 1.0

    def mean_action(self, parameters: Any) -> Any:
        return 2.0 * ops.sigmoid(parameters) - 1.0

    def log_prob(self, parameters: Any, sample: Any) -> Any:
        return ops.sum(ops.log_sigmoid((2.0 * sample - 1.0) * parameters), axis=-1)

    def entropy(self, parameters: Any) -> Any:
        p = ops.sigmoid(parameters)
        terms = p * ops.log_sigmoid(parameters)
        terms += (1.0 - p) * ops.log_sigmoid(-parameters)
        return -ops.sum(terms, axis=-1)

    def kl(self, parameters: Any, other: Any) -> Any:
        return ops.sum(0.0 * (parameters + other), axis=-1)


@pytest.mark.slow
@pytest.mark.parametrize("family", [MultiCategorical(1, 2), Direction(1)])
def test_a_chain_with_a_known_optimum_is_solved(family: Any) -> None:
    keras.utils.set_random_seed(0)
    place = keras.Input((None, LENGTH), name="place")
    heads = {
        "policy": keras.layers.Dense(family.n_parameters, kernel_initializer="zeros")(
            place
        ),
        "value": keras.layers.Dense(1)(place),
    }
    model = keras.Model({"place": place}, heads)
    ppo = PPOConfig(
        horizon=32,
        chunk_length=8,
        minibatch_size=128,
        learning_rate=0.03,
        discount=DISCOUNT,
        value_coef=1.0,
        max_grad_norm=10.0,
    )
    config = RunConfig(ppo=ppo, n_worlds=16)
    normalizer = IdentityNormalizer({"place": LENGTH})
    agent = Agent(model, family, normalizer, make_engine())
    collector = Collector(Chain(16), agent, seed=0)
    learner = Learner(
        agent, config, LocalComm(), Roles.of(config, LocalComm(), n_gpus=0)
    )
    for cycle in range(1, 61):
        rollout = collector.collect(cycle, ppo.horizon, ppo.chunk_length)
        learner.update(rollout, cycle, ppo.learning_rate)
    inner = np.eye(LENGTH, dtype=np.float32)[None, 1:-1]
    out = model({"place": inner})
    # To the right from everywhere. The values of the places that this leads through
    # are 0.9, one step before the last, and 1.
    right = np.ones((1, 3, 1), np.float32)
    assert np.exp(family.log_prob(out["policy"], right)).min() > 0.9
    np.testing.assert_allclose(np.ravel(out["value"])[1:], [0.9, 1.0], atol=0.05)
