# SPDX-License-Identifier: Apache-2.0
"""Decoding: what areas tell of a target, at each lag, beside what controls tell."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from angora_train.analysis.decoding.decode import BEYOND, EQUAL, OWN, SENSATIONS
from angora_train.analysis.decoding.study import ALL, UNTRAINED, UNTRAINED_BEYOND
from angora_train.analysis.figures import style
from atlasnet.figures.palette import (
    GROUP_COLORS,
    figure_of,
    group_of,
    short_labels,
)

__all__ = ["plot_decoding", "plot_generalization"]

Systems = Mapping[str, str | None]
_UNKNOWN: Systems = {}
_ENDS = ["value", "low", "high"]
LAG = "lag (ms): target after activity (+), before (-)"


def plot_decoding(
    table: pd.DataFrame,
    target: str,
    axes: tuple[Axes, Axes] | None = None,
    *,
    systems: Systems = _UNKNOWN,
    null: xr.DataArray | None = None,
) -> tuple[Axes, Axes]:
    """Draw how well a target is read out of each area.

    Parameters
    ----------
    table : pandas.DataFrame
        What :func:`angora_train.analysis.decoding.study.tabulate` returned.
    target : str
        Which of its targets.
    axes : pair of matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.
    systems : mapping of str to str, optional
        Part of the brain of each area, which its colour shows.
    null : xarray.DataArray, optional
        Scores of shifted and exchanged targets, ``null`` of the decoding.

    Returns
    -------
    pair of matplotlib.axes.Axes
        Left the scores of areas over lags, a dot at the best; right the scores at the
        lag nearest to 0 with 95 % intervals, beside the controls.
    """
    rows = _chosen(table, target)
    own = rows[rows["control"] == OWN]
    order, labels, groups = _ordered(own, systems)
    if axes is None:
        figure = Figure(figsize=(8.6, 1.9 + 0.2 * len(order)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.5, 1.0))
    else:
        left, right = axes
    _draw_lags(left, own, order)
    lags = own["lag_ms"].to_numpy(float)
    nearest = float(lags[np.abs(lags).argmin()])
    _draw_controls(right, rows[rows["lag_ms"] == nearest], order, groups, null)
    left.set_yticks(range(len(order)), labels, fontsize=style.SMALL)
    for tick, group in zip(left.get_yticklabels(), groups, strict=True):
        tick.set_color(GROUP_COLORS[group])
    left.set_ylim(len(order) - 0.5, -0.5)
    right.set_title(f"at a lag of {nearest:g} ms", **style.TITLE)
    left.set_title(f"{target}: {own['measure'].iloc[0]}", **style.TITLE)
    return left, right


def _chosen(table: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the rows of a target: of all subjects together, or of the only one."""
    rows = table[table["target"] == target]
    name = ALL if (rows["subject"] == ALL).any() else rows["subject"].iloc[0]
    return rows[rows["subject"] == name]


def _ordered(
    own: pd.DataFrame, systems: Systems
) -> tuple[list[str], list[str], list[str]]:
    """Return areas by group, in the order of computation, with labels and groups."""
    areas = [str(x) for x in own["area"].unique()]
    known = list(GROUP_COLORS)
    names = sorted(areas, key=lambda x: known.index(group_of(systems.get(x))))
    return names, short_labels(names), [group_of(systems.get(x)) for x in names]


def _draw_lags(ax: Axes, own: pd.DataFrame, order: list[str]) -> None:
    """Draw the score of each area at each lag."""
    grid = own.pivot_table(index="area", columns="lag_ms", values="value").loc[order]
    lags = grid.columns.to_numpy(float)
    values = grid.to_numpy()
    chance = float(own["chance"].iloc[0])
    half = (lags[1] - lags[0]) / 2 if len(lags) > 1 else 10.0
    image = ax.imshow(
        values,
        aspect="auto",
        cmap="viridis",
        vmin=chance,
        vmax=max(float(np.nanmax(values)), chance + 0.01),
        extent=(lags[0] - half, lags[-1] + half, len(order) - 0.5, -0.5),
        interpolation="nearest",
    )
    best = lags[np.nanargmax(np.where(np.isnan(values), -np.inf, values), axis=1)]
    ax.plot(
        best,
        range(len(order)),
        "o",
        color="white",
        markersize=3.5,
        markeredgecolor=style.INK,
        markeredgewidth=0.6,
    )
    ax.axvline(0.0, color="white", linewidth=1.0, linestyle=":")
    bar = figure_of(ax).colorbar(image, ax=ax, pad=0.01, aspect=40)
    bar.set_label(f"{own['measure'].iloc[0]} (from chance, {chance:.2g})", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    ax.set_xlabel(LAG + "\ndot: best lag of the area", fontsize=9)
    ax.tick_params(labelsize=style.SMALL, length=2)
    ax.spines[:].set_visible(False)


_CONTROLS: dict[str, tuple[str, dict[str, Any], float]] = {
    UNTRAINED: ("untrained, replayed", {"marker": "o", "mfc": "white", "ms": 4}, 0.22),
    EQUAL: ("equal numbers of units", {"marker": "|", "ms": 7}, 0.0),
    BEYOND: ("beyond sensations (partial R2)", {"marker": "D", "ms": 3}, -0.22),
    UNTRAINED_BEYOND: (
        "the same, untrained",
        {"marker": "D", "mfc": "white", "ms": 3},
        -0.34,
    ),
}


def _draw_controls(
    ax: Axes,
    rows: pd.DataFrame,
    order: list[str],
    groups: list[str],
    null: xr.DataArray | None,
) -> None:
    """Draw scores at one lag, with intervals, beside the controls."""
    colors = [GROUP_COLORS[group] for group in groups]
    handles: list[Any] = []
    _draw_null(ax, rows, order, null, handles)
    for control, (name, look, offset) in {
        OWN: ("area", {"marker": "o", "ms": 5}, 0.0),
        **_CONTROLS,
    }.items():
        found = rows[rows["control"] == control].set_index("area")
        if found.empty:
            continue
        ends = dict(zip(found.index, found[_ENDS].to_numpy(float), strict=True))
        for height, (area, color) in enumerate(zip(order, colors, strict=True)):
            if area in ends:
                value, low, high = map(float, ends[area])
                place = [height - offset] * 2
                if control != EQUAL:
                    ax.plot([low, high], place, color=color, linewidth=1.0)
                ax.plot(value, place[0], color=color, mew=0.9, **look)
        mark = {"color": style.INK, "linestyle": "", **look}
        handles.append(Line2D([], [], label=name, **mark))
    sensed = rows[rows["control"] == SENSATIONS]
    if len(sensed):
        ax.axvline(sensed["value"].iloc[0], color=style.INK, linestyle="--", lw=1.0)
        handles.append(
            Line2D([], [], color=style.INK, linestyle="--", label="sensations alone")
        )
    chance = rows["chance"].iloc[0]
    ax.axvline(chance, color=style.INK, linewidth=0.8)
    handles.append(Line2D([], [], color=style.INK, linewidth=0.8, label="chance"))
    style.plain(ax)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x", color="#e6e6e6", linewidth=0.6)
    ax.tick_params(axis="y", length=0)
    n = int(rows["n_subjects"].iloc[0])
    over = f"{n} subjects and their episodes" if n > 1 else "episodes"
    ax.set_xlabel(
        f"score; 95 % intervals over {over}\n{int(rows['n'].max()):,} samples",
        fontsize=9,
    )
    figure_of(ax).legend(
        handles=handles,
        loc="outside lower center",
        ncols=4,
        fontsize=style.SMALL,
        frameon=False,
    )


def _draw_null(
    ax: Axes,
    rows: pd.DataFrame,
    order: list[str],
    null: xr.DataArray | None,
    handles: list[Any],
) -> None:
    """Draw where 95 % of the scores of exchanged and of shifted targets lie."""
    lag = float(rows["lag_ms"].iloc[0])
    if null is None or lag not in null["null_lag"]:
        return
    target = rows["target"].iloc[0]
    looks = {"exchanged": ("#cccccc", 0.5), "shifted": ("#888888", 0.14)}
    for kind, (color, thickness) in looks.items():
        own = null.sel(null_kind=kind, target=target, null_lag=lag)
        is_drawn = False
        for height, area in enumerate(order):
            scores = own.sel(tested_area=area).to_numpy().ravel()
            if np.isnan(scores).any():
                continue
            low, high = np.quantile(scores, [0.025, 0.975])
            ax.barh(height, high - low, thickness, low, color=color, zorder=0)
            is_drawn = True
        if is_drawn:
            name = f"95 % of {null.sizes['replicate']} {kind} targets"
            handles.append(Line2D([], [], color=color, lw=12 * thickness, label=name))


def plot_generalization(
    scores: xr.DataArray, ax: Axes | None = None, *, title: str = ""
) -> Axes:
    """Draw how what is fitted at one time serves at another.

    Parameters
    ----------
    scores : xarray.DataArray
        Of one area and target, (trained_at, tested_at), times in s, as
        :func:`angora_train.analysis.decoding.temporal.generalize` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.
    title : str
        What to write above.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: what is not above chance is as dark as chance.
    """
    ax = ax or style.new_axes(3.6, 3.1)
    chance = float(scores.attrs["chance"])
    at = scores["tested_at"].to_numpy()
    half = (at[1] - at[0]) / 2
    ends = (at[0] - half, at[-1] + half)
    image = ax.imshow(
        scores.transpose("trained_at", "tested_at").to_numpy(),
        origin="lower",
        extent=(*ends, *ends),
        cmap="viridis",
        vmin=chance,
        vmax=max(float(np.nanmax(scores)), chance + 0.01),
    )
    ax.plot(ends, ends, color="white", linewidth=0.8, linestyle=":")
    ax.set_xlabel("tested at (s)", fontsize=9)
    ax.set_ylabel("fitted at (s)", fontsize=9)
    ax.tick_params(labelsize=style.SMALL)
    bar = figure_of(ax).colorbar(image, ax=ax, pad=0.02)
    bar.set_label(f"{scores.attrs['measure']} (from chance, {chance:.2g})", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    if title:
        ax.set_title(title, **style.TITLE)
    return ax
