# SPDX-License-Identifier: Apache-2.0
"""The command that lesions groups of areas, and random ones beside them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from angora_train.commands.options import Episodes, RunFolder, Trained
from atlasnet.commands.console import reporting
from atlasnet.commands.options import with_options
from atlasnet.quiet import import_keras

if TYPE_CHECKING:
    from angora_train.analysis.lesioning.groups import LesionStudy

__all__ = ["lesions"]

_PLAYED = Episodes(episodes=100)
_COMMA = re.compile(r",(?![^()]*\))")
"""Between areas, not inside brackets: Area IFJ1 (IFS,PreCS)."""


@with_options
def lesions(
    directory: RunFolder,
    *,
    trained: Trained,
    played: Episodes = _PLAYED,
    group: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=AREA,AREA",
            help="A group of areas; by default each system of the atlas is one.",
        ),
    ] = None,
    random: Annotated[
        int, typer.Option(min=0, help="Random lesions beside each group.")
    ] = 5,
    lesion_seed: Annotated[
        int, typer.Option(min=0, help="Seed of the random lesions.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for lesions.csv and lesions.png; the run's folder."),
    ] = None,
) -> None:
    """Lesion groups of areas, and random ones of their size beside each.

    Every condition plays the same episodes with expected actions. Random lesions are of
    areas that no sensation enters and that the action head does not read.
    """
    groups = _groups(group or ())
    import_keras()
    from angora_train.analysis.figures import plot_lesions
    from angora_train.analysis.lesioning.groups import lesion_groups
    from atlasnet.figures.palette import save_figure

    ready = trained.ready(directory, played.episodes)
    with reporting("Lesioning") as report:
        study = lesion_groups(
            ready,
            played.seed,
            groups=groups or None,
            n_random=random,
            lesion_seed=lesion_seed,
            tell=lambda n_done, n, group: report("condition", n_done, n, group),
        )
    folder = directory if out is None else out
    study.save(folder / "lesions.csv")
    save_figure(plot_lesions(study), folder / "lesions.png", dpi=150)
    Console().print(_table(f"{directory}: {study.n_episodes} episodes", study))
    for note in study.notes():
        Console().print(note, soft_wrap=True, highlight=False)


def _groups(entries: Sequence[str]) -> dict[str, list[str]]:
    """Read groups of areas; a name that comes twice goes on."""
    groups: dict[str, list[str]] = {}
    for entry in entries:
        name, _, listed = entry.partition("=")
        areas = [area.strip() for area in _COMMA.split(listed)]
        if not name.strip() or not all(areas):
            raise typer.BadParameter(
                f"expected NAME=AREA[,AREA], got '{entry}'. For example: "
                "--group premotor=PMv,PMdc"
            )
        groups.setdefault(name.strip(), []).extend(areas)
    return groups


def _table(title: str, study: "LesionStudy") -> Table:
    """Return the groups and, together, the random lesions beside each."""
    heads = ("areas", "units", "success", "drop [95 %]", "random", "beyond [95 %]")
    right = (Column(x, justify="right", no_wrap=True) for x in heads)
    table = Table("", *right, title=title)
    table.add_row("intact", "", "", f"{study.intact.success:.2f}", "", "", "")
    for name, (own, beside) in study.groups.items():
        drops = [x.drop.mean for x in beside]
        table.add_row(
            name,
            str(len(own.lesion.areas)),
            str(own.lesion.n_units),
            f"{own.success:.2f}",
            own.drop.text(),
            f"{min(drops):.2f} to {max(drops):.2f}" if drops else "none fits",
            own.beyond.text() if own.beyond else "",
        )
    return table
