# SPDX-License-Identifier: Apache-2.0
from dataclasses import FrozenInstanceError
from pathlib import Path

import keras
import numpy as np
import pytest

from angora_train.config.loading import load_config
from angora_train.config.run import RunConfig
from angora_train.errors import ConfigError, TaskError
from angora_train.ranks.comm import LocalComm
from angora_train.run.checkpoint import Checkpoint
from angora_train.run.dry_run import describe
from angora_train.run.preparation import prepare
from angora_train.run.trainer import train
from atlasnet import load_model, save_model, spec_of


def plain(*changes: str) -> RunConfig:
    return load_config("reach", ["network.architecture=simple", *changes])


def test_task_policy_and_network_fit_each_other() -> None:
    ready = prepare(plain(), range(3, 5))
    assert (ready.task.first_world, ready.task.num_envs) == (3, 2)
    assert ready.distribution.n_parameters == 20 * 11  # bins of every actuator
    assert ready.model.output["policy"].shape[-1] == 20 * 11
    with pytest.raises(FrozenInstanceError):
        ready.task = ready.task  # type: ignore[misc]


def test_who_has_the_first_world_writes_where_the_network_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(plain())
    assert list(tmp_path.iterdir()) == []
    prepare(plain(), range(2), directory=tmp_path / "first")
    prepare(plain(), range(2, 4), directory=tmp_path / "second")
    assert (tmp_path / "first" / "architecture.yaml").is_file()
    assert list((tmp_path / "second").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ("task.name=Reech", TaskError, "No task 'Reech'"),
        ("task.name=gym:CartPole-v1", ConfigError, "policy.n_bins must be 2, got 11"),
    ],
)
def test_what_cannot_run_is_refused_before_a_folder_is_made(
    change: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        prepare(plain(change), directory=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"Cannot write to .*--set directory=FOLDER"):
        prepare(plain(), directory=tmp_path / "file" / "run")


def test_a_checkpoint_gives_its_network_and_its_normalisation() -> None:
    config = plain()
    new = prepare(config)
    normalizer = new.agent().normalizer
    raw = {
        name: np.full((4, 1, *shape), 3.0, np.float32)
        for name, shape in new.task.sensation_shapes.items()
    }
    normalizer.update(LocalComm(), raw)
    stored = Checkpoint(new.model, config, {}, normalizer.state(), {"cycle": 1})
    again = prepare(config, stored=stored)
    assert again.model is new.model
    restored = again.agent().normalizer.state()
    for name, moments in normalizer.state().items():
        assert (restored[name] == moments).all(), name


def test_a_checkpoint_of_another_policy_is_refused() -> None:
    new = prepare(plain())
    stored = Checkpoint(new.model, new.config, {}, {}, {"cycle": 1})
    with pytest.raises(ConfigError, match=r"policy head is 220 wide.* 40 wide"):
        prepare(plain("policy.distribution=gaussian"), stored=stored)


@pytest.mark.parametrize(
    "change",
    ["normalization.sensations=nomod:Cls", "normalization.reward=nomod:Cls"],
)
def test_a_dry_run_makes_the_classes_that_a_run_would(change: str) -> None:
    config = load_config("reach", ["network.architecture=simple", change])
    with pytest.raises(ConfigError, match="nomod"):
        describe(config, 1, 1)


def test_a_dry_run_refuses_a_sensation_to_leave_out_that_is_none() -> None:
    changes = ["network.architecture=simple", "network.without=[goals]"]
    with pytest.raises(
        ConfigError, match=r"no sensation 'goals'\. Close matches: goal"
    ):
        describe(load_config("reach", changes), 1, 1)


@pytest.mark.slow
def test_worlds_of_other_settings_begin_anew_and_say_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    changes = [
        *("network.architecture=simple", "n_worlds=2", "n_cycles=1", "ppo.horizon=16"),
        *("ppo.minibatch_size=32", f"directory={tmp_path / 'run'}"),
    ]
    late = "task.options.sensing={touch: {delay_steps: 2}}"
    train(load_config("reach", [*changes, late]), LocalComm())
    on_time = load_config("reach", [*changes, "n_cycles=2"])
    train(on_time, LocalComm(), resume=True)
    assert "begin new episodes: other settings of the task" in caplog.text


@pytest.mark.slow
def test_a_model_that_looks_back_by_itself_is_refused_before_it_acts(
    tmp_path: Path,
) -> None:
    inputs = keras.Input((None, 4), name="proprioception")
    x = keras.layers.Conv1D(4, 3, padding="causal", name="looks_back")(inputs)
    heads = {
        "policy": keras.layers.Dense(2, name="policy")(x),
        "value": keras.layers.Dense(1, name="value")(x),
    }
    keras.Model({"proprioception": inputs}, heads).save(tmp_path / "own.keras")
    changes = ["task.name=gym:CartPole-v1", "policy.n_bins=2"]
    config = load_config("reach", [*changes, f"network.path={tmp_path}/own.keras"])
    with pytest.raises(ConfigError, match=r"'looks_back' \(Conv1D\) reaches over time"):
        prepare(config)


@pytest.mark.slow
def test_what_stands_before_a_saved_network_of_areas_is_looked_at(
    tmp_path: Path,
) -> None:
    changes = [
        *("task.name=gym:CartPole-v1", "policy.n_bins=2", "network.units.total=64"),
        "network.regions=[Area 4p (PreCG), Area 3a (PostCG)]",
        "network.inputs={proprioception: [Area 3a (PostCG)]}",
        "network.action=[Area 4p (PreCG)]",
        "network.without=[goal, touch, vision, auxiliary]",
    ]
    areas = prepare(load_config("reach", changes)).model
    save_model(areas, tmp_path / "plain.keras")
    inputs = {x.name: keras.Input(x.shape[1:], name=x.name) for x in areas.inputs}
    conv = keras.layers.Conv1D(4, 3, padding="causal", name="looks_back")
    # The same layers, called anew, so that the areas stay layers of the model itself.
    given = [conv(x) if x.name == "proprioception" else x for x in inputs.values()]
    outputs = areas._run_through_graph(given, operation_fn=lambda layer: layer)
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "own.keras")
    assert spec_of(load_model(tmp_path / "own.keras")) is not None
    prepare(load_config("reach", [*changes, f"network.path={tmp_path}/plain.keras"]))
    config = load_config("reach", [*changes, f"network.path={tmp_path}/own.keras"])
    with pytest.raises(ConfigError, match=r"'looks_back' \(Conv1D\) reaches over time"):
        prepare(config)
