# SPDX-License-Identifier: Apache-2.0
"""Regions and their projections on nilearn's glass brain."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from atlasnet.errors import GraphError
from atlasnet.figures.labels import place_labels
from atlasnet.figures.palette import (
    GROUP_COLORS,
    figure_of,
    group_handles,
    group_of,
    hemisphere_of,
    legend_below,
    short_labels,
)
from atlasnet.graph.graph import Region, RegionGraph
from atlasnet.plan.spec import NetworkSpec
from atlasnet.signature import checked

__all__ = ["plot_glass_brain"]

_PLANES = {"l": [1, 2], "r": [1, 2], "z": [0, 1]}
"""Which MNI axes a view shows, across and up."""
_Limits = tuple[tuple[float, float], tuple[float, float]]
_LIMITS_MM: dict[str, _Limits] = {
    "l": ((78, -112), (-74, 88)),
    "r": ((-112, 78), (-74, 88)),
    "z": ((-76, 76), (-112, 78)),
}
"""What each view shows, across and up, in mm. The left side faces left."""
_HALF_MM = {"left": (-76.0, 16.0), "right": (-16.0, 76.0)}
"""What the view from above shows across if the regions are of one hemisphere."""
_CAPTIONS = {"l": "left side", "r": "right side", "z": "from above"}
_TYPE_SIZE = 7.5
_LABELLED = 60


@checked(GraphError)
def plot_glass_brain(
    graph: RegionGraph,
    spec: NetworkSpec | None = None,
    ax: Axes | None = None,
    *,
    n_edges: int = 80,
) -> Axes:
    """Draw regions and their strongest connections in a transparent brain.

    Parameters
    ----------
    graph : RegionGraph
        The graph. Regions without a centroid are left out, and the title says so.
    spec : NetworkSpec, optional
        A network planned on the graph. If given, only its areas are drawn, sized by
        unit count; otherwise all regions, sized by cell count.
    ax : matplotlib.axes.Axes, optional
        Where to draw; its own frame is switched off. By default a figure is made.
    n_edges : int
        How many connections to draw, the strongest first. The two directions of a
        connection have one line.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of the new figure.

    Raises
    ------
    GraphError
        If no region has a centroid, or the graph lacks an area of `spec`.
    """
    shown = graph.names if spec is None else [area.name for area in spec.areas]
    wanted = [graph.region(name) for name in shown]
    regions = [region for region in wanted if region.centroid_mm is not None]
    if not regions:
        raise GraphError("A glass brain needs centroids, and no region has one.")
    if ax is None:
        width = sum(_width(across) for across, _ in _limits(regions).values()) / 27
        figure = Figure(figsize=(width, 7.0))
        ax = figure.add_axes((0.01, 0.1, 0.98, 0.8))
    names = [region.name for region in regions]
    points = np.array([region.centroid_mm for region in regions], dtype=np.float64)
    lines = _strongest(graph, names, n_edges)
    ax.set_axis_off()
    sizes = _sizes(regions, spec)
    for view, panel in _panels(ax, regions).items():
        _draw_lines(panel, view, points, names, lines)
        _draw_nodes(panel, view, points, regions, sizes)
    ax.set_title(_title(wanted, regions, lines, spec), fontsize=11, loc="left")
    handles = group_handles(group_of(region.system) for region in regions)
    legend_below(ax, handles, 1.2, len(GROUP_COLORS), fontsize=9)
    return ax


def _limits(regions: Sequence[Region]) -> dict[str, _Limits]:
    """Return what each view shows, in mm; one hemisphere is shown alone."""
    sides = list({region.hemisphere for region in regions})
    views = "lzr" if len(sides) > 1 else {"left": "lz", "right": "zr"}[sides[0]]
    limits = {view: _LIMITS_MM[view] for view in views}
    if len(sides) == 1:
        limits["z"] = (_HALF_MM[sides[0]], limits["z"][1])
    return limits


def _panels(ax: Axes, regions: Sequence[Region]) -> dict[str, Axes]:
    """Put one glass brain per view into the place of `ax`, all to one scale."""
    from nilearn import plotting  # takes seconds to import

    figure = figure_of(ax)
    place = ax.get_position()
    limits = _limits(regions)
    total = sum(_width(across) for across, _ in limits.values())
    left = place.x0
    panels = {}
    for view, (across, up) in limits.items():
        width = place.width * _width(across) / total
        position = (left, place.y0, width, place.height)
        child = figure.add_axes(position)
        display = plotting.plot_glass_brain(
            None, display_mode=view, axes=child, annotate=False, alpha=0.4
        )
        child.set_axis_off()
        panel = display.axes[view].ax
        # nilearn would shape the panel by the whole brain; the limits crop it.
        panel.set_axes_locator(None)
        panel.set_position(position)
        panel.set(xlim=across, ylim=up, aspect="equal")
        panel.set_title(_CAPTIONS[view], fontsize=9, y=0.0)
        panel.set_axis_off()
        panels[view] = panel
        left += width
    return panels


def _width(across: tuple[float, float]) -> float:
    return abs(across[1] - across[0])


def _strongest(
    graph: RegionGraph, names: Sequence[str], n_edges: int
) -> dict[tuple[int, int], float]:
    """Return the strongest connections by streamlines, as pairs of node indices."""
    index = {name: i for i, name in enumerate(names)}
    counts: dict[tuple[int, int], float] = {}
    for projection in graph.projections:
        if projection.source in index and projection.target in index:
            i, j = sorted((index[projection.source], index[projection.target]))
            count = projection.streamline_count or 0.0
            counts[i, j] = max(counts.get((i, j), 0.0), count)
    found = sorted(
        (item for item in counts.items() if item[1] > 0), key=lambda item: -item[1]
    )
    return dict(found[:n_edges])


def _sizes(regions: Sequence[Region], spec: NetworkSpec | None) -> NDArray[np.float64]:
    """Return marker areas in square points, proportional to units or cells."""
    if spec is not None:
        amount = [float(spec.area(region.name).n_units) for region in regions]
    else:
        amount = [region.cell_count or 0.0 for region in regions]
    share = np.array(amount) / max(*amount, 1.0)
    return np.maximum(420.0 * share, 18.0)


def _draw_lines(
    panel: Axes,
    view: str,
    points: NDArray[np.float64],
    names: Sequence[str],
    lines: Mapping[tuple[int, int], float],
) -> None:
    """Draw connections, the strongest on top and widest, by the log of their count."""
    shown = [
        (pair, count)
        for pair, count in sorted(lines.items(), key=lambda item: item[1])
        if all(_is_visible(view, points[i]) for i in pair)
    ]
    if not shown:
        return
    logs = np.log10([count for _, count in shown])
    share = (logs - logs.min()) / max(float(np.ptp(logs)), 1e-9)
    flat = points[:, _PLANES[view]]
    collection = LineCollection(
        [flat[list(pair)] for pair, _ in shown],
        colors=[(0.2, 0.2, 0.2, 0.15 + 0.45 * s) for s in share],
        linewidths=0.4 + 2.2 * share,
        zorder=5,
    )
    collection.set_gid("connections")
    panel.add_collection(collection, autolim=False)


def _draw_nodes(
    panel: Axes,
    view: str,
    points: NDArray[np.float64],
    regions: Sequence[Region],
    sizes: NDArray[np.float64],
) -> None:
    """Draw regions as circles, small ones on top, and write names if there is room."""
    seen = [i for i in np.argsort(-sizes) if _is_visible(view, points[i])]
    if not seen:
        return
    flat = points[:, _PLANES[view]]
    circles = panel.scatter(
        flat[seen, 0],
        flat[seen, 1],
        s=sizes[seen],
        c=[GROUP_COLORS[group_of(regions[i].system)] for i in seen],
        edgecolors="white",
        linewidths=0.7,
        zorder=6,
    )
    circles.set_gid("regions")
    if len(regions) <= _LABELLED:
        labels = short_labels([region.name for region in regions])
        _write_names(panel, flat[seen], sizes[seen], [labels[i] for i in seen])


def _write_names(
    panel: Axes,
    flat: NDArray[np.float64],
    sizes: NDArray[np.float64],
    labels: Sequence[str],
) -> None:
    """Write a label at each circle; `flat` is in mm, `sizes` in square points."""
    points_per_mm = _points_per_mm(panel)
    # Across grows to the left where the limits are reversed.
    scale = points_per_mm * np.array([-1.0 if panel.xaxis_inverted() else 1.0, 1.0])
    places = place_labels(flat * scale, np.sqrt(sizes / np.pi), labels, _TYPE_SIZE)
    for (x, y), label in zip(places / scale, labels, strict=True):
        text = panel.text(
            x, y, label, ha="center", va="center", fontsize=_TYPE_SIZE, zorder=7
        )
        text.set_path_effects([withStroke(linewidth=1.6, foreground="white")])


def _points_per_mm(panel: Axes) -> float:
    """Return the scale of a panel whose aspect is equal."""
    figure = figure_of(panel)
    place = panel.get_position(original=True)
    inches = figure.get_size_inches() * np.array([place.width, place.height])
    extent = [np.ptp(panel.get_xlim()), np.ptp(panel.get_ylim())]
    return float(np.min(72 * inches / np.array(extent)))


def _is_visible(view: str, point: NDArray[np.float64]) -> bool:
    """Tell whether a view shows a point: side views show their own hemisphere."""
    return view == "z" or (point[0] < 0) == (view == "l")


def _title(
    wanted: Sequence[Region],
    regions: Sequence[Region],
    lines: Mapping[tuple[int, int], float],
    spec: NetworkSpec | None,
) -> str:
    """Say what is drawn, and what is left out."""
    hemisphere = hemisphere_of(region.name for region in wanted)
    what = "units" if spec is not None else "cells"
    title = f"{len(regions)} regions, sized by {what}; "
    title += f"the {len(lines)} strongest connections by streamlines"
    if hemisphere:
        title += f"; {hemisphere} hemisphere"
    if len(wanted) > len(regions):
        title += f"; {len(wanted) - len(regions)} regions without centroid not shown"
    return title
