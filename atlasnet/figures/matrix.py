# SPDX-License-Identifier: Apache-2.0
"""Matrix of streamline counts between the regions of a graph."""

from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray

from atlasnet.errors import GraphError
from atlasnet.figures.palette import (
    GROUP_COLORS,
    figure_of,
    group_handles,
    group_of,
    legend_below,
    short_labels,
    side_of,
)
from atlasnet.graph.exchange import to_matrix
from atlasnet.graph.graph import Region, RegionGraph
from atlasnet.graph.order import processing_levels
from atlasnet.signature import checked

__all__ = ["plot_connectivity_matrix"]

_LABELLED = 80
"""With more regions than this, labels would run into each other."""
_STRIP = 0.014
"""Width of the strip of group colours, as a share of the matrix."""


@checked(GraphError)
def plot_connectivity_matrix(
    graph: RegionGraph,
    ax: Axes | None = None,
    *,
    order: Literal["group", "hierarchy"] = "group",
) -> Axes:
    """Draw the streamline counts between regions, from source (row) to target.

    By group, regions stand in the order of the palette, and within a group from the
    back of the brain to the front. By hierarchy, they stand in the order of
    processing: by the longest feedforward path that leads to each, so that feedforward
    projections lie above the diagonal; lines part the levels. Pairs without a
    projection stay white; a projection that the literature cites but tractography did
    not find is grey.

    Parameters
    ----------
    graph : RegionGraph
        The graph.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure of fitting size is made.
    order : {"group", "hierarchy"}, default="group"
        Order of the regions.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of the new figure.

    Raises
    ------
    GraphError
        If there is no such order.
    """
    regions, parts = _ordered(graph, order)
    names = [region.name for region in regions]
    order_of = [graph.names.index(name) for name in names]
    counts = to_matrix(graph, "streamline_count")[np.ix_(order_of, order_of)]
    if ax is None:
        side = float(np.clip(0.2 * len(names) + 2.0, 4.0, 12.0))
        ax = Figure(figsize=(side, side), layout="constrained").add_subplot()
    _draw_counts(ax, counts)
    _label(ax, regions, parts)
    title = f"{len(names)} regions, {len(graph.projections):,} projections"
    ax.set_title(title + side_of(names), fontsize=11, loc="left", pad=12)
    return ax


def _ordered(graph: RegionGraph, order: str) -> tuple[list[Region], list[str]]:
    """Return the regions in order, and which part of the order each belongs to."""
    if order == "hierarchy":
        level = processing_levels(graph)
        regions = sorted(graph.regions, key=lambda r: (level[r.name], _rank(r)))
        return regions, [str(level[region.name]) for region in regions]
    if order != "group":
        raise GraphError(f"order is group or hierarchy, got {order!r}.")
    regions = sorted(graph.regions, key=_rank)
    return regions, [group_of(region.system) for region in regions]


def _rank(region: Region) -> tuple[int, str, float, str]:
    """Return where a region stands: by group, hemisphere, back to front, name."""
    group = list(GROUP_COLORS).index(group_of(region.system))
    front = region.centroid_mm[1] if region.centroid_mm else np.inf
    return group, region.hemisphere, front, region.name


def _draw_counts(ax: Axes, counts: NDArray[np.float64]) -> None:
    """Draw counts by their logarithm, those of 0 in grey, and the bar of colours."""
    found = counts[counts > 0]
    low, high = (found.min(), found.max()) if found.size else (1.0, 10.0)
    ax.imshow(
        np.where(counts == 0, 1.0, np.nan), cmap="Greys", vmin=0, vmax=3, zorder=1
    )
    image = ax.imshow(
        np.where(counts > 0, counts, np.nan),
        cmap="viridis_r",
        norm=LogNorm(low, high if high > low else 10 * low),
        zorder=2,
    )
    bar = figure_of(ax).colorbar(image, ax=ax, shrink=0.6, pad=0.02)
    bar.set_label("streamlines", fontsize=9)
    bar.ax.tick_params(labelsize=8)


def _label(ax: Axes, regions: list[Region], parts: list[str]) -> None:
    """Write names, a strip of group colours along both sides, and the legend."""
    names = [region.name for region in regions]
    groups = [group_of(region.system) for region in regions]
    _draw_groups(ax, groups, parts)
    points = 72 * ax.get_window_extent().height / figure_of(ax).dpi
    size = float(np.clip(0.8 * points / len(names), 4.0, 8.0))
    labels = short_labels(names) if len(names) <= _LABELLED else []
    ticks = range(len(labels))
    ax.set_xticks(ticks, labels, rotation=90, fontsize=size)
    ax.set_yticks(ticks, labels, fontsize=size)
    pad = _STRIP * points + 3
    ax.tick_params(length=0, pad=pad)
    free = 0 if labels else pad
    ax.set_xlabel("target", labelpad=3 + free)
    ax.set_ylabel("source", labelpad=3 + free)
    room = pad + 0.65 * size * max(map(len, labels), default=0) + 16
    offset = ScaledTranslation(0, -room / 72, figure_of(ax).dpi_scale_trans)
    legend_below(
        ax,
        group_handles(groups, marker="s"),
        1.1,
        len(GROUP_COLORS),
        bbox_transform=ax.transAxes + offset,
        fontsize=8,
        handletextpad=0.2,
        columnspacing=1.0,
    )


def _draw_groups(ax: Axes, groups: list[str], parts: list[str]) -> None:
    """Draw the groups' colours beside rows and columns, and lines between parts."""
    for i, group in enumerate(groups):
        style: Any = {"color": GROUP_COLORS[group], "linewidth": 0, "clip_on": False}
        row = Rectangle((-_STRIP, i - 0.5), _STRIP, 1.0, **style)
        column = Rectangle((i - 0.5, -_STRIP), 1.0, _STRIP, **style)
        for patch, transform in (
            (row, ax.get_yaxis_transform()),
            (column, ax.get_xaxis_transform()),
        ):
            patch.set_transform(transform)
            ax.add_patch(patch)
        if i and parts[i] != parts[i - 1]:
            for draw in (ax.axhline, ax.axvline):
                draw(i - 0.5, color="#888888", linewidth=0.6, zorder=3)
