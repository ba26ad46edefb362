# SPDX-License-Identifier: Apache-2.0
"""The command ``atlasnet show``: a network or graph, in tables and figures."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from atlasnet.atlas.assembly import preset_graph
from atlasnet.atlas.selection import Hemispheres
from atlasnet.bundle import Bundle
from atlasnet.commands.arguments import AsJson, require_writable_folder
from atlasnet.commands.console import busy, print_json, results, side_channel
from atlasnet.commands.description import describe
from atlasnet.commands.selection import Snapshot
from atlasnet.commands.summary import print_bundle
from atlasnet.commands.tables import file_table
from atlasnet.frozen import Flag, Frozen
from atlasnet.plan.interface import hand_interface
from atlasnet.plan.planner import plan_network

__all__ = ["Display", "show_bundle"]


class Display(Frozen):
    """What of a network is shown, and where."""

    edges: bool = False
    """List every projection, and why it is there."""
    figures: Annotated[Path | None, Flag(metavar="DIR")] = None
    """Draw figures into this folder."""
    figure_format: Literal["png", "pdf", "svg"] = "png"
    """File format of the figures."""


def show_bundle(
    atlas: Snapshot,
    display: Display,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="A .keras, .graph.json or .network.json file."
        ),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="A preset, e.g. fpn.")
    ] = None,
    blind: Annotated[
        bool, typer.Option(help="The preset without visual areas.")
    ] = True,
    hemisphere: Annotated[
        Hemispheres, typer.Option(help="Side of the regions.")
    ] = "left",
    as_json: AsJson = False,
) -> None:
    """Show a network or graph."""
    if preset is not None and file is None:
        graph = preset_graph(atlas.open(), preset, hemisphere, blind=blind)
        interface = hand_interface(graph, preset=preset)
        bundle = Bundle(graph, plan_network(graph, interface, name=preset))
    elif preset is None and file is not None:
        bundle = _read_bundle(file)
    else:
        raise typer.BadParameter("give either a FILE or --preset.")
    folder = display.figures
    written = _draw(bundle, folder, display.figure_format, file) if folder else {}
    if as_json:
        print_json(describe(bundle))
        return
    print_bundle(bundle, every_edge=display.edges)
    if written:
        results().print(file_table(written))


def _read_bundle(file: Path) -> Bundle:
    """Return what a file and its companion hold."""
    bundle = Bundle.read(file)
    if bundle.set_aside is not None:
        side_channel().print(
            f"Note: {bundle.set_aside} is of another network and was left aside."
        )
    return bundle


def _draw(
    bundle: Bundle, folder: Path, figure_format: str, file: Path | None
) -> dict[str, str]:
    """Draw figures into a folder, and return what each file is."""
    require_writable_folder(folder, "--figures")
    with busy("Drawing"):
        from atlasnet.figures.gallery import save_figures

        n_parameters = None if file is None else _count_parameters(file)
        return dict(
            save_figures(bundle, folder, figure_format, n_parameters=n_parameters)
        )


def _count_parameters(file: Path) -> dict[str, int] | None:
    """Return the parameters of a model's areas and layers; None for other files."""
    if file.suffix != ".keras":
        return None
    from atlasnet.quiet import import_keras

    import_keras()
    from atlasnet.model.files import load_model
    from atlasnet.model.inventory import parameters_by_area

    table = parameters_by_area(load_model(file))
    return dict(zip(table["name"], table["n_parameters"].astype(int), strict=True))
