# SPDX-License-Identifier: Apache-2.0
"""Which statements survive which choices, as a table of colours."""

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from atlasnet.errors import AtlasNetError
from atlasnet.figures.palette import legend_below
from atlasnet.robustness.choices import Variant
from atlasnet.robustness.survey import Finding, Survey

__all__ = ["plot_robustness"]

_COLORS = {
    "holds": "#9ECAE1",
    "does not hold": "#E6862B",
    "no claim, or nothing to say": "#EEEEEE",
}


def plot_robustness(survey: Survey, ax: Axes | None = None) -> Axes:
    """Draw every statement (row) in the variants that change one choice (column).

    A cell has the statement's number in that variant, and a colour that says whether
    the statement holds.

    Parameters
    ----------
    survey : Survey
        What became of the statements.
    ax : matplotlib.axes.Axes, optional
        Where to draw. By default a figure of fitting size is made.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of the new figure.

    Raises
    ------
    AtlasNetError
        If nothing was planned.
    """
    variants = [variant for variant in survey.variants if variant.is_single]
    if not variants:
        raise AtlasNetError("The survey has no variant to draw.")
    n_rows, n_columns = len(survey.statements), len(variants)
    if ax is None:
        size = 0.62 * n_columns + 5.4, 0.3 * n_rows + 2.6
        ax = Figure(figsize=size, layout="constrained").add_subplot()
    for row, statement in enumerate(survey.statements):
        for column, finding in enumerate(survey.of(statement)):
            _draw_cell(ax, row, column, finding)
    for column in range(1, n_columns):
        if _choice(variants[column]) != _choice(variants[column - 1]):
            ax.axvline(column - 0.5, color="black", linewidth=1.0)
    ax.set_xlim(-0.5, n_columns - 0.5)
    ax.set_ylim(n_rows - 0.5, -0.5)
    sentences = [s.sentence for s in survey.statements]
    ax.set_yticks(range(n_rows), sentences, fontsize=8)
    labels = [_label(variant) for variant in variants]
    ax.set_xticks(range(n_columns), labels, rotation=55, ha="left", fontsize=8)
    ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    handles = [Patch(facecolor=c, label=what) for what, c in _COLORS.items()]
    legend_below(ax, [*handles], 1.9, len(handles), fontsize=8)
    return ax


def _draw_cell(ax: Axes, row: int, column: int, finding: Finding) -> None:
    """Draw what one statement is in one variant."""
    kinds = {True: "holds", False: "does not hold"}
    kind = "no claim, or nothing to say"
    if finding.holds is not None:
        kind = kinds[finding.holds]
    ax.add_patch(
        Rectangle(
            (column - 0.5, row - 0.5),
            1.0,
            1.0,
            facecolor=_COLORS[kind],
            edgecolor="white",
            linewidth=0.8,
        )
    )
    text = _number(finding.value)
    ax.text(column, row, text, ha="center", va="center", fontsize=7)


def _number(value: float | None) -> str:
    """Return a number as short as it can be read."""
    if value is None:
        return "-"
    if math.isinf(value):
        return "∞"
    return f"{value:.0f}" if value >= 100 or value == round(value) else f"{value:.2g}"


def _choice(variant: Variant) -> str:
    """Return which choice a variant changes."""
    return next(iter(variant.changes), "")


def _label(variant: Variant) -> str:
    """Return what a variant changes, in words."""
    changed = (f"{k} {v}" for k, v in variant.changes.items())
    return next(changed, variant.name).replace("_", " ").replace("=", " ")
