# SPDX-License-Identifier: Apache-2.0
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from angora_train.agent.agent import Agent
from angora_train.agent.distributions import make_distribution
from angora_train.config.run import RunConfig
from angora_train.engine import make_engine
from angora_train.errors import ConfigError
from angora_train.hindsight.critics import make_critics
from angora_train.hindsight.exploration import Exploration
from angora_train.hindsight.learner import HindsightLearner
from angora_train.learning.rollout import Collector
from angora_train.networks.plain import build_architecture
from angora_train.ranks.comm import LocalComm
from angora_train.ranks.roles import Roles
from tests.angora_train.hindsight.walk import Walk

pytestmark = pytest.mark.slow  # compiles with TensorFlow

SETTINGS: dict[str, Any] = {
    "policy": {"distribution": "bounded_gaussian", "initial_log_std": -1.0},
    "network": {"architecture": "normalized", "cell": "none"},
    "ppo": {
        "horizon": 8,
        "chunk_length": 1,
        "minibatch_size": 8,
        "discount": 0.9,
        "learning_rate": 1e-3,
        "max_grad_norm": 10.0,
    },
    "hindsight": {
        "memory": 8_000,
        "warm_up": 256,
        "minibatch_size": 64,
        "replay_ratio": 4.0,
        "critic": (32, 32),
        "farthest_step": 10,
        "noise": {"least": 0.1, "most": 2.0},
    },
    "n_worlds": 16,
}


def make_parts(**changes: Any) -> tuple[Walk, Agent, Collector, HindsightLearner]:
    settings = {**SETTINGS, **changes}
    config = RunConfig.from_dict(settings)
    assert config.hindsight is not None
    family = make_distribution(config.policy, 1)
    walk = Walk(config.n_worlds)
    model = build_architecture(
        "normalized",
        walk.sensation_shapes,
        family.n_parameters,
        cell=settings["network"]["cell"],
    )
    agent = Agent.of(model, family, config.normalization, make_engine())
    told, worlds = walk.hindsight(), range(config.n_worlds)
    explorer = Exploration(told, config.hindsight.noise, worlds, 1)
    collector = Collector(walk, agent, 0, explorer=explorer)
    roles = Roles.of(config, LocalComm(), n_gpus=0)
    learner = HindsightLearner(agent, config, LocalComm(), roles, told)
    warmed = collector.warm_up(30)
    agent.normalizer.update(LocalComm(), warmed)
    return walk, agent, collector, learner


def goals_a_step(agent: Agent, n_steps: int = 200) -> float:
    """Return how many goals the mean actions reach in a step of a world."""
    walk = Walk(32, first_world=1000)
    observation, _ = walk.reset(seed=5)
    n_reached = 0
    for _ in range(n_steps):
        seen = agent.normalize(observation)
        half = np.full((32, 1), 0.5, np.float32)
        step = agent.act(seen, {}, np.zeros(32, bool), half)
        observation, _, _, _, info = walk.step(step.action)
        n_reached += int(info["success"].sum())
    return n_reached / (32 * n_steps)


def test_it_learns_to_walk_where_it_should() -> None:
    _, agent, collector, learner = make_parts()
    before = goals_a_step(agent)
    metrics: Mapping[str, float] = {}
    for cycle in range(1, 41):
        learner.take(collector.collect(cycle, 8, 1))
        metrics = learner.improve(cycle, 1e-3)
    # Goals are 2/3 apart on average, a step is 0.2 and a goal is met within 0.1:
    # (2/3 - 0.1) / 0.2 = 2.8 steps, more than that as steps are whole.
    assert before < 0.15 < 0.22 < goals_a_step(agent)
    assert metrics["train/updates"] == 8.0  # 128 steps x 4 / 64
    assert np.isfinite(list(metrics.values())).all()


def test_updates_of_all_cycles_meet_the_ratio() -> None:
    *_, learner = make_parts()
    # 128 control steps a cycle, of which the first 256 are warming up: two cycles.
    assert [learner.n_updates(cycle) for cycle in (1, 2, 3, 4)] == [0, 0, 8, 8]
    hindsight = {**SETTINGS["hindsight"], "replay_ratio": 0.3}
    *_, rare = make_parts(hindsight=hindsight)
    # 38.4 steps a cycle, 64 an update: 0.6 updates.
    counts = [rare.n_updates(cycle) for cycle in range(3, 13)]
    assert sum(counts) == 6
    assert set(counts) == {0, 1}


def test_the_spread_stays_as_it_began() -> None:
    _, agent, collector, learner = make_parts()
    spreads = [w for w in agent.model.weights if "spread" in w.path or "std" in w.path]
    before = [np.array(w) for w in spreads]
    for cycle in range(1, 5):
        learner.take(collector.collect(cycle, 8, 1))
        learner.improve(cycle, 1e-3)
    for weight, old in zip(spreads, before, strict=True):
        assert (np.array(weight) == old).all()


def test_half_precision_says_nearly_the_same() -> None:
    sizes = {"vision": 5}
    plain, half = (
        make_critics(sizes, 2, (64, 64), precision=precision, seed=1)
        for precision in ("float32", "bfloat16")
    )
    for one, other in zip(plain.weights, half.weights, strict=True):
        assert (np.array(one) == np.array(other)).all()
        assert other.dtype == "float32"
    rng = np.random.default_rng(0)
    given = {
        "vision": rng.normal(size=(50, 5)).astype(np.float32),
        "action": rng.normal(size=(50, 2)).astype(np.float32),
    }
    apart = np.array(plain(given)) - np.array(half(given))
    assert 0 < np.abs(apart).max() < 0.05


def test_two_critics_differ() -> None:
    worth = np.array(
        make_critics({"vision": 3}, 1, (8,))(
            {"vision": np.ones((1, 3)), "action": np.zeros((1, 1))}
        )
    )
    assert worth[0, 0] != worth[0, 1]


def test_what_cannot_be_learned_so_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"without recurrence.*network.cell=none"):
        make_parts(network={"architecture": "normalized", "cell": "gru"})
    odd = {**SETTINGS["hindsight"], "minibatch_size": 40}
    with pytest.raises(ConfigError, match=r"multiple of n_worlds.*nearest is 32"):
        make_parts(hindsight=odd)
    small = {**SETTINGS["hindsight"], "memory": 100}
    with pytest.raises(ConfigError, match=r"at least 192"):  # 16 x (8 + 3 + 1)
        make_parts(hindsight=small)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"task": {"name": "Reach"}}, r"'Reach'.*no method hindsight"),
        ({"policy": {"distribution": "beta"}}, r"bounded_gaussian.*got 'beta'"),
        ({"distillation": {"teacher": "runs/x"}}, r"hindsight and distillation"),
    ],
)
def test_runs_that_cannot_be(
    changes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    from angora_train.run.method import make_learner

    config = RunConfig.from_dict({**SETTINGS, "directory": str(tmp_path), **changes})
    _walk, agent, *_ = make_parts()
    task: Any = Walk(16) if config.task.name != "Reach" else object()
    with pytest.raises(ConfigError, match=told):
        make_learner(
            config,
            agent,
            task,
            LocalComm(),
            Roles.of(config, LocalComm(), n_gpus=0),
            lambda: None,
        )
