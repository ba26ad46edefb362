# SPDX-License-Identifier: Apache-2.0
"""How far a graph mixes two versions of the atlas."""

import re
from dataclasses import replace

import numpy as np
import pytest

from atlasnet.atlas.source import NodeRecord, VersionOverlap
from atlasnet.atlas.sources.siibra_source import SiibraSource
from atlasnet.atlas.sources.snapshot import SnapshotSource
from atlasnet.atlas.versions import count_overlaps, mixture_of
from atlasnet.errors import AtlasError, IncompleteDataError
from atlasnet.graph.graph import Projection, Region, RegionGraph


def node(name: str, old: tuple[str, ...], new: tuple[str, ...]) -> NodeRecord:
    return NodeRecord(name, "left", "role", old, new, ("FA",))


OLD = {"Area A left": 1, "B (GapMap) left": 2}
NEW = {"Area a left": 5, "Area B1 left": 6, "Area B2 left": 7}
A = node("A", ("Area A left",), ("Area A left",))
B = node("B", ("B (GapMap) left",), ("Area B1 left", "Area B2 left"))


def test_overlaps_are_counted_voxel_by_voxel() -> None:
    # Of four voxels of A in 3.1 two are A's in 2.9, one is B's, one is nobody's; of A's
    # three in 2.9 one has no region in 3.1, and does not count.
    old = np.array([[1, 1, 2, 0], [2, 2, 2, 1]])
    new = np.array([[5, 5, 5, 5], [6, 7, 0, 0]])
    a, b = count_overlaps([A, B], (old, OLD), (new, NEW))
    assert a == VersionOverlap("A", "left", 4, 0.5, 1.0, "B (GapMap) left", 0.25)
    # B's two voxels of 3.1 are B's in 2.9, which has a third within A.
    assert b == VersionOverlap("B", "left", 2, 1.0, 0.6667, None, 0.0)


def test_images_that_cannot_be_compared_are_refused() -> None:
    old, new = np.ones((2, 2), int), np.full((2, 3), 5)
    with pytest.raises(AtlasError, match=re.escape("got (2, 2) and (2, 3)")):
        count_overlaps([A], (old, OLD), (new, NEW))
    with pytest.raises(IncompleteDataError, match=r"2\.9 lacks 'B \(GapMap\) left'"):
        count_overlaps([B], (old, OLD), (np.full((2, 2), 6), NEW))


def graph_of(*edges: Projection) -> RegionGraph:
    return RegionGraph([Region(f"{n} left", "left", node=n) for n in "ABC"], edges)


def projection(source: str, target: str, count: float) -> Projection:
    ends = f"{source} left", f"{target} left"
    return Projection(*ends, count, None, None, "feedforward", "none")


C = node("C", ("Area C left",), ("Area C left",))
OVERLAPS = [
    VersionOverlap("A", "left", 100, 0.5, 1.0, None, 0.0),
    VersionOverlap("B", "left", 200, 0.8, 1.0, None, 0.0),
    VersionOverlap("C", "left", 100, 1.0, 1.0, None, 0.0),
]
UNITS = {"A left": 10.0, "B left": 30.0, "C left": 60.0}


def test_a_mixture_counts_units_edges_and_streamlines() -> None:
    graph = graph_of(
        projection("A", "B", 10.0), projection("B", "C", 30.0), projection("C", "B", 60)
    )
    mixed = mixture_of(graph, UNITS, OVERLAPS, [A, B, C])
    assert mixed.redrawn == ("A left",)
    assert mixed.renamed == ("B left",)
    # (50 + 160 + 100) / 400 voxels; units outside: 10 * 0.5 + 30 * 0.2 of 100.
    assert mixed.overlap == pytest.approx(0.775)
    assert mixed.unit_share_outside == pytest.approx(0.11)
    # A has 10 of 100 units, one of three projections and 10 of 100 streamlines.
    assert mixed.redrawn_units == pytest.approx(0.1)
    assert mixed.redrawn_edges == pytest.approx(1 / 3)
    assert mixed.redrawn_streamlines == pytest.approx(0.1)
    # B has 30 units, and every projection.
    assert mixed.renamed_units == pytest.approx(0.3)
    assert (mixed.renamed_edges, mixed.renamed_streamlines) == (1.0, 1.0)


def test_a_bound_or_an_overlap_that_cannot_be_is_refused() -> None:
    graph = graph_of(projection("A", "B", 10.0))
    with pytest.raises(AtlasError, match=r"share in \[0, 1\], got 80"):
        mixture_of(graph, UNITS, OVERLAPS, [A, B, C], least=80)
    with pytest.raises(IncompleteDataError, match="not known of 'C left'"):
        mixture_of(graph, UNITS, OVERLAPS[:2], [A, B, C])
    with pytest.raises(AtlasError, match=r"new_in_old of A left .* got 1\.5"):
        replace(OVERLAPS[0], new_in_old=1.5)


def test_every_node_of_the_snapshot_has_its_overlap() -> None:
    source = SnapshotSource()
    nodes = {(n.node, n.hemisphere): n for n in source.node_table()}
    overlaps = source.version_overlaps()
    assert [(o.node, o.hemisphere) for o in overlaps] == list(nodes)
    # The map of 3.1 is that of the volumes, of 1 mm3 a voxel.
    volumes = {r.julich_3_1: r.volume_mm3 for r in source.regions()}
    for overlap in overlaps:
        parts = nodes[overlap.node, overlap.hemisphere].julich_3_1
        assert overlap.n_voxels == sum(volumes[part] or 0.0 for part in parts)
    left = [o for o in overlaps if o.hemisphere == "left"]
    assert min(left, key=lambda o: o.new_in_old).node == "3b"


def test_a_source_of_one_version_mixes_none() -> None:
    assert SiibraSource("3.1", "3.1").version_overlaps() == ()
    assert SiibraSource().version_overlaps() == SnapshotSource().version_overlaps()
