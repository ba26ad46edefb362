# SPDX-License-Identifier: Apache-2.0
"""Which pairs of members are edges, why, and how strong each is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasnet.atlas.catalogue import Member
from atlasnet.atlas.claims import Pair
from atlasnet.atlas.edges import join_components, weigh
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.source import PathwayRecord
from atlasnet.graph.graph import Presence

__all__ = ["EdgeSet", "select_edges"]

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class EdgeSet:
    """The edges between n members, and the evidence against pathways."""

    mask: Mask
    """True for an edge from row to column, shape (n, n)."""
    by_rule: Mask
    """Edges that the edge rule has chosen, shape (n, n)."""
    by_citation: Mask
    """Edges that a citation makes, however few the streamlines, shape (n, n)."""
    joining: tuple[Pair, ...]
    """Pairs that were added so that the graph holds together, i < j."""
    weak: Mapping[Pair, PathwayRecord]
    """Edges that the literature calls weak."""
    left_out: Mapping[Pair, PathwayRecord]
    """Pairs that the edge rule has chosen and the literature speaks against."""

    def presence(self, pair: Pair) -> Presence:
        """Return why an edge is there."""
        if self.by_citation[pair]:
            return "both" if self.by_rule[pair] else "cited"
        return "streamlines" if self.by_rule[pair] else "joining"

    def weights(
        self, rules: GraphRules, counts: Matrix, total_input: Matrix
    ) -> list[float | None]:
        """Return the weights of the edges, row by row.

        Those of weak edges are no more than the least of the others above 0. None
        where the streamline count itself is the weight of every edge.
        """
        if rules.weight == "streamlines" and not self.weak:
            return [None] * int(self.mask.sum())
        weights = weigh(rules.weight, counts, total_input).copy()
        is_weak = np.zeros_like(self.mask)
        for pair in self.weak:
            is_weak[pair] = True
        others = weights[self.mask & ~is_weak]
        least = others[others > 0].min(initial=np.inf)
        weights[is_weak] = np.minimum(weights[is_weak], least)
        return [float(weight) for weight in weights[self.mask]]


def select_edges(
    members: Sequence[Member],
    rules: GraphRules,
    streamlines: tuple[Matrix, Matrix],
    cited: Mapping[Pair, PathwayRecord],
    against: Mapping[Pair, PathwayRecord],
) -> EdgeSet:
    """Select the edges between members.

    Parameters
    ----------
    members : sequence of Member
        The n nodes.
    rules : GraphRules
        What makes an edge.
    streamlines : tuple of ndarray of float64, shapes (n, n) and (n,)
        Streamlines from row to column, and of each node with the whole atlas.
    cited, against : mapping of (int, int) to PathwayRecord
        What the literature has for and against pathways.

    Returns
    -------
    EdgeSet
        The edges. A pathway that is denied or doubtful is none of them, a weak one
        only by its streamlines.
    """
    counts, total_input = streamlines
    chosen = rules.edges.select(counts, total_input)
    np.fill_diagonal(chosen, val=False)
    allowed = np.ones_like(chosen)
    for pair, pathway in against.items():
        allowed[pair] = pathway.support == "weak"
    by_rule = chosen & allowed
    by_citation = np.zeros_like(chosen)
    for i, j in cited:
        whole = members[i].is_whole_node and members[j].is_whole_node
        by_citation[i, j] = whole and (i, j) not in against
    mask = by_rule | by_citation
    joining: tuple[Pair, ...] = ()
    if rules.edges.keep_connected:
        open_counts = np.where(allowed, counts, 0.0)
        joining = join_components(mask, open_counts)
        for i, j in joining:
            mask[i, j] |= open_counts[i, j] > 0
            mask[j, i] |= open_counts[j, i] > 0
    return EdgeSet(
        mask=mask,
        by_rule=by_rule,
        by_citation=by_citation,
        joining=joining,
        weak={pair: p for pair, p in against.items() if allowed[pair] and mask[pair]},
        left_out={p: r for p, r in against.items() if chosen[p] and not allowed[p]},
    )
