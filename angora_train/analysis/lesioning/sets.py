# SPDX-License-Identifier: Apache-2.0
"""Which areas are lesioned: groups, and random ones of the same size.

A group is what the atlas calls a system: premotor, primary motor, parietal association
and so on. Beside it stand random lesions of as many areas, with as nearly as many
units as can be had. They are drawn among the areas that no sensation enters and that
the action head does not read. A random lesion that took the goal's only entry, or the
last area before the muscles, would say what any network says: without its input or
its output it fails. So a group that holds such areas may owe its drop to them, and
each row tells how many it holds; where it holds none, as premotor cortex in the
presets, like is compared with like.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb

import numpy as np

from angora_train.errors import ConfigError
from atlasnet import NetworkSpec

__all__ = ["INTACT", "LesionSet", "lesion_sets", "matched_areas", "system_groups"]

INTACT = "intact"
"""Name of the condition without a lesion."""

_MOST_SETS = 20_000
"""Sets of areas that are looked at; of more, so many are drawn."""
_TOLERANCE = 0.1
"""Difference of units that counts as none, as a fraction of the group's."""


@dataclass(frozen=True)
class LesionSet:
    """Areas that are silenced together.

    Attributes
    ----------
    group : str
        The group; of a random lesion, the one that it stands beside.
    draw : int or None
        Number of the random lesion, from 1; None for the group itself.
    areas : tuple of str
        Names of the areas, in the order of the spec; none for the intact network.
    n_units : int
        Their units.
    n_sensed : int
        Areas among them that a sensation enters.
    n_acting : int
        Areas among them that the action head reads.
    n_shared : int
        Of a random lesion: areas among them that are of the group.
    """

    group: str
    draw: int | None
    areas: tuple[str, ...]
    n_units: int
    n_sensed: int
    n_acting: int
    n_shared: int = 0


def system_groups(spec: NetworkSpec) -> dict[str, tuple[str, ...]]:
    """Return the areas of each system of a network, in the order of the spec.

    Parameters
    ----------
    spec : NetworkSpec
        The network.

    Returns
    -------
    dict of str to tuple of str
        Names of areas by system. A system that holds all areas is no group.

    Raises
    ------
    ConfigError
        If no area has a system, or all have the same.
    """
    groups: dict[str, tuple[str, ...]] = {}
    for area in spec.areas:
        if area.system is not None:
            groups[area.system] = (*groups.get(area.system, ()), area.name)
    groups = {name: x for name, x in groups.items() if len(x) < len(spec.areas)}
    if not groups:
        raise ConfigError(
            f"The areas of '{spec.name}' are of no two systems, so there are no groups "
            "to compare. Name them: --group NAME=AREA,AREA"
        )
    return groups


def matched_areas(
    spec: NetworkSpec, areas: Sequence[str], n: int, rng: np.random.Generator
) -> list[tuple[str, ...]]:
    """Draw sets of as many areas, with as nearly as many units, as a group.

    Parameters
    ----------
    spec : NetworkSpec
        The network.
    areas : sequence of str
        The group.
    n : int
        Sets wanted.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    list of tuple of str
        Different sets, none of them the group itself, of areas that no sensation
        enters and that the action head does not read; they may hold some of the
        group's. They are drawn among the sets within a tenth of the group's units, or,
        where there are fewer than `n`, are the nearest. Fewer than `n` if there are no
        more, none if there are fewer such areas than the group has.
    """
    sensed = {name for entry in spec.inputs for name in entry.areas}
    barred = sensed | set(spec.action_areas)
    inner = [area.name for area in spec.areas if area.name not in barred]
    own = set(areas)
    sets = [x for x in _subsets(len(inner), len(areas), rng) if x]
    candidates = [tuple(inner[i] for i in x) for x in sets]
    candidates = [x for x in candidates if set(x) != own]
    wanted = _n_units(spec, areas)
    off = np.array([abs(_n_units(spec, x) - wanted) for x in candidates])
    order = rng.permutation(len(candidates))
    near = [i for i in order if off[i] <= _TOLERANCE * wanted]
    if len(near) < n:
        near = sorted(order, key=lambda i: off[i])
    return [candidates[i] for i in near[:n]]


def _subsets(n: int, size: int, rng: np.random.Generator) -> Iterator[tuple[int, ...]]:
    """Yield the subsets of a size of n things, or many different ones of them."""
    if comb(n, size) <= _MOST_SETS:
        yield from combinations(range(n), size)
        return
    drawn = {tuple(sorted(rng.permutation(n)[:size])) for _ in range(_MOST_SETS)}
    yield from sorted(drawn)


def _n_units(spec: NetworkSpec, areas: Sequence[str]) -> int:
    """Return the units of some areas together."""
    return sum(spec.area(name).n_units for name in areas)


def lesion_sets(
    spec: NetworkSpec,
    groups: Mapping[str, Sequence[str]],
    *,
    n_random: int = 5,
    seed: int = 0,
) -> list[LesionSet]:
    """Return what is silenced: nothing, then each group and its random lesions.

    Parameters
    ----------
    spec : NetworkSpec
        The network.
    groups : mapping of str to sequence of str
        Areas by group, by any of their names. What means several, such as ``M1``, is
        all of them.
    n_random : int
        Random lesions beside each group.
    seed : int
        Decides them, together with the group's name: a group more or less changes
        those of no other.

    Returns
    -------
    list of LesionSet
        The intact network first.

    Raises
    ------
    ConfigError
        If a group is empty or has the name of the intact condition.
    SpecError
        If an area does not exist: with the nearest name.
    """

    def found(group: str, areas: Sequence[str], draw: int | None = None) -> LesionSet:
        return LesionSet(
            group=group,
            draw=draw,
            areas=tuple(areas),
            n_units=_n_units(spec, areas),
            n_sensed=sum(bool(spec.sensations(name)) for name in areas),
            n_acting=sum(name in spec.action_areas for name in areas),
        )

    sets = [found(INTACT, ())]
    for group, named in groups.items():
        if not named or group == INTACT:
            raise ConfigError(
                f"The group '{group}' cannot be lesioned: it needs at least one area "
                f"and a name other than '{INTACT}'."
            )
        meant = {area for name in named for area in spec.areas_called(name)}
        areas = [area.name for area in spec.areas if area.name in meant]
        rng = np.random.default_rng([seed, zlib.crc32(group.encode())])
        drawn = matched_areas(spec, areas, n_random, rng)
        sets.append(found(group, areas))
        sets += [
            replace(found(group, x, draw), n_shared=len(meant.intersection(x)))
            for draw, x in enumerate(drawn, 1)
        ]
    return sets
