# SPDX-License-Identifier: Apache-2.0
"""The command ``atlasnet``: regions, graph, build, show, snapshot and more.

What is heavy is imported by the command that needs it: ``atlasnet --help`` loads
neither Keras nor the atlas.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlasnet.commands.arguments import (
    ErrorReportingGroup,
    VariadicCommand,
    parse_cells,
    parse_image,
    parse_inputs,
    require_writable_folder,
    require_writable_model,
)
from atlasnet.commands.console import print_json, results, side_channel
from atlasnet.commands.graph import (
    cite_graph,
    compare_two,
    export_files,
    make_graph,
    report_lines,
)
from atlasnet.commands.model import list_parameters
from atlasnet.commands.snapshot import make_snapshot
from atlasnet.errors import AtlasNetError, closest
from atlasnet.units import CONDUCTION_VELOCITY_M_PER_S

if TYPE_CHECKING:
    from atlasnet.atlas.sources.snapshot import SnapshotSource
    from atlasnet.bundle import Bundle
    from atlasnet.plan.retinotopy import VisualRule
    from atlasnet.plan.spec import NetworkSpec

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


class Hemisphere(StrEnum):
    """Which side of the brain."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


class Readout(StrEnum):
    """What areas without a map see of one."""

    FLATTEN = "flatten"
    SPATIAL_SOFTMAX = "spatial_softmax"


class FigureFormat(StrEnum):
    """File format of figures."""

    PNG = "png"
    PDF = "pdf"
    SVG = "svg"


class ActivationName(StrEnum):
    """What units make of their drive."""

    TANH = "tanh"
    RELU = "relu"
    SOFTPLUS = "softplus"


class Gain(StrEnum):
    """How pathways share the drive of an area."""

    EQUAL = "equal"
    STREAMLINES = "streamlines"


class Strength(StrEnum):
    """What becomes of the pathways' gains."""

    INITIAL = "initial"
    FIXED = "fixed"
    TRAINABLE = "trainable"


class ValueStem(StrEnum):
    """What the value head reads."""

    SHARED = "shared"
    COPY = "copy"
    PLAIN = "plain"


_Snapshot = Annotated[
    Path | None,
    typer.Option(
        "--snapshot",
        metavar="PATH",
        help="Folder or file of another atlas snapshot than the one shipped.",
    ),
]
_AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object instead of tables.")
]
_PresetName = Annotated[
    str | None, typer.Option("--preset", metavar="NAME", help="A preset, e.g. fpn.")
]
_Side = Annotated[Hemisphere, typer.Option(help="Side of the regions.")]


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


@app.command("regions")
def _regions(
    search: Annotated[
        str, typer.Option(metavar="TEXT", help="Only names that contain this.")
    ] = "",
    hemisphere: _Side = Hemisphere.LEFT,
    as_json: _AsJson = False,
    snapshot: _Snapshot = None,
) -> None:
    """List the atlas's regions: names, volume, cell density and its rule."""
    from atlasnet.commands.description import describe_regions

    rows = describe_regions(_open_snapshot(snapshot), hemisphere.value)
    found = [row for row in rows if _is_named(row, search)]
    if not found:
        names = [str(row["name"]) for row in rows]
        raise AtlasNetError(
            f"No region's name contains '{search}' (hemisphere: {hemisphere.value})."
            f"{closest(search, names)}"
        )
    if as_json:
        print_json({"regions": found})
        return
    from atlasnet.commands.tables import region_table

    results().print(region_table(f"{len(found)} regions", found))


def _is_named(row: Mapping[str, Any], text: str) -> bool:
    """Tell whether one of a region's names contains a text, in any case."""
    names = (row["name"], row["julich_2_9"], row["julich_3_1"])
    return any(text.casefold() in name.casefold() for name in names if name)


@app.command("build", cls=VariadicCommand)
def _build(  # noqa: PLR0913 - one parameter per option
    out: Annotated[
        Path, typer.Option(metavar="FILE.keras", help="Model file to write.")
    ],
    regions: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME...",
            help='Regions of Julich-Brain, e.g. "Area 4p (PreCG)" "Area 2 (PostCS)".',
        ),
    ] = None,
    preset: _PresetName = None,
    graph_file: Annotated[
        Path | None,
        typer.Option(
            "--graph", metavar="FILE", help="A graph that `atlasnet graph` wrote."
        ),
    ] = None,
    blind: Annotated[
        bool,
        typer.Option(
            "--blind/--no-blind",
            help="Leave out the preset's visual areas: a pose replaces pixels.",
        ),
    ] = True,
    hemisphere: _Side = Hemisphere.LEFT,
    units: Annotated[
        int, typer.Option(min=1, help="Units of all areas without a map.")
    ] = 2048,
    exponent: Annotated[
        float, typer.Option(min=0.0, help="Units go with cells to this power.")
    ] = 1.0,
    floor: Annotated[int, typer.Option(min=1, help="Fewest units of an area.")] = 32,
    min_streamlines: Annotated[
        float, typer.Option(help="Streamlines that make a connection.")
    ] = 100.0,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="SENSATION=AREA[,AREA]...",
            help="Areas that a sensation enters, in place of the default.",
        ),
    ] = None,
    action: Annotated[
        list[str] | None,
        typer.Option(metavar="AREA...", help="Areas that drive action."),
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(metavar="AREA...", help="Areas that drive value."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="SENSATION...", help="Sensations to leave out."),
    ] = None,
    control_step: Annotated[
        float, typer.Option(metavar="SECONDS", help="Control step to plan for, in s.")
    ] = 0.02,
    cells: Annotated[
        list[str] | None,
        typer.Option(
            "--cell",
            metavar="CELL|AREA=CELL...",
            help="dense, rate, rnn, gru or lstm: of all areas with memory, or of one.",
        ),
    ] = None,
    activation: Annotated[
        ActivationName, typer.Option(help="What units make of their drive.")
    ] = ActivationName.TANH,
    time_constant: Annotated[
        float, typer.Option(metavar="SECONDS", help="Time constant of rate units, s.")
    ] = 0.02,
    gain: Annotated[
        Gain, typer.Option(help="How pathways share the drive of an area.")
    ] = Gain.EQUAL,
    strength: Annotated[
        Strength,
        typer.Option(help="Whether the gains are initial, fixed or trainable."),
    ] = Strength.INITIAL,
    delays: Annotated[
        bool, typer.Option("--delays/--no-delays", help="Delays by tract length.")
    ] = False,
    velocity: Annotated[
        float, typer.Option(metavar="M/S", help="Conduction velocity of tracts.")
    ] = CONDUCTION_VELOCITY_M_PER_S,
    inhibitory_share: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Dale's principle: units that inhibit; needs relu or softplus.",
        ),
    ] = None,
    noise: Annotated[float, typer.Option(help="Noise of units, of their drive.")] = 0.0,
    activity_cost: Annotated[
        float, typer.Option(help="Cost of activity in training.")
    ] = 0.0,
    wiring_cost: Annotated[
        float, typer.Option(help="Cost of length times weight in training.")
    ] = 0.0,
    value_stem: Annotated[
        ValueStem, typer.Option(help="What the value head reads.")
    ] = ValueStem.SHARED,
    image: Annotated[
        str | None,
        typer.Option(
            metavar="HEIGHTxWIDTHxCHANNELS",
            help="Vision as pixels, three channels a camera: visual areas become maps.",
        ),
    ] = None,
    visual_units: Annotated[
        int | None,
        typer.Option(min=1, help="Units of all areas with a map; 18,720 by default."),
    ] = None,
    readout: Annotated[
        Readout | None, typer.Option(help="What areas without a map see of one.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the initial weights.")] = 0,
    snapshot: _Snapshot = None,
) -> None:
    """Build the network of some regions, or of a preset, and write it to files.

    Writes FILE.keras, which stands alone, and beside it FILE.graph.json and
    FILE.network.json. Options with dots take several values, or may be repeated.
    """
    if sum([bool(regions), bool(preset), graph_file is not None]) != 1:
        raise typer.BadParameter("give either --regions or --preset, or --graph.")
    given_inputs = parse_inputs(inputs or [])
    cell, cell_of_area = parse_cells(cells or [])
    sizes = {} if image is None else {"vision": parse_image(image)}
    require_writable_model(out)

    from atlasnet.atlas.assembly import build_graph, preset_graph
    from atlasnet.bundle import GRAPH_SUFFIX, SPEC_SUFFIX, Bundle, companion
    from atlasnet.graph.graph import RegionGraph
    from atlasnet.plan.interface import hand_interface
    from atlasnet.plan.options import PlanOptions
    from atlasnet.plan.planner import UnitRule, plan_network

    rule = UnitRule(total=units, exponent=exponent, floor=floor)
    words: dict[str, Any] = {"cell": cell, "cells": cell_of_area}  # any so far
    choices = PlanOptions(
        **words,
        activation=activation.value,
        time_constant_s=time_constant,
        gain=gain.value,
        strength=strength.value,
        has_delays=delays,
        conduction_velocity_m_per_s=velocity,
        inhibitory_share=inhibitory_share,
        noise_std=noise,
        activity_cost=activity_cost,
        wiring_cost=wiring_cost,
        value_stem=value_stem.value,
    )
    options: dict[str, Any] = {"min_streamline_count": min_streamlines}
    if graph_file is not None:
        graph = RegionGraph.load(graph_file)
    elif preset is not None:
        source = _open_snapshot(snapshot)
        graph = preset_graph(source, preset, hemisphere.value, blind=blind, **options)
    else:
        source = _open_snapshot(snapshot)
        graph = build_graph(source, regions or [], hemisphere.value, **options)
    interface = hand_interface(
        graph,
        inputs=given_inputs,
        action=action or None,
        value=value or None,
        without=without or (),
        sizes=sizes,
        preset=preset or "fpn",
    )
    name = preset or "network"
    visual = _visual_rule(visual_units, readout)
    spec = plan_network(graph, interface, rule, control_step, name, choices, visual)
    n_parameters = _write_model(spec, seed, out)
    graph.save(companion(out, GRAPH_SUFFIX))
    spec.save(companion(out, SPEC_SUFFIX))

    from atlasnet.commands.tables import file_table, note_table

    _print_bundle(Bundle(graph, spec))
    console = results()
    console.print(note_table("Connected to", interface.notes))
    for line in report_lines(graph):
        side_channel().print(line, markup=False)
    console.print(f"{n_parameters:,} parameters, {spec.n_units:,} units")
    files = {
        str(out): "model, stands alone",
        str(companion(out, GRAPH_SUFFIX)): "what the atlas says",
        str(companion(out, SPEC_SUFFIX)): "what was built",
    }
    console.print(file_table(files))


@app.command("show")
def _show(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="A .keras, .graph.json or .network.json file."
        ),
    ] = None,
    preset: _PresetName = None,
    blind: Annotated[
        bool,
        typer.Option("--blind/--no-blind", help="The preset without visual areas."),
    ] = False,
    hemisphere: _Side = Hemisphere.LEFT,
    as_json: _AsJson = False,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw figures into this folder.")
    ] = None,
    figure_format: Annotated[
        FigureFormat, typer.Option(help="File format of the figures.")
    ] = FigureFormat.PNG,
    snapshot: _Snapshot = None,
) -> None:
    """Show a network or graph: its regions, cells, units and projections.

    A file is read with those that `build` wrote beside it. A preset is planned with
    the defaults of `build`.
    """
    if (file is None) == (preset is None):
        raise typer.BadParameter("give either a FILE or --preset.")
    if preset is not None:
        bundle = _plan_preset(preset, hemisphere.value, blind, snapshot)
    else:
        bundle = _read_bundle(file or Path())
    written = {}
    if figures is not None:
        require_writable_folder(figures, "--figures")
        with side_channel().status("Drawing..."):
            from atlasnet.figures.gallery import save_figures

            n_parameters = _count_parameters(file) if file is not None else None
            written = save_figures(
                bundle, figures, figure_format.value, n_parameters=n_parameters
            )
    if as_json:
        from atlasnet.commands.description import describe

        print_json(describe(bundle))
        return
    _print_bundle(bundle)
    if written:
        from atlasnet.commands.tables import file_table

        results().print(file_table(written))


app.command("snapshot")(make_snapshot)
app.command("graph", cls=VariadicCommand)(make_graph)
app.command("export")(export_files)
app.command("compare")(compare_two)
app.command("cite")(cite_graph)
app.command("parameters")(list_parameters)


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


def _open_snapshot(folder: Path | None) -> "SnapshotSource":
    """Return the snapshot in a folder, or the one shipped."""
    from atlasnet.atlas.sources.snapshot import SnapshotSource

    return SnapshotSource(folder)


def _visual_rule(n_units: int | None, readout: Readout | None) -> "VisualRule | None":
    """Return the rule for visual areas, if it was asked for."""
    from atlasnet.plan.retinotopy import VisualRule

    given: dict[str, Any] = {"total": n_units, "readout": readout and readout.value}
    chosen = {key: value for key, value in given.items() if value is not None}
    return VisualRule(**chosen) if chosen else None


def _plan_preset(
    name: str, hemisphere: Any, blind: bool, snapshot: Path | None
) -> "Bundle":
    """Return a preset's graph and the network that `build` would make of it."""
    from atlasnet.atlas.assembly import preset_graph
    from atlasnet.bundle import Bundle
    from atlasnet.plan.interface import hand_interface
    from atlasnet.plan.planner import plan_network

    graph = preset_graph(_open_snapshot(snapshot), name, hemisphere, blind=blind)
    interface = hand_interface(graph, preset=name)
    return Bundle(graph, plan_network(graph, interface, name=name))


def _read_bundle(file: Path) -> "Bundle":
    """Return what a file and its companion hold."""
    from atlasnet.bundle import Bundle

    bundle = Bundle.read(file)
    if bundle.set_aside is not None:
        side_channel().print(
            f"Note: {bundle.set_aside} is of another network and was left aside."
        )
    return bundle


def _write_model(spec: "NetworkSpec", seed: int, out: Path) -> int:
    """Build the model, write it, and return the number of its parameters."""
    with side_channel().status("Loading Keras and building the model..."):
        from atlasnet.quiet import import_keras

        import_keras()
        from atlasnet.model.builder import build_model
        from atlasnet.model.files import save_model

        model = build_model(spec, seed)
        save_model(model, out)
        return int(model.count_params())


def _print_bundle(bundle: "Bundle") -> None:
    """Print the tables of regions and projections."""
    from atlasnet.commands.description import describe
    from atlasnet.commands.tables import (
        edge_table,
        latency_notes,
        node_table,
        note_table,
    )

    record = describe(bundle)
    console = results()
    title = f"Network '{record['name']}'" if record["name"] else "Region graph"
    console.print(node_table(title, record["nodes"]))
    console.print(edge_table(record["edges"]))
    if record["network"]:
        notes = latency_notes(record["network"]["latencies"])
        console.print(note_table("Latencies", notes))
