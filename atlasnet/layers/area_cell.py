# SPDX-License-Identifier: Apache-2.0
"""AreaCell: all areas of a network over one control step."""

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from typing import Any, Self

import keras
from keras import ops

from atlasnet.errors import SpecError
from atlasnet.layers.afferent import afferents_by_area
from atlasnet.layers.assembly import Assembly, Products
from atlasnet.layers.grouping import Schedule, group_areas, schedule_areas, stages
from atlasnet.layers.map_readout import MapReadout
from atlasnet.layers.population import Population
from atlasnet.layers.response import Response
from atlasnet.layers.signal import Signal, earlier
from atlasnet.layers.step_signals import StepSignals
from atlasnet.layers.wiring import Wiring
from atlasnet.plan.spec import AreaSpec, MapSpec, NetworkSpec

__all__ = ["AreaCell"]

_AXES_KEY, _AXES = "kernel_axes", "units, afferents"
"""What a saved cell says of its kernels, since their shape may not tell."""


@keras.saving.register_keras_serializable(package="atlasnet")
class AreaCell(keras.layers.Layer):
    """All areas of a network over one control step: a cell for `keras.layers.RNN`.

    The areas are computed in the order of the spec. An area reads the sensations that
    enter it and its afferents of this step, and its other afferents of the step before,
    or of as many steps before as the pathway has delay (:mod:`atlasnet.layers.wiring`).
    Every area has a kernel of its own; areas that do not depend on each other within
    the step are computed together, by one product with a matrix that holds their
    kernels and zeros where there is no pathway (:mod:`atlasnet.layers.grouping`).

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
        self._wiring = Wiring(self.spec)
        self.populations = [self._population(area) for area in self.spec.areas]
        shown = {name for _, name in self._wiring.shown}
        self.readouts = {
            area.name: self._readout(area, area.map)
            for area in self.spec.areas
            if area.map is not None and area.name in shown
        }
        names = [area.name for area in self.spec.areas]
        by_name = dict(zip(names, self.populations, strict=True))
        self._assembly = Assembly(self._wiring, by_name)
        self._response = Response(self._wiring, by_name)
        self._schedule, self._single = self._schedules(by_name)
        self._workspace = _Workspace()
        widths = self._wiring.widths
        self.state_size = sum(widths[signal] for signal in self._wiring.carried)
        self.output_size = self.spec.n_units

    def _schedules(
        self, populations: Mapping[str, Population]
    ) -> tuple[Schedule, Schedule]:
        """Return a schedule of joined products, and one of every area's own."""
        heard, widths = self._wiring.heard, self._wiring.widths
        kinds = {  # a map is a kind of its own: nothing is merged with it
            a.name: (a.cell, a.activation, a.name if a.map else "")
            for a in self.spec.areas
        }
        n_gates = {name: own.dynamics.n_gates for name, own in populations.items()}
        maps = self._wiring.maps.keys()
        few = schedule_areas(heard, widths, kinds, n_gates, whole=maps)
        single = group_areas(heard, widths, kinds, overhead=0)
        return few, Schedule((), stages(single, kinds, n_gates))

    def _readout(self, area: AreaSpec, layout: MapSpec) -> MapReadout:
        """Return what areas without a map see of one that has."""
        return MapReadout(layout, name=f"{area.layer}_seen")

    def _population(self, area: AreaSpec) -> Population:
        """Return the layer of one area."""
        return Population(
            area.n_channels,
            cell=area.cell,
            activation=area.activation,
            time_constant_s=area.time_constant_s,
            control_step_s=self.spec.control_step_s,
            seed=self.seed,
            name=area.layer,
        )

    @property
    def carried(self) -> dict[Signal, slice]:
        """Where in the state each signal is that the next step reads.

        ``("before", area)`` is the activity of an area that is recurrent or the source
        of a pathway of the step before, ``("before 2", area)`` that of two steps
        before, which a slower pathway carries, and so on; ``("memory", area)`` is the
        memory of an ``lstm``.
        """
        return self._wiring.state()

    def population(self, area: str) -> Population:
        """Return the layer of the area of that name."""
        names = [own.name for own in self.spec.areas]
        found: Population = self.populations[names.index(area)]
        return found

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
        return {name: part for (_, name), part in self._wiring.columns(area).items()}

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make every area's weights."""
        afferents = afferents_by_area(self._wiring)
        for population, area in zip(self.populations, self.spec.areas, strict=True):
            population.build(afferents[area.name])
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
            area.name: self._weigh(area.name, population.weights_in_use())
            for area, population in zip(self.spec.areas, self.populations, strict=True)
        }
        return self._assembly.products(schedule, kernels)

    def call(self, inputs: Any, states: list[Any], training: bool = False) -> Any:
        """Return the activity of all areas after this control step, and the state."""
        # A single step is faster with the areas' own kernels than with joined ones,
        # which would have to be put together first.
        products = self._workspace.products
        schedule = self._schedule if products else self._single
        products = products or self._assemble(schedule)
        signals = StepSignals(self._wiring, self.readouts)
        signals.add(signals.take_apart(self._wiring.inputs, inputs))
        signals.add(signals.take_apart(self._wiring.carried, states[0]))
        drives = self._response.early_drives(schedule, products, signals)
        for stage, weights in zip(schedule.late, products.late, strict=True):
            active, memory = self._response.of_stage(stage, weights, signals, drives)
            signals.add({key: self._changed(key, x) for key, x in active.items()})
            signals.add(memory)
        areas: list[Signal] = [("now", area.name) for area in self.spec.areas]
        activity = signals.put_together(areas)
        left = [earlier(signal) for signal in self._wiring.carried]
        if left == areas:
            return activity, [activity]
        return activity, [signals.put_together(left)] if left else states

    def _changed(self, signal: Signal, activity: Any) -> Any:
        """Return an area's activity, in the order of its axes, after interventions."""
        _, area = signal
        if area not in self._intervened:
            return activity
        if self._wiring.has_worlds_first(signal):
            return self._intervene(area, activity)
        return ops.transpose(self._intervene(area, ops.transpose(activity)))

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


class _Workspace:
    """Holds the assembled products, out of sight of Keras' bookkeeping."""

    products: Products | None = None
