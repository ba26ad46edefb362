# SPDX-License-Identifier: Apache-2.0
"""A recording in blocks is the recording in memory."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from angora_train.agent.agent import Agent
from angora_train.analysis.recording.layout import Layout
from angora_train.analysis.recording.reader import load_recording, open_recording
from angora_train.analysis.recording.record import record, record_to
from angora_train.analysis.recording.replay import replay, replay_to
from angora_train.analysis.recording.schema import area_activity, areas
from angora_train.analysis.recording.writer import blocks_of, writing
from angora_train.errors import AngoraError, ConfigError
from angora_train.tasks import make_vector_task
from angora_train.tasks.base import VectorTask
from tests.angora_train.analysis.recording.test_record import SEED
from tests.angora_train.analysis.recording.test_record import agent as agent

LAYOUT = Layout({"4p left": 2, "AIP left": 3}, control_step_s=0.02)


def worlds(n_worlds: int, first_world: int = 0) -> VectorTask:
    """Return worlds with episodes of 20 control steps, more than a block has."""
    return make_vector_task(
        "Reach", {"episode_s": 0.4}, n_worlds=n_worlds, first_world=first_world
    )


@pytest.mark.slow
def test_a_recording_in_blocks_is_the_one_in_memory(
    agent: Agent, tmp_path: Path
) -> None:
    expected = record(agent, worlds(3), SEED, {"task": "Reach"})
    path = tmp_path / "recording.nc"
    record_to(path, agent, [worlds(3)], SEED, {"task": "Reach"}, n_episodes=3)
    xr.testing.assert_identical(load_recording(path), expected)
    assert [file.name for file in tmp_path.iterdir()] == ["recording.nc"]


@pytest.mark.slow
def test_worlds_played_one_after_the_other_are_those_played_together(
    agent: Agent, tmp_path: Path
) -> None:
    expected = record(agent, worlds(3), SEED)
    path, parts = tmp_path / "recording.nc", [worlds(2), worlds(1, first_world=2)]
    record_to(path, agent, parts, SEED, n_episodes=3)
    found = load_recording(path)
    # A network computes some worlds together as others do but for rounding.
    np.testing.assert_allclose(found["activity"], expected["activity"], atol=1e-5)
    assert found["goal"].equals(expected["goal"])
    assert found["goal_kind"].equals(expected["goal_kind"])


@pytest.mark.slow
def test_a_replay_in_blocks_is_the_one_in_memory(agent: Agent, tmp_path: Path) -> None:
    record_to(tmp_path / "a.nc", agent, [worlds(2)], SEED, n_episodes=2)
    with open_recording(tmp_path / "a.nc") as recording:
        replay_to(tmp_path / "b.nc", agent, recording, {"replayed_through": "itself"})
        expected = replay(agent, recording, {"replayed_through": "itself"})
    found = load_recording(tmp_path / "b.nc")
    xr.testing.assert_identical(found[sorted(expected)], expected[sorted(expected)])


def rows(n_steps: int, n_episodes: int) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield activity that counts control steps."""
    for step in range(n_steps):
        yield {
            "activity": np.full((n_episodes, 5), step, np.float32),
            "goal_kind_at": np.full(n_episodes, 2, np.int16),
            "success_at": np.full(n_episodes, step % 2 == 0),
            "vision": np.full((n_episodes, 2, 2, 3), step % 256, np.uint8),
        }


def write(path: Path, lengths: list[int], layout: Layout = LAYOUT) -> None:
    """Write episodes of these lengths, one after the other."""
    with writing(path, len(lengths)) as writer:
        for i, n_steps in enumerate(lengths):
            for first, block in blocks_of(rows(n_steps, 1)):
                writer.write(layout, slice(i, i + 1), first, block)
        kinds = {"goal_kind": np.full(len(lengths), 2), "n_steps": np.array(lengths)}
        writer.write_episodes(slice(0, len(lengths)), kinds)


def test_what_comes_after_a_short_episode_is_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.nc", [3, 40])
    with open_recording(tmp_path / "a.nc") as found:
        assert areas(found) == ["4p left", "AIP left"]
        activity = area_activity(found, "AIP left")
        assert activity.shape == (2, 40, 3)
        # The step is counted in every unit; blocks have 32 steps, so 40 are two.
        assert (activity[1] == np.arange(40)[:, None]).all()
        assert (activity[0, :3] == np.arange(3)[:, None]).all()
        assert np.isnan(activity[0, 3:]).all()
        assert found["success_at"].dtype == bool
        assert (
            found["success_at"][0].to_numpy().tolist()
            == [True, False, True] + [False] * 37
        )
        assert found["vision"].dtype == np.uint8
        assert found["vision"].dims[2:] == (
            "vision_row",
            "vision_column",
            "vision_channel",
        )
        assert (found["vision"][0, 3:] == 0).all()
        assert found["goal_kind_at"][0].to_numpy().tolist() == [2] * 3 + [-1] * 37


def test_an_interrupted_recording_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    write(path, [5])
    before = path.read_bytes()

    def breaks_off() -> Iterator[dict[str, NDArray[Any]]]:
        yield from rows(20, 1)
        raise KeyboardInterrupt

    def go_on() -> None:
        with writing(path, 1) as writer:
            for first, block in blocks_of(breaks_off()):
                writer.write(LAYOUT, slice(0, 1), first, block)

    with pytest.raises(KeyboardInterrupt):
        go_on()
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.nc"]


def test_what_does_not_fit_on_the_disk_is_not_begun(tmp_path: Path) -> None:
    # Ten times the disk; in memory it is one number.
    n_steps = 10 * shutil.disk_usage(tmp_path).total // (5 * 4)
    block = {"activity": np.broadcast_to(np.float32(0), (1, n_steps, 5))}

    def fill() -> None:
        with writing(tmp_path / "a.nc", 1) as writer:
            writer.write(LAYOUT, slice(0, 1), 0, block)

    with pytest.raises(AngoraError, match=r"a\.nc' cannot be written: the disk is"):
        fill()
    assert not list(tmp_path.iterdir())


def test_files_that_are_no_recordings_of_today_say_so(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    write(path, [40])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AngoraError, match=r"a\.nc' is cut short: the file has"):
        open_recording(path)
    path.write_bytes(whole)
    older = load_recording(path)
    for version, told in ((0, "is of version 0"), (None, "says no version")):
        older.attrs["recording_version"] = version
        kept = older.drop_attrs() if version is None else older
        kept.to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
        with pytest.raises(AngoraError, match=f"b.nc' {told}; this package reads"):
            open_recording(tmp_path / "b.nc")
    with pytest.raises(ConfigError, match="Nothing was recorded"):
        write(tmp_path / "c.nc", [])


def test_an_area_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "a.nc", [3])
    found = load_recording(tmp_path / "a.nc")
    with pytest.raises(ConfigError, match=r"area 'AIP'\. Close matches: AIP left"):
        area_activity(found, "AIP")
    found["activity"][0, 1, 3] = np.nan
    with pytest.raises(ConfigError, match="unit 1 of area 'AIP left' is nan in step 1"):
        area_activity(found, "AIP left")
