# SPDX-License-Identifier: Apache-2.0
"""Record a source as a snapshot file: what a live query returned, to keep and share.

The file is a ZIP archive of the tables that a snapshot's folder has, with the manifest
of their checksums; :class:`~atlasnet.SnapshotSource` reads either.
"""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from atlasnet.atlas.source import AtlasSource, LayerRecord, RegionRecord
from atlasnet.atlas.sources.tables import (
    MANIFEST,
    TABLES,
    note_licence,
    render_manifest,
    render_table,
    row_of,
)
from atlasnet.atlas.sources.tracers import fraction_row
from atlasnet.files import write_archive

__all__ = ["record_source"]

Row = Mapping[str, object]


def record_source(
    source: AtlasSource,
    out: Path | str,
    date: datetime.date | None = None,
    *,
    layers: bool = True,
) -> None:
    """Write what a source has to a file, whole or not at all.

    Parameters
    ----------
    source : AtlasSource
        The source; all of it is read.
    out : Path or str
        File to write.
    date : datetime.date, optional
        Date that the manifest states; today by default.
    layers : bool, default=True
        Whether to read the measured layers, which siibra has in many files.

    Raises
    ------
    AtlasError
        If the source cannot give something.
    """
    date = date or datetime.datetime.now(tz=datetime.UTC).date()
    contents = _contents(source, layers=layers)
    texts = {table.name: render_table(table, contents[table.name]) for table in TABLES}
    description = source.describe()
    atlas = {
        "name": str(description.get("atlas", "")),
        "connections": str(description.get("connections_version", "")),
        "volumes": str(description.get("volumes_version", "")),
        "space": str(description.get("space", "")),
    }
    described = {k: v for k, v in description.items() if k not in _NOT_RECORDED}
    recorded_from = {"recorded_source": description.get("source", ""), **described}
    manifest = render_manifest(texts, atlas, date, recorded_from)
    write_archive(out, {**texts, MANIFEST: manifest})


_NOT_RECORDED = ("licences", "source", "snapshot_checksum", "snapshot_date")


def _contents(source: AtlasSource, *, layers: bool) -> dict[str, Iterable[Row]]:
    """Return the rows of every table."""
    return {
        "regions.csv": [_region(record) for record in source.regions()],
        "connections.csv": _connections(source),
        "economo_areas.csv": [asdict(area) for area in source.economo_areas().values()],
        "economo_layers.csv": _layers("symbol", source.economo_layers()),
        "measured_layers.csv": (
            _layers("region", source.measured_layers()) if layers else []
        ),
        "homologues.csv": [
            {
                "region": homologue.region,
                "node": homologue.node,
                "economo": "+".join(homologue.economo_symbols),
                "is_whole_node": str(homologue.is_whole_node).lower(),
            }
            for homologue in source.homologues().values()
        ],
        "hand_network_regions.csv": [
            {
                "node": node.node,
                "hemisphere": node.hemisphere,
                "role": node.role,
                "julich_2_9": ";".join(node.julich_2_9),
                "julich_3_1": ";".join(node.julich_3_1),
                "economo": "+".join(node.economo_symbols),
            }
            for node in source.node_table()
        ],
        "hand_network_pathways.csv": [
            {**asdict(pathway), "note_licence": note_licence(pathway.note)}
            for pathway in source.pathways()
        ],
        "macaque_homologues.csv": [
            row_of(
                "macaque_homologues.csv", {**asdict(each), "node": ";".join(each.nodes)}
            )
            for each in source.macaque_homologues()
        ],
        "tracer_fractions.csv": [
            fraction_row(each) for each in source.tracer_fractions()
        ],
        "version_overlap.csv": [asdict(each) for each in source.version_overlaps()],
    }


def _region(record: RegionRecord) -> Row:
    """Return a row of ``regions.csv``."""
    x_mm, y_mm, z_mm = record.centroid_mm or (None, None, None)
    shares = ";".join(f"{symbol}:{share!r}" for symbol, share in record.overlap_areas)
    known = {
        **asdict(record),
        "hierarchy": " > ".join(record.hierarchy),
        "is_isocortex": str(record.is_isocortex).lower(),
        **{"x_mm": x_mm, "y_mm": y_mm, "z_mm": z_mm},
        "overlap_areas": shares,
        "overlap_use": "none" if record.overlap_density_per_mm3 is None else "used",
    }
    return row_of("regions.csv", known)


def _connections(source: AtlasSource) -> list[Row]:
    """Return the pairs that streamlines join, i <= j."""
    connections = source.connections()
    count, length_mm = connections.streamline_count, connections.length_mm
    pairs = zip(*np.nonzero(np.triu(count)), strict=True)
    return [
        {
            "i": int(i),
            "j": int(j),
            "streamline_count": float(count[i, j]),
            "length_mm": (
                None if np.isnan(length_mm[i, j]) else float(length_mm[i, j])
            ),
        }
        for i, j in pairs
    ]


def _layers(key: str, layers: Mapping[str, tuple[LayerRecord, ...]]) -> list[Row]:
    return [
        {key: area, **asdict(layer)}
        for area, listed in layers.items()
        for layer in listed
    ]
