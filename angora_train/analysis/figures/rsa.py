# SPDX-License-Identifier: Apache-2.0
"""RSA: which models areas follow beside their controls, alignment, and movies."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from angora_train.analysis.figures import style
from angora_train.analysis.figures.areas import ordered
from angora_train.analysis.rsa.subjects import OTHERS
from atlasnet.figures.palette import GROUP_COLORS, figure_of

__all__ = ["plot_alignment", "plot_fits", "plot_movie"]

Systems = Mapping[str, str | None]
_UNKNOWN: Systems = {}
_OTHERS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Of other networks, from the palette of Okabe and Ito."""
_DIFFERENCE = "trained - untrained"
_TEXT = {
    "partial": "partial correlation",
    "unique": "unique variance, signed",
    "correlation": "correlation",
    "weight": "weight",
}


def plot_fits(
    table: pd.DataFrame,
    axes: Sequence[Axes] | None = None,
    *,
    scope: str = "all",
    measure: str = "partial",
    is_difference: bool = False,
    systems: Systems = _UNKNOWN,
) -> list[Axes]:
    """Draw how models fit every area, with intervals, beside the controls.

    Parameters
    ----------
    table : pandas.DataFrame
        That of :class:`angora_train.analysis.rsa.comparison.Result`; of several
        subjects their mean is drawn.
    axes : sequence of matplotlib.axes.Axes, optional
        One a model. By default a figure is made.
    scope, measure : str
        Which of the estimates.
    is_difference : bool
        Whether trained minus untrained is drawn instead.
    systems : mapping of str to str, optional
        Part of the brain of each area, by which areas are ordered.

    Returns
    -------
    list of matplotlib.axes.Axes
        One a model.
    """
    chosen = _chosen(table, scope, measure)
    models = list(dict.fromkeys(chosen["model"]))
    trained = chosen[chosen["control"] == "trained"]
    order, labels, groups = ordered(dict.fromkeys(trained["area"]), systems)
    areas = [list(dict.fromkeys(trained["area"]))[i] for i in order]
    if axes is None:
        width, n = max(5.0, 0.2 * len(areas) + 1.4), len(models)
        figure = Figure(figsize=(width, 1.35 * n + 1.5), layout="constrained")
        axes = list(figure.subplots(n, 1, sharex=True, squeeze=False).ravel())
    ceiling = table[(table["scope"] == scope) & (table["measure"] == "ceiling_low")]
    ceiling = ceiling[ceiling["subject"] == chosen["subject"].iloc[0]]
    for ax, model in zip(axes, models, strict=True):
        of_model = chosen[chosen["model"] == model]
        _draw_controls(ax, of_model, areas, is_difference=is_difference)
        if measure == "correlation" and not is_difference:
            low = ceiling.set_index("area")["value"].reindex(areas)
            ax.scatter(
                range(len(areas)), low, marker="_", s=50, color=style.INK, lw=1.2
            )
        style.plain(ax)
        ax.set_title(model, **{**style.TITLE, "fontsize": 9})
        ax.axhline(0.0, color=style.INK, linewidth=0.6)
        ax.set_xlim(-0.7, len(areas) - 0.3)
    _name_areas(axes[-1], labels, groups)
    figure = figure_of(axes[0])
    what = _TEXT[measure] + (", trained minus untrained" if is_difference else "")
    figure.supylabel(what, fontsize=9)
    pairs = {"all": "all pairs of conditions", "within": "pairs within a kind"}
    figure.suptitle(pairs.get(scope, "pairs of different kinds"), fontsize=9, x=0.5)
    if measure in {"correlation", "partial"} and not is_difference:
        shown = chosen[chosen["control"] != _DIFFERENCE]
        lowest = np.nanmin([*shown["low"], *shown["value"], 0.0])
        for ax in axes:
            ax.set_ylim(np.floor(2 * lowest) / 2 - 0.05, 1.05)
            ax.set_yticks(np.arange(np.floor(2 * lowest) / 2, 1.01, 0.5))
    if figure.get_layout_engine() is not None:
        figure.legend(
            handles=_handles(chosen, is_difference, measure),
            loc="outside lower center",
            fontsize=style.SMALL,
            frameon=False,
            ncols=1,
        )
    return list(axes)


def _chosen(table: pd.DataFrame, scope: str, measure: str) -> pd.DataFrame:
    """Return the rows of a scope and measure, of all subjects if there are several."""
    found = table[(table["scope"] == scope) & (table["measure"] == measure)]
    named = "all" if (found["subject"] == "all").any() else found["subject"].iloc[0]
    own = {"trained", "untrained", _DIFFERENCE, "shuffled"}
    return found[(found["subject"] == named) | ~found["control"].isin(own)]


def _draw_controls(
    ax: Axes, rows: pd.DataFrame, areas: list[str], *, is_difference: bool
) -> None:
    """Draw one model's estimates: a column an area, the controls beside each other."""
    kinds = [_DIFFERENCE] if is_difference else _controls(rows)
    x = np.arange(len(areas))
    for i, control in enumerate(kinds):
        one = rows[rows["control"] == control].set_index("area").reindex(areas)
        if control == "shuffled":
            ax.bar(
                x,
                one["high"] - one["low"],
                bottom=one["low"],
                width=0.9,
                color="#e0e0e0",
                zorder=0.5,
            )
            continue
        at = x + 0.22 * (i - (len(kinds) - 1) / 2)
        color = _color(control, kinds)
        ax.vlines(at, one["low"], one["high"], color=color, linewidth=1.1)
        is_untested = bool(one["p_fdr"].isna().all())
        is_sure = (one["p_fdr"] <= 0.05).to_numpy() | is_untested
        face = np.where(is_sure, color, "white")
        ax.scatter(
            at,
            one["value"],
            s=13,
            c=face.tolist(),
            edgecolors=color,
            linewidths=0.9,
            marker=_marker(control),
            zorder=3,
        )


def _controls(rows: pd.DataFrame) -> list[str]:
    """Return what is drawn beside each other."""
    found = list(dict.fromkeys(rows["control"]))
    first = [x for x in ("shuffled", "trained", "untrained") if x in found]
    return first + [x for x in found if x not in {*first, _DIFFERENCE}]


def _color(control: str, kinds: Sequence[str]) -> str:
    """Return the colour of a control."""
    own = {"trained": style.BLUE, "untrained": style.ORANGE, _DIFFERENCE: style.BLUE}
    others = [x for x in kinds if x not in {*own, "shuffled"}]
    return own.get(control) or _OTHERS[others.index(control) % len(_OTHERS)]


def _marker(control: str) -> str:
    """Return the shape of a control, which tells it without colour."""
    return {"trained": "o", _DIFFERENCE: "o", "untrained": "s"}.get(control, "D")


def _handles(rows: pd.DataFrame, is_difference: bool, measure: str) -> list[Artist]:
    """Return the legend: what, how many, the interval over what."""
    kinds = [_DIFFERENCE] if is_difference else _controls(rows)
    handles: list[Artist] = []
    for control in kinds:
        one = rows[rows["control"] == control].iloc[0]
        n = f"n = {one['n']:.0f}, {one['n_episodes']:.0f} episodes"
        if control == "shuffled":
            text = "labels exchanged, 95 %"
            handles.append(Patch(color="#e0e0e0", label=text))
            continue
        text = f"{control} ({n}; 95 % over {one['over']})"
        color = _color(control, kinds)
        shape = _marker(control)
        handles.append(
            Line2D([], [], color=color, label=text, marker=shape, markersize=4)
        )
    if measure == "partial":
        text = "filled: p ≤ 0.05 after FDR"
        handles.append(Line2D([], [], linestyle="none", label=text))
    if measure == "correlation" and not is_difference:
        text = "noise ceiling, lower bound"
        handles.append(Line2D([], [], color=style.INK, linewidth=1.2, label=text))
    return handles


def _name_areas(ax: Axes, labels: Sequence[str], groups: Sequence[str]) -> None:
    """Write the areas below a row of axes."""
    ax.set_xticks(range(len(labels)), labels)
    for label, group in zip(ax.get_xticklabels(), groups, strict=True):
        label.set(color=GROUP_COLORS[group], fontsize=7, rotation=90)


def plot_alignment(
    table: pd.DataFrame,
    axes: Sequence[Axes] | None = None,
    *,
    systems: Systems = _UNKNOWN,
) -> list[Axes]:
    """Draw debiased CKA and shape distance of all pairs of areas.

    Parameters
    ----------
    table : pandas.DataFrame
        See :func:`angora_train.analysis.rsa.subjects.align_samples`; of several
        subjects their mean is drawn.
    axes : sequence of three matplotlib.axes.Axes, optional
        Where to draw. By default a figure is made.
    systems : mapping of str to str, optional
        Part of the brain of each area, by which areas are ordered.

    Returns
    -------
    list of matplotlib.axes.Axes
        CKA's matrix and the distances', the trained network's below the diagonal and
        the untrained one's above; then each area's mean CKA with all others.
    """
    named = "all" if (table["subject"] == "all").any() else table["subject"].iloc[0]
    own = table[(table["subject"] == named) & (table["other_subject"] == named)]
    is_mean = own["other"] == OTHERS
    pairs, of_areas = own[~is_mean], own[is_mean]
    trained = pairs[pairs["control"] == "trained"]
    names = list(dict.fromkeys([*trained["area"], *trained["other"]]))
    order, labels, groups = ordered(names, systems)
    areas = [names[i] for i in order]
    if axes is None:
        side = max(3.2, 0.13 * len(areas) + 1.0)
        figure = Figure(figsize=(2 * side + 0.8, side + 3.1), layout="constrained")
        grid = figure.add_gridspec(2, 2, height_ratios=(side, 2.4))
        axes = [figure.add_subplot(x) for x in (grid[0, 0], grid[0, 1], grid[1, :])]
    _draw_pairs(axes[0], pairs, areas, ("cka", "debiased CKA", "RdBu_r", (-1.0, 1.0)))
    shapes = ("shape_rad", "shape distance, rad", "Greys_r", (0.0, np.pi / 2))
    _draw_pairs(axes[1], pairs, areas, shapes)
    for ax in axes[:2]:
        _name_areas(ax, labels, groups)
        ax.set_yticks(range(len(labels)), labels, fontsize=7)
        for label, group in zip(ax.get_yticklabels(), groups, strict=True):
            label.set_color(GROUP_COLORS[group])
    _draw_means(axes[2], of_areas, areas)
    _name_areas(axes[2], labels, groups)
    return list(axes)


def _draw_pairs(
    ax: Axes,
    rows: pd.DataFrame,
    areas: Sequence[str],
    shown: tuple[str, str, str, tuple[float, float]],
) -> None:
    """Draw a matrix: the trained network below the diagonal, the untrained above."""
    column, title, colors, (low, high) = shown
    values = np.full((len(areas), len(areas)), np.nan)
    is_both = (rows["control"] == "untrained").any()
    place = {area: i for i, area in enumerate(areas)}
    for control, of in rows.groupby("control"):
        known = of[of["area"].isin(areas) & of["other"].isin(areas)]
        i = known["area"].map(place).to_numpy()
        j = known["other"].map(place).to_numpy()
        first, last = np.minimum(i, j), np.maximum(i, j)
        if control == "untrained":
            values[first, last] = known[column]
        else:
            values[last, first] = known[column]
            if not is_both:
                values[first, last] = known[column]
    image = ax.imshow(values, cmap=colors, vmin=low, vmax=high)
    bar = figure_of(ax).colorbar(image, ax=ax, shrink=0.6, pad=0.02)
    bar.ax.tick_params(labelsize=7)
    sides = "\nbelow the diagonal trained, above untrained" if is_both else ""
    ax.set_title(title + sides, **{**style.TITLE, "fontsize": 9})
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _draw_means(ax: Axes, rows: pd.DataFrame, areas: Sequence[str]) -> None:
    """Draw the mean CKA of each area with all others, with intervals and controls."""
    controls = list(dict.fromkeys(rows["control"]))
    x = np.arange(len(areas))
    for i, control in enumerate(controls):
        one = rows[rows["control"] == control].set_index("area").reindex(areas)
        n, n_episodes = one["n"].max(), one["n_episodes"].max()
        over = "subjects" if n > 1 else "episodes"
        at = x + 0.22 * (i - (len(controls) - 1) / 2)
        color, shape = _color(control, controls), _marker(control)
        many = f"n = {n:.0f}, {n_episodes:.0f} episodes; 95 % over {over}"
        ax.vlines(at, one["low"], one["high"], color=color, linewidth=1.1)
        ax.plot(
            at,
            one["cka"],
            shape,
            color=color,
            markersize=4,
            label=f"{control} ({many})",
        )
        if control == "trained":
            drawn: dict[str, Any] = {"color": style.GREY, "linestyle": "none"}
            label = "trained, episodes exchanged"
            ax.plot(x, one["cka_shuffled"], marker="_", label=label, **drawn)
    style.plain(ax)
    ax.axhline(0.0, color=style.INK, linewidth=0.6)
    ax.set_xlim(-0.7, len(areas) - 0.3)
    ax.set_ylabel("mean CKA with others", fontsize=style.SMALL)
    ax.set_ylim(top=1.0)
    ax.legend(
        fontsize=7,
        frameon=False,
        ncols=1,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.32),
    )


def plot_movie(
    movie: xr.Dataset,
    axes: Sequence[Axes] | None = None,
    *,
    event: str = "the event",
    systems: Systems = _UNKNOWN,
) -> list[Axes]:
    """Draw how far kinds are apart around an event, in every area.

    Parameters
    ----------
    movie : xarray.Dataset
        What :func:`angora_train.analysis.rsa.movies.mean_movie` returned; of several
        subjects their mean is drawn.
    axes : sequence of matplotlib.axes.Axes, optional
        One for the areas, one for their mean beside the untrained network, then one
        for each frame that is shown. By default a figure with six frames is made.
    event : str
        What happens at 0 ms.
    systems : mapping of str to str, optional
        Part of the brain of each area, by which areas are ordered.

    Returns
    -------
    list of matplotlib.axes.Axes
        Those drawn into.
    """
    order, labels, groups = ordered(movie["area"].to_numpy(), systems)
    lag = movie["lag"].to_numpy()
    if axes is None:
        n_frames = min(6, len(lag))
        height = 0.13 * len(order) + 4.6
        figure = Figure(figsize=(7.2, height), layout="constrained")
        grid = figure.add_gridspec(3, n_frames, height_ratios=(height - 3.9, 1.8, 1.2))
        frames = [figure.add_subplot(grid[2, i]) for i in range(n_frames)]
        top = figure.add_subplot(grid[0, :])
        axes = [top, figure.add_subplot(grid[1, :], sharex=top), *frames]
    top, middle, *frames = axes
    trained = movie.sel(control="trained")
    separation = trained["separation"].to_numpy()[:, order]
    largest = np.maximum(separation.max(axis=2, keepdims=True), 1e-12)
    width = lag[1] - lag[0] if len(lag) > 1 else 1.0
    sides = (lag[0], lag[-1] + width, len(order) - 0.5, -0.5)
    image = top.imshow(
        (separation / largest).mean(axis=0),
        cmap="Greys",
        vmin=0.0,
        vmax=1.0,
        aspect="auto",
        extent=sides,
        interpolation="none",
    )
    top.axvline(0.0, color=style.ORANGE, linewidth=1.0)
    top.set_yticks(range(len(labels)), labels, fontsize=7)
    for label, group in zip(top.get_yticklabels(), groups, strict=True):
        label.set_color(GROUP_COLORS[group])
    top.tick_params(labelsize=7)
    n, n_subjects = movie.attrs["n_episodes"], movie.sizes["subject"]
    title = f"trained: distance between kinds (n = {n_subjects}, {n} episodes)"
    top.set_title(title, **style.TITLE)
    bar = figure_of(top).colorbar(image, ax=top, shrink=0.6, pad=0.01)
    bar.set_label("mean / largest of the area", fontsize=7)
    bar.ax.tick_params(labelsize=7)
    _draw_overall(middle, movie, width / 2)
    middle.set_xlabel(
        f"time after {event}, ms (negative: before)", fontsize=style.SMALL
    )
    _draw_frames(frames, trained.mean("subject"))
    return list(axes)


def _draw_overall(ax: Axes, movie: xr.Dataset, half_width: float) -> None:
    """Draw the mean over areas, with its interval, beside the untrained network's."""
    at = movie["lag"].to_numpy() + half_width
    controls = movie["control"].to_numpy().tolist()
    for control in controls:
        one = movie.sel(control=control)
        color = _color(control, controls)
        low, high = one["overall_low"].to_numpy(), one["overall_high"].to_numpy()
        ax.fill_between(at, low, high, color=color, alpha=0.2, linewidth=0)
        label = f"{control} (95 % over {movie.attrs['over']})"
        shape: dict[str, Any] = {"color": color, "marker": _marker(control)}
        ax.plot(at, one["overall"], linewidth=1.2, markersize=3, label=label, **shape)
    style.plain(ax)
    ax.axhline(0.0, color=style.INK, linewidth=0.6)
    ax.axvline(0.0, color=style.ORANGE, linewidth=1.0)
    ax.set_ylabel("mean over areas", fontsize=style.SMALL)
    ax.legend(fontsize=7, frameon=False, ncols=2, loc="best")


def _draw_frames(axes: Sequence[Axes], movie: xr.Dataset) -> None:
    """Draw the matrix of some bins, the mean over areas of equal weight."""
    distances = movie["distances"].to_numpy()
    distances = distances[np.isfinite(distances).all(axis=(1, 2))]
    largest = np.abs(distances).max(axis=(1, 2), keepdims=True)
    mean = (distances / np.where(largest > 0, largest, 1.0)).mean(axis=0)
    both = np.concatenate([movie["first"].to_numpy(), movie["second"].to_numpy()])
    names = list(dict.fromkeys(both.tolist()))
    i, j = np.triu_indices(len(names), 1)
    shown = np.linspace(0, len(mean) - 1, len(axes)).round().astype(int)
    for ax, bin_ in zip(axes, shown, strict=True):
        matrix = np.zeros((len(names), len(names)))
        matrix[i, j] = matrix[j, i] = mean[bin_]
        ax.imshow(matrix, cmap="Greys", vmin=0.0, vmax=float(mean.max()))
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"{movie['lag'].to_numpy()[bin_]:.0f} ms", fontsize=7)
    if axes:
        axes[0].set_yticks(range(len(names)), names, fontsize=6)
        axes[0].tick_params(length=0)
