# SPDX-License-Identifier: Apache-2.0
"""The label table of a user's atlas: which label is which region."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from atlasnet.atlas.sources.hierarchy import SYSTEMS
from atlasnet.atlas.sources.user_table import (
    TableRow,
    positive,
    read_rows,
    require_column,
    whole,
)
from atlasnet.errors import AtlasError, closest, require_member
from atlasnet.graph.direction import CORTICAL_TYPES
from atlasnet.graph.graph import Hemisphere
from atlasnet.naming import normalised, side_of, without_side

__all__ = ["LabelRow", "Tissue", "read_label_table", "read_labels", "read_tissue"]

_LABEL_COLUMNS = ("label", "index", "id")
_SIDE_COLUMNS = ("hemisphere", "hemi", "side")
_YES = ("true", "yes", "1", "y", "t")
_NO = ("false", "no", "0", "n", "f")
_PLACE_COLUMNS = ("x_mm", "y_mm", "z_mm")
_SIDES: Mapping[str, Hemisphere] = {
    "left": "left",
    "l": "left",
    "lh": "left",
    "right": "right",
    "r": "right",
    "rh": "right",
}
_SIDE_WORDS = ("left", "right", "lh", "rh")
"""Words of a name that say its side; a letter may be the name of an area."""
_BACKGROUND = re.compile(
    r"(.*\b)?(background|unknown|unlabell?ed|outside|exterior|medial[ _]wall|"
    r"clear label|no label|none|bg|void)",
    re.IGNORECASE,
)
"""Names that programs give to what lies outside all regions."""


def read_label_table(path: Path | str) -> dict[str, int]:
    """Return the label of every region of a label table.

    Parameters
    ----------
    path : Path or str
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
    return {row.name: row.label or 0 for row in read_labels(path)}


@dataclass(frozen=True, slots=True)
class Tissue:
    """What a table says of a region's cells; None where it says nothing."""

    cell_density_per_mm3: float | None = None
    """Cells per mm3."""
    thickness_mm: float | None = None
    """Thickness of cortex, mm."""
    cortical_type: str | None = None
    """Type of cortex, from ``ALO`` to ``KO``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """A row of the label table."""

    label: int | None
    """None where the table has no labels, since there is no image."""
    given: str
    """Name as the file has it."""
    name: str
    """Name with the hemisphere at its end."""
    hemisphere: Hemisphere
    """Side of the brain."""
    system: str
    """Part of the brain."""
    parent: str
    """What it is a part of; empty if the table does not say."""
    is_isocortex: bool
    """Whether it has six layers."""
    volume_mm3: float | None
    """Volume, mm3, if the table states it."""
    centroid_mm: tuple[float, float, float] | None
    """Centroid in mm, likewise."""
    tissue: Tissue
    """Its cells."""
    where: str
    """File and line, for messages."""


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


def read_labels(path: Path | str, *, has_image: bool = True) -> list[LabelRow]:
    """Read the label table.

    Parameters
    ----------
    path : Path or str
        The table.
    has_image : bool, default=True
        Whether its labels are those of an image, so that it needs them.
    """
    path = Path(path)
    table = read_rows(path, "label table")
    columns = table[0].cells
    label_column = next((c for c in _LABEL_COLUMNS if c in columns), None)
    if has_image and label_column is None:
        require_column(table[0], _LABEL_COLUMNS, path)
    require_column(table[0], ("name",), path)
    rows = []
    for row in table:
        label = None
        if label_column is not None and (has_image or row.cells[label_column]):
            label = whole(row.cells[label_column], f"{row.where}: the label")
        if not (label == 0 and _is_background(row.cells["name"])):
            rows.append(_label_row(row, label))
    for what in ("label", "name"):
        values = [getattr(row, what) for row in rows]
        twice = [v for v in values if v is not None and values.count(v) > 1]
        if twice:
            raise AtlasError(f"The label table '{path}' has {what} '{twice[0]}' twice.")
    return rows


def read_tissue(row: TableRow) -> Tissue:
    """Return what a row says of a region's cells.

    Raises
    ------
    AtlasError
        If a number is not above 0, or there is no such cortical type.
    """
    cells, where = row.cells, row.where
    kind = cells.get("cortical_type") or None
    if kind is not None:
        require_member(f"{where}: cortical_type", kind, CORTICAL_TYPES, AtlasError)
    density, thickness = (
        positive(cells[column], f"{where}: {column}") if cells.get(column) else None
        for column in ("cell_density_per_mm3", "thickness_mm")
    )
    return Tissue(density, thickness, kind)


def _label_row(row: TableRow, label: int | None) -> LabelRow:
    """Return what a row says of a region."""
    cells, where = row.cells, row.where
    side = _side(row)
    isocortex = _is_isocortex(row)
    volume = cells.get("volume_mm3")
    system = _system(cells.get("system", ""), where)
    return LabelRow(
        label=label,
        given=cells["name"],
        name=f"{without_side(cells['name'])} {side}",
        hemisphere=side,
        system=system or ("other cortex" if isocortex else "subcortical"),
        parent=cells.get("parent", ""),
        is_isocortex=isocortex,
        volume_mm3=positive(volume, f"{where}: volume_mm3") if volume else None,
        centroid_mm=_place(row),
        tissue=read_tissue(row),
        where=where,
    )


def _side(row: TableRow) -> Hemisphere:
    """Return a region's hemisphere; its name and its columns say the same."""
    cells, where = row.cells, row.where
    name = cells["name"]
    stated = {c: cells[c] for c in _SIDE_COLUMNS if cells.get(c)}
    sides = {_SIDES.get(text.casefold()) for text in stated.values()}
    sides = sides or {side_of(name)}
    if None in sides or not name:
        raise AtlasError(
            f"{where}: a region has a name and a hemisphere, left or right, in a "
            f"column 'hemisphere' or at the end of the name; got {cells}."
        )
    words = {_SIDES[w] for w in normalised(name).split() if w in _SIDE_WORDS}
    end = side_of(name)
    if end is not None:
        sides.add(end)
    elif len(words) == 1:  # a name of both says nothing
        sides |= words
    if len(sides) > 1:
        said = " and ".join(f"'{text}' in '{c}'" for c, text in stated.items())
        raise AtlasError(
            f"{where}: the hemisphere contradicts itself: the region is called "
            f"'{name}', with {said}. Correct the name or the column."
        )
    return next(side for side in sides if side)


def _is_isocortex(row: TableRow) -> bool:
    """Return whether a region is isocortex, as it is where the table does not say."""
    text = row.cells.get("is_isocortex", "")
    said = text.casefold()
    if said and said not in (*_YES, *_NO):
        raise AtlasError(
            f"{row.where}: is_isocortex is one of {', '.join((*_YES, *_NO))}, or "
            f"nothing, got '{text}'.{closest(said, (*_YES, *_NO))}"
        )
    return said not in _NO


def _place(row: TableRow) -> tuple[float, float, float] | None:
    """Return a region's centroid in mm, None where the table has none."""
    texts = [row.cells.get(column, "") for column in _PLACE_COLUMNS]
    if not any(texts):
        return None
    try:
        x, y, z = map(float, texts)
    except ValueError:
        x = y = z = math.nan
    if not all(map(math.isfinite, (x, y, z))):
        raise AtlasError(
            f"{row.where}: a centroid is three numbers, in x_mm, y_mm and z_mm, got "
            f"{texts}."
        )
    return x, y, z


def _is_background(name: str) -> bool:
    """Tell whether a name is that of what lies outside all regions.

    Examples
    --------
    >>> _is_background("Background"), _is_background("???"), _is_background("V1")
    (True, True, False)
    """
    bare = without_side(name.replace("-", " ").replace("_", " ")).strip()
    return not re.search(r"\w", bare) or _BACKGROUND.fullmatch(bare) is not None
