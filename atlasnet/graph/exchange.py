# SPDX-License-Identifier: Apache-2.0
"""A graph in the formats of other programs."""

import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from atlasnet.errors import GraphError, closest, require_known, require_member
from atlasnet.files import write_archive, write_text
from atlasnet.graph.graph import Projection, Region, RegionGraph
from atlasnet.signature import checked

__all__ = [
    "FORMATS",
    "STATISTICS",
    "area_values",
    "bids_name",
    "export_graph",
    "to_graphml",
    "to_matrix",
    "to_node_link",
    "write_tvb",
]


def to_matrix(graph: RegionGraph, attribute: str = "strength") -> NDArray[np.float64]:
    """Return a number of every projection as a matrix.

    Parameters
    ----------
    graph : RegionGraph
        The graph.
    attribute : str, default="strength"
        ``strength`` (the weight, or the streamline count where there is none),
        ``streamline_count``, ``length_mm``, ``delay_ms`` or ``sln``.

    Returns
    -------
    ndarray of float64, shape (n, n)
        From row to column, in the order of ``graph.names``; NaN where there is no
        projection or the number is unknown.

    Raises
    ------
    GraphError
        If projections have no such number.
    """
    allowed = ("strength", "streamline_count", "length_mm", "delay_ms", "sln")
    require_member("A number", attribute, allowed, GraphError)
    index = {name: i for i, name in enumerate(graph.names)}
    matrix = np.full((len(graph), len(graph)), np.nan)
    for edge in graph.projections:
        value = getattr(edge, attribute)
        if value is not None:
            matrix[index[edge.source], index[edge.target]] = value
    return matrix


def to_graphml(graph: RegionGraph) -> str:
    """Return a graph as GraphML, the format of Gephi, Cytoscape and yEd.

    GraphML has no lists and no missing values: lists are joined by ``;``, and what is
    unknown is left out. An edge's ``weight`` is its strength.
    """
    flat: nx.DiGraph[str] = nx.DiGraph()
    flat.graph.update(_flat(graph.metadata))
    for region in graph.regions:
        known = {**asdict(region), "cell_count": region.cell_count}
        centroid_mm = known.pop("centroid_mm") or ()
        axes = zip(("x_mm", "y_mm", "z_mm"), centroid_mm, strict=False)
        known.pop("name")
        flat.add_node(region.name, **_flat({**known, **dict(axes)}))
    for edge in graph.projections:
        known = _edge_row(edge)
        ends = known.pop("source"), known.pop("target")
        values: dict[str, Any] = _flat(known)
        flat.add_edge(*ends, **values)
    return "\n".join(nx.generate_graphml(flat)) + "\n"


def to_node_link(graph: RegionGraph) -> str:
    """Return a graph as the node-link JSON of networkx and d3.

    Its edges stand twice: networkx reads ``edges`` since version 3.6, before that
    ``links``, as d3 does. An edge's ``weight`` is its strength.
    """
    data = nx.node_link_data(graph.to_networkx(), edges="edges")
    data["links"] = data["edges"]
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_tvb(graph: RegionGraph, path: Path | str) -> None:
    """Write a graph as ``connectivity.zip`` of The Virtual Brain, whole or not at all.

    Its weights and tract lengths run from column to row; blanks in names become
    underscores. Weights are the strengths, 0 where there is no projection. Lengths are
    in mm, 0 where unknown.

    Parameters
    ----------
    graph : RegionGraph
        The graph; every region needs a centroid.
    path : Path or str
        The archive.

    Raises
    ------
    GraphError
        If a region has no centroid.
    """
    lacking = [region.name for region in graph.regions if region.centroid_mm is None]
    if lacking:
        raise GraphError(
            f"The Virtual Brain needs the centre of every region, {len(lacking)} have "
            f"none: {', '.join(lacking[:5])}. Leave them out."
        )
    centres = [
        f"{region.name.replace(' ', '_')} {x:.4f} {y:.4f} {z:.4f}"
        for region in graph.regions
        for x, y, z in [region.centroid_mm or (0.0, 0.0, 0.0)]
    ]
    members = {
        "weights.txt": _numbers(to_matrix(graph).T),
        "tract_lengths.txt": _numbers(to_matrix(graph, "length_mm").T),
        "centres.txt": "\n".join(centres) + "\n",
        "cortical.txt": _flags(r.system != "subcortical" for r in graph.regions),
        "hemispheres.txt": _flags(r.hemisphere == "right" for r in graph.regions),
        "info.txt": json.dumps(dict(graph.metadata), indent=1, ensure_ascii=False),
    }
    write_archive(Path(path), members)


STATISTICS = (
    "n_units",
    "cell_count",
    "volume_mm3",
    "cell_density_per_mm3",
    "thickness_mm",
    "n_afferents",
    "n_efferents",
)
"""Numbers of an area that `area_values` knows."""


def area_values(
    graph: RegionGraph, statistic: str, n_units: Mapping[str, int] | None = None
) -> dict[str, float]:
    """Return a number of every region of a graph, for each part of the atlas.

    Parameters
    ----------
    graph : RegionGraph
        The graph.
    statistic : str
        One of :data:`STATISTICS`.
    n_units : mapping of str to int, optional
        Unit counts of a network's areas, for ``n_units``.

    Returns
    -------
    dict of str to float
        By the names of the mapped regions that each region of the graph stands for;
        without regions whose number is unknown.

    Raises
    ------
    GraphError
        If there is no such number, or unit counts are wanted and not given.
    """
    if statistic not in STATISTICS:
        raise GraphError(
            f"A statistic is one of {', '.join(STATISTICS)}, got '{statistic}'."
            f"{closest(statistic, STATISTICS)}"
        )
    if statistic == "n_units" and n_units is None:
        raise GraphError("Unit counts are a network's: give one beside the graph.")
    values: dict[str, float] = {}
    for region in graph.regions:
        if statistic == "n_units":
            value: float | None = (n_units or {}).get(region.name)
        elif statistic == "n_afferents":
            value = sum(edge.target == region.name for edge in graph.projections)
        elif statistic == "n_efferents":
            value = sum(edge.source == region.name for edge in graph.projections)
        else:
            value = getattr(region, statistic)
        if value is not None:
            for part in region.julich_3_1 or region.julich_2_9 or (region.name,):
                values[part] = float(value)
    return values


def bids_name(
    suffix: str, extension: str, *, atlas: str, space: str | None = None, desc: str = ""
) -> str:
    """Return a file name as BIDS derivatives have it.

    Parameters
    ----------
    suffix : str
        What it is, e.g. ``"relmat"`` (BIDS' connectivity matrices) or ``"dseg"``.
    extension : str
        With its dot, e.g. ``".tsv"``.
    atlas : str
        Atlas, of letters and digits.
    space : str, optional
        Space of coordinates.
    desc : str, optional
        Further description.

    Returns
    -------
    str
        ``[space-SPACE_]atlas-ATLAS[_desc-DESC]_SUFFIX.EXT``; what is no letter or
        digit is left out of the parts.

    Examples
    --------
    >>> bids_name("relmat", ".tsv", atlas="Julich-Brain 2.9", desc="fpn left")
    'atlas-JulichBrain29_desc-fpnLeft_relmat.tsv'
    """
    parts = [f"space-{_entity(space)}"] if space else []
    parts.append(f"atlas-{_entity(atlas)}")
    if desc:
        parts.append(f"desc-{_entity(desc)}")
    return "_".join([*parts, suffix]) + extension


@checked(GraphError)
def export_graph(graph: RegionGraph, name: str, path: Path | str) -> tuple[Path, ...]:
    """Write a graph in a format.

    Parameters
    ----------
    graph : RegionGraph
        The graph.
    name : str
        One of :data:`FORMATS`.
    path : Path or str
        The file; for ``csv`` and ``bids`` a folder.

    Returns
    -------
    tuple of Path
        What was written.

    Raises
    ------
    GraphError
        If there is no such format, or it cannot hold the graph.
    """
    require_known("format", name, FORMATS, GraphError)
    return FORMATS[name](graph, Path(path))


def _write(
    render: Callable[[RegionGraph], str], graph: RegionGraph, path: Path
) -> tuple[Path, ...]:
    """Write what a function makes of a graph."""
    write_text(path, render(graph))
    return (path,)


def _write_tvb(graph: RegionGraph, path: Path) -> tuple[Path, ...]:
    write_tvb(graph, path)
    return (path,)


def _write_csv(graph: RegionGraph, folder: Path) -> tuple[Path, ...]:
    """Write ``nodes.csv`` and ``edges.csv``."""
    edges = [_edge_row(edge) for edge in graph.projections]
    columns = [*Projection.__dataclass_fields__, "strength"]
    paths = folder / "nodes.csv", folder / "edges.csv"
    write_text(paths[0], _node_table(graph).to_csv(index=False))
    write_text(paths[1], _table(edges, columns).to_csv(index=False))
    return paths


def _write_bids(graph: RegionGraph, folder: Path) -> tuple[Path, ...]:
    """Write matrices and the table of regions, named as BIDS derivatives."""
    known = graph.metadata
    atlas = f"{known.get('atlas', 'own')} {known.get('connections_version', '')}"
    desc = f"{known.get('preset') or 'selection'} {known.get('hemisphere', '')}"
    style: Any = {"sep": "\t", "na_rep": "n/a"}
    written = []
    units = {"streamline_count": "streamlines", "length_mm": "mm"}
    if any(edge.weight is not None for edge in graph.projections):
        units["strength"] = str(known.get("weight", "unknown"))
    for key, unit in units.items():
        name = bids_name("relmat", ".tsv", atlas=atlas, desc=f"{desc} {key}")
        frame = pd.DataFrame(to_matrix(graph, key), graph.names, graph.names)
        path = folder / name
        write_text(path, frame.to_csv(index_label="source", **style))
        about = {
            "Description": f"{key} from row to column; n/a where there is none",
            "Directed": True,
            "Units": unit,
            "Provenance": dict(known),
        }
        text = json.dumps(about, indent=1, ensure_ascii=False) + "\n"
        write_text(path.with_suffix(".json"), text)
        written += [path, path.with_suffix(".json")]
    path = folder / bids_name("dseg", ".tsv", atlas=atlas, desc=desc)
    nodes = _node_table(graph)
    nodes.index += 1
    write_text(path, nodes.to_csv(index_label="index", **style))
    return (*written, path)


FORMATS: Mapping[str, Callable[[RegionGraph, Path], tuple[Path, ...]]] = (
    MappingProxyType(
        {
            "graphml": partial(_write, to_graphml),
            "node-link": partial(_write, to_node_link),
            "csv": _write_csv,
            "tvb": _write_tvb,
            "bids": _write_bids,
        }
    )
)
"""What writes each format."""


def _flat(values: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """Return values as GraphML can hold them."""
    return {
        key: ";".join(map(str, value)) if isinstance(value, list | tuple) else value
        for key, value in values.items()
        if value is not None
    }


def _edge_row(edge: Projection) -> dict[str, Any]:
    """Return a projection as tables have it: its weight is its strength."""
    return {**asdict(edge), "weight": edge.strength, "strength": edge.strength}


def _node_table(graph: RegionGraph) -> pd.DataFrame:
    rows = [{**asdict(r), "cell_count": r.cell_count} for r in graph.regions]
    return _table(rows, [*Region.__dataclass_fields__, "cell_count"])


def _table(rows: Sequence[Mapping[str, Any]], columns: list[str]) -> pd.DataFrame:
    """Return records as a table; a number stays one where others are missing."""
    return pd.DataFrame([_flat(row) for row in rows], columns=columns, dtype=object)


def _numbers(matrix: NDArray[np.float64]) -> str:
    """Return a matrix as text that reads back as the same numbers; NaN is 0."""
    text = io.StringIO()
    np.savetxt(text, np.nan_to_num(matrix), fmt="%.17g")
    return text.getvalue()


def _flags(values: Any) -> str:
    return "\n".join(str(int(value)) for value in values) + "\n"


def _entity(text: str | None) -> str:
    """Return text as the value of a BIDS entity: letters and digits in camel case."""
    words: list[str] = re.findall(r"[A-Za-z0-9]+", text or "")
    return "".join(words[:1] + [word[:1].upper() + word[1:] for word in words[1:]])
