# SPDX-License-Identifier: Apache-2.0
"""What is exported acts as the agent does."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import atlasnet
from angora_train.agent.agent import Agent
from angora_train.agent.distributions import Beta, MultiCategorical
from angora_train.agent.export import export_agent, step_model
from angora_train.agent.normalization import IdentityNormalizer, SensationNormalizer
from angora_train.agent.recurrence import IS_FIRST, explicit_state
from angora_train.analysis.actors import choosing
from angora_train.engine import make_engine
from angora_train.errors import ConfigError
from angora_train.networks.plain import build_architecture
from angora_train.ranks.comm import LocalComm
from atlasnet.model.builder import build_model
from atlasnet.plan.spec import NetworkSpec

pytestmark = pytest.mark.slow

N_WORLDS, N_STEPS = 3, 5


def agent_of(model: keras.Model, distribution: Any, rng: np.random.Generator) -> Agent:
    sizes = {x.name: x.shape[-1] for x in model.inputs if len(x.shape) == 3}
    normalizer = SensationNormalizer(sizes)
    seen = {n: rng.normal(2, 3, (50, w)).astype(np.float32) for n, w in sizes.items()}
    normalizer.update(LocalComm(), seen)
    for weight in model.weights:  # the policy's first weights are small
        weight.assign(rng.normal(0, 0.3, weight.shape))
    return Agent(model, distribution, normalizer, make_engine())


def sensations(model: keras.Model, rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {
            x.name: rng.normal(2, 3, (N_WORLDS, *x.shape[2:])).astype(np.float32)
            if len(x.shape) == 3
            else rng.integers(0, 256, (N_WORLDS, *x.shape[2:])).astype(np.uint8)
            for x in model.inputs
        }
        for _ in range(N_STEPS)
    ]


def played(agent: Agent, seen: list[dict[str, Any]]) -> list[Any]:
    """Return the actions of an agent; world 1 begins anew at step 2."""
    state, actions = agent.initial_state(N_WORLDS), []
    for t, row in enumerate(seen):
        is_first = np.array([t == 0, t in (0, 2), t == 0])
        uniforms = np.zeros((N_WORLDS, agent.n_uniforms), np.float32)
        step = agent.act(agent.normalize(row), state, is_first, uniforms)
        state = step.state
        actions.append(step.action)
    return actions


def exported(run: Any, model: keras.Model, seen: list[dict[str, Any]]) -> list[Any]:
    """Return the actions of an exported function."""
    names = {x.name for x in model.inputs}
    states = {
        x.name: np.zeros((N_WORLDS, *x.shape[1:]), np.float32)
        for x in model.inputs
        if x.name.startswith("state_")
    }
    actions = []
    for t, row in enumerate(seen):
        first = np.float32([[t == 0], [t in (0, 2)], [t == 0]])
        given = {name: x for name, x in row.items() if name in names}
        out = run({**given, **states, "is_first": first})
        states = {name: np.asarray(out[name]) for name in states}
        actions.append(np.asarray(out["action"]))
    return actions


@pytest.mark.parametrize("choice", ["expected", "most_likely"])
@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="TFSMLayer")
def test_a_saved_model_acts_as_the_agent(
    tiny_spec: NetworkSpec, rng: np.random.Generator, tmp_path: Path, choice: Any
) -> None:
    agent = agent_of(build_model(tiny_spec), MultiCategorical(2, 3), rng)
    seen = sensations(agent.model, rng)
    about = json.loads(export_agent(agent, tmp_path / "out", choice).read_text())
    # Only the value reads `auxiliary`: it is left out.
    assert set(about["inputs"]) == {"touch", "goal", "is_first", "state_areas_0"}
    assert about["inputs"]["touch"] == [[3], "float32"]
    assert about["outputs"]["action"] == [2]
    layer = keras.layers.TFSMLayer(tmp_path / "out", call_endpoint="serve")
    ours = exported(layer, step_model(agent), seen)
    theirs = played(choosing(agent, choice), seen)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert np.std(theirs) > 0.01
    with pytest.raises(ConfigError, match="not an empty folder"):
        export_agent(agent, tmp_path / "out")


def test_a_step_model_of_pixels_and_an_lstm_acts_as_the_agent(
    rng: np.random.Generator,
) -> None:
    shapes = {"vision": (24, 24, 3), "touch": (3,), "auxiliary": (4,)}
    model = build_architecture("simple", shapes, 4)
    agent = agent_of(model, Beta(2), rng)
    seen = sensations(model, rng)
    step = step_model(agent, "expected")
    assert {x.name: x.dtype for x in step.inputs}["vision"] == "uint8"
    theirs = played(choosing(agent, "expected"), seen)
    np.testing.assert_allclose(exported(step, step, seen), theirs, atol=1e-5)


def test_without_normalisation_sensations_go_in_as_they_are(
    tiny_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    agent = agent_of(build_model(tiny_spec), MultiCategorical(2, 3), rng)
    agent.normalizer = IdentityNormalizer({})
    seen = sensations(agent.model, rng)
    step = step_model(agent, "expected")

    class Raw(Agent):
        def normalize(self, observation: Any) -> Any:
            return observation

    raw = Raw(
        agent.model,
        choosing(agent, "expected").distribution,
        agent.normalizer,
        agent.engine,
    )
    np.testing.assert_allclose(exported(step, step, seen), played(raw, seen), atol=1e-5)


def test_a_normalisation_of_ones_own_cannot_be_exported(
    tiny_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    class Own:
        pass

    agent = agent_of(build_model(tiny_spec), MultiCategorical(2, 3), rng)
    agent.normalizer = Own()  # type: ignore[assignment]
    with pytest.raises(ConfigError, match="normalisation Own cannot be exported"):
        step_model(agent)


def test_a_stream_and_interventions_step_by_step_are_the_whole_sequence(
    tiny_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    # A stream that returns a map of 1 x 1 x 3, for touch; noise counts the steps since
    # an episode began, in a state of its own.
    picture = keras.Input((8, 8, 2))
    seen = keras.layers.Conv2D(3, 8, name="conv")(picture)
    stream = keras.Model(picture, seen)
    model = atlasnet.connect_stream(build_model(tiny_spec), "touch", stream)
    done = [
        atlasnet.Noise(area="S", standard_deviation=0.1),
        atlasnet.Lesion(area="M", share=0.5),
    ]
    model = atlasnet.intervene(model, done)
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))
    x = {
        t.name: rng.normal(size=(2, 4, *t.shape[2:])).astype(np.float32)
        for t in model.inputs
    }
    whole = np.asarray(model(x)["policy"])
    stateful = explicit_state(model)
    assert stateful.state_shapes["state_areas_1"] == (1,)

    def run(firsts: tuple[int, ...]) -> np.ndarray:
        state, steps = stateful.initial_state(2), []
        for t in range(4):
            first = np.full((2, 1), float(t in firsts), np.float32)
            row = {name: value[:, t : t + 1] for name, value in x.items()}
            out = stateful.model({**row, **state, IS_FIRST: first})
            state = {name: np.asarray(out[name]) for name in state}
            steps.append(np.asarray(out["policy"]))
        return np.concatenate(steps, axis=1)

    np.testing.assert_allclose(run((0,)), whole, atol=1e-5)
    # An episode that begins at step 2 meets the noise of a first step again.
    tail = {name: value[:, 2:] for name, value in x.items()}
    again = run((0, 2))[:, 2:]
    np.testing.assert_allclose(again, np.asarray(model(tail)["policy"]), atol=1e-5)
    assert np.abs(again - whole[:, 2:]).max() > 1e-3
