# SPDX-License-Identifier: Apache-2.0
"""Compile a snapshot of the atlas from the files of its sources.

The result is a folder of plain tables, small enough to ship, with a manifest that
holds a checksum per table; :mod:`atlasnet.atlas.sources.snapshot` reads it.
"""

import csv
import datetime
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atlasnet.atlas.source import POOLED
from atlasnet.atlas.sources.hierarchy import is_isocortex, system_of
from atlasnet.atlas.sources.tables import (
    row_of,
)
from atlasnet.atlas.sources.tracers import (
    fraction_row,
    read_counts,
    tracer_fractions,
)
from atlasnet.atlas.sources.writing import write_tables
from atlasnet.errors import SnapshotError
from atlasnet.naming import normalised

__all__ = ["record_snapshot"]

Row = Mapping[str, object]

_CONNECTOME = "domhof2022-julich29-sc/julich29_connectome.npz"
_LEAVES_2_9 = "siibra-julich-hierarchy/julich_2.9_leaves.csv"
_LEAVES_3_1 = "siibra-julich-hierarchy/julich_3.1_leaves.csv"
_REGIONS_3_1 = "overlap/julich31_regions.csv"
_ECONOMO = "voneconomo/economo_areas.csv"
_ECONOMO_LAYERS = "voneconomo/economo_layers.csv"
_CORTICAL_TYPES = "voneconomo/economo_cortical_types_laminar_organization.csv"
_NODES = "hand-network/regions.csv"
_TRACERS = "macaque-hierarchy/raw_data"
_SOURCES = (
    _CONNECTOME,
    _LEAVES_2_9,
    _LEAVES_3_1,
    _REGIONS_3_1,
    _ECONOMO,
    _CORTICAL_TYPES,
    _NODES,
)
_CURATED = (
    "hand_network_pathways.csv",
    "macaque_homologues.csv",
    "tracer_fractions.csv",
    "version_overlap.csv",
)
"""Tables of this project's own reading and counting: the shipped ones are their
source."""


def record_snapshot(
    sources: Path | str, out: Path | str, date: datetime.date | None = None
) -> None:
    """Compile the snapshot from source files and write it to a folder.

    Parameters
    ----------
    sources : Path or str
        Folder of the source files, one folder per source (connectome, hierarchy,
        overlap, von Economo's tables, nodes of the hand network, and counts of
        tracers if they are to be computed anew). Pathways and macaque homologues are
        the project's own reading and are taken from the shipped tables.
    out : Path or str
        Folder to write the tables, ``manifest.json``, ``README.md`` and
        ``LICENSES.md`` to. Files of other names in it are left alone.
    date : datetime.date, optional
        Date that the manifest states; today by default.

    Raises
    ------
    SnapshotError
        If a source file is missing or its content is not what it should be.
    """
    sources, out = Path(sources), Path(out)
    for name in _SOURCES:
        if not (sources / name).is_file():
            raise SnapshotError(
                f"The folder '{sources}' lacks '{name}', from which the snapshot is "
                f"made. It needs: {', '.join(_SOURCES)}."
            )
    write_tables(_compile(sources), out, date)


def _compile(sources: Path) -> dict[str, Sequence[Row]]:
    """Return the rows of every table of the snapshot."""
    connectome = _Connectome.load(sources / _CONNECTOME)
    regions = _regions(sources, connectome.regions)
    nodes = [_node(row) for row in _read(sources / _NODES)]
    return {
        "regions.csv": regions,
        "connections.csv": connectome.rows(),
        "economo_areas.csv": _economo_areas(sources),
        "economo_layers.csv": _economo_layers(sources),
        "measured_layers.csv": [],
        "homologues.csv": _homologues(nodes, regions),
        "hand_network_regions.csv": nodes,
        **{name: _shipped(name) for name in _CURATED},
        **_fractions(sources / _TRACERS),
    }


def _shipped(name: str) -> Sequence[Row]:
    """Return the rows of a shipped table."""
    text = (files("atlasnet.data") / name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def _fractions(folder: Path) -> dict[str, Sequence[Row]]:
    """Return the table of tracer fractions if their counts are there."""
    if not folder.is_dir():
        return {}
    nodes_of = {
        str(row["area"]): tuple(filter(None, str(row["node"]).split(";")))
        for row in _shipped("macaque_homologues.csv")
    }
    found = tracer_fractions(read_counts(folder), nodes_of)
    return {"tracer_fractions.csv": [fraction_row(each) for each in found]}


_SPELT = {
    "julich_2_9": "julich29",
    "julich_3_1": "julich31",
    "x_mm": "x",
    "y_mm": "y",
    "z_mm": "z",
}
"""Columns of the hand network, and what its files call them."""


@dataclass(frozen=True, slots=True)
class _Connectome:
    """The connectome as its source has it: a length of 0 is missing."""

    regions: tuple[str, ...]
    counts: NDArray[np.float32]
    lengths_mm: NDArray[np.float32]

    @classmethod
    def load(cls, path: Path | str) -> "_Connectome":
        """Read and check the connectome."""
        with np.load(path, allow_pickle=False) as file:
            regions = tuple(map(str, file["regions"]))
            counts, lengths_mm = file["counts"], file["lengths_mm"]
        shape = (len(regions), len(regions))
        for name, values in (("counts", counts), ("lengths_mm", lengths_mm)):
            is_valid = values.shape == shape and np.isfinite(values).all()
            if not (is_valid and (values >= 0).all() and (values == values.T).all()):
                raise SnapshotError(
                    f"'{name}' of '{path}' is not a symmetric matrix of {shape} "
                    "numbers of at least 0. Fetch the file again."
                )
        return cls(regions, counts, lengths_mm)

    def rows(self) -> list[Row]:
        """Return the pairs that streamlines join, i <= j."""
        i_regions, j_regions = np.nonzero(np.triu(self.counts))
        return [
            {
                "i": int(i),
                "j": int(j),
                "streamline_count": _shortest(self.counts[i, j]),
                "length_mm": _shortest(self.lengths_mm[i, j]) or None,
            }
            for i, j in zip(i_regions, j_regions, strict=True)
        ]


def _shortest(value: np.float32) -> str:
    """Return the shortest text that reads back as the same float32; '' for 0."""
    return np.format_float_positional(value, trim="-") if value else ""


def _regions(sources: Path, connectome: Sequence[str]) -> list[Row]:
    """Return the union of both atlas versions' mapped regions."""
    places = {
        "2.9": _Hierarchy.load(sources / _LEAVES_2_9),
        "3.1": _Hierarchy.load(sources / _LEAVES_3_1),
    }
    measured = {normalised(row["region"]): row for row in _read(sources / _REGIONS_3_1)}
    rows: list[Row] = []
    for i, name in enumerate(connectome):
        row = measured.pop(normalised(name), None)
        rows.append(
            _region(name, None if row is None else row["region"], row, i, places)
        )
    rows.extend(
        _region(None, row["region"], row, None, places) for row in measured.values()
    )
    return rows


@dataclass(frozen=True, slots=True)
class _Hierarchy:
    """Paths of all regions of one atlas version, inner nodes of the tree included."""

    path_of: dict[str, tuple[str, ...]]
    id_prefix: str

    @classmethod
    def load(cls, path: Path | str) -> "_Hierarchy":
        """Read the leaves and add the regions above them.

        Some mapped regions are no leaves, e.g. "CM (Amygdala) left", whose subdivisions
        are. Their ids follow from their names, which is checked on the leaves.
        """
        path_of: dict[str, tuple[str, ...]] = {}
        rows = _read(path)
        prefix = rows[0]["region_id"].removesuffix(rows[0]["region_key"])
        for row in rows:
            names = row["path"].split(" > ")
            for depth, name in enumerate(names):
                path_of.setdefault(name, tuple(names[: depth + 1]))
            if row["region_id"] != prefix + _key(row["region_name"]):
                raise SnapshotError(
                    f"The id of '{row['region_name']}' in '{path}' does not follow "
                    f"from its name: {row['region_id']}."
                )
        return cls(path_of, prefix)

    def place(self, name: str) -> tuple[str, ...]:
        """Return the path from below the atlas itself to above the region."""
        # The last two names are the region without and with its hemisphere. One level
        # of 2.9 has no name.
        return tuple(filter(None, self.path_of[name][1:-2]))

    def siibra_id(self, name: str) -> str:
        """Return the id that siibra gives the region."""
        return self.id_prefix + _key(name)


def _key(name: str) -> str:
    """Return a region's name as siibra writes it in ids."""
    return re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")


def _region(
    old: str | None,
    new: str | None,
    row: Mapping[str, str] | None,
    connectome_row: int | None,
    places: Mapping[str, _Hierarchy],
) -> Row:
    """Return a row of ``regions.csv``."""
    name = old or new or ""
    # Volumes and densities are of 3.1, so its hierarchy decides where there is one.
    place = places["3.1" if new else "2.9"].place(new or name)
    isocortex = is_isocortex(place)
    overlap = {} if row is None else row
    use = "none"
    if overlap.get("economo_density_overlap"):
        use = "used" if isocortex else "outside isocortex"
    kept = overlap if use == "used" else {}
    return {
        "name": name,
        "hemisphere": name.rsplit(" ", 1)[-1],
        "julich_2_9": old,
        "julich_3_1": new,
        "siibra_id_2_9": old and places["2.9"].siibra_id(old),
        "siibra_id_3_1": new and places["3.1"].siibra_id(new),
        "hierarchy": " > ".join(place),
        "system": system_of(name, place),
        "is_isocortex": str(isocortex).lower(),
        "volume_mm3": overlap.get("volume_mm3"),
        "x_mm": overlap.get("x"),
        "y_mm": overlap.get("y"),
        "z_mm": overlap.get("z"),
        "overlap_density_per_mm3": kept.get("economo_density_overlap"),
        "overlap_thickness_mm": kept.get("economo_thickness_overlap"),
        "overlap_areas": kept.get("economo_overlap"),
        "overlap_use": use,
        "connectome_row": connectome_row,
    }


def _economo_areas(sources: Path) -> list[Row]:
    """Return von Economo's areas with their cortical types."""
    typed = _read(sources / _CORTICAL_TYPES)
    types = {row["Label"]: row["CorticalType"] for row in typed}
    pooled = {part: whole for whole, parts in POOLED.items() for part in parts}
    rows: list[Row] = []
    for row in _read(sources / _ECONOMO):
        symbol = row["ascii_symbol"]
        kind = types.get(pooled.get(symbol, symbol))
        known = {**row, "symbol": symbol, "cortical_type": kind}
        rows.append(row_of("economo_areas.csv", known))
    return rows


def _economo_layers(sources: Path) -> list[Row]:
    """Return the layers of von Economo's areas; none if their file is not there.

    A layer's thickness and mean content stand on the first row of its sublayers. Rows
    without both belong to that layer, or to one that was not counted.
    """
    if not (sources / _ECONOMO_LAYERS).is_file():
        return []
    ascii_of = {row["symbol"]: row["ascii_symbol"] for row in _read(sources / _ECONOMO)}
    counted: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in _read(sources / _ECONOMO_LAYERS):
        thickness = row["layer_thickness_mm"]
        content = row["layer_mean_cell_content_per_mm3"]
        numeral = re.match(r"VI|IV|V|I{1,3}", row["sublayer"])
        if numeral and not {"", "-"} & {thickness, content}:
            layers = counted.setdefault(ascii_of[row["symbol"]], {})
            layers.setdefault(numeral[0], []).append((float(thickness), float(content)))
    rows: list[Row] = []
    for symbol, layers in counted.items():
        total_mm = sum(mm for parts in layers.values() for mm, _ in parts)
        for layer, parts in layers.items():
            layer_mm = sum(mm for mm, _ in parts)
            density = sum(mm * d for mm, d in parts) / layer_mm
            rows.append(
                {
                    "symbol": symbol,
                    "layer": layer,
                    "cell_density_per_mm3": round(density, 1),
                    "share": round(layer_mm / total_mm, 4),
                }
            )
    return rows


def _node(row: Mapping[str, str]) -> Row:
    return row_of("hand_network_regions.csv", _respelt(row))


def _respelt(row: Mapping[str, str]) -> Row:
    """Return a row of the hand network's files, columns in our words, too."""
    spelt = {ours: row[theirs] for ours, theirs in _SPELT.items() if theirs in row}
    return {**row, **spelt}


def _homologues(nodes: Iterable[Row], regions: Iterable[Row]) -> list[Row]:
    """Return the node table's homologues for each region that is part of a node."""
    name_of = {row["julich_3_1"]: row["name"] for row in regions}
    rows: list[Row] = []
    for node in nodes:
        connected = str(node["julich_2_9"]).split(";")
        measured = [str(name_of[part]) for part in str(node["julich_3_1"]).split(";")]
        rows.extend(
            {
                "region": part,
                "node": node["node"],
                "economo": node["economo"],
                "is_whole_node": str(connected == [part]).lower(),
            }
            for part in dict.fromkeys((*connected, *measured))
        )
    return rows


def _read(path: Path | str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
