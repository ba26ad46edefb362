# SPDX-License-Identifier: Apache-2.0
"""Recordings as tables."""

import json

import numpy as np
import pytest
import xarray as xr

from angora_train.analysis.recording.tables import to_pandas, to_rsatoolbox
from angora_train.errors import ConfigError


@pytest.fixture
def recording() -> xr.Dataset:
    """Return two episodes of two and three steps; activity counts up."""
    activity = np.arange(2 * 3 * 3, dtype=np.float32).reshape(2, 3, 3)
    activity[0, 2] = np.nan
    tips = np.full((2, 3, 2), 0.5, np.float32)
    return xr.Dataset(
        {
            "activity": (("episode", "time", "unit"), activity),
            "reward": (("episode", "time"), activity[..., 0]),
            "state.tips": (("episode", "time", "state.tips_channel"), tips),
            "goal_kind": ("episode", [1, 0]),
            "success": ("episode", [True, False]),
            "n_steps": ("episode", [2, 3]),
        },
        coords={
            "time": [0.0, 0.02, 0.04],
            "area": ("unit", ["3a left", "4p left", "4p left"]),
            "index": ("unit", [0, 0, 1]),
            "state.tips_channel": ["ff x", "ff y"],
        },
        attrs={"goal_names": json.dumps(["ff", "mf"]), "task": "Reach"},
    )


def test_an_area_as_a_table_has_the_steps_that_were_played(
    recording: xr.Dataset,
) -> None:
    table = to_pandas(recording, "4p left")
    # 2 + 3 steps of 2 units. Unit 1 of the area is unit 2 of all: in episode 1, step 2
    # its activity is 9 + 2 * 3 + 2 = 17.
    assert len(table) == 10
    assert table.iloc[-1].to_dict() == {
        "episode": 1,
        "time": 0.04,
        "goal": "ff",
        "channel": 1,
        "value": 17.0,
    }
    assert table.loc[table.episode == 0, "goal"].unique().tolist() == ["mf"]


def test_variables_as_tables_have_the_labels_of_their_channels(
    recording: xr.Dataset,
) -> None:
    assert to_pandas(recording, "state.tips").channel.tolist() == ["ff x", "ff y"] * 5
    reward = to_pandas(recording, "reward")
    assert list(reward) == ["episode", "time", "goal", "value"]
    assert reward.value.tolist() == [0, 3, 9, 12, 15]
    assert to_pandas(recording, "success").value.tolist() == [True, False]


def test_an_area_for_rsatoolbox_has_its_descriptors(recording: xr.Dataset) -> None:
    found = to_rsatoolbox(recording, "4p left")
    # Both episodes are under way in the first two steps.
    assert found.measurements.shape == (2, 2, 2)
    assert found.measurements[1, :, 1].tolist() == [13.0, 14.0]
    assert list(found.obs_descriptors["goal"]) == ["mf", "ff"]
    assert list(found.channel_descriptors["unit"]) == [0, 1]
    assert list(found.time_descriptors["time"]) == [0.0, 0.02]
    assert found.descriptors == {"area": "4p left", "task": "Reach"}


def test_what_is_no_table_says_so(recording: xr.Dataset) -> None:
    with pytest.raises(ConfigError, match="neither an area nor a variable 'rewards'"):
        to_pandas(recording, "rewards")
    with pytest.raises(ConfigError, match="one area at a time"):
        to_pandas(recording, "activity")
    with pytest.raises(ConfigError, match="no area '4p'"):
        to_rsatoolbox(recording, "4p")
