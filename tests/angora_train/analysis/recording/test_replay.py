# SPDX-License-Identifier: Apache-2.0
"""Recorded sensations are fed to other networks, and to the same."""

import numpy as np
import pytest
import xarray as xr

from angora_train.agent.agent import Agent
from angora_train.analysis.recording.record import area_layers
from angora_train.analysis.recording.replay import replay
from angora_train.errors import ConfigError
from atlasnet.model.builder import build_model
from tests.angora_train.analysis.recording.test_record import agent as agent
from tests.angora_train.analysis.recording.test_record import network
from tests.angora_train.analysis.recording.test_record import recording as recording

pytestmark = pytest.mark.slow  # compiles with TensorFlow


def other(agent: Agent, seed: int) -> Agent:
    """Return the agent with other initial weights."""
    model = build_model(network(), seed=seed)
    return Agent(
        model, agent.distribution, agent.normalizer, agent.engine, area_layers(model)
    )


def test_the_network_that_was_recorded_does_the_same_again(
    agent: Agent, recording: xr.Dataset
) -> None:
    again = replay(agent, recording)
    np.testing.assert_allclose(again["activity"], recording["activity"], atol=1e-6)
    # The same random numbers draw the same bins.
    np.testing.assert_array_equal(again["replayed.action"], recording["action"])
    np.testing.assert_allclose(again["replayed.value"], recording["value"], rtol=1e-5)
    assert again["area"].to_numpy().tolist() == recording["area"].to_numpy().tolist()
    for name in ("action", "reward", "touch", "goal_kind", "time"):
        xr.testing.assert_equal(again[name], recording[name])


def test_a_network_with_other_weights_does_something_else_with_the_same(
    agent: Agent, recording: xr.Dataset
) -> None:
    found = replay(other(agent, seed=4), recording, {"replayed_through": "seed 4"})
    assert np.abs(found["activity"] - recording["activity"]).mean() > 0.01
    assert found.attrs["replayed_through"] == "seed 4"
    assert found.attrs["seed"] == recording.attrs["seed"]
    xr.testing.assert_equal(found["goal"], recording["goal"])


def test_after_an_episode_nothing_is_replayed(
    agent: Agent, recording: xr.Dataset
) -> None:
    # Episode 1 ends after 3 of 8 steps: as it is before, and nothing after.
    n_steps = recording["n_steps"].copy(data=[8, 3, 8, 8])
    is_over = (xr.DataArray(np.arange(8), dims="time") >= 3) & (
        xr.DataArray(np.arange(4), dims="episode") == 1
    )
    cut = recording.assign(
        {name: recording[name].where(~is_over) for name in ("goal", "proprioception")}
        | {"n_steps": n_steps}
    )
    found = replay(agent, cut)["activity"]
    assert np.isnan(found[1, 3:]).all()
    kept = found.where(~is_over.transpose("episode", "time"), 0.0)
    expected = recording["activity"].where(~is_over.transpose("episode", "time"), 0.0)
    np.testing.assert_allclose(kept, expected, atol=1e-6)


def test_what_was_not_recorded_cannot_be_replayed(
    agent: Agent, recording: xr.Dataset
) -> None:
    with pytest.raises(ConfigError, match="reads the sensation 'goal', which was not"):
        replay(agent, recording.drop_vars("goal"))
    narrow = recording.isel(goal_channel=slice(3))
    with pytest.raises(ConfigError, match=r"shape \(15,\); the recording has \(3,\)"):
        replay(agent, narrow)
    blind = Agent(agent.model, agent.distribution, agent.normalizer, agent.engine)
    with pytest.raises(ConfigError, match="no probes"):
        replay(blind, recording)
