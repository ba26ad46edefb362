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
from importlib import import_module
from typing import TYPE_CHECKING, Any

# As in angora_train: whichever is imported first comes before TensorFlow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

if TYPE_CHECKING:
    from atlasnet.atlas.assembly import all_regions_graph as all_regions_graph
    from atlasnet.atlas.assembly import build_graph as build_graph
    from atlasnet.atlas.assembly import preset_graph as preset_graph
    from atlasnet.atlas.assembly import strongest_neighbours as strongest_neighbours
    from atlasnet.atlas.rules import GraphRules as GraphRules
    from atlasnet.atlas.siibra_source import SiibraSource as SiibraSource
    from atlasnet.atlas.snapshot import SnapshotSource as SnapshotSource
    from atlasnet.atlas.source import AtlasSource as AtlasSource
    from atlasnet.atlas.table_source import TableSource as TableSource
    from atlasnet.builder import build_model as build_model
    from atlasnet.citation import bibliography as bibliography
    from atlasnet.components import freeze as freeze
    from atlasnet.components import take_weights as take_weights
    from atlasnet.errors import AtlasNetError as AtlasNetError
    from atlasnet.exchange import export_graph as export_graph
    from atlasnet.graph import Projection as Projection
    from atlasnet.graph import Region as Region
    from atlasnet.graph import RegionGraph as RegionGraph
    from atlasnet.graph_comparison import compare_graphs as compare_graphs
    from atlasnet.interface import Interface as Interface
    from atlasnet.interface import hand_interface as hand_interface
    from atlasnet.interventions import Clamp as Clamp
    from atlasnet.interventions import Lesion as Lesion
    from atlasnet.interventions import Noise as Noise
    from atlasnet.inventory import parameters_by_area as parameters_by_area
    from atlasnet.inventory import parameters_by_pathway as parameters_by_pathway
    from atlasnet.null_models import randomize as randomize
    from atlasnet.options import PlanOptions as PlanOptions
    from atlasnet.pipeline import load_model as load_model
    from atlasnet.pipeline import save_model as save_model
    from atlasnet.pipeline import spec_of as spec_of
    from atlasnet.planner import UnitRule as UnitRule
    from atlasnet.planner import plan_network as plan_network
    from atlasnet.policy import policy_only as policy_only
    from atlasnet.probing import intervene as intervene
    from atlasnet.replacement import adopt_areas as adopt_areas
    from atlasnet.replacement import replace_areas as replace_areas
    from atlasnet.retinotopy import VisualRule as VisualRule
    from atlasnet.rewiring import connect_stream as connect_stream
    from atlasnet.rewiring import split_frozen_streams as split_frozen_streams
    from atlasnet.spec import NetworkSpec as NetworkSpec

_HOME = {
    "parameters_by_pathway": "inventory",
    "parameters_by_area": "inventory",
    "Clamp": "interventions",
    "Lesion": "interventions",
    "Noise": "interventions",
    "intervene": "probing",
    "take_weights": "components",
    "replace_areas": "replacement",
    "freeze": "components",
    "connect_stream": "rewiring",
    "adopt_areas": "replacement",
    "AtlasNetError": "errors",
    "AtlasSource": "atlas.source",
    "GraphRules": "atlas.rules",
    "Interface": "interface",
    "NetworkSpec": "spec",
    "PlanOptions": "options",
    "Projection": "graph",
    "Region": "graph",
    "RegionGraph": "graph",
    "SiibraSource": "atlas.siibra_source",
    "SnapshotSource": "atlas.snapshot",
    "TableSource": "atlas.table_source",
    "UnitRule": "planner",
    "VisualRule": "retinotopy",
    "all_regions_graph": "atlas.assembly",
    "bibliography": "citation",
    "build_graph": "atlas.assembly",
    "build_model": "builder",
    "compare_graphs": "graph_comparison",
    "export_graph": "exchange",
    "hand_interface": "interface",
    "load_model": "pipeline",
    "plan_network": "planner",
    "policy_only": "policy",
    "preset_graph": "atlas.assembly",
    "randomize": "null_models",
    "save_model": "pipeline",
    "spec_of": "pipeline",
    "split_frozen_streams": "rewiring",
    "strongest_neighbours": "atlas.assembly",
}

__all__ = sorted(_HOME)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import a public name's module when the name is first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'atlasnet' has no attribute '{name}'")
    value = getattr(import_module(f"atlasnet.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
