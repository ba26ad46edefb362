# SPDX-License-Identifier: Apache-2.0
"""Versions: how far a graph mixes two versions of the atlas.

Connections are those of parcels of Julich-Brain 2.9, volumes those of 3.1. Where a
parcel was redrawn in between, the streamlines of a node begin in another place than the
cells that are counted for it.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasnet.atlas.source import NodeRecord, VersionOverlap
from atlasnet.errors import AtlasError, IncompleteDataError
from atlasnet.graph.graph import RegionGraph
from atlasnet.naming import normalised

__all__ = ["VersionMixture", "count_overlaps", "mixture_of"]


@dataclass(frozen=True, slots=True)
class VersionMixture:
    """What of a graph hangs on nodes that were redrawn between two versions."""

    redrawn: tuple[str, ...]
    """Nodes of which 2.9 has less than the asked share, least first."""
    renamed: tuple[str, ...]
    """Nodes whose regions have other names in 2.9 than in 3.1, beyond spelling."""
    overlap: float
    """Share of the nodes' voxels of 3.1 that are theirs in 2.9."""
    unit_share_outside: float
    """Share of units whose cells are counted outside the parcels of 2.9."""
    redrawn_units: float
    """Share of units in redrawn nodes."""
    redrawn_edges: float
    """Share of projections that begin or end in one."""
    redrawn_streamlines: float
    """Share of streamlines, over projections, that do."""
    renamed_units: float
    """Share of units in renamed nodes."""
    renamed_edges: float
    """Share of projections that begin or end in one."""
    renamed_streamlines: float
    """Share of streamlines, over projections, that do."""


def mixture_of(
    graph: RegionGraph,
    units: Mapping[str, float],
    overlaps: Iterable[VersionOverlap],
    nodes: Iterable[NodeRecord],
    least: float = 0.8,
) -> VersionMixture:
    """Return what of a graph hangs on nodes that were redrawn.

    Parameters
    ----------
    graph : RegionGraph
        Of nodes of the hand network.
    units : mapping of str to float
        Units by the name of a region, as `unit_counts` shares them.
    overlaps : iterable of VersionOverlap
        Of every node of the graph, by `AtlasSource.version_overlaps`.
    nodes : iterable of NodeRecord
        With the names of both versions.
    least : float
        A node is redrawn if 2.9 has less than this share of its voxels, in [0, 1].

    Returns
    -------
    VersionMixture
        Shares in [0, 1].

    Raises
    ------
    AtlasError
        If the least share is none.
    IncompleteDataError
        If the overlap of a node is not known.
    """
    if not (math.isfinite(least) and 0.0 <= least <= 1.0):
        raise AtlasError(f"The least overlap is a share in [0, 1], got {least!r}.")
    found = {(o.node, o.hemisphere): o for o in overlaps}
    by_name: dict[str, VersionOverlap] = {}
    for region in graph.regions:
        overlap = found.get((str(region.node), region.hemisphere))
        if overlap is None:
            raise IncompleteDataError(
                f"The overlap of versions is not known of '{region.name}'. It is of "
                "the nodes of the shipped snapshot (SnapshotSource)."
            )
        by_name[region.name] = overlap
    is_renamed = {(n.node, n.hemisphere): _is_renamed(n) for n in nodes}
    redrawn = {name for name, o in by_name.items() if o.new_in_old < least}
    renamed = {n for n, o in by_name.items() if is_renamed[o.node, o.hemisphere]}
    n_voxels = sum(o.n_voxels for o in by_name.values())
    n_units = sum(units[name] for name in by_name)
    kept_voxels = sum(o.n_voxels * o.new_in_old for o in by_name.values())
    kept_units = sum(units[name] * o.new_in_old for name, o in by_name.items())
    return VersionMixture(
        tuple(sorted(redrawn, key=lambda name: by_name[name].new_in_old)),
        tuple(sorted(renamed)),
        kept_voxels / n_voxels,
        1.0 - kept_units / n_units,
        *_touched(graph, units, redrawn),
        *_touched(graph, units, renamed),
    )


def count_overlaps(
    nodes: Iterable[NodeRecord],
    old: tuple[NDArray[Any], Mapping[str, int]],
    new: tuple[NDArray[Any], Mapping[str, int]],
) -> tuple[VersionOverlap, ...]:
    """Count voxels of nodes in the label images of two versions.

    Parameters
    ----------
    nodes : iterable of NodeRecord
        With the names of their regions in both versions.
    old, new : tuple of ndarray, shape (X, Y, Z), and mapping of str to int
        Label image of 2.9 and of 3.1, in one space, voxel for voxel, 0 for none; labels
        by the name of a region, with its side.

    Returns
    -------
    tuple of VersionOverlap
        One for each node.

    Raises
    ------
    AtlasError
        If the images differ in shape.
    IncompleteDataError
        If an image lacks a region of a node.
    """
    if old[0].shape != new[0].shape:
        raise AtlasError(
            "Label images of two versions are compared voxel for voxel: they have one "
            f"shape, got {old[0].shape} and {new[0].shape}. Resample one of them."
        )
    names = {label: name for name, label in old[1].items()}
    return tuple(
        _overlap(
            node,
            np.isin(old[0], _labels(node, node.julich_2_9, old, "2.9")),
            np.isin(new[0], _labels(node, node.julich_3_1, new, "3.1")),
            (old[0], names),
            new[0] != 0,
        )
        for node in nodes
    )


def _overlap(
    node: NodeRecord,
    is_old: NDArray[np.bool_],
    is_new: NDArray[np.bool_],
    old: tuple[NDArray[Any], Mapping[int, str]],
    is_mapped: NDArray[np.bool_],
) -> VersionOverlap:
    """Return the overlap of a node that lies in these voxels."""
    n_voxels = int(is_new.sum())
    n_both = int((is_new & is_old).sum())
    rest = Counter(old[0][is_new & ~is_old & (old[0] != 0)].tolist())
    label, n_other = max(rest.items(), key=lambda x: (x[1], -x[0]), default=(0, 0))
    return VersionOverlap(
        node.node,
        node.hemisphere,
        n_voxels,
        round(n_both / n_voxels, 4),
        round(n_both / max(int((is_old & is_mapped).sum()), 1), 4),
        old[1][label] if n_other else None,
        round(n_other / n_voxels, 4),
    )


def _labels(
    node: NodeRecord,
    regions: Iterable[str],
    image: tuple[NDArray[Any], Mapping[str, int]],
    version: str,
) -> list[int]:
    """Return the labels of a node's regions."""
    by_name = {normalised(name): label for name, label in image[1].items()}
    labels = []
    for region in regions:
        label = by_name.get(normalised(region))
        if label is None or not (image[0] == label).any():
            raise IncompleteDataError(
                f"The label image of {version} lacks '{region}', a region of the node "
                f"{node.node}. Give an image with all regions of the nodes."
            )
        labels.append(label)
    return labels


def _is_renamed(node: NodeRecord) -> bool:
    """Whether a node has other regions in one version than in the other."""
    old, new = (
        {normalised(x) for x in of} for of in (node.julich_2_9, node.julich_3_1)
    )
    return old != new


def _touched(
    graph: RegionGraph, units: Mapping[str, float], names: set[str]
) -> tuple[float, float, float]:
    """Return the shares of units, projections and streamlines of some regions."""
    hit = [e for e in graph.projections if e.source in names or e.target in names]
    n_streamlines = sum(e.streamline_count for e in graph.projections)
    return (
        sum(units[name] for name in names)
        / sum(units[region.name] for region in graph.regions),
        len(hit) / max(len(graph.projections), 1),
        sum(e.streamline_count for e in hit) / (n_streamlines or 1.0),
    )
