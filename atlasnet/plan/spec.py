# SPDX-License-Identifier: Apache-2.0
"""NetworkSpec: what to build, as data.

A spec is everything that the builder needs and nothing else: areas with unit
counts in the order in which they are computed, pathways split into those that
act within a control step and those that arrive one step later, the areas that
each sensation enters, and the areas that drive action and value. It is made by
:func:`atlasnet.plan.planner.plan_network` or by hand, saved as ``network.json`` and
read by :func:`atlasnet.model.builder.build_model`.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

import networkx as nx
from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from atlasnet.errors import SpecError, closest
from atlasnet.files import reading, write_text
from atlasnet.frozen import Frozen
from atlasnet.graph.synonyms import meant, the_one
from atlasnet.plan.area import Activation, AreaSpec, Cell, MapSpec, Readout
from atlasnet.plan.pathway import PathwaySpec, StrengthUse, Timing
from atlasnet.plan.sensation import ImageSpec, InputSpec
from atlasnet.plan.sharing import UnitRule

__all__ = [
    "Activation",
    "AreaSpec",
    "Cell",
    "ImageSpec",
    "InputSpec",
    "MapSpec",
    "NetworkSpec",
    "PathwaySpec",
    "Readout",
    "Stem",
    "StrengthUse",
    "Timing",
    "ValueSpec",
]

Stem = Literal["shared", "copy", "plain"]

# Keys of provenance, and of that of files of before December 2026.
_CLOSING, _OLDER_CLOSING = "closing_cycles", "feedforward_closing_cycles"


class ValueSpec(Frozen):
    """The value head, which only training uses."""

    areas: Annotated[tuple[str, ...], Field(min_length=1)]
    """Areas whose activity the head reads."""
    auxiliary_size: int = Field(default=0, ge=0)
    """Width of the input ``auxiliary``, which only this head reads; 0 is none."""
    hidden_units: tuple[PositiveInt, ...] = (128, 128)
    """Widths of the hidden layers (tanh)."""
    stem: Stem = "shared"
    """What the head reads: ``shared``, the activity of `areas` of the network that
    acts; ``copy``, that of the same areas of a second network, equal but for its
    weights; ``plain``, no areas but all sensations, by `hidden_units` of which the
    last is the width of an LSTM layer."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.stem == "plain" and not self.hidden_units:
            raise SpecError(
                "The value head's plain network needs hidden_units: give at least one "
                "width, that of its LSTM layer."
            )
        return self


class NetworkSpec(Frozen):
    """A network of areas: what :func:`atlasnet.model.builder.build_model` builds.

    Areas stand in the order in which they are computed within a control step:
    every pathway without delay leads from an earlier area to a later one.

    Raises
    ------
    SpecError
        If a name is unknown or twice there, a pathway without delay runs against the
        order, an area has no input, or no sensation reaches an action area.
    """

    label = "network spec"

    name: str
    """Name of the network."""
    control_step_s: PositiveFloat
    """The control step that the leak and all delays are planned for, in s."""
    areas: Annotated[tuple[AreaSpec, ...], Field(min_length=1)]
    """Areas in an order in which they can be computed."""
    pathways: tuple[PathwaySpec, ...]
    """Pathways between them."""
    inputs: Annotated[tuple[InputSpec, ...], Field(min_length=1)]
    """Sensations, and the areas that they enter."""
    action_areas: Annotated[tuple[str, ...], Field(min_length=1)]
    """Areas that the policy head reads."""
    policy_size: PositiveInt
    """Width of the policy head: the parameters of the action distribution."""
    value: ValueSpec
    """What the value head reads."""
    noise_std: NonNegativeFloat = 0.0
    """Standard deviation of the noise that every unit's drive gets at each step."""
    activity_cost: NonNegativeFloat = 0.0
    """Training adds this times the mean square of all units' activity to the loss."""
    wiring_cost: NonNegativeFloat = 0.0
    """Training adds this times the mean of length times weight to the loss: over all
    weights between areas, length in mm, weight without its sign."""
    provenance: Mapping[str, str] = Field(default_factory=dict)
    """Where the numbers come from: atlas, versions, rules, options."""

    @field_validator("provenance")
    @classmethod
    def _with_keys_of_today(cls, provenance: Mapping[str, str]) -> Mapping[str, str]:
        """Read the provenance of an older file too."""
        return {
            _CLOSING if k == _OLDER_CLOSING else k: v for k, v in provenance.items()
        }

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [area.name for area in self.areas]
        _require_unique("area", names)
        _require_unique("layer", [area.layer for area in self.areas])
        _require_unique("sensation", [entry.name for entry in self.inputs])
        _require_unique("pathway", [f"{p.source} -> {p.target}" for p in self.pathways])
        known = set(names)
        for what, listed in self._mentions():
            for name in listed:
                if name not in known:
                    message = (
                        f"{what} names the area '{name}', which the network lacks."
                    )
                    raise SpecError(message + closest(name, names))
        self._check_order(names)
        self._check_reach(names)
        self._check_maps()
        if self.wiring_cost:
            self._check_wiring()
        return self

    def _check_wiring(self) -> None:
        for pathway in self.pathways:
            if pathway.strength_use == "trainable":
                raise SpecError(
                    f"The pathway {pathway.source} -> {pathway.target} has a trainable "
                    "strength, which would evade the wiring cost. Fix the strength, "
                    "or leave out the cost."
                )
        if all(pathway.length_mm is None for pathway in self.pathways):
            raise SpecError(
                f"The network '{self.name}' has no pathway of known length, so wiring "
                "costs nothing. Give length_mm, or leave out the wiring cost."
            )

    def _mentions(self) -> Iterable[tuple[str, Iterable[str]]]:
        for pathway in self.pathways:
            label = f"The pathway {pathway.source} -> {pathway.target}"
            yield label, (pathway.source, pathway.target)
        for entry in self.inputs:
            yield f"The sensation '{entry.name}'", entry.areas
        yield "The action head", self.action_areas
        yield "The value head", self.value.areas

    def _check_order(self, names: list[str]) -> None:
        position = {name: i for i, name in enumerate(names)}
        for pathway in self.pathways:
            if pathway.source == pathway.target:
                message = f"The pathway {pathway.source} -> {pathway.target} is a loop."
                raise SpecError(message + " Recurrence inside an area is its cell's.")
            is_early = position[pathway.source] < position[pathway.target]
            if pathway.lag == 0 and not is_early:
                raise SpecError(
                    f"The pathway {pathway.source} -> {pathway.target} acts within the "
                    "step and runs against the order of the areas. List the source "
                    "first, or make its timing previous_step."
                )

    def _check_reach(self, names: list[str]) -> None:
        graph = self.to_networkx()
        sensed = {area for entry in self.inputs for area in entry.areas}
        reached = {area for level in nx.bfs_layers(graph, sensed) for area in level}
        lost = [name for name in self.action_areas if name not in reached]
        if lost:
            raise SpecError(
                f"No sensation reaches the action area '{lost[0]}': no pathway leads "
                f"to it from {', '.join(sorted(sensed))}. Add areas or pathways "
                "between them, or let a sensation enter elsewhere."
            )
        silent = [name for name in names if name not in reached]
        if silent:
            raise SpecError(
                f"The area '{silent[0]}' has no input: no sensation enters it and no "
                "pathway reaches it from an area that has one. Leave it out, or add a "
                "pathway."
            )

    def _check_maps(self) -> None:
        for entry in self.inputs:
            for name in entry.areas:
                self._check_entry(entry, self.area(name))
        for pathway in self.pathways:
            source, target = self.area(pathway.source), self.area(pathway.target)
            label = f"The pathway {pathway.source} -> {pathway.target}"
            if source.map is None or target.map is None:
                if pathway.kernel_size is not None:
                    raise SpecError(
                        f"{label} has a kernel_size, but joins no two areas with a map."
                    )
            elif not source.map.nests(target.map):
                raise SpecError(
                    f"{label} joins maps of {source.map.grid} and "
                    f"{target.map.grid} positions, spaced {source.map.spacing_px} "
                    f"and {target.map.spacing_px} pixels, which do not fit. One "
                    "spacing must be a multiple of the other, and the coarser map as "
                    "large as the finer one divided by that, rounded up."
                )

    def _check_entry(self, entry: InputSpec, area: AreaSpec) -> None:
        if entry.image is None:
            if area.map is not None:
                raise SpecError(
                    f"The sensation '{entry.name}' is {entry.size} numbers and enters "
                    f"'{area.name}', which has a retinotopic map. A map takes an image "
                    "(height, width, channels); let the numbers enter an area without "
                    "one."
                )
            return
        if area.map is None:
            with_map = [a.name for a in self.areas if a.map is not None]
            allowed = ", ".join(with_map) or "none here (the preset fpn-visual has V1)"
            raise SpecError(
                f"The sensation '{entry.name}' is an image of {entry.image} and enters "
                f"'{area.name}', which has no retinotopic map. Areas with one: "
                f"{allowed}. Or give '{entry.name}' as a vector, such as a pose."
            )
        size = (entry.image.height_px, entry.image.width_px)
        expected = tuple(-(-side // area.map.spacing_px) for side in size)
        if (area.map.height, area.map.width) != expected:
            raise SpecError(
                f"The map of '{area.name}' has {area.map.grid} positions, spaced "
                f"{area.map.spacing_px} pixels; the image '{entry.name}' of "
                f"{entry.image} then needs {expected[0]} x {expected[1]}."
            )

    @property
    def n_units(self) -> int:
        """Units of all areas together."""
        return sum(area.n_units for area in self.areas)

    @property
    def areas_at_floor(self) -> tuple[str, ...]:
        """Areas whose units the floor of the plan's rule decides, or as good as.

        They have the fewest units that the rule in the provenance allows. None where
        there is no such rule; maps have a rule of their own.
        """
        rule = UnitRule.read(self.provenance.get("unit_rule", ""))
        if rule is None:
            return ()
        plain = [area for area in self.areas if area.map is None]
        return tuple(area.name for area in plain if area.n_units <= rule.floor)

    def area(self, name: str) -> AreaSpec:
        """Return the area of that name.

        Parameters
        ----------
        name : str
            Its name, or another spelling of it; see
            :func:`atlasnet.graph.synonyms.meant`.

        Raises
        ------
        SpecError
            If the network has none.
        AmbiguousNameError
            If several go by it.
        """
        if name in self._area_of:
            return self._area_of[name]
        found = the_one(name, {known: (known,) for known in self._area_of})
        if found is None:
            hint = closest(name, self._area_of)
            raise SpecError(f"No area '{name}' in '{self.name}'.{hint}")
        return self._area_of[found]

    def areas_called(self, name: str) -> tuple[str, ...]:
        """Return the names of all areas that go by a name.

        Parameters
        ----------
        name : str
            As for :meth:`area`; ``M1`` is 4a and 4p.

        Returns
        -------
        tuple of str
            At least one.

        Raises
        ------
        SpecError
            If the network has none.
        """
        found = meant(name, {known: (known,) for known in self._area_of})
        if not found:
            raise SpecError(
                f"No area '{name}' in '{self.name}'.{closest(name, self._area_of)} "
                f"There are: {', '.join(self._area_of)}."
            )
        return tuple(found)

    @cached_property
    def _area_of(self) -> dict[str, AreaSpec]:
        return {area.name: area for area in self.areas}

    def pathways_to(self, name: str, timing: Timing) -> tuple[PathwaySpec, ...]:
        """Return an area's pathways of one timing, in the order of their sources."""
        return self._pathways_to.get((name, timing), ())

    @cached_property
    def _pathways_to(self) -> dict[tuple[str, Timing], tuple[PathwaySpec, ...]]:
        rank = {area.name: i for i, area in enumerate(self.areas)}
        found: dict[tuple[str, Timing], list[PathwaySpec]] = {}
        for pathway in sorted(self.pathways, key=lambda one: rank[one.source]):
            found.setdefault((pathway.target, pathway.timing), []).append(pathway)
        return {key: tuple(pathways) for key, pathways in found.items()}

    def afferents(self, name: str, timing: Timing) -> tuple[str, ...]:
        """Return the sources of an area's pathways of one timing, in area order."""
        return tuple(pathway.source for pathway in self.pathways_to(name, timing))

    def sensations(self, name: str) -> tuple[str, ...]:
        """Return the names of the sensations that enter an area, in input order."""
        return self._sensations_of.get(name, ())

    @cached_property
    def _sensations_of(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for entry in self.inputs:
            for area in dict.fromkeys(entry.areas):
                found[area] = (*found.get(area, ()), entry.name)
        return found

    def to_networkx(self) -> "nx.DiGraph[str]":
        """Return areas and pathways as a directed graph, without attributes."""
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(area.name for area in self.areas)
        graph.add_edges_from((p.source, p.target) for p in self.pathways)
        return graph

    def to_json(self) -> str:
        """Return the spec as JSON text."""
        return self.model_dump_json(indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the spec that :meth:`to_json` wrote.

        Raises
        ------
        SpecError
            If the text is no JSON or describes no valid spec.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise SpecError(f"A network spec is JSON, this is not: {error}.") from error
        if not isinstance(data, dict):
            raise SpecError(
                f"A network spec is a JSON object, got {type(data).__name__}."
            )
        return cls(**data)

    def save(self, path: Path | str) -> None:
        """Write the spec to a file, whole or not at all."""
        write_text(Path(path), self.to_json())

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a spec from a file.

        Raises
        ------
        SpecError
            If the file cannot be read, or holds no valid spec.
        """
        with reading(path, "network spec", SpecError):
            text = Path(path).read_text(encoding="utf-8")
        return cls.from_json(text)


def _require_unique(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SpecError(f"The {what} '{twice[0]}' appears twice in the network.")
