# SPDX-License-Identifier: Apache-2.0
"""Write a snapshot: its tables, and what follows from them.

The manifest holds a checksum per table; ``README.md`` describes every column and
``LICENSES.md`` where each table is from.
"""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

from atlasnet.atlas.sources.tables import (
    MANIFEST,
    TABLES,
    render_manifest,
    render_table,
)
from atlasnet.files import write_text

__all__ = ["write_tables"]

Row = Mapping[str, object]

_ATLAS = {
    "name": "Julich-Brain",
    "connections": "2.9",
    "volumes": "3.1",
    "space": "MNI ICBM 152 2009c nonlinear asymmetric",
}


def write_tables(
    contents: Mapping[str, Sequence[Row]],
    out: Path | str,
    date: datetime.date | None,
) -> None:
    """Write the tables and what follows from them.

    Parameters
    ----------
    contents : mapping of str to sequence of mapping
        Rows of every table by its name.
    out : Path or str
        Folder to write to.
    date : datetime.date or None
        Date that the manifest states; today if None.
    """
    out = Path(out)
    date = date or datetime.datetime.now(tz=datetime.UTC).date()
    texts = {table.name: render_table(table, contents[table.name]) for table in TABLES}
    for name, text in texts.items():
        write_text(out / name, text)
    write_text(out / "README.md", _readme(contents, date))
    write_text(out / "LICENSES.md", _licences())
    write_text(out / MANIFEST, render_manifest(texts, _ATLAS, date))


def _readme(contents: Mapping[str, Sequence[Row]], date: datetime.date) -> str:
    """Return ``README.md``, which describes every column."""
    parts = [
        "# Snapshot of the atlas\n",
        f"Compiled on {date.isoformat()} by `atlasnet snapshot`. Read it with "
        "`atlasnet.SnapshotSource`,\nwhich verifies the checksums of "
        "`manifest.json`: don't edit the tables, compile them again. What is this "
        "project's own reading\n(`hand_network_pathways.csv`, "
        "`macaque_homologues.csv`) is edited here, and its checksums are renewed\nby "
        "`atlasnet snapshot --renew data`.\nAn empty field "
        "is a missing value. Sources and licences are in `LICENSES.md`.\n\n"
        "`atlasnet snapshot --from siibra` records what a live query returned: the "
        "same tables in one file,\nwith `recorded_from` in the manifest (siibra's "
        "version, cohort, subject, date). What is not\nsiibra's is copied from here; "
        "derived columns of the nodes stay empty.\n",
        _CAVEATS,
    ]
    for table in TABLES:
        n_rows = len(contents[table.name])
        parts.append(f"## `{table.name}` ({n_rows:,} rows)\n\n{table.title}\n")
        parts.append("| column | meaning |\n|---|---|")
        parts.append("\n".join(f"| `{c}` | {text} |" for c, text in table.columns))
        parts.append("")
    return "\n".join(parts)


_CAVEATS = """\
## Read this first

- **Two atlas versions.** Connections are of Julich-Brain 2.9, volumes of 3.1. Regions
  are matched by name without case and punctuation (270 of 294). Some parcels were
  redrawn between the versions (3b; every "GapMap", which lost what was mapped since),
  so never divide the streamline counts of 2.9 by the volumes of 3.1.
- **Missing values.** 24 of the 294 regions of the connectome have no namesake in 3.1
  and therefore no volume. Another 21 have no surface overlap with the von Economo
  map, and more lose theirs because they are not isocortex (`overlap_use`).
- **Volumes** are voxel counts of a maximum probability map in template space. Use
  them relative to each other.
- **Densities** are counts of 1925 in shrunken tissue. Use their ratios.
- **Streamlines** are not axons: tractography is symmetric, and a weak tract is not an
  absent projection. Subjects without a streamline entered the mean length as 0, so
  the lengths of weak edges are biased low.
"""


def _licences() -> str:
    """Return ``LICENSES.md``: licence and provenance of every table."""
    parts = [
        "# Licences and provenance of the snapshot\n",
        "The code of this project is Apache-2.0; **these data are not**. Volumes, "
        "centroids and overlap columns are CC BY-NC-SA 4.0:\nwhat is made from them "
        "may not be used commercially and is shared under the same licence.\n",
    ]
    for table in TABLES:
        parts.append(
            f"## `{table.name}`\n\nLicence: {table.licence}\n\n"
            f"Source: {table.source}\n\n{table.provenance}\n"
        )
    return "\n".join(parts)
