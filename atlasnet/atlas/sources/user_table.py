# SPDX-License-Identifier: Apache-2.0
"""A user's table: rows of a CSV or TSV file, and numbers in its cells."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from atlasnet.atlas.sources.text_file import read_text
from atlasnet.errors import AtlasError, closest

__all__ = ["TableRow", "positive", "read_rows", "require_column", "whole"]


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row, and where it stands."""

    cells: Mapping[str, str]
    """Cells by column, in small letters."""
    where: str
    """File and line, for messages."""


def read_rows(path: Path | str, what: str) -> list[TableRow]:
    """Return the rows of a CSV or TSV file, with the columns in small letters.

    Empty lines are passed over, and those that begin with ``#``. Cells at the end of a
    row may be left out.

    Raises
    ------
    AtlasError
        If the file cannot be read, or two columns have one name, or a row has more
        cells than there are columns.
    """
    text = read_text(path, what)
    if text.lstrip().startswith("<"):
        raise AtlasError(
            f"The {what} '{path}' is XML (GIFTI, say), not a table. Write a row for "
            "each region, in CSV: label,name,hemisphere."
        )
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.startswith("#")
    ]
    if not lines:
        raise AtlasError(f"The {what} '{path}' is empty: it has no column.")
    header = lines[0][1]
    delimiter = next((d for d in "\t;" if d in header), ",")
    try:
        columns, *rows = csv.reader([line for _, line in lines], delimiter=delimiter)
    except csv.Error as error:
        message = f"The {what} '{path}' cannot be read: {error}."
        raise AtlasError(message) from error
    if not rows:
        raise AtlasError(f"The {what} '{path}' has no row, but a header: {header}")
    keys = [column.strip().casefold() for column in columns]
    _require_different(keys, f"The {what} '{path}'")
    where = [f"Line {number} of '{path}'" for number, _ in lines[1:]]
    if len(rows) != len(where):  # a cell in quotes goes over several lines
        where = [f"Row {number} of '{path}'" for number in range(1, len(rows) + 1)]
    return [
        TableRow(_cells(keys, row, place), place)
        for row, place in zip(rows, where, strict=True)
    ]


def _require_different(keys: Sequence[str], where: str) -> None:
    """Refuse two columns of one name; those without a name are never read."""
    twice = next((key for key in keys if key and keys.count(key) > 1), None)
    if twice is not None:
        raise AtlasError(
            f"{where} has {keys.count(twice)} columns '{twice}' (case does not count). "
            "Keep one of them."
        )


def _cells(keys: Sequence[str], row: Sequence[str], where: str) -> dict[str, str]:
    """Return cells by column; those that a row lacks are empty."""
    surplus = [cell for cell in row[len(keys) :] if cell.strip()]
    if surplus:
        raise AtlasError(
            f"{where} has {len(row)} cells for {len(keys)} columns; beyond them is "
            f"'{surplus[0]}'. Put a cell in quotes that holds what stands between "
            "cells, or name all columns in the first line."
        )
    cells = dict.fromkeys(keys, "")
    cells.update(zip(keys, (cell.strip() for cell in row), strict=False))
    return cells


def require_column(row: TableRow, wanted: Sequence[str], path: Path | str) -> str:
    """Return the first of some columns that is there."""
    for name in wanted:
        if name in row.cells:
            return name
    raise AtlasError(
        f"'{path}' has no column '{wanted[0]}'; it has {', '.join(row.cells)}."
        f"{closest(wanted[0], row.cells)} Name the columns in its first line."
    )


def whole(text: str, what: str) -> int:
    """Return a whole number of at least 0."""
    value = _number(text)
    if not (value >= 0 and value.is_integer()):
        raise AtlasError(f"{what} is a whole number of at least 0, got '{text}'.")
    return int(text) if text.isdecimal() else int(value)


def positive(text: str, what: str) -> float:
    """Return a number above 0."""
    value = _number(text)
    if not (math.isfinite(value) and value > 0):
        raise AtlasError(f"{what} is a number above 0, got '{text}'.")
    return value


def _number(text: str) -> float:
    """Return the number that a text is; one that is none is not a number."""
    try:
        return float(text)
    except ValueError:
        return math.nan
