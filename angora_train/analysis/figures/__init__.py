# SPDX-License-Identifier: Apache-2.0
"""Figures of training, evaluation and similarity; importing this loads Matplotlib.

Each function draws into the axes that it is given, or makes a figure of fitting size,
and returns the axes. None touches Matplotlib's global state. Areas have the colours
of their groups in `atlasnet.figures`.
"""

from angora_train.analysis.figures.areas import (
    plot_mds,
    plot_model_fit,
    plot_rdms,
    plot_similarity,
)
from angora_train.analysis.figures.lesions import plot_lesions
from angora_train.analysis.figures.rsa import plot_alignment, plot_fits, plot_movie
from angora_train.analysis.figures.runs import (
    plot_conditions,
    plot_distribution,
    plot_goals,
    plot_group,
    plot_learning,
)

__all__ = [
    "plot_alignment",
    "plot_conditions",
    "plot_distribution",
    "plot_fits",
    "plot_goals",
    "plot_group",
    "plot_learning",
    "plot_lesions",
    "plot_mds",
    "plot_model_fit",
    "plot_movie",
    "plot_rdms",
    "plot_similarity",
]
