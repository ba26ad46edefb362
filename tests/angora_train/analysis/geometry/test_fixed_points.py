# SPDX-License-Identifier: Apache-2.0
"""Fixed points of networks whose fixed points are known."""

import keras
import numpy as np
import pytest

from angora_train.agent.agent import Agent
from angora_train.agent.distributions import make_distribution
from angora_train.analysis.geometry.fixed_points import fixed_points, state_areas
from angora_train.config.run import NormalizationConfig, PolicyConfig
from angora_train.engine import make_engine
from angora_train.errors import ConfigError


def lonely_unit(weight: float) -> Agent:
    """One unit, x' = tanh(weight x + sense)."""
    sense = keras.Input((None, 1), name="sense")
    hidden = keras.layers.SimpleRNN(1, return_sequences=True, name="core")(sense)
    policy = keras.layers.Dense(2)(hidden)
    value = keras.layers.Dense(1)(hidden)
    model = keras.Model({"sense": sense}, {"policy": policy, "value": value})
    one, own = np.ones((1, 1)), np.full((1, 1), weight)
    model.get_layer("core").set_weights([one, own, np.zeros(1)])
    distribution = make_distribution(PolicyConfig(distribution="gaussian"), 1)
    return Agent.of(
        model, distribution, NormalizationConfig(sensations=False), make_engine()
    )


def test_a_bistable_unit_has_two_stable_points_and_one_that_is_not() -> None:
    """x = tanh(2 x) at 0 and at +-0.95750; slopes there 2 (1 - x^2): 2 and 0.1664."""
    agent = lonely_unit(2.0)
    (name,) = agent.initial_state(1)
    starts = np.array([[-0.9], [0.8], [0.01], [0.6], [-0.7]], np.float32)
    (found,) = fixed_points(
        agent, [{"sense": np.zeros(1, np.float32)}], {name: starts}, n_steps=600
    )
    points = sorted(found.points, key=lambda x: float(x.state[0]))
    places = [float(x.state[0]) for x in points]
    assert places == pytest.approx([-0.95750, 0.0, 0.95750], abs=2e-3)
    assert [x.n_starts for x in points] == [2, 1, 2]
    slopes = [float(x.eigenvalues[0].real) for x in points]
    assert slopes == pytest.approx([0.1664, 2.0, 0.1664], abs=0.01)
    assert [x.is_stable for x in points] == [True, False, True]
    assert all(x.is_fixed for x in points)
    # q of the first start: (tanh(-1.8) + 0.9)^2 / 2.
    assert found.speed_visited[0] == pytest.approx(
        (np.tanh(-1.8) + 0.9) ** 2 / 2, rel=1e-4
    )


def test_the_held_sensation_decides_and_a_near_miss_is_slow_not_fixed() -> None:
    """x = tanh(2 x + 0.6) has a fixed point at 0.98851 alone; near -0.7 it is slow."""
    agent = lonely_unit(2.0)
    (name,) = agent.initial_state(1)
    starts = np.array([[0.9], [0.8], [-0.7], [-0.6]], np.float32)
    sense = {"sense": np.array([0.6], np.float32)}
    at_rest = {"sense": np.zeros(1, np.float32)}
    found, other = fixed_points(agent, [sense, at_rest], {name: starts}, n_steps=600)
    first, second = found.points
    assert first.is_fixed
    assert float(first.state[0]) == pytest.approx(0.98851, abs=2e-3)
    assert not second.is_fixed
    assert state_areas(agent) == [name]
    # The other sensation is held by itself: tanh(2 x) has its own fixed points.
    assert float(other.points[0].state[0]) == pytest.approx(0.95750, abs=2e-3) or (
        float(other.points[0].state[0]) == pytest.approx(-0.95750, abs=2e-3)
    )


def test_a_network_without_state_has_no_fixed_points() -> None:
    sense = keras.Input((None, 1), name="sense")
    heads = {
        "policy": keras.layers.Dense(2)(sense),
        "value": keras.layers.Dense(1)(sense),
    }
    agent = Agent.of(
        keras.Model({"sense": sense}, heads),
        make_distribution(PolicyConfig(distribution="gaussian"), 1),
        NormalizationConfig(sensations=False),
        make_engine(),
    )
    with pytest.raises(ConfigError, match="no recurrent state"):
        fixed_points(agent, [{"sense": np.zeros(1, np.float32)}], {})
