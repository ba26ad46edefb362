# SPDX-License-Identifier: Apache-2.0
"""The commands about graphs that are there: export, compare, and what to cite."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from atlasnet.commands.arguments import (
    AsJson,
    require_writable_file,
    require_writable_folder,
)
from atlasnet.commands.console import print_json, results
from atlasnet.errors import AtlasNetError

__all__ = [
    "cite_graph",
    "compare_two",
    "export_files",
]

_SHOWN = 40


_Graph = Annotated[Path, typer.Argument(metavar="FILE", help="A .graph.json file.")]


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
        str | None,
        typer.Option(
            help="For nifti: what to paint, e.g. n_units.", show_default="cell_count"
        ),
    ] = None,
) -> None:
    """Write a graph in the format of another program."""
    idle = {
        "--label-image": label_image,
        "--label-table": label_table,
        "--statistic": statistic,
    }
    given = [flag for flag, value in idle.items() if value is not None]
    if name != "nifti" and given:
        raise typer.BadParameter(
            f"{', '.join(given)}: for nifti only, the format is {name}."
        )
    is_folder = name in ("csv", "bids")
    (require_writable_folder if is_folder else require_writable_file)(out, "--out")
    from atlasnet.bundle import Bundle
    from atlasnet.commands.tables import file_table
    from atlasnet.graph.exchange import area_values, export_graph

    bundle = Bundle.read(file)
    if bundle.graph is None:
        raise AtlasNetError(
            f"'{file}' has no graph beside it. Give a .graph.json file."
        )
    if name == "nifti":
        if label_image is None or label_table is None:
            raise typer.BadParameter("nifti needs --label-image and --label-table.")
        units = {a.name: a.n_units for a in bundle.spec.areas} if bundle.spec else None
        values = area_values(bundle.graph, statistic or "cell_count", units)
        written = _paint(values, label_image, label_table, out)
    else:
        written = export_graph(bundle.graph, name, out)
    results().print(file_table({str(path): name for path in written}))


def _paint(
    values: Mapping[str, float], label_image: Path, label_table: Path, out: Path
) -> tuple[Path, ...]:
    """Write a number of the graph's areas into the voxels of a label image.

    A label table may be of one hemisphere: areas of the other are left out.
    """
    from atlasnet.atlas.sources.table_source import read_label_table
    from atlasnet.graph.area_map import write_area_map
    from atlasnet.naming import same_name

    labels = read_label_table(label_table)
    spellings = {name: (name,) for name in labels}
    sides = {name.rsplit(" ", 1)[-1] for name in labels}
    kept = {
        next(iter(same_name(name, spellings)), name): value
        for name, value in values.items()
        if name.rsplit(" ", 1)[-1] in sides
    }
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
    as_json: AsJson = False,
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
