# SPDX-License-Identifier: Apache-2.0
"""Figure of a pretraining: predicted against true poses, and pictures with errors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from angora_train.pretraining.fitting import Pretrained

__all__ = ["plot_pose"]

_BLUE, _GREY = "#0072B2", "#999999"
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.99)
"""Of the orientation's error, at which pictures are shown."""
_TITLE: dict[str, Any] = {"loc": "left", "fontsize": 9}
_CM_PER_M = 100.0


def plot_pose(found: Pretrained) -> Figure:
    """Draw what a network says of held-out pictures.

    Parameters
    ----------
    found : Pretrained
        The network and its errors.

    Returns
    -------
    matplotlib.figure.Figure
        Above: the place along each axis, said against true, cm; the errors of place
        and orientation beside those of who always says the mean pose. Below: pictures
        at quantiles of the orientation's error.
    """
    figure = Figure(figsize=(12.0, 5.2), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.25, 1.0))
    above, below = parts
    above_axes = above.subplots(1, 5)
    _draw_places(above_axes[:3], found)
    units = (("position_cm", "cm"), ("orientation_deg", "degrees"))
    for ax, (name, unit) in zip(above_axes[3:], units, strict=True):
        ours, theirs = (vars(e)[name] for e in (found.errors, found.baseline))
        edges = np.linspace(0.0, max(ours.max(), theirs.max()), 40)
        ax.hist(theirs, edges, color=_GREY, label="mean pose")
        ax.hist(ours, edges, color=_BLUE, alpha=0.8, label="network")
        medians = (f"{np.median(x):#.3g}".rstrip(".") for x in (ours, theirs))
        ax.set_title(f"error of the {name.split('_')[0]}, {unit}", **_TITLE)
        ax.set_xlabel("medians: {}, mean pose {}".format(*medians), fontsize=8)
        ax.set_yticks([])
        ax.legend(fontsize=7, frameon=False)
    order = np.argsort(found.errors.orientation_deg)
    pictures = below.subplots(1, len(_QUANTILES))
    for ax, quantile in zip(pictures, _QUANTILES, strict=True):
        row = int(order[round(quantile * (len(order) - 1))])
        ax.imshow(found.held_out.vision[row, :, :, :3])
        ax.set_axis_off()
        ax.set_title(
            f"{quantile:.0%} quantile: {found.errors.orientation_deg[row]:.0f}°, "
            f"{found.errors.position_cm[row]:.1f} cm",
            **_TITLE,
        )
    return figure


def _draw_places(axes: Sequence[Axes], found: Pretrained) -> None:
    """Draw the place along each axis, about the mean of the true ones."""
    truth_m = found.held_out.position_m
    centre_m = truth_m.mean(axis=0)
    for i, (ax, axis) in enumerate(zip(axes, "xyz", strict=True)):
        true_cm = _CM_PER_M * (truth_m[:, i] - centre_m[i])
        said_cm = _CM_PER_M * (found.position_m[:, i] - centre_m[i])
        ax.plot(true_cm, said_cm, ".", color=_BLUE, markersize=2, alpha=0.5)
        ends = [true_cm.min(), true_cm.max()]
        ax.plot(ends, ends, color=_GREY, linewidth=1)
        ax.set_title(f"{axis}, cm: said against true", **_TITLE)
        ax.set_xlabel("true")
        ax.set_aspect("equal", "datalim")
