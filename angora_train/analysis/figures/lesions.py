# SPDX-License-Identifier: Apache-2.0
"""Lesions: what groups of areas, and random ones of their size, take from success."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from angora_train.analysis.figures import style
from angora_train.analysis.lesioning.groups import LesionStudy, Outcome
from atlasnet.figures.palette import GROUP_COLORS, group_of

__all__ = ["plot_lesions"]


def plot_lesions(study: LesionStudy, ax: Axes | None = None) -> Axes:
    """Draw the drop of success without each group of areas, beside random lesions.

    Parameters
    ----------
    study : LesionStudy
        What :func:`angora_train.analysis.lesioning.groups.lesion_groups` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: large dots are groups, small grey ones below them random lesions of
        as many areas, hollow where these hold some of the group, each with its 95 %
        interval. The dotted line is the success of
        the intact network: more cannot be lost.
    """
    groups = study.groups
    ax = ax or style.new_axes(7.4, 0.8 + 0.72 * len(groups))
    for height, (own, beside) in zip(
        range(len(groups))[::-1], groups.values(), strict=True
    ):
        color = GROUP_COLORS[group_of(own.lesion.group)]
        _draw(ax, own, height + 0.2, color, 8.0)
        offsets = np.linspace(0.0, -0.36, max(len(beside), 2))
        for outcome, offset in zip(beside, offsets, strict=False):
            _draw(ax, outcome, height + float(offset), style.GREY, 3.5)
    whole = study.intact.success
    ax.axvline(0.0, color=style.INK, linewidth=0.8)
    ax.axvline(whole, color=style.INK, linewidth=0.8, linestyle=":")
    labels = [_label(own) for own, _ in groups.values()]
    ax.set_yticks(range(len(groups))[::-1], labels, fontsize=style.SMALL)
    ax.set_ylim(-0.6, len(groups) - 0.4)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel(
        f"goals met by the intact network ({whole:.0%}) minus those without the areas",
        fontsize=9,
    )
    style.plain(ax)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x", color="#e6e6e6", linewidth=0.6)
    mark: Any = {"linestyle": "-", "marker": "o"}
    handles = [
        Line2D([], [], color=style.INK, markersize=7, label="group", **mark),
        Line2D([], [], color=style.GREY, markersize=3.5, label="random areas", **mark),
        Line2D(
            [],
            [],
            color=style.GREY,
            markersize=3.5,
            markerfacecolor="white",
            label="random, some of the group",
            **mark,
        ),
    ]
    ax.legend(handles=handles, frameon=False, fontsize=style.SMALL, loc="best")
    ax.set_title(f"the same {study.n_episodes} episodes", **style.TITLE)
    return ax


def _draw(ax: Axes, outcome: Outcome, height: float, color: str, size: float) -> None:
    """Draw a drop with its interval at a height."""
    drop = outcome.drop
    ax.plot([drop.low, drop.high], [height, height], color=color, linewidth=size / 4)
    fill = "white" if outcome.lesion.n_shared else color
    ax.plot(drop.mean, height, "o", color=color, markersize=size, markerfacecolor=fill)


def _label(outcome: Outcome) -> str:
    """Return a group's name, its size, and what of it is input or output."""
    lesion = outcome.lesion
    n = len(lesion.areas)
    text = f"{lesion.group}\n{n} area{'s'[: n - 1]}, {lesion.n_units:,} units"
    ends = []
    if lesion.n_sensed:
        ends.append(f"{lesion.n_sensed} sensed")
    if lesion.n_acting:
        ends.append(f"{lesion.n_acting} acting")
    return text + (f"\n({', '.join(ends)})" if ends else "")
