# SPDX-License-Identifier: Apache-2.0
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from angora_train.agent import Agent
from angora_train.comm import LocalComm
from angora_train.config import PPOConfig
from angora_train.distributions import MultiCategorical
from angora_train.engine import make_engine
from angora_train.errors import DivergenceError
from angora_train.learner import PPOLearner, chunked
from angora_train.losses import ppo_loss
from angora_train.normalization import RewardNormalizer, SensationNormalizer
from angora_train.recurrence import IS_FIRST
from angora_train.rollout import Collector
from atlasnet.builder import build_model
from atlasnet.spec import NetworkSpec
from tests.angora_train.point import SIZES, Points

pytestmark = pytest.mark.slow  # compiles with TensorFlow

PPO = PPOConfig(
    horizon=16, chunk_length=4, n_minibatches=2, discount=0.8, learning_rate=3e-3
)


def make_parts(
    spec: NetworkSpec, n_worlds: int = 6, first_world: int = 0
) -> tuple[Agent, Collector, PPOLearner]:
    spec = spec.model_copy(update={"policy_size": 15})  # 3 actuators x 5 bins
    agent = Agent(
        build_model(spec),
        MultiCategorical(3, 5),
        SensationNormalizer(SIZES),
        make_engine(),
    )
    collector = Collector(Points(n_worlds, first_world), agent, 7, first_world)
    learner = PPOLearner(
        agent,
        PPO,
        LocalComm(),
        reward_normalizer=RewardNormalizer(n_worlds, PPO.discount),
        seed=7,
        n_worlds=n_worlds,
        first_world=first_world,
    )
    return agent, collector, learner


def weights(agent: Agent) -> NDArray[np.float32]:
    return np.concatenate([v.numpy().ravel() for v in agent.model.trainable_variables])


def cycles(
    spec: NetworkSpec, numbers: Sequence[int], n_worlds: int = 6
) -> tuple[Any, list[float]]:
    agent, collector, learner = make_parts(spec, n_worlds)
    agent.normalizer.update(LocalComm(), collector.warm_up(10))
    returns = []
    for cycle in numbers:
        rollout = collector.collect(cycle, PPO.horizon, PPO.chunk_length)
        learner.update(rollout, cycle, PPO.learning_rate)
        returns.append(float(np.mean([e.total_reward for e in rollout.episodes])))
    return weights(agent), returns


def widened(spec: NetworkSpec, n_units: int) -> NetworkSpec:
    areas = tuple(a.model_copy(update={"n_units": n_units}) for a in spec.areas)
    return spec.model_copy(update={"areas": areas})


def test_the_same_seed_gives_the_same_weights(tiny_spec: NetworkSpec) -> None:
    first, _ = cycles(tiny_spec, range(1, 4))
    second, _ = cycles(tiny_spec, range(1, 4))
    assert (first == second).all()


def test_a_point_learns_to_go_to_its_goal(tiny_spec: NetworkSpec) -> None:
    # At rest the mean distance of two normal points is sqrt(pi) = 1.77, and a random
    # walk of ten steps leaves it there or farther: a return of about -18.
    _, returns = cycles(widened(tiny_spec, 32), range(1, 61), n_worlds=32)
    assert np.mean(returns[:3]) < -15
    assert np.mean(returns[-5:]) > -9


def test_the_state_at_a_chunks_start_is_the_state_while_gathering(
    tiny_spec: NetworkSpec,
) -> None:
    agent, collector, _ = make_parts(tiny_spec)
    rollout = collector.collect(1, PPO.horizon, PPO.chunk_length)
    flags = chunked(rollout.is_first.astype(np.float32), PPO.chunk_length)
    for i_chunk in range(4):
        given = {
            name: chunked(x, PPO.chunk_length)[i_chunk]
            for name, x in rollout.sensations.items()
        }
        states = {name: x[i_chunk] for name, x in rollout.states.items()}
        out = agent.stateful.model({**given, IS_FIRST: flags[i_chunk], **states})
        again = agent.distribution.log_prob(
            out["policy"], chunked(rollout.sample, PPO.chunk_length)[i_chunk]
        )
        gathered = chunked(rollout.log_prob, PPO.chunk_length)[i_chunk]
        np.testing.assert_allclose(again, gathered, atol=1e-5)


def test_a_time_limit_bootstraps_from_the_final_observation(
    tiny_spec: NetworkSpec,
) -> None:
    _, collector, _ = make_parts(tiny_spec)
    rollout = collector.collect(1, PPO.horizon, PPO.chunk_length)
    # Episodes last 10 steps: step 9 is the last, step 10 begins the next one.
    assert rollout.ended[9].all()
    assert rollout.is_first[[0, 10]].all()
    assert rollout.is_first.sum() == 2 * 6
    inside = np.delete(np.arange(15), 9)
    assert (rollout.next_value[inside] == rollout.value[inside + 1]).all()
    assert (rollout.next_value[9] != rollout.value[10]).all()
    assert np.isfinite(rollout.next_value).all()


def test_worlds_have_the_same_luck_however_they_are_spread(
    tiny_spec: NetworkSpec,
) -> None:
    _, whole, _ = make_parts(tiny_spec, n_worlds=4)
    _, half, _ = make_parts(tiny_spec, n_worlds=2, first_world=2)
    all_four = whole.collect(1, 8, 4)
    last_two = half.collect(1, 8, 4)
    assert (all_four.sample[:, 2:] == last_two.sample).all()
    np.testing.assert_allclose(all_four.reward[:, 2:], last_two.reward, atol=1e-6)


def test_every_chunk_is_learned_from_once_an_epoch(
    tiny_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    _, _, learner = make_parts(tiny_spec)
    marks = np.arange(4 * 6).reshape(4, 6)
    rngs = [np.random.default_rng(b) for b in range(6)]
    batches = list(learner._minibatches({"advantage": marks}, rngs))
    assert [len(batch["advantage"]) for batch in batches] == [12, 12]
    for batch in batches:  # two chunks of every world
        assert (np.bincount(batch["advantage"] % 6) == 2).all()
    seen = np.concatenate([batch["advantage"] for batch in batches])
    assert sorted(seen.tolist()) == list(range(24))


def test_a_loss_by_hand() -> None:
    # One dimension, two bins, uniform: log-probability -ln 2, entropy ln 2. The old
    # log-probability makes the ratio 1.5, clipped at 1.2; the advantage is 2: policy
    # loss -2.4. Value 1, target 3: half the squared error is 2.
    outputs = {
        "policy": np.zeros((1, 1, 2), np.float32),
        "value": np.ones((1, 1, 1), np.float32),
    }
    batch = {
        "sample": np.zeros((1, 1, 1), np.float32),
        "log_prob": np.full((1, 1), -np.log(2) - np.log(1.5), np.float32),
        "advantage": np.full((1, 1), 2.0, np.float32),
        "value_target": np.full((1, 1), 3.0, np.float32),
    }
    ppo = PPOConfig(value_coef=0.5, entropy_coef=0.1, clip_range=0.2)
    loss, metrics = ppo_loss(outputs, batch, MultiCategorical(1, 2), ppo)
    assert float(metrics["policy_loss"]) == pytest.approx(-2.4, abs=1e-5)
    assert float(metrics["value_loss"]) == pytest.approx(2.0)
    assert float(metrics["entropy"]) == pytest.approx(np.log(2))
    assert float(metrics["clip_fraction"]) == 1.0
    # ratio - 1 - ln ratio = .5 - ln 1.5
    assert float(metrics["approx_kl"]) == pytest.approx(0.5 - np.log(1.5), abs=1e-5)
    assert float(loss) == pytest.approx(-2.4 + 0.5 * 2.0 - 0.1 * np.log(2), abs=1e-5)


def test_a_loss_that_is_not_finite_stops_the_update_with_its_batch(
    tiny_spec: NetworkSpec,
) -> None:
    agent, collector, learner = make_parts(tiny_spec)
    rollout = collector.collect(1, PPO.horizon, PPO.chunk_length)
    rollout.sensations["touch"][3, 2] = np.nan
    before = weights(agent)
    with pytest.raises(
        DivergenceError, match=r"not finite.*Resume with a smaller step"
    ) as e:
        learner.update(rollout, 1, PPO.learning_rate)
    assert np.isnan(e.value.batch["touch"]).any()
    assert np.isfinite(before).all()
    assert np.isfinite(weights(agent)).all()


def test_advantages_are_standardised_over_the_whole_batch(
    tiny_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    _, _, learner = make_parts(tiny_spec)
    x = rng.normal(5.0, 3.0, size=(8, 6)).astype(np.float32)
    out = learner._standardized(x)
    np.testing.assert_allclose(out, (x - x.mean()) / x.std(), rtol=1e-4, atol=1e-5)
