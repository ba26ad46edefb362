# SPDX-License-Identifier: Apache-2.0
"""Which pairs of regions an edge joins, and how strong it is.

A rule sees the streamlines between all nodes of a graph and says which directed pairs
are edges. Tractography is symmetric, so the rules that look at counts alone join both
directions or none; a share of the target's input differs by direction. A connectome of
tracers is not: of it every direction counts by itself, and none without a count is an
edge.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from atlasnet.errors import AtlasError, require_member

__all__ = [
    "EdgeRule",
    "InputShare",
    "StreamlineThreshold",
    "StrongestNeighbours",
    "TargetDensity",
    "Weight",
    "as_edge_rule",
    "count_components",
    "edge_rule_text",
    "join_components",
    "parse_edge_rule",
    "weigh",
]

Counts = NDArray[np.float64]
Mask = NDArray[np.bool_]
_WRITTEN = {
    "streamlines": "min_streamline_count",
    "density": "density",
    "strongest": "k",
    "share": "min_share",
}
"""What a rule's text begins with, and the field that it states."""
Weight = Literal["streamlines", "log", "input_share"]
WEIGHTS: tuple[Weight, ...] = get_args(Weight)


@runtime_checkable
class EdgeRule(Protocol):
    """What makes an edge."""

    @property
    def keep_connected(self) -> bool:
        """Whether the strongest pairs between components are edges too."""
        ...

    def select(self, counts: Counts, total_input: Counts) -> Mask:
        """Return the pairs that are edges.

        Parameters
        ----------
        counts : ndarray of float64, shape (n, n)
            Streamlines from row to column, 0 on the diagonal; those of tractography
            are symmetric.
        total_input : ndarray of float64, shape (n,)
            Streamlines of each node with the whole atlas outside it.

        Returns
        -------
        ndarray of bool, shape (n, n)
            True for an edge from row to column.
        """
        ...

    def describe(self) -> str:
        """Return the rule in words, for a graph's metadata."""
        ...


@dataclass(frozen=True, slots=True)
class StreamlineThreshold:
    """Pairs that at least so many streamlines join.

    Raises
    ------
    AtlasError
        If the number is not above 0.

    Examples
    --------
    >>> StreamlineThreshold(300).describe()
    'at least 300 streamlines'
    """

    min_streamline_count: float = 100.0
    """Streamlines that make a connection."""
    keep_connected: bool = False
    """A threshold promises that no edge is below it, so not by default."""

    def __post_init__(self) -> None:
        if not self.min_streamline_count > 0:
            raise AtlasError(
                "min_streamline_count is above 0, got "
                f"{self.min_streamline_count!r}; the cited pathways come on top."
            )

    def select(self, counts: Counts, total_input: Counts) -> Mask:
        """Return the pairs that reach the threshold."""
        return counts >= self.min_streamline_count

    def describe(self) -> str:
        """Return the rule in words."""
        return f"at least {self.min_streamline_count:g} streamlines"


@dataclass(frozen=True, slots=True)
class TargetDensity:
    """The strongest pairs, so many that they are a share of all possible ones.

    Where counts differ by direction, pairs are directed: of n regions there are
    n (n - 1), and each is ranked by itself. A pair without a streamline is never an
    edge, so the density may not be reached.

    Raises
    ------
    AtlasError
        If the share is not in (0, 1].
    """

    density: float
    """Share of all pairs of regions that are connected."""
    keep_connected: bool = True
    """Whether edges are added until the graph holds together."""

    def __post_init__(self) -> None:
        if not 0.0 < self.density <= 1.0:
            raise AtlasError(f"density is a share in (0, 1], got {self.density!r}.")

    def select(self, counts: Counts, total_input: Counts) -> Mask:
        """Return the strongest pairs; ties go to the node that comes first."""
        n = len(counts)
        is_directed = not np.array_equal(counts, counts.T)
        i, j = np.nonzero(~np.eye(n, dtype=bool)) if is_directed else _pairs(n)
        strength = counts[i, j]
        order = np.argsort(-strength, kind="stable")
        chosen = order[: round(self.density * len(order))]
        chosen = chosen[strength[chosen] > 0]
        mask = np.zeros((n, n), dtype=bool)
        mask[i[chosen], j[chosen]] = True
        return mask if is_directed else mask | mask.T

    def describe(self) -> str:
        """Return the rule in words."""
        return f"the strongest {self.density:.4g} of all pairs"


@dataclass(frozen=True, slots=True)
class StrongestNeighbours:
    """For every node, its pairs with the k nodes that most streamlines join it to.

    A pair counts if it is among the strongest of either node, so a node may have more
    than k. Where counts differ by direction, those of both directions together tell how
    strong a pair is, and of a pair those directions are edges that have a count.

    Raises
    ------
    AtlasError
        If k is not above 0.
    """

    k: int
    """Neighbours that each region keeps."""
    keep_connected: bool = True
    """Whether edges are added until the graph holds together."""

    def __post_init__(self) -> None:
        if self.k < 1:
            raise AtlasError(f"k is a whole number above 0, got {self.k!r}.")

    def select(self, counts: Counts, total_input: Counts) -> Mask:
        """Return the strongest pairs of every node; ties go to the first."""
        n = len(counts)
        joint = counts + counts.T
        order = np.argsort(-joint, axis=1, kind="stable")[:, : min(self.k, n)]
        mask = np.zeros((n, n), dtype=bool)
        np.put_along_axis(mask, order, values=True, axis=1)
        return (mask | mask.T) & (counts > 0)

    def describe(self) -> str:
        """Return the rule in words."""
        return f"the {self.k} strongest neighbours of every region"


@dataclass(frozen=True, slots=True)
class InputShare:
    """Projections that carry at least a share of all streamlines of their target.

    Like FLN, the fraction of labelled neurons (Markov et al. 2014): the share is of
    the streamlines that join the target with the whole atlas outside it, whether or
    not their other end is in the graph. It differs by direction, so a projection may
    be an edge and its return none.

    Raises
    ------
    AtlasError
        If the share is not in (0, 1].
    """

    min_share: float
    """Share of a region's streamlines that makes a connection."""
    keep_connected: bool = True
    """Whether edges are added until the graph holds together."""

    def __post_init__(self) -> None:
        if not 0.0 < self.min_share <= 1.0:
            raise AtlasError(f"min_share is a share in (0, 1], got {self.min_share!r}.")

    def select(self, counts: Counts, total_input: Counts) -> Mask:
        """Return the projections that reach the share."""
        return (_shares(counts, total_input) >= self.min_share) & (counts > 0)

    def describe(self) -> str:
        """Return the rule in words."""
        return f"at least {self.min_share:g} of the target's streamlines"


def parse_edge_rule(text: str) -> EdgeRule:
    """Return the rule that a text like ``density=0.2`` names.

    Parameters
    ----------
    text : str
        ``streamlines=N``, or ``N`` alone, ``density=SHARE``, ``strongest=K`` or
        ``share=SHARE``.

    Returns
    -------
    EdgeRule
        The rule.

    Raises
    ------
    AtlasError
        If the text names none.

    Examples
    --------
    >>> parse_edge_rule("strongest=5")
    StrongestNeighbours(k=5, keep_connected=True)
    """
    kinds: dict[str, Any] = {
        "streamlines": lambda value: StreamlineThreshold(float(value)),
        "density": lambda value: TargetDensity(float(value)),
        "strongest": lambda value: StrongestNeighbours(int(value)),
        "share": lambda value: InputShare(float(value)),
    }
    kind, _, value = (text if "=" in text else f"streamlines={text}").partition("=")
    try:
        rule: EdgeRule = kinds[kind.strip()](value)
    except (KeyError, ValueError) as error:
        raise AtlasError(
            "An edge rule is streamlines=N, density=SHARE, strongest=K or share=SHARE, "
            f"got '{text}'."
        ) from error
    return rule


def edge_rule_text(rule: EdgeRule) -> str:
    """Return the text that is read as a rule.

    Raises
    ------
    AtlasError
        If no text is: a rule of your own, or one with another `keep_connected`.

    Examples
    --------
    >>> edge_rule_text(StrongestNeighbours(k=5))
    'strongest=5'
    """
    for kind, field in _WRITTEN.items():
        value = getattr(rule, field, None)
        if value is not None and parse_edge_rule(f"{kind}={value}") == rule:
            return f"{kind}={value}"
    raise AtlasError(
        f"{rule!r} cannot be written into a file: that takes a rule as of "
        "streamlines=N, density=SHARE, strongest=K or share=SHARE. Save the graph "
        "instead."
    )


def as_edge_rule(value: object) -> EdgeRule:
    """Return the rule that a value stands for.

    Parameters
    ----------
    value : EdgeRule or str or float
        A rule, its text as of `parse_edge_rule`, or the streamlines that make an edge.

    Returns
    -------
    EdgeRule
        The rule.

    Raises
    ------
    AtlasError
        If it stands for none.
    """
    return value if isinstance(value, EdgeRule) else parse_edge_rule(str(value))


def weigh(weight: Weight, counts: Counts, total_input: Counts) -> Counts:
    """Return the weights of all projections.

    Parameters
    ----------
    weight : {"streamlines", "log", "input_share"}
        The streamline count, log10(1 + count), or the share of the target's input.
    counts : ndarray of float64, shape (n, n)
        Streamlines between nodes.
    total_input : ndarray of float64, shape (n,)
        Streamlines of each node with the whole atlas outside it.

    Returns
    -------
    ndarray of float64, shape (n, n)
        Weights, from row to column.

    Raises
    ------
    AtlasError
        If there is no such weight.
    """
    if weight == "log":
        return np.log10(1.0 + counts)
    if weight == "input_share":
        return _shares(counts, total_input)
    require_member("weight", weight, WEIGHTS, AtlasError)
    return counts


def join_components(mask: Mask, counts: Counts) -> tuple[tuple[int, int], ...]:
    """Return the strongest pairs that join what a selection has torn apart.

    Parameters
    ----------
    mask : ndarray of bool, shape (n, n)
        Selected projections.
    counts : ndarray of float64, shape (n, n)
        Streamlines from row to column.

    Returns
    -------
    tuple of (int, int)
        Pairs to add, i < j, of which at least one direction has a streamline: those
        of the maximum spanning forest of all streamlines that takes selected pairs
        first. Components between which there is no
        streamline stay apart.
    """
    joined = mask | mask.T
    counts = np.maximum(counts, counts.T)
    cost = np.zeros_like(counts)
    found = counts > 0
    cost[found] = 1.0 + 1.0 / counts[found]  # above any selected pair
    cost[joined] = 0.5
    forest = minimum_spanning_tree(csr_array(np.triu(cost, k=1))).tocoo()
    pairs = zip(forest.row.tolist(), forest.col.tolist(), strict=True)
    return tuple(sorted((i, j) for i, j in pairs if not joined[i, j]))


def count_components(mask: Mask) -> int:
    """Return into how many parts a graph falls, whatever the directions.

    Examples
    --------
    >>> count_components(np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0]], dtype=bool))
    2
    """
    return int(connected_components(csr_array(mask), directed=True)[0])


def _pairs(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pairs of n nodes whatever the direction, row by row."""
    i, j = np.triu_indices(n, k=1)
    return i, j


def _shares(counts: Counts, total_input: Counts) -> Counts:
    """Return each count as a share of the target's input; 0 without any input."""
    safe = np.where(total_input > 0, total_input, math.inf)
    return counts / safe[np.newaxis, :]
