# SPDX-License-Identifier: Apache-2.0
"""Keras layers of a network of areas; importing this registers them with Keras.

How areas and pathways compute lives here, in ``keras.ops`` alone. Which areas there are
may not be known here, nor a backend.
"""

from atlasnet.layers.activity_cost import ActivityCost
from atlasnet.layers.area import Area
from atlasnet.layers.area_cell import AreaCell
from atlasnet.layers.area_readout import AreaReadout
from atlasnet.layers.area_split import AreaSplit
from atlasnet.layers.intervened_cell import IntervenedCell
from atlasnet.layers.learned_spread import LearnedSpread
from atlasnet.layers.map_readout import MapReadout
from atlasnet.layers.noise import NOISE, NOISE_SIZE
from atlasnet.layers.population import Population
from atlasnet.layers.stream import Stream
from atlasnet.layers.switched_cell import SwitchedCell

__all__ = [
    "NOISE",
    "NOISE_SIZE",
    "ActivityCost",
    "Area",
    "AreaCell",
    "AreaReadout",
    "AreaSplit",
    "IntervenedCell",
    "LearnedSpread",
    "MapReadout",
    "Population",
    "Stream",
    "SwitchedCell",
]
