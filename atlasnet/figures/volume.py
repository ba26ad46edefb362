# SPDX-License-Identifier: Apache-2.0
"""Areas as a coloured volume: a number of every area, in slices of the brain."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from atlasnet.errors import GraphError
from atlasnet.figures.palette import figure_of
from atlasnet.graph.area_map import area_map, area_voxels
from atlasnet.signature import checked

__all__ = ["plot_area_volume"]

_COLORMAP = "viridis"


@checked(GraphError)
def plot_area_volume(
    values: Mapping[str, float],
    label_image: Path | str,
    labels: Mapping[str, int],
    ax: Axes | None = None,
    *,
    quantity: str = "",
    logarithmic: bool = False,
) -> Axes:
    """Draw areas in three slices of the template brain, coloured by a number.

    The slices cut where the areas are: through the middle of the largest one.

    Parameters
    ----------
    values : mapping of str to float
        A number by area, e.g. unit counts.
    label_image : Path or str
        NIfTI file whose voxels are labels, in MNI152 space.
    labels : mapping of str to int
        Label by area; may have further areas.
    ax : matplotlib.axes.Axes, optional
        Where to draw; its own frame is switched off. By default a figure is made.
    quantity : str, optional
        What the number is, for the colour bar and title.
    logarithmic : bool, default=False
        Whether colours go by the logarithm.

    Returns
    -------
    matplotlib.axes.Axes
        `ax`, or the axes of the new figure.

    Raises
    ------
    GraphError
        If an area has no label or no voxel, a number is not finite (or not above 0
        where colours are logarithmic), or the image cannot be read.
    """
    _require_numbers(values, logarithmic)
    image, voxels = area_voxels(values, label_image, labels)
    if ax is None:
        figure = Figure(figsize=(10.0, 4.2))
        ax = figure.add_axes((0.01, 0.03, 0.88, 0.87))
    ax.set_axis_off()
    low, high = min(values.values()), max(values.values())
    if not high > low:
        low, high = (low / 2, low * 2) if logarithmic else (low - 0.5, low + 0.5)
    norm = (LogNorm if logarithmic else Normalize)(low, high)
    cut_mm = _middle_mm(image, max(voxels.values(), key=len))
    _draw_slices(area_map(values, image, voxels), cut_mm, norm, ax)
    _draw_bar(norm, quantity, ax)
    what = f" by {quantity}" if quantity else ""
    ax.set_title(f"{len(values)} areas{what}", fontsize=11, loc="left")
    return ax


def _draw_slices(
    painted: Any, cut_mm: tuple[float, float, float], norm: Normalize, ax: Axes
) -> None:
    """Draw three slices of an image of numbers in place of axes."""
    from nilearn import plotting  # takes seconds to import

    # Colours go by the share of the range, so that slices and bar agree on it.
    data = np.asarray(painted.dataobj)
    inside = np.isfinite(data)
    share = np.zeros(data.shape, dtype=np.float32)
    share[inside] = 0.02 + 0.98 * np.ma.filled(norm(data[inside]), 0.0)
    make: Any = type(painted)
    plotting.plot_stat_map(
        make(share, painted.affine),
        axes=ax,
        display_mode="ortho",
        cut_coords=cut_mm,
        threshold=0.01,
        vmin=0.0,
        vmax=1.0,
        cmap=_COLORMAP,
        colorbar=False,
        black_bg=False,
        dim=-0.4,
        resampling_interpolation="nearest",
    )


def _draw_bar(norm: Normalize, quantity: str, ax: Axes) -> None:
    """Draw the bar of colours beside axes."""
    figure = figure_of(ax)
    place = ax.get_position()
    strip = figure.add_axes((place.x1 + 0.015, place.y0 + 0.15, 0.012, 0.6))
    bar = figure.colorbar(ScalarMappable(norm, _COLORMAP), cax=strip)
    bar.set_label(quantity, fontsize=9)
    bar.ax.tick_params(labelsize=8)
    for axis_part in ("major", "minor"):
        getattr(bar.ax.yaxis, f"set_{axis_part}_formatter")("{x:g}")


def _require_numbers(values: Mapping[str, float], logarithmic: bool) -> None:
    """Refuse numbers that have no colour."""
    if not values:
        raise GraphError("A picture of areas needs at least one, got none.")
    for name, value in values.items():
        if not np.isfinite(value) or (logarithmic and value <= 0):
            kind = "number above 0" if logarithmic else "finite number"
            raise GraphError(f"The number of '{name}' is a {kind}, got {value!r}.")


def _middle_mm(image: Any, voxels: NDArray[np.int64]) -> tuple[float, float, float]:
    """Return the voxel nearest to an area's middle, which may lie outside, in mm."""
    apart = np.linalg.norm(voxels - voxels.mean(axis=0), axis=1)
    x, y, z = image.affine[:3, :3] @ voxels[apart.argmin()] + image.affine[:3, 3]
    return float(x), float(y), float(z)
