# SPDX-License-Identifier: Apache-2.0
"""Figures of graphs and network specs; importing this loads Matplotlib.

Pictures of what the atlas says and what is planned live here. What a trained network
did may not: see ``angora_train.analysis``.

Each function draws into the axes that it is given, or makes a figure of fitting size,
and returns the axes. None touches Matplotlib's global state.
"""

from atlasnet.figures.circuit import plot_circuit
from atlasnet.figures.glass_brain import plot_glass_brain
from atlasnet.figures.matrix import plot_connectivity_matrix
from atlasnet.figures.robustness import plot_robustness
from atlasnet.figures.volume import plot_area_volume

__all__ = [
    "plot_area_volume",
    "plot_circuit",
    "plot_connectivity_matrix",
    "plot_glass_brain",
    "plot_robustness",
]
