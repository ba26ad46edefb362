# SPDX-License-Identifier: Apache-2.0
"""Encoding and flow: areas and brain data; subspaces of pathways."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from angora_train.analysis.figures import style
from atlasnet.figures.palette import GROUP_COLORS, group_of, short_labels

__all__ = ["plot_encoding", "plot_subspaces"]

Systems = Mapping[str, str | None]
_UNKNOWN: Systems = {}
_DIRECTIONS = {
    "feedforward": style.BLUE,
    "feedback": style.ORANGE,
    "lateral": style.GREY,
}


def plot_encoding(
    table: pd.DataFrame, ax: Axes | None = None, *, systems: Systems = _UNKNOWN
) -> Axes:
    """Draw how much of a user's data each area explains.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``area``, ``control`` (``none`` or ``untrained``), ``value``, ``low``,
        ``high``, ``measure``, ``n_channels`` and ``over``.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.
    systems : mapping of str to str, optional
        Part of the brain of each area, which its colour shows.

    Returns
    -------
    matplotlib.axes.Axes
        Filled dots are areas, hollow ones those of the untrained network.
    """
    areas = list(dict.fromkeys(table["area"].astype(str)))
    known = list(GROUP_COLORS)
    order = sorted(areas, key=lambda x: known.index(group_of(systems.get(x))))
    ax = ax or style.new_axes(5.2, 1.5 + 0.2 * len(order))
    for height, area in enumerate(order):
        color = GROUP_COLORS[group_of(systems.get(area))]
        for row in table[table["area"] == area].to_dict("records"):
            is_own = row["control"] == "none"
            place = height + (0.0 if is_own else 0.25)
            ax.plot([row["low"], row["high"]], [place] * 2, color=color, lw=1.2)
            look: dict[str, Any] = {"markersize": 5.5 if is_own else 4.0}
            if not is_own:
                look["markerfacecolor"] = "white"
            ax.plot(row["value"], place, "o", color=color, **look)
    ax.axvline(0.0, color=style.INK, linewidth=0.8)
    ax.set_yticks(range(len(order)), short_labels(order), fontsize=style.SMALL)
    ax.set_ylim(len(order) - 0.4, -0.6)
    style.plain(ax)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x", color="#e6e6e6", linewidth=0.6)
    first = table.iloc[0]
    ax.set_xlabel(
        f"{first['measure']}, mean of {first['n_channels']} channels\n"
        f"95 % intervals over {first['over']}",
        fontsize=9,
    )
    mark: Any = {"color": style.INK, "marker": "o", "linestyle": "-"}
    handles = [Line2D([], [], label="area", **mark)]
    if (table["control"] != "none").any():
        handles.append(Line2D([], [], label="untrained", mfc="white", **mark))
    ax.legend(handles=handles, frameon=False, fontsize=style.SMALL, loc="best")
    return ax


def plot_subspaces(
    table: pd.DataFrame, axes: tuple[Axes, Axes] | None = None
) -> tuple[Axes, Axes]:
    """Draw performance by rank, and the dimensions of pathways, by direction.

    Parameters
    ----------
    table : pandas.DataFrame
        What :func:`angora_train.analysis.encoding.subspace.communication_subspaces`
        returned; of several subjects with a column ``subject``.
    axes : pair of matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.

    Returns
    -------
    pair of matplotlib.axes.Axes
        Left the mean over pathways of performance as a share of what is reached without
        a bound, with quartiles; right how many pathways have which dimension.
    """
    if axes is None:
        figure = Figure(figsize=(7.4, 3.2), layout="constrained")
        axes = tuple(figure.subplots(1, 2))
    left, right = axes
    told = table[table["full"] > 0].assign(share=lambda x: x["performance"] / x["full"])
    directions = [x for x in _DIRECTIONS if (told["direction"] == x).any()]
    n_ranks = int(told["rank"].max())
    width = 0.8 / max(1, len(directions))
    for i, direction in enumerate(directions):
        own = told[told["direction"] == direction]
        by_rank = own.groupby("rank")["share"]
        color = _DIRECTIONS[direction]
        n = len(own[own["rank"] == 1])
        middle = by_rank.median()
        left.plot(middle.index, middle, color=color, label=f"{direction}, n = {n}")
        left.fill_between(
            middle.index,
            by_rank.quantile(0.25),
            by_rank.quantile(0.75),
            color=color,
            alpha=0.15,
            linewidth=0,
        )
        counts = np.bincount(own[own["rank"] == 1]["dimension"], minlength=n_ranks + 1)
        place = np.arange(1, n_ranks + 1) + (i - (len(directions) - 1) / 2) * width
        right.bar(place, counts[1:] / counts.sum(), width, color=color)
    left.axhline(1.0, color=style.INK, linewidth=0.8, linestyle=":")
    left.set_xlabel("rank", fontsize=9)
    left.set_ylabel("share of full performance", fontsize=9)
    left.set_ylim(0.0, 1.1)
    left.legend(
        frameon=False,
        fontsize=style.SMALL,
        title="median and quartiles of n\npathways",
        title_fontsize=style.SMALL,
    )
    right.set_xlabel("dimension: smallest rank within\n1 s.e.m. of full", fontsize=9)
    right.set_ylabel("share of pathways", fontsize=9)
    for ax in axes:
        style.plain(ax)
    return left, right
