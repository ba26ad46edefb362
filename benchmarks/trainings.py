# SPDX-License-Identifier: Apache-2.0
"""Runs of the trainer through the command line, and the rates of their parts."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from processes import run

__all__ = ["N_SKIPPED", "Row", "measure_rates", "train"]

Row = Mapping[str, float]
"""Metrics of one cycle."""
N_SKIPPED = 2
"""Cycles that compile."""
_FOLDER = Path(__file__).resolve().parent
_LIMIT_S = 1200.0


def train(n_ranks: int, preset: str, overrides: Sequence[str]) -> list[Row]:
    """Train through the command line.

    Parameters
    ----------
    n_ranks : int
        MPI ranks.
    preset : str
        The config that is changed.
    overrides : sequence of str
        Changes, ``KEY=VALUE``.

    Returns
    -------
    list of mapping
        Metrics of the cycles after those that compile.

    Raises
    ------
    ProcessError
        If the run fails.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        changes = [*overrides, f"directory={folder}", "save_every=1000000"]
        program = beside_python("angora-train")
        # MuJoCo may write a log where it is run.
        launch(n_ranks, [program, "run", preset, *settings(changes)], Path(scratch))
        text = (folder / "metrics.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()][N_SKIPPED:]


def measure_rates(
    work: str, n_ranks: int, overrides: Sequence[str], n_rounds: int
) -> dict[str, Any]:
    """Return what `rates` prints."""
    script = [sys.executable, _FOLDER / "rates.py", work, n_rounds]
    printed = launch(n_ranks, [*script, *settings(overrides)])
    measured: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return measured


def launch(
    n_ranks: int, command: Sequence[object], directory: Path | None = None
) -> str:
    """Run a command on some ranks, each with one thread, and return what it prints."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    launcher = [beside_python("mpiexec"), "-n", n_ranks]
    return run(
        [*launcher, *command],
        timeout_s=_LIMIT_S,
        directory=directory,
        environment=environment,
    )


def beside_python(name: str) -> str:
    """Return a program of this environment, or else of the system."""
    own = Path(sys.executable).with_name(name)
    found = str(own) if own.is_file() else shutil.which(name)
    if found is None:
        sys.exit(f"No {name} was found. Make the environment with: make setup")
    return found


def settings(overrides: Iterable[str]) -> list[str]:
    """Return changes of a config as options."""
    return [word for override in overrides for word in ("--set", override)]
