# SPDX-License-Identifier: Apache-2.0
"""What differs between two atlas sources."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from atlasnet.atlas.source import AtlasSource
from atlasnet.graph.difference import Difference, differences, in_words

__all__ = ["Difference", "compare_sources"]

_TOLERANCE = 1e-6
"""Relative; figures of a connectome have seven digits."""


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
    yield from differences("description", a.describe(), b.describe(), tolerance)
    keyed: tuple[tuple[str, Callable[[AtlasSource], Mapping[str, Any]]], ...] = (
        ("region", lambda s: {r.name: r for r in s.regions()}),
        ("von Economo area", lambda s: s.economo_areas()),
        ("von Economo layers", lambda s: s.economo_layers()),
        ("measured layers", lambda s: s.measured_layers()),
        ("homologue", lambda s: s.homologues()),
        ("node", lambda s: {f"{n.node} {n.hemisphere}": n for n in s.node_table()}),
        ("pathway", lambda s: {f"{p.source} -> {p.target}": p for p in s.pathways()}),
        ("macaque area", lambda s: {h.area: h for h in s.macaque_homologues()}),
        (
            "tracer fraction",
            lambda s: {
                f"{f.source_area} -> {f.target_area}": f for f in s.tracer_fractions()
            },
        ),
        (
            "overlap of versions",
            lambda s: {f"{o.node} {o.hemisphere}": o for o in s.version_overlaps()},
        ),
    )
    for what, read in keyed:
        yield from differences(what, read(a), read(b), tolerance)
    yield from _compare_connections(a, b, tolerance)


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
    for what in ("streamline_count", "length_mm"):
        x, y = getattr(first, what)[np.ix_(i, i)], getattr(second, what)[np.ix_(j, j)]
        differs = np.triu(~np.isclose(x, y, rtol=tolerance, atol=0.0, equal_nan=True))
        for k, m in zip(*np.nonzero(differs), strict=True):
            name = f"{names[k]} - {names[m]}: {what}"
            yield Difference("connection", name, in_words(x[k, m]), in_words(y[k, m]))
