# SPDX-License-Identifier: Apache-2.0
"""AtlasSource: what a graph needs from an atlas, wherever it comes from.

A source gives records and matrices as they are, missing values as None; what to make
of them (density rule, thresholds, directions) is decided in
:mod:`atlasnet.atlas.assembly`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from atlasnet.errors import AtlasError, require_member
from atlasnet.graph.direction import DIRECTIONS, Direction
from atlasnet.graph.graph import DensityRule, Hemisphere

__all__ = [
    "LAYERS",
    "POOLED",
    "SUPPORTS",
    "AtlasSource",
    "Connections",
    "EconomoArea",
    "Homologue",
    "Layer",
    "LayerRecord",
    "MacaqueHomologue",
    "NodeRecord",
    "PathwayRecord",
    "RegionRecord",
    "Support",
    "TracerFraction",
    "VersionOverlap",
]

Layer = Literal["I", "II", "III", "IV", "V", "VI"]
LAYERS: tuple[Layer, ...] = get_args(Layer)
"""Layers of isocortex, from the pia down."""

Support = Literal["verified", "cited", "doubtful", "weak", "denied"]
SUPPORTS: tuple[Support, ...] = get_args(Support)
"""What the literature says of a pathway: that it is there (``verified``: the statement
was read; ``cited``: a standard citation; ``doubtful``: it does not bear the claim),
there and ``weak``, or not there (``denied``)."""

POOLED: Mapping[str, tuple[str, ...]] = {
    "FLMN": ("FL", "FM", "FN"),
    "FJK": ("FJ", "FK"),
    "LE": ("LE1", "LE2"),
    "PB": ("PB1", "PB2"),
}
"""Symbols of von Economo that his areas' map and the table of types pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRecord:
    """A mapped region of an atlas, in one hemisphere.

    Raises
    ------
    AtlasError
        If a region that is not isocortex has a density by surface overlap, or a number
        cannot be.
    """

    name: str
    """Name in the connectome, or in the maps where the connectome lacks the region."""
    hemisphere: Hemisphere
    """Side of the brain."""
    julich_2_9: str | None = None
    """Name in Julich-Brain 2.9; None where that lacks the region."""
    julich_3_1: str | None = None
    """Name in Julich-Brain 3.1, likewise."""
    siibra_id_2_9: str | None = None
    """Identifier in siibra of the region of 2.9."""
    siibra_id_3_1: str | None = None
    """Identifier in siibra of the region of 3.1."""
    hierarchy: tuple[str, ...]
    """Path in the atlas, from the telencephalon (say) down to the region's parent."""
    system: str
    """Part of the brain; see :mod:`atlasnet.atlas.sources.hierarchy`."""
    is_isocortex: bool
    """Whether it has six layers, and so a cortical density."""
    volume_mm3: float | None
    """Volume of its map, mm3."""
    centroid_mm: tuple[float, float, float] | None
    """Centroid in MNI152 (ICBM 2009c nonlinear asymmetric), in mm."""
    overlap_density_per_mm3: float | None = None
    """Mean von Economo density by surface overlap; None outside isocortex."""
    overlap_thickness_mm: float | None = None
    """Mean von Economo thickness by surface overlap, mm."""
    connectome_row: int | None
    """Row in the connectome, None where it has none."""
    overlap_areas: tuple[tuple[str, float], ...] = ()
    """Von Economo areas that the surface overlaps, with their shares of it."""
    own_density_per_mm3: float | None = None
    """Density that the source itself has for the region, cells per mm3."""
    own_density_rule: DensityRule | None = None
    """Where the source's own density is from."""
    own_cortical_type: str | None = None
    """Cortical type that the source itself has for the region."""

    def __post_init__(self) -> None:
        if self.overlap_density_per_mm3 is not None and not self.is_isocortex:
            raise AtlasError(
                f"'{self.name}' has no cortical density: it is {self.system}, not "
                "isocortex, and surface overlap would give it that of the cortex "
                "beside it. Leave the density out."
            )
        for what in ("volume_mm3", "overlap_density_per_mm3", "own_density_per_mm3"):
            value = getattr(self, what)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise AtlasError(
                    f"{what} of '{self.name}' is a positive number, got {value!r}."
                )


@dataclass(frozen=True, slots=True)
class Connections:
    """The connectome: streamlines between all of its N regions, without direction."""

    streamline_count: NDArray[np.float64]
    """Streamline counts, shape (N, N), symmetric; within a region on the diagonal."""
    length_mm: NDArray[np.float64]
    """Mean streamline lengths in mm, shape (N, N), symmetric; NaN is missing."""


@dataclass(frozen=True, slots=True)
class EconomoArea:
    """An area of von Economo and Koskinas (1925)."""

    symbol: str
    """Von Economo's symbol, e.g. ``FA``."""
    name: str
    """Von Economo's name."""
    cell_density_per_mm3: float
    """Cells of all layers, per mm3."""
    thickness_mm: float
    """Thickness of cortex, mm."""
    cortical_type: str | None
    """Type of cortex, from ``ALO`` (allocortex) to ``KO`` (koniocortex)."""


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """One layer of a cortical area.

    Raises
    ------
    AtlasError
        If the layer or a number cannot be.
    """

    layer: str
    """One of `LAYERS`."""
    cell_density_per_mm3: float
    """Cells of the layer, per mm3."""
    share: float
    """The layer's share of the cortical depth, in [0, 1]."""

    def __post_init__(self) -> None:
        require_member("A layer", self.layer, LAYERS, AtlasError)
        for what in ("cell_density_per_mm3", "share"):
            value = getattr(self, what)
            if not (math.isfinite(value) and value >= 0):
                raise AtlasError(
                    f"{what} of layer {self.layer} is at least 0, got {value!r}."
                )


@dataclass(frozen=True, slots=True)
class Homologue:
    """What the hand network's node table says of a single region."""

    region: str
    """Name of the region."""
    node: str
    """Node of the hand network that it is, or is a part of."""
    economo_symbols: tuple[str, ...]
    """Von Economo areas that correspond to it."""
    is_whole_node: bool
    """True if the region alone is the node's parcel in the connectome."""


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A node of the hand network, in one hemisphere, as the node table has it."""

    node: str
    """Name of the node, e.g. ``AIP``."""
    hemisphere: Hemisphere
    """Side of the brain."""
    role: str
    """What it does for the hand."""
    julich_2_9: tuple[str, ...]
    """Regions whose connections are the node's."""
    julich_3_1: tuple[str, ...]
    """Regions whose volumes are the node's."""
    economo_symbols: tuple[str, ...]
    """Homologues; the node's density and thickness are their means."""


@dataclass(frozen=True, slots=True)
class PathwayRecord:
    """A directed pathway between two nodes, as the literature has it.

    Raises
    ------
    AtlasError
        If the support is none of `SUPPORTS`, or a pathway that is neither weak nor
        denied has no direction.
    """

    source: str
    """Node that the pathway leaves."""
    target: str
    """Node that it reaches."""
    direction: Direction | None
    """Which way it leads in the hierarchy; None where evidence against it says
    nothing of that."""
    evidence: str
    """How it was seen, e.g. ``tracer``."""
    species: str
    """In whom it was seen."""
    citation: str
    """Publication that reports it."""
    doi: str | None
    """Its digital object identifier."""
    support: Support
    """One of `SUPPORTS`."""
    note: str
    """What else is to be known of it."""

    def __post_init__(self) -> None:
        where = f"The pathway {self.source} -> {self.target}"
        require_member(f"{where}: support", self.support, SUPPORTS, AtlasError)
        if self.direction is not None:
            label = f"{where}: direction"
            require_member(label, self.direction, DIRECTIONS, AtlasError)
        elif not self.is_against:
            raise AtlasError(
                f"{where} is {self.support} and has no direction. Give one of "
                f"{', '.join(DIRECTIONS)}; only weak and denied pathways need none."
            )

    @property
    def is_against(self) -> bool:
        """Whether it is evidence against the pathway: weak or denied."""
        return self.support in ("weak", "denied")

    @property
    def reference(self) -> str:
        """The citation with its doi."""
        return self.citation + (f", doi:{self.doi}" if self.doi else "")


@dataclass(frozen=True, slots=True)
class MacaqueHomologue:
    """A cortical area of the macaque, and the nodes that stand for it."""

    area: str
    """Name of the area in macaques, e.g. ``F5``."""
    nodes: tuple[str, ...]
    """Nodes of the hand network, several where the area pools theirs; none where no
    node stands for the area."""
    source: str
    """Publication that says so, or that it is a choice of the table."""
    doi: str | None
    """Digital object identifier of the publication."""
    note: str
    """What else is to be known of it."""


@dataclass(frozen=True, slots=True)
class TracerFraction:
    """Labelled cells counted in one area after a retrograde tracer in another.

    Raises
    ------
    AtlasError
        If a number cannot be.
    """

    source_area: str
    """Macaque area in which cells were counted."""
    target_area: str
    """Macaque area that was injected."""
    sources: tuple[str, ...]
    """Nodes that stand for the area of the cells."""
    targets: tuple[str, ...]
    """Nodes that stand for the injected area."""
    fln: float
    """Fraction of all labelled cells outside the injected area, in [0, 1]; 0 was
    measured like any other."""
    sln: float | None
    """Fraction of them in the upper layers, None where there was no cell."""
    n_cells: int
    """Cells counted, over all injections of the target."""
    publication: str
    """Publication that reports the injection."""
    doi: str | None
    """Its digital object identifier."""

    def __post_init__(self) -> None:
        where = f"{self.source_area} -> {self.target_area}"
        if not 0.0 <= self.fln <= 1.0:
            raise AtlasError(f"fln of {where} lies in [0, 1], got {self.fln!r}.")
        if (self.sln is None) != (self.n_cells == 0) or self.n_cells < 0:
            raise AtlasError(
                f"{where}: an sln is known just where cells were counted, got "
                f"{self.sln!r} and {self.n_cells!r} cells."
            )
        if self.sln is not None and not 0.0 <= self.sln <= 1.0:
            raise AtlasError(f"sln of {where} lies in [0, 1], got {self.sln!r}.")


@dataclass(frozen=True, slots=True)
class VersionOverlap:
    """How far a node is the same place in the two versions of the atlas.

    Raises
    ------
    AtlasError
        If a share is out of range.
    """

    node: str
    """Name of the node."""
    hemisphere: Hemisphere
    """Side."""
    n_voxels: int
    """Voxels of its regions in the map whose volumes count, version 3.1."""
    new_in_old: float
    """Share of these that its regions of 2.9 win, those whose connections count."""
    old_in_new: float
    """Share of the voxels that its regions of 2.9 win which is the node in 3.1, too;
    of those that any region has in 3.1."""
    other: str | None
    """Region of 2.9, of another node, that wins most of the rest; None if none does."""
    other_share: float
    """Share of the node's voxels that this region wins."""

    def __post_init__(self) -> None:
        for name in ("new_in_old", "old_in_new", "other_share"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise AtlasError(
                    f"{name} of {self.node} {self.hemisphere} is a share in [0, 1], "
                    f"got {value!r}."
                )


@runtime_checkable
class AtlasSource(Protocol):
    """A place that atlas data come from.

    What a class that names this one as its base does not say, it does not have.
    """

    def describe(self) -> Mapping[str, str | list[str]]:
        """Return name, versions, date, checksum and licences of the data."""
        ...

    def regions(self) -> tuple[RegionRecord, ...]:
        """Return every mapped region of the atlas."""
        ...

    def connections(self) -> Connections:
        """Return the connectome."""
        ...

    def economo_areas(self) -> Mapping[str, EconomoArea]:
        """Return von Economo's areas by symbol."""
        return {}

    def economo_layers(self) -> Mapping[str, tuple[LayerRecord, ...]]:
        """Return the layers of von Economo's areas by symbol."""
        return {}

    def measured_layers(self) -> Mapping[str, tuple[LayerRecord, ...]]:
        """Return measured layers by `RegionRecord.name`, all six where there are any.

        Empty if the source has none.
        """
        return {}

    def homologues(self) -> Mapping[str, Homologue]:
        """Return the homologues of single regions by `RegionRecord.name`."""
        return {}

    def node_table(self) -> tuple[NodeRecord, ...]:
        """Return the nodes of the hand network."""
        return ()

    def pathways(self) -> tuple[PathwayRecord, ...]:
        """Return the cited pathways of the hand network.

        Doubtful ones are included, and evidence against pathways, too.
        """
        return ()

    def macaque_homologues(self) -> tuple[MacaqueHomologue, ...]:
        """Return which nodes of the hand network stand for macaque areas."""
        return ()

    def tracer_fractions(self) -> tuple[TracerFraction, ...]:
        """Return counted tracer data among the homologues of the nodes."""
        return ()

    def version_overlaps(self) -> tuple[VersionOverlap, ...]:
        """Return how far nodes are the same place in both versions of the atlas."""
        return ()
