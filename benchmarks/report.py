# SPDX-License-Identifier: Apache-2.0
"""Run every benchmark and write its figures to ``benchmarks/README.md``.

``python benchmarks/report.py [--quick] [--peers]``, or ``make bench [PEERS=1]``

A benchmark is any other script of this folder with a function ``main``: with ``--json``
it prints one object, figure name to ``{"value", "unit"}``; a value that could not be
measured is null, and ``"reason"`` says why. One that fails is reported as failed, the
others run all the same, and the exit code is 1. ``--peers`` is handed to those that
know it. Figures of variants, named ``<variant>/<figure>``, are counted but not listed.
"""

import argparse
import ast
import datetime
import json
import os
import platform
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from figures import Figures
from processes import ProcessError, run

from angora_train.run.versions import installed_versions
from atlasnet.files import write_text

FOLDER = Path(__file__).resolve().parent
LIMIT_S = 5400.0
"""For one benchmark; installing a peer takes the longest."""
INTRODUCTION = """\
# Benchmarks

Each script measures one thing and says in its docstring how: `python
benchmarks/NAME.py` prints a table, `--json` one object, `--quick` takes fewer samples.
`make bench` runs them all, one after the other, and writes this page; with `PEERS=1`
also other programs of the kind, each installed in an environment of its own under
`runs/peers`.
"""


def main() -> None:
    """Run the benchmarks and write the page."""
    parser = argparse.ArgumentParser(description="Run every benchmark.")
    parser.add_argument("--quick", action="store_true", help="fewer samples")
    parser.add_argument("--peers", action="store_true", help="measure peers too")
    options = parser.parse_args()
    machine = describe_machine()
    quick = " Quick run: few samples, for a first look only." if options.quick else ""
    sections, failed = [], []
    for script in benchmarks():
        print(f"{script.name} ...", end=" ", flush=True)
        wishes = [name for name in ("quick", "peers") if getattr(options, name)]
        started = time.perf_counter()
        try:
            figures = measure(script, [f"--{name}" for name in wishes])
        except ProcessError as error:
            failed.append(script.name)
            sections.append(failure(script.name, summary(script), str(error)))
            print(f"failed: {error}")
            continue
        sections.append(section(script.name, summary(script), figures))
        print(f"{time.perf_counter() - started:.0f} s")
    page = "\n".join([INTRODUCTION, machine + quick + "\n", *sections])
    write_text(FOLDER / "README.md", page)
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}; the page says why.")


def benchmarks() -> list[Path]:
    """Return the scripts to run, by name."""
    scripts = sorted(path for path in FOLDER.glob("*.py") if path != Path(__file__))
    return [path for path in scripts if "main" in _functions(path)]


def measure(script: Path, options: Sequence[str]) -> Figures:
    """Return what a benchmark reports.

    Parameters
    ----------
    script : Path
        The benchmark.
    options : sequence of str
        Wishes beside ``--json``; those that the benchmark does not know are left out.

    Returns
    -------
    mapping of str to mapping
        Value and unit by figure.

    Raises
    ------
    ProcessError
        If it fails, or prints something else than one object.
    """
    command = [sys.executable, script]
    known = re.findall(r"--[\w-]+", run([*command, "--help"], timeout_s=LIMIT_S))
    given = [option for option in options if option in known]
    printed = run([*command, "--json", *given], timeout_s=LIMIT_S)
    try:
        figures: Figures = json.loads(printed)
    except json.JSONDecodeError as error:
        raise ProcessError(f"{script.name} did not print one JSON object") from error
    return figures


def summary(script: Path) -> str:
    """Return the first line of a script's docstring."""
    docstring = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")))
    return (docstring or "").partition("\n")[0]


def section(name: str, title: str, figures: Figures) -> str:
    """Return the figures of one benchmark as a table.

    Parameters
    ----------
    name : str
        File name of the benchmark.
    title : str
        What it measures.
    figures : mapping of str to mapping
        Value and unit by figure.

    Returns
    -------
    str
        Markdown.
    """
    listed = {key: entry for key, entry in figures.items() if "/" not in key}
    rows = [
        f"| `{key}` | {show_value(entry)} | {show_unit(entry['unit'])} |"
        for key, entry in listed.items()
    ]
    n_more = len(figures) - len(listed)
    more = f"\n{n_more} figures of variants: `python benchmarks/{name}`.\n"
    return _table(name, title, rows) + (more if n_more else "")


def failure(name: str, title: str, reason: str) -> str:
    """Return the section of a benchmark that failed.

    Parameters
    ----------
    name : str
        File name of the benchmark.
    title : str
        What it measures.
    reason : str
        Why it failed, in one line.

    Returns
    -------
    str
        Markdown.
    """
    return _table(name, title, [f"| all | failed: {_cell(reason)} | |"])


def show_value(entry: Mapping[str, Any]) -> str:
    """Return a figure's value for a table: a number, or why there is none."""
    value = entry["value"]
    if value is None:
        return f"not measured: {_cell(entry['reason'])}"
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def show_unit(unit: str) -> str:
    """Return a unit for a table: nothing for a plain number."""
    return "" if unit == "1" else unit


def describe_machine() -> str:
    """Return date, machine, its load and versions as one paragraph."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    load = os.getloadavg()[0]  # before anything is measured
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    versions = ", ".join(f"{name} {v}" for name, v in installed_versions().items())
    return (
        f"{today}; {cpu_model()}, {cores or os.cpu_count()} cores, {memory_gb:.0f} GB; "
        f"load average at the start {load:.1f} (0 is a quiet machine); "
        f"{platform.system()}, Python {platform.python_version()}, {versions}."
    )


def cpu_model() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor() or platform.machine()


def _functions(script: Path) -> set[str]:
    """Return the names of a script's functions."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def _table(name: str, title: str, rows: Sequence[str]) -> str:
    """Return a section with its heading, title and rows."""
    head = ["| figure | value | unit |", "|---|---:|---|"] if rows else []
    return "\n".join([f"## `{name}`\n\n{title}\n", *head, *rows, ""])


def _cell(reason: str) -> str:
    """Return a reason for a table's cell, without this machine's folders."""
    places = {str(FOLDER.parent) + "/": "", str(Path.home()): "~"}
    for place, short in places.items():
        reason = reason.replace(place, short)
    return " ".join(reason.split()).replace("|", "/")


if __name__ == "__main__":
    main()
