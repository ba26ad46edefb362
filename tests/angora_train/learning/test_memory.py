# SPDX-License-Identifier: Apache-2.0
"""A memory task that is solved stays solved."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import VectorEnv

from angora_train.agent.agent import Agent
from angora_train.agent.distributions import MultiCategorical
from angora_train.agent.normalization import IdentityNormalizer, RewardNormalizer
from angora_train.config.run import PPOConfig, RunConfig
from angora_train.engine import make_engine
from angora_train.learning.learner import Learner
from angora_train.learning.rollout import Collector
from angora_train.networks.plain import build_architecture
from angora_train.ranks.comm import LocalComm
from angora_train.ranks.roles import Roles

LENGTH = 8


class Recall(VectorEnv):
    """One of two cues at the first step; at the last the choice that it asked for."""

    def __init__(self, n_worlds: int) -> None:
        self.num_envs = n_worlds
        self.single_action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.rng = np.random.default_rng(seed)
        self.clock = np.zeros(self.num_envs, int)
        self.cue = self.rng.integers(0, 2, self.num_envs)
        return self._observe(), {}

    def _observe(self) -> Any:
        seen = np.zeros((self.num_envs, 4), np.float32)
        begins = self.clock == 0
        seen[begins, self.cue[begins]] = 1.0
        seen[:, 2] = self.clock == LENGTH - 1
        seen[:, 3] = self.clock / LENGTH
        return {"cue": seen}

    def step(self, actions: Any) -> Any:
        self.clock += 1
        ends = self.clock == LENGTH
        success = ((actions[:, 0] > 0) == (self.cue == 1)) & ends
        reward, final = success.astype(np.float32), self._observe()
        self.clock[ends] = 0
        self.cue[ends] = self.rng.integers(0, 2, ends.sum())
        info = {
            "success": success,
            "distance_m": reward,
            "reward/choice": reward,
            "final_obs": final,
            "_final_obs": ends,
        }
        return self._observe(), reward, ends, np.zeros_like(ends), info


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_a_memory_task_that_is_solved_stays_solved(seed: int) -> None:
    # With advantages scaled to variance 1 whatever they are, a share of the seeds
    # falls back to chance, 0.5, within 200 cycles: nothing is left to learn from but
    # the errors of the values.
    ppo = PPOConfig(
        horizon=32, minibatch_size=256, learning_rate=3e-3, schedule="constant"
    )
    config = RunConfig(ppo=ppo, n_worlds=32, seed=seed)
    model = build_architecture(
        "simple", {"cue": (4,)}, 2, cell="gru", shared=True, seed=seed
    )
    agent = Agent(
        model, MultiCategorical(1, 2), IdentityNormalizer({"cue": 4}), make_engine()
    )
    collector = Collector(Recall(32), agent, seed=seed)
    learner = Learner(
        agent,
        config,
        LocalComm(),
        Roles.of(config, LocalComm(), n_gpus=0),
        reward_normalizer=RewardNormalizer(32, ppo.discount),
    )
    returns = []
    for cycle in range(1, 201):
        rollout = collector.collect(cycle, ppo.horizon, ppo.chunk_length)
        learner.update(rollout, cycle, ppo.learning_rate)
        returns.append(np.mean([one.total_reward for one in rollout.episodes]))
    assert max(returns[:60]) > 0.99
    assert np.mean(returns[-50:]) > 0.95
