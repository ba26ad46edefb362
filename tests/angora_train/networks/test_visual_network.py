# SPDX-License-Identifier: Apache-2.0
"""The preset `fpn-visual` sees the pixels of a task, acts, learns and is recorded."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import atlasnet
from angora_train.analysis.recording.record import area_layers, record
from angora_train.config.loading import load_config
from angora_train.config.run import RunConfig
from angora_train.errors import ConfigError
from angora_train.ranks.comm import LocalComm
from angora_train.run import checkpoint
from angora_train.run.trainer import train
from angora_train.tasks import make_vector_task
from tests.angora_train.tasks.worlds.test_vision import (
    _needs_graphics,  # noqa: F401 - a fixture for all
)

pytestmark = pytest.mark.slow  # draws, and compiles with TensorFlow

_EYE = {
    "kind": "rgb",
    "n_cameras": 2,
    "height_px": 24,
    "width_px": 24,
    "hand": "shapes",
}


def _config(directory: Path, n_cycles: int) -> RunConfig:
    return RunConfig.from_dict(
        {
            "task": {"name": "Reach", "options": {"vision": _EYE}},
            "network": {
                "preset": "fpn-visual",
                "n_units": 112,
                "floor": 4,
                "visual": {"total": 20_000},
            },
            "ppo": {
                "horizon": 8,
                "chunk_length": 4,
                "minibatch_size": 16,
                "n_epochs": 1,
            },
            "normalization": {"warm_up_steps": 2},
            "n_worlds": 4,
            "n_cycles": n_cycles,
            "directory": str(directory / "run"),
        }
    )


def test_a_network_that_sees_pixels_trains_and_is_recorded(tmp_path: Path) -> None:
    shown: list[Any] = []
    config = _config(tmp_path, 2)
    agent = train(config, LocalComm(), shown.append)
    assert len(shown) == 2
    assert all(np.isfinite(row["train/policy_loss"]) for row in shown)
    spec = atlasnet.spec_of(agent.model)
    assert spec is not None
    # 24 x 24 pixels: V1's positions are 1 pixel apart, those of MT 8.
    v1, mt = spec.area("V1 left").map, spec.area("MT left").map
    assert v1 is not None
    assert mt is not None
    assert ((v1.height, v1.width), (mt.height, mt.width)) == ((24, 24), (3, 3))
    assert next(e for e in spec.inputs if e.name == "vision").shape == (24, 24, 6)
    assert sum(a.n_units for a in spec.areas if a.map is None) == 112
    # Learning reaches the weights by which V1 reads the image.
    cell = agent.model.get_layer("areas").cell
    columns = cell.afferent_columns("V1 left")["vision"]
    position = [a.name for a in spec.areas].index("V1 left")
    first = atlasnet.build_model(spec, seed=config.seed).get_layer("areas").cell
    learned = np.asarray(cell.populations[position].kernel)[:, columns]
    assert (
        learned != np.asarray(first.populations[position].kernel)[:, columns]
    ).mean() > 0.9
    # A checkpoint gives the same network, which is recorded in every area.
    task = make_vector_task("Reach", {"vision": _EYE, "episode_s": 0.06}, n_worlds=2)
    folder = Path(config.directory)
    loaded = checkpoint.load_agent(folder, "last")
    recording = record(loaded.probing(area_layers(loaded.model)), task, seed=0)
    seen = recording["activity"].sel(unit=recording["area"] == "V1 left")
    assert seen.shape[2] == spec.area("V1 left").n_units
    assert recording["vision"].dims[2:] == (
        "vision_row",
        "vision_column",
        "vision_channel",
    )
    assert float(np.abs(seen).max()) > 0


def test_a_pose_for_a_network_that_sees_pixels_is_one_clear_error(
    tmp_path: Path,
) -> None:
    config = _config(tmp_path, 1)
    other = config.model_copy(
        update={"task": config.task.model_copy(update={"options": {}})}
    )
    with pytest.raises(ConfigError, match=r"vision: \{kind: rgb\}"):
        train(other, LocalComm())


def test_pixels_for_the_blind_network_are_one_clear_error(tmp_path: Path) -> None:
    config = _config(tmp_path, 1)
    blind = config.network.model_copy(update={"preset": "fpn", "visual": None})
    with pytest.raises(ConfigError, match="'V6A left', which has no retinotopic map"):
        train(config.model_copy(update={"network": blind}), LocalComm())


def test_a_wrong_option_of_visual_areas_names_it() -> None:
    reason = r"Unknown config key 'network\.visual\.totl'\. Close matches: total"
    with pytest.raises(ConfigError, match=reason):
        load_config("cube_z", ["network.visual={totl: 5}"])
