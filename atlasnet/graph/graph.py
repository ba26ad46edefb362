# SPDX-License-Identifier: Apache-2.0
"""RegionGraph: brain regions and the projections between them, as data.

A graph may hold regions whose volume or density is unknown; planning units on them is
an error. It stores its regions and projections in the order of their names, so graphs
made in another order are equal. It is saved as ``graph.json``.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, get_args

import networkx as nx

from atlasnet.errors import (
    AmbiguousNameError,
    GraphError,
    RegionNotFoundError,
    closest,
    require_member,
)
from atlasnet.files import reading, write_text
from atlasnet.graph.direction import (
    DIRECTION_RULES,
    DIRECTIONS,
    Direction,
    DirectionRule,
)
from atlasnet.graph.synonyms import meant, the_one
from atlasnet.naming import Hemisphere

__all__ = [
    "DensityRule",
    "Hemisphere",
    "Metadata",
    "Presence",
    "Projection",
    "Region",
    "RegionGraph",
]

SCHEMA_VERSION = 3
"""Version 1, which is read too, lacks `Projection.weight` and `is_callosal`, version 2
`presence`, `is_weak` and `evidence_against`."""

DensityRule = Literal[
    "homologue",
    "surface_overlap",
    "measured_layers",
    "table",
    "mixed",
    "filled_mean",
    "filled_median",
    "filled_nearest",
    "null_model",
]
Presence = Literal["streamlines", "cited", "both", "joining", "null_model"]
"""Why a projection is in a graph."""
PRESENCES: tuple[Presence, ...] = get_args(Presence)
Metadata = Mapping[str, str | int | float | bool | list[str] | None]


@dataclass(frozen=True, slots=True)
class Region:
    """A region of the atlas, or several that stand for one area.

    Raises
    ------
    GraphError
        If a value cannot be.
    """

    name: str
    """Key of the node, e.g. ``"Area 4p (PreCG) left"`` or ``"4p left"``."""
    hemisphere: Hemisphere
    """Side of the brain."""
    julich_2_9: tuple[str, ...] = ()
    """Names in Julich-Brain 2.9, whose connectome gives the projections."""
    julich_3_1: tuple[str, ...] = ()
    """Names in Julich-Brain 3.1, whose maps give the volume."""
    siibra_ids: tuple[str, ...] = ()
    """Identifiers in siibra of what the region is made of."""
    volume_mm3: float | None = None
    """Volume, mm3."""
    cell_density_per_mm3: float | None = None
    """Cells per mm3 of cortex."""
    cell_density_rule: DensityRule | None = None
    """Where the density comes from: a von Economo homologue, surface overlap, layers
    that siibra measured, or a user's table. ``mixed`` is a composite whose parts have
    different rules, ``filled_...`` a value that no source has, ``null_model`` one that
    a null model has moved."""
    thickness_mm: float | None = None
    """Thickness of cortex, mm."""
    centroid_mm: tuple[float, float, float] | None = None
    """Centroid in the MNI ICBM 152 2009c nonlinear asymmetric space, in mm."""
    cortical_type: str | None = None
    """Cortical type of the homologue, e.g. ``"KO"`` or ``"EU2;EU3"``."""
    role: str | None = None
    """What the hand network's node table says the region does."""
    system: str | None = None
    """Part of the brain, e.g. ``"primary motor"``; see
    `atlasnet.atlas.sources.hierarchy`."""
    node: str | None = None
    """Node of the hand network that the region is, or is a part of, e.g. ``"AIP"``."""

    def __post_init__(self) -> None:
        where = f"The region '{self.name}'"
        if not self.name.strip():
            raise GraphError("A region needs a name, got an empty one.")
        label, sides = f"{where}: hemisphere", get_args(Hemisphere)
        require_member(label, self.hemisphere, sides, GraphError)
        for name in ("volume_mm3", "cell_density_per_mm3", "thickness_mm"):
            _require_positive(f"{where}: {name}", getattr(self, name))
        if (self.cell_density_per_mm3 is None) != (self.cell_density_rule is None):
            raise GraphError(
                f"{where}: a density needs the rule that gave it, and the reverse; got "
                f"{self.cell_density_per_mm3!r} and {self.cell_density_rule!r}."
            )
        if self.cell_density_rule is not None:
            label, rules = f"{where}: cell_density_rule", get_args(DensityRule)
            require_member(label, self.cell_density_rule, rules, GraphError)
        if self.centroid_mm is not None and not (
            len(self.centroid_mm) == 3 and all(map(math.isfinite, self.centroid_mm))
        ):
            message = f"{where}: centroid_mm is three finite numbers, got"
            raise GraphError(f"{message} {self.centroid_mm!r}.")

    @property
    def cell_count(self) -> float | None:
        """Density times volume, in cells; None if either is unknown."""
        if self.volume_mm3 is None or self.cell_density_per_mm3 is None:
            return None
        return self.volume_mm3 * self.cell_density_per_mm3

    @property
    def spellings(self) -> tuple[str, ...]:
        """Names that it goes by, each with its hemisphere: its own comes first.

        Names in the atlas are those of a region that is a single one there; the node
        is that which it is, or is a part of.
        """
        of_atlas = [names for names in (self.julich_2_9, self.julich_3_1) if names]
        names = [self.name, *(names[0] for names in of_atlas if len(names) == 1)]
        if self.node is not None:
            names.append(f"{self.node} {self.hemisphere}")
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class Projection:
    """A directed projection from one region to another.

    Raises
    ------
    GraphError
        If a value cannot be.
    """

    source: str
    """Region that it leaves."""
    target: str
    """Region that it reaches."""
    streamline_count: float
    """Streamlines between the two regions, without direction; not normalised."""
    length_mm: float | None
    """Mean length of the streamlines, None if there is none to measure."""
    delay_ms: float | None
    """Conduction delay."""
    direction: Direction
    """Place in the order of processing."""
    direction_rule: DirectionRule
    """Which rule decided `direction`."""
    sln: float | None = None
    """Laminar type: share of upper-layer neurons that the structural model expects."""
    citation: str | None = None
    """Literature that decided `direction`."""
    weight: float | None = None
    """Strength by the rule that the metadata name under ``weight``; None where the
    streamline count is the strength."""
    is_callosal: bool = False
    """Whether it joins the two hemispheres."""
    presence: Presence | None = None
    """Why it is in the graph: enough ``streamlines`` by the edge rule, a ``cited``
    pathway however few they are, ``both``, ``joining`` parts that would fall apart, or
    where a ``null_model`` has put it; None where nobody has said so."""
    direction_probability: float | None = None
    """How probable `direction` is by the fitted hierarchy; None for other rules."""
    is_weak: bool = False
    """Whether the literature calls it weak. Its `weight` is then the least of the
    graph's edges."""
    evidence_against: str | None = None
    """Literature that calls it weak; of which pathway, if a null model has moved it."""

    def __post_init__(self) -> None:
        # A graph has up to n squared of these: the message is made when it is needed.
        if not self._is_valid():
            self._refuse(f"The projection {self.source} -> {self.target}")

    def _is_valid(self) -> bool:
        """Tell whether every value can be; a value of another type raises TypeError."""
        return (
            self.source != self.target
            and 0.0 <= self.streamline_count < math.inf
            and (self.length_mm is None or 0.0 < self.length_mm < math.inf)
            and (self.delay_ms is None or 0.0 < self.delay_ms < math.inf)
            and self.direction in DIRECTIONS
            and self.direction_rule in DIRECTION_RULES
            and (self.weight is None or 0.0 <= self.weight < math.inf)
            and (self.sln is None or 0.0 <= self.sln <= 1.0)
            and 0.0 <= (self.direction_probability or 0.0) <= 1.0
            and (self.direction_rule != "cited" or bool(self.citation))
            and (self.presence is None or self.presence in PRESENCES)
            and (not self.is_weak or bool(self.evidence_against))
        )

    def _refuse(self, where: str) -> None:
        """Raise the error that says which value cannot be."""
        if self.source == self.target:
            raise GraphError(
                f"{where} is a loop; within a region, recurrence is the cell's."
            )
        for name in ("streamline_count", "weight"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value < math.inf:
                raise GraphError(
                    f"{where}: {name} is a number of at least 0, got {value!r}."
                )
        for name in ("length_mm", "delay_ms"):
            _require_positive(f"{where}: {name}", getattr(self, name))
        require_member(f"{where}: direction", self.direction, DIRECTIONS, GraphError)
        rule = self.direction_rule
        require_member(f"{where}: direction_rule", rule, DIRECTION_RULES, GraphError)
        for name in ("sln", "direction_probability"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= 1.0:
                raise GraphError(f"{where}: {name} lies in [0, 1], got {value!r}.")
        if self.presence is not None:
            label = f"{where}: presence"
            require_member(label, self.presence, PRESENCES, GraphError)
        lacking = "weak projection needs its evidence_against"
        if self.direction_rule == "cited" and not self.citation:
            lacking = "cited direction needs its citation"
        raise GraphError(f"{where}: a {lacking}.")

    @property
    def strength(self) -> float:
        """The weight, or the streamline count where there is none."""
        return self.streamline_count if self.weight is None else self.weight


@dataclass(frozen=True)
class RegionGraph:
    """Regions, the projections between them, and where both come from.

    Parameters
    ----------
    regions : iterable of Region
        Nodes, in any order.
    projections : iterable of Projection
        Directed edges, in any order.
    metadata : mapping of str to JSON value
        Atlas versions, source, thresholds, options, licences.

    Raises
    ------
    GraphError
        If a region or projection is there twice, or a projection names a region that
        the graph lacks.

    Examples
    --------
    >>> regions = [Region("b left", "left"), Region("a left", "left")]
    >>> edge = Projection("a left", "b left", 10.0, 30.0, 5.0, "lateral", "none")
    >>> graph = RegionGraph(regions, [edge])
    >>> graph.names
    ('a left', 'b left')
    >>> RegionGraph.from_json(graph.to_json()) == graph
    True
    """

    regions: tuple[Region, ...]
    projections: tuple[Projection, ...]
    metadata: Metadata = field(default_factory=dict)

    def __init__(
        self,
        regions: Iterable[Region],
        projections: Iterable[Projection] = (),
        metadata: Metadata | None = None,
    ) -> None:
        ordered = sorted(regions, key=lambda region: region.name)
        edges = sorted(projections, key=lambda edge: (edge.source, edge.target))
        object.__setattr__(self, "regions", tuple(ordered))
        object.__setattr__(self, "projections", tuple(edges))
        object.__setattr__(self, "metadata", dict(metadata or {}))
        self._check()

    def _check(self) -> None:
        if len(self._region_of) < len(self.regions):
            twice = next(a for a, b in pairwise(self.names) if a == b)
            raise GraphError(f"The region '{twice}' appears twice in the graph.")
        keys = [(edge.source, edge.target) for edge in self.projections]
        for key, following in pairwise(keys):
            if key == following:
                raise GraphError(
                    f"The projection {key[0]} -> {key[1]} appears twice in the graph."
                )
        for key in keys:
            for name in key:
                if name not in self._region_of:
                    raise GraphError(
                        f"The projection {key[0]} -> {key[1]} names the region "
                        f"'{name}', which the graph lacks.{closest(name, self.names)}"
                    )

    @cached_property
    def _region_of(self) -> dict[str, Region]:
        return {region.name: region for region in self.regions}

    @cached_property
    def _projection_of(self) -> dict[tuple[str, str], Projection]:
        return {(edge.source, edge.target): edge for edge in self.projections}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the regions, sorted."""
        return tuple(region.name for region in self.regions)

    def __contains__(self, name: object) -> bool:
        """Tell whether :meth:`region` finds a region of that name."""
        if name in self._region_of:
            return True
        try:
            return isinstance(name, str) and bool(the_one(name, self._spellings))
        except AmbiguousNameError:
            return False

    def __len__(self) -> int:
        return len(self.regions)

    def region(self, name: str) -> Region:
        """Return the region of that name.

        Parameters
        ----------
        name : str
            Its name, or another spelling of it; see
            :func:`atlasnet.graph.synonyms.meant`.

        Raises
        ------
        GraphError
            If the graph has none.
        AmbiguousNameError
            If several go by it.
        """
        if name in self._region_of:
            return self._region_of[name]
        _require_text(name)
        found = the_one(name, self._spellings)
        if found is None:
            hint = closest(name, self.names)
            raise GraphError(f"No region '{name}' in the graph.{hint}")
        return self._region_of[found]

    def regions_called(self, name: str) -> tuple[str, ...]:
        """Return the names of all regions that go by a name.

        Parameters
        ----------
        name : str
            A region, one of its names in the atlas, or a node of the hand network, of
            which several may be parts; without hemisphere it is that of both sides.

        Returns
        -------
        tuple of str
            In the order of the graph, at least one.

        Raises
        ------
        RegionNotFoundError
            If none does.
        AmbiguousNameError
            If it is only a part of several names.
        """
        _require_text(name)
        found = meant(name, self._spellings)
        if not found:
            raise RegionNotFoundError(name, "the graph", self.names)
        return tuple(found)

    @cached_property
    def _spellings(self) -> dict[str, tuple[str, ...]]:
        """Return the names of each region: its own, its atlas names and its node."""
        return {region.name: region.spellings for region in self.regions}

    def projection(self, source: str, target: str) -> Projection:
        """Return the projection from `source` to `target`.

        Raises
        ------
        GraphError
            If the graph has none, or lacks one of the regions.
        """
        if (source, target) in self._projection_of:
            return self._projection_of[source, target]
        ends = self.region(source).name, self.region(target).name
        if ends not in self._projection_of:
            raise GraphError(f"No projection {ends[0]} -> {ends[1]}.")
        return self._projection_of[ends]

    def has_projection(self, source: str, target: str) -> bool:
        """Return whether there is a projection from `source` to `target`."""
        if (source, target) in self._projection_of:
            return True
        if source not in self or target not in self:
            return False
        ends = self.region(source).name, self.region(target).name
        return ends in self._projection_of

    def to_networkx(self) -> "nx.DiGraph[str]":
        """Return a new ``networkx.DiGraph`` whose node keys are the regions' names.

        Nodes and edges carry the fields of `Region` and `Projection` (nodes also
        ``cell_count``), the graph carries the metadata. An edge's ``weight`` is its
        strength: the streamline count where there is no other.
        """
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.graph.update(self.metadata)
        for region in self.regions:
            row = {name: getattr(region, name) for name in _REGION_FIELDS[1:]}
            graph.add_node(region.name, **row, cell_count=region.cell_count)
        for edge in self.projections:
            row = {name: getattr(edge, name) for name in _PROJECTION_FIELDS[2:]}
            graph.add_edge(edge.source, edge.target, **{**row, "weight": edge.strength})
        return graph

    def to_json(self) -> str:
        """Return the graph as JSON text."""
        data = {
            "schema_version": SCHEMA_VERSION,
            "metadata": dict(self.metadata),
            "nodes": [asdict(region) for region in self.regions],
            "edges": [asdict(edge) for edge in self.projections],
        }
        return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the graph that :meth:`to_json` wrote.

        Raises
        ------
        GraphError
            If the text is no JSON, of another schema version, or no valid graph.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise GraphError(
                f"A region graph is JSON, this is not: {error}."
            ) from error
        expected = {"schema_version", "metadata", "nodes", "edges"}
        if not isinstance(data, dict) or set(data) != expected:
            found = sorted(data) if isinstance(data, dict) else type(data).__name__
            raise GraphError(
                f"A region graph is a JSON object with {sorted(expected)}, got {found}."
            )
        if data["schema_version"] not in range(1, SCHEMA_VERSION + 1):
            raise GraphError(
                f"This graph has schema version {data['schema_version']!r}, but this "
                f"version of atlasnet reads 1 to {SCHEMA_VERSION}. Make the graph "
                "again."
            )
        for key, kind in (("nodes", list), ("edges", list), ("metadata", dict)):
            if not isinstance(data[key], kind):
                message = f"'{key}' of a region graph is a {kind.__name__}, got"
                raise GraphError(f"{message} {data[key]!r}.")
        regions = [_read(Region, "node", row) for row in data["nodes"]]
        edges = [_read(Projection, "edge", row) for row in data["edges"]]
        metadata = dict(data["metadata"])
        if _OLDER_CLOSING in metadata:
            metadata["closing_cycles"] = metadata.pop(_OLDER_CLOSING)
        return cls(regions, edges, metadata)

    def save(self, path: Path | str) -> None:
        """Write the graph to a file, whole or not at all."""
        write_text(Path(path), self.to_json())

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a graph from a file.

        Raises
        ------
        GraphError
            If the file cannot be read, or holds no valid graph.
        """
        with reading(path, "graph file", GraphError):
            text = Path(path).read_text(encoding="utf-8")
        return cls.from_json(text)


_OLDER_CLOSING = "feedforward_closing_cycles"  # key of files of before December 2026
_REGION_FIELDS = tuple(entry.name for entry in fields(Region))
_PROJECTION_FIELDS = tuple(entry.name for entry in fields(Projection))
_Part = TypeVar("_Part", Region, Projection)


def _require_text(name: object) -> None:
    """Refuse what is no name."""
    if not isinstance(name, str):
        raise GraphError(f"A region goes by a name, got {name!r}.")


def _read(kind: type[_Part], what: str, row: Any) -> _Part:
    """Make a region or projection from a row of ``graph.json``."""
    if not isinstance(row, dict):
        raise GraphError(f"A {what} of a region graph is a JSON object, got {row!r}.")
    values: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in row.items()
    }
    try:
        return kind(**values)
    except (AttributeError, TypeError) as error:  # a key or type that does not fit
        raise GraphError(f"Invalid {what} in the region graph: {error}.") from error


def _require_positive(what: str, value: float | None) -> None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise GraphError(f"{what} is a positive number or None, got {value!r}.")
