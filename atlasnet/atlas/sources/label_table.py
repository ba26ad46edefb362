# SPDX-License-Identifier: Apache-2.0
"""The label table of a user's atlas: which label is which region."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from atlasnet.atlas.naming import side_of, without_side
from atlasnet.atlas.sources.hierarchy import SYSTEMS
from atlasnet.atlas.sources.user_table import read_rows, require_column, whole
from atlasnet.errors import AtlasError, closest
from atlasnet.graph.graph import Hemisphere

__all__ = ["LabelRow", "read_label_table", "read_labels"]

_LABEL_COLUMNS = ("label", "index", "id")
_SIDE_COLUMNS = ("hemisphere", "hemi", "side")
_SIDES: Mapping[str, Hemisphere] = {
    "left": "left",
    "l": "left",
    "lh": "left",
    "right": "right",
    "r": "right",
    "rh": "right",
}


def read_label_table(path: Path) -> dict[str, int]:
    """Return the label of every region of a label table.

    Parameters
    ----------
    path : Path
        The table, as `TableSource` takes it.

    Returns
    -------
    dict of str to int
        Label by name, with the hemisphere at its end.

    Raises
    ------
    AtlasError
        If the table is not what it should be.
    """
    return {row.name: row.label for row in read_labels(path)}


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A row of the label table."""

    label: int
    given: str
    """Name as the file has it."""
    name: str
    """Name with the hemisphere at its end."""
    hemisphere: Hemisphere
    system: str
    parent: str
    is_isocortex: bool


def _system(text: str, where: str) -> str:
    """Return the part of the brain that a cell names; nothing where it is empty."""
    system = text.casefold()
    if system and system not in SYSTEMS:
        raise AtlasError(
            f"{where}: the system is '{text}', which is no part of the brain that is "
            f"known here.{closest(system, SYSTEMS)} Allowed: {', '.join(SYSTEMS)}; or "
            "nothing."
        )
    return system


def read_labels(path: Path) -> list[LabelRow]:
    """Read the label table."""
    table = read_rows(path, "label table")
    columns = list(table[0])
    label_column = require_column(columns, _LABEL_COLUMNS, path)
    require_column(columns, ("name",), path)
    side_column = next((c for c in _SIDE_COLUMNS if c in columns), None)
    rows = []
    for line, cells in enumerate(table, start=2):
        where = f"Line {line} of '{path}'"
        label = whole(cells[label_column], f"{where}: the label")
        if label == 0:  # what lies outside all regions
            continue
        side = side_of(cells["name"])
        if side_column is not None and cells[side_column]:
            side = _SIDES.get(cells[side_column].casefold())
        if side is None or not cells["name"]:
            raise AtlasError(
                f"{where}: a region has a name and a hemisphere, left or right, in a "
                f"column 'hemisphere' or at the end of the name; got {cells}."
            )
        isocortex = cells.get("is_isocortex", "").casefold() not in ("false", "no", "0")
        system = _system(cells.get("system", ""), where)
        system = system or ("other cortex" if isocortex else "subcortical")
        name = f"{without_side(cells['name'])} {side}"
        rows.append(
            LabelRow(
                *(label, cells["name"], name, side),
                *(system, cells.get("parent", ""), isocortex),
            )
        )
    for what in ("label", "name"):
        values = [getattr(row, what) for row in rows]
        twice = [value for value in values if values.count(value) > 1]
        if twice:
            raise AtlasError(f"The label table '{path}' has {what} '{twice[0]}' twice.")
    return rows
