# SPDX-License-Identifier: Apache-2.0
"""All figures of a network, as files."""

from collections.abc import Mapping
from pathlib import Path

from atlasnet.bundle import Bundle
from atlasnet.figures.circuit import plot_circuit
from atlasnet.figures.glass_brain import plot_glass_brain
from atlasnet.figures.matrix import plot_connectivity_matrix
from atlasnet.figures.palette import save_figure

__all__ = ["save_figures"]

_DPI = 200


def save_figures(
    bundle: Bundle,
    folder: Path | str,
    suffix: str = "png",
    *,
    n_parameters: Mapping[str, int] | None = None,
) -> dict[str, str]:
    """Draw every figure that a graph, its network, or both allow.

    Parameters
    ----------
    bundle : Bundle
        Graph, spec or both.
    folder : Path or str
        Where the files go; made if it does not exist.
    suffix : str, default="png"
        File format, e.g. ``"png"``, ``"pdf"`` or ``"svg"``.
    n_parameters : mapping of str to int, optional
        Parameters of areas and heads, which the circuit then shows; see
        :func:`atlasnet.figures.plot_circuit`.

    Returns
    -------
    dict of str to str
        Each file written, with what it shows.
    """
    graph, spec = bundle.graph, bundle.spec
    drawn = {}
    if spec is not None:
        ax = plot_circuit(spec, n_parameters=n_parameters)
        what = "units and parameters" if n_parameters else "unit counts"
        drawn["circuit"] = ax, f"circuit with {what}"
    if graph is not None:
        if any(region.centroid_mm for region in graph.regions):
            drawn["glass_brain"] = plot_glass_brain(graph, spec), "glass brain"
        drawn["connectivity"] = plot_connectivity_matrix(graph), "streamline counts"
    written = {}
    for name, (ax, what) in drawn.items():
        path = Path(folder) / f"{name}.{suffix}"
        save_figure(ax, path, dpi=_DPI, bbox_inches="tight")
        written[str(path)] = what
    return written
