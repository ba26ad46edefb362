# SPDX-License-Identifier: Apache-2.0
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from angora_train.agent.agent import Agent
from angora_train.agent.distributions import MultiCategorical
from angora_train.agent.normalization import SensationNormalizer
from angora_train.analysis.actors import (
    AgentActor,
    PostureActor,
    ShuffledActor,
    choosing,
)
from angora_train.analysis.evaluation import episodes, evaluate
from angora_train.analysis.intervals import summarize
from angora_train.engine import make_engine
from atlasnet.model.builder import build_model
from atlasnet.plan.spec import NetworkSpec

SIZES = {"touch": 3, "goal": 2, "auxiliary": 2}


class Staggered(VectorEnv):
    """World w earns w + 1 a step and ends its episodes after w + 2 steps."""

    def __init__(self, n_worlds: int, first_world: int = 0) -> None:
        self.num_envs = n_worlds
        self.first_world = first_world
        self.single_action_space = gymnasium.spaces.Box(-1.0, 1.0, (3,))
        self.world = np.arange(first_world, first_world + n_worlds)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.clock = np.zeros(self.num_envs, np.int64)
        self.actions: list[NDArray[np.float32]] = []
        return self._sense(), {}

    def step(self, actions: NDArray[np.float32]) -> Any:
        self.actions.append(actions)
        self.clock += 1
        ended = self.clock == self.world + 2
        info = {
            "success": self.world % 2 == 0,
            "distance_m": self.clock / 100,
            "goal_kind": self.world % 5,
        }
        self.clock[ended] = 0
        reward = (self.world + 1).astype(np.float32)
        return self._sense(), reward, np.zeros_like(ended), ended, info

    def _sense(self) -> dict[str, NDArray[np.float32]]:
        goal = np.repeat(self.world[:, None], 2, axis=1)
        return {
            "touch": np.repeat(self.clock[:, None], 3, axis=1).astype(np.float32),
            "goal": goal.astype(np.float32),
            "auxiliary": np.zeros((self.num_envs, 2), np.float32),
        }


def still() -> PostureActor:
    return PostureActor(np.zeros(3, np.float32))


@pytest.fixture
def agent(tiny_spec: NetworkSpec) -> Agent:
    spec = tiny_spec.model_copy(update={"policy_size": 15})  # 3 actuators x 5 bins
    model = build_model(spec)
    # The initial policy is uniform to a hundredth: make it choose.
    head = model.get_layer("policy")
    head.kernel.assign(200.0 * head.kernel)
    return Agent(
        model, MultiCategorical(3, 5), SensationNormalizer(SIZES), make_engine()
    )


def test_a_task_s_own_metrics_are_those_of_the_last_step() -> None:
    class Counting(Staggered):
        metrics = ("distance_m", "goals_reached")

        def step(self, actions: NDArray[np.float32]) -> Any:
            *rest, info = super().step(actions)
            return *rest, {**info, "goals_reached": np.array([4, 0, 2])}

    result = evaluate(still(), Counting(3), seed=1)
    assert result.facts["goals_reached"].tolist() == [4, 0, 2]
    assert result.facts["distance_m"].tolist() == [0.02, 0.03, 0.04]
    assert result.distance_m.tolist() == [0.02, 0.03, 0.04]
    means = summarize(result, seed=0)
    assert set(means) == {"return", "success", "distance_m", "goals_reached"}
    assert means["goals_reached"].mean == 2.0


def test_every_world_plays_one_episode_and_later_ones_do_not_count() -> None:
    result = evaluate(still(), Staggered(3), seed=1)
    # World w: w + 2 steps of w + 1 each.
    assert result.n_steps.tolist() == [2, 3, 4]
    assert result.total_reward.tolist() == [2.0, 6.0, 12.0]
    assert result.success.tolist() == [True, False, True]
    assert result.distance_m.tolist() == [0.02, 0.03, 0.04]  # of the last step
    assert result.goal_kind.tolist() == [0, 1, 2]
    assert result.n_episodes == 3


def test_play_stops_with_the_last_world() -> None:
    moments = list(episodes(still(), Staggered(3), seed=1))
    assert len(moments) == 4
    assert [m.is_under_way.tolist() for m in moments] == [
        [True, True, True],
        [True, True, True],
        [False, True, True],
        [False, False, True],
    ]
    assert [m.is_last.tolist() for m in moments[1:]] == np.eye(3, dtype=bool).tolist()


def test_a_moment_shows_what_was_sensed_before_the_action() -> None:
    first, second, *_ = episodes(still(), Staggered(3), seed=1)
    assert first.observation["touch"][:, 0].tolist() == [0, 0, 0]
    assert second.observation["touch"][:, 0].tolist() == [1, 1, 1]


def test_a_posture_is_held_in_every_world() -> None:
    command = np.array([0.5, -1.0, 0.0], np.float32)
    task = Staggered(2)
    evaluate(PostureActor(command), task, seed=0)
    assert all((actions == command).all() for actions in task.actions)


@pytest.mark.slow
def test_a_worlds_luck_does_not_depend_on_the_other_worlds(agent: Agent) -> None:
    together, alone = Staggered(3), Staggered(1, first_world=1)
    evaluate(AgentActor(agent), together, seed=4)
    evaluate(AgentActor(agent), alone, seed=4)
    for one, many in zip(alone.actions, together.actions, strict=False):
        assert one[0].tolist() == many[1].tolist()
    again = Staggered(1, first_world=1)
    evaluate(AgentActor(agent), again, seed=5)
    assert any(
        (one != other).any()
        for one, other in zip(alone.actions, again.actions, strict=True)
    )


@pytest.mark.slow
def test_a_shuffled_goal_reaches_the_model_and_nothing_else_does(agent: Agent) -> None:
    observation, _ = Staggered(3).reset()
    observation["touch"] += np.float32([[0.1], [0.2], [0.3]])
    order = np.array([2, 0, 1])
    state, first = agent.initial_state(3), np.ones(3, bool)
    uniforms = np.full((3, 3), 0.4, np.float32)
    shuffled = ShuffledActor(agent, order).act(observation, state, first, uniforms)
    exchanged = {**observation, "goal": observation["goal"][order]}
    by_hand = AgentActor(agent).act(exchanged, state, first, uniforms)
    own = AgentActor(agent).act(observation, state, first, uniforms)
    assert shuffled.log_prob.tolist() == by_hand.log_prob.tolist()
    assert shuffled.log_prob.tolist() != own.log_prob.tolist()
    assert observation["goal"][:, 0].tolist() == [0, 1, 2]  # the task's own stays


@pytest.mark.slow
def test_the_way_of_choosing_decides_the_action(agent: Agent) -> None:
    observation, _ = Staggered(2).reset()
    observation["goal"] += 0.7
    state, first = agent.initial_state(2), np.ones(2, bool)
    uniforms = np.full((2, 3), 0.999, np.float32)
    inputs = {name: observation[name][:, None] for name in agent.sensations}
    normal = agent.normalizer.normalize({k: v[:, 0] for k, v in inputs.items()})
    policy = agent.model({k: v[:, None] for k, v in normal.items()})["policy"]
    logits = np.asarray(policy).reshape(2, 3, 5)
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    centres = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])

    def action(choice: Any) -> NDArray[np.float32]:
        actor = AgentActor(choosing(agent, choice))
        return actor.act(observation, state, first, uniforms).action

    np.testing.assert_allclose(action("most_likely"), centres[p.argmax(-1)], atol=1e-6)
    np.testing.assert_allclose(action("expected"), p @ centres, atol=1e-5)
    assert (action("sampled") == 1.0).all()  # the last bin, by the uniform numbers


def test_a_summary_has_the_means() -> None:
    means = summarize(evaluate(still(), Staggered(3), seed=1), seed=0)
    assert means["return"].mean == pytest.approx(20 / 3)
    assert means["success"].mean == pytest.approx(2 / 3)
    assert means["distance_m"].mean == pytest.approx(0.03)
