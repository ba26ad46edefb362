# SPDX-License-Identifier: Apache-2.0
"""Where commands print: results to standard output, all else to standard error.

The commands of both packages show here how far they are.
"""

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

__all__ = ["Report", "busy", "print_json", "reporting", "results", "side_channel"]

_LINE_S = 5.0
"""Time between two lines about one subject, where no bar can be drawn, s."""


class Report(Protocol):
    """Told what is being read, how much of it has been, and how much there is."""

    def __call__(self, what: str, done: int, total: int, text: str = "") -> None:
        """Take note; the text, if any, says how it goes."""
        ...


def print_json(record: Mapping[str, Any]) -> None:
    """Print one JSON object to standard output, and nothing else."""
    typer.echo(json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False))


def results() -> "Console":
    """Return the console of standard output, wide enough for names if piped."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=160)


def side_channel() -> "Console":
    """Return the console of standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def busy(what: str) -> "Status":
    """Show on standard error that something takes its time: ``with busy(...):``."""
    return side_channel().status(f"{what}...")


@contextmanager
def reporting(verb: str = "Reading") -> Iterator[Report]:
    """Show progress on standard error: a bar per subject, or lines without a terminal.

    Parameters
    ----------
    verb : str
        What is done to the subjects, for the lines.

    Yields
    ------
    Report
        To be told of the progress. Without a terminal there is a line when a subject
        begins; if the reports have a text, one every five seconds and at the end.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = side_channel()
    bars = Progress(
        TextColumn("{task.fields[what]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.description}"),
        console=console,
        disable=not console.is_terminal,
    )
    tasks: dict[str, Any] = {}
    line_s = -math.inf

    def finish() -> None:
        for task in tasks.values():
            bars.update(task, completed=bars.tasks[task].total)

    def report(what: str, done: int, total: int, text: str = "") -> None:
        nonlocal line_s
        is_new = what not in tasks
        if is_new:
            finish()
            tasks[what] = bars.add_task(text, total=total, what=what)
        bars.update(tasks[what], completed=done, description=text)
        is_due = text and (done == total or time.monotonic() - line_s > _LINE_S)
        if not console.is_terminal and (is_new or is_due):
            line_s = time.monotonic()
            line = f"{what} {done}/{total}  {text}" if text else f"{verb} {what}..."
            console.print(line, markup=False)

    with bars:
        yield report
        finish()
