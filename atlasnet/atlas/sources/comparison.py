# SPDX-License-Identifier: Apache-2.0
"""What differs between two atlas sources."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasnet.atlas.source import AtlasSource

__all__ = ["Difference", "compare_sources"]

_TOLERANCE = 1e-6
"""Relative; figures of a connectome have seven digits."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that two sources have differently."""

    what: str
    """Kind of data, e.g. ``"region"`` or ``"connection"``."""
    name: str
    """Which of it, e.g. ``"Area 4p (PreCG) left: volume_mm3"``."""
    a: str
    """Value of the first source; ``"-"`` where it has none."""
    b: str
    """Value of the second source."""


def compare_sources(
    a: AtlasSource, b: AtlasSource, tolerance: float = _TOLERANCE
) -> tuple[Difference, ...]:
    """Return what differs between two sources.

    Parameters
    ----------
    a, b : AtlasSource
        The sources.
    tolerance : float, default=1e-6
        Relative difference below which two numbers are the same.

    Returns
    -------
    tuple of Difference
        In the order of the kinds of data; what the sources say of themselves first.

    Examples
    --------
    >>> from atlasnet.atlas.sources.snapshot import SnapshotSource
    >>> compare_sources(SnapshotSource(), SnapshotSource())
    ()
    """
    return tuple(_differences(a, b, tolerance))


def _differences(
    a: AtlasSource, b: AtlasSource, tolerance: float
) -> Iterator[Difference]:
    yield from _compare("description", a.describe(), b.describe(), tolerance)
    keyed: tuple[tuple[str, Callable[[AtlasSource], Mapping[str, Any]]], ...] = (
        ("region", lambda s: {r.name: r for r in s.regions()}),
        ("von Economo area", lambda s: s.economo_areas()),
        ("von Economo layers", lambda s: s.economo_layers()),
        ("measured layers", lambda s: s.measured_layers()),
        ("homologue", lambda s: s.homologues()),
        ("node", lambda s: {f"{n.node} {n.hemisphere}": n for n in s.node_table()}),
        ("pathway", lambda s: {f"{p.source} -> {p.target}": p for p in s.pathways()}),
    )
    for what, read in keyed:
        yield from _compare(what, read(a), read(b), tolerance)
    yield from _compare_connections(a, b, tolerance)


def _compare(
    what: str, a: Mapping[str, Any], b: Mapping[str, Any], tolerance: float
) -> Iterator[Difference]:
    """Yield the differences of two sets of records, by key."""
    for key in dict.fromkeys([*a, *b]):
        if key not in a or key not in b:
            yield Difference(what, key, *_presence(key in a, key in b))
        elif hasattr(a[key], "__dataclass_fields__"):
            for entry in fields(a[key]):
                x, y = getattr(a[key], entry.name), getattr(b[key], entry.name)
                if not _is_same(x, y, tolerance):
                    yield Difference(what, f"{key}: {entry.name}", _text(x), _text(y))
        elif not _is_same(a[key], b[key], tolerance):
            yield Difference(what, key, _text(a[key]), _text(b[key]))


def _compare_connections(
    a: AtlasSource, b: AtlasSource, tolerance: float
) -> Iterator[Difference]:
    """Yield the pairs of regions that both have, but differently."""
    rows = [
        {r.name: r.connectome_row for r in s.regions() if r.connectome_row is not None}
        for s in (a, b)
    ]
    names = [name for name in rows[0] if name in rows[1]]
    i, j = (np.array([row[name] for name in names], dtype=int) for row in rows)
    first, second = a.connections(), b.connections()
    tables: tuple[tuple[str, NDArray[np.float64], NDArray[np.float64]], ...] = (
        ("streamline_count", first.streamline_count, second.streamline_count),
        ("length_mm", first.length_mm, second.length_mm),
    )
    for what, whole_x, whole_y in tables:
        x, y = whole_x[np.ix_(i, i)], whole_y[np.ix_(j, j)]
        differs = np.triu(~np.isclose(x, y, rtol=tolerance, atol=0.0, equal_nan=True))
        for k, m in zip(*np.nonzero(differs), strict=True):
            name = f"{names[k]} - {names[m]}: {what}"
            yield Difference("connection", name, _text(x[k, m]), _text(y[k, m]))


def _is_same(x: Any, y: Any, tolerance: float) -> bool:
    """Tell whether two values are the same; numbers within the tolerance."""
    if isinstance(x, float) and isinstance(y, float):
        return math.isclose(x, y, rel_tol=tolerance)
    if isinstance(x, tuple) and isinstance(y, tuple):
        return len(x) == len(y) and all(
            _is_same(p, q, tolerance) for p, q in zip(x, y, strict=True)
        )
    if hasattr(x, "__dataclass_fields__") and type(x) is type(y):
        return all(
            _is_same(getattr(x, e.name), getattr(y, e.name), tolerance)
            for e in fields(x)
        )
    return bool(x == y)


def _presence(in_a: bool, in_b: bool) -> tuple[str, str]:
    return ("there" if in_a else "-"), ("there" if in_b else "-")


def _text(value: Any) -> str:
    """Return a value for a table."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.7g}" if isinstance(value, float) else str(value)
