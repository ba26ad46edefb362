# SPDX-License-Identifier: Apache-2.0
"""Figures of training, evaluation and similarity; importing this loads Matplotlib.

Each function draws into the axes that it is given, or makes a figure of fitting size,
and returns the axes. None touches Matplotlib's global state. Areas have the colours
of their groups in `atlasnet.figures`.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import FuncFormatter, PercentFormatter
from numpy.typing import NDArray
from rsatoolbox.rdm.rdms import RDMs

from angora_train.analysis.conditions import CONDITIONS, Comparison
from angora_train.analysis.evaluation import Interval
from angora_train.analysis.group import Group, student_interval
from angora_train.analysis.similarity import Embedding
from atlasnet.figures.labels import place_labels
from atlasnet.figures.palette import (
    GROUP_COLORS,
    figure_of,
    group_handles,
    group_of,
    short_labels,
)

__all__ = [
    "plot_conditions",
    "plot_distribution",
    "plot_group",
    "plot_learning",
    "plot_mds",
    "plot_model_fit",
    "plot_rdms",
    "plot_similarity",
]

_INK = "#333333"
_GREY = "#999999"
_BLUE = "#0072B2"
_ORANGE = "#D55E00"
_TITLE: dict[str, Any] = {"loc": "left", "fontsize": 10}
_SMALL = 8
Systems = Mapping[str, str | None]
"""Part of the brain of each area; areas without one are grey."""
_UNKNOWN: Systems = {}


# --- training -----------------------------------------------------------------------


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
    for ax, key, label, color in zip(
        axes,
        ("rollout/return", "rollout/success"),
        ("return of an episode", "goal met at the end"),
        (_BLUE, _ORANGE),
        strict=True,
    ):
        rows = [(row["samples"], row[key]) for row in metrics if row[key] is not None]
        samples, values = np.array(rows, np.float64).reshape(-1, 2).T
        ax.plot(samples, values, color=color, linewidth=1.6)
        ax.set_title(label, **_TITLE)
        ax.set_xlabel("samples (control steps of all worlds)", fontsize=9)
        ax.xaxis.set_major_formatter(FuncFormatter(_thousands))
        _plain(ax)
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
    if ax is None:
        ax = Figure(figsize=(4.6, 3.0), layout="constrained").subplots()
    curves = np.stack([_bridged(row) for row in group.returns])
    for curve in curves:
        ax.plot(group.samples, curve, color=_GREY, linewidth=0.6, alpha=0.8)
    is_known = ~np.isnan(curves).any(axis=0)
    samples = group.samples[is_known]
    bands = [student_interval(column) for column in curves.T[is_known]]
    if len(curves) > 1:
        low, high = ([getattr(b, end) for b in bands] for end in ("low", "high"))
        ax.fill_between(samples, low, high, color=_BLUE, alpha=0.2, linewidth=0)
    ax.plot(samples, [b.mean for b in bands], color=_BLUE, linewidth=1.6)
    n_seeds = len(group.seeds)
    ax.set_title(f"return of an episode, {n_seeds} seed{'s'[: n_seeds - 1]}", **_TITLE)
    ax.set_xlabel("samples (control steps of all worlds)", fontsize=9)
    ax.xaxis.set_major_formatter(FuncFormatter(_thousands))
    _plain(ax)
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
    if ax is None:
        ax = Figure(figsize=(4.6, 3.0), layout="constrained").subplots()
    is_whole = bool((values == np.round(values)).all())
    low, high = float(values.min()), float(values.max())
    if is_whole and high - low <= 60:
        edges: Any = np.arange(low - 0.5, high + 1.0)
    else:
        edges = 30
    ax.hist(values, bins=edges, color=_BLUE, alpha=0.6, edgecolor="white")
    marks = (("mean", np.mean(values), _INK), ("median", np.median(values), _ORANGE))
    for name, place, color in marks:
        ax.axvline(
            float(place), color=color, linewidth=1.6, label=f"{name} {place:.4g}"
        )
    ax.legend(frameon=False, fontsize=_SMALL)
    ax.set_title(f"{len(values)} episodes", **_TITLE)
    ax.set_xlabel(label, fontsize=9)
    ax.set_ylabel("episodes", fontsize=9)
    _plain(ax)
    return ax


def _thousands(value: float, _: int) -> str:
    """Return a count in thousands or millions."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:g} M"
    return f"{value / 1000:g} k" if value else "0"


def _plain(ax: Axes) -> None:
    """Leave only what carries information."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=_SMALL)
    ax.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    ax.set_axisbelow(True)


# --- evaluation ---------------------------------------------------------------------


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
            color = _ORANGE if name == "trained" else _INK
            if column is not None:
                values = scale * getattr(comparison.episodes[name], column)
                offsets = np.linspace(-0.26, -0.1, len(values))
                ax.scatter(
                    values, height + offsets, s=5, color=color, alpha=0.25, linewidth=0
                )
            interval = getattr(comparison.summaries[name], summary)
            _draw_interval(ax, interval, height, scale, color)
        ax.set_title(label, **_TITLE)
        ax.set_yticks(heights, names, fontsize=9)
        ax.set_ylim(-0.5, len(names) - 0.5)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
        ax.tick_params(axis="x", labelsize=_SMALL)
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


# --- similarity ---------------------------------------------------------------------


def plot_rdms(
    rdms: RDMs,
    axes: Sequence[Axes] | None = None,
    *,
    systems: Systems = _UNKNOWN,
) -> list[Axes]:
    """Draw the distances between conditions in every area.

    Each matrix has its own scale, from 0 to its largest distance: compare patterns,
    not heights. Negative distances, which mean 0, are white too.

    Parameters
    ----------
    rdms : rsatoolbox.rdm.RDMs
        What :func:`angora_train.analysis.similarity.area_rdms` returned.
    axes : sequence of matplotlib.axes.Axes, optional
        One an area, in the order of the groups. By default a figure is made.
    systems : mapping of str to str, optional
        Part of the brain of each area, which its colour shows.

    Returns
    -------
    list of matplotlib.axes.Axes
        One an area.
    """
    areas = list(rdms.rdm_descriptors["area"])
    groups = _groups(areas, systems)
    order = _by_group(groups)
    labels = short_labels(areas)
    is_own = axes is None
    if axes is None:
        n_columns = min(7, len(areas))
        n_rows = -(-len(areas) // n_columns)
        figure = Figure(
            figsize=(1.35 * n_columns + 0.3, 1.5 * n_rows + 0.7), layout="constrained"
        )
        grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for ax in grid[len(areas) :]:
            ax.set_axis_off()
        axes = list(grid[: len(areas)])
    matrices = rdms.get_matrices()  # type: ignore[no-untyped-call]
    image = None
    for ax, i in zip(axes, order, strict=True):
        image = _draw_rdm(ax, matrices[i], rdms.pattern_descriptors["kind"])
        color = GROUP_COLORS[groups[i]]
        ax.set_title(
            labels[i], fontsize=9, color=color, fontweight="bold", loc="left", pad=3
        )
    if is_own and image is not None:
        _finish_rdms(list(axes), image, rdms, groups)
    return list(axes)


def _groups(areas: Sequence[str], systems: Systems) -> list[str]:
    """Return the group of each area."""
    return [group_of(systems.get(area)) for area in areas]


def _by_group(groups: Sequence[str]) -> list[int]:
    """Return the order of areas by group, then as they come."""
    known = list(GROUP_COLORS)
    return sorted(range(len(groups)), key=lambda i: known.index(groups[i]))


def _draw_rdm(ax: Axes, matrix: NDArray[np.float64], kinds: Sequence[str]) -> AxesImage:
    """Draw one matrix, with lines between the kinds of goals."""
    largest = matrix.max() or 1.0
    image = ax.imshow(matrix / largest, cmap="Greys", vmin=0.0, vmax=1.0)
    for i, (kind, following) in enumerate(pairwise(kinds)):
        if kind != following:
            ax.axhline(i + 0.5, color=_BLUE, linewidth=0.4)
            ax.axvline(i + 0.5, color=_BLUE, linewidth=0.4)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_linewidth(0.5)
    return image


def _finish_rdms(
    axes: list[Axes], image: AxesImage, rdms: RDMs, groups: list[str]
) -> None:
    """Name the conditions at the first matrix; add colour bar and legend."""
    kinds = list(rdms.pattern_descriptors["kind"])
    names = list(dict.fromkeys(kinds))
    middles = [float(np.flatnonzero(np.array(kinds) == k).mean()) for k in names]
    axes[0].set_yticks(middles, names, fontsize=7)
    axes[0].tick_params(length=0, pad=2)
    figure = figure_of(axes[0])
    bar = figure.colorbar(
        image, ax=axes, location="right", shrink=0.3, aspect=15, pad=0.01
    )
    bar.set_label("distance / largest in the area", fontsize=_SMALL)
    bar.ax.tick_params(labelsize=7)
    _group_legend(figure, groups)


def plot_similarity(
    similarity: pd.DataFrame, ax: Axes | None = None, *, systems: Systems = _UNKNOWN
) -> Axes:
    """Draw how alike the areas are, ordered by anatomical group.

    Parameters
    ----------
    similarity : pandas.DataFrame
        What :func:`angora_train.analysis.similarity.compare_areas` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.
    systems : mapping of str to str, optional
        Part of the brain of each area, which its colour shows.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of the new figure.
    """
    areas = [str(area) for area in similarity.index]
    order = _by_group(_groups(areas, systems))
    if ax is None:
        side = max(4.0, 0.18 * len(areas) + 1.2)
        ax = Figure(figsize=(side + 0.6, side), layout="constrained").add_subplot()
    values = similarity.to_numpy()[np.ix_(order, order)]
    low = float(values.min())
    if low < 0:
        image = ax.imshow(values, cmap="RdBu_r", vmin=-1.0, vmax=1.0)
    else:
        image = ax.imshow(values, cmap="Reds", vmin=np.floor(10 * low) / 10, vmax=1.0)
    bar = figure_of(ax).colorbar(image, ax=ax, shrink=0.6, pad=0.02)
    bar.set_label("correlation of distances", fontsize=9)
    bar.ax.tick_params(labelsize=_SMALL)
    groups = _groups([areas[i] for i in order], systems)
    labels = short_labels(areas)
    for axis, rotation in ((ax.xaxis, 90), (ax.yaxis, 0)):
        axis.set_ticks(range(len(order)), [labels[i] for i in order])
        _color_labels(axis, groups, rotation)
    for i, (group, following) in enumerate(pairwise(groups)):
        if group != following:
            ax.axhline(i + 0.5, color="white", linewidth=1.5)
            ax.axvline(i + 0.5, color="white", linewidth=1.5)
    _bare(ax)
    _group_legend(figure_of(ax), groups)
    return ax


def _color_labels(axis: Axis, groups: Sequence[str], rotation: int) -> None:
    """Write an axis' labels in the colours of the groups."""
    for label, group in zip(axis.get_ticklabels(), groups, strict=True):
        label.set(color=GROUP_COLORS[group], fontsize=_SMALL, rotation=rotation)


def _bare(ax: Axes) -> None:
    """Take frame and tick marks off a matrix."""
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _group_legend(figure: Figure, groups: Sequence[str]) -> None:
    """Name the groups below a figure, if it has a layout that leaves room."""
    if figure.get_layout_engine() is None:
        return
    figure.legend(
        handles=group_handles(groups, marker="s"),
        loc="outside lower center",
        ncols=7,
        fontsize=_SMALL,
        frameon=False,
        handletextpad=0.2,
        columnspacing=1.2,
    )


def plot_mds(
    embedding: Embedding, ax: Axes | None = None, *, systems: Systems = _UNKNOWN
) -> Axes:
    """Draw areas in a plane, the nearer the more alike.

    Parameters
    ----------
    embedding : Embedding
        What :func:`angora_train.analysis.similarity.embed_areas` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.
    systems : mapping of str to str, optional
        Part of the brain of each area, which its colour shows.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of the new figure.
    """
    if ax is None:
        ax = Figure(figsize=(5.6, 5.0), layout="constrained").add_subplot()
    areas = [str(area) for area in embedding.points.index]
    points = embedding.points.to_numpy()
    groups = _groups(areas, systems)
    radius = 4.0
    ax.scatter(
        points[:, 0],
        points[:, 1],
        s=(2 * radius) ** 2,
        c=[GROUP_COLORS[group] for group in groups],
        edgecolors="white",
        linewidths=0.8,
        zorder=2,
    )
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.12)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_color("#cccccc")
    _group_legend(figure_of(ax), groups)
    ax.set_title(f"stress {embedding.stress:.2f}", **_TITLE)
    _write_beside(ax, points, short_labels(areas), radius)
    return ax


def _write_beside(
    ax: Axes, points: NDArray[np.float64], labels: list[str], radius: float
) -> None:
    """Write labels beside dots so that little is covered; `radius` in points."""
    figure = figure_of(ax)
    figure.draw_without_rendering()  # the layout decides where the dots are
    places = ax.transData.transform(points) * 72.0 / figure.dpi
    centres = place_labels(places, np.full(len(points), radius), labels, _SMALL)
    for label, point, place, centre in zip(
        labels, points, places, centres, strict=True
    ):
        note = ax.annotate(
            label,
            xy=tuple(point),
            xytext=tuple(centre - place),
            textcoords="offset points",
            fontsize=_SMALL,
            color=_INK,
            ha="center",
            va="center",
        )
        note.set_in_layout(False)


def plot_model_fit(
    fit: pd.DataFrame, ax: Axes | None = None, *, systems: Systems = _UNKNOWN
) -> Axes:
    """Draw which hypotheses the distances in each area follow.

    Parameters
    ----------
    fit : pandas.DataFrame
        What :func:`angora_train.analysis.similarity.compare_models` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.
    systems : mapping of str to str, optional
        Part of the brain of each area, which its colour shows.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of the new figure.
    """
    areas = [str(area) for area in fit.index]
    order = _by_group(_groups(areas, systems))
    if ax is None:
        width = 0.26 * len(areas) + 1.8
        ax = Figure(figsize=(width, 2.6), layout="constrained").add_subplot()
    image = ax.imshow(
        fit.to_numpy()[order].T, cmap="RdBu_r", vmin=-1.0, vmax=1.0, aspect="auto"
    )
    bar = figure_of(ax).colorbar(image, ax=ax, pad=0.01)
    bar.set_label("correlation", fontsize=_SMALL)
    bar.ax.tick_params(labelsize=7)
    labels = short_labels(areas)
    groups = _groups([areas[i] for i in order], systems)
    ax.set_xticks(range(len(order)), [labels[i] for i in order])
    _color_labels(ax.xaxis, groups, 90)
    models = [str(model) for model in fit.columns]
    ax.set_yticks(range(len(models)), models, fontsize=_SMALL)
    for i, (group, following) in enumerate(pairwise(groups)):
        if group != following:
            ax.axvline(i + 0.5, color="white", linewidth=1.5)
    _bare(ax)
    return ax
