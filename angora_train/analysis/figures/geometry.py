# SPDX-License-Identifier: Apache-2.0
"""Geometry: measures of areas along the hierarchy, beside their controls."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from angora_train.analysis.figures import style
from angora_train.analysis.geometry.study import ACTION, ALL, DIFFERENCE, MEASURES
from atlasnet.figures.palette import figure_of, short_labels

__all__ = ["plot_geometry", "plot_hierarchy", "plot_measure", "plot_points"]

_COLORS = {
    "": style.BLUE,
    "untrained": style.GREY,
    "null model": style.ORANGE,
    DIFFERENCE: style.INK,
}
_SHIFTS = {"": -0.16, "untrained": 0.0, "null model": 0.16}
_NAMES = {"": "trained"}


def plot_geometry(
    table: pd.DataFrame, axes: Sequence[Axes] | None = None
) -> list[Axes]:
    """Draw every measure of all areas along the hierarchy.

    Parameters
    ----------
    table : pandas.DataFrame
        What :meth:`angora_train.analysis.geometry.study.Geometry.table` returned.
    axes : sequence of matplotlib.axes.Axes, optional
        One a measure. By default a figure is made.

    Returns
    -------
    list of matplotlib.axes.Axes
        One a measure; see :func:`plot_measure`.
    """
    measures = [x for x in MEASURES if x in set(table["measure"])]
    if axes is None:
        n_areas = table.loc[table["order"] != "", "area"].nunique()
        size = (max(4.5, 0.22 * n_areas + 1.2), 1.75 * len(measures) + 0.9)
        figure = Figure(figsize=size, layout="constrained")
        axes = list(np.ravel(figure.subplots(len(measures), 1, squeeze=False)))
    for ax, measure in zip(axes, measures, strict=True):
        plot_measure(table, measure, ax)
        if ax is not axes[len(measures) - 1]:
            ax.set_xticklabels([])
    for ax in axes[1:]:
        is_limited = "triangles" in ax.get_title(loc="left")
        title = "triangles: beyond what was looked at" if is_limited else ""
        ax.set_title(title, loc="left", fontsize=style.SMALL)
    handles, labels = axes[0].get_legend_handles_labels()
    figure_of(axes[0]).legend(
        handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8
    )
    return list(axes)


def plot_measure(table: pd.DataFrame, measure: str, ax: Axes | None = None) -> Axes:
    """Draw a measure of all areas in the order in which they are computed.

    Parameters
    ----------
    table : pandas.DataFrame
        See :func:`plot_geometry`. Of several subjects, what is over all is drawn.
    measure : str
        One of :data:`angora_train.analysis.geometry.study.MEASURES`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.

    Returns
    -------
    matplotlib.axes.Axes
        A dot an area with its 95 % interval, trained and controls side by side; the
        dashed line is the tangling of the commands. Timescales, tangling and
        dimensions are on a logarithmic axis; areas without a finite number have no
        dot. A triangle points to where a number that lies beyond what was looked at
        may be.
    """
    rows = table[table["measure"] == measure]
    areas = rows[rows["order"] != ""].sort_values("order", kind="stable")
    names = list(dict.fromkeys(areas["area"]))
    ax = ax or style.new_axes(0.22 * len(names) + 1.4, 2.6)
    n_shown: list[str] = []
    for control in dict.fromkeys(rows["control"]):
        own = rows[rows["control"] == control]
        own = own[
            own["subject"]
            == (ALL if ALL in set(own["subject"]) else own["subject"].iloc[0])
        ]
        by_area = own.set_index("area").reindex(names)
        places = np.arange(len(names)) + _SHIFTS[control]
        value, low, high = (
            by_area[x].to_numpy(float) for x in ("value", "low", "high")
        )
        is_seen = np.isfinite(value)
        top = np.where(np.isfinite(high), high, value)
        bottom = np.where(np.isfinite(low), low, value)
        ax.vlines(
            places[is_seen],
            bottom[is_seen],
            top[is_seen],
            color=_COLORS[control],
            lw=1.2,
        )
        label = _NAMES.get(control, control)
        _mark(ax, places, by_area, label, _COLORS[control])
        n_shown.append(f"{label} {int(own['n'].iloc[0])}")
        reference = own[own["area"] == ACTION]
        if len(reference) and control == "":
            level = float(reference["value"].iloc[0])
            ax.axhline(level, color=style.INK, lw=0.8, ls="--", label="commands")
    if measure in ("timescale_ms", "tangling", "dimension", "dimension_of_units"):
        ax.set_yscale("log")
        for axis_format in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
            axis_format(FuncFormatter(_plainly))
    ax.set_xticks(range(len(names)), short_labels(names), rotation=90, fontsize=7)
    ax.set_xlim(-0.7, len(names) - 0.3)
    ax.set_ylabel(fill(MEASURES[measure], 18), fontsize=style.SMALL)
    style.plain(ax)
    over = "subjects and episodes" if ALL in set(rows["subject"]) else "episodes"
    told = f"bars: 95 % over {over}; episodes: {', '.join(n_shown)}"
    if "limit" in rows and rows["limit"].fillna("").ne("").any():
        told = f"triangles: beyond what was looked at; {told}"
    ax.set_title(told, loc="left", fontsize=style.SMALL)
    return ax


def _mark(
    ax: Axes, places: NDArray[np.floating], rows: pd.DataFrame, label: str, color: str
) -> None:
    """Draw dots, and triangles that point to where a number beyond bounds may be."""
    limits = rows["limit"].fillna("") if "limit" in rows else pd.Series("", rows.index)
    values = rows["value"].to_numpy(float)
    is_up = limits.str.contains("at least").to_numpy(bool)
    is_down = limits.str.contains("at most").to_numpy(bool) & ~is_up
    for marker, chosen, size in (("^", is_up, 4.5), ("v", is_down, 4.5)):
        kept = chosen & np.isfinite(values)
        ax.plot(places[kept], values[kept], marker, ms=size, color=color, mfc="white")
    dots = np.isfinite(values) & ~is_up & ~is_down
    ax.plot(places[dots], values[dots], "o", ms=3.5, color=color, label=label)


def plot_hierarchy(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how measures go along the hierarchy, beside what is claimed.

    Parameters
    ----------
    table : pandas.DataFrame
        What :func:`angora_train.analysis.geometry.study.hierarchy_table` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.

    Returns
    -------
    matplotlib.axes.Axes
        A rank correlation with its 95 % interval for each measure and order; arrows
        say which sign is claimed.
    """
    subject = ALL if ALL in set(table["subject"]) else table["subject"].iloc[0]
    rows = table[table["subject"] == subject]
    pairs = list(dict.fromkeys(zip(rows["measure"], rows["ordered"], strict=True)))
    ax = ax or style.new_axes(6.4, 1.4 + 0.36 * len(pairs))
    shifts = {"": 0.24, "untrained": 0.08, "null model": -0.08, DIFFERENCE: -0.24}
    for control in dict.fromkeys(rows["control"]):
        own = rows[rows["control"] == control].set_index(["measure", "ordered"])
        seen = [i for i, pair in enumerate(pairs) if pair in own.index]
        heights = [len(pairs) - 1 - i + shifts[control] for i in seen]
        found = own.loc[[pairs[i] for i in seen]]
        color, label = _COLORS[control], _NAMES.get(control, control)
        ax.hlines(heights, found["low"], found["high"], color=color, lw=1.4)
        ax.plot(found["value"], heights, "o", color=color, ms=4.5, label=label)
    claimed = rows.drop_duplicates(["measure", "ordered"]).set_index(
        ["measure", "ordered"]
    )
    labels = []
    for pair in pairs:
        sign = float(claimed.loc[pair, "claimed"])
        arrow = {1.0: "  ↑", -1.0: "  ↓"}.get(sign, "")
        labels.append(f"{MEASURES[pair[0]]}\n{pair[1]}{arrow}")
    ax.axvline(0.0, color=style.INK, lw=0.8)
    ax.set_yticks(range(len(pairs))[::-1], labels, fontsize=7)
    ax.set_ylim(-0.6, len(pairs) - 0.4)
    ax.set_xlabel("rank correlation with the place of areas", fontsize=9)
    style.plain(ax)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x", color="#e6e6e6", linewidth=0.6)
    over = "subjects and episodes" if subject == ALL else "episodes"
    n_subjects, n_episodes = (int(rows[x].iloc[0]) for x in ("n_subjects", "n"))
    n = f"{n_subjects} subject{'s' * (n_subjects > 1)}, {n_episodes} episodes"
    ax.set_title(f"n = {n}; 95 % over {over}; arrows: claimed", loc="left", fontsize=8)
    figure_of(ax).legend(
        loc="outside lower center", ncols=4, frameon=False, fontsize=style.SMALL
    )
    return ax


def plot_points(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how slow the points are that were found, and how stable.

    Parameters
    ----------
    table : pandas.DataFrame
        What :func:`angora_train.analysis.geometry.slow_points.points_table` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.

    Returns
    -------
    matplotlib.axes.Axes
        Speed against the largest eigenvalue, of the points of which it was computed;
        full where a point is fixed, hollow where it is slow; the area of a dot grows
        with the starts that ended there. The dashed line is the median speed of visited
        states.
    """
    ax = ax or style.new_axes(5.2, 3.6)
    told = table[np.isfinite(table["largest"])]
    for control in dict.fromkeys(told["control"]):
        own, color = told[told["control"] == control], _COLORS[control]
        sizes = 12.0 + 5.0 * own["n_starts"].to_numpy(float)
        faces = [color if fixed else "white" for fixed in own["is_fixed"]]
        ax.scatter(own["largest"], own["speed"], s=sizes, c=faces, edgecolors=color)
        n = len(own.drop_duplicates(["subject", "episode"]))
        ax.plot(
            [], [], "o", color=color, label=f"{_NAMES.get(control, control)} ({n} held)"
        )
        ax.axhline(float(own["visited"].median()), color=color, lw=0.8, ls="--")
    ax.axvline(1.0, color=style.INK, lw=0.8)
    ax.set_yscale("log")
    ax.set_xlabel("largest absolute eigenvalue (stable left of 1)", fontsize=9)
    ax.set_ylabel("speed q a unit", fontsize=9)
    ax.legend(frameon=False, fontsize=style.SMALL)
    style.plain(ax)
    title = "full: fixed, hollow: slow; dashed: visited states"
    ax.set_title(title, loc="left", fontsize=style.SMALL)
    return ax


def _plainly(value: float, _: float) -> str:
    """Return a number of a logarithmic axis, of those that begin with 1, 2 or 5."""
    return f"{value:g}" if f"{value:e}"[0] in "125" else ""
