# SPDX-License-Identifier: Apache-2.0
"""The command ``atlasnet snapshot``: compile, record and compare snapshots."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlasnet.commands.arguments import require_writable_folder
from atlasnet.commands.console import print_json, reporting, results

if TYPE_CHECKING:
    from atlasnet.atlas.sources.comparison import Difference

__all__ = ["make_snapshot"]

_SHOWN = 40
"""Differences printed as a table; ``--json`` has all."""


class Live(StrEnum):
    """A live atlas."""

    SIIBRA = "siibra"


class Version(StrEnum):
    """A version of Julich-Brain."""

    OLD = "2.9"
    NEW = "3.1"


def make_snapshot(  # noqa: PLR0913 - one parameter per option
    from_files: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Compile the source files in this folder."),
    ] = None,
    live: Annotated[
        Live | None, typer.Option("--from", help="Record what a live atlas returns.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Where to write: a folder for --from-files, a file for --from.",
        ),
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="A B", help="Print what differs between two snapshots."),
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option(min=0.0, help="Relative difference of numbers to overlook."),
    ] = 1e-6,
    connections: Annotated[
        Version, typer.Option(help="Version whose connectome is recorded.")
    ] = Version.OLD,
    volumes: Annotated[
        Version, typer.Option(help="Version whose maps give the volumes.")
    ] = Version.NEW,
    cohort: Annotated[
        str, typer.Option(help="Cohort of the connectome: HCP or 1000BRAINS.")
    ] = "HCP",
    subject: Annotated[
        str | None, typer.Option(help="One subject; the mean over all by default.")
    ] = None,
    layers: Annotated[
        bool, typer.Option(help="Record the layers that siibra has measured too.")
    ] = True,
    timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Longest time without a sign of siibra."),
    ] = 120.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the comparison as one JSON object.")
    ] = False,
) -> None:
    """Compile a snapshot of the atlas, record one from siibra, or compare two."""
    given = [from_files is not None, live is not None, compare is not None]
    if sum(given) != 1:
        raise typer.BadParameter("give one of --from-files, --from and --compare.")
    if compare is not None:
        _compare(*compare, tolerance, as_json=as_json)
        return
    if out is None:
        raise typer.BadParameter("a snapshot needs a place: give --out.")
    if from_files is not None:
        _compile(from_files, out)
        return
    if out.is_dir():
        raise typer.BadParameter(f"'{out}' is a folder.", param_hint="'--out'")
    require_writable_folder(out.parent, "--out")
    from atlasnet.atlas.sources.recording import record_source
    from atlasnet.atlas.sources.siibra_source import SiibraSource

    with reporting() as report:
        source = SiibraSource(
            connections.value,
            volumes.value,
            cohort=cohort,
            subject=subject,
            timeout_s=timeout,
            on_progress=report,
        )
        record_source(source, out, layers=layers)
    _show_written(out)


def _compile(from_files: Path, out: Path) -> None:
    """Compile the source files in a folder into another folder."""
    require_writable_folder(out, "--out")
    from atlasnet.atlas.sources.compilation import record_snapshot

    record_snapshot(from_files, out)
    _show_written(out)


def _show_written(out: Path) -> None:
    """Read what was written, which verifies it, and print its size."""
    from atlasnet.atlas.sources.snapshot import SnapshotSource
    from atlasnet.commands.tables import file_table

    source = SnapshotSource(out)
    paths = sorted(out.iterdir()) if out.is_dir() else [out]
    console = results()
    sizes = {str(p): f"{p.stat().st_size:,} bytes" for p in paths}
    console.print(file_table(sizes))
    console.print(f"{len(source.regions())} regions, {source.checksum[:12]}")


def _compare(a: Path, b: Path, tolerance: float, *, as_json: bool) -> None:
    """Print what differs between two snapshots."""
    from atlasnet.atlas.sources.comparison import compare_sources
    from atlasnet.atlas.sources.snapshot import SnapshotSource

    found = compare_sources(SnapshotSource(a), SnapshotSource(b), tolerance)
    if as_json:
        rows = [{"what": d.what, "name": d.name, "a": d.a, "b": d.b} for d in found]
        print_json({"differences": rows})
        return
    _print_differences(a, b, found)


def _print_differences(a: Path, b: Path, found: Sequence["Difference"]) -> None:
    """Print the first differences of each kind, and how many there are."""
    from atlasnet.commands.tables import difference_table

    console = results()
    if not found:
        console.print("No difference.")
        return
    numbers = Counter(difference.what for difference in found)
    shown = {what: 0 for what in numbers}
    rows = []
    for difference in found:
        shown[difference.what] += 1
        if shown[difference.what] <= max(_SHOWN // len(numbers), 5):
            rows.append(difference)
    console.print(difference_table(str(a), str(b), rows))
    listed = ", ".join(f"{number:,} of {what}" for what, number in numbers.items())
    console.print(f"{len(found):,} differences: {listed}")
