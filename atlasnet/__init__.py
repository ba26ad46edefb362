# SPDX-License-Identifier: Apache-2.0
"""atlasnet: from a brain atlas to a recurrent network of its areas.

::

    atlas source -> RegionGraph -> NetworkSpec -> keras.Model

The public names are resolved when they are first used: ``import atlasnet`` loads
neither Keras nor an atlas.

Examples
--------
>>> import atlasnet
>>> source = atlasnet.SnapshotSource()
>>> graph = atlasnet.preset_graph(source, "fpn")
>>> spec = atlasnet.plan_network(graph, atlasnet.hand_interface(graph))
>>> spec.n_units
2048
"""

import os
from typing import TYPE_CHECKING

from atlasnet.names import moved_into, redirect, resolve

# As in angora_train: whichever is imported first comes before TensorFlow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

if TYPE_CHECKING:
    from atlasnet.atlas.assembly import all_regions_graph as all_regions_graph
    from atlasnet.atlas.assembly import build_graph as build_graph
    from atlasnet.atlas.assembly import preset_graph as preset_graph
    from atlasnet.atlas.rules import GraphRules as GraphRules
    from atlasnet.atlas.selection import strongest_neighbours as strongest_neighbours
    from atlasnet.atlas.source import AtlasSource as AtlasSource
    from atlasnet.atlas.sources.siibra_source import SiibraSource as SiibraSource
    from atlasnet.atlas.sources.snapshot import SnapshotSource as SnapshotSource
    from atlasnet.atlas.sources.table_source import TableSource as TableSource
    from atlasnet.errors import AtlasNetError as AtlasNetError
    from atlasnet.graph.citation import bibliography as bibliography
    from atlasnet.graph.comparison import compare_graphs as compare_graphs
    from atlasnet.graph.exchange import export_graph as export_graph
    from atlasnet.graph.graph import Projection as Projection
    from atlasnet.graph.graph import Region as Region
    from atlasnet.graph.graph import RegionGraph as RegionGraph
    from atlasnet.graph.null_models import randomize as randomize
    from atlasnet.model.builder import build_model as build_model
    from atlasnet.model.components import freeze as freeze
    from atlasnet.model.components import take_weights as take_weights
    from atlasnet.model.files import load_model as load_model
    from atlasnet.model.files import save_model as save_model
    from atlasnet.model.files import spec_of as spec_of
    from atlasnet.model.inventory import parameters_by_area as parameters_by_area
    from atlasnet.model.inventory import parameters_by_pathway as parameters_by_pathway
    from atlasnet.model.policy import policy_only as policy_only
    from atlasnet.model.probing import intervene as intervene
    from atlasnet.model.rewiring import connect_stream as connect_stream
    from atlasnet.model.rewiring import rewire as rewire
    from atlasnet.model.rewiring import split_frozen_streams as split_frozen_streams
    from atlasnet.plan.interface import Interface as Interface
    from atlasnet.plan.interface import hand_interface as hand_interface
    from atlasnet.plan.interventions import Clamp as Clamp
    from atlasnet.plan.interventions import Intervention as Intervention
    from atlasnet.plan.interventions import Lesion as Lesion
    from atlasnet.plan.interventions import Noise as Noise
    from atlasnet.plan.interventions import (
        parse_intervention as parse_intervention,
    )
    from atlasnet.plan.options import PlanOptions as PlanOptions
    from atlasnet.plan.planner import plan_network as plan_network
    from atlasnet.plan.replacement import adopt_areas as adopt_areas
    from atlasnet.plan.replacement import replace_areas as replace_areas
    from atlasnet.plan.retinotopy import VisualRule as VisualRule
    from atlasnet.plan.sharing import UnitRule as UnitRule
    from atlasnet.plan.spec import NetworkSpec as NetworkSpec

_HOME = {
    "AtlasNetError": "errors",
    "AtlasSource": "atlas.source",
    "Clamp": "plan.interventions",
    "GraphRules": "atlas.rules",
    "Interface": "plan.interface",
    "Intervention": "plan.interventions",
    "Lesion": "plan.interventions",
    "NetworkSpec": "plan.spec",
    "Noise": "plan.interventions",
    "PlanOptions": "plan.options",
    "Projection": "graph.graph",
    "Region": "graph.graph",
    "RegionGraph": "graph.graph",
    "SiibraSource": "atlas.sources.siibra_source",
    "SnapshotSource": "atlas.sources.snapshot",
    "TableSource": "atlas.sources.table_source",
    "UnitRule": "plan.sharing",
    "VisualRule": "plan.retinotopy",
    "adopt_areas": "plan.replacement",
    "all_regions_graph": "atlas.assembly",
    "bibliography": "graph.citation",
    "build_graph": "atlas.assembly",
    "build_model": "model.builder",
    "compare_graphs": "graph.comparison",
    "connect_stream": "model.rewiring",
    "export_graph": "graph.exchange",
    "freeze": "model.components",
    "hand_interface": "plan.interface",
    "intervene": "model.probing",
    "load_model": "model.files",
    "parameters_by_area": "model.inventory",
    "parameters_by_pathway": "model.inventory",
    "parse_intervention": "plan.interventions",
    "plan_network": "plan.planner",
    "policy_only": "model.policy",
    "preset_graph": "atlas.assembly",
    "randomize": "graph.null_models",
    "replace_areas": "plan.replacement",
    "rewire": "model.rewiring",
    "save_model": "model.files",
    "spec_of": "model.files",
    "split_frozen_streams": "model.rewiring",
    "strongest_neighbours": "atlas.selection",
    "take_weights": "model.components",
}

__all__ = sorted(_HOME)
__version__ = "0.1.0"
__getattr__ = resolve("atlasnet", _HOME)

redirect(
    moved_into(
        {
            "atlasnet.atlas.sources": (
                "comparison compilation hierarchy label_image matrices recording "
                "siibra_source snapshot table_source tables worker"
            ),
            "atlasnet.commands": "arguments console description tables",
            "atlasnet.graph": (
                "citation direction exchange merging null_models order preset"
            ),
            "atlasnet.model": "builder components inventory policy probing rewiring",
            "atlasnet.plan": (
                "interface interventions latency options planner replacement "
                "retinotopy spec"
            ),
        },
        {
            "atlasnet.cli": "atlasnet.commands.app",
            "atlasnet.graph_comparison": "atlasnet.graph.comparison",
            "atlasnet.pipeline": "atlasnet.model.files",
        },
    )
)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
