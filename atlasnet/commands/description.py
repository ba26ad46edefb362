# SPDX-License-Identifier: Apache-2.0
"""Description: a graph and its network as plain records, for JSON and tables."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from atlasnet.atlas.assembly import all_regions_graph
from atlasnet.atlas.selection import Hemispheres
from atlasnet.atlas.source import AtlasSource, RegionRecord
from atlasnet.bundle import Bundle
from atlasnet.graph.graph import Projection, Region, RegionGraph
from atlasnet.plan.latency import path_latencies
from atlasnet.plan.spec import AreaSpec, NetworkSpec, PathwaySpec

__all__ = ["describe", "describe_regions"]

Record = dict[str, Any]

_NODE_KEYS = (
    "name",
    "hemisphere",
    "volume_mm3",
    "cell_density_per_mm3",
    "cell_density_rule",
    "cell_count",
    "n_units",
    "cell",
    "map",
    "layer",
    "thickness_mm",
    "centroid_mm",
    "cortical_type",
    "role",
    "system",
    "node",
    "julich_2_9",
    "julich_3_1",
    "siibra_ids",
)
_EDGE_KEYS = (
    "source",
    "target",
    "streamline_count",
    "length_mm",
    "delay_ms",
    "direction",
    "direction_rule",
    "timing",
    "sln",
    "citation",
    "presence",
    "is_weak",
    "evidence_against",
)


def describe(bundle: Bundle) -> Record:
    """Return what is known of a graph, its network or both.

    Parameters
    ----------
    bundle : Bundle
        Graph, spec or both.

    Returns
    -------
    dict
        JSON values. ``nodes`` has one record per region with ``name``,
        ``hemisphere``, ``volume_mm3``, ``cell_density_per_mm3``,
        ``cell_density_rule``, ``cell_count``, ``n_units`` and more, areas in the
        order in which they are computed, ``map`` the layout of a retinotopic one;
        ``edges`` has one record per directed projection with ``source``, ``target``,
        ``streamline_count``, ``length_mm``, ``delay_ms``, ``direction``,
        ``direction_rule``, ``timing``, ``presence`` (why it is there), ``is_weak`` and
        more; ``left_out`` what streamlines join and the literature denies;
        ``network`` is what the network is connected to, with ``latencies`` from its
        sensations to the areas that drive action; ``metadata`` where the
        graph's numbers come from. All records have all keys; what is unknown, or not
        part of the network, is None.
    """
    graph, spec = bundle.graph, bundle.spec
    regions = {region.name: region for region in graph.regions} if graph else {}
    areas = {area.name: area for area in spec.areas} if spec else {}
    projections = {(p.source, p.target): p for p in graph.projections} if graph else {}
    pathways = {(p.source, p.target): p for p in spec.pathways} if spec else {}
    return {
        "name": spec.name if spec else None,
        "nodes": [
            _node(name, regions.get(name), areas.get(name))
            for name in dict.fromkeys([*areas, *regions])
        ],
        "edges": [
            _edge(projections.get(key), pathways.get(key))
            for key in dict.fromkeys([*projections, *pathways])
        ],
        "left_out": graph.metadata.get("left_out_pathways", []) if graph else [],
        "network": _network(spec) if spec else None,
        "metadata": dict(graph.metadata) if graph else None,
    }


def describe_regions(source: AtlasSource, hemisphere: Hemispheres) -> list[Record]:
    """Return every region of an atlas source.

    Parameters
    ----------
    source : AtlasSource
        The atlas.
    hemisphere : {"left", "right", "both"}
        Which regions.

    Returns
    -------
    list of dict
        One record per region, sorted by name, with ``name``, ``julich_2_9``,
        ``julich_3_1``, ``hemisphere``, ``volume_mm3``, ``cell_density_per_mm3``,
        ``cell_density_rule``, ``cell_count``, ``system`` and ``has_connections``:
        whether the region is in the connectome, so that a network can be built on it.
        What is unknown is None.
    """
    # Edges would take most of the time, and are not shown.
    graph = all_regions_graph(
        source, hemisphere, min_streamline_count=math.inf, cited=False
    )
    return [
        _region(record, graph)
        for record in sorted(source.regions(), key=lambda record: record.name)
        if hemisphere in ("both", record.hemisphere)
    ]


def _region(record: RegionRecord, graph: RegionGraph) -> Record:
    """Return the record of one region of an atlas source."""
    density, rule = record.overlap_density_per_mm3, "surface_overlap"
    if record.name in graph:
        region = graph.region(record.name)
        density, rule = region.cell_density_per_mm3, region.cell_density_rule or ""
    count = None
    if density is not None and record.volume_mm3 is not None:
        count = density * record.volume_mm3
    return {
        "name": record.name,
        "julich_2_9": record.julich_2_9,
        "julich_3_1": record.julich_3_1,
        "hemisphere": record.hemisphere,
        "volume_mm3": record.volume_mm3,
        "cell_density_per_mm3": density,
        "cell_density_rule": rule if density is not None else None,
        "cell_count": count,
        "system": record.system,
        "has_connections": record.name in graph,
    }


def _node(name: str, region: Region | None, area: AreaSpec | None) -> Record:
    """Return the record of a region, of an area, or of both."""
    side = name.rsplit(" ", 1)[-1]
    known: Record = {"hemisphere": side if side in ("left", "right") else None}
    if region is not None:
        known = {**asdict(region), "cell_count": region.cell_count}
    if area is not None:
        layout = area.map.model_dump() if area.map is not None else None
        known |= {"n_units": area.n_units, "cell": area.cell, "map": layout}
        known["layer"] = area.layer
    return _filled(_NODE_KEYS, {**known, "name": name})


def _edge(projection: Projection | None, pathway: PathwaySpec | None) -> Record:
    """Return the record of a projection, of a pathway, or of both."""
    known = pathway.model_dump() if pathway is not None else {}
    if projection is not None:
        known |= asdict(projection)
    return _filled(_EDGE_KEYS, known)


def _network(spec: NetworkSpec) -> Record:
    """Return a spec without its areas and pathways."""
    return spec.model_dump(mode="json", exclude={"areas", "pathways"}) | {
        "n_units": spec.n_units,
        "n_map_units": sum(area.n_units for area in spec.areas if area.map),
        "latencies": [asdict(latency) for latency in path_latencies(spec)],
    }


def _filled(keys: tuple[str, ...], known: Mapping[str, Any]) -> Record:
    """Return a record with all keys, tuples as lists as JSON has them."""
    values = {key: known.get(key) for key in keys}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
