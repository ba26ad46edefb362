# SPDX-License-Identifier: Apache-2.0
"""Selection: which regions of an atlas names stand for, and which come with them."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from atlasnet.atlas.catalogue import Catalogue, Member
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.source import AtlasSource
from atlasnet.errors import AtlasError
from atlasnet.graph.graph import Hemisphere, Region
from atlasnet.signature import checked

__all__ = ["Hemispheres", "choose", "sides_of", "strongest_neighbours"]

Hemispheres = Literal["left", "right", "both"]


@checked(AtlasError)
def strongest_neighbours(
    source: AtlasSource,
    names: Sequence[str],
    k: int,
    hemisphere: Hemispheres = "left",
    *,
    complete: bool = False,
) -> tuple[str, ...]:
    """Return some regions and the k others that most streamlines join them to.

    Parameters
    ----------
    source : AtlasSource
        Where the data come from.
    names : sequence of str
        Regions to start from, as `build_graph` takes them.
    k : int
        How many regions to add, those first with which the given ones together have
        the most streamlines, in both directions where these differ.
    hemisphere : {"left", "right", "both"}, default="left"
        Hemisphere of the names, and of the neighbours.
    complete : bool, default=False
        Whether to pass over regions without volume or density, which no units can be
        planned on.

    Returns
    -------
    tuple of str
        The names given, and those of the neighbours, strongest first: a selection for
        `build_graph`.

    Raises
    ------
    AtlasError
        If fewer than k regions are joined to the given ones.

    Examples
    --------
    >>> from atlasnet.atlas.sources.snapshot import SnapshotSource
    >>> strongest_neighbours(SnapshotSource(), ["4p"], 2)
    ('4p', 'Frontal-II (GapMap) left', 'Area 3a (PostCG) left')
    """
    if k < 0:
        raise AtlasError(f"k is a whole number of at least 0, got {k!r}.")
    catalogue = Catalogue(source, GraphRules())
    found = [
        region.name
        for region in _neighbours(source, catalogue, names, hemisphere)
        if region.cell_count is not None or not complete
    ]
    if len(found) < k:
        raise AtlasError(
            f"{', '.join(names)} ({hemisphere}) has {len(found)} neighbours, fewer "
            f"than the {k} asked for."
        )
    return (*names, *found[:k])


def _neighbours(
    source: AtlasSource, catalogue: Catalogue, names: Sequence[str], hemisphere: str
) -> list[Region]:
    """Return the regions that streamlines join to some others, strongest first."""
    seeds = choose(catalogue, names, hemisphere)
    if not seeds:
        raise AtlasError("Growth starts from at least one region, got no name.")
    rows = {row for member in seeds for row in member.rows}
    streamlines = source.connections().streamline_count
    seeded = sorted(rows)
    efferent, afferent = streamlines[seeded].sum(axis=0), streamlines.T[seeded].sum(0)
    # Of a connectome without direction both are the same streamlines.
    is_directed = not np.array_equal(streamlines, streamlines.T)
    count = efferent + afferent if is_directed else efferent
    sides = sides_of(hemisphere)
    others = [
        (count[row], catalogue.single(record.name).region)
        for record in catalogue.connected()
        if (row := record.connectome_row) is not None
        and row not in rows
        and record.hemisphere in sides
        and count[row] > 0
    ]
    return [r for _, r in sorted(others, key=lambda item: (-item[0], item[1].name))]


def choose(catalogue: Catalogue, names: Sequence[str], hemisphere: str) -> list[Member]:
    """Return the members that names stand for, each once.

    Parameters
    ----------
    catalogue : Catalogue
        What there is to choose from.
    names : sequence of str
        Names as of :func:`atlasnet.build_graph`.
    hemisphere : {"left", "right", "both"}
        Hemisphere of the names that don't end in one.

    Returns
    -------
    list of Member
        In the order of the names.

    Raises
    ------
    AtlasError
        If one name stands for several.
    """
    sides = sides_of(hemisphere)
    members: dict[str, Member] = {}
    for name in names:
        for member in catalogue.members(name, sides):
            known = members.setdefault(member.region.name, member)
            if (known.rows, known.region) != (member.rows, member.region):
                raise AtlasError(
                    f"Two selections of different parts are called "
                    f"'{member.region.name}', the second is '{name}'. Give each a name "
                    "of its own."
                )
    return list(members.values())


def sides_of(hemisphere: str) -> tuple[Hemisphere, ...]:
    """Return the hemispheres meant by an option.

    Raises
    ------
    AtlasError
        If it means none.
    """
    sides: dict[str, tuple[Hemisphere, ...]] = {
        "left": ("left",),
        "right": ("right",),
        "both": ("left", "right"),
    }
    if hemisphere not in sides:
        raise AtlasError(f"hemisphere is left, right or both, got '{hemisphere}'.")
    return sides[hemisphere]
