# SPDX-License-Identifier: Apache-2.0
"""A user's table: rows of a CSV or TSV file, and numbers in its cells."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from atlasnet.errors import AtlasError, closest

__all__ = ["positive", "read_rows", "require_column", "whole"]


def read_rows(path: Path, what: str) -> list[dict[str, str]]:
    """Return the rows of a CSV or TSV file, with the columns in small letters."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AtlasError(f"The {what} '{path}' cannot be read: {error}.") from error
    lines = text.splitlines()
    if not lines:
        raise AtlasError(f"The {what} '{path}' is empty: it has no column.")
    delimiter = next((d for d in "\t;" if d in lines[0]), ",")
    reader = csv.DictReader(lines, delimiter=delimiter)
    rows = [
        {
            (key or "").strip().casefold(): (value or "").strip()
            for key, value in row.items()
            if not isinstance(value, list)
        }
        for row in reader
    ]
    if not rows:
        raise AtlasError(f"The {what} '{path}' has no row, but a header: {lines[0]}")
    return rows


def require_column(columns: Sequence[str], wanted: Sequence[str], path: Path) -> str:
    """Return the first of some columns that is there."""
    for name in wanted:
        if name in columns:
            return name
    raise AtlasError(
        f"'{path}' has no column '{wanted[0]}'; it has {', '.join(columns)}."
        f"{closest(wanted[0], columns)}"
    )


def whole(text: str, what: str) -> int:
    """Return a whole number of at least 0."""
    value = _number(text)
    if not (value >= 0 and value == int(value)):
        raise AtlasError(f"{what} is a whole number of at least 0, got '{text}'.")
    return int(value)


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
