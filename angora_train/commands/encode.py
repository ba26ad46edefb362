# SPDX-License-Identifier: Apache-2.0
"""The command that relates areas to brain data, and to each other."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from angora_train.analysis.encoding.plan import EncodingPlan
from angora_train.commands.decode import (
    Areas,
    Paths,
    results_folder,
    save,
    systems_of,
)
from angora_train.commands.options import Episodes
from atlasnet.commands.console import reporting, results
from atlasnet.commands.options import with_options
from atlasnet.files import write_text
from atlasnet.quiet import import_keras

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["encode"]

_RECORDED = Episodes(episodes=100, seed=20_000)


@with_options
def encode(
    paths: Paths,
    *,
    recorded: Episodes = _RECORDED,
    which: Annotated[
        Literal["best", "last"], typer.Option(help="Which checkpoint.")
    ] = "best",
    responses: Annotated[
        Path | None,
        typer.Option(help="Neural or voxel data (.npy or .nc) of the same episodes."),
    ] = None,
    example: Annotated[
        str | None,
        typer.Option(metavar="AREA", help="Simulated neurons that read this area."),
    ] = None,
    area: Areas = None,
    plan: EncodingPlan,
    out: Annotated[
        Path | None, typer.Option(help="Folder for results; of one subject its own.")
    ] = None,
) -> None:
    """Say what areas explain of brain data, or how pathways communicate.

    With --responses or --example areas are compared with data; else each pathway's
    communication subspace is measured, feedforward beside feedback.
    """
    import_keras()
    from angora_train.analysis.encoding.study import encode_subjects, subspaces
    from angora_train.analysis.figures.encoding import plot_encoding, plot_subspaces
    from angora_train.analysis.recording.subject import read_subjects
    from atlasnet.figures.palette import save_figure

    if responses is not None and example is not None:
        raise typer.BadParameter("give --responses or --example, not both")
    with reporting("Encoding") as report:
        subjects = read_subjects(
            paths,
            episodes=recorded.episodes,
            seed=recorded.seed,
            which=which,
            tell=report,
        )
        folder = results_folder(subjects, out)
        if responses is None and example is None:
            flow = subspaces(subjects, n_folds=plan.folds, tell=report)
            table = flow.table
            write_text(folder / "subspaces.csv", table.to_csv(index=False))
            save(folder, "encode", flow.summary, flow.arrays())
            left, _ = plot_subspaces(table[table["control"] == "none"])
            save_figure(left, folder / "encode_subspaces.png", dpi=150)
            results().print(_listed(flow.summary, "subspaces of pathways"))
            return
        found = encode_subjects(
            subjects,
            responses,
            example=example,
            areas=area,
            plan=plan,
            tell=report,
        )
    save(folder, "encode", found.table, found.arrays)
    name = found.table["subject"].iloc[-1]
    rows = found.table[found.table["subject"] == name]
    ax = plot_encoding(rows, systems=systems_of(subjects))
    save_figure(ax, folder / "encode.png", dpi=150)
    results().print(_listed(rows.drop(columns=["over"]), "what areas explain"))


def _listed(rows: "pd.DataFrame", title: str) -> Table:
    """Return rows as people read them."""
    table = Table(*map(str, rows.columns), title=title)
    for row in rows.itertuples(index=False):
        table.add_row(*(f"{x:.3g}" if isinstance(x, float) else str(x) for x in row))
    return table
