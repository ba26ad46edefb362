# SPDX-License-Identifier: Apache-2.0
"""A matrix of regions, and the text that programs write one as."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from atlasnet.errors import AtlasError, listed

__all__ = ["LabelledMatrix", "parse_matrix", "without_missing"]

Matrix = NDArray[np.float64]
Line = tuple[int, list[str]]
"""A line's number in its file, and its cells."""

_REMARKS = ("#", "%")
"""What a remark begins with: MRtrix and NumPy write ``#``, MATLAB's programs ``%``."""
_THREE_DIGITS = re.compile(r"[+-]?\d+,\d{3}")
_NONE = "n/a"
"""How BIDS writes that there is no number: here, no connection."""


@dataclass(frozen=True, slots=True)
class LabelledMatrix:
    """A square matrix whose rows and columns are regions.

    Raises
    ------
    AtlasError
        If it is not square, or has another number of names, or values that cannot be.
    """

    values: Matrix
    """Shape (n, n), from row to column."""
    names: tuple[str, ...] | None
    """Of rows and columns; None if the file has none."""
    where: str
    """The file, for messages."""
    lines: tuple[int, ...] = ()
    """Line of each row in the file, for messages, where it has lines."""
    assumed: tuple[str, ...] = ()
    """What the file leaves open and was assumed, each in words."""

    def __post_init__(self) -> None:
        shape = self.values.shape
        if len(shape) != 2 or shape[0] != shape[1]:
            rows = " x ".join(map(str, shape))
            raise AtlasError(
                f"The matrix of {self.where} is not square: {rows}. A connectome has a "
                "row and a column for each region."
            )
        if self.names is not None and len(self.names) != shape[0]:
            raise AtlasError(
                f"{self.where} has {len(self.names)} names for {shape[0]} rows."
            )
        bad = ~np.isfinite(self.values) | (self.values < 0)
        if bad.any():
            i, j = (int(k) for k in np.argwhere(bad)[0])
            line = f"line {self.lines[i]}; " if self.lines else ""
            raise AtlasError(
                f"The matrix of {self.where} holds numbers of at least 0, got "
                f"{self.values[i, j]} in row {i + 1}, column {j + 1} ({line}"
                f"{int(bad.sum())} such in all). Write 0 where there is no "
                "connection; of correlations, decide what counts as one."
            )

    def ordered(self, names: tuple[str, ...]) -> Matrix:
        """Return the values in the order of some names.

        Raises
        ------
        AtlasError
            If the matrix is of other regions.
        """
        if self.names is None:
            if len(names) != len(self.values):
                raise AtlasError(
                    f"{self.where} has no names and {len(self.values)} rows, but the "
                    f"label table has {len(names)} regions. Give the matrix a header "
                    "and a first column of names."
                )
            return self.values
        index = {name: i for i, name in enumerate(self.names)}
        if len(index) < len(self.names):
            twice = next(n for n in self.names if self.names.count(n) > 1)
            raise AtlasError(f"{self.where} has '{twice}' twice.")
        lacking = [name for name in names if name not in index]
        foreign = [name for name in self.names if name not in set(names)]
        if lacking or foreign:
            parts = [
                f"{what} {listed(map(repr, others))}"
                for what, others in (("lacks", lacking), ("has also", foreign))
                if others
            ]
            raise AtlasError(
                f"{self.where} is of other regions than the label table: it "
                f"{' and '.join(parts)}."
            )
        order = [index[name] for name in names]
        return self.values[np.ix_(order, order)]

    @property
    def is_triangular(self) -> bool:
        """Whether all numbers off the diagonal are on one side of it, as MRtrix has."""
        below = bool(np.tril(self.values, -1).any())
        return below != bool(np.triu(self.values, 1).any())

    def mirrored(self) -> Self:
        """Return the matrix with one triangle's numbers in the other too."""
        own = np.diag(np.diagonal(self.values))
        return replace(self, values=self.values + self.values.T - own)

    def symmetrized(self) -> Self:
        """Return the mean of both directions of a matrix that is symmetric to rounding.

        Raises
        ------
        AtlasError
            If it differs by direction.
        """
        if not np.allclose(self.values, self.values.T, rtol=1e-5, atol=1e-8):
            apart = np.abs(self.values - self.values.T)
            i, j = (int(k) for k in np.unravel_index(apart.argmax(), apart.shape))
            raise AtlasError(
                f"The matrix of {self.where} is not symmetric, as was promised: row "
                f"{i + 1}, column {j + 1} is {self.values[i, j]:g}, the reverse is "
                f"{self.values[j, i]:g}. Say symmetric=False (--directed) if rows "
                "project to columns."
            )
        return replace(self, values=(self.values + self.values.T) / 2.0)


def parse_matrix(text: str, where: str, *, may_lack: bool = False) -> LabelledMatrix:
    r"""Return the matrix that a text holds.

    Parameters
    ----------
    text : str
        Values between tabs, semicolons, commas or blanks, with names in the first row,
        in the first column, in both or in none. Lines that begin with ``#`` or ``%``
        are remarks, empty lines are passed over, ``n/a`` is no connection. A comma
        within a cell marks decimals; where each could as well mark thousands, the
        matrix says that this was assumed.
    where : str
        The file, for messages.
    may_lack : bool, default=False
        Whether numbers may be missing: NaN then becomes 0.

    Returns
    -------
    LabelledMatrix
        The matrix; NaN on its diagonal is 0.

    Raises
    ------
    AtlasError
        If the text is none.

    Examples
    --------
    >>> parse_matrix("# by MRtrix\n0 3\n0 0\n", "a file").values.tolist()
    [[0.0, 3.0], [0.0, 0.0]]
    """
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith(_REMARKS)
    ]
    if not lines:
        raise AtlasError(f"The matrix {where} is empty.")
    rows, decimal = _cells(lines, where)
    names, rows = _names_and_rows(rows, where)
    width = len(rows[0][1]) if rows else 0
    for number, cells in rows:
        if len(cells) != width:
            raise AtlasError(
                f"The matrix of {where} is not square: line {number} has {len(cells)} "
                f"values, line {rows[0][0]} has {width}. Write all of its values, 0 "
                "where there is no connection, and names with blanks in quotes."
            )
    values = [[_value(c, n, decimal, where) for c in cells] for n, cells in rows]
    shaped = np.array(values, dtype=np.float64).reshape(len(rows), width)
    found = without_missing(shaped, names, where, _numbers(rows), may_lack=may_lack)
    return replace(found, assumed=_assumed_of_commas(rows, where))


def without_missing(
    values: Matrix,
    names: tuple[str, ...] | None,
    where: str,
    lines: tuple[int, ...] = (),
    *,
    may_lack: bool,
) -> LabelledMatrix:
    """Return a matrix without the missing numbers that mean nothing."""
    if values.ndim == 2 and may_lack:
        values = np.where(np.isnan(values), 0.0, values)
    elif values.ndim == 2 and values.shape[0] == values.shape[1]:
        values = np.where(np.isnan(values) & np.eye(len(values), dtype=bool), 0, values)
    return LabelledMatrix(values, names, where, lines)


def _cells(lines: Sequence[tuple[int, str]], where: str) -> tuple[list[Line], str]:
    """Return the cells of the lines and the decimal mark, by what stands between them.

    Of the delimiters that are there, that is taken which gives rows of one length and
    numbers in the last; the first if none does.
    """
    there = [d for d in "\t;," if d in lines[0][1] or d in lines[-1][1]]
    found: list[tuple[list[Line], str]] = []
    for delimiter in (*there, " "):
        decimal = "." if delimiter == "," else ","
        try:
            rows = [(number, _split(line, delimiter)) for number, line in lines]
        except csv.Error as error:
            raise AtlasError(f"{where} is no table of numbers: {error}.") from error
        rows = _without_last_empty(rows)
        found.append((rows, decimal))
        widths = {len(cells) for _, cells in rows[1:]} or {len(rows[0][1])}
        numbers = rows[-1][1][1:] or rows[-1][1]
        if len(widths) == 1 and all(_number(c, decimal) is not None for c in numbers):
            return found[-1]
    return found[0]


def _assumed_of_commas(rows: Sequence[Line], where: str) -> tuple[str, ...]:
    """Return what is assumed of commas that may mark decimals or thousands.

    One that does not have three digits behind it tells that all mark decimals.
    """
    cells = [cell for _, row in rows for cell in row if "," in cell]
    if not cells or not all(map(_THREE_DIGITS.fullmatch, cells)):
        return ()
    example = max(cells, key=len)
    return (
        f"commas in {where} mark decimals, not thousands: '{example}' is "
        f"{float(example.replace(',', '.')):g}; write thousands without a mark",
    )


def _split(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line; several blanks are one."""
    if delimiter == " ":
        line = " ".join(line.split())
    row = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
    return [_unquoted(cell.strip()) for cell in row or [""]]


def _unquoted(cell: str) -> str:
    """Return a cell without single quotes around it; double ones are CSV's own."""
    is_quoted = len(cell) > 1 and cell[0] == cell[-1] == "'"
    return cell[1:-1].strip() if is_quoted else cell


def _without_last_empty(rows: list[Line]) -> list[Line]:
    """Return rows without a last cell that is empty in all: a delimiter at the end."""
    if all(len(cells) > 1 and not cells[-1] for _, cells in rows):
        return [(number, cells[:-1]) for number, cells in rows]
    return rows


def _names_and_rows(
    rows: list[Line], where: str
) -> tuple[tuple[str, ...] | None, list[Line]]:
    """Return the names that a table has, if it has any, and its rows without them."""
    first, rest = rows[0][1], rows[1:]
    is_header = not all(map(_is_number, first))
    if is_header and len(rows) == len(first) and _is_number(first[0]):
        is_header = False  # as many rows as columns: a value that is no number
    if not is_header and rest and len(rows) == len(rest[-1][1]) + 1 == len(first) + 1:
        is_header = True  # numbers that are labels
    is_named = [not _is_number(cells[0]) for _, cells in rows]
    if (
        all(is_named)
        and len(rows) == len(first) - 1
        and all(map(_is_number, first[1:]))
    ):
        return _first_column(rows), _without_first_column(rows)
    if not is_header:
        return None, rows
    width = len(rest[-1][1]) if rest else 0
    has_corner = width == len(first) and len(rest) == width - 1
    if width == len(first) and not has_corner and not all(is_named[1:]):
        return tuple(first), rest
    names = tuple(first if width == len(first) + 1 else first[1:])
    own = _first_column(rest)
    for (number, _), name, other in zip(rest, own, names, strict=False):
        if name != other:
            raise AtlasError(
                f"In {where} the names of the first row and of the first column "
                f"differ: line {number} is of '{name}', its column of '{other}'."
            )
    return names, _without_first_column(rest)


def _numbers(rows: Sequence[Line]) -> tuple[int, ...]:
    return tuple(number for number, _ in rows)


def _first_column(rows: Sequence[Line]) -> tuple[str, ...]:
    return tuple(cells[0] for _, cells in rows)


def _without_first_column(rows: Sequence[Line]) -> list[Line]:
    return [(number, cells[1:]) for number, cells in rows]


def _value(cell: str, line: int, decimal: str, where: str) -> float:
    """Return the number in a cell; what is none is refused."""
    value = _number(cell, decimal)
    if value is None:
        raise AtlasError(
            f"{where} holds more than numbers: line {line} has '{cell}'. Write 0 where "
            "there is no connection."
        )
    return value


def _number(cell: str, decimal: str = ",") -> float | None:
    """Return the number that a cell is, or None."""
    if cell.casefold() == _NONE:
        return 0.0
    try:
        return float(cell.replace(",", ".") if decimal == "," else cell)
    except ValueError:
        return None


def _is_number(cell: str) -> bool:
    """Tell whether a cell is a number, NaN included."""
    return _number(cell) is not None
