# SPDX-License-Identifier: Apache-2.0
"""Benchmarks have the same options, and their page can be read."""

import json
import re
import runpy
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.contracts.documents import ROOT

FOLDER = ROOT / "benchmarks"


def _is_benchmark(script: Path) -> bool:
    return "\ndef main()" in script.read_text(encoding="utf-8")


BENCHMARKS = sorted(
    path.stem
    for path in FOLDER.glob("*.py")
    if _is_benchmark(path) and path.stem != "report"
)
# Two reports of two ranks, as AngoraPy 0.11.0 prints them: with colours, over the
# remains of a progress bar, and with an arrow where it saved. The first has no times.
PRINTED = (
    "\rGathering cycle 0...\rBefore Training; r:  -12.84; n:  10; loss: [  pi  ]; "
    "; time:  ; time left: unknown time; took s\n"
    "\x1b[95mOptimizing...\x1b[0m\rGathering cycle 1...\r"
    "\x1b[92mCycle\u2800     1/4\x1b[0m; r: \x1b[91m  -13.05\x1b[0m; upd:     48; ; "
    "time: [3.9|0.0|2.3] [63|0|37]; time left: 0.3mins; took 6.65s\n"
    "\rFinalizing...\rCycle \u2193     2/4; r:   -13.12; upd:     96; ; "
    "time: [11.25|0.0|1.5] [72|0|28]; time left: 0.2mins; took 6.84s\n"
)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Load a file of the folder by its name, as if it were imported."""
    monkeypatch.syspath_prepend(FOLDER)
    before = set(sys.modules)
    yield lambda name: SimpleNamespace(**runpy.run_path(str(FOLDER / f"{name}.py")))
    for name in set(sys.modules) - before:
        if str(FOLDER) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_there_are_benchmarks(script: Any) -> None:
    known = {"demo", "gathering", "networks", "pipeline", "setup", "simulation"}
    assert known <= set(BENCHMARKS)
    assert [path.stem for path in script("report").benchmarks()] == BENCHMARKS


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_can_be_quick_and_print_json(name: str, script: Any) -> None:
    run = script("processes").run
    printed = run([sys.executable, FOLDER / f"{name}.py", "--help"], timeout_s=60)
    assert {"--quick", "--json"} <= set(re.findall(r"--[\w-]+", printed))


def test_every_row_of_the_page_has_a_figure_or_says_why_not() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    for row in rows:
        _, name, value, unit, _ = (cell.strip() for cell in row.split("|"))
        assert re.fullmatch(r"`\w+`", name)
        assert re.fullmatch(r"-?[\d,]+(\.\d+)?(e-\d+)?|not measured: .+", value), row
        assert unit in {"", "h", "s", "ms", "1/s", "mm", "MB", "GB"}


def test_the_page_has_a_section_for_every_benchmark() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## `(\w+)\.py`$", text, re.MULTILINE)
    assert titles == BENCHMARKS


def test_a_figure_that_is_missing_says_why_in_the_table(script: Any) -> None:
    figures = script("figures")
    measured = {
        "rate": figures.figure(2966.4, "1/s"),
        "ratio": figures.missing("no | room\nleft", "1"),
        "a/x": figures.figure(1, "1"),
        "b/x": figures.figure(2, "1"),
    }
    text = script("report").section("x.py", "What it measures.", measured)
    assert text == (
        "## `x.py`\n\nWhat it measures.\n\n"
        "| figure | value | unit |\n|---|---:|---|\n"
        "| `rate` | 2,966 | 1/s |\n"
        "| `ratio` | not measured: no / room left |  |\n"
        "\n2 figures of variants: `python benchmarks/x.py`.\n"
    )


def test_figures_are_printed_as_one_object(script: Any, capsys: Any) -> None:
    figures = script("figures")
    measured = {"ratio": figures.missing("no room", "1")}
    figures.present(measured, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "ratio": {"value": None, "unit": "1", "reason": "no room"}
    }


def test_a_benchmark_that_fails_is_a_row_and_not_the_end(
    script: Any, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(
        "import sys\nif '--json' in sys.argv: raise ValueError('no hand')"
    )
    report = script("report")
    with pytest.raises(RuntimeError) as caught:
        report.measure(broken, ["--quick"])
    assert str(caught.value).endswith("ended with exit code 1: ValueError: no hand")
    row = report.failure("broken.py", "It breaks.", str(caught.value)).splitlines()[-1]
    assert re.fullmatch(r"\| all \| failed: python\S* ended with .*no hand \| \|", row)


def test_options_that_a_benchmark_does_not_know_are_not_given(
    script: Any, tmp_path: Path
) -> None:
    echo = tmp_path / "echo.py"
    echo.write_text(
        "import json, sys\n"
        "print('--quick' if '--help' in sys.argv else json.dumps(sys.argv[1:]))\n"
    )
    given = script("report").measure(echo, ["--quick", "--peers"])
    assert given == ["--json", "--quick"]


@pytest.mark.slow
def test_a_process_that_hangs_is_ended_with_all_that_it_started(
    script: Any, tmp_path: Path
) -> None:
    child = f"import time; time.sleep(6); open({str(tmp_path / 'late')!r}, 'w')"
    parent = (  # as one that is started in the background of a script
        "import signal, subprocess, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        f"subprocess.run([sys.executable, '-c', {child!r}])"
    )
    started = time.perf_counter()
    with pytest.raises(RuntimeError, match="took more than"):
        script("processes").run([sys.executable, "-c", parent], timeout_s=3.0)
    time.sleep(max(0.0, 10.0 - (time.perf_counter() - started)))
    assert not (tmp_path / "late").exists()


def test_the_reason_of_a_failure_names_no_address(script: Any) -> None:
    code = "import sys; sys.exit('ERROR: https://index.example/simple: refused')"
    with pytest.raises(RuntimeError, match=r"ERROR: \(address\) refused"):
        script("processes").run([sys.executable, "-c", code], timeout_s=60)


def test_the_peers_times_are_read_from_its_reports(script: Any) -> None:
    assert script("peers").angorapy_gathering_times_s(PRINTED) == [3.9, 11.25]
    assert script("peers").angorapy_cycle_times_s(PRINTED) == [6.65, 6.84]


def test_sample_factorys_progress_is_read_from_its_log(script: Any) -> None:
    printed = (
        "\x1b[36m[2026-01-02 10:00:59,500][12] Fps is (10 sec: 0.0). "
        "Total num frames: 0. Throughput: 0: 0.0.\x1b[0m\n"
        "\x1b[36m[2026-01-02 10:01:00,000][12] Avg episode reward: [(0, '-9')]\x1b[0m\n"
        "\x1b[36m[2026-01-02 10:01:04,750][12] Fps is (10 sec: 409.6). "
        "Total num frames: 4096. Throughput: 0: 9.0.\x1b[0m\n"
    )
    (begun_s, none), (ended_s, n) = script("peers").sample_factory_progress(printed)
    assert (none, n) == (0, 4096)
    assert ended_s - begun_s == pytest.approx(5.25)


def test_trainings_figures_by_hand(script: Any) -> None:
    # Bound: 1 / (1/1000 + 1/2000 + 3/1500) = 1 / 3.5 ms = 285.7 a second.
    part = {
        "physics": [1000.0],
        "policy": [2000.0],
        "update": [1500.0],
        "message_s": [0.01],
    }
    cycle = {
        "time/gathering_s": 1.0,
        "time/learning_s": 3.0,
        "time/communication_s": 0.1,
        "train/updates": 6.0,
    }
    pair = [{**cycle, "time/steps_per_s": 200.0}]
    one = [{**cycle, "time/steps_per_s": 110.0}]
    found = script("training").summarize_cube([part], [pair], [one])
    assert found["cube_share_of_bound"] == pytest.approx(200.0 / (1000.0 / 3.5))
    assert found["ranks_speedup"] == pytest.approx(200.0 / 110.0)
    assert found["communication_share"] == pytest.approx(0.1 / 4.0)
    assert found["message_share"] == pytest.approx(6 * 0.01 / 4.0)


@pytest.mark.slow
def test_an_updates_operations_by_hand(script: Any) -> None:
    from angora_train.networks.plain import build_architecture

    model = build_architecture("simple", {"touch": (3,)}, 4, cell="gru", shared=True)
    # Dense 3 x 64, forward and its own gradient; GRU 64 x 192 and 64 x 192, heads
    # 64 x 4 and 64 x 1, also the gradient of the input.
    expected = 4 * 3 * 64 + 6 * (2 * 64 * 192 + 64 * 4 + 64 * 1)
    assert script("rates").flop_per_sample(model) == expected


def test_a_peer_of_training_that_cannot_be_installed_is_a_missing_figure(
    script: Any, tmp_path: Path
) -> None:
    (tmp_path / "angorapy").write_text("not a folder")
    training = script("training")
    known = {"cube_steps_per_s": {"value": 900.0, "unit": "1/s"}}
    figures = training.measure_angorapy(training.QUICK, tmp_path, known)
    assert list(figures) == ["angorapy_steps_per_s", "cube_vs_angorapy"]
    assert "angorapy has no place" in figures["cube_vs_angorapy"]["reason"]


def test_a_peer_that_cannot_be_installed_is_a_missing_figure(
    script: Any, tmp_path: Path
) -> None:
    occupied = tmp_path / "angorapy"
    occupied.write_text("not a folder")
    figures = script("gathering").measure_angorapy(2900.0, tmp_path, 1)
    assert list(figures) == ["angorapy_gathering_steps_per_s", "gathering_vs_angorapy"]
    assert [entry["value"] for entry in figures.values()] == [None, None]
    assert "angorapy has no place" in figures["gathering_vs_angorapy"]["reason"]


def test_hands_of_peers_that_cannot_be_installed_are_missing_figures(
    script: Any, tmp_path: Path
) -> None:
    for name in ("gymnasium-robotics", "envpool"):
        (tmp_path / name).write_text("not a folder")
    figures = script("simulation").measure_peers(1, tmp_path)
    assert sorted(figures) == [
        "envpool_cube_touch_share_of_raw",
        "envpool_reach_share_of_raw",
        "gymnasium_robotics_cube_touch_share_of_raw",
        "gymnasium_robotics_reach_share_of_raw",
    ]
    for name, entry in figures.items():
        peer = "envpool" if "envpool" in name else "gymnasium-robotics"
        assert entry["value"] is None
        assert f"{peer} has no place" in entry["reason"]
