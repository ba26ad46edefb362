# SPDX-License-Identifier: Apache-2.0
"""Tracer fractions from counted cells, as the authors of the counts compute them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from atlasnet.atlas.source import TracerFraction
from atlasnet.atlas.sources.tables import row_of
from atlasnet.errors import SnapshotError

__all__ = ["fraction_row", "read_counts", "tracer_fractions"]

Counts = Mapping[tuple[str, str], list[tuple[int, int]]]
"""Cells in the upper and in the lower layers by area of the cells and injected area, a
pair for every injection."""

_COLUMNS = ("source", "inj_site", "supragranular", "infragranular")

_MARKOV = "Markov NT et al. 2014 Cereb Cortex 24:17", "10.1093/cercor/bhs270"
_FROUDIST_WALSH = (
    "Froudist-Walsh S et al. 2021 Neuron 109:3500",
    "10.1016/j.neuron.2021.08.024",
)
# The 29 injected areas of Markov et al. 2014, as the counts of 2021 spell them.
_OF_2014 = frozenset(
    {
        *("V1", "V2", "V4", "TEO", "MT", "DP", "STPr", "STPi", "STPc", "TEpd", "PBr"),
        *("2", "5", "7a", "7b", "7m", "F1", "F2", "F5", "F7", "ProM", "24c", "10"),
        *("8B", "8l", "8m", "46d", "9/46d", "9/46v"),
    }
)


def read_counts(folder: Path | str) -> Counts:
    """Read the counts of a folder with one column per text file.

    Parameters
    ----------
    folder : Path or str
        Holds ``source.txt``, ``inj_site.txt``, ``supragranular.txt`` and
        ``infragranular.txt``, line by line of one injection and one area.

    Returns
    -------
    mapping of (str, str) to list of (int, int)
        Upper and lower cells by (area of the cells, injected area).

    Raises
    ------
    SnapshotError
        If the files are of different lengths or hold no counts.
    """
    columns = [
        (Path(folder) / f"{name}.txt").read_text(encoding="utf-8").split()
        for name in _COLUMNS
    ]
    lengths = {name: len(c) for name, c in zip(_COLUMNS, columns, strict=True)}
    if len(set(lengths.values())) != 1:
        raise SnapshotError(
            f"The columns of the tracer counts in '{folder}' are of one length, got "
            f"{lengths}. Fetch the files again."
        )
    counts: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    try:
        for source, target, upper, lower in zip(*columns, strict=True):
            counts[source, target].append((int(upper), int(lower)))
    except ValueError as error:
        raise SnapshotError(
            f"The tracer counts in '{folder}' are whole numbers: {error}. Fetch the "
            "files again."
        ) from error
    return dict(counts)


def tracer_fractions(
    counts: Counts, nodes_of: Mapping[str, tuple[str, ...]]
) -> Iterable[TracerFraction]:
    """Yield the fractions among areas that nodes stand for, zeros included.

    The fraction is of the mean over the injections of an area; cells within the
    injected area do not count.

    Parameters
    ----------
    counts : mapping of (str, str) to list of (int, int)
        As `read_counts` returns them.
    nodes_of : mapping of str to tuple of str
        Nodes by macaque area; an area without one is left out, but its cells count
        for the total.

    References
    ----------
    Froudist-Walsh et al. (2021), A dopamine gradient controls access to distributed
    working memory in the large-scale monkey cortex, Neuron 109:3500.
    """
    total: dict[str, float] = defaultdict(float)
    for (source, target), cells in counts.items():
        if source != target:
            total[target] += float(np.sum(cells)) / len(cells)
    for (source, target), cells in sorted(counts.items()):
        sources, targets = nodes_of.get(source, ()), nodes_of.get(target, ())
        if source == target or not sources or not targets:
            continue
        upper, lower = np.sum(cells, axis=0).tolist()
        n_cells = upper + lower
        publication, doi = _MARKOV if target in _OF_2014 else _FROUDIST_WALSH
        yield TracerFraction(
            source_area=source,
            target_area=target,
            sources=sources,
            targets=targets,
            fln=_rounded(n_cells / len(cells) / total[target]),
            sln=_rounded(upper / n_cells) if n_cells else None,
            n_cells=n_cells,
            publication=publication,
            doi=doi,
        )


def fraction_row(fraction: TracerFraction) -> Mapping[str, object]:
    """Return the row of ``tracer_fractions.csv`` that a fraction is."""
    known = asdict(fraction)
    sources, targets = ";".join(fraction.sources), ";".join(fraction.targets)
    return row_of(
        "tracer_fractions.csv", known | {"source": sources, "target": targets}
    )


def _rounded(share: float) -> float:
    """Return a share with four digits, however small it is."""
    return float(f"{share:.4g}")
