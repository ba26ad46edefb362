# SPDX-License-Identifier: Apache-2.0
"""AreaCell: all areas of a network over one control step."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from atlasnet.layers.afferent import Afferent
from atlasnet.layers.grouping import (
    Group,
    Schedule,
    Signal,
    group_areas,
    schedule_areas,
    stages,
)
from atlasnet.layers.noise import NOISE, NOISE_SIZE, UnitNoise
from atlasnet.layers.population import Population
from atlasnet.spec import AreaSpec, NetworkSpec, PathwaySpec, Timing

__all__ = ["DRIVING_SHARE", "AreaCell"]

DRIVING_SHARE = 0.8
"""Share of a unit's first drive that comes from sensations and feedforward pathways
together. Feedback, lateral and own activity modulate what these drive (Sherman &
Guillery 1998, PNAS 95:7121). The number is ours."""


@keras.saving.register_keras_serializable(package="atlasnet")
class AreaCell(keras.layers.Layer):
    """All areas of a network over one control step: a cell for `keras.layers.RNN`.

    The areas are computed in the order of the spec. An area reads the sensations
    that enter it and its feedforward afferents of this step, and its feedback and
    lateral afferents of the step before, or of as many steps before as the pathway
    has delay. Every area has a kernel of its own; areas
    that do not depend on each other within the step are computed together, by one
    product with a matrix that holds their kernels and zeros where there is no pathway
    (:mod:`atlasnet.layers.grouping`).

    Parameters
    ----------
    spec : NetworkSpec or str
        The network, or its JSON text.
    seed : int
        Seed of the initial weights.

    Notes
    -----
    ``call(sensations, states)`` takes the concatenated sensations, shape (B, S), after
    them the random numbers of :mod:`atlasnet.layers.noise` if there is noise, and
    one state, shape (B, M); it returns the activity of all areas at this step, shape
    (B, N), and the list of the new state. The state holds what is read a step later
    and nothing else: see :attr:`carried`.

    The areas' kernels are the weights ``<layer>/kernel``. Their rows follow
    :meth:`afferent_rows`.

    Two methods are seams for interventions: every kernel passes :meth:`_weigh` before
    it is used, every area's activity passes :meth:`_intervene` before it is read.
    Both return what they get.
    """

    def __init__(self, spec: NetworkSpec | str, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = NetworkSpec.from_json(spec) if isinstance(spec, str) else spec
        self.seed = seed
        self.populations = [self._population(area) for area in self.spec.areas]
        self._by_name = {
            area.name: population
            for area, population in zip(self.spec.areas, self.populations, strict=True)
        }
        self._widths = self._signal_widths()
        self._wiring = {area.name: self._afferents(area) for area in self.spec.areas}
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
        kinds = {a.name: (a.cell, a.activation) for a in self.spec.areas}
        n_gates = {n: p.dynamics.n_gates for n, p in self._by_name.items()}
        self._schedule = schedule_areas(self._wiring, self._widths, kinds, n_gates)
        single = group_areas(self._wiring, self._widths, kinds, overhead=0)
        self._single = Schedule((), stages(single, kinds, n_gates))
        self._workspace = _Workspace()

    def _population(self, area: AreaSpec) -> Population:
        """Return the layer of one area."""
        return Population(
            area.n_units,
            cell=area.cell,
            activation=area.activation,
            time_constant_s=area.time_constant_s,
            control_step_s=self.spec.control_step_s,
            seed=self.seed,
            name=area.layer,
        )

    def _afferents(self, area: AreaSpec) -> list[Signal]:
        """Return where an area's rows come from, in their order."""
        name = area.name
        return [
            *(("sensation", source) for source in self.spec.sensations(name)),
            *((_lagged(p.lag), p.source) for p in self._pathways(name)),
            *([("before", name)] if area.is_recurrent else []),
        ]

    def _pathways(self, area: str) -> list[PathwaySpec]:
        """Return the pathways to an area: first feedforward ones, then the others."""
        timings: tuple[Timing, Timing] = ("feedforward", "feedback")
        return [p for t in timings for p in self.spec.pathways_to(area, t)]

    def _rows(self, area: AreaSpec) -> list[Afferent]:
        """Return what is decided about the rows of an area's kernel."""
        sensations = self.spec.sensations(area.name)
        pathways = self._pathways(area.name)
        drives = [True] * len(sensations)
        drives += [pathway.timing == "feedforward" for pathway in pathways]
        drives += [False] * area.is_recurrent
        shares = _shares(drives)
        rows = [
            Afferent(self._widths["sensation", name], share)
            for name, share in zip(sensations, shares, strict=False)
        ]
        for pathway, share in zip(pathways, shares[len(sensations) :], strict=False):
            source = self.spec.area(pathway.source)
            signs = _signs(source)
            rows.append(
                Afferent(
                    source.n_units,
                    share,
                    pathway.strength,
                    pathway.strength_use,
                    None if signs is None else np.maximum(signs, 0.0),
                    self._wiring_cost * self._length_mm(pathway),
                )
            )
        if area.is_recurrent:
            rows.append(Afferent(area.n_units, shares[-1], signs=_signs(area)))
        return rows

    @property
    def _wiring_cost(self) -> float:
        """What a weight of size 1 and length 1 mm adds to the loss."""
        if not self.spec.wiring_cost:
            return 0.0
        n_weights = sum(
            self.spec.area(p.source).n_units
            * self.spec.area(p.target).n_units
            * self._by_name[p.target].dynamics.n_gates
            for p in self.spec.pathways
        )
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
        of a feedback or lateral pathway, ``("before 2", area)`` that of two steps
        before, which a slower pathway carries, and so on; ``("memory", area)`` is the
        memory of an ``lstm``.
        """
        ends = np.cumsum([self._widths[signal] for signal in self._carried]).tolist()
        return {
            signal: slice(end - self._widths[signal], end)
            for signal, end in zip(self._carried, ends, strict=True)
        }

    def afferent_rows(self, area: str) -> dict[str, slice]:
        """Return which rows of an area's kernel belong to which afferent.

        Parameters
        ----------
        area : str
            Name of the area.

        Returns
        -------
        dict of str to slice
            The sensations that enter the area, then its feedforward afferents, then
            its feedback and lateral ones, then, if it is recurrent, itself.
        """
        sizes = [self._widths[signal] for signal in self._wiring[area]]
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
            population.build(self._rows(area))
        self.built = True

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

        `kernel` has the rows of :meth:`afferent_rows`, shape
        (rows, n_gates * n_units).
        """
        return kernel

    def _intervene(self, area: str, activity: Any) -> Any:
        """Return the activity that others read of an area: a seam for interventions.

        `activity` is what the area's units have computed, shape (B, n_units).
        """
        return activity

    def _assemble(self, schedule: Schedule) -> "_Products":
        """Return the joined weights of a schedule's products."""
        kernels = {
            area: self._weigh(area, population.weights_in_use())
            for area, population in self._by_name.items()
        }
        early = [
            _joined([self._block(part, group.signals, kernels) for part in group.parts])
            for group in schedule.early
        ]
        return _Products(early, [self._stage(s, kernels) for s in schedule.late])

    def _stage(self, stage: Sequence[Group], kernels: dict[str, Any]) -> "_Stage":
        """Return the weights of a stage."""
        areas = _areas(stage)
        members = [self._by_name[area] for area in areas]
        n_gates = members[0].dynamics.n_gates
        own_kernel, own_bias = None, None
        if members[0].dynamics.splits_own:
            own_kernel = _block_diagonal(
                [
                    member.own_weights(kernels[area])
                    for area, member in zip(areas, members, strict=True)
                ]
            )
            own_bias = _joined([ops.convert_to_tensor(m.own_bias) for m in members])
        leaks = [member.leak for member in members]
        leak: Any = leaks[0]
        if len(set(leaks)) > 1:
            leak = np.repeat(leaks, [m.n_units for m in members]).astype(np.float32)
        return _Stage(
            kernels=[
                self._block(group.areas, group.signals, kernels)
                for group in stage
                if group.signals
            ],
            bias=_joined_by_gate([member.drive_bias() for member in members], n_gates),
            own_kernel=own_kernel,
            own_bias=own_bias,
            leak=leak,
        )

    def _block(
        self,
        areas: Sequence[str],
        signals: Sequence[Signal],
        kernels: dict[str, Any],
    ) -> Any:
        """Return areas' kernels, gate by gate, with the rows of some signals."""
        n_gates = self._by_name[areas[0]].dynamics.n_gates
        blocks = [self._rows_of(area, signals, kernels[area]) for area in areas]
        return _joined_by_gate(blocks, n_gates)

    def _rows_of(self, area: str, signals: Sequence[Signal], kernel: Any) -> Any:
        """Return the rows of some signals, zeros for those that the area lacks."""
        if tuple(signals) == tuple(self._wiring[area]):
            return kernel
        place = dict(zip(self._wiring[area], self._starts(area), strict=True))
        runs: list[tuple[int | None, int]] = []  # first row or None, and how many
        for signal in signals:
            start, n_rows = place.get(signal), self._widths[signal]
            before, n_before = runs[-1] if runs else (0, 0)
            follows = start is None if before is None else start == before + n_before
            if runs and follows:
                runs[-1] = (before, n_before + n_rows)
            else:
                runs.append((start, n_rows))
        n_columns = int(kernel.shape[1])
        return _joined(
            [
                ops.zeros((n_rows, n_columns), dtype=kernel.dtype)
                if start is None
                else kernel[start : start + n_rows]
                for start, n_rows in runs
            ],
            axis=0,
        )

    def _starts(self, area: str) -> list[int]:
        """Return the first row of each of an area's afferents."""
        sizes = [self._widths[signal] for signal in self._wiring[area]]
        return [0, *np.cumsum(sizes)[:-1].tolist()]

    def call(self, inputs: Any, states: list[Any], training: bool = False) -> Any:
        """Return the activity of all areas after this control step, and the state."""
        # A single step is faster with the areas' own kernels than with joined ones,
        # which would have to be put together first.
        products = self._workspace.products
        schedule = self._schedule if products else self._single
        products = products or self._assemble(schedule)
        signals = {
            **self._named(self._inputs, inputs),
            **self._named(self._carried, states[0]),
        }
        drives = self._early_drives(schedule, products, signals)
        kept = {_later(signal): x for signal, x in signals.items()}
        for stage, weights in zip(schedule.late, products.late, strict=True):
            activity, memory = self._respond(stage, weights, signals, drives)
            for name, part in activity.items():
                signals["now", name] = part
                kept["before", name] = part
            kept |= memory
        areas = [area.name for area in self.spec.areas]
        activity = _joined([signals["now", area] for area in areas])
        if self._carried == tuple(("before", area) for area in areas):
            return activity, [activity]
        if not self._carried:
            return activity, states
        return activity, [_joined([kept[signal] for signal in self._carried])]

    def _early_drives(
        self, schedule: Schedule, products: "_Products", signals: dict[Signal, Any]
    ) -> dict[str, tuple[int, Any]]:
        """Return the drives from earlier steps.

        By the first of the areas that they are of: how many these are, and the drives.
        """
        drives: dict[str, tuple[int, Any]] = {}
        for group, kernel in zip(schedule.early, products.early, strict=True):
            joined = _joined([signals[signal] for signal in group.signals])
            sizes = [self._n_columns(part) for part in group.parts]
            parts = _split(ops.matmul(joined, kernel), sizes)
            for areas, part in zip(group.parts, parts, strict=True):
                drives[areas[0]] = (len(areas), part)
        return drives

    def _n_columns(self, areas: Sequence[str]) -> int:
        """Return the columns that the drives of some areas have."""
        members = [self._by_name[area] for area in areas]
        return sum(member.n_units * member.dynamics.n_gates for member in members)

    def _respond(
        self,
        stage: Sequence[Group],
        weights: "_Stage",
        signals: dict[Signal, Any],
        drives: dict[str, tuple[int, Any]],
    ) -> tuple[dict[str, Any], dict[Signal, Any]]:
        """Return the activity of a stage's areas, and their memory."""
        areas = _areas(stage)
        dynamics = self._by_name[areas[0]].dynamics

        def joined(kind: str) -> Any:
            return _joined([signals[kind, area] for area in areas])

        drive = weights.bias
        if areas[0] in drives:
            parts, i = [], 0
            while i < len(areas):
                n_areas, part = drives[areas[i]]
                parts.append(part)
                i += n_areas
            drive = _joined(parts) + drive
        if weights.kernels:
            heard = [_joined([signals[s] for s in group.signals]) for group in stage]
            products = [
                ops.matmul(x, kernel)
                for x, kernel in zip(heard, weights.kernels, strict=True)
            ]
            drive = _joined(products) + drive
        before = joined("before") if dynamics.reads_before else None
        own = None
        if weights.own_kernel is not None:
            own = ops.matmul(before, weights.own_kernel) + weights.own_bias
        activity, memory = dynamics.respond(
            drive,
            before,
            memory=joined("memory") if dynamics.has_memory else None,
            own=own,
            leak=weights.leak,
            noise=self._noise_of(areas, signals),
        )
        named = self._named([("now", area) for area in areas], activity)
        active = {name: self._intervene(name, x) for (_, name), x in named.items()}
        if memory is None:
            return active, {}
        return active, self._named([("memory", area) for area in areas], memory)

    def _noise_of(self, areas: Sequence[str], signals: dict[Signal, Any]) -> Any:
        """Return the noise in the drive of some areas' units, if there is noise."""
        if self._noise is None:
            return None
        units = np.concatenate(
            [
                self._first_unit[area] + np.arange(self._by_name[area].n_units)
                for area in areas
            ]
        )
        return self.spec.noise_std * self._noise(signals[NOISE, NOISE], units)

    def _named(self, keys: Sequence[Signal], joined: Any) -> dict[Signal, Any]:
        """Split joined signals and name them."""
        parts = _split(joined, [self._widths[key] for key in keys])
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
        }


def _lagged(lag: int) -> str:
    """Return the kind of signal that is as many steps old."""
    return ("now", "before")[lag] if lag < 2 else f"before {lag}"


def _later(signal: Signal) -> Signal:
    """Return what a signal is one step later."""
    kind, name = signal
    if not kind.startswith("before"):
        return signal
    return _lagged(int(kind.removeprefix("before") or 1) + 1), name


def _signs(area: AreaSpec) -> NDArray[np.float64] | None:
    """Return 1 for units that excite, -1 for those that inhibit; None if free."""
    if area.inhibitory_share is None:
        return None
    return np.where(
        np.arange(area.n_units) < area.n_units - area.n_inhibitory, 1.0, -1.0
    )


def _shares(drives: Sequence[bool]) -> list[float]:
    """Share an area's initial drive among its afferents.

    Sensations and feedforward afferents drive, all others modulate; each kind shares
    evenly what is its own.
    """
    n_drivers = sum(drives)
    n_modulators = len(drives) - n_drivers
    if not n_drivers or not n_modulators:
        return [1.0 / len(drives)] * len(drives)
    driver = DRIVING_SHARE / n_drivers
    modulator = (1.0 - DRIVING_SHARE) / n_modulators
    return [driver if is_driver else modulator for is_driver in drives]


@dataclass(frozen=True)
class _Stage:
    """The weights of a stage: a kernel for each group, the rest for all together.

    There are no kernels where all drive comes from earlier steps. `own_kernel`, shape
    (N, N), and `own_bias`, shape (N,), are those of candidates whose own part is
    computed apart.
    """

    kernels: list[Any]
    bias: Any
    own_kernel: Any
    own_bias: Any
    leak: Any


@dataclass(frozen=True)
class _Products:
    """The weights of a schedule: kernels of early products, and stages."""

    early: list[Any]
    late: list[_Stage]


class _Workspace:
    """Holds the assembled products, out of sight of Keras' bookkeeping."""

    products: _Products | None = None


def _areas(stage: Sequence[Group]) -> tuple[str, ...]:
    """Return the areas of a stage."""
    return tuple(area for group in stage for area in group.areas)


def _joined_by_gate(blocks: list[Any], n_gates: int) -> Any:
    """Concatenate along the last axis, for each gate apart."""
    if len(blocks) == 1 or n_gates == 1:
        return _joined(blocks)
    gates = [ops.split(block, n_gates, axis=-1) for block in blocks]
    return _joined([part for parts in zip(*gates, strict=True) for part in parts])


def _block_diagonal(blocks: list[Any]) -> Any:
    """Return square matrices along the diagonal of one that is else zero."""
    if len(blocks) == 1:
        return blocks[0]
    sizes = [int(block.shape[0]) for block in blocks]
    starts = [0, *np.cumsum(sizes).tolist()]
    total = starts[-1]
    return ops.concatenate(
        [
            ops.pad(block, ((0, 0), (start, total - start - size)))
            for block, start, size in zip(blocks, starts, sizes, strict=False)
        ],
        axis=0,
    )


def _joined(parts: list[Any], axis: int = -1) -> Any:
    """Concatenate, if there is more than one tensor."""
    return ops.concatenate(parts, axis=axis) if len(parts) > 1 else parts[0]


def _split(x: Any, sizes: list[int]) -> list[Any]:
    """Split the last axis into parts of the given sizes."""
    if not sizes:
        return []
    if len(sizes) == 1:
        return [x]
    parts: list[Any] = ops.split(x, np.cumsum(sizes)[:-1].tolist(), axis=-1)
    return parts
