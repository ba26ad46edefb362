# SPDX-License-Identifier: Apache-2.0
"""The command ``atlasnet graph``: regions in, a graph out."""

from pathlib import Path
from typing import Annotated

import typer

from atlasnet.atlas.rules import GraphRules
from atlasnet.bundle import Bundle
from atlasnet.commands.arguments import MAX_SEED, require_writable_file
from atlasnet.commands.console import results, side_channel
from atlasnet.commands.selection import Atlas, Selection
from atlasnet.commands.summary import print_bundle, report_lines
from atlasnet.commands.tables import file_table, loss_table

__all__ = ["make_graph"]


def make_graph(
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Graph file to write (.graph.json).")
    ],
    selection: Selection,
    rules: GraphRules,
    atlas: Atlas,
    null_model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Make a null model of the graph."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=MAX_SEED, help="Seed of the null model.", show_default="0"
        ),
    ] = None,
) -> None:
    """Make a graph and write it."""
    selection.require_one()
    if null_model is None and seed is not None:
        raise typer.BadParameter("--seed is for --null-model: give both, or none.")
    require_writable_file(out, "--out")
    original = graph = selection.graph(atlas.open(), rules)
    if null_model is not None:
        from atlasnet.graph.null_models import randomize

        graph = randomize(original, null_model, seed or 0)
    graph.save(out)
    print_bundle(Bundle(graph))
    if null_model is not None:
        from atlasnet.graph.loss import what_is_left

        title = f"What '{null_model}' left of the graph"
        results().print(loss_table(title, what_is_left(original, graph)))
    results().print(file_table({str(out): "what the atlas says"}))
    for line in report_lines(graph):
        side_channel().print(line, markup=False)
