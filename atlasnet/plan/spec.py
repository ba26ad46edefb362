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
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

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
from atlasnet.files import write_text
from atlasnet.frozen import Frozen

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
    "slug",
]

Activation = Literal["tanh", "relu", "softplus"]
Cell = Literal["dense", "rate", "rnn", "gru", "lstm"]
Readout = Literal["flatten", "spatial_softmax"]
Stem = Literal["shared", "copy", "plain"]
StrengthUse = Literal["initial", "fixed", "trainable"]
Timing = Literal["same_step", "previous_step"]

_MAP_CELLS = ("dense", "rate")
# Words of files of before December 2026.
_OLDER_TIMINGS = {"feedforward": "same_step", "feedback": "previous_step"}
_CLOSING, _OLDER_CLOSING = "closing_cycles", "feedforward_closing_cycles"


def slug(name: str) -> str:
    """Turn a region's name into the name of its Keras layer.

    Examples
    --------
    >>> slug("Area 4p (PreCG) left")
    'area_4p_precg_left'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


class MapSpec(Frozen):
    """A retinotopic map: what lies at every position is the same set of channels."""

    height: PositiveInt
    """Positions from top to bottom."""
    width: PositiveInt
    """Positions from left to right."""
    n_channels: PositiveInt
    """Units at a position."""
    spacing_px: PositiveInt
    """Pixels of the image between neighbouring positions."""
    field_px: PositiveFloat
    """Diameter of a unit's receptive field, pixels of the image. Kernels of pathways
    are as large as it takes to reach it."""
    readout: Readout = "spatial_softmax"
    """What areas without a map see of it: every unit (``flatten``), or where in the
    image each channel is active, two numbers a channel (``spatial_softmax``, Levine et
    al. 2016, JMLR 17(39))."""
    own_kernel: PositiveInt = 3
    """Side of the kernel by which units of a ``rate`` area hear their neighbours."""

    @property
    def n_units(self) -> int:
        """Units of all positions."""
        return self.height * self.width * self.n_channels

    @property
    def readout_size(self) -> int:
        """Numbers that areas without a map see of it."""
        return self.n_units if self.readout == "flatten" else 2 * self.n_channels

    @property
    def image_kernel(self) -> int:
        """Side of the kernel by which the map reads an image, pixels."""
        return max(round(self.field_px), self.spacing_px)

    def kernel_from(self, source: "MapSpec") -> int:
        """Return the side of the kernel of a pathway from another map.

        Parameters
        ----------
        source : MapSpec
            The map that the pathway leaves.

        Returns
        -------
        int
            Odd, counted in positions of the source. From a finer or equal map:
            neighbouring positions of the source lie `spacing_px` apart, so that
            ``k`` of them see ``field_px + (k - 1) * spacing_px`` pixels; the least
            that reaches the target's field and :meth:`least_kernel_from`. From a
            coarser one: 3.
        """
        if source.spacing_px > self.spacing_px:
            return 3
        reach = 1 + math.ceil((self.field_px - source.field_px) / source.spacing_px)
        side = min(reach, max(source.height, source.width))
        return max(_odd(side), self.least_kernel_from(source))

    def least_kernel_from(self, source: "MapSpec") -> int:
        """Return the side of the smallest kernel that skips nothing: odd, 3 or more.

        Parameters
        ----------
        source : MapSpec
            The map that the pathway leaves.
        """
        return _odd(max(3, self.spacing_px // source.spacing_px))


class AreaSpec(Frozen):
    """One area: a population of units that share their afferents."""

    name: str
    """Name of the region in the graph, e.g. ``"4p left"``."""
    n_units: PositiveInt
    """Size of the population."""
    cell: Cell
    """``dense`` holds no memory; ``rate`` is a leaky recurrent rate unit; ``rnn``,
    ``gru`` and ``lstm`` are those of machine learning."""
    time_constant_s: PositiveFloat = 0.02
    """Time constant of a rate unit, in s; other cells ignore it. 20 ms is the order
    of a cortical pyramidal cell's membrane time constant (Koch et al. 1996, Cereb
    Cortex 6:93)."""
    activation: Activation = "tanh"
    """What units make of their drive; ``lstm`` and ``gru`` use it beside their
    gates, which are sigmoid."""
    inhibitory_share: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None
    """Dale's principle: this share of the units, the last ones, inhibit, and only
    inside the area; all others excite, inside and elsewhere. None leaves the signs of
    weights free."""
    map: MapSpec | None = None
    """The retinotopic map that the units form; None where they form none."""

    @classmethod
    def _label(cls, data: Mapping[str, Any]) -> str:
        return f"area '{data.get('name')}'"

    @model_validator(mode="after")
    def _check_map(self) -> Self:
        if self.map is not None and self.cell not in _MAP_CELLS:
            raise SpecError(
                f"The area '{self.name}' has a map and '{self.cell}' units; those of "
                f"a map are {' or '.join(_MAP_CELLS)}."
            )
        if self.map is not None and self.map.n_units != self.n_units:
            grid = f"{_grid(self.map)} x {self.map.n_channels}"
            raise SpecError(
                f"The area '{self.name}' has {self.n_units} units, its map of {grid} "
                f"has {self.map.n_units}."
            )
        return self

    @property
    def layer(self) -> str:
        """Name of the area's Keras layer."""
        return slug(self.name)

    @property
    def is_recurrent(self) -> bool:
        """Whether the units read their own activity of the step before."""
        return self.cell != "dense"

    @property
    def n_inhibitory(self) -> int:
        """How many units inhibit: the last ones; 0 where signs are free.

        In a map, the last channels inhibit at every position.
        """
        share = self.inhibitory_share or 0.0
        if self.map is None:
            return round(share * self.n_units)
        positions = self.map.height * self.map.width
        return round(share * self.map.n_channels) * positions

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.inhibitory_share is None:
            return self
        remedy = None
        if self.activation == "tanh":
            remedy = "a unit whose activity may be negative has no sign: take relu or"
            remedy += " softplus"
        elif self.cell in ("gru", "lstm"):
            remedy = f"the gates of '{self.cell}' have no sign: take rate or rnn"
        elif self.cell == "dense" and self.n_inhibitory:
            remedy = "a dense area has no weights inside that could inhibit: take 0.0"
        if remedy is not None:
            raise SpecError(
                f"The area '{self.name}' cannot have an inhibitory share of "
                f"{self.inhibitory_share:g}: {remedy}."
            )
        return self


class PathwaySpec(Frozen):
    """A directed pathway between two areas, all to all."""

    source: str
    target: str
    timing: Timing
    """``same_step`` acts within the control step, ``previous_step`` carries the
    activity of the step before: feedback, lateral, and what would close a cycle."""
    direction: Literal["feedforward", "feedback", "lateral"]
    """Direction class of the edge in the graph."""
    direction_rule: str
    """Which rule decided the direction class."""
    streamline_count: NonNegativeFloat | None = None
    length_mm: NonNegativeFloat | None = None
    kernel_size: PositiveInt | None = None
    """Of a pathway between two maps: side of its kernel, in positions of the source;
    None for what :meth:`MapSpec.kernel_from` says."""
    delay_steps: Annotated[int, Field(ge=0)] | None = None
    """Control steps that activity takes to arrive; None is 0 for ``same_step``
    and 1 for ``previous_step``, which cannot be faster."""
    strength: PositiveFloat = 1.0
    """Amplitude of the pathway's part in the target's drive; 1 is an even share."""
    strength_use: StrengthUse = "initial"
    """``initial``: only the first weights have this amplitude; ``fixed``: it stays a
    factor of the weights; ``trainable``: it is a factor that training changes."""

    @classmethod
    def _label(cls, data: Mapping[str, Any]) -> str:
        return f"pathway {data.get('source')} -> {data.get('target')}"

    @field_validator("timing", mode="before")
    @classmethod
    def _in_words_of_today(cls, timing: object) -> object:
        """Read a timing of an older file too."""
        return _OLDER_TIMINGS.get(timing, timing) if isinstance(timing, str) else timing

    @property
    def lag(self) -> int:
        """Control steps that activity takes to arrive."""
        if self.delay_steps is None:
            return 0 if self.timing == "same_step" else 1
        return self.delay_steps

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.timing == "previous_step" and self.lag == 0:
            raise SpecError(
                f"The pathway {self.source} -> {self.target} of timing previous_step "
                "cannot have a delay of 0 steps: it arrives 1 step later, or more."
            )
        return self


class ImageSpec(Frozen):
    """The shape of an image; the numbers lie between 0 and 1."""

    height_px: PositiveInt
    width_px: PositiveInt
    n_channels: PositiveInt
    """Three a camera: red, green and blue."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.height_px, self.width_px, self.n_channels

    def __str__(self) -> str:
        return " x ".join(map(str, self.shape))


class InputSpec(Frozen):
    """A sensation and the areas that it enters: a vector, or an image.

    A vector enters areas without a map, an image areas with one.
    """

    name: str
    size: Annotated[int, Field(ge=1)] = 0
    """Numbers per control step; of an image it follows from its shape."""
    areas: Annotated[tuple[str, ...], Field(min_length=1)]
    image: ImageSpec | None = None
    """Shape of an image; None for a vector."""

    @model_validator(mode="before")
    @classmethod
    def _count(cls, data: Any) -> Any:
        """Fill in the size of an image."""
        if isinstance(data, dict) and "size" not in data:
            image = data.get("image")
            shape = image if isinstance(image, ImageSpec) else None
            if isinstance(image, dict):
                shape = ImageSpec(**image)
            return {**data, "size": math.prod(shape.shape) if shape else 0}
        return data

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        if self.image is not None and self.size != math.prod(self.image.shape):
            raise SpecError(
                f"The sensation '{self.name}' is an image of {self.image}, which is "
                f"not {self.size} numbers."
            )
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what is sensed in a control step: (size,), or (H, W, C)."""
        return self.image.shape if self.image is not None else (self.size,)


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

    name: str
    control_step_s: PositiveFloat
    """The control step that the leak and all delays are planned for, in s."""
    areas: Annotated[tuple[AreaSpec, ...], Field(min_length=1)]
    pathways: tuple[PathwaySpec, ...]
    inputs: Annotated[tuple[InputSpec, ...], Field(min_length=1)]
    action_areas: Annotated[tuple[str, ...], Field(min_length=1)]
    policy_size: PositiveInt
    """Width of the policy head: the parameters of the action distribution."""
    value: ValueSpec
    noise_std: NonNegativeFloat = 0.0
    """Standard deviation of the noise that every unit's drive gets at each step."""
    activity_cost: NonNegativeFloat = 0.0
    """Training adds this times the mean square of all units' activity to the loss."""
    wiring_cost: NonNegativeFloat = 0.0
    """Training adds this times the mean of length times weight to the loss: over all
    weights between areas, length in mm, weight without its sign."""
    provenance: Mapping[str, str] = Field(default_factory=dict)
    """Where the numbers come from: atlas, versions, rules, options."""

    @classmethod
    def _label(cls, data: Mapping[str, Any]) -> str:
        return "network spec"

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
        for what, listed in self._mentions():
            for name in listed:
                if name not in names:
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
        reached = sensed.union(*(nx.descendants(graph, area) for area in sensed))
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
            elif not _nests(source.map, target.map):
                raise SpecError(
                    f"{label} joins maps of {_grid(source.map)} and "
                    f"{_grid(target.map)} positions, spaced {source.map.spacing_px} "
                    f"and {target.map.spacing_px} pixels, which do not fit. One "
                    "spacing must be a multiple of the other, and the coarser map as "
                    "large as the finer one divided by that, rounded up."
                )

    def _check_entry(self, entry: InputSpec, area: AreaSpec) -> None:
        with_map = [a.name for a in self.areas if a.map is not None]
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
                f"The map of '{area.name}' has {_grid(area.map)} positions, spaced "
                f"{area.map.spacing_px} pixels; the image '{entry.name}' of "
                f"{entry.image} then needs {expected[0]} x {expected[1]}."
            )

    @property
    def n_units(self) -> int:
        """Units of all areas together."""
        return sum(area.n_units for area in self.areas)

    def area(self, name: str) -> AreaSpec:
        """Return the area of that name."""
        for area in self.areas:
            if area.name == name:
                return area
        known = [area.name for area in self.areas]
        raise SpecError(f"No area '{name}' in '{self.name}'.{closest(name, known)}")

    def pathways_to(self, name: str, timing: Timing) -> tuple[PathwaySpec, ...]:
        """Return an area's pathways of one timing, in the order of their sources."""
        found = {
            pathway.source: pathway
            for pathway in self.pathways
            if pathway.target == name and pathway.timing == timing
        }
        return tuple(found[area.name] for area in self.areas if area.name in found)

    def afferents(self, name: str, timing: Timing) -> tuple[str, ...]:
        """Return the sources of an area's pathways of one timing, in area order."""
        return tuple(pathway.source for pathway in self.pathways_to(name, timing))

    def sensations(self, name: str) -> tuple[str, ...]:
        """Return the names of the sensations that enter an area, in input order."""
        return tuple(entry.name for entry in self.inputs if name in entry.areas)

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
        """Read a spec from a file."""
        return cls.from_json(Path(path).read_text(encoding="utf-8"))


def _odd(side: int) -> int:
    """Return the next odd number."""
    return side if side % 2 else side + 1


def _grid(layout: MapSpec) -> str:
    return f"{layout.height} x {layout.width}"


def _nests(a: MapSpec, b: MapSpec) -> bool:
    """Whether the positions of the coarser map are some of the finer one's."""
    fine, coarse = sorted((a, b), key=lambda layout: layout.spacing_px)
    ratio, rest = divmod(coarse.spacing_px, fine.spacing_px)
    size = (-(-fine.height // ratio), -(-fine.width // ratio))
    return rest == 0 and (coarse.height, coarse.width) == size


def _require_unique(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SpecError(f"The {what} '{twice[0]}' appears twice in the network.")
