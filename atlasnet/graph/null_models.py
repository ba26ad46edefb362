# SPDX-License-Identifier: Apache-2.0
"""Null models: graphs that lose one property of a given one and keep the rest.

Each takes a graph and a seed and returns a graph whose metadata name both. What each
keeps is a promise, listed in :data:`NULL_MODELS`. A projection that a null model moved
is marked ``null_model``: no literature speaks of it any more. Feedforward projections
of a null model may close cycles; planning breaks and reports them as in any graph.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import networkx as nx
import numpy as np

from atlasnet.errors import GraphError, require_known
from atlasnet.graph.direction import (
    Claim,
    Direction,
    decide,
    laminar_class,
    structural_sln,
)
from atlasnet.graph.graph import Metadata, Projection, Region, RegionGraph
from atlasnet.graph.order import break_cycles
from atlasnet.graph.rewiring import (
    moved,
    rewire,
    rewire_by_distance,
    rewire_by_strength,
    rewire_pairs,
    strength_of,
)
from atlasnet.signature import checked
from atlasnet.units import delay_ms

__all__ = ["NULL_MODELS", "NullModel", "randomize"]

_OF_PLACES = ("edges_that_join_components", "left_out_pathways")
"""Metadata that say where projections are or are none: not so once they moved."""


@dataclass(frozen=True, slots=True)
class NullModel:
    """A null model and what it promises."""

    make: Callable[[RegionGraph, np.random.Generator], RegionGraph]
    keeps: str
    loses: str
    references: tuple[str, ...] = ()
    """Keys of the bibliography."""
    is_moving: bool = False
    """Whether it is to put projections between other regions."""


@checked(GraphError)
def randomize(graph: RegionGraph, model: str, seed: int) -> RegionGraph:
    """Return a null model of a graph.

    Parameters
    ----------
    graph : RegionGraph
        The graph.
    model : str
        One of :data:`NULL_MODELS`.
    seed : int
        Seed; the same graph, model and seed make the same null model.

    Returns
    -------
    RegionGraph
        A graph of the same regions; ``null_model`` and ``null_model_seed`` of its
        metadata name what it is, and ``null_model_is_the_graph`` says whether nothing
        could be changed, or was by this seed; ``null_model_moved_nothing`` the same of
        places alone, where the model is to change these.

    Raises
    ------
    GraphError
        If there is no such model, or the graph lacks what it needs.

    Examples
    --------
    >>> edge = Projection("a left", "b left", 10.0, 30.0, 5.0, "lateral", "none")
    >>> regions = [Region("a left", "left"), Region("b left", "left")]
    >>> graph = RegionGraph(regions, [edge])
    >>> randomize(graph, "shuffled_weights", seed=1).metadata["null_model"]
    'shuffled_weights'
    """
    require_known("null model", model, NULL_MODELS, GraphError)
    if not isinstance(seed, int) or seed < 0:
        raise GraphError(f"seed is a whole number of at least 0, got {seed!r}.")
    made = NULL_MODELS[model].make(graph, np.random.default_rng(seed))
    _, closing = break_cycles(
        edge for edge in made.projections if edge.direction == "feedforward"
    )
    joined: nx.Graph[str] = nx.Graph()
    joined.add_nodes_from(made.names)
    joined.add_edges_from((edge.source, edge.target) for edge in made.projections)
    n_new = sum(not graph.has_projection(e.source, e.target) for e in made.projections)
    metadata: Metadata = {
        **graph.metadata,
        **{key: [] for key in _OF_PLACES if n_new},
        "n_components": nx.number_connected_components(joined),
        "isolated_regions": sorted(nx.isolates(joined)),
        "null_model": model,
        "null_model_seed": seed,
        "null_model_keeps": NULL_MODELS[model].keeps,
        "null_model_new_projections": n_new,
        "null_model_moved_nothing": NULL_MODELS[model].is_moving and not n_new,
        "null_model_is_the_graph": _content(made) == _content(graph),
        "closing_cycles": [f"{e.source} -> {e.target}" for e in closing],
    }
    return RegionGraph(made.regions, made.projections, metadata)


def _content(graph: RegionGraph) -> tuple[frozenset[tuple[object, ...]], ...]:
    """Return what a network is planned from, without what is said of its origin."""
    sizes = frozenset(
        (region.name, region.volume_mm3, region.cell_density_per_mm3)
        for region in graph.regions
    )
    pathways = frozenset(
        (
            *(edge.source, edge.target, edge.direction, edge.strength),
            *(edge.streamline_count, edge.length_mm, edge.delay_ms),
        )
        for edge in graph.projections
    )
    return sizes, pathways


# --- edges ---------------------------------------------------------------------------


def _shuffle_weights(graph: RegionGraph, rng: np.random.Generator) -> RegionGraph:
    """Deal streamline counts and weights out anew, to pairs joined in the same ways."""
    pairs: dict[tuple[str, str], dict[bool, Projection]] = {}
    for edge in graph.projections:
        first, second = sorted((edge.source, edge.target))
        pairs.setdefault((first, second), {})[edge.source == first] = edge
    alike: dict[tuple[bool, ...], list[tuple[str, str]]] = {}
    for pair, ways in pairs.items():
        alike.setdefault(tuple(sorted(ways)), []).append(pair)
    edges = []
    for listed in alike.values():
        for pair, k in zip(listed, rng.permutation(len(listed)).tolist(), strict=True):
            for way, edge in pairs[pair].items():
                dealt = pairs[listed[k]][way]
                strength = strength_of(dealt, edge.source, edge.target)
                edges.append(replace(edge, **strength))
    return RegionGraph(graph.regions, edges, graph.metadata)


def _random(graph: RegionGraph, rng: np.random.Generator) -> RegionGraph:
    """Place as many projections of every class at random.

    Feedforward ones run along a random order of the regions, so that they have no
    cycle; all others take any pair that is left.
    """
    names = list(graph.names)
    n = len(names)
    rank = rng.permutation(n)
    forward = [e for e in graph.projections if e.direction == "feedforward"]
    others = [e for e in graph.projections if e.direction != "feedforward"]
    i, j = np.nonzero(rank[:, None] < rank[None, :])
    if len(forward) > len(i):
        raise GraphError(
            f"{len(forward)} feedforward projections do not fit along one order of {n} "
            "regions: they have cycles. Break them first."
        )
    chosen = rng.permutation(len(i))[: len(forward)]
    ends = list(zip(i[chosen].tolist(), j[chosen].tolist(), strict=True))
    free = ~np.eye(n, dtype=bool)
    if ends:
        free[tuple(np.array(ends).T)] = False
    p, q = np.nonzero(free)
    left = rng.permutation(len(p))[: len(others)]
    ends += zip(p[left].tolist(), q[left].tolist(), strict=True)
    side = {region.name: region.hemisphere for region in graph.regions}
    edges = [
        replace(
            moved(edge, names[a], names[b]),
            is_callosal=side[names[a]] != side[names[b]],
        )
        for edge, (a, b) in zip([*forward, *others], ends, strict=True)
    ]
    return RegionGraph(graph.regions, edges, graph.metadata)


def _connect_fully(graph: RegionGraph, _rng: np.random.Generator) -> RegionGraph:
    """Join every pair of regions, with typical projections where there was none."""
    if not graph.projections:
        raise GraphError("A graph without projections has no typical one to add.")
    count = float(np.median([edge.streamline_count for edge in graph.projections]))
    weights = [edge.weight for edge in graph.projections if edge.weight is not None]
    weight = float(np.median(weights)) if weights else None
    lengths = [e.length_mm for e in graph.projections if e.length_mm is not None]
    length_mm = float(np.median(lengths)) if lengths else None
    edges = list(graph.projections)
    for source in graph.regions:
        for target in graph.regions:
            key = source.name, target.name
            if source is target or graph.has_projection(*key):
                continue
            sln = _sln(source, target)
            edges.append(
                Projection(
                    *key,
                    streamline_count=count,
                    length_mm=length_mm,
                    delay_ms=None if length_mm is None else delay_ms(length_mm),
                    direction=_class_of(graph, source, target, sln),
                    direction_rule="null_model",
                    sln=sln,
                    weight=weight,
                    is_callosal=source.hemisphere != target.hemisphere,
                    presence="null_model",
                )
            )
    return RegionGraph(graph.regions, edges, graph.metadata)


def _class_of(
    graph: RegionGraph, source: Region, target: Region, sln: float | None
) -> Direction:
    """Return the structural model's class, unless the opposite projection has it."""
    opposite: Claim | None = None
    if graph.has_projection(target.name, source.name):
        back = graph.projection(target.name, source.name)
        opposite = back.direction, back.direction_rule
    expected = None if sln is None else laminar_class(sln)
    return decide(None, opposite, expected, "structural_model").direction


def _sln(source: Region, target: Region) -> float | None:
    if source.cell_density_per_mm3 and target.cell_density_per_mm3:
        return structural_sln(source.cell_density_per_mm3, target.cell_density_per_mm3)
    return None


# --- regions -------------------------------------------------------------------------


def _shuffle_units(graph: RegionGraph, rng: np.random.Generator) -> RegionGraph:
    """Deal volumes and densities out anew."""
    order = rng.permutation(len(graph.regions)).tolist()
    regions = []
    for region, k in zip(graph.regions, order, strict=True):
        dealt = graph.regions[k]
        regions.append(_resized(region, dealt.volume_mm3, dealt.cell_density_per_mm3))
    return RegionGraph(regions, graph.projections, graph.metadata)


def _equal_units(graph: RegionGraph, _rng: np.random.Generator) -> RegionGraph:
    """Give every region the mean volume, and the density that keeps all cells."""
    counts = [region.cell_count for region in graph.regions]
    volumes = [r.volume_mm3 for r in graph.regions if r.volume_mm3 is not None]
    known = [count for count in counts if count is not None]
    if len(known) < len(counts) or not known:
        raise GraphError(
            "Equal unit counts need the volume and the density of every region."
        )
    volume_mm3, density = sum(volumes) / len(volumes), sum(known) / sum(volumes)
    regions = [_resized(region, volume_mm3, density) for region in graph.regions]
    return RegionGraph(regions, graph.projections, graph.metadata)


def _resized(
    region: Region, volume_mm3: float | None, density_per_mm3: float | None
) -> Region:
    """Return a region of another size; its thickness and type stay."""
    return replace(
        region,
        volume_mm3=volume_mm3,
        cell_density_per_mm3=density_per_mm3,
        cell_density_rule=None if density_per_mm3 is None else "null_model",
    )


NULL_MODELS: Mapping[str, NullModel] = MappingProxyType(
    {
        "rewired": NullModel(
            rewire,
            keeps="how many projections of each class leave and enter every region, by "
            "hemisphere; the set of all measurements; regions",
            loses="which regions a projection joins; that most pairs are joined both "
            "ways, and with the same count; forward cycles may close",
            references=("maslov2002",),
            is_moving=True,
        ),
        "rewired_reciprocal": NullModel(
            rewire_pairs,
            keeps="all that 'rewired' keeps; how many pairs are joined both ways, each "
            "with its two classes and its two measurements",
            loses="which regions a projection joins; forward cycles may close",
            references=("maslov2002",),
            is_moving=True,
        ),
        "rewired_strengths": NullModel(
            rewire_by_strength,
            keeps="all that 'rewired' keeps; nearly the strength that enters and "
            "leaves every region",
            loses="which regions a projection joins; that most pairs are joined both "
            "ways, and with the same count; lengths go with the strengths; forward "
            "cycles may close",
            references=("maslov2002", "rubinov2011"),
            is_moving=True,
        ),
        "shuffled_weights": NullModel(
            _shuffle_weights,
            keeps="which regions are joined, directions, lengths; the set of all "
            "streamline counts, and that both directions of a pair have one; regions",
            loses="which projection is strong",
        ),
        "distance_surrogate": NullModel(
            rewire_by_distance,
            keeps="all that 'rewired' keeps; how many projections span a distance, in "
            "10 bins, but for what sampling would change; that the longer has what the "
            "longer had",
            loses="which regions a projection joins, but for their distance; that most "
            "pairs are joined both ways; forward cycles may close",
            references=("betzel2018", "maslov2002"),
            is_moving=True,
        ),
        "shuffled_units": NullModel(
            _shuffle_units,
            keeps="projections; the set of all cell counts, so that of unit counts",
            loses="which region has which cell count",
        ),
        "equal_units": NullModel(
            _equal_units,
            keeps="projections; the number of all cells",
            loses="differences between regions in cell count",
        ),
        "random": NullModel(
            _random,
            keeps="the numbers of regions and of projections by class; the set of all "
            "measurements; that feedforward projections have no cycle; regions",
            loses="which regions a projection joins, and how many each has",
            references=("erdos1959",),
            is_moving=True,
        ),
        "fully_connected": NullModel(
            _connect_fully,
            keeps="all projections that are there; regions",
            loses="which regions are not joined: all are, with the median of the "
            "measurements",
        ),
    }
)
"""Null models by name, with what each keeps and loses."""
