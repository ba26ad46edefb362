# SPDX-License-Identifier: Apache-2.0
"""AreaCell: all areas of a network over one control step."""

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from functools import cached_property
from itertools import groupby
from typing import Any, Self

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from atlasnet.errors import SpecError
from atlasnet.layers.afferent import Afferent
from atlasnet.layers.assembly import Assembly, Products, Stage
from atlasnet.layers.grouping import (
    Group,
    Schedule,
    Signal,
    group_areas,
    schedule_areas,
    stage_areas,
    stages,
)
from atlasnet.layers.map_readout import MapReadout
from atlasnet.layers.noise import NOISE, NOISE_SIZE, UnitNoise
from atlasnet.layers.parts import joined, split
from atlasnet.layers.population import Population
from atlasnet.layers.projection import (
    MapDrive,
    MapPathway,
    from_image,
    from_map,
    from_units,
)
from atlasnet.plan.spec import AreaSpec, MapSpec, NetworkSpec, PathwaySpec, Timing

__all__ = ["DRIVING_SHARE", "AreaCell"]

_AXES_KEY, _AXES = "kernel_axes", "units, afferents"
"""What a saved cell says of its kernels, since their shape may not tell."""

DRIVING_SHARE = 0.8
"""Share of a unit's first drive that comes from sensations and pathways of its step
together. Feedback, lateral and own activity modulate what these drive (Sherman &
Guillery 1998, PNAS 95:7121). The number is ours."""


@keras.saving.register_keras_serializable(package="atlasnet")
class AreaCell(keras.layers.Layer):
    """All areas of a network over one control step: a cell for `keras.layers.RNN`.

    The areas are computed in the order of the spec. An area reads the sensations
    that enter it and its afferents of this step, and its other
    afferents of the step before, or of as many steps before as the pathway
    has delay. Every area has a kernel of its own; areas
    that do not depend on each other within the step are computed together, by one
    product with a matrix that holds their kernels and zeros where there is no pathway
    (:mod:`atlasnet.layers.grouping`).

    An area with a retinotopic map is a population at every position, with one kernel
    for all positions (:mod:`atlasnet.layers.projection`). Areas without one see of it
    what its read-out shows (:mod:`atlasnet.layers.map_readout`).

    Parameters
    ----------
    spec : NetworkSpec or str
        The network, or its JSON text.
    seed : int
        Seed of the initial weights.
    frozen : sequence of str
        Areas whose weights are not trained.

    Notes
    -----
    ``call(sensations, states)`` takes the concatenated sensations, shape (B, S), after
    them the random numbers of :mod:`atlasnet.layers.noise` if there is noise, and
    one state, shape (B, M); it returns the activity of all areas at this step, shape
    (B, N), and the list of the new state. The state holds what is read a step later
    and nothing else: see :attr:`carried`.

    The areas' kernels are the weights ``<layer>/kernel``. Their rows are units, or
    channels of a map, their columns follow :meth:`afferent_columns`. Images are given
    flat, between 0 and 1; activity of a map is flat too, position by position.

    Two methods are seams for interventions: every kernel passes :meth:`_weigh` before
    it is used, the activity of the areas `_intervened` passes :meth:`_intervene` before
    it is read. Both return what they get.
    """

    _intervened: Set[str] = frozenset()

    def __init__(
        self,
        spec: NetworkSpec | str,
        seed: int = 0,
        frozen: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.spec = NetworkSpec.from_json(spec) if isinstance(spec, str) else spec
        self.seed = seed
        self._first_frozen = tuple(frozen)
        self.populations = [self._population(area) for area in self.spec.areas]
        self._by_name = {
            area.name: population
            for area, population in zip(self.spec.areas, self.populations, strict=True)
        }
        self._images = {
            e.name: e.image for e in self.spec.inputs if e.image is not None
        }
        self._layouts = {a.name: a.map for a in self.spec.areas if a.map is not None}
        self._widths = self._signal_widths()
        self._wiring = {area.name: self._afferents(area) for area in self.spec.areas}
        self._drives = {name: self._map_drive(name) for name in self._layouts}
        self._seen = {
            signal
            for wiring in self._wiring.values()
            for signal in wiring
            if _is_seen(signal)
        }
        self.readouts = {
            area.name: self._readout(area, area.map)
            for area in self.spec.areas
            if area.map is not None and any(name == area.name for _, name in self._seen)
        }
        self._inputs: list[Signal] = [("sensation", i.name) for i in self.spec.inputs]
        self._noise = None
        if self.spec.noise_std:
            self._inputs.append((NOISE, NOISE))
            self._widths[NOISE, NOISE] = NOISE_SIZE
            self._noise = UnitNoise(self.spec.n_units)
            names = sorted(a.name for a in self.spec.areas)  # whatever their order
            starts = np.cumsum([0, *(self.spec.area(n).n_units for n in names)])
            self._first_unit = dict(zip(names, starts.tolist(), strict=False))
        self._carried = self._carried_signals()
        self.state_size = sum(self._widths[signal] for signal in self._carried)
        self.output_size = self.spec.n_units
        kinds = {  # a map is a kind of its own: nothing is merged with it
            a.name: (a.cell, a.activation, a.name if a.map else "")
            for a in self.spec.areas
        }
        n_gates = {n: p.dynamics.n_gates for n, p in self._by_name.items()}
        self._schedule = schedule_areas(
            self._wiring, self._widths, kinds, n_gates, whole=self._layouts.keys()
        )
        single = group_areas(self._wiring, self._widths, kinds, overhead=0)
        self._single = Schedule((), stages(single, kinds, n_gates))
        self._assembly = Assembly(
            self._wiring, self._widths, self._by_name, self._drives
        )
        self._workspace = _Workspace()

    def _readout(self, area: AreaSpec, layout: MapSpec) -> MapReadout:
        """Return what areas without a map see of one that has."""
        return MapReadout(layout, name=f"{area.layer}_seen")

    def _population(self, area: AreaSpec) -> Population:
        """Return the layer of one area."""
        return Population(
            area.n_units if area.map is None else area.map.n_channels,
            cell=area.cell,
            activation=area.activation,
            time_constant_s=area.time_constant_s,
            control_step_s=self.spec.control_step_s,
            seed=self.seed,
            name=area.layer,
        )

    def _afferents(self, area: AreaSpec) -> list[Signal]:
        """Return where an area's columns come from, in their order."""
        name = area.name
        own: list[Signal] = [("before", name)] if area.is_recurrent else []
        return [
            *(("sensation", source) for source in self.spec.sensations(name)),
            *(self._heard(area, pathway) for pathway in self._pathways(name)),
            *own,
        ]

    def _heard(self, area: AreaSpec, pathway: PathwaySpec) -> Signal:
        """Return what an area hears of a pathway's source."""
        kind = _lagged(pathway.lag)
        if area.map is None and pathway.source in self._layouts:
            return _seen(kind), pathway.source
        return kind, pathway.source

    def _map_drive(self, area: str) -> MapDrive:
        """Return the pathways into an area with a map."""
        kernel_sizes = {p.source: p.kernel_size for p in self._pathways(area)}
        paths = [
            self._map_pathway(area, signal, kernel_sizes.get(signal[1]))
            for signal in self._wiring[area]
        ]
        return MapDrive(self._layouts[area], tuple(paths))

    def _map_pathway(
        self, area: str, signal: Signal, kernel_size: int | None
    ) -> MapPathway:
        """Return one pathway into an area with a map."""
        target, (kind, name) = self._layouts[area], signal
        if kind == "sensation":
            return from_image(self._images[name].n_channels, target)
        if name == area:
            return from_map(target, target, target.own_kernel)
        if name in self._layouts:
            return from_map(self._layouts[name], target, kernel_size)
        return from_units(self._widths[signal])

    def _pathways(self, area: str) -> list[PathwaySpec]:
        """Return the pathways to an area: first those of this step, then the others."""
        timings: tuple[Timing, Timing] = ("same_step", "previous_step")
        return [p for t in timings for p in self.spec.pathways_to(area, t)]

    def _columns(self, area: AreaSpec) -> list[Afferent]:
        """Return what is decided about the columns of an area's kernel."""
        sensations = self.spec.sensations(area.name)
        pathways = self._pathways(area.name)
        drives = [True] * len(sensations)
        drives += [pathway.timing == "same_step" for pathway in pathways]
        drives += [False] * area.is_recurrent
        shares = _shares(drives)
        sizes = self._sizes(area.name)
        columns = [
            Afferent(n_columns, share)
            for n_columns, share, _ in zip(sizes, shares, sensations, strict=False)
        ]
        first = len(sensations)
        for pathway, share, n_columns in zip(
            pathways, shares[first:], sizes[first:], strict=False
        ):
            source = self.spec.area(pathway.source)
            signs = self._column_signs(source, area, n_columns)
            columns.append(
                Afferent(
                    n_columns,
                    share,
                    pathway.strength,
                    pathway.strength_use,
                    None if signs is None else np.maximum(signs, 0.0),
                    self._wiring_cost * self._length_mm(pathway),
                )
            )
        if area.is_recurrent:
            signs = self._column_signs(area, area, sizes[-1])
            columns.append(Afferent(sizes[-1], shares[-1], signs=signs))
        return columns

    def _column_signs(
        self, source: AreaSpec, target: AreaSpec, n_columns: int
    ) -> NDArray[np.float64] | None:
        """Return the signs of the columns that a source has in a target's kernel."""
        signs = _signs(source)
        if signs is None or source.map is None:
            return signs
        if target.map is None and source.map.readout == "spatial_softmax":
            return None  # a place, not a rate: its weights have any sign
        return np.resize(signs, n_columns)  # the same at every position

    def _sizes(self, area: str) -> list[int]:
        """Return how many columns of an area's kernel each of its afferents has."""
        if area in self._drives:
            return list(self._drives[area].n_columns)
        return [self._widths[signal] for signal in self._wiring[area]]

    @cached_property
    def _wiring_cost(self) -> float:
        """What a weight of size 1 and length 1 mm adds to the loss."""
        if not self.spec.wiring_cost:
            return 0.0
        n_weights = 0
        for area, population in self._by_name.items():
            sources = {pathway.source for pathway in self._pathways(area)}
            columns = self.afferent_columns(area)
            n_heard = sum(columns[name].stop - columns[name].start for name in sources)
            n_weights += n_heard * population.n_units * population.dynamics.n_gates
        return self.spec.wiring_cost / n_weights

    def _length_mm(self, pathway: PathwaySpec) -> float:
        """Return a pathway's length, or the mean of those that are known."""
        if pathway.length_mm is not None:
            return pathway.length_mm
        known = [p.length_mm for p in self.spec.pathways if p.length_mm is not None]
        return sum(known) / max(len(known), 1)

    def _signal_widths(self) -> dict[Signal, int]:
        """Return the width of every signal."""
        longest = max((p.lag for p in self.spec.pathways), default=1)
        kinds = ("memory", *(_lagged(lag) for lag in range(max(longest, 1) + 1)))
        return {
            **{("sensation", entry.name): entry.size for entry in self.spec.inputs},
            **{(k, a.name): a.n_units for a in self.spec.areas for k in kinds},
            **{
                (_seen(kind), name): layout.readout_size
                for name, layout in self._layouts.items()
                for kind in kinds[1:]
            },
        }

    def _carried_signals(self) -> tuple[Signal, ...]:
        """Return what one step leaves to the next, in the order of the state."""
        longest = {a.name: int(a.is_recurrent) for a in self.spec.areas}
        for pathway in self.spec.pathways:
            longest[pathway.source] = max(longest[pathway.source], pathway.lag)
        return (
            *(
                (_lagged(lag), name)
                for name, last in longest.items()
                for lag in range(1, last + 1)
            ),
            *(("memory", a.name) for a in self.spec.areas if a.cell == "lstm"),
        )

    @property
    def carried(self) -> dict[Signal, slice]:
        """Where in the state each signal is that the next step reads.

        ``("before", area)`` is the activity of an area that is recurrent or the source
        of a pathway of the step before, ``("before 2", area)`` that of two steps
        before, which a slower pathway carries, and so on; ``("memory", area)`` is the
        memory of an ``lstm``.
        """
        ends = np.cumsum([self._widths[signal] for signal in self._carried]).tolist()
        return {
            signal: slice(end - self._widths[signal], end)
            for signal, end in zip(self._carried, ends, strict=True)
        }

    def afferent_columns(self, area: str) -> dict[str, slice]:
        """Return which columns of an area's kernel belong to which afferent.

        Parameters
        ----------
        area : str
            Name of the area.

        Returns
        -------
        dict of str to slice
            The sensations that enter the area, then its afferents of
            the same step, then those of the step before, then, if it is recurrent,
            itself.
        """
        sizes = self._sizes(area)
        ends = np.cumsum(sizes).tolist()
        return {
            name: slice(end - size, end)
            for (_, name), size, end in zip(
                self._wiring[area], sizes, ends, strict=True
            )
        }

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make every area's weights."""
        for population, area in zip(self.populations, self.spec.areas, strict=True):
            population.build(self._columns(area))
            if area.name in self._first_frozen:
                population.trainable = False
        for readout in self.readouts.values():
            readout.build()
        self.built = True

    @property
    def frozen(self) -> tuple[str, ...]:
        """Areas whose weights are not trained."""
        if not self.built:
            return self._first_frozen
        areas = zip(self.spec.areas, self.populations, strict=True)
        return tuple(area.name for area, own in areas if not own.trainable)

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """Assemble the groups' kernels once, for all steps inside the block.

        A loop over time calls the cell inside such a block, so that the kernels are
        put together outside the loop.
        """
        self._workspace.products = self._assemble(self._schedule)
        try:
            yield
        finally:
            self._workspace.products = None

    def _weigh(self, area: str, kernel: Any) -> Any:
        """Return the kernel that an area uses: a seam for interventions.

        `kernel` has the columns of :meth:`afferent_columns`, shape
        (n_gates * n_units, columns).
        """
        return kernel

    def _intervene(self, area: str, activity: Any) -> Any:
        """Return the activity that others read of an area: a seam for interventions.

        `activity` is what the area's units have computed, shape (B, n_units).
        """
        return activity

    def _assemble(self, schedule: Schedule) -> Products:
        """Return the joined weights of a schedule's products."""
        kernels = {
            area: self._weigh(area, population.weights_in_use())
            for area, population in self._by_name.items()
        }
        return self._assembly.products(schedule, kernels)

    def call(self, inputs: Any, states: list[Any], training: bool = False) -> Any:
        """Return the activity of all areas after this control step, and the state."""
        # A single step is faster with the areas' own kernels than with joined ones,
        # which would have to be put together first.
        products = self._workspace.products
        schedule = self._schedule if products else self._single
        products = products or self._assemble(schedule)
        signals = {
            **self._taken_apart(self._inputs, inputs),
            **self._taken_apart(self._carried, states[0]),
        }
        kept = {_later(signal): x for signal, x in signals.items()}
        for signal in self._carried:
            self._show(signal, signals)
        drives = self._early_drives(schedule, products, signals)
        for stage, weights in zip(schedule.late, products.late, strict=True):
            is_map = stage[0].areas[0] in self._drives
            respond = self._respond_map if is_map else self._respond
            activity, memory = respond(stage, weights, signals, drives)
            for name, part in activity.items():
                signals["now", name] = part
                kept["before", name] = part
                self._show(("now", name), signals)
            kept |= memory
        areas = [area.name for area in self.spec.areas]
        activity = self._put_together([("now", area) for area in areas], signals)
        if self._carried == tuple(("before", area) for area in areas):
            return activity, [activity]
        if not self._carried:
            return activity, states
        return activity, [self._put_together(self._carried, kept)]

    def _has_worlds_first(self, signal: Signal) -> bool:
        """Whether a signal's first axis are worlds inside the cell, and not numbers.

        A product of a kernel and numbers by worlds needs no copy of the kernel, and
        joined afferents are copied in one go each: a step takes a fifth less time than
        with worlds first. Images and maps are convolved, which needs them so.
        """
        kind, name = signal
        if kind == "sensation":
            return name in self._images
        return kind == NOISE or (name in self._layouts and not _is_seen(signal))

    def _taken_apart(self, keys: Sequence[Signal], whole: Any) -> dict[Signal, Any]:
        """Split joined signals, shape (B, n), and name them."""
        runs = _neighbours(keys, self._has_worlds_first)
        sizes = [sum(self._widths[key] for key in run) for _, run in runs]
        signals: dict[Signal, Any] = {}
        parts = split(whole, sizes, axis=-1)
        for (has_worlds_first, run), part in zip(runs, parts, strict=True):
            if has_worlds_first:
                signals |= self._named(run, part, axis=-1)
            else:
                signals |= self._named(run, ops.transpose(part))
        return signals

    def _put_together(self, keys: Sequence[Signal], signals: dict[Signal, Any]) -> Any:
        """Join named signals, shape (B, n)."""
        parts = []
        for has_worlds_first, run in _neighbours(keys, self._has_worlds_first):
            found = [signals[key] for key in run]
            if has_worlds_first:
                parts.append(joined(found, axis=-1))
            else:
                parts.append(ops.transpose(joined(found)))
        return joined(parts, axis=-1)

    def _early_drives(
        self, schedule: Schedule, products: Products, signals: dict[Signal, Any]
    ) -> dict[str, tuple[int, Any]]:
        """Return the drives from earlier steps.

        By the first of the areas that they are of: how many these are, and the drives.
        """
        drives: dict[str, tuple[int, Any]] = {}
        for group, kernel in zip(schedule.early, products.early, strict=True):
            heard = joined([signals[signal] for signal in group.signals])
            sizes = [self._n_drives(part) for part in group.parts]
            parts = split(ops.matmul(kernel, heard), sizes)
            for areas, part in zip(group.parts, parts, strict=True):
                drives[areas[0]] = (len(areas), part)
        return drives

    def _n_drives(self, areas: Sequence[str]) -> int:
        """Return how many drives some areas have: one a unit and gate."""
        members = [self._by_name[area] for area in areas]
        return sum(member.n_units * member.dynamics.n_gates for member in members)

    def _respond(
        self,
        stage: Sequence[Group],
        weights: Stage,
        signals: dict[Signal, Any],
        drives: dict[str, tuple[int, Any]],
    ) -> tuple[dict[str, Any], dict[Signal, Any]]:
        """Return the activity of a stage's areas, and their memory."""
        areas = stage_areas(stage)
        dynamics = self._by_name[areas[0]].dynamics

        def of_all(kind: str) -> Any:
            return joined([signals[kind, area] for area in areas])

        drive = weights.bias
        if areas[0] in drives:
            parts, i = [], 0
            while i < len(areas):
                n_areas, part = drives[areas[i]]
                parts.append(part)
                i += n_areas
            drive = joined(parts) + drive
        if weights.kernels:
            heard = [joined([signals[s] for s in group.signals]) for group in stage]
            products = [
                ops.matmul(kernel, x)
                for x, kernel in zip(heard, weights.kernels, strict=True)
            ]
            drive = joined(products) + drive
        before = of_all("before") if dynamics.reads_before else None
        noise = self._noise_of(areas, signals)
        own = None
        if weights.own_kernel is not None:
            own = ops.matmul(weights.own_kernel, before) + weights.own_bias
        activity, memory = dynamics.respond(
            drive,
            before,
            memory=of_all("memory") if dynamics.has_memory else None,
            own=own,
            leak=weights.leak,
            noise=None if noise is None else ops.transpose(noise),
            axis=0,
        )
        named = self._named([("now", area) for area in areas], activity)
        active = {name: self._changed(name, x) for (_, name), x in named.items()}
        if memory is None:
            return active, {}
        return active, self._named([("memory", area) for area in areas], memory)

    def _respond_map(
        self,
        stage: Sequence[Group],
        weights: Stage,
        signals: dict[Signal, Any],
        _: dict[str, tuple[int, Any]],
    ) -> tuple[dict[str, Any], dict[Signal, Any]]:
        """Return the activity of an area with a map."""
        (group,) = stage
        (area,) = group.areas
        dynamics = self._by_name[area].dynamics
        heard = [self._shaped(signal, signals[signal]) for signal in group.signals]
        drive = self._drives[area].drive(heard, weights.kernels) + weights.bias
        before, noise = None, self._noise_of(group.areas, signals)
        if dynamics.reads_before:
            before = self._shaped(("before", area), signals["before", area])
        if noise is not None:
            noise = self._shaped(("now", area), noise)
        activity, _ = dynamics.respond(drive, before, leak=weights.leak, noise=noise)
        flat = ops.reshape(activity, (-1, self._layouts[area].n_units))
        return {area: self._changed(area, flat)}, {}

    def _shaped(self, signal: Signal, x: Any) -> Any:
        """Return an image or a map as (B, H, W, C), other signals as (B, n)."""
        kind, name = signal
        if kind == "sensation":
            return _centred(x, self._images[name].shape)
        layout = self._layouts.get(name)
        if layout is None:
            return ops.transpose(x)
        shape = (-1, layout.height, layout.width, layout.n_channels)
        return ops.reshape(x, shape)

    def _show(self, signal: Signal, signals: dict[Signal, Any]) -> None:
        """Add what areas without a map see of one, if they read it."""
        kind, name = signal
        if (_seen(kind), name) in self._seen:
            shaped = self._shaped(signal, signals[signal])
            signals[_seen(kind), name] = ops.transpose(self.readouts[name](shaped))

    def _noise_of(self, areas: Sequence[str], signals: dict[Signal, Any]) -> Any:
        """Return the noise in the drive of some areas' units, if there is noise."""
        if self._noise is None:
            return None
        units = np.concatenate(
            [
                self._first_unit[area] + np.arange(self._widths["now", area])
                for area in areas
            ]
        )
        return self.spec.noise_std * self._noise(signals[NOISE, NOISE], units)

    def _changed(self, area: str, activity: Any) -> Any:
        """Return an area's activity, in the order of its axes, after interventions."""
        if area not in self._intervened:
            return activity
        if self._has_worlds_first(("now", area)):
            return self._intervene(area, activity)
        return ops.transpose(self._intervene(area, ops.transpose(activity)))

    def _named(
        self, keys: Sequence[Signal], whole: Any, axis: int = 0
    ) -> dict[Signal, Any]:
        """Split joined signals and name them."""
        parts = split(whole, [self._widths[key] for key in keys], axis)
        return dict(zip(keys, parts, strict=True))

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Return a silent network: zeros of shape (batch_size, M)."""
        return [ops.zeros((batch_size, self.state_size), dtype=self.compute_dtype)]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "spec": self.spec.to_json(),
            "seed": self.seed,
            "frozen": list(self.frozen),
            _AXES_KEY: _AXES,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the cell of a configuration.

        Raises
        ------
        SpecError
            If it was saved when kernels had their axes the other way round.
        """
        given = dict(config)
        if given.pop(_AXES_KEY, None) != _AXES:
            raise SpecError(
                "It is of an earlier version, whose kernels have their axes the other "
                "way round. Build the network again from its plan: "
                "build_model(NetworkSpec.load('network.json'))."
            )
        return cls(**given)


def _lagged(lag: int) -> str:
    """Return the kind of signal that is as many steps old."""
    return ("now", "before")[lag] if lag < 2 else f"before {lag}"


def _seen(kind: str) -> str:
    """Return the kind of what a read-out shows of a map's activity."""
    return f"{kind} seen"


def _is_seen(signal: Signal) -> bool:
    """Whether a signal is what a read-out shows."""
    return signal[0].endswith(" seen")


def _centred(image: Any, shape: tuple[int, int, int]) -> Any:
    """Return flat images between 0 and 1 in their shape, between -1 and 1.

    What a convolution adds around them, zeros, is then a middling grey. Images are
    given: no gradient is asked for them.
    """
    return 2.0 * ops.reshape(ops.stop_gradient(image), (-1, *shape)) - 1.0


def _later(signal: Signal) -> Signal:
    """Return what a signal is one step later."""
    kind, name = signal
    if not kind.startswith("before"):
        return signal
    return _lagged(int(kind.removeprefix("before") or 1) + 1), name


def _signs(area: AreaSpec) -> NDArray[np.float64] | None:
    """Return 1 for units that excite, -1 for those that inhibit; None if free.

    Of a map, the signs of its channels.
    """
    if area.inhibitory_share is None:
        return None
    n_signs, n_inhibitory = area.n_units, area.n_inhibitory
    if area.map is not None:
        n_signs = area.map.n_channels
        n_inhibitory //= area.map.height * area.map.width
    return np.where(np.arange(n_signs) < n_signs - n_inhibitory, 1.0, -1.0)


def _shares(drives: Sequence[bool]) -> list[float]:
    """Share an area's initial drive among its afferents.

    Sensations and afferents of the same step drive, all others modulate; each kind
    shares evenly what is its own.
    """
    n_drivers = sum(drives)
    n_modulators = len(drives) - n_drivers
    if not n_drivers or not n_modulators:
        return [1.0 / len(drives)] * len(drives)
    driver = DRIVING_SHARE / n_drivers
    modulator = (1.0 - DRIVING_SHARE) / n_modulators
    return [driver if is_driver else modulator for is_driver in drives]


class _Workspace:
    """Holds the assembled products, out of sight of Keras' bookkeeping."""

    products: Products | None = None


def _neighbours(
    keys: Sequence[Signal], kind: Callable[[Signal], bool]
) -> list[tuple[bool, list[Signal]]]:
    """Return neighbours of one kind, in their order."""
    return [(is_kind, list(run)) for is_kind, run in groupby(keys, kind)]
