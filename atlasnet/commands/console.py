# SPDX-License-Identifier: Apache-2.0
"""Where commands print: results to standard output, all else to standard error."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import typer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Report", "print_json", "reporting", "results", "side_channel"]


class Report(Protocol):
    """Told what is being read, how much of it has been, and how much there is."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take note."""
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

    return Console(stderr=True)


@contextmanager
def reporting(verb: str = "Reading") -> Iterator[Report]:
    """Show progress on standard error; where that is no terminal, a line per subject.

    Parameters
    ----------
    verb : str
        What is done to the subjects, for the lines.

    Yields
    ------
    Report
        To be told of the progress.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    console = side_channel()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, Elapsed(), console=console, disable=not console.is_terminal
    ) as bars:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                if tasks:
                    last = list(tasks.values())[-1]
                    bars.update(last, completed=bars.tasks[last].total)
                tasks[what] = bars.add_task(what, total=total)
                if not console.is_terminal:
                    console.print(f"{verb} {what}...")
            bars.update(tasks[what], completed=done)

        yield report
        for task in tasks.values():
            bars.update(task, completed=bars.tasks[task].total)
