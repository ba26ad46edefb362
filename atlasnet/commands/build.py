# SPDX-License-Identifier: Apache-2.0
"""The command ``atlasnet build``: regions in, a model and its companions out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BeforeValidator

from atlasnet.atlas.rules import GraphRules
from atlasnet.bundle import GRAPH_SUFFIX, SPEC_SUFFIX, Bundle, companion
from atlasnet.commands.arguments import (
    MAX_SEED,
    parse_image,
    parse_inputs,
    require_writable_model,
)
from atlasnet.commands.console import busy, results, side_channel
from atlasnet.commands.options import given_flags
from atlasnet.commands.selection import Atlas, Selection
from atlasnet.commands.summary import print_bundle, report_lines
from atlasnet.commands.tables import file_table, note_table
from atlasnet.frozen import Flag, Frozen
from atlasnet.graph.graph import RegionGraph
from atlasnet.plan.interface import Interface, hand_interface
from atlasnet.plan.options import PlanOptions
from atlasnet.plan.planner import plan_network
from atlasnet.plan.retinotopy import VisualRule
from atlasnet.plan.sharing import UnitRule
from atlasnet.plan.spec import NetworkSpec

__all__ = ["Body", "Start", "build_files"]


class Start(Atlas, Selection):
    """What a network is made of: a selection of regions, or a graph from a file."""

    graph_file: Annotated[Path | None, Flag("--graph", metavar="FILE")] = None
    """A graph that `atlasnet graph` wrote."""

    def found(self, rules: GraphRules) -> RegionGraph:
        """Return the graph.

        Raises
        ------
        typer.BadParameter
            If options say how to make a graph that is read from a file.
        """
        if self.graph_file is not None:
            flags = [
                f for f in given_flags(self) + given_flags(rules) if f != "--graph"
            ]
            if flags:
                raise typer.BadParameter(
                    f"--graph gives a graph as it is: leave out {', '.join(flags)}."
                )
            return RegionGraph.load(self.graph_file)
        return self.graph(self.open(), rules)


class Body(Frozen):
    """What a network is connected to, where it is not as the preset says."""

    inputs: Annotated[
        Mapping[str, tuple[str, ...]],
        BeforeValidator(parse_inputs),
        Flag("--input", metavar="SENSATION=AREA[,AREA]..."),
    ] = {}
    """Areas that a sensation enters, in place of the default."""
    action: Annotated[tuple[str, ...], Flag(metavar="AREA...")] = ()
    """Areas that drive action."""
    value: Annotated[tuple[str, ...], Flag(metavar="AREA...")] = ()
    """Areas that drive value."""
    without: Annotated[tuple[str, ...], Flag(metavar="SENSATION...")] = ()
    """Sensations to leave out."""
    image: Annotated[
        tuple[int, int, int] | None,
        BeforeValidator(parse_image),
        Flag(metavar="HEIGHTxWIDTHxCHANNELS"),
    ] = None
    """Vision as pixels, three channels a camera: visual areas become maps."""
    control_step_s: Annotated[float, Flag("--control-step", metavar="SECONDS")] = 0.02
    """Control step to plan for, in s."""

    def connect(self, graph: RegionGraph, preset: str | None) -> Interface:
        """Return a graph's connections; those of ``fpn`` without a preset."""
        return hand_interface(
            graph,
            inputs=self.inputs,
            action=self.action or None,
            value=self.value or None,
            without=self.without,
            sizes={} if self.image is None else {"vision": self.image},
            preset=preset or "fpn",
        )


def build_files(
    out: Annotated[
        Path, typer.Option(metavar="FILE.keras", help="Model file to write.")
    ],
    start: Start,
    rules: GraphRules,
    units: UnitRule,
    body: Body,
    plan: PlanOptions,
    visual: VisualRule | None,
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="Seed of the initial weights.")
    ] = 0,
) -> None:
    """Build a model and write it with its graph and its plan."""
    start.require_one(graph=start.graph_file)
    require_writable_model(out)
    graph = start.found(rules)
    for line in report_lines(graph):  # first: it may say why no network can be planned
        side_channel().print(line, markup=False)
    interface = body.connect(graph, start.preset)
    name = start.preset or "network"
    spec = plan_network(
        graph, interface, units, body.control_step_s, name, plan, visual
    )
    n_parameters = _write_model(spec, seed, out)
    graph.save(companion(out, GRAPH_SUFFIX))
    spec.save(companion(out, SPEC_SUFFIX))

    print_bundle(Bundle(graph, spec))
    console = results()
    console.print(note_table("Connected to", interface.notes))
    console.print(f"{n_parameters:,} parameters, {spec.n_units:,} units")
    files = {
        str(out): "model, stands alone",
        str(companion(out, GRAPH_SUFFIX)): "what the atlas says",
        str(companion(out, SPEC_SUFFIX)): "what was built",
    }
    console.print(file_table(files))


def _write_model(spec: NetworkSpec, seed: int, out: Path) -> int:
    """Build the model, write it, and return the number of its parameters."""
    with busy("Loading Keras and building the model"):
        from atlasnet.quiet import import_keras

        import_keras()
        from atlasnet.model.builder import build_model
        from atlasnet.model.files import save_model

        model = build_model(spec, seed)
        save_model(model, out)
        return int(model.count_params())
