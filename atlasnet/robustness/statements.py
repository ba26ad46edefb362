# SPDX-License-Identifier: Apache-2.0
"""Statements: what is said of a planned network, as data.

A statement has a name, a sentence, what is measured, and where it is drawn between true
and false. Bounds are what the sentence says (more than, at least as many as) and not
fitted to any network; a statement without a bound only reports its number. Systems are
those of :attr:`Region.system`; where a network lacks the areas of a statement, its
number is None and nothing is said.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import networkx as nx
from scipy.stats import spearmanr

from atlasnet.graph.graph import Projection, RegionGraph
from atlasnet.plan.latency import fewest_steps
from atlasnet.plan.spec import NetworkSpec

__all__ = ["Bound", "Planned", "Statement", "statements_of"]

M1, PREMOTOR, S1 = "primary motor", "premotor", "primary somatosensory"
PARIETAL = "parietal association"

_REACH, _GRASP = ("V6A", "mIPS", "7A", "7P"), ("AIP",)


@dataclass(frozen=True)
class Planned:
    """A planned network, and the graph that it is planned on."""

    graph: RegionGraph
    spec: NetworkSpec
    floor: int
    """Fewest units of an area."""

    @cached_property
    def units(self) -> dict[str, int]:
        """Units by area."""
        return {area.name: area.n_units for area in self.spec.areas}

    def of(self, *systems: str) -> tuple[str, ...]:
        """Return the areas of some systems."""
        return tuple(r.name for r in self.graph.regions if r.system in systems)

    def called(self, *nodes: str) -> tuple[str, ...]:
        """Return the areas that are nodes of some names."""
        return tuple(r.name for r in self.graph.regions if r.node in nodes)

    def between(
        self, sources: Iterable[str], targets: Iterable[str]
    ) -> tuple[Projection, ...]:
        """Return the projections from some areas to others."""
        left, reached = set(sources), set(targets)
        return tuple(
            edge
            for edge in self.graph.projections
            if edge.source in left and edge.target in reached
        )

    def streamlines(self, sources: Iterable[str], targets: Iterable[str]) -> float:
        """Return the streamlines of the projections from some areas to others."""
        found = self.between(sources, targets)
        return math.fsum(edge.streamline_count for edge in found)

    def entered_by(self, sensation: str) -> tuple[str, ...]:
        """Return the areas that a sensation enters; none if it is left out."""
        entries = [e.areas for e in self.spec.inputs if e.name == sensation]
        return entries[0] if entries else ()


Measure = Callable[[Planned, Planned], float | None]
"""Takes a network and the default one; returns a number, None where it has none."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a number must be for its statement to hold."""

    sign: Literal["above", "below", "at least", "at most", "as default"]
    """How it compares."""
    number: float = 0.0
    """With what; ``as default`` compares with the default network's number."""

    def allows(self, value: float, default: float | None) -> bool:
        """Tell whether a number is as it must be."""
        if self.sign == "as default":
            return value == default
        compared = {
            "above": value > self.number,
            "below": value < self.number,
            "at least": value >= self.number,
            "at most": value <= self.number,
        }
        return compared[self.sign]

    def __str__(self) -> str:
        return (
            self.sign if self.sign == "as default" else f"{self.sign} {self.number:g}"
        )


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence about a network, and what shows whether it is true."""

    name: str
    sentence: str
    measured: str
    """What the number is, with its unit."""
    measure: Measure
    bound: Bound | None = None
    """None where there is a number and no claim."""

    def holds(self, value: float | None, default: float | None) -> bool | None:
        """Tell whether it holds; None where nothing can be said, or is claimed."""
        if value is None or self.bound is None:
            return None
        return self.bound.allows(value, default)


def statements_of(default: Planned) -> tuple[Statement, ...]:
    """Return the statements that are made of a network.

    Parameters
    ----------
    default : Planned
        The network as planned without any change; its sensations get a statement each.

    Returns
    -------
    tuple of Statement
        Pathways to M1 first, then order, units, sizes of the graph.
    """
    latencies = tuple(
        Statement(
            f"steps_{entry.name}",
            f"{entry.name.capitalize()} reaches the action as fast as in the default.",
            "control steps on the fastest path",
            _steps_from(entry.name),
            Bound("as default"),
        )
        for entry in default.spec.inputs
    )
    return (*_ON_PATHWAYS, *latencies, *_ON_UNITS, *_ON_SIZE)


def _ratio(one: float, other: float) -> float | None:
    """Return one over another; None where both are 0, infinity where the other is."""
    if not other:
        return math.inf if one else None
    return one / other


def _rank_of_premotor(now: Planned, _: Planned) -> float | None:
    """Return the rank of the first premotor area among M1's afferents."""
    motor, premotor = now.of(M1), set(now.of(PREMOTOR))
    sources = [n for n in now.graph.names if n not in motor]
    counts = {n: now.streamlines([n], motor) for n in sources}
    best = max((counts[n] for n in premotor), default=0.0)
    return 1.0 + sum(c > best for c in counts.values()) if motor and best else None


def _premotor_share(now: Planned, _: Planned) -> float | None:
    """Return the share of M1's streamlines that premotor areas have."""
    motor = now.of(M1)
    others = [name for name in now.graph.names if name not in motor]
    part = now.streamlines(now.of(PREMOTOR), motor)
    return _ratio(part, now.streamlines(others, motor))


def _widest(now: Planned, without: Iterable[str] = ()) -> float:
    """Return how strong the strongest path from the goal to the action is.

    A path is as strong as its weakest projection, in streamlines: the widest path of
    Pollack (1960), Oper. Res. 8:733.
    """
    left_out = set(without)
    tree: nx.DiGraph[str] = nx.DiGraph()
    goal = [n for n in now.entered_by("goal") if n not in left_out]
    ends = [n for n in now.spec.action_areas if n not in left_out]
    tree.add_nodes_from([*goal, *ends])
    edges = sorted(now.graph.projections, key=lambda edge: -edge.streamline_count)
    for edge in edges:
        if {edge.source, edge.target} & left_out:
            continue
        tree.add_edge(edge.source, edge.target)
        if any(nx.has_path(tree, a, b) for a in goal for b in ends):
            return edge.streamline_count
    return 0.0


def _strongest_by_premotor(now: Planned, _: Planned) -> float | None:
    """Return how strong the goal's strongest path is beside one that goes round."""
    premotor = now.of(PREMOTOR)
    if not premotor or not now.entered_by("goal"):
        return None
    return _ratio(_widest(now), _widest(now, premotor))


def _steps_from(sensation: str) -> Measure:
    """Return what measures the control steps of a sensation."""

    def measure(now: Planned, _: Planned) -> float | None:
        steps = fewest_steps(now.spec, sensation)
        return None if steps is None else float(steps)

    return measure


def _steps_without_premotor(now: Planned, _: Planned) -> float | None:
    """Return the control steps that the goal needs more if premotor areas are cut."""
    premotor, goal = set(now.of(PREMOTOR)), now.entered_by("goal")
    before = fewest_steps(now.spec, "goal")
    if not premotor or before is None or set(goal) <= premotor:
        return None
    after = fewest_steps(now.spec, "goal", without=premotor)
    return math.inf if after is None else float(after - before)


def _chain(now: Planned, _: Planned) -> float | None:
    """Return the weaker link of AIP, PMv, M1 over the direct one."""
    aip, pmv, motor = now.called("AIP"), now.called("PMv"), now.of(M1)
    if not (aip and pmv and motor):
        return None
    links = now.streamlines(aip, pmv), now.streamlines(pmv, motor)
    return _ratio(min(links), now.streamlines(aip, motor))


def _chain_forward(now: Planned, _: Planned) -> float | None:
    """Return the share of AIP -> PMv -> M1 that is feedforward, in projections."""
    pmv = now.called("PMv")
    edges = now.between(now.called("AIP"), pmv) + now.between(pmv, now.of(M1))
    return _ratio(sum(e.direction == "feedforward" for e in edges), len(edges))


def _two_streams(now: Planned, _: Planned) -> float | None:
    """Return the smaller of two preferences: reach for PMd, grasp for PMv."""
    dorsal, ventral = now.called("PMdc", "PMdr"), now.called("PMv")
    reach, grasp = now.called(*_REACH), now.called(*_GRASP)
    if not (dorsal and ventral and reach and grasp):
        return None
    ratios = (
        _ratio(now.streamlines(reach, dorsal), now.streamlines(reach, ventral)),
        _ratio(now.streamlines(grasp, ventral), now.streamlines(grasp, dorsal)),
    )
    return min((r for r in ratios if r is not None), default=None)


def _forward_to_frontal(now: Planned, _: Planned) -> float | None:
    """Return the feedforward share of directed projections, parietal to motor."""
    edges = now.between(now.of(PARIETAL, S1), now.of(M1, PREMOTOR))
    forward = sum(edge.direction == "feedforward" for edge in edges)
    back = sum(edge.direction == "feedback" for edge in edges)
    return _ratio(forward, forward + back)


def _forward_from_motor(now: Planned, _: Planned) -> float | None:
    """Return the feedforward projections that leave M1 for other areas."""
    motor = now.of(M1)
    others = [name for name in now.graph.names if name not in motor]
    edges = now.between(motor, others)
    return float(sum(e.direction == "feedforward" for e in edges)) if motor else None


def _same_direction(now: Planned, default: Planned) -> float | None:
    """Return the share of all projections of both that are in both, one direction."""
    kinds = [
        {(e.source, e.target): e.direction for e in planned.graph.projections}
        for planned in (now, default)
    ]
    same = sum(kinds[1].get(ends) == kind for ends, kind in kinds[0].items())
    return _ratio(same, len(kinds[0].keys() | kinds[1].keys()))


def _sensory_over_motor(now: Planned, _: Planned) -> float | None:
    """Return the units of S1 over those of M1."""
    somatic, motor = (sum(now.units[n] for n in now.of(s)) for s in (S1, M1))
    return _ratio(somatic, motor) if somatic and motor else None


def _rank_of_3b(now: Planned, _: Planned) -> float | None:
    """Return the rank of 3b by units, equal ones before it counted too."""
    areas = now.called("3b")
    if not areas:
        return None
    most = max(now.units[area] for area in areas)
    return 1.0 + sum(n >= most for a, n in now.units.items() if a not in areas)


def _parietal_largest(now: Planned, _: Planned) -> float | None:
    """Return the units of parietal association over those of the next system."""
    systems = {r.system for r in now.graph.regions if r.system}
    sums = {s: sum(now.units[n] for n in now.of(s)) for s in systems}
    parietal = sums.pop(PARIETAL, 0)
    return _ratio(parietal, max(sums.values())) if parietal and sums else None


def _unit_pairs(now: Planned, default: Planned) -> tuple[list[int], list[int]]:
    """Return the units of all areas of both."""
    names = sorted(now.units.keys() & default.units.keys())
    return [now.units[n] for n in names], [default.units[n] for n in names]


def _rank_correlation(now: Planned, default: Planned) -> float | None:
    """Return Spearman's correlation of units; None where all are equal."""
    pairs = _unit_pairs(now, default)
    if any(len(set(values)) < 2 for values in pairs):
        return None
    return float(spearmanr(*pairs).statistic)


def _moved(now: Planned, default: Planned) -> float | None:
    """Return the share of units that are in another area."""
    ours, theirs = _unit_pairs(now, default)
    pairs = zip(ours, theirs, strict=True)
    return _ratio(sum(abs(a - b) for a, b in pairs) / 2, sum(theirs))


def _floor_share(now: Planned, _: Planned) -> float:
    """Return the share of areas at the floor."""
    return sum(n <= now.floor for n in now.units.values()) / len(now.units)


def _density(now: Planned, _: Planned) -> float | None:
    """Return the share of ordered pairs that a pathway joins."""
    n = len(now.units)
    return _ratio(len(now.spec.pathways), n * (n - 1))


def _forward_share(now: Planned, _: Planned) -> float | None:
    """Return the share of pathways that are feedforward."""
    pathways = now.spec.pathways
    forward = sum(p.direction == "feedforward" for p in pathways)
    return _ratio(forward, len(pathways))


_ON_PATHWAYS = (
    Statement(
        "premotor_first",
        "M1's strongest afferent is a premotor area.",
        "rank of the first premotor area among M1's afferents, by streamlines",
        _rank_of_premotor,
        Bound("at most", 1),
    ),
    Statement(
        "premotor_majority",
        "Premotor areas have most of M1's streamlines.",
        "share of the streamlines with M1",
        _premotor_share,
        Bound("above", 0.5),
    ),
    Statement(
        "premotor_strongest",
        "The strongest path from the goal to M1 leads through premotor cortex.",
        "its weakest link over that of the strongest path around premotor cortex",
        _strongest_by_premotor,
        Bound("above", 1),
    ),
    Statement(
        "premotor_between",
        "Premotor areas stand between the goal and M1: cut, the goal comes later.",
        "control steps that the goal needs more",
        _steps_without_premotor,
        Bound("at least", 1),
    ),
    Statement(
        "grasp_chain",
        "Grasping is a chain: AIP, PMv, M1 is stronger than AIP to M1.",
        "streamlines of the weaker link over those of AIP to M1",
        _chain,
        Bound("above", 1),
    ),
    Statement(
        "grasp_forward",
        "AIP, PMv, M1 is feedforward all along.",
        "share of its projections that are",
        _chain_forward,
        Bound("at least", 1),
    ),
    Statement(
        "two_streams",
        "Reach areas prefer dorsal premotor cortex (V6A, mIPS, 7A, 7P to PMd), AIP "
        "ventral.",
        "the smaller of both ratios of streamlines",
        _two_streams,
        Bound("above", 1),
    ),
    Statement(
        "parietal_forward",
        "Parietal and somatosensory cortex project forward to motor cortex.",
        "feedforward share of what is feedforward or feedback",
        _forward_to_frontal,
        Bound("above", 0.5),
    ),
    Statement(
        "m1_last",
        "M1 is the end: nothing feedforward leaves it.",
        "feedforward projections to other areas",
        _forward_from_motor,
        Bound("at most", 0),
    ),
    Statement(
        "same_pathways",
        "Pathways are the default's, with its directions.",
        "share of the pathways of both",
        _same_direction,
        Bound("at least", 0.9),
    ),
)
_ON_UNITS = (
    Statement(
        "s1_over_m1",
        "S1 has more units than M1.",
        "units of S1 over those of M1",
        _sensory_over_motor,
        Bound("above", 1),
    ),
    Statement(
        "3b_largest",
        "3b is the largest area.",
        "its rank by units",
        _rank_of_3b,
        Bound("at most", 1),
    ),
    Statement(
        "parietal_largest",
        "Parietal association cortex has more units than any other system.",
        "its units over those of the next",
        _parietal_largest,
        Bound("above", 1),
    ),
    Statement(
        "same_ranks",
        "Areas have the order of size that they have in the default.",
        "Spearman's correlation of units",
        _rank_correlation,
        Bound("at least", 0.9),
    ),
    Statement(
        "by_cells",
        "Most areas have units by their cells, not by the floor.",
        "share of areas at the floor",
        _floor_share,
        Bound("below", 0.5),
    ),
    Statement("moved", "Units in another area.", "share of all units", _moved),
)
_ON_SIZE = (
    Statement(
        "n_pathways",
        "Pathways.",
        "number",
        lambda now, _: float(len(now.spec.pathways)),
    ),
    Statement("density", "Density.", "share of all ordered pairs", _density),
    Statement("forward", "Feedforward.", "share of pathways", _forward_share),
)
