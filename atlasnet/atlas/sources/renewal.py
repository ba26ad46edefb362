# SPDX-License-Identifier: Apache-2.0
"""Renew a snapshot whose tables were edited on purpose."""

import csv
import datetime
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.atlas.sources.tables import TABLES, Table, note_licence
from atlasnet.atlas.sources.writing import write_tables
from atlasnet.errors import SnapshotError, closest

__all__ = ["renew_snapshot"]

Row = Mapping[str, object]


def renew_snapshot(folder: Path | str, date: datetime.date | None = None) -> None:
    """Renew the checksums of a snapshot whose tables were edited on purpose.

    Every table is read and checked first; ``README.md``, ``LICENSES.md``, the licences
    of notes and ``manifest.json`` follow from the tables.

    Parameters
    ----------
    folder : Path or str
        Folder of the snapshot.
    date : datetime.date, optional
        Date that the manifest states; today by default.

    Raises
    ------
    SnapshotError
        If a table is missing, or a row is not what it should be.
    """
    folder = Path(folder)
    contents: dict[str, Sequence[Row]] = {}
    for table in TABLES:
        if not (folder / table.name).is_file():
            raise SnapshotError(
                f"The folder '{folder}' lacks '{table.name}', so it holds no snapshot "
                "to renew. Give the folder of all tables, 'data' of this project say."
            )
        contents[table.name] = _checked_rows(folder / table.name, table)
    contents["hand_network_pathways.csv"] = [
        {**row, "note_licence": note_licence(str(row["note"]))}
        for row in contents["hand_network_pathways.csv"]
    ]
    with tempfile.TemporaryDirectory() as trial:
        write_tables(contents, Path(trial), date)
        _read_all(SnapshotSource(trial), folder)
    write_tables(contents, folder, date)


def _checked_rows(path: Path, table: Table) -> Sequence[Row]:
    """Return the rows of an edited table, whose columns are still the table's."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for i, row in enumerate(rows, start=2):
        if tuple(row) != table.column_names or None in row.values():
            raise SnapshotError(
                f"Row {i} of '{path}' does not have the columns "
                f"{', '.join(table.column_names)}. Quote a cell that has a comma."
            )
    return rows


def _read_all(source: SnapshotSource, folder: Path) -> None:
    """Read every record, so that an invalid one is refused before it is signed."""
    source.regions(), source.connections(), source.economo_areas()
    source.economo_layers(), source.measured_layers(), source.homologues()
    source.tracer_fractions()
    known = {node.node for node in source.node_table()}
    for overlap in source.version_overlaps():
        where = f"The overlap of {overlap.node} {overlap.hemisphere}"
        _require_nodes(where, [overlap.node], known, folder)
    for homologue in source.macaque_homologues():
        _require_nodes(f"Macaque area {homologue.area}", homologue.nodes, known, folder)
    seen: set[tuple[str, str]] = set()
    for pathway in source.pathways():
        ends = pathway.source, pathway.target
        where = f"The pathway {ends[0]} -> {ends[1]}"
        _require_nodes(where, ends, known, folder)
        if ends in seen:
            raise SnapshotError(f"{where} has two rows in '{folder}'. Keep one.")
        seen.add(ends)


def _require_nodes(
    where: str, nodes: Iterable[str], known: Collection[str], folder: Path
) -> None:
    """Refuse a name that is no node of the hand network."""
    for node in nodes:
        if node not in known:
            raise SnapshotError(
                f"{where} in '{folder}' names '{node}', which is no node of the hand "
                f"network.{closest(node, sorted(known))}"
            )
