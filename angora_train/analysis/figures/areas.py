# SPDX-License-Identifier: Apache-2.0
"""Areas: what each tells apart, and which are alike."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray
from rsatoolbox.rdm.rdms import RDMs

from angora_train.analysis.figures import style
from angora_train.analysis.rsa.similarity import Embedding
from atlasnet.figures.labels import place_labels
from atlasnet.figures.palette import (
    GROUP_COLORS,
    figure_of,
    group_handles,
    group_of,
    short_labels,
)

__all__ = ["ordered", "plot_mds", "plot_model_fit", "plot_rdms", "plot_similarity"]

Systems = Mapping[str, str | None]
"""Part of the brain of each area; areas without one are grey."""
_UNKNOWN: Systems = {}


def plot_rdms(
    rdms: RDMs, axes: Sequence[Axes] | None = None, *, systems: Systems = _UNKNOWN
) -> list[Axes]:
    """Draw the distances between conditions in every area.

    Each matrix has its own scale, from 0 to its largest distance: compare patterns,
    not heights. Negative distances, which mean 0, are white too.

    Parameters
    ----------
    rdms : rsatoolbox.rdm.RDMs
        What :func:`angora_train.analysis.rsa.rdms.area_rdms` returned.
    axes : sequence of matplotlib.axes.Axes, optional
        One an area, in the order of the groups. By default a figure is made.
    systems : mapping of str to str, optional
        Part of the brain of each area, which its colour shows.

    Returns
    -------
    list of matplotlib.axes.Axes
        One an area.
    """
    order, labels, groups = ordered(rdms.rdm_descriptors["area"], systems)
    n_areas, is_own = len(order), axes is None
    if axes is None:
        n_columns = min(7, n_areas)
        n_rows = -(-n_areas // n_columns)
        figure = Figure(
            figsize=(1.35 * n_columns + 0.3, 1.5 * n_rows + 0.7), layout="constrained"
        )
        grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for ax in grid[n_areas:]:
            ax.set_axis_off()
        axes = list(grid[:n_areas])
    matrices = rdms.get_matrices()  # type: ignore[no-untyped-call]
    image = None
    for ax, i, label, group in zip(axes, order, labels, groups, strict=True):
        image = _draw_rdm(ax, matrices[i], rdms.pattern_descriptors["kind"])
        color = GROUP_COLORS[group]
        ax.set_title(
            label, fontsize=9, color=color, fontweight="bold", loc="left", pad=3
        )
    if is_own and image is not None:
        _finish_rdms(list(axes), image, rdms, groups)
    return list(axes)


def ordered(
    areas: Iterable[object], systems: Systems
) -> tuple[list[int], list[str], list[str]]:
    """Put areas into the order of the parts of the brain, in which figures have them.

    Parameters
    ----------
    areas : iterable
        Names.
    systems : mapping of str to str
        Part of the brain of each.

    Returns
    -------
    order : list of int
        Places of the areas.
    labels, groups : list of str
        Short names and groups, in that order.
    """
    names = [str(area) for area in areas]
    groups, labels = [group_of(systems.get(x)) for x in names], short_labels(names)
    known = list(GROUP_COLORS)
    order = sorted(range(len(names)), key=lambda i: known.index(groups[i]))
    return order, [labels[i] for i in order], [groups[i] for i in order]


def _borders(kinds: Sequence[str]) -> list[float]:
    """Return the places between neighbours of different kinds."""
    pairs = enumerate(pairwise(kinds))
    return [i + 0.5 for i, (kind, following) in pairs if kind != following]


def _draw_rdm(ax: Axes, matrix: NDArray[np.float64], kinds: Sequence[str]) -> AxesImage:
    """Draw one matrix, with lines between the kinds of goals."""
    largest = matrix.max() or 1.0
    image = ax.imshow(matrix / largest, cmap="Greys", vmin=0.0, vmax=1.0)
    for border in _borders(kinds):
        ax.axhline(border, color=style.BLUE, linewidth=0.4)
        ax.axvline(border, color=style.BLUE, linewidth=0.4)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_linewidth(0.5)
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
    bar.set_label("distance / largest in the area", fontsize=style.SMALL)
    bar.ax.tick_params(labelsize=7)
    _group_legend(figure, groups)


def plot_similarity(
    similarity: pd.DataFrame, ax: Axes | None = None, *, systems: Systems = _UNKNOWN
) -> Axes:
    """Draw how alike the areas are, ordered by anatomical group.

    Parameters
    ----------
    similarity : pandas.DataFrame
        What :func:`angora_train.analysis.rsa.similarity.compare_areas` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.
    systems : mapping of str to str, optional
        Part of the brain of each area, which its colour shows.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of the new figure.
    """
    order, labels, groups = ordered(similarity.index, systems)
    side = max(4.0, 0.18 * len(order) + 1.2)
    ax = ax or style.new_axes(side + 0.6, side)
    values = similarity.to_numpy()[np.ix_(order, order)]
    low = float(values.min())
    if low < 0:
        image = ax.imshow(values, cmap="RdBu_r", vmin=-1.0, vmax=1.0)
    else:
        image = ax.imshow(values, cmap="Reds", vmin=np.floor(10 * low) / 10, vmax=1.0)
    bar = figure_of(ax).colorbar(image, ax=ax, shrink=0.6, pad=0.02)
    bar.set_label("correlation of distances", fontsize=9)
    bar.ax.tick_params(labelsize=style.SMALL)
    for axis, rotation in ((ax.xaxis, 90), (ax.yaxis, 0)):
        _name_areas(axis, labels, groups, rotation)
    for border in _borders(groups):
        ax.axhline(border, color="white", linewidth=1.5)
        ax.axvline(border, color="white", linewidth=1.5)
    _bare(ax)
    _group_legend(figure_of(ax), groups)
    return ax


def _name_areas(
    axis: Axis, labels: Sequence[str], groups: Sequence[str], rotation: int
) -> None:
    """Write the areas' labels at an axis, in their groups' colours."""
    axis.set_ticks(range(len(labels)), labels)
    for label, group in zip(axis.get_ticklabels(), groups, strict=True):
        label.set(color=GROUP_COLORS[group], fontsize=style.SMALL, rotation=rotation)


def _bare(ax: Axes) -> None:
    """Take frame and tick marks off a matrix."""
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _group_legend(figure: Figure, groups: Sequence[str]) -> None:
    """Name the groups below a figure, if it has a layout that leaves room."""
    if figure.get_layout_engine() is None:
        return
    figure.legend(
        handles=group_handles(groups, marker="s"),
        loc="outside lower center",
        ncols=7,
        fontsize=style.SMALL,
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
        What :func:`angora_train.analysis.rsa.similarity.embed_areas` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.
    systems : mapping of str to str, optional
        Part of the brain of each area, which its colour shows.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of the new figure.
    """
    ax = ax or style.new_axes(5.6, 5.0)
    areas = [str(area) for area in embedding.points.index]
    points = embedding.points.to_numpy()
    groups = [group_of(systems.get(area)) for area in areas]
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
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_color("#cccccc")
    _group_legend(figure_of(ax), groups)
    ax.set_title(f"stress {embedding.stress:.2f}", **style.TITLE)
    _write_beside(ax, points, short_labels(areas), radius)
    return ax


def _write_beside(
    ax: Axes, points: NDArray[np.float64], labels: list[str], radius: float
) -> None:
    """Write labels beside dots so that little is covered; `radius` in points."""
    figure = figure_of(ax)
    figure.draw_without_rendering()  # the layout decides where the dots are
    places = ax.transData.transform(points) * 72.0 / figure.dpi
    centres = place_labels(places, np.full(len(points), radius), labels, style.SMALL)
    for label, point, place, centre in zip(
        labels, points, places, centres, strict=True
    ):
        note = ax.annotate(
            label,
            xy=tuple(point),
            xytext=tuple(centre - place),
            textcoords="offset points",
            fontsize=style.SMALL,
            color=style.INK,
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
        What :func:`angora_train.analysis.rsa.similarity.compare_models` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.
    systems : mapping of str to str, optional
        Part of the brain of each area, which its colour shows.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of the new figure.
    """
    order, labels, groups = ordered(fit.index, systems)
    ax = ax or style.new_axes(0.26 * len(order) + 1.8, 2.6)
    image = ax.imshow(
        fit.to_numpy()[order].T, cmap="RdBu_r", vmin=-1.0, vmax=1.0, aspect="auto"
    )
    bar = figure_of(ax).colorbar(image, ax=ax, pad=0.01)
    bar.set_label("correlation", fontsize=style.SMALL)
    bar.ax.tick_params(labelsize=7)
    _name_areas(ax.xaxis, labels, groups, 90)
    models = [str(model) for model in fit.columns]
    ax.set_yticks(range(len(models)), models, fontsize=style.SMALL)
    for border in _borders(groups):
        ax.axvline(border, color="white", linewidth=1.5)
    _bare(ax)
    return ax
