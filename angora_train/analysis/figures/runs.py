# SPDX-License-Identifier: Apache-2.0
"""Runs: curves of training, episodes' distributions, the agent and its controls."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter
from numpy.typing import NDArray

from angora_train.analysis.conditions import CONDITIONS, Comparison
from angora_train.analysis.figures import style
from angora_train.analysis.goals import EDGES_RAD, Goals, by_angle, by_position
from angora_train.analysis.group import Group
from angora_train.analysis.intervals import Interval, student_interval

__all__ = [
    "plot_conditions",
    "plot_distribution",
    "plot_goals",
    "plot_group",
    "plot_learning",
]

_FEWEST_GOALS = 10
"""Places that fewer goals came to are not drawn: nothing is known of them."""


def plot_learning(
    metrics: Sequence[Mapping[str, Any]], axes: Sequence[Axes] | None = None
) -> list[Axes]:
    """Draw return and success share of the training episodes over samples.

    Parameters
    ----------
    metrics : sequence of mapping
        A run's metrics, one mapping a cycle; cycles in which no episode ended are
        left out.
    axes : sequence of two matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.

    Returns
    -------
    list of matplotlib.axes.Axes
        The two axes.
    """
    if axes is None:
        figure = Figure(figsize=(7.0, 2.8), layout="constrained")
        axes = list(figure.subplots(1, 2))
    panels = (
        ("rollout/return", "return of an episode", style.BLUE),
        ("rollout/success", "goal met at the end", style.ORANGE),
    )
    for ax, (key, label, color) in zip(axes, panels, strict=True):
        rows = [(row["samples"], row[key]) for row in metrics if row[key] is not None]
        samples, values = np.array(rows, np.float64).reshape(-1, 2).T
        ax.plot(samples, values, color=color, linewidth=1.6)
        _finish_curve(ax, label)
    axes[1].set_ylim(-0.02, 1.02)
    axes[1].yaxis.set_major_formatter(PercentFormatter(1.0))
    return list(axes)


def plot_group(group: Group, ax: Axes | None = None) -> Axes:
    """Draw the learning curves of runs of several seeds, and their mean.

    Parameters
    ----------
    group : Group
        The runs.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: one thin line a run, gaps in it bridged, their mean, and its 95 %
        interval of Student's t.
    """
    ax = ax or style.new_axes(4.6, 3.0)
    curves = np.stack([_bridged(row) for row in group.returns])
    for curve in curves:
        ax.plot(group.samples, curve, color=style.GREY, linewidth=0.6, alpha=0.8)
    is_known = ~np.isnan(curves).any(axis=0)
    samples = group.samples[is_known]
    bands = [student_interval(column) for column in curves.T[is_known]]
    if len(curves) > 1:
        low, high = ([getattr(b, end) for b in bands] for end in ("low", "high"))
        ax.fill_between(samples, low, high, color=style.BLUE, alpha=0.2, linewidth=0)
    ax.plot(samples, [b.mean for b in bands], color=style.BLUE, linewidth=1.6)
    n_seeds = len(group.seeds)
    _finish_curve(ax, f"return of an episode, {n_seeds} seed{'s'[: n_seeds - 1]}")
    return ax


def _bridged(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fill gaps in a curve linearly; before its first point it has none."""
    known = np.flatnonzero(~np.isnan(row))
    if not len(known):
        return row
    filled = np.interp(np.arange(len(row)), known, row[known])
    filled[: known[0]] = np.nan
    return filled


def plot_distribution(
    values: NDArray[np.floating], label: str, ax: Axes | None = None
) -> Axes:
    """Draw how a number is distributed over episodes, with its mean and median.

    Parameters
    ----------
    values : ndarray of float, shape (n_episodes,)
        The number at the end of each episode, such as consecutive goals.
    label : str
        What it is.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.
    """
    ax = ax or style.new_axes(4.6, 3.0)
    is_whole = bool((values == np.round(values)).all())
    low, high = float(values.min()), float(values.max())
    if is_whole and high - low <= 60:
        edges: Any = np.arange(low - 0.5, high + 1.0)
    else:
        edges = 30
    ax.hist(values, bins=edges, color=style.BLUE, alpha=0.6, edgecolor="white")
    marks: Any = {"mean": (np.mean, style.INK), "median": (np.median, style.ORANGE)}
    for name, (statistic, color) in marks.items():
        place = float(statistic(values))
        ax.axvline(place, color=color, linewidth=1.6, label=f"{name} {place:.4g}")
    ax.legend(frameon=False, fontsize=style.SMALL)
    ax.set_title(f"{len(values)} episodes", **style.TITLE)
    ax.set_xlabel(label, fontsize=9)
    ax.set_ylabel("episodes", fontsize=9)
    style.plain(ax)
    return ax


def plot_goals(goals: Goals, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw the share of goals reached, by how far they were and by their place.

    Parameters
    ----------
    goals : Goals
        All of some episodes.
    axes : sequence of two matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.

    Returns
    -------
    list of matplotlib.axes.Axes
        Both axes, with 95 % intervals of Wilson; places that fewer than ten episodes
        came to are left out.
    """
    if axes is None:
        figure = Figure(figsize=(7.0, 2.8), layout="constrained")
        axes = list(figure.subplots(1, 2, sharey=True))
    ranges = by_angle(goals)
    _points(axes[0], [((a + b) / 2, share) for a, b, _, share in ranges], style.BLUE)
    axes[0].set_xlabel("angle to the goal at first (rad)", fontsize=9)
    axes[0].set_xlim(0.0, EDGES_RAD[-1])
    places = [row for row in by_position(goals) if row[1] >= _FEWEST_GOALS]
    _points(axes[1], [(place, share) for place, _, share in places], style.ORANGE)
    axes[1].set_xlabel("place of the goal in its episode", fontsize=9)
    axes[0].set_ylim(-0.02, 1.02)
    axes[0].yaxis.set_major_formatter(PercentFormatter(1.0))
    axes[0].set_title(f"goals reached, of {len(goals)}", **style.TITLE)
    for ax in axes:
        style.plain(ax)
    return list(axes)


def _points(ax: Axes, shares: Sequence[tuple[float, Interval]], color: str) -> None:
    """Draw shares with their intervals, joined by a line."""
    if not shares:
        return
    x, found = zip(*shares, strict=True)
    low, mean, high = (
        np.array([getattr(share, end) for share in found])
        for end in ("low", "mean", "high")
    )
    bars: Any = np.clip([mean - low, high - mean], 0.0, None)
    ax.errorbar(x, mean, yerr=bars, color=color, marker="o", markersize=4, linewidth=1)


def _finish_curve(ax: Axes, title: str) -> None:
    """Say what is drawn over samples."""
    ax.set_title(title, **style.TITLE)
    ax.set_xlabel("samples (control steps of all worlds)", fontsize=9)
    ax.xaxis.set_major_formatter(FuncFormatter(_thousands))
    style.plain(ax)


def _thousands(value: float, _: int) -> str:
    """Return a count in thousands or millions."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:g} M"
    return f"{value / 1000:g} k" if value else "0"


def plot_conditions(
    comparison: Comparison, axes: Sequence[Axes] | None = None
) -> list[Axes]:
    """Draw return, success and distance of the four conditions, with intervals.

    Dots are means with their 95 % intervals; faint dots are single episodes.

    Parameters
    ----------
    comparison : Comparison
        What :func:`angora_train.analysis.conditions.compare` returned.
    axes : sequence of three matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.

    Returns
    -------
    list of matplotlib.axes.Axes
        The three axes: return, success, distance.
    """
    if axes is None:
        figure = Figure(figsize=(8.6, 2.6), layout="constrained")
        axes = list(figure.subplots(1, 3, sharey=True))
    names = list(CONDITIONS)
    heights = np.arange(len(names))[::-1].astype(np.float64)
    panels = (
        ("total_reward", "total_reward", 1.0, "return of an episode"),
        ("success", None, 1.0, "goal met at the end"),
        ("distance_m", "distance_m", 1000.0, "distance at the end (mm)"),
    )
    for ax, (summary, column, scale, label) in zip(axes, panels, strict=True):
        for name, height in zip(names, heights, strict=True):
            color = style.ORANGE if name == "trained" else style.INK
            if column is not None:
                values = scale * getattr(comparison.episodes[name], column)
                offsets = np.linspace(-0.26, -0.1, len(values))
                ax.scatter(
                    values, height + offsets, s=5, color=color, alpha=0.25, linewidth=0
                )
            interval = getattr(comparison.summaries[name], summary)
            _draw_interval(ax, interval, height, scale, color)
        ax.set_title(label, **style.TITLE)
        ax.set_yticks(heights, names, fontsize=9)
        ax.set_ylim(-0.5, len(names) - 0.5)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
        ax.tick_params(axis="x", labelsize=style.SMALL)
        ax.grid(axis="x", color="#e6e6e6", linewidth=0.6)
        ax.set_axisbelow(True)
    axes[1].set_xlim(-0.02, 1.02)
    axes[1].xaxis.set_major_formatter(PercentFormatter(1.0))
    axes[2].set_xlim(left=0.0)
    return list(axes)


def _draw_interval(
    ax: Axes, interval: Interval, height: float, scale: float, color: str
) -> None:
    """Draw a mean and its interval at a height."""
    ax.plot(
        [scale * interval.low, scale * interval.high],
        [height, height],
        color=color,
        linewidth=2.0,
        solid_capstyle="butt",
    )
    ax.plot(scale * interval.mean, height, "o", color=color, markersize=6)
