# SPDX-License-Identifier: Apache-2.0
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from angora_train.agent.agent import Agent
from angora_train.agent.distributions import MultiCategorical
from angora_train.agent.normalization import SensationNormalizer
from angora_train.analysis.actors import PostureActor, ShuffledActor
from angora_train.analysis.conditions import (
    CONDITIONS,
    EXPECTED_ACTION,
    Comparison,
    compare,
    derangement,
    untrained,
)
from angora_train.analysis.evaluation import episodes, evaluate
from angora_train.analysis.posture import best_posture
from angora_train.engine import make_engine
from angora_train.errors import ConfigError
from angora_train.ranks.comm import LocalComm
from angora_train.tasks.reaching.reach import Reach, ReachConfig
from angora_train.tasks.reaching.rewards import ReachScales, reach_distance
from atlasnet.model.builder import build_model
from atlasnet.plan.spec import AreaSpec, InputSpec, NetworkSpec, ValueSpec

SHORT = ReachConfig(episode_s=0.2)  # 10 control steps


def reach(n_worlds: int, first_world: int = 0) -> Reach:
    return Reach(SHORT, n_worlds, first_world=first_world)


@pytest.fixture(scope="module")
def agent() -> Agent:
    """Return an agent that sees goals and fingertips, with weights of its own."""
    spec = NetworkSpec(
        name="small",
        control_step_s=0.02,
        areas=(AreaSpec(name="4p left", n_units=8, cell="rate"),),
        pathways=(),
        inputs=(
            InputSpec(name="goal", size=15, areas=("4p left",)),
            InputSpec(name="vision", size=15, areas=("4p left",)),
        ),
        action_areas=("4p left",),
        policy_size=220,
        value=ValueSpec(areas=("4p left",), hidden_units=(4,)),
    )
    model = build_model(spec, seed=5)
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(weight + rng.normal(0.0, 0.5, weight.shape))
    normalizer = SensationNormalizer({"goal": 15, "vision": 15})
    observation, _ = reach(20).reset(seed=0)
    seen = {name: observation[name][None] for name in ("goal", "vision")}
    normalizer.update(LocalComm(), seen)
    return Agent(model, MultiCategorical(20), normalizer, make_engine())


@pytest.mark.parametrize("n", [2, 3, 50])
def test_in_a_derangement_nothing_stays(n: int, rng: np.random.Generator) -> None:
    for _ in range(20):
        order = derangement(rng, n)
        assert sorted(order.tolist()) == list(range(n))
        assert (order != np.arange(n)).all()


def test_both_derangements_of_three_come_up_equally(rng: np.random.Generator) -> None:
    found = [tuple(derangement(rng, 3).tolist()) for _ in range(400)]
    assert set(found) == {(1, 2, 0), (2, 0, 1)}
    assert abs(found.count((1, 2, 0)) - 200) < 50  # 5 standard deviations of 10


def test_one_episode_cannot_be_shuffled(rng: np.random.Generator) -> None:
    with pytest.raises(ConfigError, match="at least 2 episodes, got 1"):
        derangement(rng, 1)


def test_a_posture_is_judged_as_the_task_judges_it() -> None:
    # With the goals of the evaluation, the expected return is the mean return there.
    task = reach(6)
    observation, _ = task.reset(seed=9)
    goals = observation["goal"].astype(np.float64)

    class SameGoals(Reach):
        def sample_goals(self, rng, n):  # type: ignore[no-untyped-def]
            return (goals, None) if n == 6 else super().sample_goals(rng, n)

    search = SameGoals(SHORT, 8)
    posture = best_posture(search, seed=1, n_iterations=2, n_goals=6)
    result = evaluate(PostureActor(posture.command), task, seed=9)
    assert result.total_reward.mean() == pytest.approx(
        posture.expected_return, rel=1e-4
    )


@pytest.mark.slow
def test_the_search_beats_the_middle_of_the_range_and_repeats_itself() -> None:
    posture = best_posture(reach(16), seed=1, n_iterations=3, n_goals=50)
    again = best_posture(reach(16), seed=1, n_iterations=3, n_goals=50)
    assert posture.command.tolist() == again.command.tolist()
    assert (np.abs(posture.command) <= 1.0).all()
    middle = evaluate(PostureActor(np.zeros(20, np.float32)), reach(50), seed=2)
    held = evaluate(PostureActor(posture.command), reach(50), seed=2)
    assert held.total_reward.mean() > middle.total_reward.mean()


@pytest.mark.slow
def test_untrained_weights_are_those_that_training_began_with(agent: Agent) -> None:
    spec = next(
        layer.cell.spec for layer in agent.model.layers if layer.name == "areas"
    )
    begun = build_model(spec, seed=5)
    fresh = untrained(agent)
    for now, then, trained in zip(
        fresh.model.weights, begun.weights, agent.model.weights, strict=True
    ):
        assert (now.numpy() == then.numpy()).all()
        assert (now.numpy() != trained.numpy()).any()
    assert fresh.normalizer is agent.normalizer


@pytest.mark.slow
def test_the_reward_of_shuffled_goals_judges_the_own_goal(agent: Agent) -> None:
    task = reach(5)
    actor = ShuffledActor(agent, np.array([1, 2, 3, 4, 0]))
    moments = list(episodes(actor, task, seed=3))
    for moment, following in pairwise(moments):
        own = moment.observation["goal"].astype(np.float64)
        distance_m = reach_distance(following.observation["vision"], own)
        np.testing.assert_allclose(moment.info["distance_m"], distance_m, atol=1e-6)
        reached = distance_m < ReachScales().success_distance_m
        expected = -distance_m + np.where(reached, 0.1, 0.0)
        np.testing.assert_allclose(moment.reward, expected, atol=1e-6)


@pytest.fixture(scope="module")
def comparison(agent: Agent) -> Comparison:
    return compare(agent, reach(12), reach(8), seed=7)


@pytest.mark.slow
def test_all_conditions_meet_the_same_goals(comparison: Comparison) -> None:
    assert tuple(comparison.episodes) == (*CONDITIONS, EXPECTED_ACTION)
    kinds = [result.goal_kind.tolist() for result in comparison.episodes.values()]
    assert all(row == kinds[0] for row in kinds)
    assert comparison.n_episodes == 12


@pytest.mark.slow
def test_differences_are_paired(comparison: Comparison) -> None:
    trained = comparison.episodes["trained"].total_reward
    assert comparison.summaries["trained"].loss_of_return is None
    for name in CONDITIONS[1:]:
        loss = comparison.summaries[name].loss_of_return
        assert loss is not None
        difference = trained - comparison.episodes[name].total_reward
        assert loss.mean == pytest.approx(difference.mean())
        assert loss.low <= loss.mean <= loss.high


@pytest.mark.slow
def test_a_comparison_survives_its_file(comparison: Comparison, tmp_path: Path) -> None:
    path = tmp_path / "evaluation.json"
    comparison.save(path)
    loaded = Comparison.from_json(path.read_text(encoding="utf-8"))
    assert loaded.summaries == comparison.summaries
    assert loaded.to_json() == comparison.to_json()
    assert json.loads(path.read_text(encoding="utf-8"))["n_episodes"] == 12
