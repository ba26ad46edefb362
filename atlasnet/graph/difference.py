# SPDX-License-Identifier: Apache-2.0
"""What two sets of records have differently, one by one."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["Difference", "differences", "in_words"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that two sources, or two graphs, have differently."""

    what: str
    """Kind of data, e.g. ``"region"``, ``"connection"`` or ``"metadata"``."""
    name: str
    """Which of it, e.g. ``"Area 4p (PreCG) left: volume_mm3"``."""
    a: str
    """Value of the first; ``"-"`` where it has none."""
    b: str
    """Value of the second."""


def differences(
    what: str, a: Mapping[str, Any], b: Mapping[str, Any], tolerance: float
) -> Iterator[Difference]:
    """Yield what two sets of records have differently, by key.

    Parameters
    ----------
    what : str
        Kind of data.
    a, b : mapping of str to object
        Values, or dataclasses, which are compared field by field.
    tolerance : float
        Relative difference below which two numbers are the same.

    Yields
    ------
    Difference
        In the order of the keys, those of `a` first.

    Examples
    --------
    >>> list(differences("metadata", {"n": 1.0}, {"n": 2.0}, 1e-9))
    [Difference(what='metadata', name='n', a='1', b='2')]
    """
    for key in dict.fromkeys([*a, *b]):
        if key not in a or key not in b:
            there = ["there" if key in records else "-" for records in (a, b)]
            yield Difference(what, key, *there)
        elif hasattr(a[key], "__dataclass_fields__"):
            for entry in fields(a[key]):
                x, y = getattr(a[key], entry.name), getattr(b[key], entry.name)
                if not _is_same(x, y, tolerance):
                    name = f"{key}: {entry.name}"
                    yield Difference(what, name, in_words(x), in_words(y))
        elif not _is_same(a[key], b[key], tolerance):
            yield Difference(what, key, in_words(a[key]), in_words(b[key]))


def _is_same(x: Any, y: Any, tolerance: float) -> bool:
    """Tell whether two values are the same; numbers within the tolerance."""
    if isinstance(x, float) and isinstance(y, float):
        return math.isclose(x, y, rel_tol=tolerance)
    if hasattr(x, "__dataclass_fields__") and type(x) is type(y):
        x, y = (tuple(getattr(r, e.name) for e in fields(r)) for r in (x, y))
    if isinstance(x, tuple) and isinstance(y, tuple) and len(x) == len(y):
        return all(_is_same(p, q, tolerance) for p, q in zip(x, y, strict=True))
    return bool(x == y)


def in_words(value: Any) -> str:
    """Return a value for a table, a missing one as ``"-"``."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.7g}" if isinstance(value, float) else str(value)
