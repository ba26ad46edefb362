# SPDX-License-Identifier: Apache-2.0
"""Conditions: all that can be done to a network, and what stands beside it.

Beside each condition stand random ones of its size. Beside areas: other areas, see
:mod:`angora_train.analysis.lesioning.sets`. Beside a share of an area's units: as many
units, of any areas that no sensation enters and that the action head does not read.
Beside a pathway: other pathways with as nearly as many weights.
"""

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from angora_train.analysis.lesioning.sets import INTACT, lesion_sets, matched_areas
from angora_train.errors import ConfigError
from atlasnet import Clamp, Intervention, Lesion, NetworkSpec, Noise

__all__ = [
    "Condition",
    "Kind",
    "area_conditions",
    "group_conditions",
    "intact",
    "named_conditions",
    "pathway_conditions",
]

Kind = Literal["intact", "areas", "units", "pathway", "clamp", "noise"]
_TOLERANCE = 0.1


@dataclass(frozen=True)
class Condition:
    """What is done to a network while it plays.

    Attributes
    ----------
    name : str
        What it is called; of a random one, that which it stands beside.
    kind : {"intact", "areas", "units", "pathway", "clamp", "noise"}
        What is done.
    draw : int or None
        Number of the random condition, from 1; None for the condition itself.
    interventions : tuple of Intervention
        What is done, by the names of the network.
    areas : tuple of str
        Areas whose activity is changed, or to which a pathway leads.
    n_units : int
        Units that are changed; of a pathway, its weights.
    n_sensed, n_acting : int
        Areas among them that a sensation enters, and that the action head reads.
    n_shared : int
        Of a random condition: areas that it shares with what it stands beside.
    """

    name: str
    kind: Kind
    draw: int | None
    interventions: tuple[Intervention, ...]
    areas: tuple[str, ...]
    n_units: int
    n_sensed: int
    n_acting: int
    n_shared: int = 0

    @property
    def key(self) -> str:
        """What is done, as text: two conditions that do the same have the same key."""
        return json.dumps([x.model_dump(mode="json") for x in self.interventions])

    @property
    def is_switched(self) -> bool:
        """Whether one compiled network can be switched to it and back."""
        return not any(isinstance(x, Noise) for x in self.interventions)

    @property
    def is_by_world(self) -> bool:
        """Whether worlds of one call can differ in it: weights are shared by all."""
        cuts = (isinstance(x, Lesion) and x.source for x in self.interventions)
        return self.is_switched and not any(cuts)


def _made(
    spec: NetworkSpec,
    name: str,
    kind: Kind,
    interventions: Sequence[Intervention],
    n_units: int,
    *,
    draw: int | None = None,
    n_shared: int = 0,
) -> Condition:
    """Return a condition, its areas in the order of the network."""
    meant = {x.area for x in interventions}
    areas = tuple(area.name for area in spec.areas if area.name in meant)
    return Condition(
        name=name,
        kind=kind,
        draw=draw,
        interventions=tuple(interventions),
        areas=areas,
        n_units=n_units,
        n_sensed=sum(bool(spec.sensations(area)) for area in areas),
        n_acting=sum(area in spec.action_areas for area in areas),
        n_shared=n_shared,
    )


def intact(spec: NetworkSpec) -> Condition:
    """Return the condition in which nothing is done."""
    return _made(spec, INTACT, "intact", (), 0)


def group_conditions(
    spec: NetworkSpec,
    groups: Mapping[str, Sequence[str]],
    *,
    n_random: int = 5,
    seed: int = 0,
) -> list[Condition]:
    """Return lesions of groups of areas, and random ones beside each.

    Parameters
    ----------
    spec : NetworkSpec
        The network.
    groups : mapping of str to sequence of str
        Areas by group, by any of their names.
    n_random : int
        Random lesions beside each group.
    seed : int
        Decides them, together with the group's name.

    Returns
    -------
    list of Condition
        Each group, then its random lesions.

    Raises
    ------
    ConfigError
        If a group is empty or has the name of the intact condition.
    SpecError
        If an area does not exist: with the nearest name.
    """
    return [
        _made(
            spec,
            one.group,
            "areas",
            [Lesion(area=area) for area in one.areas],
            one.n_units,
            draw=one.draw,
            n_shared=one.n_shared,
        )
        for one in lesion_sets(spec, groups, n_random=n_random, seed=seed)[1:]
    ]


def area_conditions(
    spec: NetworkSpec, *, n_random: int = 5, seed: int = 0
) -> list[Condition]:
    """Return a lesion of each area, and random ones beside it."""
    groups = {area.name: [area.name] for area in spec.areas}
    return group_conditions(spec, groups, n_random=n_random, seed=seed)


def pathway_conditions(
    spec: NetworkSpec,
    pathways: Sequence[tuple[str, str]] | None = None,
    *,
    n_random: int = 5,
    seed: int = 0,
) -> list[Condition]:
    """Return a cut of each pathway between areas, and random cuts beside it.

    Parameters
    ----------
    spec : NetworkSpec
        The network.
    pathways : sequence of (str, str), optional
        Source and target, by the names of the network; by default all.
    n_random : int
        Random cuts beside each, of pathways with as nearly as many weights.
    seed : int
        Decides them, together with the pathway's name.

    Returns
    -------
    list of Condition
        Each pathway, then its random cuts.
    """
    every = [(p.source, p.target) for p in spec.pathways]
    weights = {pair: _n_weights(spec, *pair) for pair in every}
    conditions = []
    for pair in every if pathways is None else pathways:
        name = " -> ".join(pair)
        wanted = weights.get(pair) or _n_weights(spec, *pair)
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        others = [one for one in every if one != pair]
        for draw, (source, target) in enumerate(
            [pair, *_nearest(others, weights, wanted, n_random, rng)]
        ):
            cut = Lesion(area=target, source=source)
            n = weights.get((source, target), wanted)
            conditions.append(_made(spec, name, "pathway", [cut], n, draw=draw or None))
    return conditions


def _n_weights(spec: NetworkSpec, source: str, target: str) -> int:
    """Return the pairs of units that a pathway, or a sensation's entry, joins."""
    sizes = {entry.name: entry.size for entry in spec.inputs}
    n = sizes[source] if source in sizes else spec.area(source).n_units
    return n * spec.area(target).n_units


def _nearest(
    things: Sequence[Any],
    sizes: Mapping[Any, int],
    wanted: int,
    n: int,
    rng: np.random.Generator,
) -> list[Any]:
    """Draw things within a tenth of a size, or, where there are few, the nearest."""
    order = [things[i] for i in rng.permutation(len(things))]
    near = [x for x in order if abs(sizes[x] - wanted) <= _TOLERANCE * wanted]
    if len(near) < n:
        near = sorted(order, key=lambda x: abs(sizes[x] - wanted))
    return near[:n]


def named_conditions(
    spec: NetworkSpec,
    interventions: Mapping[str, Sequence[Intervention]],
    *,
    n_random: int = 5,
    seed: int = 0,
) -> list[Condition]:
    """Return conditions of lesions, clamps and noise, and random ones beside each.

    Parameters
    ----------
    spec : NetworkSpec
        The network.
    interventions : mapping of str to sequence of Intervention
        What is done, by the condition's name; resolved, and of one kind each: whole
        areas, a share of units, a pathway, clamps, or noise.
    n_random : int
        Random conditions beside each.
    seed : int
        Decides them, together with the name.

    Returns
    -------
    list of Condition
        Each condition, then its random ones. Clamps of named units and conditions of
        several kinds have none.
    """
    conditions: list[Condition] = []
    for name, own in interventions.items():
        if not own or name == INTACT:
            raise ConfigError(
                f"The condition '{name}' needs something that is done, and a name "
                f"other than '{INTACT}'."
            )
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        kind = _kind(own)
        if kind == "pathway" and len(own) == 1:
            pair = [(str(getattr(own[0], "source", "")), own[0].area)]
            found = pathway_conditions(spec, pair, n_random=n_random, seed=seed)
            conditions += found
            continue
        n_units = sum(_n_units(spec, one) for one in own)
        conditions.append(_made(spec, name, kind, own, n_units))
        beside = _beside(spec, kind, own, n_units, rng)
        if beside is None:
            continue
        for draw in range(1, n_random + 1):
            drawn = beside(draw, n_random)
            if drawn:
                shared = {x.area for x in own} & {x.area for x in drawn}
                n = sum(_n_units(spec, one) for one in drawn)
                conditions.append(
                    _made(spec, name, kind, drawn, n, draw=draw, n_shared=len(shared))
                )
    return conditions


def _kind(own: Sequence[Intervention]) -> Kind:
    """Return what is done; of several kinds the last."""
    one = own[-1]
    if isinstance(one, Noise):
        return "noise"
    if isinstance(one, Clamp):
        return "clamp"
    if one.source is not None:
        return "pathway"
    return "units" if one.share < 1.0 else "areas"


def _n_units(spec: NetworkSpec, one: Intervention) -> int:
    """Return the units that something is done to."""
    n = spec.area(one.area).n_units
    if isinstance(one, Lesion):
        if one.source is not None:
            return _n_weights(spec, one.source, one.area)
        return max(1, round(one.share * n))
    if isinstance(one, Clamp) and one.units is not None:
        return len(one.units)
    return n


def _beside(
    spec: NetworkSpec,
    kind: Kind,
    own: Sequence[Intervention],
    n_units: int,
    rng: np.random.Generator,
) -> Callable[[int, int], list[Intervention]] | None:
    """Return who draws random conditions; None where like cannot be drawn."""
    if kind == "units" and all(isinstance(x, Lesion) for x in own):
        return lambda draw, n: _random_units(spec, n_units, rng)
    areas = [x.area for x in own]
    is_whole = not any(isinstance(x, Clamp) and x.units is not None for x in own)
    if kind not in ("areas", "clamp", "noise") or not is_whole:
        return None
    if len({type(x) for x in own}) > 1 or any(
        isinstance(x, Clamp) and isinstance(x.value, tuple) for x in own
    ):
        return None
    sets: list[tuple[str, ...]] = []

    def drawn(draw: int, n: int) -> list[Intervention]:
        if not sets:
            sets.extend(matched_areas(spec, areas, n, rng) or [()])
        if draw > len(sets):
            return []
        chosen = sets[draw - 1]
        pairs = zip(own, chosen, strict=False)
        return [one.model_copy(update={"area": area}) for one, area in pairs]

    return drawn


def _random_units(
    spec: NetworkSpec, n_units: int, rng: np.random.Generator
) -> list[Intervention]:
    """Silence so many units, drawn among those of all inner areas."""
    sensed = {name for entry in spec.inputs for name in entry.areas}
    barred = sensed | set(spec.action_areas)
    inner = [
        (area.name, unit)
        for area in spec.areas
        if area.name not in barred
        for unit in range(area.n_units)
    ]
    if len(inner) < n_units:
        return []
    chosen = sorted(rng.choice(len(inner), n_units, replace=False).tolist())
    by_area: dict[str, list[int]] = {}
    for i in chosen:
        area, unit = inner[i]
        by_area.setdefault(area, []).append(unit)
    return [
        Clamp(area=area, value=0.0, units=tuple(units))
        for area, units in by_area.items()
    ]
