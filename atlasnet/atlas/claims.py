# SPDX-License-Identifier: Apache-2.0
"""Claims about directions: a user's table, and the cited pathways of the literature."""

from collections.abc import Mapping, Sequence

from atlasnet.atlas.catalogue import Member
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.source import AtlasSource, PathwayRecord
from atlasnet.errors import AtlasError, closest
from atlasnet.graph.direction import Claim, Direction
from atlasnet.graph.graph import Hemisphere
from atlasnet.graph.synonyms import meant
from atlasnet.naming import side_of

__all__ = ["Claims", "Pair", "cited_pairs", "table_claims"]

Pair = tuple[int, int]


def cited_pairs(
    source: AtlasSource, members: Sequence[Member], rules: GraphRules
) -> dict[Pair, PathwayRecord]:
    """Return the pathways that count between members of one hemisphere."""
    if not rules.cited:
        return {}
    of_node: dict[tuple[str | None, Hemisphere], list[int]] = {}
    for i, member in enumerate(members):
        key = member.region.node, member.region.hemisphere
        of_node.setdefault(key, []).append(i)
    sides: tuple[Hemisphere, ...] = ("left", "right")
    return {
        (i, j): pathway
        for pathway in source.pathways()
        if rules.doubtful or pathway.support != "doubtful"
        for side in sides
        for i in of_node.get((pathway.source, side), ())
        for j in of_node.get((pathway.target, side), ())
        if i != j
    }


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
        if pathway is None:
            return None
        note = _cite(pathway) + _part_note(self._members[i], self._members[j])
        return (pathway.direction, "cited"), note


def _cite(pathway: PathwayRecord) -> str:
    """Return a citation with its doi."""
    return pathway.citation + (f", doi:{pathway.doi}" if pathway.doi else "")


def _part_note(source: Member, target: Member) -> str:
    """Return a note on which ends are only parts of the nodes that a citation names."""
    parts = [
        f"{group.region.name} as part of {group.region.node}"
        for group in (source, target)
        if not group.is_whole_node
    ]
    return f" ({', '.join(parts)})" if parts else ""
