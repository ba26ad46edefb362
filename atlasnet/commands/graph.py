# SPDX-License-Identifier: Apache-2.0
"""The commands about graphs: make one, export it, compare two, and what to cite."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlasnet.commands.arguments import require_writable_folder
from atlasnet.commands.console import print_json, results, side_channel
from atlasnet.errors import AtlasNetError

if TYPE_CHECKING:
    from atlasnet.atlas.source import AtlasSource
    from atlasnet.bundle import Bundle
    from atlasnet.graph.graph import RegionGraph

__all__ = [
    "cite_graph",
    "compare_two",
    "export_files",
    "make_graph",
    "report_lines",
]

_SHOWN = 40


class Side(StrEnum):
    """Which side of the brain."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


_Graph = Annotated[Path, typer.Argument(metavar="FILE", help="A .graph.json file.")]
_Text = str | None


def make_graph(  # noqa: PLR0913 - one parameter per option
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Graph file to write (.graph.json).")
    ],
    regions: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME...",
            help="Regions by name, part of a name, parent, node, or composite: "
            '4p "superior parietal lobule" "AIP = hIP1 + hIP2".',
        ),
    ] = None,
    preset: Annotated[_Text, typer.Option(metavar="NAME", help="A preset.")] = None,
    all_regions: Annotated[
        bool, typer.Option("--all", help="All regions of the connectome.")
    ] = False,
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME...",
            help='Regions beside the preset, e.g. "MCC (stand-in)".',
        ),
    ] = None,
    blind: Annotated[
        bool, typer.Option("--blind/--no-blind", help="Without the visual areas.")
    ] = True,
    neighbours: Annotated[
        int, typer.Option(min=0, help="Strongest neighbours of the regions to add.")
    ] = 0,
    complete: Annotated[
        bool, typer.Option(help="Neighbours with volume and density only.")
    ] = False,
    hemisphere: Annotated[Side, typer.Option(help="Side of the regions.")] = Side.LEFT,
    edges: Annotated[
        str,
        typer.Option(
            metavar="RULE",
            help="streamlines=N, density=SHARE, strongest=K or share=SHARE.",
        ),
    ] = "streamlines=100",
    weight: Annotated[
        str, typer.Option(help="streamlines, log or input_share.")
    ] = "streamlines",
    cited: Annotated[bool, typer.Option(help="Use the cited pathways.")] = True,
    doubtful: Annotated[bool, typer.Option(help="Use doubtful ones too.")] = False,
    direction_model: Annotated[
        str, typer.Option(help="structural_model, cortical_type or none.")
    ] = "structural_model",
    direction_table: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Your directions: source,target,direction."),
    ] = None,
    density: Annotated[
        str, typer.Option(help="homologue, surface_overlap or measured_layers.")
    ] = "homologue",
    leave_out_layers: Annotated[
        list[str] | None,
        typer.Option(metavar="LAYER...", help="Layers whose cells do not count."),
    ] = None,
    null_model: Annotated[
        _Text, typer.Option(metavar="NAME", help="Make a null model of the graph.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the null model.")] = 0,
    snapshot: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Another snapshot than the one shipped."),
    ] = None,
    label_image: Annotated[
        Path | None, typer.Option(metavar="NII", help="Your atlas: its label image.")
    ] = None,
    label_table: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Your atlas: names of labels.")
    ] = None,
    connectivity: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Your atlas: CSV or connectivity.zip."),
    ] = None,
    lengths: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Your atlas: lengths in mm.")
    ] = None,
    densities: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Your atlas: cell densities.")
    ] = None,
    fill: Annotated[
        _Text, typer.Option(help="Missing densities: mean, median, nearest, unknown.")
    ] = None,
    directed: Annotated[
        bool, typer.Option(help="Your matrix differs by direction.")
    ] = False,
) -> None:
    """Make a graph of regions and write it to a file."""
    if sum([bool(regions), preset is not None, all_regions]) != 1:
        raise typer.BadParameter("give one of --regions, --preset and --all.")
    require_writable_folder(out.parent, "--out")
    files = _Files(label_image, label_table, connectivity, lengths, densities)
    source = _open(snapshot, files, fill, directed)
    from atlasnet.atlas import assembly
    from atlasnet.atlas.edges import parse_edge_rule
    from atlasnet.atlas.rules import GraphRules, read_direction_table

    options: dict[str, Any] = {
        "weight": weight,
        "direction_model": direction_model,
        "density": density,
    }
    rules = GraphRules(
        parse_edge_rule(edges),
        cited=cited,
        doubtful=doubtful,
        direction_table=(
            () if direction_table is None else read_direction_table(direction_table)
        ),
        layers_left_out=tuple(leave_out_layers or ()),
        **options,
    )
    side: Any = hemisphere.value
    if preset is not None:
        graph = assembly.preset_graph(
            source, preset, side, blind=blind, rules=rules, also=also or ()
        )
    elif all_regions:
        graph = assembly.all_regions_graph(source, side, rules=rules)
    else:
        names: tuple[str, ...] = (*(regions or ()), *(also or ()))
        if neighbours:
            names = assembly.strongest_neighbours(
                source, names, neighbours, side, complete=complete
            )
        graph = assembly.build_graph(source, names, side, rules=rules)
    if null_model is not None:
        from atlasnet.graph.null_models import randomize

        graph = randomize(graph, null_model, seed)
    graph.save(out)
    _print_graph(graph, out)


def export_files(
    file: _Graph,
    out: Annotated[
        Path,
        typer.Option(metavar="PATH", help="File; for csv and bids a folder."),
    ],
    name: Annotated[
        str,
        typer.Option("--format", help="graphml, node-link, csv, tvb, bids or nifti."),
    ] = "graphml",
    label_image: Annotated[
        Path | None, typer.Option(metavar="NII", help="For nifti: a label image.")
    ] = None,
    label_table: Annotated[
        Path | None, typer.Option(metavar="CSV", help="For nifti: names of its labels.")
    ] = None,
    statistic: Annotated[
        str, typer.Option(help="For nifti: what to paint, e.g. n_units.")
    ] = "cell_count",
) -> None:
    """Write a graph in the format of another program."""
    require_writable_folder(out.parent, "--out")
    from atlasnet.bundle import Bundle
    from atlasnet.commands.tables import file_table
    from atlasnet.graph.exchange import export_graph

    bundle = Bundle.read(file)
    if bundle.graph is None:
        raise AtlasNetError(
            f"'{file}' has no graph beside it. Give a .graph.json file."
        )
    if name == "nifti":
        if label_image is None or label_table is None:
            raise typer.BadParameter("nifti needs --label-image and --label-table.")
        written = _paint(bundle, statistic, label_image, label_table, out)
    else:
        written = export_graph(bundle.graph, name, out)
    results().print(file_table({str(path): name for path in written}))


def _paint(
    bundle: "Bundle", statistic: str, label_image: Path, label_table: Path, out: Path
) -> tuple[Path, ...]:
    """Write a number of the graph's areas into the voxels of a label image.

    A label table may be of one hemisphere: areas of the other are left out.
    """
    from atlasnet.atlas.naming import normalised
    from atlasnet.atlas.sources.table_source import read_label_table
    from atlasnet.graph.area_map import write_area_map
    from atlasnet.graph.exchange import area_values

    if bundle.graph is None:
        return ()
    units = {a.name: a.n_units for a in bundle.spec.areas} if bundle.spec else None
    values = area_values(bundle.graph, statistic, units)
    labels = {normalised(n): i for n, i in read_label_table(label_table).items()}
    spelt = {normalised(name): value for name, value in values.items()}
    there = {name.rsplit(" ", 1)[-1] for name in labels}
    kept = {n: v for n, v in spelt.items() if n.rsplit(" ", 1)[-1] in there}
    if not kept:
        raise AtlasNetError(
            f"'{label_table}' is of the other hemisphere than the graph: no area can "
            "be painted."
        )
    write_area_map(kept, label_image, labels, out)
    return (out,)


def compare_two(
    a: _Graph,
    b: Annotated[Path, typer.Argument(metavar="FILE", help="Another one.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of a table.")
    ] = False,
) -> None:
    """Compare two graphs: regions, projections, directions and strengths."""
    from dataclasses import asdict

    from atlasnet.commands.tables import difference_table, note_table
    from atlasnet.graph.comparison import compare_graphs
    from atlasnet.graph.graph import RegionGraph

    found = compare_graphs(RegionGraph.load(a), RegionGraph.load(b))
    if as_json:
        print_json(asdict(found))
        return
    console = results()
    numbers = {k: v for k, v in asdict(found).items() if k != "differences"}
    lines = [f"{key.replace('_', ' ')}: {value}" for key, value in numbers.items()]
    console.print(note_table("Two graphs", lines))
    console.print(difference_table(str(a), str(b), found.differences[:_SHOWN]))
    if len(found.differences) > _SHOWN:
        console.print(f"{len(found.differences):,} differences; --json has all.")


def cite_graph(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A .graph.json file, or a model with one beside it."
        ),
    ],
) -> None:
    """Print the BibTeX of exactly the data and methods that a graph used."""
    from atlasnet.bundle import Bundle
    from atlasnet.graph.citation import bibliography

    graph = Bundle.read(file).graph
    if graph is None:
        raise AtlasNetError(
            f"'{file}' has no graph beside it, which says what it was made of. Give "
            "the .graph.json file."
        )
    typer.echo(bibliography(graph), nl=False)


@dataclass(frozen=True, slots=True)
class _Files:
    """Files of a user's own atlas."""

    label_image: Path | None
    label_table: Path | None
    connectivity: Path | None
    lengths: Path | None
    densities: Path | None


def _open(
    snapshot: Path | None, files: _Files, fill: str | None, directed: bool
) -> "AtlasSource":
    """Return the user's own atlas, or a snapshot."""
    needed = files.label_image, files.label_table, files.connectivity
    if not any((*needed, files.lengths, files.densities, fill, directed)):
        from atlasnet.atlas.sources.snapshot import SnapshotSource

        return SnapshotSource(snapshot)
    if snapshot is not None:
        raise typer.BadParameter("give either --snapshot or files of your own atlas.")
    if None in needed:
        raise typer.BadParameter(
            "your own atlas needs --label-image, --label-table and --connectivity."
        )
    from atlasnet.atlas.sources.table_source import TableSource

    given: Any = needed
    rule: Any = fill
    return TableSource(
        *given,
        lengths=files.lengths,
        densities=files.densities,
        fill=rule,
        symmetric=not directed,
    )


def _print_graph(graph: "RegionGraph", out: Path) -> None:
    """Print the tables of a graph, and what its metadata report."""
    from atlasnet.bundle import Bundle
    from atlasnet.commands.description import describe
    from atlasnet.commands.tables import edge_table, file_table, node_table

    record = describe(Bundle(graph))
    console = results()
    console.print(node_table("Region graph", record["nodes"]))
    console.print(edge_table(record["edges"]))
    console.print(file_table({str(out): "what the atlas says"}))
    for line in report_lines(graph):
        side_channel().print(line, markup=False)


def report_lines(graph: "RegionGraph") -> list[str]:
    """Return what the metadata of a graph report, in sentences."""
    about = graph.metadata
    lines = []
    if about.get("n_components", 1) != 1:
        lines.append(f"The graph falls into {about['n_components']} parts.")
    texts = {
        "isolated_regions": "Without any projection",
        "edges_that_join_components": "Added so that the graph holds together",
        "closing_cycles": "Feedforward, but closing a cycle; they act one step later",
        "left_out_without_connections": "Left out, since the connectome lacks them",
        "direction_table_unused": "Rows of the direction table without a projection",
        "composites": "Composites",
    }
    for key, text in texts.items():
        value = about.get(key)
        if isinstance(value, list) and value:
            more = f" and {len(value) - 10} more" if len(value) > 10 else ""
            lines.append(f"{text}: {'; '.join(value[:10])}{more}.")
    return lines
