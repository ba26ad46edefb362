# SPDX-License-Identifier: Apache-2.0
"""Time from the atlas to a model.

``python benchmarks/pipeline.py [--quick] [--json]``

Every sample is taken in a fresh process, so that nothing is loaded or cached that a
newcomer would not have; medians over samples are reported, wall time. Files are in
the operating system's cache: one sample, not counted, sees to that.

Figures
-------
import_s
    ``import atlasnet``.
preset_graph_and_plan_s
    The preset's blind graph and its plan of 2,048 units, from the tables on disk;
    without the import of atlasnet's modules.
graph_294_s
    The graph of all 294 regions, likewise.
model_s
    The preset's model from its plan, the import of TensorFlow and Keras included.
"""

import statistics
import sys

from figures import Figures, figure, make_parser, present
from processes import ProcessError, run

LIMIT_S = 300.0

SAMPLES = {
    "import_s": """
start = time.perf_counter()
import atlasnet
""",
    "preset_graph_and_plan_s": """
from atlasnet import SnapshotSource, hand_interface, plan_network, preset_graph
start = time.perf_counter()
graph = preset_graph(SnapshotSource(), "fpn", blind=True)
plan_network(graph, hand_interface(graph))
""",
    "graph_294_s": """
from atlasnet.atlas.assembly import all_regions_graph
from atlasnet.atlas.sources.snapshot import SnapshotSource
start = time.perf_counter()
graph = all_regions_graph(SnapshotSource())
assert len(graph.regions) == 294
""",
    "model_s": """
from atlasnet import SnapshotSource, hand_interface, plan_network, preset_graph
graph = preset_graph(SnapshotSource(), "fpn", blind=True)
spec = plan_network(graph, hand_interface(graph))
start = time.perf_counter()
from atlasnet.quiet import import_keras
import_keras()
from atlasnet.model.builder import build_model
build_model(spec)
""",
}
"""Code of a sample by figure; it sets `start` where the time begins."""


def main() -> None:
    """Measure, and print one object or a table."""
    parser = make_parser("Time from the atlas to a model.", "one sample a figure")
    options = parser.parse_args()
    try:
        figures = measure(n_samples=1 if options.quick else 5)
    except ProcessError as error:
        sys.exit(str(error))
    present(figures, as_json=options.json)


def measure(n_samples: int) -> Figures:
    """Measure every figure."""
    return {
        name: figure(_median(code, n_samples), "s") for name, code in SAMPLES.items()
    }


def _median(code: str, n_samples: int) -> float:
    """Return the median time of some code, in s."""
    times = [_sample(code) for _ in range(n_samples + 1)]
    return statistics.median(times[1:])


def _sample(code: str) -> float:
    """Return the time that some code takes in a process of its own, in s."""
    timed = f"import time\n{code}\nprint(time.perf_counter() - start)"
    return float(run([sys.executable, "-c", timed], timeout_s=LIMIT_S))


if __name__ == "__main__":
    main()
