# SPDX-License-Identifier: Apache-2.0
"""The scheduler with processes that pretend to train."""

import sys

import pytest

from angora_train.experiment import scheduler
from angora_train.experiment.plan import planned_runs
from angora_train.experiment.scheduler import available_cores, run_side_by_side
from angora_train.experiment.state import state_of
from tests.angora_train.experiment.test_plan import make

PRETEND = """
import json, os, pathlib, sys
folder, number = pathlib.Path(sys.argv[1]), int(sys.argv[2])
if number == 1:
    sys.exit("it cannot")
cores = sorted(os.sched_getaffinity(0))
print("core", os.environ["ANGORA_CORE"])
with (folder / "metrics.jsonl").open("w") as file:
    for cycle in range(1, 11):
        file.write(json.dumps({"cycle": cycle}) + "\\n")
"""


def test_runs_are_made_side_by_side_and_one_that_fails_ends_none(tmp_path, monkeypatch):
    monkeypatch.setattr(scheduler, "_POLL_S", 0.05)
    runs = planned_runs(make(tmp_path))
    ended, told = [], []
    states = run_side_by_side(
        runs,
        lambda run: [
            *(sys.executable, "-c", PRETEND),
            *(str(run.folder), str(runs.index(run))),
        ],
        available_cores()[:2],
        on_end=lambda run: ended.append(run.name),
        progress=lambda *said: told.append(said),
    )
    assert sorted(ended) == sorted(run.name for run in runs)
    assert states[runs[1].name] == "failed"
    assert "it cannot" in (runs[1].folder / "failure.txt").read_text()
    assert told[-1][:2] == (70, 80)
    assert told[-1][2].startswith("7/8 runs done, 0 under way")
    assert "core" in (runs[0].folder / "log.txt").read_text()
    assert state_of(runs[0]) == "waiting"  # no checkpoint: it only pretended


def test_an_interruption_ends_all_and_is_passed_on(tmp_path, monkeypatch):
    monkeypatch.setattr(scheduler, "_POLL_S", 0.05)
    runs = planned_runs(make(tmp_path))
    words = [sys.executable, "-c", "import time; time.sleep(600)"]

    def interrupt(*_said):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_side_by_side(
            runs,
            lambda _run: words,
            available_cores()[:1],
            on_end=lambda _run: None,
            progress=interrupt,
        )


def test_an_error_of_ours_leaves_no_run_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(scheduler, "_POLL_S", 0.05)
    runs = planned_runs(make(tmp_path))
    words = [sys.executable, "-c", "import time; time.sleep(600)"]
    started = []
    begin = scheduler._start

    def start(*arguments):
        started.append(begin(*arguments))
        return started[-1]

    def fail(*_said):
        raise ValueError("no room on the disk")

    monkeypatch.setattr(scheduler, "_start", start)
    with pytest.raises(ValueError, match="no room"):
        run_side_by_side(
            runs,
            lambda _run: words,
            available_cores()[:1],
            on_end=lambda _run: None,
            progress=fail,
        )
    assert started
    assert all(job.process.poll() is not None for job in started)
