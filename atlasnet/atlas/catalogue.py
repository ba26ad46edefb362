# SPDX-License-Identifier: Apache-2.0
"""Catalogue: the regions of an atlas by name, as nodes of a graph.

What a text stands for, the first that fits:

1. ``NAME = PART + PART``: a composite of these parts, e.g. ``AIP = hIP1 + hIP2``; with
   ``@ AREA + AREA`` behind, its density is that of von Economo's areas.
2. ``MCC (stand-in)``: a composite in place of an area that the atlas lacks.
3. A region, spelt as in any of the atlas's versions.
4. A parent in the hierarchy, e.g. ``superior parietal lobule``: all its regions that
   the connectome has.
5. A synonym, e.g. ``M1``, ``BA4`` or the macaque's ``F5``: all regions that it means;
   see :mod:`atlasnet.graph.synonyms`.
6. A part of a name in whole words, if a single region has it, e.g. ``4p``.
7. A node of the hand network, e.g. ``AIP`` or ``1``.
8. A part of a word of at least three letters, if a single region has it, e.g.
   ``hOc4l``.

A text that ends in ``left`` or ``right`` means that side alone; ``left M1``, ``M1 (L)``
and ``lh M1`` do, too.

A composite's streamlines are the sum of its parts', its lengths their mean weighted by
streamlines, its volume their sum, its density and thickness their mean weighted by
volume, its centroid likewise. Streamlines between its parts are not counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.source import AtlasSource, NodeRecord, RegionRecord
from atlasnet.atlas.sources.own_density import with_own_densities
from atlasnet.atlas.structure import Structure, StructureReader, merge_structures
from atlasnet.atlas.volumes import with_volumes
from atlasnet.errors import (
    AmbiguousNameError,
    AtlasError,
    IncompleteDataError,
    RegionNotFoundError,
)
from atlasnet.graph.graph import Hemisphere, Region
from atlasnet.graph.merging import total, weighted_centroid
from atlasnet.graph.synonyms import all_synonyms, synonym_called
from atlasnet.naming import (
    has_words,
    normalised,
    side_of,
    with_side_last,
    without_side,
)

__all__ = ["STAND_INS", "Catalogue", "Member", "require_disjoint"]

STAND_INS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "MCC (stand-in)": (
            "MCC (stand-in) = Area p24ab (pACC) + Area p24c (pACC) @ LA1",
            "stand-in for midcingulate cortex, which has no parcel in Julich-Brain: "
            "its pregenual neighbours p24ab and p24c, with the density of von "
            "Economo's LA1",
        )
    }
)
"""Composites in place of an area that the atlas lacks, and what the graph says."""


@dataclass(frozen=True, slots=True)
class Member:
    """A node-to-be of a graph."""

    region: Region
    rows: tuple[int, ...]
    """Rows of the connectome that it stands for."""
    is_whole_node: bool
    """Whether it is a node of the hand network, not just a part of one."""
    whole_density_per_mm3: float | None = None
    """Cells per mm3 of all layers, by which the structural model goes."""
    note: str | None = field(default=None, compare=False)
    """What it is made of, if that is not the atlas's own region."""


class Catalogue:
    """The regions of a source by name, and the rules to read them by.

    Parameters
    ----------
    source : AtlasSource
        Where the data come from.
    rules : GraphRules
        Densities, volumes and layers that do not count.
    """

    def __init__(self, source: AtlasSource, rules: GraphRules) -> None:
        self._atlas = _atlas_name(source)
        self._structures = StructureReader(source, rules)
        records = with_volumes(source.regions(), rules.volume)
        records = with_own_densities(records, rules.density_table)
        self._record_of: dict[str, RegionRecord] = {r.name: r for r in records}
        self._homologues = source.homologues()
        self._node_of = {(n.node, n.hemisphere): n for n in source.node_table()}
        # The connectome's spelling comes first: a name of both is the same record.
        self._name_of = {
            spelling: record.name
            for record in self._record_of.values()
            for spelling in (record.julich_3_1, record.julich_2_9, record.name)
            if spelling
        }
        self._names_of_folded: dict[str, set[str]] = {}
        for spelling, name in self._name_of.items():
            self._names_of_folded.setdefault(spelling.casefold(), set()).add(name)
        self._node_called = {(n.casefold(), s): n for n, s in self._node_of}
        self._children = self._by_parent()
        self.left_out: list[str] = []
        """Regions of a chosen parent that the connectome lacks."""
        self.synonyms: list[str] = []
        """What the synonyms among the names meant, and who says so."""

    def connected(self) -> tuple[RegionRecord, ...]:
        """Return the regions that the connectome has."""
        records = self._record_of.values()
        return tuple(r for r in records if r.connectome_row is not None)

    def members(self, text: str, sides: Sequence[Hemisphere]) -> list[Member]:
        """Return what a text stands for.

        Parameters
        ----------
        text : str
            See the module.
        sides : sequence of {"left", "right"}
            Hemispheres meant if the text does not name one.

        Returns
        -------
        list of Member
            Nodes of a graph, at least one.

        Raises
        ------
        AmbiguousNameError
            If several regions go by a part of a name.
        RegionNotFoundError
            If none does.
        IncompleteDataError
            If the connectome lacks the region.
        """
        text = text if self._is_spelt_so(text, sides) else with_side_last(text)
        whole = without_side(text.strip())
        exact = [self._exactly(whole, side) for side in self._sides(text, sides)]
        if all(exact):  # whatever signs the name may have
            return [self.single(name) for name in exact if name]
        named, equals, made_of = text.partition("=")
        name, role, wanted = named.strip(), None, self._sides(named, sides)
        bare = without_side(name)
        if not equals and bare in STAND_INS:
            recipe, role = STAND_INS[bare]
            name, equals, made_of = bare, "=", recipe.partition("=")[2]
        if equals:
            return [self._named_composite(name, made_of, s, role) for s in wanted]
        if not normalised(bare):
            raise AtlasError(f"A region has a name, got '{text}'.")
        return [found for side in wanted for found in self._find_members(bare, side)]

    def _is_spelt_so(self, text: str, sides: Sequence[Hemisphere]) -> bool:
        """Tell whether a text is a region's own name as it stands."""
        return any(self._exactly(text.strip(), side) for side in (None, *sides))

    def find(self, name: str, side: Hemisphere | None) -> str:
        """Return the record name of a region spelt as in any version."""
        spelling = name if side is None else f"{name} {side}"
        found = self._exactly(without_side(spelling), side_of(spelling))
        if found is None:
            raise RegionNotFoundError(spelling, self._atlas, self._spellings(spelling))
        return found

    def _exactly(self, bare: str, side: Hemisphere | None) -> str | None:
        """Return the record of a name spelt as in any version, its case first."""
        spelling = bare if side is None else f"{bare} {side}"
        if spelling in self._name_of:
            return self._name_of[spelling]
        names = self._names_of_folded.get(spelling.casefold(), set())
        if len(names) > 1:
            raise AmbiguousNameError(spelling, names)
        return next(iter(names), None)

    def single(self, name: str) -> Member:
        """Return the member of one region."""
        record = self._record_of[name]
        homologue = self._homologues.get(name)
        if record.connectome_row is None:
            part = f" It is part of the node '{homologue.node}'." if homologue else ""
            version = "3.1" if record.julich_2_9 is None else "2.9"
            raise IncompleteDataError(
                f"'{name}' has no connections: it is mapped in Julich-Brain {version} "
                f"only, which the connectome is not of.{part} Leave it out."
            )
        key = homologue.node if homologue else "", record.hemisphere
        node = self._node_of.get(key)
        structure = self._structures.read([record], self._symbols_of(name))
        parts = node.julich_3_1 if node else ()
        region = _region(
            name,
            [record],
            structure,
            system=self._system([record], parts),
            role=node.role if node else None,
            node=node.node if node else None,
        )
        is_whole = homologue is not None and homologue.is_whole_node
        rows = (record.connectome_row,)
        return Member(region, rows, is_whole, structure.whole_density_per_mm3)

    def composite(self, name: str, side: Hemisphere) -> Member:
        """Return the member of a node of the node table."""
        if (name, side) not in self._node_of:
            raise AtlasError(
                f"{self._atlas} has no node '{name}' in the {side} hemisphere: the "
                "hand network is defined on Julich-Brain. Choose regions by name."
            )
        node = self._node_of[name, side]
        connected = [self._record_of[self.find(n, None)] for n in node.julich_2_9]
        measured = [self._record_of[self.find(n, None)] for n in node.julich_3_1]
        structure = self._structures.read(measured, node.economo_symbols)
        region = _region(
            f"{name} {side}",
            measured,
            structure,
            connected=connected,
            system=self._system(measured, ()),
            role=node.role,
            node=name,
        )
        rows = [r.connectome_row for r in connected if r.connectome_row is not None]
        return Member(region, tuple(rows), True, structure.whole_density_per_mm3)

    def _find_members(self, bare: str, side: Hemisphere) -> list[Member]:
        """Return what a name without a hemisphere stands for on one side."""
        exact = self._exactly(bare, side)
        if exact is not None:
            return [self.single(exact)]
        children = self._children.get((bare.casefold(), side))
        if children is not None:
            return self._children_members(bare, side, children)
        node = self._node_called.get((bare.casefold(), side))
        if node is not None and bare.isdecimal():  # before Brodmann's area
            return [self.composite(node, side)]
        known = self._by_synonym(bare, side)
        if known:
            return known
        whole, partly = self._by_part(bare, side)
        if len(whole) == 1:
            return [self.single(whole[0])]
        if node is not None:
            return [self.composite(node, side)]
        parts = whole or partly
        if len(parts) > 1:
            raise AmbiguousNameError(f"{bare} {side}", parts)
        if parts:
            return [self.single(parts[0])]
        spelling = f"{bare} {side}"
        raise RegionNotFoundError(spelling, self._atlas, self._spellings(spelling))

    def _children_members(
        self, parent: str, side: Hemisphere, children: Sequence[RegionRecord]
    ) -> list[Member]:
        """Return the members of a parent's regions that the connectome has."""
        connected = [r for r in children if r.connectome_row is not None]
        self.left_out += [r.name for r in children if r.connectome_row is None]
        if not connected:
            raise IncompleteDataError(
                f"The connectome has no region of '{parent}' ({side}). Leave it out."
            )
        return [self.single(record.name) for record in connected]

    def _by_synonym(self, bare: str, side: Hemisphere) -> list[Member]:
        """Return what a synonym means, if this atlas has all of it."""
        synonym = synonym_called(bare)
        if synonym is None:
            return []
        try:
            found = [m for part in synonym.regions for m in self.members(part, [side])]
        except RegionNotFoundError:
            return []
        self.synonyms.append(synonym.describe(bare))
        return found

    def _by_part(self, text: str, side: Hemisphere) -> tuple[list[str], list[str]]:
        """Return the regions of one side that have a text in words, or in letters."""
        letters = normalised(text).replace(" ", "")
        whole, partly = [], []
        for record in self._record_of.values():
            if record.hemisphere != side:
                continue
            spellings = {record.name, record.julich_2_9, record.julich_3_1} - {None}
            names = [without_side(str(name)) for name in spellings]
            words = {word for name in names for word in normalised(name).split()}
            if any(has_words(text, name) for name in names):
                whole.append(record.name)
            elif len(letters) > 2 and any(letters in word for word in words):
                partly.append(record.name)
        return whole, partly

    def _named_composite(
        self, name: str, made_of: str, side: Hemisphere, role: str | None
    ) -> Member:
        """Return the member that stands for several regions of one side."""
        listed, _, areas = made_of.partition("@")
        parts: list[Member] = []
        for part in listed.split("+"):
            if not part.strip():
                raise AtlasError(
                    f"A composite is written NAME = PART + PART, got '{name} = "
                    f"{made_of.strip()}'."
                )
            parts += self.members(part, [side])
        bare = without_side(name)
        if not bare:
            raise AtlasError(f"A composite has a name, got ' = {made_of.strip()}'.")
        _require_one_side(parts, bare, side)
        require_disjoint(parts, f"the composite '{name}'")
        records = [self._record_of[n] for p in parts for n in self._parts_of(p)]
        structure = merge_structures(
            [self._structures.read([r], self._symbols_of(r.name)) for r in records],
            records,
        )
        if areas.strip():
            symbols = [symbol.strip() for symbol in areas.split("+")]
            structure = self._structures.homologue(symbols)
        rows = tuple(row for part in parts for row in part.rows)
        node, is_whole = self._node_of_rows(rows, side)
        region = _region(
            f"{bare} {side}",
            records,
            structure,
            system=parts[0].region.system or self._system(records, ()),
            role=role,
            node=node.node if node else None,
        )
        note = f"{region.name} = {' + '.join(record.name for record in records)}"
        note += f" @ {areas.strip()}" if areas.strip() else ""
        return Member(region, rows, is_whole, structure.whole_density_per_mm3, note)

    def _parts_of(self, member: Member) -> Iterable[str]:
        """Return the record names of a member's regions of the connectome."""
        by_row = {r.connectome_row: r.name for r in self.connected()}
        return [by_row[row] for row in member.rows]

    def _symbols_of(self, name: str) -> tuple[str, ...]:
        homologue = self._homologues.get(name)
        return homologue.economo_symbols if homologue else ()

    def _node_of_rows(
        self, rows: Iterable[int], side: Hemisphere
    ) -> tuple[NodeRecord | None, bool]:
        """Return the node that all rows belong to, and whether they are all of it."""
        wanted = set(rows)
        for (_, where), node in self._node_of.items():
            own = {
                self._record_of[self.find(n, None)].connectome_row
                for n in node.julich_2_9
            }
            if where == side and wanted <= own:
                return node, wanted == own
        return None, False

    def _sides(self, name: str, sides: Sequence[Hemisphere]) -> Sequence[Hemisphere]:
        """Return the hemisphere that a name ends in, or those meant otherwise."""
        side = side_of(f" {name.strip()}")
        return sides if side is None else (side,)

    def _spellings(self, name: str) -> list[str]:
        """Return the names to suggest: of the same hemisphere as the wanted one."""
        side = side_of(name)
        names = [r.name for r in self._record_of.values() if r.hemisphere == side]
        nodes = [f"{node} {where}" for node, where in self._node_of if where == side]
        synonyms = [f"{n} {side}" for one in all_synonyms() for n in one.names]
        return [*names, *nodes, *(synonyms if self._node_of else [])]

    def _by_parent(self) -> dict[tuple[str, Hemisphere], list[RegionRecord]]:
        """Return the regions under every parent of the hierarchy."""
        children: dict[tuple[str, Hemisphere], list[RegionRecord]] = {}
        for record in self._record_of.values():
            for parent in dict.fromkeys(map(str.casefold, record.hierarchy)):
                children.setdefault((parent, record.hemisphere), []).append(record)
        return children

    def _system(self, records: Sequence[RegionRecord], parts: Sequence[str]) -> str:
        """Return the system of a region; a GapMap's is that of its node's parts."""
        if records[0].system == "other cortex" and parts:
            return self._record_of[self.find(parts[0], None)].system
        return records[0].system


def require_disjoint(members: Sequence[Member], where: str) -> None:
    """Refuse members of which two stand for the same region."""
    owner: dict[int, str] = {}
    for member in members:
        for row in member.rows:
            if row in owner:
                raise AtlasError(
                    f"In {where}, '{owner[row]}' and '{member.region.name}' both stand "
                    "for the same region of the connectome. Take one of them."
                )
            owner[row] = member.region.name


def _require_one_side(parts: Sequence[Member], bare: str, side: Hemisphere) -> None:
    """Refuse parts of a composite that are of the other hemisphere."""
    others = [part.region for part in parts if part.region.hemisphere != side]
    if others:
        raise AtlasError(
            f"A composite is of one hemisphere: '{bare} {side}' has the part "
            f"'{others[0].name}'. Name the hemisphere behind the composite alone, "
            f"'{bare} {others[0].hemisphere} = ...', and make one for each side."
        )


def _atlas_name(source: AtlasSource) -> str:
    """Return the atlas and its versions, for messages."""
    about = source.describe()
    versions = dict.fromkeys(
        str(about[key])
        for key in ("connections_version", "volumes_version")
        if about.get(key)
    )
    return f"{about.get('atlas', 'the atlas')} {' or '.join(versions)}".strip()


def _region(
    name: str,
    measured: Sequence[RegionRecord],
    structure: Structure,
    *,
    connected: Sequence[RegionRecord] = (),
    system: str,
    role: str | None,
    node: str | None,
) -> Region:
    """Return the region of a graph that some records stand for."""
    connected = connected or measured
    volumes = [record.volume_mm3 for record in measured]
    centroid_mm = measured[0].centroid_mm
    if len(measured) > 1:
        centroid_mm = weighted_centroid([r.centroid_mm for r in measured], volumes)
    old_ids = (r.siibra_id_2_9 for r in connected)
    new_ids = (r.siibra_id_3_1 for r in measured)
    return Region(
        name=name,
        hemisphere=measured[0].hemisphere,
        julich_2_9=_known(*(r.julich_2_9 for r in connected)),
        julich_3_1=_known(*(r.julich_3_1 for r in measured)),
        siibra_ids=_known(*old_ids, *new_ids),
        volume_mm3=total(volumes),
        cell_density_per_mm3=structure.density_per_mm3,
        cell_density_rule=structure.rule,
        thickness_mm=structure.thickness_mm,
        centroid_mm=centroid_mm,
        cortical_type=structure.cortical_type,
        role=role,
        system=system,
        node=node,
    )


def _known(*values: str | None) -> tuple[str, ...]:
    return tuple(value for value in values if value is not None)
