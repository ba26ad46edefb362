# SPDX-License-Identifier: Apache-2.0
"""From the atlas to a graph: time, memory, and how both grow with the atlas.

``python benchmarks/atlas.py [--quick] [--json]``

Every sample is taken in a fresh process. A graph is one of all regions, with all
edges (every pair that has a streamline, both ways), their directions and the report on
its cycles. Synthetic atlases have the same share of pairs joined at every size, so a
graph of n regions has a number of edges that goes with n squared.

Figures
-------
import_s
    ``import atlasnet``; wall time, median.
graph_294_s, graph_414_s
    The graph of the 294 regions of the shipped connectome, from the tables on disk,
    and that of a synthetic atlas of 414; wall time, median, without imports.
graph_294_mb, graph_414_mb
    Most memory that the process held (resident set), imports included.
graph_294_edges, graph_414_edges
    Directed edges of these graphs.
graph_2000_s
    The graph of a synthetic atlas of 2,000 regions, one sample.
growth_exponent
    Slope of log time over log n, fitted to synthetic atlases of 250 to 2,000 regions
    (125 to 500 with ``--quick``); processor time, which other work on the machine
    does not bend.
"""

import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from figures import Figures, figure, make_parser, present
from numpy.typing import NDArray
from processes import ProcessError, run

from atlasnet.atlas.source import AtlasSource, Connections, RegionRecord

LIMIT_S = 600.0
JOINED = 0.3
"""Share of all pairs that a synthetic atlas joins."""
SIZES = (250, 500, 1000, 2000)
QUICK_SIZES = (125, 250, 500)

GRAPH = """
import resource, sys, time
sys.path.insert(0, {folder!r})
from atlasnet.atlas.assembly import all_regions_graph
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlas import SyntheticSource
start, processor = time.perf_counter(), time.process_time()
graph = all_regions_graph({source}, min_streamline_count=1e-9)
took, worked = time.perf_counter() - start, time.process_time() - processor
assert len(graph) == {n}
most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB, on macOS bytes
megabytes = most * (1 if sys.platform == "darwin" else 1024) / 1e6
print(took, worked, megabytes, len(graph.projections))
"""
IMPORT = """
import time
start = time.perf_counter()
import atlasnet
print(time.perf_counter() - start)
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one graph takes."""

    wall_s: float
    processor_s: float
    most_mb: float
    n_edges: int


class SyntheticSource(AtlasSource):
    """An atlas of n regions, half of them left, with random numbers.

    Parameters
    ----------
    n_regions : int
        Number of regions.
    """

    def __init__(self, n_regions: int) -> None:
        self._n = n_regions
        self._rng = np.random.default_rng(n_regions)

    def describe(self) -> Mapping[str, str | list[str]]:
        """Return what it is."""
        return {"source": "synthetic", "atlas": f"synthetic {self._n}"}

    def regions(self) -> tuple[RegionRecord, ...]:
        """Return regions with volume, density and place."""
        return self._regions

    def connections(self) -> Connections:
        """Return a symmetric connectome of which a share of pairs is joined."""
        return self._connections

    @cached_property
    def _regions(self) -> tuple[RegionRecord, ...]:
        volumes = self._rng.lognormal(8.0, 1.0, self._n).tolist()
        densities = self._rng.uniform(2e4, 1e5, self._n).tolist()
        places = self._rng.normal(0.0, 40.0, (self._n, 3)).tolist()
        return tuple(
            RegionRecord(
                name=f"Area {i} {'left' if i % 2 == 0 else 'right'}",
                hemisphere="left" if i % 2 == 0 else "right",
                hierarchy=("cerebral cortex",),
                system="other cortex",
                is_isocortex=True,
                volume_mm3=volumes[i],
                centroid_mm=(places[i][0], places[i][1], places[i][2]),
                connectome_row=i,
                own_density_per_mm3=densities[i],
                own_density_rule="table",
            )
            for i in range(self._n)
        )

    @cached_property
    def _connections(self) -> Connections:
        shape = (self._n, self._n)
        count = self._rng.lognormal(3.0, 2.0, shape)
        count[self._rng.uniform(size=shape) > JOINED] = 0.0
        length_mm = self._rng.uniform(10.0, 150.0, shape)
        length_mm[count == 0] = np.nan
        return Connections(_mirrored(count), _mirrored(length_mm))


def main() -> None:
    """Measure, and print one object or a table."""
    parser = make_parser("From the atlas to a graph.", "one sample, up to 500 regions")
    options = parser.parse_args()
    try:
        figures = measure(
            n_samples=1 if options.quick else 5,
            sizes=QUICK_SIZES if options.quick else SIZES,
        )
    except ProcessError as error:
        sys.exit(str(error))
    present(figures, as_json=options.json)


def measure(n_samples: int, sizes: Sequence[int]) -> Figures:
    """Measure every figure."""
    figures = {"import_s": figure(_median_import(n_samples), "s")}
    for n, source in ((294, "SnapshotSource()"), (414, "SyntheticSource(414)")):
        samples = [_sample(n, source) for _ in range(n_samples + 1)][1:]
        figures |= {
            f"graph_{n}_s": figure(statistics.median(s.wall_s for s in samples), "s"),
            f"graph_{n}_mb": figure(max(s.most_mb for s in samples), "MB"),
            f"graph_{n}_edges": {"value": samples[0].n_edges, "unit": "1"},
        }
    grown = [
        min(
            (_sample(n, f"SyntheticSource({n})") for _ in range(2 if n < 2000 else 1)),
            key=lambda sample: sample.processor_s,
        )
        for n in sizes
    ]
    if sizes[-1] == 2000:
        figures["graph_2000_s"] = figure(grown[-1].wall_s, "s")
    times = [math.log(sample.processor_s) for sample in grown]
    slope = np.polyfit([math.log(n) for n in sizes], times, 1)
    figures["growth_exponent"] = figure(float(slope[0]), "1")
    return figures


def _median_import(n_samples: int) -> float:
    """Return the median time of the import, in s; the first sample does not count."""
    code = [sys.executable, "-c", IMPORT]
    times = [float(run(code, timeout_s=LIMIT_S)) for _ in range(n_samples + 1)]
    return statistics.median(times[1:])


def _sample(n: int, source: str) -> Sample:
    """Return what one graph takes, in a process of its own."""
    folder = str(Path(__file__).parent)
    code = GRAPH.format(folder=folder, source=source, n=n)
    printed = run([sys.executable, "-c", code], timeout_s=LIMIT_S).split()
    return Sample(*map(float, printed[:3]), n_edges=int(printed[3]))


def _mirrored(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a symmetric matrix with the upper triangle of the one given."""
    upper = np.triu(matrix)
    return np.asarray(upper + np.triu(matrix, k=1).T)


if __name__ == "__main__":
    main()
