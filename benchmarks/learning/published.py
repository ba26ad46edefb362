# SPDX-License-Identifier: Apache-2.0
"""What others published for the same environments, beside ours: ``published.json``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

__all__ = [
    "Published",
    "Results",
    "Source",
    "cell",
    "draw",
    "handles",
    "limits",
    "read_published",
    "short_steps",
    "source_list",
    "widest",
]

COLOURS = {"angorapy": "#009E73", "sb3": "#E69F00", "tianshou": "#CC79A7"}
"""Of Okabe and Ito's colours, which all eyes tell apart; ours is their blue."""
_LINE: dict[str, Any] = {"linestyle": "--", "linewidth": 1.2}
_POINT: dict[str, Any] = {
    "linestyle": "none",
    "marker": "D",
    "markersize": 6,
    "markeredgecolor": "black",
    "markeredgewidth": 0.6,
}


@dataclass(frozen=True)
class Source:
    """Who published results, and how they were had.

    Attributes
    ----------
    name : str
        Key in the file.
    mark, title : str
        Letter that stands for it in the table, and what the legend calls it.
    who, address : str
        Whom to cite, and where the numbers are.
    conditions, steps : str
        What was averaged over what, and where the numbers of control steps are from.
    """

    name: str
    mark: str
    title: str
    who: str
    address: str
    conditions: str
    steps: str


@dataclass(frozen=True)
class Published:
    """A published result.

    Attributes
    ----------
    source : Source
        Who published it.
    task, address : str
        Name of the environment there, and the file with the numbers.
    n_runs : int
        Runs that the value is the mean of.
    control_steps : int
        Control steps after which the value was reached.
    value : float
        Return of an episode.
    sd : float or None
        Its standard deviation, over what the source's conditions say.
    curve : tuple of (int, float)
        Control steps and returns; empty where there is no curve.
    """

    source: Source
    task: str
    address: str
    n_runs: int
    control_steps: int
    value: float
    sd: float | None = None
    curve: tuple[tuple[int, float], ...] = ()


Results = dict[str, tuple[Published, ...]]
"""What is published, by environment."""


def read_published(path: Path) -> Results:
    """Return what is published, by environment."""
    told = json.loads(path.read_text(encoding="utf-8"))
    sources = {name: Source(name, **one) for name, one in told["sources"].items()}
    return {
        environment: tuple(_result(one, sources) for one in entries)
        for environment, entries in told["results"].items()
    }


def _result(told: dict[str, Any], sources: dict[str, Source]) -> Published:
    """Return one result of the file."""
    curve = told.get("curve", {"control_steps": [], "returns": []})
    return Published(
        source=sources[told["source"]],
        task=told["task"],
        address=told["address"],
        n_runs=told["n_runs"],
        control_steps=told["control_steps"],
        value=told["value"],
        sd=told.get("sd"),
        curve=tuple(zip(curve["control_steps"], curve["returns"], strict=True)),
    )


def cell(entries: Sequence[Published]) -> str:
    """Return the results of an environment as a cell of the table."""
    return "<br>".join(
        f"{one.value:.4g}{'' if one.sd is None else f' ± {one.sd:.4g}'} "
        f"({short_steps(one.control_steps)}) {one.source.mark}"
        for one in entries
    )


def short_steps(n_steps: int) -> str:
    """Return a number of control steps with two digits, in thousands or millions."""
    rounded = float(f"{n_steps:.2g}")
    if rounded < 1_000_000:
        return f"{rounded / 1_000:g}k"
    return f"{rounded / 1_000_000:g}M"


def source_list(results: Results) -> list[str]:
    """Return the lines below the table: one for each source that has a result."""
    lines = []
    for source in _sources(results):
        theirs = [one for one in _entries(results) if one.source == source]
        runs = sorted({one.n_runs for one in theirs})
        n_runs = str(runs[0]) if len(runs) == 1 else f"{runs[0]} to {runs[-1]}"
        tasks = ", ".join(
            one.task
            if one.address == source.address
            else f"[{one.task}]({one.address})"
            for one in theirs
        )
        lines.append(
            f"- {source.mark}: {source.who}, <{source.address}>. {source.conditions}; "
            f"{n_runs} {'run' if runs[-1] == 1 else 'runs'} an environment. "
            f"Control steps: {source.steps}. Environments: {tasks}."
        )
    return lines


def _sources(results: Results) -> list[Source]:
    """Return the sources that have a result, by their marks."""
    found = {one.source for one in _entries(results)}
    return sorted(found, key=lambda source: source.mark)


def _entries(results: Results) -> list[Published]:
    """Return the results of all environments."""
    return [one for group in results.values() for one in group]


def widest(n_steps: int, entries: Sequence[Published]) -> int:
    """Return the control steps that a panel shows: ours, and all points without curve.

    Parameters
    ----------
    n_steps : int
        Control steps of our runs.
    entries : sequence of Published
        What is published for the environment. Curves are cut.
    """
    points = [one.control_steps for one in entries if not one.curve]
    return max([n_steps, *points])


def limits(
    ours: tuple[float, float], entries: Sequence[Published], n_steps: int
) -> tuple[float, float]:
    """Return the lowest and highest return that a panel shows.

    Parameters
    ----------
    ours : tuple of float
        What ours need.
    entries : sequence of Published
        What is published for the environment. How their curves start, in the first
        tenth of the control steps, does not count.
    n_steps : int
        Last control step that is shown.
    """
    points = [one.value for one in entries if not one.curve]
    later = [
        value
        for one in entries
        for step, value in one.curve
        if n_steps / 10 <= step <= n_steps
    ]
    found = [*ours, *points, *later]
    return min(found), max(found)


def draw(entries: Sequence[Published], ax: Axes, n_steps: int) -> None:
    """Draw curves dashed, and a labelled point where there is only a value.

    Parameters
    ----------
    entries : sequence of Published
        What is published for the environment.
    ax : matplotlib.axes.Axes
        Where ours is drawn already; the limits are set for both.
    n_steps : int
        Last control step that is shown.
    """
    low, high = limits(ax.get_ylim(), entries, n_steps)
    for one in entries:
        style: dict[str, Any] = {"color": COLOURS[one.source.name]}
        if one.curve:
            ax.plot(*zip(*one.curve, strict=True), **style, **_LINE)
            continue
        place = (one.control_steps, one.value)
        ax.plot(*place, zorder=5, clip_on=False, **style, **_POINT)
        ax.annotate(
            f"{one.value:.4g}",
            place,
            xytext=(-7, -12),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            zorder=6,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
        )
    ax.set_xlim(0, 1.02 * n_steps)
    ax.set_ylim(low, high + 0.02 * (high - low))


def handles(results: Results) -> list[Line2D]:
    """Return what the legend shows of the published results."""
    found = []
    for source in _sources(results):
        theirs = [one for one in _entries(results) if one.source == source]
        has_curve = any(one.curve for one in theirs)
        look = _LINE if has_curve else _POINT
        label = f"{source.title} ({source.mark})"
        found.append(Line2D([], [], label=label, color=COLOURS[source.name], **look))
    return found
