# SPDX-License-Identifier: Apache-2.0
"""The agent and its controls, with intervals."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from angora_train.analysis.conditions import CONDITIONS, Comparison
from angora_train.analysis.figures.style import INK, ORANGE, SMALL, TITLE
from angora_train.analysis.intervals import Interval

__all__ = ["plot_conditions"]


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
            color = ORANGE if name == "trained" else INK
            if column is not None:
                values = scale * getattr(comparison.episodes[name], column)
                offsets = np.linspace(-0.26, -0.1, len(values))
                ax.scatter(
                    values, height + offsets, s=5, color=color, alpha=0.25, linewidth=0
                )
            interval = getattr(comparison.summaries[name], summary)
            _draw_interval(ax, interval, height, scale, color)
        ax.set_title(label, **TITLE)
        ax.set_yticks(heights, names, fontsize=9)
        ax.set_ylim(-0.5, len(names) - 0.5)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
        ax.tick_params(axis="x", labelsize=SMALL)
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
