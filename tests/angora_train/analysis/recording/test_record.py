# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import keras
import numpy as np
import pytest
import xarray as xr

from angora_train.agent.agent import Agent
from angora_train.agent.distributions import MultiCategorical
from angora_train.agent.normalization import SensationNormalizer
from angora_train.analysis.recording.reader import load_recording
from angora_train.analysis.recording.record import area_layers, record
from angora_train.analysis.recording.writer import save_recording
from angora_train.engine import make_engine
from angora_train.errors import AngoraError, ConfigError
from angora_train.ranks.comm import LocalComm
from angora_train.tasks import make_vector_task
from angora_train.tasks.base import VectorTask
from atlasnet.model.builder import build_model
from atlasnet.plan.spec import AreaSpec, InputSpec, NetworkSpec, PathwaySpec, ValueSpec

pytestmark = pytest.mark.slow  # compiles with TensorFlow

SEED, N_EPISODES, N_STEPS = 11, 4, 8
SIZES = {"proprioception": 48, "goal": 15, "auxiliary": 30}


def reach() -> VectorTask:
    """Return four worlds with episodes of 8 control steps."""
    return make_vector_task("Reach", {"episode_s": 0.16}, n_worlds=N_EPISODES)


def network() -> NetworkSpec:
    """Return an area of goals that drives one of movement, and a blind alley."""
    to_motor, aside = (
        PathwaySpec(
            source="dlPFC left",
            target=target,
            timing="same_step",
            direction="feedforward",
            direction_rule="cited",
        )
        for target in ("4p left", "IFJ left")
    )
    return NetworkSpec(
        name="small",
        control_step_s=0.02,
        areas=(
            AreaSpec(name="dlPFC left", n_units=5, cell="rate"),
            AreaSpec(name="4p left", n_units=6, cell="rate"),
            AreaSpec(name="IFJ left", n_units=3, cell="dense"),
        ),
        pathways=(to_motor, aside),
        inputs=(
            InputSpec(name="proprioception", size=48, areas=("4p left",)),
            InputSpec(name="goal", size=15, areas=("dlPFC left",)),
        ),
        action_areas=("4p left",),
        policy_size=220,
        value=ValueSpec(areas=("4p left",), auxiliary_size=30, hidden_units=(4,)),
    )


@pytest.fixture(scope="module")
def agent() -> Agent:
    model = build_model(network(), seed=3)
    normalizer = SensationNormalizer(SIZES)
    observation, _ = reach().reset(seed=0)
    normalizer.update(LocalComm(), {k: observation[k][None] for k in SIZES})
    return Agent(
        model, MultiCategorical(20), normalizer, make_engine(), area_layers(model)
    )


@pytest.fixture(scope="module")
def recording(agent: Agent) -> xr.Dataset:
    return record(agent, reach(), SEED, {"checkpoint": "none"})


def test_every_area_of_the_network_is_recorded(recording: xr.Dataset) -> None:
    assert recording["activity"].dims == ("episode", "time", "unit")
    assert recording["activity"].shape == (N_EPISODES, N_STEPS, 5 + 6 + 3)
    areas = ["dlPFC left"] * 5 + ["4p left"] * 6 + ["IFJ left"] * 3
    assert recording["area"].to_numpy().tolist() == areas
    indices = [*range(5), *range(6), *range(3)]
    assert recording["index"].to_numpy().tolist() == indices
    np.testing.assert_allclose(recording["time"], 0.02 * np.arange(N_STEPS))


def test_playing_the_recorded_actions_again_gives_what_was_recorded(
    recording: xr.Dataset,
) -> None:
    task = reach()
    observation, _ = task.reset(seed=SEED)
    for t in range(N_STEPS):
        now = recording.isel(time=t)
        for name in ("proprioception", "touch", "goal", "vision", "auxiliary"):
            assert (now[name].to_numpy() == observation[name]).all()
        observation, reward, _, _, info = task.step(now["action"].to_numpy())
        assert (now["reward"].to_numpy() == reward).all()
        np.testing.assert_allclose(now["distance"], info["distance_m"], rtol=1e-6)
    assert (recording["goal_kind"].to_numpy() == info["goal_kind"]).all()
    assert (recording["success"].to_numpy() == info["success"]).all()
    assert recording["n_steps"].to_numpy().tolist() == [N_STEPS] * N_EPISODES


def test_activity_follows_from_what_was_sensed_since_the_episode_began(
    agent: Agent, recording: xr.Dataset
) -> None:
    # The whole sequence at once through the plain model: no state is carried here.
    raw = {n: recording[n].to_numpy().reshape(-1, SIZES[n]) for n in SIZES}
    sensed = {
        name: normal.reshape(N_EPISODES, N_STEPS, -1)
        for name, normal in agent.normalizer.normalize(raw).items()
    }
    outputs = [agent.model.get_layer(n).output for n in ("dlpfc_left", "4p_left")]
    value = agent.model.output["value"]
    probe = keras.Model(agent.model.input, [*outputs, value])
    goal_area, motor, expected_value = (np.asarray(x) for x in probe(sensed))
    activity = recording["activity"].to_numpy()
    np.testing.assert_allclose(activity[..., :5], goal_area, atol=1e-5)
    np.testing.assert_allclose(activity[..., 5:11], motor, atol=1e-5)
    np.testing.assert_allclose(
        recording["value"], expected_value[..., 0], rtol=1e-4, atol=1e-5
    )


def test_actions_are_bins(recording: xr.Dataset) -> None:
    bins = (recording["action"].to_numpy() + 1.0) * 5.0
    np.testing.assert_allclose(bins, bins.round(), atol=1e-5)
    assert len(np.unique(bins.round())) == 11


def test_the_same_seed_records_the_same(agent: Agent, recording: xr.Dataset) -> None:
    again = record(agent, reach(), SEED, {"checkpoint": "none"})
    xr.testing.assert_identical(again, recording)
    other = record(agent, reach(), SEED + 1)
    assert (other["action"] != recording["action"]).any()


def test_a_recording_survives_its_file(recording: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "new" / "recording.nc"
    save_recording(recording, path)
    loaded = load_recording(path)
    xr.testing.assert_identical(loaded, recording)
    assert loaded.attrs["seed"] == SEED
    assert loaded.attrs["checkpoint"] == "none"
    assert loaded.attrs["keras_version"] == keras.__version__
    assert [file.name for file in path.parent.iterdir()] == ["recording.nc"]


def test_a_failed_write_leaves_the_old_recording(
    recording: xr.Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "recording.nc"
    save_recording(recording, path)
    broken = recording.assign_attrs(nonsense=object())
    with pytest.raises(TypeError):
        save_recording(broken, path)
    xr.testing.assert_identical(load_recording(path), recording)
    assert [file.name for file in tmp_path.iterdir()] == ["recording.nc"]


def test_another_suffix_is_refused(recording: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ends in '\.nc', got 'recording\.h5'"):
        save_recording(recording, tmp_path / "recording.h5")


def test_files_that_are_no_recordings_say_so(
    recording: xr.Dataset, tmp_path: Path
) -> None:
    with pytest.raises(AngoraError, match="There is no recording"):
        load_recording(tmp_path / "missing.nc")
    (tmp_path / "text.nc").write_text("no NetCDF")
    with pytest.raises(AngoraError, match="cannot be read as NetCDF"):
        load_recording(tmp_path / "text.nc")
    recording[["reward"]].to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    with pytest.raises(AngoraError, match="it lacks activity, area, goal_kind, n_"):
        load_recording(tmp_path / "other.nc")


def test_an_agent_without_probes_is_refused(agent: Agent) -> None:
    blind = Agent(agent.model, agent.distribution, agent.normalizer, agent.engine)
    with pytest.raises(ConfigError, match="no probes"):
        record(blind, reach(), SEED)


def test_a_model_without_areas_is_refused() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)], name="plain")
    with pytest.raises(ConfigError, match="'plain' has no layer of the class Area"):
        area_layers(model)
