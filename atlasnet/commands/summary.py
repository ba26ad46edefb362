# SPDX-License-Identifier: Apache-2.0
"""Summary: what commands print about a graph and its network."""

from collections.abc import Iterator

from atlasnet.bundle import Bundle
from atlasnet.commands.console import results
from atlasnet.commands.description import describe
from atlasnet.commands.tables import (
    edge_list,
    edge_table,
    latency_notes,
    node_table,
    note_table,
    presence_notes,
)
from atlasnet.graph.graph import RegionGraph
from atlasnet.plan.spec import NetworkSpec

__all__ = ["print_bundle", "report_lines"]

_REPORTED = {
    "isolated_regions": "Without any projection",
    "edges_that_join_components": "Added so that the graph holds together",
    "closing_cycles": "Feedforward, but closing a cycle; they act one step later",
    "left_out_pathways": "Left out, since the literature speaks against them",
    "left_out_without_connections": "Left out, since the connectome lacks them",
    "direction_table_unused": "Rows of the direction table without a projection",
    "composites": "Composites",
    "synonyms": "Synonyms",
    "assumed": "Assumed",
}


def print_bundle(bundle: Bundle, *, every_edge: bool = False) -> None:
    """Print the tables of regions and projections, and each projection if wanted."""
    record = describe(bundle)
    console = results()
    title = f"Network '{record['name']}'" if record["name"] else "Region graph"
    console.print(node_table(title, record["nodes"]))
    console.print(edge_table(record["edges"]))
    why = list(presence_notes(record["edges"]))
    if why:
        console.print(note_table("Why they are there", why))
    if record["left_out"]:
        console.print(note_table("Left out by the literature", record["left_out"]))
    if every_edge:
        console.print(edge_list(record["edges"]))
    if record["network"]:
        notes = latency_notes(record["network"]["latencies"])
        console.print(note_table("Latencies", notes))
    cautions = list(_cautions(bundle.spec)) if bundle.spec is not None else []
    if cautions:
        console.print(note_table("To be read with care", cautions))


def _cautions(spec: NetworkSpec) -> Iterator[str]:
    """Return what names and numbers of a network do not say by themselves."""
    at_floor, n_areas = spec.areas_at_floor, len(spec.areas)
    if at_floor:
        yield (
            f"{len(at_floor)} of {n_areas} areas have {spec.area(at_floor[0]).n_units} "
            "units because that is the floor, not by their cell count: "
            f"{', '.join(at_floor)}"
        )
    for entry in spec.inputs:
        if entry.is_pose:
            yield (
                f"vision is {entry.size} numbers, such as a pose: no pixels enter this "
                "network"
            )


def report_lines(graph: RegionGraph) -> list[str]:
    """Return what the metadata of a graph report, in sentences."""
    about = graph.metadata
    remarks = about.get("remarks", [])
    lines = [f"{remark}." for remark in remarks] if isinstance(remarks, list) else []
    if about.get("null_model_is_the_graph"):
        lines.append(
            f"This null model is the graph itself: '{about['null_model']}' with seed "
            f"{about['null_model_seed']} changed nothing, so it is no control. Take "
            "another seed, another model, or a graph with more regions and fewer pairs "
            "joined."
        )
    elif about.get("null_model_moved_nothing"):
        lines.append(
            f"'{about['null_model']}' left every projection in its place and dealt out "
            "measurements alone: it is no control for who is joined. 'random' moves "
            "more."
        )
    if about.get("n_components", 1) != 1:
        lines.append(f"The graph falls into {about['n_components']} parts.")
    for key, text in _REPORTED.items():
        value = about.get(key)
        if isinstance(value, list) and value:
            more = f" and {len(value) - 10} more" if len(value) > 10 else ""
            lines.append(f"{text}: {'; '.join(value[:10])}{more}.")
    return lines
