# SPDX-License-Identifier: Apache-2.0
import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from angora_train.demo import find_launcher, run_demo
from angora_train.errors import ConfigError, RankError
from angora_train.run.metrics import read_metrics

REGIONS = ["Area 4p (PreCG)", "Area 3a (PostCG)", "Area 2 (PostCS)", "Area hIP2 (IPS)"]
QUICK = (
    "n_cycles=2",
    "n_worlds=4",
    "network.n_units=64",
    "network.floor=8",
    f"network.regions={REGIONS}",
    "ppo.horizon=32",
    "ppo.minibatch_size=32",
    "normalization.warm_up_steps=2",
    "task.options.episode_s=0.2",
)


def quiet() -> Console:
    return Console(file=io.StringIO(), width=100)


@pytest.mark.slow
@pytest.mark.mpi
def test_the_demo_walks_the_whole_line(tmp_path: Path) -> None:
    directory, console = tmp_path / "demo", quiet()
    result = run_demo(
        directory, overrides=QUICK, n_evaluated=6, n_recorded=80, console=console
    )
    written = {str(path) for path in result.files}
    assert {
        "graph.json",
        "network.json",
        "model.keras",
        "metrics.jsonl",
        "evaluation.json",
        "lesion.csv",
        "figures/hand.png",
        "figures/hand.webp",
        "recording.nc",
        "similarity.csv",
        "figures/rdms.png",
        "report.html",
    } <= written
    assert [row["cycle"] for row in read_metrics(directory / "metrics.jsonl")] == [1, 2]
    assert len(result.spec.areas) == 4
    assert result.comparison.n_episodes == 6
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for title in ("Atlas to network", "Training on 2 ranks", "Report"):
        assert title in shown
    assert "return gained over: shuffled goals" in shown
    times = json.loads((directory / "demo.json").read_text())["times_s"]
    assert list(times) == list(result.times_s)


@pytest.mark.slow
@pytest.mark.mpi
def test_a_failed_training_says_why_and_an_earlier_demo_is_gone(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text("{}")
    (tmp_path / "report.html").write_text("of an earlier demo")
    too_few = [*QUICK, "n_worlds=1"]
    with pytest.raises(RankError, match=r"(?s)exit code 2.*fewer than the 2 ranks"):
        run_demo(tmp_path, overrides=too_few, console=quiet())
    assert not (tmp_path / "report.html").exists()
    assert (tmp_path / "demo.json").exists()  # the next demo may take its place


@pytest.mark.slow
def test_without_graphics_there_are_no_pictures_and_one_sentence_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUJOCO_GL", "disabled")
    console = quiet()
    few = [*QUICK, "n_cycles=1"]
    result = run_demo(
        tmp_path / "demo",
        1,
        overrides=few,
        n_evaluated=2,
        n_recorded=80,
        console=console,
    )
    assert not [path for path in result.files if path.name.startswith("hand.")]
    report = (tmp_path / "demo" / "report.html").read_text()
    assert "There are no pictures of the hand: " in report
    assert "MUJOCO_GL" in report
    assert "MUJOCO_GL" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_folder_that_no_demo_wrote_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="not empty, and no demo wrote it"):
        run_demo(tmp_path, n_ranks=1, console=quiet())
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_missing_launcher_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RankError, match=r"no MPI launcher.*--ranks 1"):
        find_launcher()
    own = tmp_path / "mpiexec"
    own.write_text("")
    assert find_launcher() == str(own)
