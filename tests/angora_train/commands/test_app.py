# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from angora_train import __version__
from angora_train.analysis.recording.reader import load_recording
from angora_train.commands import app as cli
from angora_train.run.metrics import read_metrics


def call(*words: str) -> Result:
    return CliRunner().invoke(cli.app, list(words))


def test_an_unknown_config_key_is_one_message_and_exit_code_2() -> None:
    result = call("run", "reach", "--set", "ppo.clip=0.1")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: Unknown config key 'ppo.clip'. Close matches: clip_range. Allowed: "
        "horizon, chunk_length, n_epochs, minibatch_size, learning_rate, schedule, "
        "final_learning_rate, target_kl, max_kl, adam_epsilon, discount, gae_lambda, "
        "clip_range, advantage_floor, value_clip_range, value_coef, entropy_coef, "
        "max_grad_norm, value_warm_up_cycles.\n"
    )


@pytest.mark.parametrize("command", ["evaluate", "resume"])
def test_a_folder_without_a_checkpoint_is_one_message_and_exit_code_2(
    command: str, tmp_path: Path
) -> None:
    result = call(command, str(tmp_path))
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: There is no checkpoint")


@pytest.mark.parametrize("command", ["evaluate", "record", "film"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("success_rad=0.4", "Unknown config key 'success_rad'. An option of the task "),
        ("ppo.horizon=8", "'ppo.horizon' decides how an agent is trained."),
    ],
)
def test_of_a_trained_agent_the_task_alone_is_changed(
    command: str, change: str, message: str, tmp_path: Path
) -> None:
    out = [] if command == "evaluate" else ["--out", str(tmp_path / "a")]
    result = call(command, str(tmp_path), *out, "--set", change)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {message}")
    assert "--set task.options." in result.stderr


def test_the_old_spelling_of_a_task_option_is_answered_with_the_new_one(
    tmp_path: Path,
) -> None:
    result = call("evaluate", str(tmp_path), "--set", "success_rad=0.4")
    assert result.stderr.endswith("with: --set task.options.success_rad=0.4\n")


def test_a_group_without_areas_is_answered_with_an_example(tmp_path: Path) -> None:
    for entry in ("premotor", "premotor=", "=PMv", "premotor=PMv,,SMA"):
        result = call("lesion", str(tmp_path), "--group", entry)
        assert result.exit_code == 2
        said = " ".join(result.stderr.replace("│", " ").split())
        assert "expected NAME=AREA[,AREA]" in said
        assert "premotor=PMv,PMdc" in said


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
    lesioned = call(
        "evaluate",
        str(run),
        "--episodes",
        "3",
        "--json",
        "--lesion",
        "Area 4p (PreCG) left",
        "--lesion",
        "50% of Area 3a (PostCG) left",
        "--noise",
        "area_hip2_ips_left=0.1",
        "--clamp",
        "area 3a (postcg) left=1",
    )
    assert lesioned.exit_code == 0, lesioned.stderr
    silent = json.loads(lesioned.stdout)
    kinds = [one["kind"] for one in silent["interventions"]]
    assert kinds == ["noise", "clamp", "lesion", "lesion"]
    assert silent["return"]["mean"] != row["return"]["mean"]
    words = ("--lesion", "Area hIP2 (IPS) left")
    out_file = str(tmp_path / "b.nc")
    call("record", str(run), "--episodes", "2", "--out", out_file, *words)
    silent_areas = load_recording(tmp_path / "b.nc")
    of_area = silent_areas.activity[..., silent_areas.area == "Area hIP2 (IPS) left"]
    assert (of_area.fillna(0) == 0).all()
    assert "hIP2" in silent_areas.attrs["interventions"]
    wrong = call("evaluate", str(run), "--lesion", "Area 4q (PreCG) left")
    assert wrong.exit_code == 2
    assert "No area 'Area 4q (PreCG) left'" in wrong.stderr
    assert "Close matches: Area 4p" in wrong.stderr
    assert "2 episodes, 100 control steps, 48 units of 3 areas" in recorded.stdout
    assert (tmp_path / "a.nc").stat().st_size > 10_000
    filmed = call("film", str(run), "--steps", "3", "--out", str(tmp_path / "a.webp"))
    assert filmed.exit_code == 0, filmed.stderr
    assert "0.1 s" in filmed.stdout  # three steps of 20 ms
    assert (tmp_path / "a.webp").read_bytes()[8:12] == b"WEBP"
    # All three areas are one group, so no random lesion of its size can be had.
    few = ("--episodes", "3", "--random", "2", "--out", str(tmp_path / "lesions"))
    groups = ("--group", "arm=Area 3a (PostCG) left,4p", "--group", "arm=Area hIP2")
    grouped = call("lesion", str(run), *few, *groups)
    assert grouped.exit_code == 0, grouped.stderr
    table = pd.read_csv(tmp_path / "lesions" / "lesion.csv")
    assert list(dict.fromkeys(table["condition"])) == ["intact", "arm"]
    pictures = list((tmp_path / "lesions").glob("*.png"))
    assert pictures
    assert all(path.stat().st_size > 5_000 for path in pictures)
    out = tmp_path / "evaluation"
    call("evaluate", str(run), "--episodes", "3", "--out", str(out))
    # 0.06 s are three control steps of 20 ms.
    shorter = ("--set", "task.options.episode_s=0.06")
    call("record", str(run), "--episodes", "2", "--out", out_file, *shorter)
    assert load_recording(tmp_path / "b.nc").sizes["time"] == 3
    assert json.loads((out / "evaluation.json").read_text())["return"]["median"] < 0
    assert {p.name for p in out.glob("*.png")} == {"return.png", "distance_m.png"}


@pytest.mark.slow
def test_several_seeds_are_an_experiment_that_goes_on(
    tmp_path: Path,
) -> None:
    changes = {
        "network.architecture": "simple",
        "network.cell": "none",
        "task.name": "gym:CartPole-v1",
        "policy.n_bins": "2",
        "ppo.horizon": "32",
        "ppo.minibatch_size": "64",
        "n_worlds": "4",
        "n_cycles": "2",
        "directory": str(tmp_path),
    }
    flags = [w for k, v in changes.items() for w in ("--set", f"{k}={v}")]
    for seeds in ("0", "0-1"):
        done = call("run", "reach", *flags, "--seeds", seeds)
        assert done.exit_code == 0, done.stderr
    # The first run was left as it was, the second one was made.
    rows = [read_metrics(tmp_path / f"seed-{i}" / "metrics.jsonl") for i in (0, 1)]
    assert [len(part) for part in rows] == [2, 2]
    assert rows[0] != rows[1]
    table = pd.read_csv(tmp_path / "results.csv")
    assert table.seed.tolist() == [0, 1]
    assert table.state.tolist() == ["done", "done"]
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_dry_run_says_what_a_config_amounts_to() -> None:
    done = call("run", "reach", "--dry-run", "--ranks", "3")
    assert done.exit_code == 0, done.stderr
    assert "updates of a cycle" in done.stdout
    refused = call("run", "reach", "--dry-run", "--ranks", "65")
    assert refused.exit_code == 2
    assert "fewer than the 65 ranks" in refused.stderr
    # What a run would refuse, this refuses with the same words.
    balance = ["--set", "task.name=gym:CartPole-v1", "--set", "task.options={}"]
    refused = call("run", "reach", "--dry-run", *balance)
    assert refused.exit_code == 2
    assert "choices among 2: policy.n_bins must be 2, got 11" in refused.stderr
    few = ["--set", "ppo.minibatch_size=16"]
    refused = call("run", "reach", "--dry-run", "--ranks", "2", *few)
    assert refused.exit_code == 2
    assert "Enlarge the minibatches" in refused.stderr


def test_the_version_is_said_alone() -> None:
    result = call("--version")
    assert (result.exit_code, result.stdout) == (0, f"angora-train {__version__}\n")


def test_only_one_thing_is_asked_of_an_experiment(tmp_path: Path) -> None:
    result = call("experiment", str(tmp_path), "--status", "--only", "0")
    assert result.exit_code == 2
    assert "--status and --only exclude each other" in result.stderr
