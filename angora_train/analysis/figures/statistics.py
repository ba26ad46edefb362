# SPDX-License-Identifier: Apache-2.0
"""Statistics of a task: how signals resemble themselves and each other over lags."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from angora_train.analysis.figures import style
from atlasnet.figures.palette import figure_of

__all__ = ["plot_correlations"]

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_LINES = ("-", "--", ":")
_PHYSICAL = "state."


def plot_correlations(
    table: pd.DataFrame, axes: Sequence[Axes] | None = None
) -> list[Axes]:
    """Draw auto- and cross-correlations of the sensations over lags.

    Parameters
    ----------
    table : pandas.DataFrame
        What :func:`angora_train.analysis.statistics.correlations.correlations`
        returned; physical states are left to the table.
    axes : sequence of matplotlib.axes.Axes, optional
        Two. By default a figure is made.

    Returns
    -------
    list of matplotlib.axes.Axes
        Autocorrelations; cross-correlations of pairs of sensations. Bands are 95 %
        intervals over series; grey is the range of correlations with other series.
    """
    if axes is None:
        figure = Figure(figsize=(8.4, 3.6), layout="constrained")
        axes = list(np.ravel(figure.subplots(1, 2)))
    is_physical = table["first"].str.startswith(_PHYSICAL) | table[
        "second"
    ].str.startswith(_PHYSICAL)
    sensed = table[~is_physical]
    is_own = sensed["first"] == sensed["second"]
    is_state = sensed["first"].eq("state") | sensed["second"].eq("state")
    for ax, rows, title in (
        (axes[0], sensed[is_own], "with itself"),
        (axes[1], sensed[~is_own & ~is_state], "with another (absolute)"),
    ):
        _draw(ax, rows)
        n = int(table["n"].max())
        ax.set_title(f"{title}; {n} series, bands 95 %", loc="left", fontsize=9)
        ax.set_xlabel("lag (ms); positive: the second is later", fontsize=style.SMALL)
        ax.axvline(0.0, color=style.INK, lw=0.6)
        style.plain(ax)
        ax.legend(frameon=False, fontsize=6.5, loc="upper right")
    axes[0].set_ylabel("correlation", fontsize=9)
    figure_of(axes[0])
    return list(axes)


def _draw(ax: Axes, rows: pd.DataFrame) -> None:
    """Draw one line a pair of signals, and the controls as one band."""
    control = rows[rows["control"] != ""].groupby("lag_ms")["value"]
    if len(control):
        low, high = control.min(), control.max()
        ax.fill_between(
            low.index, low, high, color="#dddddd", lw=0, label="with other series"
        )
    own = rows[rows["control"] == ""]
    for i, (pair, found) in enumerate(own.groupby(["first", "second"], sort=False)):
        first, second = (str(x) for x in pair)
        color = _COLORS[i % len(_COLORS)]
        line = _LINES[i // len(_COLORS) % len(_LINES)]
        label = first if first == second else f"{first}, {second}"
        ax.plot(found["lag_ms"], found["value"], line, color=color, lw=1.2, label=label)
        ax.fill_between(
            found["lag_ms"], found["low"], found["high"], color=color, alpha=0.15, lw=0
        )
