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

from atlasnet.moved import moved_into, redirect

# As in angora_train: whichever is imported first comes before TensorFlow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

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
