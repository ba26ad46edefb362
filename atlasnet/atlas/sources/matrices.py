# SPDX-License-Identifier: Apache-2.0
"""Connectivity matrices from files: CSV, or The Virtual Brain's archive."""

import bz2
import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from atlasnet.errors import AtlasError, listed

__all__ = ["LabelledMatrix", "read_matrix", "read_tvb"]

Matrix = NDArray[np.float64]


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

    def __post_init__(self) -> None:
        shape = self.values.shape
        if len(shape) != 2 or shape[0] != shape[1]:
            rows = " x ".join(map(str, shape))
            raise AtlasError(f"The matrix of {self.where} is not square: {rows}.")
        if self.names is not None and len(self.names) != shape[0]:
            raise AtlasError(
                f"{self.where} has {len(self.names)} names for {shape[0]} rows."
            )
        bad = ~np.isfinite(self.values) | (self.values < 0)
        if bad.any():
            i, j = (int(k) for k in np.argwhere(bad)[0])
            raise AtlasError(
                f"The matrix of {self.where} holds numbers of at least 0, got "
                f"{self.values[i, j]} in row {i + 1}, column {j + 1}."
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

    def require_symmetric(self) -> None:
        """Refuse a matrix that differs by direction.

        Raises
        ------
        AtlasError
            If it does.
        """
        if not np.allclose(self.values, self.values.T, rtol=1e-5, atol=1e-8):
            apart = np.abs(self.values - self.values.T)
            i, j = (int(k) for k in np.unravel_index(apart.argmax(), apart.shape))
            raise AtlasError(
                f"The matrix of {self.where} is not symmetric, as was promised: row "
                f"{i + 1}, column {j + 1} is {self.values[i, j]:g}, the reverse is "
                f"{self.values[j, i]:g}. Say symmetric=False if rows project to "
                "columns."
            )


def read_matrix(path: Path) -> LabelledMatrix:
    """Read a square matrix from a text file.

    Parameters
    ----------
    path : Path
        Values between commas, semicolons, tabs or spaces; with names in the first row
        and first column, or with none.

    Returns
    -------
    LabelledMatrix
        The matrix.

    Raises
    ------
    AtlasError
        If the file is missing or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AtlasError(f"The matrix '{path}' cannot be read: {error}.") from error
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise AtlasError(f"The matrix '{path}' is empty.")
    delimiter = next((d for d in ",;\t" if d in lines[0]), " ")
    rows = [
        [cell.strip() for cell in row if cell.strip() or delimiter != " "]
        for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
    ]
    names = None
    if not all(map(_is_number, rows[0])):
        names = tuple(rows[0][1:])
        rows = rows[1:]
        if tuple(row[0] for row in rows) != names:
            raise AtlasError(
                f"In '{path}' the names of the first row and of the first column "
                "differ."
            )
        rows = [row[1:] for row in rows]
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise AtlasError(
            f"The matrix of '{path}' is not square: it has {len(rows)} rows of "
            f"{min(widths)} to {max(widths)} values."
        )
    try:
        values = np.array([[float(cell) for cell in row] for row in rows])
    except ValueError as error:
        raise AtlasError(f"'{path}' holds more than numbers: {error}.") from error
    return LabelledMatrix(values, names, f"'{path}'")


def read_tvb(path: Path) -> tuple[LabelledMatrix, LabelledMatrix]:
    """Read weights and tract lengths from The Virtual Brain's ``connectivity.zip``.

    Parameters
    ----------
    path : Path
        Archive with ``weights``, ``tract_lengths`` and ``centres`` as ``.txt`` or
        ``.txt.bz2``, in any folder. The Virtual Brain's weights run from column to
        row; here they are turned, from row to column.

    Returns
    -------
    weights : LabelledMatrix
        Weights.
    lengths_mm : LabelledMatrix
        Lengths in mm.

    Raises
    ------
    AtlasError
        If a file is missing or holds something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            texts = {
                stem: _text_of(archive, stem, path)
                for stem in ("weights", "tract_lengths", "centres")
            }
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise AtlasError(f"'{path}' is no connectivity archive: {error}.") from error
    names = tuple(line.split()[0] for line in texts["centres"].splitlines() if line)
    matrices = []
    for stem in ("weights", "tract_lengths"):
        where = f"'{stem}' in '{path}'"
        try:
            values = np.loadtxt(io.StringIO(texts[stem]), ndmin=2)
        except ValueError as error:
            raise AtlasError(f"{where} holds more than numbers: {error}.") from error
        matrices.append(LabelledMatrix(values.T, names, where))
    return matrices[0], matrices[1]


def _text_of(archive: zipfile.ZipFile, stem: str, path: Path) -> str:
    """Return the text of a member of an archive, by its name without suffix."""
    for name in archive.namelist():
        file = PurePosixPath(name).name
        if file == f"{stem}.txt":
            return archive.read(name).decode("utf-8")
        if file == f"{stem}.txt.bz2":
            return bz2.decompress(archive.read(name)).decode("utf-8")
    listed = ", ".join(archive.namelist()[:8]) or "nothing"
    raise AtlasError(f"'{path}' has no '{stem}.txt'; it has {listed}.")


def _is_number(text: str) -> bool:
    """Tell whether a cell is a number, NaN included."""
    try:
        float(text)
    except ValueError:
        return False
    return True
