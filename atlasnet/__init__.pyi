# SPDX-License-Identifier: Apache-2.0
# The public names and where they live: read by type checkers, and by the package itself
# when a name is first used.

from . import figures as figures
from .atlas.assembly import all_regions_graph as all_regions_graph
from .atlas.assembly import build_graph as build_graph
from .atlas.assembly import preset_graph as preset_graph
from .atlas.rules import GraphRules as GraphRules
from .atlas.selection import strongest_neighbours as strongest_neighbours
from .atlas.source import AtlasSource as AtlasSource
from .atlas.sources.siibra_source import SiibraSource as SiibraSource
from .atlas.sources.snapshot import SnapshotSource as SnapshotSource
from .atlas.sources.table_source import TableSource as TableSource
from .errors import AtlasNetError as AtlasNetError
from .graph.citation import bibliography as bibliography
from .graph.comparison import compare_graphs as compare_graphs
from .graph.exchange import export_graph as export_graph
from .graph.graph import Projection as Projection
from .graph.graph import Region as Region
from .graph.graph import RegionGraph as RegionGraph
from .graph.null_models import randomize as randomize
from .model.builder import build_model as build_model
from .model.components import freeze as freeze
from .model.components import take_weights as take_weights
from .model.files import load_model as load_model
from .model.files import save_model as save_model
from .model.files import spec_of as spec_of
from .model.inventory import parameters_by_area as parameters_by_area
from .model.inventory import parameters_by_pathway as parameters_by_pathway
from .model.policy import policy_only as policy_only
from .model.probing import Silencer as Silencer
from .model.probing import intervene as intervene
from .model.rewiring import connect_stream as connect_stream
from .model.rewiring import rewire as rewire
from .model.rewiring import split_frozen_streams as split_frozen_streams
from .plan.interface import Interface as Interface
from .plan.interface import hand_interface as hand_interface
from .plan.interventions import Clamp as Clamp
from .plan.interventions import Intervention as Intervention
from .plan.interventions import Lesion as Lesion
from .plan.interventions import Noise as Noise
from .plan.interventions import parse_intervention as parse_intervention
from .plan.options import PlanOptions as PlanOptions
from .plan.planner import plan_network as plan_network
from .plan.replacement import adopt_areas as adopt_areas
from .plan.replacement import replace_areas as replace_areas
from .plan.retinotopy import VisualRule as VisualRule
from .plan.sharing import UnitRule as UnitRule
from .plan.spec import NetworkSpec as NetworkSpec

__version__: str
