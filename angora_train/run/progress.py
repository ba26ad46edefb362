# SPDX-License-Identifier: Apache-2.0
"""Progress: a bar of a run's cycles, with the latest metrics."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from atlasnet.commands.console import reporting

__all__ = ["cycles"]


@contextmanager
def cycles(n_cycles: int) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Show how far a run is: a bar, or lines where none can be drawn.

    Parameters
    ----------
    n_cycles : int
        Cycles in all.

    Yields
    ------
    callable
        To be told a cycle's metrics; it may be told the same several times.
    """
    shown = 0

    def show(metrics: Mapping[str, Any]) -> None:
        nonlocal shown
        if metrics["cycle"] != shown:
            shown = metrics["cycle"]
            report("cycle", shown, n_cycles, _text(metrics))

    with reporting() as report:
        yield show


def _text(metrics: Mapping[str, Any]) -> str:
    """Return a cycle's metrics in words; without an episode there is no return."""
    text = f"{metrics['time/steps_per_s']:.0f} samples/s"
    mean = metrics["rollout/return"]
    if mean is None or math.isnan(mean):
        return text
    return f"return {mean:.2f}  success {metrics['rollout/success']:.2f}  {text}"
