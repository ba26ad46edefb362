# SPDX-License-Identifier: Apache-2.0
"""Draw the maps of visual areas, ``docs/maps.png``: ``python docs/draw_maps.py``."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Circle, Rectangle

import atlasnet
from atlasnet.plan.retinotopy import RECEPTIVE_FIELDS
from atlasnet.plan.spec import ImageSpec, MapSpec

DARK, LIGHT, FIELD = "#1f2933", "#cbd2d9", "#d1495b"


def main() -> None:
    """Write the picture beside this file."""
    graph = atlasnet.preset_graph(atlasnet.SnapshotSource(), "fpn-visual")
    spec = atlasnet.plan_network(
        graph, atlasnet.hand_interface(graph, preset="fpn-visual")
    )
    image = next(entry.image for entry in spec.inputs if entry.image is not None)
    figure, panels = plt.subplots(
        1, len(RECEPTIVE_FIELDS), figsize=(14, 2.6), layout="constrained"
    )
    for panel, node in zip(panels, RECEPTIVE_FIELDS, strict=True):
        layout = spec.area(f"{node} left").map
        if layout is not None:
            draw(panel, node, layout, image)
    figure.savefig(Path(__file__).with_name("maps.png"), dpi=110)


def draw(panel: plt.Axes, node: str, layout: MapSpec, image: ImageSpec) -> None:
    """Draw the positions of one map over the image, and the field of one of them."""
    side = (image.width_px, image.height_px)
    panel.add_patch(Rectangle((0, 0), *side, facecolor="#f5f7fa", edgecolor=LIGHT))
    # A position sits in the middle of the pixels that are its own.
    columns = _places(layout.width, layout.spacing_px, side[0])
    rows = _places(layout.height, layout.spacing_px, side[1])
    x, y = np.meshgrid(columns, rows)
    panel.scatter(x, y, s=5 + layout.spacing_px, color=DARK, linewidths=0)
    middle = (columns[layout.width // 2], rows[layout.height // 2])
    radius = layout.field_px / 2
    panel.add_patch(Circle(middle, radius, facecolor=FIELD, alpha=0.25))
    panel.add_patch(Circle(middle, radius, fill=False, edgecolor=FIELD, lw=1.5))
    panel.set(xlim=(-4, side[0] + 4), ylim=(side[1] + 4, -4), aspect="equal")
    panel.axis("off")
    panel.set_title(
        f"{node}\n{layout.height} x {layout.width} x {layout.n_channels}", fontsize=11
    )


def _places(n: int, spacing_px: int, side_px: int) -> np.ndarray:
    """Return where positions lie along one side, centred, pixels."""
    places = np.arange(n) * spacing_px
    return places + (side_px - places[-1]) / 2


if __name__ == "__main__":
    main()
