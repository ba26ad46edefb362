# SPDX-License-Identifier: Apache-2.0
"""Matrices from files: text, NumPy's ``.npy``, or The Virtual Brain's archive."""

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from tokenize import TokenError

import numpy as np

from atlasnet.atlas.sources.labelled_matrix import (
    LabelledMatrix,
    parse_matrix,
    without_missing,
)
from atlasnet.atlas.sources.text_file import BROKEN, decode, read_text, unpack
from atlasnet.errors import AtlasError, listed

__all__ = ["LabelledMatrix", "read_matrix", "read_tvb"]

_BROKEN = (*BROKEN, zipfile.BadZipFile, NotImplementedError, RuntimeError)
"""What :mod:`zipfile` raises, of encrypted members and unknown packings too."""
_BROKEN_ARRAY = (OSError, EOFError, ValueError, TypeError, SyntaxError, TokenError)
"""What NumPy raises of a file that is no array of numbers."""
_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "weights": ("weights",),
    "tract_lengths": ("tract_lengths",),
    "centres": ("centres", "centers"),
}
"""What a connectome is made of, and how the files are called."""
_SUFFIXES = re.compile(r"(\.(txt|csv|tsv|dat))?(\.(bz2|gz|xz))?", re.IGNORECASE)


def read_matrix(path: Path | str, *, may_lack: bool = False) -> LabelledMatrix:
    """Read a square matrix from a file.

    Parameters
    ----------
    path : Path or str
        As :func:`parse_matrix` takes it, packed or not; or NumPy's ``.npy``.
    may_lack : bool, default=False
        Whether numbers may be missing: NaN then becomes 0.

    Returns
    -------
    LabelledMatrix
        The matrix.

    Raises
    ------
    AtlasError
        If the file is missing or holds something else.
    """
    path = Path(path)
    if path.suffix == ".npy":
        try:
            loaded = np.asarray(np.load(path, allow_pickle=False))
            # NumPy would drop an imaginary part, and take dates for numbers.
            is_real = loaded.dtype.kind not in "cmM"
            values = loaded.astype(np.float64) if is_real else None
        except _BROKEN_ARRAY as error:
            message = f"The matrix '{path}' cannot be read: {error}."
            raise AtlasError(message) from error
        if values is None:
            raise AtlasError(
                f"A matrix holds real numbers, '{path}' holds values of type "
                f"{loaded.dtype}. Save one number of each, such as the magnitude "
                "(numpy.abs)."
            )
        return without_missing(values, None, f"'{path}'", may_lack=may_lack)
    return parse_matrix(read_text(path, "matrix"), f"'{path}'", may_lack=may_lack)


def read_tvb(path: Path | str) -> tuple[LabelledMatrix, LabelledMatrix | None]:
    """Read weights and tract lengths from The Virtual Brain's ``connectivity.zip``.

    Parameters
    ----------
    path : Path or str
        Archive with ``weights``, ``tract_lengths`` and ``centres`` as text, each packed
        or not (``.txt``, ``.txt.bz2``), in any folder. The Virtual Brain's weights run
        from column to row; here they are turned, from row to column.

    Returns
    -------
    weights : LabelledMatrix
        Weights.
    lengths_mm : LabelledMatrix or None
        Lengths in mm; None if their file is empty.

    Raises
    ------
    AtlasError
        If a file is missing, damaged, or holds something else.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            texts = {stem: _text_of(archive, stem, path) for stem in _MEMBERS}
    except _BROKEN as error:
        raise AtlasError(f"'{path}' is no connectivity archive: {error}.") from error
    names = _names(texts["centres"], f"'centres' in '{path}'")
    weights = _turned(texts["weights"], names, f"'weights' in '{path}'")
    if not texts["tract_lengths"].strip():
        return weights, None
    where = f"'tract_lengths' in '{path}'"
    return weights, _turned(texts["tract_lengths"], names, where, may_lack=True)


def _turned(
    text: str, names: tuple[str, ...] | None, where: str, *, may_lack: bool = False
) -> LabelledMatrix:
    """Return the matrix of a member, from row to column."""
    found = parse_matrix(text, where, may_lack=may_lack)
    return LabelledMatrix(
        found.values.T, found.names or names, where, assumed=found.assumed
    )


def _text_of(archive: zipfile.ZipFile, stem: str, path: Path) -> str:
    """Return the text of a member of an archive, by its name without suffix."""
    files = [name for name in archive.namelist() if not _is_foreign(name)]
    found = [name for name in files if _stem(name) in _MEMBERS[stem]]
    if not found:
        there = listed(files, 8) or "nothing"
        raise AtlasError(
            f"'{path}' has no '{stem}.txt'; it has {there}. A connectome's archive "
            "holds weights, tract_lengths and centres."
        )
    if len(found) > 1:
        raise AtlasError(
            f"'{path}' has '{stem}' {len(found)} times: {listed(found)}. Pack one "
            "connectome in an archive."
        )
    try:
        return decode(unpack(found[0], archive.read(found[0])))
    except _BROKEN as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise AtlasError(
            f"'{found[0]}' in '{path}' is damaged: {reason}. Fetch or pack the archive "
            "again."
        ) from error


def _is_foreign(name: str) -> bool:
    """Tell whether a member is a folder, or what macOS leaves in archives."""
    parts = PurePosixPath(name).parts
    is_foreign = "__MACOSX" in parts or parts[-1:] == () or parts[-1].startswith("._")
    return is_foreign or name.endswith("/")


def _stem(name: str) -> str:
    """Return a member's name without folder, and without suffixes that are known."""
    stem, dot, suffix = PurePosixPath(name).name.partition(".")
    return stem.casefold() if _SUFFIXES.fullmatch(dot + suffix) else name


def _names(text: str, where: str) -> tuple[str, ...] | None:
    """Return the names of regions in front of their places; None if there are none."""
    names: list[str] = []
    n_lines = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        n_lines += 1
        words = re.findall(r'"[^"]*"|\'[^\']*\'|[^\s,;]+', line)
        words = [word.strip("\"'").strip() for word in words if word != "None"]
        place = words[-3:]
        if len(place) < 3 or not all(map(_is_number, place)):
            raise AtlasError(
                f"{where}, line {number}: a line has the name of a region and its "
                f"three coordinates, got '{line.strip()}'."
            )
        if words[:-3]:
            names.append(" ".join(words[:-3]))
    if names and len(names) != n_lines:
        raise AtlasError(
            f"{where} has {n_lines} lines, but {len(names)} names. Name all regions."
        )
    return tuple(names) or None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
