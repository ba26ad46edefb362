# SPDX-License-Identifier: Apache-2.0
"""Lesions: what is lost without areas, units or pathways, beside random ones."""

from collections.abc import Mapping
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from angora_train.analysis.figures import style
from angora_train.analysis.lesioning.effects import ALL, dissociations
from angora_train.analysis.lesioning.groups import LesionStudy, Outcome
from angora_train.analysis.lesioning.sets import INTACT
from atlasnet.figures.palette import GROUP_COLORS, figure_of, group_of

__all__ = ["plot_dissociation", "plot_effects", "plot_lesions"]


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


def plot_effects(
    table: pd.DataFrame, ax: Axes | None = None, *, outcome: str = "return"
) -> Axes:
    """Draw what each condition changes of an outcome, beside random conditions.

    Parameters
    ----------
    table : pandas.DataFrame
        What :func:`angora_train.analysis.lesioning.effects.effects` returned. Of
        several subjects, what is over all of them is drawn.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.
    outcome : str
        Which, such as ``return``, ``success`` or ``goals_reached``.

    Returns
    -------
    matplotlib.axes.Axes
        A row a condition: its change with the 95 % interval, filled where the change
        beyond the mean of its random conditions has an interval without 0; grey dots
        are the random ones of the first subject.
    """
    rows = table[(table["outcome"] == outcome) & (table["condition"] != INTACT)]
    subjects = list(dict.fromkeys(table["subject"]))
    shown = ALL if ALL in subjects else subjects[0]
    own = rows[(rows["subject"] == shown) & (rows["draw"] == "")].reset_index()
    random = rows[(rows["subject"] == subjects[0]) & (rows["draw"] != "")]
    ax = ax or style.new_axes(6.4, 1.3 + 0.24 * len(own))
    for i, row in own.iterrows():
        height = len(own) - 1 - int(str(i))
        beside = random[random["condition"] == row["condition"]]["change"]
        ax.plot(beside, np.full(len(beside), height), "|", color=style.GREY, ms=7)
        ax.plot([row["low"], row["high"]], [height] * 2, color=style.BLUE, lw=1.6)
        is_beyond = row["beyond"] != "" and (
            float(row["beyond_low"]) > 0 or float(row["beyond_high"]) < 0
        )
        fill = style.BLUE if is_beyond else "white"
        ax.plot(row["change"], height, "o", color=style.BLUE, ms=5, mfc=fill)
    ax.axvline(0.0, color=style.INK, linewidth=0.8)
    labels = [str(name).removesuffix(" left") for name in own["condition"]]
    ax.set_yticks(range(len(own))[::-1], labels, fontsize=style.SMALL)
    ax.set_ylim(-0.7, len(own) - 0.3)
    ax.set_xlabel(f"{outcome}: lesioned minus intact", fontsize=9)
    style.plain(ax)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x", color="#e6e6e6", linewidth=0.6)
    over = "subjects and their episodes" if shown == ALL else "the same episodes"
    n = int(own["n"].iloc[0]) if len(own) else 0
    ax.set_title(f"n = {n}; bars: 95 % over {over}", **style.TITLE)
    _effects_legend(ax, bool(len(random)))
    return ax


def _effects_legend(ax: Axes, has_random: bool) -> None:
    """Say below what dots and strokes are."""
    dot: Any = {"linestyle": "-", "marker": "o", "color": style.BLUE, "markersize": 5}
    handles = [Line2D([], [], label="lesion", markerfacecolor="white", **dot)]
    if has_random:
        handles.append(Line2D([], [], label="beyond its random lesions", **dot))
        stroke: Any = {"linestyle": "", "marker": "|", "color": style.GREY}
        handles.append(Line2D([], [], label="a random lesion of its size", **stroke))
    figure_of(ax).legend(
        handles=handles,
        frameon=False,
        fontsize=style.SMALL,
        loc="outside lower center",
        ncols=3,
    )


def plot_dissociation(
    losses: Mapping[str, Mapping[str, NDArray[np.float64]]],
    ax: Axes | None = None,
    *,
    seed: int = 0,
) -> Axes:
    """Draw what each lesion takes of each column, and which dissociate doubly.

    Parameters
    ----------
    losses : mapping of str to mapping of str to ndarray
        See :func:`angora_train.analysis.lesioning.effects.losses_by_outcome`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.
    seed : int
        Of the resampling.

    Returns
    -------
    matplotlib.axes.Axes
        A matrix of mean losses, red where the lesion makes it worse; the letters of a
        double dissociation stand in its two cells.
    """
    names, columns = list(losses), list(next(iter(losses.values())))
    means = np.array([[np.nanmean(losses[a][c]) for c in columns] for a in names])
    ax = ax or style.new_axes(1.1 * len(columns) + 3.2, 0.34 * len(names) + 1.9)
    bound = float(np.abs(means).max()) or 1.0
    image = ax.imshow(means, cmap="RdBu_r", vmin=-bound, vmax=bound, aspect="auto")
    bar = figure_of(ax).colorbar(image, ax=ax, pad=0.02)
    bar.set_label("loss; red: worse with the lesion", fontsize=style.SMALL)
    bar.ax.tick_params(labelsize=7)
    ax.set_xticks(range(len(columns)), columns, fontsize=style.SMALL, rotation=30)
    ax.set_yticks(
        range(len(names)),
        [x.removesuffix(" left") for x in names],
        fontsize=style.SMALL,
    )
    marks: dict[tuple[int, int], str] = {}
    found = dissociations(losses, seed)
    double = found[found["is_double"]]
    rows = double.to_dict("records")
    for letter, row in zip(ascii_lowercase, rows, strict=False):
        for name, column in (
            (row["first"], row["column_a"]),
            (row["second"], row["column_b"]),
        ):
            cell = names.index(name), columns.index(column)
            marks[cell] = marks.get(cell, "") + letter
    for i, row_means in enumerate(means):
        for k, mean in enumerate(row_means):
            text = f"{mean:.2f} {marks.get((i, k), '')}".strip()
            color = "white" if abs(mean) > 0.6 * bound else style.INK
            ax.text(k, i, text, ha="center", va="center", fontsize=7, color=color)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    n = len(next(iter(next(iter(losses.values())).values())))
    ax.set_title(
        f"{len(double)} double dissociations (letters), n = {n}", **style.TITLE
    )
    return ax
