# SPDX-License-Identifier: Apache-2.0
"""Circuit diagram of a network spec: areas in columns, from sensations to heads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from atlasnet.errors import GraphError
from atlasnet.figures.layout import Layout, lay_out, longest_path_levels
from atlasnet.figures.palette import (
    GROUP_COLORS,
    figure_of,
    group_handles,
    group_of,
    legend_below,
    short_labels,
    side_of,
)
from atlasnet.plan.spec import InputSpec, NetworkSpec, PathwaySpec
from atlasnet.signature import checked

__all__ = ["plot_circuit"]

_COLUMN = 3.0
"""Distance of columns, in box heights."""
_BOX = (1.7, 0.94)
"""Width and height of a box, in box heights."""
_LETTER = 0.2
"""Width of a letter of a name, in box heights."""
_WIDEST = 2.8
"""Width of the widest box: sensations have longer names than areas."""
_INK = "#333333"
_HAZE = "#c8c8c8"
_ACTION, _VALUE, _AUXILIARY = "head action", "head value", "value auxiliary"
_Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Style:
    """How a line looks; `width` is in points."""

    color: str
    width: float
    zorder: float
    gid: str
    dashes: str | tuple[float, tuple[float, ...]] = "-"


@checked(GraphError)
def plot_circuit(
    spec: NetworkSpec,
    ax: Axes | None = None,
    *,
    n_parameters: Mapping[str, int] | None = None,
) -> Axes:
    """Draw the network as a circuit, from sensations (left) to heads (right).

    An area's column is the length of the longest path within a step from a sensation to
    it. Pathways within the step are coloured by the group of their source and as wide
    as the logarithm of their streamline count; pathways of the step before, which act
    one control step later or more, are thin and grey behind them. Areas whose units the
    floor of the plan's rule decides say so.

    Parameters
    ----------
    spec : NetworkSpec
        The network. Areas are labelled with their unit count.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure of fitting size is made.
    n_parameters : mapping of str to int, optional
        Parameters of areas, and of the layers ``policy`` and ``value*``, by name, as
        :func:`atlasnet.parameters_by_area` counts them: shown as a third line.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of the new figure.

    Examples
    --------
    >>> ax = plot_circuit(spec)  # doctest: +SKIP
    >>> ax.figure.savefig("circuit.pdf")  # doctest: +SKIP
    """
    layout = _lay_out(spec)
    ax = _framed(layout, ax)
    _draw_previous_step(ax, spec, layout)
    _draw_forward(ax, spec, layout)
    _draw_boxes(ax, spec, layout, n_parameters or {})
    _draw_legend(ax, spec)
    side = side_of(area.name for area in spec.areas)
    ax.set_title(
        f"{spec.name}{side}: {len(spec.areas)} areas, {spec.n_units:,} units, "
        f"{len(spec.pathways)} pathways"
        + (f", {sum(n_parameters.values()):,} parameters" if n_parameters else ""),
        fontsize=11,
        loc="left",
    )
    return ax


def _framed(layout: Layout, ax: Axes | None) -> Axes:
    """Return axes with the limits of a layout, in a new figure if there are none."""
    heights = list(layout.height.values())
    bottom, top = min(heights) - 0.9, max(heights) + 0.9
    width = (len(layout.columns) - 1) * _COLUMN
    if ax is None:
        # A column is 1.3 inch wide: 8-point type fits a box in two lines.
        across, up = max(7.0, 0.43 * (width + _WIDEST)), max(2.0, 0.36 * (top - bottom))
        margin, below = 0.35, 0.9  # for title and legend
        figure = Figure(figsize=(across, up + margin + below))
        whole = up + margin + below
        ax = figure.add_axes((0.01, below / whole, 0.98, up / whole))
    ax.set_xlim(_BOX[0] / 2 - _WIDEST - 0.2, width + _BOX[0] / 2 + 0.2)
    ax.set_ylim(bottom, top)
    ax.set_axis_off()
    return ax


# --- geometry -----------------------------------------------------------------------


def _lay_out(spec: NetworkSpec) -> Layout:
    """Return where sensations, areas and heads stand."""
    forward = [(p.source, p.target) for p in spec.pathways if p.timing == "same_step"]
    entries = [(entry.name, area) for entry in spec.inputs for area in entry.areas]
    area_level = longest_path_levels(
        [area.name for area in spec.areas], forward, [area for _, area in entries]
    )
    last = max(area_level.values()) + 1
    level = {f"input {entry.name}": 0 for entry in spec.inputs}
    level |= {_area(name): k for name, k in area_level.items()}
    level |= {_ACTION: last, _VALUE: last}
    if spec.value.auxiliary_size:
        level[_AUXILIARY] = last - 1
    return lay_out(level, _forward_lines(spec))


def _forward_lines(spec: NetworkSpec) -> list[tuple[str, str]]:
    """Return everything that runs from left to right, as pairs of node keys."""
    lines = [
        (f"input {entry.name}", _area(area))
        for entry in spec.inputs
        for area in entry.areas
    ]
    lines += [
        (_area(p.source), _area(p.target))
        for p in spec.pathways
        if p.timing == "same_step"
    ]
    lines += [(_area(name), _ACTION) for name in spec.action_areas]
    lines += [(_area(name), _VALUE) for name in spec.value.areas]
    if spec.value.auxiliary_size:
        lines.append((_AUXILIARY, _VALUE))
    return lines


def _area(name: str) -> str:
    """Return the node key of an area, distinct from that of a sensation or head."""
    return f"area {name}"


def _center(layout: Layout, node: str) -> _Point:
    column, height = layout.position(node)
    return column * _COLUMN, height


def _ports(layout: Layout, lines: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Return, for each target, its sources from the lowest line to the highest."""
    ports: dict[str, list[str]] = {}
    for source, target in lines:
        ports.setdefault(target, []).append(source)
    for target, sources in ports.items():
        ports[target] = sorted(sources, key=lambda s: layout.route(s, target)[-2][1])
    return ports


def _forward_path(
    layout: Layout, source: str, target: str, ports: Mapping[str, list[str]]
) -> Path:
    """Return a smooth line from the right side of `source` to the left of `target`."""
    points = [(x * _COLUMN, y) for x, y in layout.route(source, target)]
    order = ports[target]
    spread = min(0.6 * _BOX[1], 0.09 * (len(order) - 1))
    share = order.index(source) / max(len(order) - 1, 1) - 0.5
    points[-1] = (points[-1][0], points[-1][1] + share * spread)
    half = _BOX[0] / 2
    stations = [(points[0][0] + half, points[0][1])]
    for x, y in points[1:-1]:  # run level through the column of a waypoint
        stations += [(x - half, y), (x + half, y)]
    stations.append((points[-1][0] - half, points[-1][1]))
    vertices, codes = [stations[0]], [Path.MOVETO]
    for i, ((x0, y0), (x1, y1)) in enumerate(pairwise(stations)):
        if i % 2:
            vertices.append((x1, y1))
            codes.append(Path.LINETO)
        else:
            middle = (x0 + x1) / 2
            vertices += [(middle, y0), (middle, y1), (x1, y1)]
            codes += [Path.CURVE4] * 3
    return Path(vertices, codes)


def _backward_path(start: _Point, end: _Point) -> Path:
    """Return an arc between two boxes that bends aside, to the left of its way."""
    (x0, y0), (x1, y1) = start, end
    dx, dy = x1 - x0, y1 - y0
    bend = (x0 + dx / 2 - 0.16 * dy, y0 + dy / 2 + 0.16 * dx)
    return Path([start, bend, end], [Path.MOVETO, Path.CURVE3, Path.CURVE3])


def _widths(pathways: Sequence[PathwaySpec]) -> list[float]:
    """Return line widths in points: 0.5 to 3.0 by the log of the streamline count."""
    logs = np.log10([max(p.streamline_count or 1.0, 1.0) for p in pathways])
    low, high = (logs.min(), logs.max()) if len(logs) else (0.0, 1.0)
    share = (logs - low) / (high - low) if high > low else np.full(len(logs), 0.5)
    return [0.5 + 2.5 * float(s) for s in share]


# --- drawing ------------------------------------------------------------------------


def _draw_previous_step(ax: Axes, spec: NetworkSpec, layout: Layout) -> None:
    for pathway in spec.pathways:
        if pathway.timing == "previous_step":
            path = _backward_path(
                _center(layout, _area(pathway.source)),
                _center(layout, _area(pathway.target)),
            )
            _add_line(ax, path, _Style(_HAZE, 0.35, 1, "previous_step"))


def _draw_forward(ax: Axes, spec: NetworkSpec, layout: Layout) -> None:
    lines = _forward_lines(spec)
    ports = _ports(layout, lines)
    forward = [p for p in spec.pathways if p.timing == "same_step"]
    width = {
        (_area(p.source), _area(p.target)): width
        for p, width in zip(forward, _widths(forward), strict=True)
    }
    color_of = {_area(a.name): GROUP_COLORS[group_of(a.system)] for a in spec.areas}
    # Lines of one source lie on one level, and a white rim parts them from others.
    level = {source: i for i, source in enumerate(dict.fromkeys(s for s, _ in lines))}
    for source, target in lines:
        path = _forward_path(layout, source, target, ports)
        z = 2 + level[source] / len(level)
        if (source, target) in width:
            style = _Style(color_of[source], width[source, target], z, "same_step")
        elif target == _VALUE:
            style = _Style(_INK, 0.8, 1.5, "value", dashes=(0, (1, 1.5)))
        else:
            style = _Style(_INK, 1.1, z, "input or action")
        rim = _Style("white", style.width + 1.6, style.zorder - 1e-3, "rim")
        _add_line(ax, path, rim)
        _add_line(ax, path, style)
    for target in ports:
        x, y = _center(layout, target)
        tip = x - _BOX[0] / 2
        corners = [(tip, y), (tip - 0.16, y + 0.13), (tip - 0.16, y - 0.13)]
        ax.add_patch(Polygon(corners, color=_INK, linewidth=0, zorder=4))


def _draw_boxes(
    ax: Axes, spec: NetworkSpec, layout: Layout, n_parameters: Mapping[str, int]
) -> None:
    size = _type_size(ax)
    labels = short_labels([area.name for area in spec.areas])
    at_floor = set(spec.areas_at_floor)
    for area, label in zip(spec.areas, labels, strict=True):
        color = GROUP_COLORS[group_of(area.system)]
        mark = " \u21bb" if area.cell == "rate" else ""
        node = _area(area.name)
        word = "(floor)" if area.name in at_floor else "units"
        units = f"{area.n_units:,} {word}{mark}"
        lines = (label, units, *_counted(n_parameters.get(area.name)))
        _add_box(ax, _center(layout, node), lines, color, size, node)
    heads = {
        _ACTION: _counted(n_parameters.get("policy")),
        _VALUE: _counted(
            sum(n for name, n in n_parameters.items() if name.startswith("value"))
        ),
    }
    for node, lines in _terminals(spec).items():
        _add_box(
            ax, _center(layout, node), (*lines, *heads.get(node, ())), _INK, size, node
        )


def _counted(n_parameters: int | None) -> tuple[str, ...]:
    """Return the line that tells a number of parameters, if there is one."""
    if not n_parameters:
        return ()
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if n_parameters >= size:
            return (f"{n_parameters / size:.3g}{unit} weights",)
    return (f"{n_parameters} weights",)


def _terminals(spec: NetworkSpec) -> dict[str, tuple[str, str]]:
    """Return name and size of what is no area, by node key."""
    terminals = {
        f"input {entry.name}": (entry.name, _numbers(entry)) for entry in spec.inputs
    }
    terminals[_ACTION] = ("action", str(spec.policy_size))
    terminals[_VALUE] = ("value", "1")
    if spec.value.auxiliary_size:
        terminals[_AUXILIARY] = ("auxiliary", str(spec.value.auxiliary_size))
    return terminals


def _numbers(entry: InputSpec) -> str:
    """Return how many numbers a sensation has; of vision, whether it is a picture."""
    if entry.image is not None:
        return f"{entry.image} pixels"
    return f"{entry.size}, no pixels" if entry.is_pose else str(entry.size)


def _draw_legend(ax: Axes, spec: NetworkSpec) -> None:
    handles = group_handles((group_of(area.system) for area in spec.areas), marker="s")
    handles += [
        Line2D([], [], color=_INK, lw=2.2, label="same step, by streamlines"),
        Line2D([], [], color=_HAZE, lw=0.8, label="one step later"),
        Line2D([], [], color=_INK, lw=1.0, ls=":", label="value, in training only"),
    ]
    if any(area.cell == "rate" for area in spec.areas):
        mark = Line2D([], [], color=_INK, ls="", marker="$\u21bb$")
        mark.set_label("recurrent area")
        handles.append(mark)
    style = {"fontsize": 8, "handlelength": 1.6, "columnspacing": 1.4}
    legend_below(ax, handles, 2.3, 5, **style)


def _add_line(ax: Axes, path: Path, style: _Style) -> None:
    patch = PathPatch(
        path,
        fill=False,
        edgecolor=style.color,
        linewidth=style.width,
        linestyle=style.dashes,
        zorder=style.zorder,
        capstyle="butt",
    )
    patch.set_gid(style.gid)
    ax.add_patch(patch)


def _add_box(
    ax: Axes,
    center: _Point,
    lines: tuple[str, ...],
    color: str,
    size: float,
    gid: str,
) -> None:
    """Draw one box with a name and numbers; heads and sensations are dark."""
    x, y = center
    height = _BOX[1]
    dark = color == _INK
    needed = _LETTER * len(lines[0])
    width = float(np.clip(needed, _BOX[0], _WIDEST if dark else _BOX[0]))
    x -= (width - _BOX[0]) / 2  # a wide box reaches out to the left
    tint = 0.78 * np.ones(3) + 0.22 * np.array(to_rgb(color))
    box = FancyBboxPatch(
        (x - width / 2, y - height / 2),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.12",
        facecolor=color if dark else tuple(tint),
        edgecolor=color,
        linewidth=1.2,
        zorder=6,
    )
    box.set_gid(gid)
    ax.add_patch(box)
    ink = "white" if dark else "black"
    style: dict[str, Any] = {"ha": "center", "va": "center", "color": ink, "zorder": 7}
    is_tall = len(lines) > 2
    heights = (0.25, -0.05, -0.31) if is_tall else (0.14, -0.22)
    ax.text(
        x,
        y + heights[0],
        lines[0],
        fontsize=size * min(1.0, width / needed) * (0.9 if is_tall else 1.0),
        weight="bold",
        **style,
    )
    for line, above in zip(lines[1:], heights[1:], strict=True):
        ax.text(x, y + above, line, fontsize=size * 0.8, **style)


def _type_size(ax: Axes) -> float:
    """Return the type size in points at which a label fits its box."""
    inches = ax.get_window_extent().width / figure_of(ax).dpi
    points_per_unit = 72 * inches / float(np.ptp(ax.get_xlim()))
    return float(np.clip(0.29 * points_per_unit, 3.0, 10.0))
