# SPDX-License-Identifier: Apache-2.0
"""The command ``atlasnet snapshot``: compile, record and compare snapshots."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from atlasnet.atlas.sources.comparison import compare_sources
from atlasnet.atlas.sources.recording import record_source
from atlasnet.atlas.sources.siibra_source import SiibraSource, Version
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.commands.arguments import (
    AsJson,
    require_writable_file,
    require_writable_folder,
)
from atlasnet.commands.console import print_json, reporting, results
from atlasnet.commands.options import given_flags
from atlasnet.commands.tables import difference_table, file_table
from atlasnet.frozen import Flag, Frozen
from atlasnet.graph.difference import Difference

__all__ = ["Recording", "make_snapshot"]

_SHOWN = 40
"""Differences printed as a table; ``--json`` has all."""


_TOLERANCE = 1e-6


class Recording(Frozen):
    """What is recorded of the live atlas."""

    connections: Version = "2.9"
    """Version whose connectome is recorded."""
    volumes: Version = "3.1"
    """Version whose maps give the volumes."""
    cohort: str = "HCP"
    """Cohort of the connectome: HCP or 1000BRAINS."""
    subject: str | None = None
    """One subject; the mean over all by default."""
    layers: bool = True
    """Record the layers that siibra has measured too."""
    timeout_s: Annotated[float, Flag("--timeout", metavar="SECONDS")] = 120.0
    """Longest time without a sign of siibra."""

    def write(self, out: Path) -> None:
        """Record the atlas in a file."""
        chosen = self.model_dump(exclude={"layers"})
        with reporting() as report:
            source = SiibraSource(**chosen, on_progress=report)
            record_source(source, out, layers=self.layers)


def make_snapshot(
    recording: Recording,
    from_files: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Compile the source files in this folder."),
    ] = None,
    live: Annotated[
        Literal["siibra"] | None,
        typer.Option("--from", help="Record what a live atlas returns."),
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
    renew: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Renew the checksums of a snapshot whose tables you edited.",
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Relative difference of numbers to overlook.",
            show_default="1e-06",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compile, record, renew or compare."""
    ways = {
        "from-files": from_files is not None,
        "from": live is not None,
        "renew": renew is not None,
        "compare": compare is not None,
    }
    if sum(ways.values()) != 1:
        raise typer.BadParameter(
            "give one of --from-files, --from, --renew and --compare."
        )
    way = next(name for name, is_given in ways.items() if is_given)
    idle = [] if live is not None else given_flags(recording)
    idle += ["--tolerance"] if compare is None and tolerance is not None else []
    idle += ["--json"] if compare is None and as_json else []
    idle += ["--out"] if way in ("compare", "renew") and out is not None else []
    if idle:
        raise typer.BadParameter(f"--{way} has no use for {', '.join(idle)}.")
    if compare is not None:
        _compare(*compare, _TOLERANCE if tolerance is None else tolerance, as_json)
        return
    if renew is not None:
        _renew(renew)
        return
    if out is None:
        raise typer.BadParameter("a snapshot needs a place: give --out.")
    if from_files is not None:
        _compile(from_files, out)
        return
    require_writable_file(out, "--out")
    recording.write(out)
    _show_written(out)


def _compile(from_files: Path, out: Path) -> None:
    """Compile the source files in a folder into another folder."""
    require_writable_folder(out, "--out")
    from atlasnet.atlas.sources.compilation import record_snapshot

    record_snapshot(from_files, out)
    _show_written(out)


def _renew(folder: Path) -> None:
    """Renew the checksums of a snapshot."""
    from atlasnet.atlas.sources.renewal import renew_snapshot

    renew_snapshot(folder)
    _show_written(folder)


def _show_written(out: Path) -> None:
    """Read what was written, which verifies it, and print its size."""
    source = SnapshotSource(out)
    paths = sorted(out.iterdir()) if out.is_dir() else [out]
    console = results()
    sizes = {str(p): f"{p.stat().st_size:,} bytes" for p in paths}
    console.print(file_table(sizes))
    console.print(f"{len(source.regions())} regions, {source.checksum[:12]}")


def _compare(a: Path, b: Path, tolerance: float, as_json: bool) -> None:
    """Print what differs between two snapshots."""
    found = compare_sources(SnapshotSource(a), SnapshotSource(b), tolerance)
    if as_json:
        print_json({"differences": [asdict(difference) for difference in found]})
        return
    _print_differences(a, b, found)


def _print_differences(a: Path, b: Path, found: Sequence[Difference]) -> None:
    """Print the first differences of each kind, and how many there are."""
    console = results()
    if not found:
        console.print("No difference.")
        return
    numbers = Counter(difference.what for difference in found)
    most = max(_SHOWN // len(numbers), 5)
    kinds = [[each for each in found if each.what == what] for what in numbers]
    rows = [each for kind in kinds for each in kind[:most]]
    console.print(difference_table(str(a), str(b), rows))
    listed = ", ".join(f"{number:,} of {what}" for what, number in numbers.items())
    console.print(f"{len(found):,} differences: {listed}")
