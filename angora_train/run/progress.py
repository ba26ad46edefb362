# SPDX-License-Identifier: Apache-2.0
"""Progress: a bar of a run's cycles, with the latest metrics."""

import math
import time
from collections.abc import Mapping
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

__all__ = ["Bar"]

_LINE_S = 5.0
"""Time between lines, s."""


class Bar:
    """A progress bar; lines where no bar can be drawn, as under mpiexec or in a file.

    Parameters
    ----------
    console : rich.console.Console
        Where it is shown.
    n_cycles : int
        Cycles in all.
    is_transient : bool
        Whether it goes away at the end.
    """

    def __init__(
        self, console: Console, n_cycles: int, *, is_transient: bool = False
    ) -> None:
        self._console = console
        self._n_cycles = n_cycles
        self._shown_s = -math.inf
        self._shown = 0
        self._progress = Progress(
            TextColumn("cycle"),
            MofNCompleteColumn(),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=console,
            transient=is_transient,
        )
        self._bar = self._progress.add_task("starting", total=n_cycles)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._progress.stop()

    def show(self, metrics: Mapping[str, Any]) -> None:
        """Show one cycle's metrics, once."""
        cycle = metrics["cycle"]
        if cycle == self._shown:
            return
        text = _text(metrics)
        if self._console.is_terminal:
            self._progress.update(self._bar, completed=cycle, description=text)
        elif time.monotonic() - self._shown_s > _LINE_S or cycle == self._n_cycles:
            self._shown_s = time.monotonic()
            self._console.print(f"cycle {cycle}/{self._n_cycles}  {text}")
        self._shown = cycle


def _text(metrics: Mapping[str, Any]) -> str:
    """Return a cycle's metrics in words; without an episode there is no return."""
    text = f"{metrics['time/steps_per_s']:.0f} samples/s"
    mean = metrics["rollout/return"]
    if mean is None or math.isnan(mean):
        return text
    return f"return {mean:.2f}  success {metrics['rollout/success']:.2f}  {text}"
