# SPDX-License-Identifier: Apache-2.0
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from angora_train.agent.agent import NOISE, Agent, given_to
from angora_train.agent.distributions import MultiCategorical
from angora_train.agent.normalization import (
    RewardNormalizer,
    RunningMoments,
    SensationNormalizer,
    ValueNormalizer,
)
from angora_train.agent.recurrence import IS_FIRST
from angora_train.config.run import PPOConfig, RunConfig
from angora_train.engine import make_engine
from angora_train.errors import DivergenceError
from angora_train.learning.learner import Learner, chunked
from angora_train.learning.losses import METRICS, ppo_loss
from angora_train.learning.rollout import Collector, Rollout
from angora_train.ranks.comm import LocalComm
from angora_train.ranks.roles import Roles
from atlasnet.model.builder import build_model
from atlasnet.plan.spec import NetworkSpec
from tests.angora_train.point import SIZES, Points

pytestmark = pytest.mark.slow  # compiles with TensorFlow

PPO = PPOConfig(
    horizon=16, chunk_length=4, minibatch_size=48, discount=0.8, learning_rate=3e-3
)


def make_parts(
    spec: NetworkSpec, n_worlds: int = 6, first_world: int = 0
) -> tuple[Agent, Collector, Learner]:
    spec = spec.model_copy(update={"policy_size": 15})  # 3 actuators x 5 bins
    agent = Agent(
        build_model(spec),
        MultiCategorical(3, 5),
        SensationNormalizer(SIZES),
        make_engine(),
    )
    collector = Collector(Points(n_worlds, first_world), agent, 7, first_world)
    ppo = PPO.model_copy(update={"minibatch_size": 8 * n_worlds})  # two updates
    config = RunConfig(ppo=ppo, n_worlds=n_worlds, seed=7)
    learner = Learner(
        agent,
        config,
        LocalComm(),
        Roles.of(config, LocalComm(), n_gpus=0),
        reward_normalizer=RewardNormalizer(n_worlds, PPO.discount),
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
        "value": np.zeros((1, 1), np.float32),
        "value_target": np.full((1, 1), 3.0, np.float32),
        "mask": np.ones((1, 1), bool),
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


def test_a_clipped_value_loss_by_hand() -> None:
    # The value went from 0 to 1, the target is 3; beyond a change of 0.5 nothing is
    # gained: the error counts from 0.5, and half its square is 3.125. Where the target
    # is 0 instead, the true error of 1 is the larger one: 0.5.
    outputs = {
        "policy": np.zeros((1, 1, 2), np.float32),
        "value": np.ones((1, 1, 1), np.float32),
    }
    ppo = PPOConfig(value_clip_range=0.5)
    for target, expected in ((3.0, 3.125), (0.0, 0.5)):
        batch = {
            "sample": np.zeros((1, 1, 1), np.float32),
            "log_prob": np.zeros((1, 1), np.float32),
            "advantage": np.zeros((1, 1), np.float32),
            "value": np.zeros((1, 1), np.float32),
            "value_target": np.full((1, 1), target, np.float32),
            "mask": np.ones((1, 1), bool),
        }
        _, metrics = ppo_loss(outputs, batch, MultiCategorical(1, 2), ppo)
        assert float(metrics["value_loss"]) == pytest.approx(expected)


@pytest.mark.parametrize("n_padding", [1, 5])
def test_padding_with_infinities_changes_neither_loss_nor_gradient(
    n_padding: int, rng: np.random.Generator
) -> None:
    ppo = PPOConfig(entropy_coef=0.1, value_clip_range=0.2)
    kept = {
        "sample": rng.integers(0, 2, (3, 4, 1)).astype(np.float32),
        **{
            name: rng.normal(size=(3, 4)).astype(np.float32)
            for name in ("log_prob", "advantage", "value", "value_target")
        },
        "mask": np.ones((3, 4), bool),
    }
    padded = {
        name: np.concatenate([x, np.full((n_padding, *x.shape[1:]), filler, x.dtype)])
        for (name, x), filler in zip(
            kept.items(), [np.inf, np.inf, np.inf, -np.inf, np.nan, False], strict=True
        )
    }
    policy = rng.normal(size=(3, 4, 2)).astype(np.float32)
    value = rng.normal(size=(3, 4, 1)).astype(np.float32)
    losses, gradients = [], []
    for batch, n in ((kept, 0), (padded, n_padding)):
        outputs = {
            "policy": keras.Variable(
                np.concatenate([policy, np.ones((n, 4, 2))]), dtype="float32"
            ),
            "value": keras.Variable(
                np.concatenate([value, np.ones((n, 4, 1))]), dtype="float32"
            ),
        }

        def loss(
            arrays: Any, outputs: dict[str, Any] = outputs
        ) -> tuple[Any, dict[str, Any]]:
            values = {name: x.value for name, x in outputs.items()}
            return ppo_loss(values, arrays, MultiCategorical(1, 2), ppo)

        gradient, metrics = make_engine().gradient(loss, list(outputs.values()))(batch)
        losses.append(metrics)
        gradients.append(gradient.reshape(-1))
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    n_policy, n_value = 3 * 4 * 2, 3 * 4
    of_padded = gradients[1]
    skipped = n_padding * 4 * 2
    np.testing.assert_allclose(gradients[0][:n_policy], of_padded[:n_policy], atol=1e-6)
    np.testing.assert_allclose(
        gradients[0][n_policy:],
        of_padded[n_policy + skipped :][:n_value],
        atol=1e-6,
    )
    assert not of_padded[n_policy:][:skipped].any()


def test_a_loss_that_is_not_finite_stops_the_update_with_its_batch(
    tiny_spec: NetworkSpec,
) -> None:
    agent, collector, learner = make_parts(tiny_spec)
    rollout = collector.collect(1, PPO.horizon, PPO.chunk_length)
    rollout.sensations["touch"][3, 2] = np.nan
    before = weights(agent)
    with pytest.raises(
        DivergenceError, match=r"What is learned from is not finite .*touch"
    ) as e:
        learner.update(rollout, 1, PPO.learning_rate)
    assert np.isnan(e.value.batch["given/touch"]).any()
    assert np.isfinite(before).all()
    assert np.isfinite(weights(agent)).all()


def test_advantages_are_standardised_over_the_whole_batch(
    tiny_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    _, _, learner = make_parts(tiny_spec)
    x = rng.normal(5.0, 3.0, size=(8, 6)).astype(np.float32)
    out = learner._standardized(x)
    np.testing.assert_allclose(out, (x - x.mean()) / x.std(), rtol=1e-4, atol=1e-5)


def test_values_in_standard_deviations_give_the_same_advantages(
    tiny_spec: NetworkSpec,
) -> None:
    # A value head in standard deviations from a mean of 2, spread 3, which predicts
    # (v - 2) / 3 where another predicts v, means the same.
    _, collector, learner = make_parts(tiny_spec)
    rollout = collector.collect(1, PPO.horizon, PPO.chunk_length)
    plain = learner._prepare(rollout)
    _, _, other = make_parts(tiny_spec)
    other.value_normalizer = ValueNormalizer()
    other.value_normalizer.update(LocalComm(), np.float32([-1.0, 5.0]))
    scaled = replace(
        rollout,
        value=(rollout.value - 2) / 3,
        next_value=(rollout.next_value - 2) / 3,
    )
    again = other._prepare(scaled)
    np.testing.assert_allclose(plain["advantage"], again["advantage"], atol=1e-4)
    # Its targets are in standard deviations of all targets.
    assert abs(again["value_target"]).max() < 10
    assert other._explained_variance == pytest.approx(
        learner._explained_variance, abs=1e-4
    )


def test_a_divergence_limit_stops_the_updates(tiny_spec: NetworkSpec) -> None:
    _, collector, learner = make_parts(tiny_spec)
    rollout = collector.collect(1, PPO.horizon, PPO.chunk_length)
    learner.ppo = learner.ppo.model_copy(update={"max_kl": 1e-6})
    metrics = learner.update(rollout, 1, 0.1)
    # The first update cannot diverge: the policy is the one that gathered. The second
    # one finds it changed by the first, and is the last.
    assert metrics["train/updates"] == 2
    assert learner.last_kl > 1e-6


def test_a_gradient_over_chunks_is_that_of_the_whole_where_nothing_is_cut(
    tiny_spec: NetworkSpec,
) -> None:
    # Episodes begin at steps 0 and 10: chunks of ten steps cut nothing.
    _, collector, learner = make_parts(tiny_spec)
    rollout = collector.collect(1, 20, 10)
    first_states = given_to({k: x[0] for k, x in rollout.states.items()})
    whole = {**_batch(rollout, 20), **first_states}
    states = {k: x.reshape(-1, *x.shape[2:]) for k, x in rollout.states.items()}
    cut = {**_batch(rollout, 10), **given_to(states)}
    first, _ = learner._gradient(whole)
    second, _ = learner._gradient(cut)
    assert np.abs(first).max() > 0
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-6)


def _batch(rollout: Rollout, length: int) -> dict[str, NDArray[Any]]:
    steps = {
        **given_to(rollout.sensations),
        f"given/{IS_FIRST}": rollout.is_first.astype(np.float32),
        "sample": rollout.sample,
        "log_prob": rollout.log_prob,
        "advantage": rollout.reward,
        "value": rollout.value,
        "value_target": rollout.reward,
    }
    rows = {
        k: chunked(x, length).reshape(-1, length, *x.shape[2:])
        for k, x in steps.items()
    }
    return {**rows, "mask": np.ones((len(rows["value"]), 1), bool)}


def test_the_first_observation_after_a_reset_is_normalised_like_any_other(
    tiny_spec: NetworkSpec,
) -> None:
    agent, collector, _ = make_parts(tiny_spec)
    agent.normalizer.update(LocalComm(), collector.warm_up(10))
    rollout = collector.collect(1, PPO.horizon, PPO.chunk_length)
    assert rollout.is_first[[0, 10]].all()
    mean, scale = agent.normalizer._scales["touch"]  # type: ignore[attr-defined]
    clipped = np.clip((rollout.raw["touch"] - mean) * scale, -5, 5)
    assert (rollout.sensations["touch"] == clipped).all()
    assert (rollout.sensations["touch"][[0, 10]] != rollout.raw["touch"][[0, 10]]).any()


def costly(spec: NetworkSpec) -> NetworkSpec:
    return NetworkSpec(
        **{
            **spec.model_dump(),
            "noise_std": 0.5,
            "activity_cost": 0.25,
            "wiring_cost": 0.125,
        }
    )


def test_noise_is_the_same_in_learning_as_it_was_in_acting(
    tiny_spec: NetworkSpec,
) -> None:
    agent, collector, learner = make_parts(costly(tiny_spec))
    rollout = collector.collect(1, PPO.horizon, PPO.chunk_length)
    assert rollout.sensations[NOISE].shape == (PPO.horizon, 6, 3)
    assert NOISE not in rollout.raw  # it is no sensation that could be normalised
    metrics = learner.update(rollout, 1, 0.0)  # nothing changes
    assert metrics["train/ratio"] == pytest.approx(1.0, abs=1e-5)
    assert metrics["train/approx_kl"] == pytest.approx(0.0, abs=1e-6)
    # With other noise the same actions have other probabilities.
    other = replace(
        rollout,
        sensations={**rollout.sensations, NOISE: rollout.sensations[NOISE][::-1]},
    )
    assert learner.update(other, 1, 0.0)["train/approx_kl"] > 1e-6
    assert agent.n_uniforms == agent.distribution.n_uniforms + 3


def test_what_the_model_costs_is_added_to_the_loss_and_logged(
    tiny_spec: NetworkSpec,
) -> None:
    agent, collector, learner = make_parts(costly(tiny_spec))
    rollout = collector.collect(1, PPO.horizon, PPO.chunk_length)
    metrics = learner.update(rollout, 1, 0.0)
    parts = {name: metrics[f"train/{name}"] for name in (*METRICS, "loss")}
    wiring = float(keras.ops.sum(keras.ops.stack(agent.model.losses)))
    assert metrics["train/weight_cost"] == pytest.approx(wiring, rel=1e-5)
    activity = metrics["train/activity_cost"]
    assert 0.0 < activity < 0.25 * 1.0  # tanh: the mean square is below 1
    ppo = parts["policy_loss"] + PPO.value_coef * parts["value_loss"]
    ppo -= PPO.entropy_coef * parts["entropy"]
    assert parts["loss"] == pytest.approx(ppo + wiring + activity, rel=1e-4)


@pytest.mark.parametrize("cost", ["activity_cost", "wiring_cost"])
def test_a_cost_makes_small_what_it_is_a_cost_of(
    cost: str, tiny_spec: NetworkSpec
) -> None:
    spec = NetworkSpec(**{**tiny_spec.model_dump(), cost: 30.0})
    _, collector, learner = make_parts(spec)
    name = "activity_cost" if cost == "activity_cost" else "weight_cost"
    found = []
    for cycle in range(1, 9):
        rollout = collector.collect(cycle, PPO.horizon, PPO.chunk_length)
        found.append(learner.update(rollout, cycle, 1e-2)[f"train/{name}"])
    assert found[-1] < 0.5 * found[0]


def test_advantages_of_almost_no_spread_stay_small(tiny_spec: NetworkSpec) -> None:
    _, _, learner = make_parts(tiny_spec)
    learner.targets = RunningMoments.of(np.array([[0.0], [2.0]]))  # a spread of 1
    x = np.float32([[0.01, -0.01]])
    # Divided by the floor, 0.2 of that spread, and not by their own 0.01.
    np.testing.assert_allclose(learner._standardized(x), [[0.05, -0.05]], rtol=1e-4)
    np.testing.assert_allclose(learner._standardized(100 * x), [[1.0, -1.0]], rtol=1e-4)
