# SPDX-License-Identifier: Apache-2.0
"""SnapshotSource: the atlas from plain tables, without the internet."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cached_property, partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from atlasnet.atlas.source import (
    Connections,
    EconomoArea,
    Homologue,
    LayerRecord,
    MacaqueHomologue,
    NodeRecord,
    PathwayRecord,
    RegionRecord,
    TracerFraction,
    VersionOverlap,
)
from atlasnet.atlas.sources.tables import MANIFEST, SNAPSHOT_VERSION, TABLES
from atlasnet.errors import AtlasError, SnapshotError
from atlasnet.graph.direction import Direction

__all__ = ["SnapshotSource"]

_T = TypeVar("_T")
_Row = Mapping[str, str]
_REMEDY = (
    "Restore the file, or compile the snapshot again with 'atlasnet snapshot'; "
    "after an edit on purpose, 'atlasnet snapshot --renew DIR' renews the checksums."
)


class SnapshotSource:
    """The atlas as a snapshot has it; an `~atlasnet.atlas.source.AtlasSource`.

    Parameters
    ----------
    place : Path or str, optional
        Folder of the snapshot, or the file that ``atlasnet snapshot --from siibra``
        wrote; the snapshot shipped with the package by default.

    Raises
    ------
    SnapshotError
        If a file is missing, corrupt or edited: all checksums are verified here.

    Examples
    --------
    >>> source = SnapshotSource()
    >>> source.economo_areas()["FA"].cell_density_per_mm3
    21035.3
    """

    def __init__(self, place: Path | str | None = None) -> None:
        self._folder = files("atlasnet.data") if place is None else _opened(place)
        self._manifest = _read_manifest(self._folder)
        self._texts = {
            table.name: _read_verified(self._folder, table.name, self._manifest)
            for table in TABLES
            if not (table.is_optional and table.name not in self._manifest["files"])
        }

    @property
    def checksum(self) -> str:
        """SHA-256 of the checksums of all tables, in the order of their names."""
        recorded = self._manifest["files"]
        sums = "".join(recorded[name]["sha256"] for name in sorted(self._texts))
        return hashlib.sha256(sums.encode()).hexdigest()

    def describe(self) -> Mapping[str, str | list[str]]:
        """Return name, versions, date, checksum and licences of the data."""
        atlas = self._manifest["atlas"]
        return {
            **self._manifest.get("recorded_from", {}),
            "source": "snapshot",
            "snapshot_date": self._manifest["date"],
            "snapshot_checksum": f"sha256:{self.checksum}",
            "atlas": atlas["name"],
            "connections_version": atlas["connections"],
            "volumes_version": atlas["volumes"],
            "space": atlas["space"],
            "licences": [
                f"{table.name}: {table.licence}"
                for table in TABLES
                if self._texts.get(table.name, "").count("\n") > 1
            ],
        }

    def regions(self) -> tuple[RegionRecord, ...]:
        """Return every mapped region of the atlas."""
        return self._regions

    def connections(self) -> Connections:
        """Return the connectome."""
        return self._connections

    def economo_areas(self) -> Mapping[str, EconomoArea]:
        """Return von Economo's areas by symbol."""
        return self._economo_areas

    def economo_layers(self) -> Mapping[str, tuple[LayerRecord, ...]]:
        """Return the layers of von Economo's areas by symbol."""
        return self._layers("economo_layers.csv", "symbol")

    def measured_layers(self) -> Mapping[str, tuple[LayerRecord, ...]]:
        """Return measured layers by `RegionRecord.name`; empty if there are none."""
        return self._layers("measured_layers.csv", "region")

    def homologues(self) -> Mapping[str, Homologue]:
        """Return the homologues of single regions by `RegionRecord.name`."""
        return self._homologues

    def node_table(self) -> tuple[NodeRecord, ...]:
        """Return the nodes of the hand network."""
        return self._node_table

    def pathways(self) -> tuple[PathwayRecord, ...]:
        """Return the cited pathways of the hand network, of every support."""
        return self._pathways

    def macaque_homologues(self) -> tuple[MacaqueHomologue, ...]:
        """Return which nodes stand for macaque areas; empty in older snapshots."""
        return self._optional("macaque_homologues.csv", _macaque_homologue)

    def tracer_fractions(self) -> tuple[TracerFraction, ...]:
        """Return counted tracer data among the homologues of the nodes, likewise."""
        return self._optional("tracer_fractions.csv", _tracer_fraction)

    def version_overlaps(self) -> tuple[VersionOverlap, ...]:
        """Return how far nodes are the same place in both versions, likewise."""
        read = partial(_record, VersionOverlap)
        return self._optional("version_overlap.csv", read)

    @cached_property
    def _regions(self) -> tuple[RegionRecord, ...]:
        return self._parse("regions.csv", _region)

    @cached_property
    def _economo_areas(self) -> dict[str, EconomoArea]:
        areas = self._parse("economo_areas.csv", partial(_record, EconomoArea))
        return {area.symbol: area for area in areas}

    @cached_property
    def _homologues(self) -> dict[str, Homologue]:
        rows = self._parse("homologues.csv", _homologue)
        return {row.region: row for row in rows}

    @cached_property
    def _node_table(self) -> tuple[NodeRecord, ...]:
        return self._parse("hand_network_regions.csv", _node)

    @cached_property
    def _pathways(self) -> tuple[PathwayRecord, ...]:
        return self._parse("hand_network_pathways.csv", partial(_record, PathwayRecord))

    @cached_property
    def _connections(self) -> Connections:
        rows = [r.connectome_row for r in self._regions if r.connectome_row is not None]
        lines = self._texts["connections.csv"].splitlines()[1:]
        # An empty field is missing; numpy reads only numbers.
        table = np.loadtxt(
            [f"{line}nan" if line.endswith(",") else line for line in lines],
            delimiter=",",
            ndmin=2,
        )
        i, j = table[:, 0].astype(int), table[:, 1].astype(int)
        count = np.zeros((len(rows), len(rows)))
        length_mm = np.full_like(count, np.nan)
        count[i, j] = count[j, i] = table[:, 2]
        length_mm[i, j] = length_mm[j, i] = table[:, 3]
        return Connections(count, length_mm)

    def _layers(self, name: str, key: str) -> dict[str, tuple[LayerRecord, ...]]:
        """Return the layers of a table by their area."""
        layers: dict[str, list[LayerRecord]] = {}
        if name in self._texts:
            rows = self._parse(name, lambda r: (r[key], _record(LayerRecord, r)))
            for area, layer in rows:
                layers.setdefault(area, []).append(layer)
        return {area: tuple(listed) for area, listed in layers.items()}

    def _optional(self, name: str, read: Callable[[_Row], _T]) -> tuple[_T, ...]:
        """Return the rows of a table that a snapshot may lack."""
        return self._parse(name, read) if name in self._texts else ()

    def _parse(self, name: str, read: Callable[[_Row], _T]) -> tuple[_T, ...]:
        """Return the rows of a table as records."""
        reader = csv.DictReader(io.StringIO(self._texts[name]))
        try:
            return tuple(read(row) for row in reader)
        except (AtlasError, KeyError, TypeError, ValueError) as error:
            raise SnapshotError(
                f"Line {reader.line_num} of '{self._folder / name}' is not what it "
                f"should be: {error!r}. {_REMEDY}"
            ) from error


def _opened(place: Path | str) -> Traversable:
    """Return a snapshot's folder, or what a snapshot file has inside."""
    place = Path(place)
    if not place.is_file():
        return place
    try:
        return zipfile.Path(place)
    except zipfile.BadZipFile as error:
        raise SnapshotError(
            f"'{place}' is no snapshot: neither a folder nor a file that 'atlasnet "
            f"snapshot' wrote ({error})."
        ) from error


def _read_manifest(folder: Traversable) -> dict[str, Any]:
    """Return the manifest of a snapshot, checked for what reading needs of it."""
    path = folder / MANIFEST
    if not path.is_file():
        raise SnapshotError(
            f"There is no snapshot in '{folder}': it lacks '{MANIFEST}'. {_REMEDY}"
        )
    try:
        manifest = json.loads(path.read_bytes())
        version = manifest["schema_version"]
        if version == SNAPSHOT_VERSION:
            _touch_needed(manifest)
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotError(
            f"The manifest '{path}' is corrupt: {error!r}. {_REMEDY}"
        ) from error
    if version != SNAPSHOT_VERSION:
        raise SnapshotError(
            f"The snapshot in '{folder}' has schema version {version!r}, but this "
            f"version of atlasnet reads {SNAPSHOT_VERSION}. Compile it again with "
            "'atlasnet snapshot', or use the version of atlasnet that made it."
        )
    return cast(dict[str, Any], manifest)


def _touch_needed(manifest: Mapping[str, Any]) -> None:
    """Look up all that reading needs of a manifest; a KeyError says what it lacks."""
    for name in ("name", "connections", "volumes", "space"):
        manifest["atlas"][name]
    for table in TABLES:
        if table.name in manifest["files"] or not table.is_optional:
            manifest["files"][table.name]["sha256"]
    manifest["date"]


def _read_verified(folder: Traversable, name: str, manifest: Mapping[str, Any]) -> str:
    """Return the text of a table whose checksum is that of the manifest."""
    path = folder / name
    if not path.is_file():
        raise SnapshotError(f"The snapshot lacks '{path}'. {_REMEDY}")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    recorded = manifest["files"][name]["sha256"]
    if found != recorded:
        raise SnapshotError(
            f"'{path}' is corrupt or was edited: its checksum is {found[:12]}..., but "
            f"'{MANIFEST}' has {recorded[:12]}.... {_REMEDY}"
        )
    return content.decode("utf-8")


_OF_TYPE: Mapping[Any, Callable[[str], Any]] = {
    bool: lambda text: text == "true",
    float: float,
    float | None: lambda text: float(text) if text else None,
    int | None: lambda text: int(text) if text else None,
    str | None: lambda text: text or None,
    int: int,
    Direction | None: lambda text: text or None,
}
"""How a cell is read into a field of a type; into one of another type, as it stands."""


def _record(kind: type[_T], row: _Row, **own: Any) -> _T:
    """Return the record of a row: each field but `own` from the column of its name."""
    record: Any = kind
    types = {f.name: f.type for f in fields(record) if f.name not in own}
    read = {name: _OF_TYPE.get(of, str)(row[name]) for name, of in types.items()}
    return kind(**own, **read)


def _region(row: _Row) -> RegionRecord:
    places = [float(row[axis]) for axis in ("x_mm", "y_mm", "z_mm") if row["x_mm"]]
    return _record(
        RegionRecord,
        row,
        hierarchy=tuple(row["hierarchy"].split(" > ")),
        centroid_mm=tuple(places) or None,
        overlap_areas=_shares(row["overlap_areas"]),
        own_density_per_mm3=None,
        own_density_rule=None,
        own_cortical_type=None,
    )


def _shares(text: str) -> tuple[tuple[str, float], ...]:
    """Return areas and shares from text like ``PB:0.35;PA:0.34``."""
    pairs = (part.rpartition(":") for part in text.split(";") if part)
    return tuple((symbol, float(share)) for symbol, _, share in pairs)


def _homologue(row: _Row) -> Homologue:
    symbols = tuple(row["economo"].split("+"))
    return _record(Homologue, row, economo_symbols=symbols)


def _node(row: _Row) -> NodeRecord:
    return _record(
        NodeRecord,
        row,
        julich_2_9=tuple(row["julich_2_9"].split(";")),
        julich_3_1=tuple(row["julich_3_1"].split(";")),
        economo_symbols=tuple(row["economo"].split("+")),
    )


def _macaque_homologue(row: _Row) -> MacaqueHomologue:
    return _record(MacaqueHomologue, row, nodes=_listed(row["node"]))


def _tracer_fraction(row: _Row) -> TracerFraction:
    ends = {"sources": _listed(row["source"]), "targets": _listed(row["target"])}
    return _record(TracerFraction, row, **ends)


def _listed(text: str) -> tuple[str, ...]:
    """Return the names that ``;`` joins; none of an empty text."""
    return tuple(filter(None, text.split(";")))
