# SPDX-License-Identifier: Apache-2.0
"""Tables for the terminal, from the records of :mod:`atlasnet.commands.description`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from atlasnet.graph.difference import Difference
from atlasnet.graph.loss import Finding

__all__ = [
    "difference_table",
    "edge_list",
    "edge_table",
    "file_table",
    "latency_notes",
    "loss_table",
    "node_table",
    "note_table",
    "parameter_table",
    "presence_notes",
    "region_table",
    "survival_table",
]

Record = Mapping[str, Any]

_MISSING = "-"


def node_table(title: str, nodes: Sequence[Record]) -> Table:
    """Return the table of regions: volume, density, cells and units.

    Parameters
    ----------
    title : str
        Heading.
    nodes : sequence of mapping
        Records of ``describe(...)["nodes"]``.

    Returns
    -------
    rich.table.Table
        One row per region, and a last row of totals.
    """
    table = Table(title=title, title_justify="left", show_footer=True)
    table.add_column("region", footer=f"{len(nodes)} regions")
    table.add_column("hemisphere")
    table.add_column("volume mm³", justify="right")
    table.add_column("cells per mm³", justify="right")
    table.add_column("density rule")
    cells = [n["cell_count"] for n in nodes if n["cell_count"] is not None]
    table.add_column("cells, million", justify="right", footer=_millions(sum(cells)))
    units = [n["n_units"] for n in nodes if n["n_units"] is not None]
    table.add_column(
        "units", justify="right", footer=f"{sum(units):,}" if units else _MISSING
    )
    table.add_column("cell")
    has_maps = any(node["map"] for node in nodes)
    if has_maps:
        table.add_column("map")
    for node in nodes:
        table.add_row(
            Text(node["name"]),
            node["hemisphere"] or _MISSING,
            _number(node["volume_mm3"]),
            _number(node["cell_density_per_mm3"]),
            _words(node["cell_density_rule"]),
            _millions(node["cell_count"]),
            _number(node["n_units"]),
            node["cell"] or _MISSING,
            *([_layout(node["map"])] if has_maps else []),
        )
    return table


def edge_table(edges: Sequence[Record]) -> Table:
    """Return a summary of projections by direction, and by which rule decided it.

    Parameters
    ----------
    edges : sequence of mapping
        Records of ``describe(...)["edges"]``.

    Returns
    -------
    rich.table.Table
        One row per direction, and a last row of totals.
    """
    rules = sorted({edge["direction_rule"] for edge in edges})
    table = Table(title="Projections", title_justify="left", show_footer=True)
    table.add_column("direction", footer="all")
    table.add_column("number", justify="right", footer=f"{len(edges):,}")
    for rule in rules:
        number = sum(edge["direction_rule"] == rule for edge in edges)
        table.add_column(_words(rule), justify="right", footer=f"{number:,}")
    within = [edge for edge in edges if edge["timing"] == "same_step"]
    table.add_column("same step", justify="right", footer=f"{len(within):,}")
    table.add_column("streamlines", justify="right", footer=_range(edges))
    for direction in ("feedforward", "lateral", "feedback"):
        chosen = [edge for edge in edges if edge["direction"] == direction]
        by_rule = Counter(edge["direction_rule"] for edge in chosen)
        table.add_row(
            direction,
            f"{len(chosen):,}",
            *(f"{by_rule[rule]:,}" for rule in rules),
            f"{sum(edge['timing'] == 'same_step' for edge in chosen):,}",
            _range(chosen),
        )
    return table


def edge_list(edges: Sequence[Record]) -> Table:
    """Return every projection: its class, and why it is there.

    Parameters
    ----------
    edges : sequence of mapping
        Records of ``describe(...)["edges"]``.

    Returns
    -------
    rich.table.Table
        One row per projection.
    """
    table = Table(title="Every projection", title_justify="left")
    table.add_column("projection")
    table.add_column("streamlines", justify="right")
    for column in ("direction", "decided by", "there by", "literature"):
        table.add_column(column)
    for edge in edges:
        against = edge["evidence_against"]
        known = [edge["citation"], f"weak: {against}" if against else None]
        table.add_row(
            Text(f"{edge['source']} -> {edge['target']}"),
            _number(edge["streamline_count"]),
            edge["direction"],
            _words(edge["direction_rule"]),
            _THERE_BY.get(edge["presence"], _MISSING),
            Text("; ".join(filter(None, known)) or _MISSING),
        )
    return table


def presence_notes(edges: Iterable[Record]) -> Iterator[str]:
    """Return how many projections are there for which reason, one line each."""
    edges = list(edges)
    numbers = Counter(edge["presence"] for edge in edges)
    for presence, words in _THERE_BY.items():
        if numbers[presence]:
            yield f"{numbers[presence]:,} by {words}"
    n_weak = sum(bool(edge["is_weak"]) for edge in edges)
    if n_weak:
        yield f"{n_weak:,} of them are weak by the literature: least weight"


_THERE_BY = {
    "streamlines": "streamlines",
    "both": "streamlines and a citation",
    "cited": "a citation",
    "joining": "streamlines below the rule, so that the graph holds together",
    "null_model": "the null model",
}


def region_table(title: str, regions: Sequence[Record]) -> Table:
    """Return the table of an atlas's regions.

    Parameters
    ----------
    title : str
        Heading.
    regions : sequence of mapping
        Records with ``julich_3_1``, ``julich_2_9``, ``hemisphere``, ``volume_mm3``,
        ``cell_density_per_mm3``, ``cell_density_rule`` and ``has_connections``.

    Returns
    -------
    rich.table.Table
        One row per region.
    """
    table = Table(title=title, title_justify="left")
    table.add_column("name in Julich-Brain 3.1")
    table.add_column("name in 2.9")
    table.add_column("hemisphere")
    table.add_column("volume mm³", justify="right")
    table.add_column("cells per mm³", justify="right")
    table.add_column("density rule")
    table.add_column("connections")
    for region in regions:
        new, old = region["julich_3_1"], region["julich_2_9"]
        table.add_row(
            Text(new or _MISSING),
            Text(old if old is not None else _MISSING) if old != new else "same",
            region["hemisphere"],
            _number(region["volume_mm3"]),
            _number(region["cell_density_per_mm3"]),
            _words(region["cell_density_rule"]),
            "yes" if region["has_connections"] else "no",
        )
    return table


def note_table(title: str, notes: Iterable[str]) -> Table:
    """Return lines of text under a heading."""
    table = Table(title=title, title_justify="left", show_header=False, box=None)
    for note in notes:
        table.add_row(Text(note))
    return table


def latency_notes(latencies: Iterable[Record]) -> Iterator[str]:
    """Return how long sensations take to the areas of action, one line each.

    A path and the numbers after it belong together. Where spikes take another path,
    that follows with numbers of its own.
    """
    for entry in latencies:
        line = f"{entry['sensation']} to {entry['area']}: {_by(entry, '')}"
        if entry["tract_path"] and entry["tract_path"] != entry["path"]:
            line += f"; on the shortest tracts {_by(entry, 'tract_')}"
        yield line


def _by(entry: Record, which: str) -> str:
    """Return the time that a path takes, and the path."""
    n, ms = entry[f"{which}n_steps"], entry[f"{which}delay_ms"]
    steps = "within the step" if n == 0 else f"{n} step{'s'[: n - 1]} later"
    length = "of unknown length" if ms is None else f"{ms:.0f} ms of tracts"
    return f"{steps} by {' > '.join(entry[f'{which}path'])} ({length})"


def file_table(files: Mapping[str, str]) -> Table:
    """Return the files written, with what each is."""
    table = note_table("Files written", ())
    for path, what in files.items():
        table.add_row(Text(path, overflow="fold"), what)
    return table


def parameter_table(title: str, rows: Sequence[Record]) -> Table:
    """Return where a model's parameters are.

    Parameters
    ----------
    title : str
        Heading.
    rows : sequence of mapping
        Rows of :func:`atlasnet.parameters_by_area` or ``_by_pathway``; their
        keys are the columns.

    Returns
    -------
    rich.table.Table
        One row each, and a last one of totals.
    """
    table = Table(title=title, title_justify="left", show_footer=True)
    total = sum(row["n_parameters"] for row in rows)
    for key in rows[0] if rows else ():
        is_number = key.startswith("n_")
        table.add_column(
            key.removeprefix("n_").removeprefix("is_").replace("_", " "),
            footer=f"{total:,}" if key == "n_parameters" else "",
            justify="right" if is_number else "left",
        )
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    return table


def loss_table(title: str, findings: Iterable[Finding]) -> Table:
    """Return what a null model kept, changed and lost.

    Parameters
    ----------
    title : str
        Heading.
    findings : iterable of Finding
        Of :func:`atlasnet.graph.loss.what_is_left`.

    Returns
    -------
    rich.table.Table
        One row per property.
    """
    table = Table(title=title, title_justify="left")
    table.add_column("property")
    for column in ("before", "after"):
        table.add_column(column, justify="right")
    table.add_column("")
    for one in findings:
        numbers = (f"{one.before:,.3g}", f"{one.after:,.3g}")
        if one.before >= 1000:
            numbers = (f"{one.before:,.0f}", f"{one.after:,.0f}")
        table.add_row(one.what, *numbers, one.verdict)
    return table


def difference_table(a: str, b: str, differences: Iterable[Difference]) -> Table:
    """Return what differs between two sources or graphs.

    Parameters
    ----------
    a, b : str
        What was compared.
    differences : iterable
        Each with ``what``, ``name``, ``a`` and ``b``.

    Returns
    -------
    rich.table.Table
        One row per difference.
    """
    table = Table(title="Differences", title_justify="left")
    for column in ("what", "name", a, b):
        table.add_column(Text(column))
    for each in differences:
        table.add_row(each.what, Text(each.name), Text(each.a), Text(each.b))
    return table


def survival_table(rows: Sequence[Record]) -> Table:
    """Return which statements survive.

    Parameters
    ----------
    rows : sequence of mapping
        Of :meth:`atlasnet.robustness.survey.Survey.summary`.

    Returns
    -------
    rich.table.Table
        One row per statement.
    """
    table = Table(title="Statements under other choices", title_justify="left")
    for column in ("statement", "holds if"):
        table.add_column(column)
    for column in ("default", "from", "to", "holds in"):
        table.add_column(column, justify="right")
    combined = any(row["combinations_tested"] for row in rows)
    if combined:
        table.add_column("of combinations", justify="right")
    table.add_column("verdict")
    for row in rows:
        numbers = [_short(row[key]) for key in ("default", "least", "most")]
        counts = [_of(row["n_holds"], row["n_tested"])]
        if combined:
            counts.append(_of(row["combinations_held"], row["combinations_tested"]))
        verdict = row["verdict"]
        if verdict == "falls":
            verdict = f"falls: {', '.join(row['falls_under'])}"
        cells = (row["sentence"], row["bound"], *numbers, *counts, verdict)
        table.add_row(*map(Text, cells))
    return table


def _of(part: int, whole: int) -> str:
    """Return a part and its whole."""
    return f"{part} of {whole}" if whole else _MISSING


def _short(value: float | None) -> str:
    """Return a number with three digits."""
    return _MISSING if value is None else f"{value:.3g}"


def _layout(layout: Record | None) -> str:
    """Return a map's positions and channels."""
    if layout is None:
        return _MISSING
    return " x ".join(str(layout[key]) for key in ("height", "width", "n_channels"))


def _cell(value: object) -> Text:
    """Return a value as a cell shows it."""
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    return Text(f"{value:,}" if isinstance(value, int) else str(value))


def _number(value: float | None) -> str:
    return _MISSING if value is None else f"{value:,.0f}"


def _millions(value: float | None) -> str:
    return _MISSING if value is None else f"{value / 1e6:,.1f}"


def _words(value: str | None) -> str:
    return _MISSING if value is None else value.replace("_", " ")


def _range(edges: Iterable[Record]) -> str:
    """Return the smallest and the largest streamline count."""
    counts = [e["streamline_count"] for e in edges if e["streamline_count"] is not None]
    return f"{min(counts):,.0f} to {max(counts):,.0f}" if counts else _MISSING
