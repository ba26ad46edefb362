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

import lazy_loader

from atlasnet.keras_hook import attend_keras
from atlasnet.moved import redirect

# As in angora_train: whichever is imported first comes before TensorFlow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

redirect("atlasnet")
attend_keras()
