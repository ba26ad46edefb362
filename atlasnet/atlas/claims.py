# SPDX-License-Identifier: Apache-2.0
"""Claims about pathways: a user's table, and what the literature cites for and against.

Evidence against a pathway is of three kinds. *Denied* ones were looked for and not
found, *doubtful* ones rest on nothing that bears them: neither is an edge, however many
streamlines join their ends. *Weak* ones were found, but faint or against other reports:
streamlines make them edges, the citation does not, and they stay the weakest edges. It
holds for the parts of a node, too, and between hemispheres: where nothing leads from an
area to another on its own side, nothing is assumed to reach it on the other.
"""

from collections.abc import Iterator, Mapping, Sequence

from atlasnet.atlas.catalogue import Member
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.source import AtlasSource, PathwayRecord
from atlasnet.errors import AtlasError, closest
from atlasnet.graph.direction import Claim, Direction
from atlasnet.graph.synonyms import meant
from atlasnet.naming import side_of

__all__ = ["Claims", "Pair", "cited_pairs", "pairs_against", "table_claims"]

Pair = tuple[int, int]


def cited_pairs(
    source: AtlasSource, members: Sequence[Member], rules: GraphRules
) -> dict[Pair, PathwayRecord]:
    """Return the pathways that lead somewhere between members of one hemisphere.

    Weak ones are among them where their direction is known: it counts, though they add
    no edge.
    """
    left_out = {"denied"} if rules.doubtful else {"denied", "doubtful"}
    return {
        (i, j): pathway
        for pathway in (source.pathways() if rules.cited else ())
        if pathway.direction is not None and pathway.support not in left_out
        for i, j in _ends(members, pathway)
        if members[i].region.hemisphere == members[j].region.hemisphere
    }


def pairs_against(
    source: AtlasSource, members: Sequence[Member], rules: GraphRules
) -> dict[Pair, PathwayRecord]:
    """Return the evidence against pathways by pair of members, of any hemispheres."""
    against = {"weak"}
    against |= set() if rules.denied else {"denied"}
    against |= set() if rules.doubtful else {"doubtful"}
    return {
        pair: pathway
        for pathway in (source.pathways() if rules.cited else ())
        if pathway.support in against
        for pair in _ends(members, pathway)
    }


def _ends(members: Sequence[Member], pathway: PathwayRecord) -> Iterator[Pair]:
    """Yield the pairs of members that are a pathway's nodes, or parts of them."""
    sources, targets = (
        [i for i, member in enumerate(members) if member.region.node == node]
        for node in (pathway.source, pathway.target)
    )
    yield from ((i, j) for i in sources for j in targets if i != j)


def table_claims(
    members: Sequence[Member], rules: GraphRules
) -> dict[Pair, tuple[Direction, str]]:
    """Return what the user's table claims, by pair of members."""
    found: dict[Pair, tuple[Direction, str]] = {}
    if not rules.direction_table:
        return found
    row_of = {member.region.name: i for i, member in enumerate(members)}
    spellings = {member.region.name: member.region.spellings for member in members}
    for claim in rules.direction_table:
        named = claim.source, claim.target
        ends = [[row_of[found] for found in meant(n, spellings)] for n in named]
        for name, end in zip(named, ends, strict=True):
            if not end:
                raise AtlasError(
                    f"The direction table names '{name}', which the graph lacks."
                    f"{closest(name, spellings)}"
                )
        for i in ends[0]:
            for j in ends[1]:
                same = members[i].region.hemisphere == members[j].region.hemisphere
                if i != j and (same or all(map(side_of, named))):
                    found[i, j] = claim.direction, claim.note or "direction table"
    return found


class Claims:
    """What the user's table, or else the literature, says of a pathway."""

    def __init__(
        self,
        members: Sequence[Member],
        cited: Mapping[Pair, PathwayRecord],
        table: Mapping[Pair, tuple[Direction, str]],
    ) -> None:
        self._members = members
        self._cited = cited
        self._table = table

    def of(self, i: int, j: int) -> tuple[Claim, str] | None:
        """Return the claim about a pathway, and where it is from."""
        pair = i, j
        if pair in self._table:
            direction, note = self._table[pair]
            return (direction, "table"), note
        pathway = self._cited.get(pair)
        if pathway is None or pathway.direction is None:
            return None
        note = pathway.reference + _part_note(self._members[i], self._members[j])
        return (pathway.direction, "cited"), note


def _part_note(source: Member, target: Member) -> str:
    """Return a note on which ends are only parts of the nodes that a citation names."""
    parts = [
        f"{group.region.name} as part of {group.region.node}"
        for group in (source, target)
        if not group.is_whole_node
    ]
    return f" ({', '.join(parts)})" if parts else ""
