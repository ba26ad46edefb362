# SPDX-License-Identifier: Apache-2.0
"""Report: an experiment's tables and its figure, in its folder.

::

    results.csv   one line a run: levels, seed, state, samples, result, hours
    summary.csv   one line a level: interquartile mean, samples to threshold, comparison
    curves.csv    interquartile mean and interval over samples
    curves.png    the same, drawn
"""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from angora_train.analysis.figures import style
from angora_train.experiment.results import Results
from atlasnet.figures.palette import save_figure
from atlasnet.files import write_text

__all__ = ["plot_curves", "write_report", "write_results"]

_SIZE = (3.6, 2.8)  # of a panel, inches
_BAND = 0.18


def write_results(results: Results) -> None:
    """Write ``results.csv``, whole or not at all.

    Parameters
    ----------
    results : Results
        What the experiment says so far.
    """
    path = results.experiment.directory / "results.csv"
    write_text(path, results.table().to_csv(index=False))


def write_report(results: Results) -> tuple[Path, ...]:
    """Write all tables and the figure.

    Parameters
    ----------
    results : Results
        What the experiment says so far.

    Returns
    -------
    tuple of Path
        What was written.
    """
    folder = results.experiment.directory
    write_results(results)
    write_text(folder / "summary.csv", results.summary().to_csv(index=False))
    write_text(folder / "curves.csv", results.curve_table().to_csv(index=False))
    save_figure(plot_curves(results)[0], folder / "curves.png", dpi=150)
    names = ("results.csv", "summary.csv", "curves.csv", "curves.png")
    return tuple(folder / name for name in names)


def plot_curves(results: Results) -> list[Axes]:
    """Draw the learning curves of all levels, a panel a combination of the others.

    Parameters
    ----------
    results : Results
        What the experiment says so far.

    Returns
    -------
    list of matplotlib.axes.Axes
        One a combination: a thin line a run, the interquartile mean over the runs of a
        level, and its 95 % bootstrap interval.
    """
    strata, levels = results.strata, results.levels
    width, height = _SIZE
    figure = Figure(figsize=(width * len(strata) + 0.6, height), layout="constrained")
    axes = list(np.atleast_1d(figure.subplots(1, len(strata), sharey=True)))
    colors = _colors(len(levels))
    table = results.curve_table()
    for ax, stratum in zip(axes, strata, strict=True):
        for level, color in zip(levels, colors, strict=True):
            for curve in results.of(level, stratum):
                ax.plot(
                    curve.samples, curve.values, color=color, linewidth=0.5, alpha=0.35
                )
            own = table[(table.level == level) & (table.within == stratum)]
            if own.empty:
                continue
            if own.n_runs.max() > 1:
                ax.fill_between(
                    own.samples,
                    own.low,
                    own.high,
                    color=color,
                    alpha=_BAND,
                    linewidth=0,
                )
            label = f"{level or 'runs'} ({own.n_runs.max()})"
            ax.plot(own.samples, own.iqm, color=color, linewidth=1.8, label=label)
        ax.set_title(stratum, **style.TITLE)
        ax.set_xlabel("control steps", fontsize=style.SMALL)
        ax.xaxis.set_major_formatter(FuncFormatter(_short))
        style.plain(ax)
        if results.experiment.threshold is not None:
            ax.axhline(
                results.experiment.threshold,
                color=style.GREY,
                linewidth=0.8,
                linestyle=":",
            )
    axes[0].set_ylabel(
        results.experiment.metric.partition("/")[2] or results.experiment.metric,
        fontsize=style.SMALL,
    )
    if results.experiment.metric.endswith("success"):
        axes[0].yaxis.set_major_formatter(PercentFormatter(1.0))
    if axes[-1].get_legend_handles_labels()[0]:
        axes[-1].legend(frameon=False, fontsize=style.SMALL)
    return axes


def _colors(n: int) -> list[object]:
    """Return colours that also those tell apart who see few of them."""
    fixed: list[object] = [style.BLUE, style.ORANGE, "#009E73", "#CC79A7", style.INK]
    if n <= len(fixed):
        return fixed[:n]
    scale = matplotlib.colormaps["viridis"]
    return [scale(x) for x in np.linspace(0.0, 0.9, n)]


def _short(value: float, _: int) -> str:
    """Return a count in thousands or millions."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:g} M"
    return f"{value / 1000:g} k" if value else "0"
