# SPDX-License-Identifier: Apache-2.0
"""Colours, sizes and axes that the figures share."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["BLUE", "GREY", "INK", "ORANGE", "SMALL", "TITLE", "new_axes", "plain"]

INK = "#333333"
GREY = "#999999"
BLUE = "#0072B2"
ORANGE = "#D55E00"
TITLE: dict[str, Any] = {"loc": "left", "fontsize": 10}
SMALL = 8
"""Size of small print, in points."""


def new_axes(width: float, height: float) -> Axes:
    """Return the axes of a new figure, its sides in inches."""
    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def plain(ax: Axes) -> None:
    """Leave only what carries information."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=SMALL)
    ax.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    ax.set_axisbelow(True)
