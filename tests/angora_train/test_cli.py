# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from angora_train import cli


def call(*words: str) -> Result:
    return CliRunner().invoke(cli.app, list(words))


def test_an_unknown_config_key_is_one_message_and_exit_code_2() -> None:
    result = call("run", "reach", "--set", "ppo.clip=0.1")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: Unknown config key 'ppo.clip'. Close matches: clip_range. Allowed: "
        "horizon, chunk_length, n_epochs, minibatch_size, learning_rate, schedule, "
        "final_learning_rate, target_kl, max_kl, adam_epsilon, discount, gae_lambda, "
        "clip_range, value_clip_range, value_coef, entropy_coef, max_grad_norm.\n"
    )


@pytest.mark.parametrize("command", ["evaluate", "resume"])
def test_a_folder_without_a_checkpoint_is_one_message_and_exit_code_2(
    command: str, tmp_path: Path
) -> None:
    result = call(command, str(tmp_path))
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: There is no checkpoint")


def test_packages_that_are_missing_are_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cli, "_EXTRA", ("json", "mujoco_of_tomorrow"))
    result = call("run", "reach")
    assert result.exit_code == 2
    assert "not installed: mujoco_of_tomorrow." in result.stderr
    assert 'pip install "atlasnet[train]"' in result.stderr


def test_an_unknown_task_is_named_before_anything_is_built(tmp_path: Path) -> None:
    result = call(
        "run", "reach", "--set", "task.name=Reech", "--set", f"directory={tmp_path}/a"
    )
    assert result.exit_code == 2
    assert "Reach" in result.stderr
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
def test_a_trained_agent_is_evaluated_and_recorded(tmp_path: Path) -> None:
    run = tmp_path / "run"
    changes = {
        "network.regions": "[Area 4p (PreCG), Area 3a (PostCG), Area hIP2 (IPS)]",
        "network.n_units": "48",
        "network.floor": "8",
        "ppo.horizon": "8",
        "ppo.chunk_length": "4",
        "ppo.minibatch_size": "16",
        "n_worlds": "4",
        "n_cycles": "13",  # 104 steps: episodes of 100 end
        "save_every": "13",
        "directory": str(run),
    }
    flags = [w for k, v in changes.items() for w in ("--set", f"{k}={v}")]
    trained = call("run", "reach", *flags)
    assert trained.exit_code == 0, trained.stderr
    evaluated = call("evaluate", str(run), "--episodes", "3", "--json")
    row = json.loads(evaluated.stdout)
    assert row["episodes"] == 3
    assert row["return"]["low"] <= row["return"]["mean"] <= row["return"]["high"]
    recorded = call(
        "record", str(run), "--episodes", "2", "--out", str(tmp_path / "a.nc")
    )
    assert recorded.exit_code == 0, recorded.stderr
    assert "2 episodes, 100 control steps, 48 units of 3 areas" in recorded.stdout
    assert (tmp_path / "a.nc").stat().st_size > 10_000
