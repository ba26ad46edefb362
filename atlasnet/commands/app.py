# SPDX-License-Identifier: Apache-2.0
"""The command ``atlasnet``: regions, graph, build, show, robustness and more.

What is heavy is imported by the command that needs it: ``atlasnet --help`` loads
neither Keras nor the atlas.
"""

from typing import Annotated

import typer

from atlasnet.commands.arguments import ErrorReportingGroup
from atlasnet.commands.exchange import cite_graph, compare_two, export_files
from atlasnet.commands.late import Command, LateCommand
from atlasnet.commands.model import list_parameters

__all__ = ["app", "main"]

app = typer.Typer(
    name="atlasnet",
    cls=ErrorReportingGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # errors and help stay plain lines, wherever they go
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line."""
    app(prog_name="atlasnet")


def _print_version(is_wanted: bool) -> None:
    """Print the version, if asked for."""
    if is_wanted:
        import atlasnet

        typer.echo(f"atlasnet {atlasnet.__version__}")
        raise typer.Exit


@app.callback()
def _atlasnet(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """From a brain atlas to a recurrent network of its areas."""


@app.command("regions", cls=LateCommand)
def _regions() -> Command:
    """List the atlas's regions: names, volume, cell density and its rule."""
    from atlasnet.commands.regions import list_regions

    return list_regions


@app.command("build", cls=LateCommand)
def _build() -> Command:
    """Build the network of some regions, or of a preset, and write it to files.

    Writes FILE.keras, which stands alone, and beside it FILE.graph.json and
    FILE.network.json. Options with dots take several values, or may be repeated.
    """
    from atlasnet.commands.build import build_files

    return build_files


@app.command("show", cls=LateCommand)
def _show() -> Command:
    """Show a network or graph: its regions, cells, units and projections.

    A file is read with those that `build` wrote beside it. A preset is planned with
    the defaults of `build`.
    """
    from atlasnet.commands.show import show_bundle

    return show_bundle


@app.command("robustness", cls=LateCommand)
def _robustness() -> Command:
    """Tell which statements about a network survive other choices in its making.

    Plans the network, of the preset fpn if none is named, with one choice changed at a
    time, and tests each statement on every variant. Writes tables, a figure and the
    experiment that trains the variants. Options of rules and units make the default.
    """
    from atlasnet.commands.robustness import survey_choices

    return survey_choices


@app.command("snapshot", cls=LateCommand)
def _snapshot() -> Command:
    """Compile a snapshot of the atlas, record, renew or compare snapshots."""
    from atlasnet.commands.snapshot import make_snapshot

    return make_snapshot


@app.command("graph", cls=LateCommand)
def _graph() -> Command:
    """Make a graph of regions and write it to a file."""
    from atlasnet.commands.graph import make_graph

    return make_graph


app.command("export")(export_files)
app.command("compare")(compare_two)
app.command("cite")(cite_graph)
app.command("parameters")(list_parameters)
