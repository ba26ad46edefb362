# SPDX-License-Identifier: Apache-2.0
"""AreaCell: all areas of a network over one control step."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops

from atlasnet.layers.grouping import Group, Signal, group_areas
from atlasnet.layers.population import Population
from atlasnet.spec import AreaSpec, NetworkSpec

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
    lateral afferents of the step before. Every area has a kernel of its own; areas
    that do not depend on each other within the step are computed together, by one
    product with a matrix that holds their kernels and zeros where there is no pathway
    (:mod:`atlasnet.layers.grouping`).

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
    ``call(sensations, states)`` takes the concatenated sensations, shape (B, S), and
    one state, the activity of all areas at the step before, shape (B, N); it returns
    the activity at this step, shape (B, N), twice: as output and as state.

    The areas' kernels are the weights ``<layer>/kernel``. Their rows follow
    :meth:`afferent_rows`.
    """

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
        self.state_size = self.spec.n_units
        self.output_size = self.spec.n_units
        self.populations = [self._population(area) for area in self.spec.areas]
        self._widths = self._signal_widths()
        self._wiring = {area.name: self._afferents(area) for area in self.spec.areas}
        kinds = {a.name: (a.cell, a.time_constant_s) for a in self.spec.areas}
        self._groups = group_areas(self._wiring, self._widths, kinds)
        self._single = group_areas(self._wiring, self._widths, kinds, overhead=0)
        self._workspace = _Workspace()

    def _population(self, area: AreaSpec) -> Population:
        """Return the layer of one area."""
        return Population(
            area.n_units,
            cell=area.cell,
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
            *(("now", source) for source in self.spec.afferents(name, "feedforward")),
            *(("before", source) for source in self.spec.afferents(name, "feedback")),
            *([("before", name)] if area.cell == "rate" else []),
        ]

    def _signal_widths(self) -> dict[Signal, int]:
        """Return the width of every signal."""
        return {
            **{("sensation", entry.name): entry.size for entry in self.spec.inputs},
            **{
                (kind, area.name): area.n_units
                for area in self.spec.areas
                for kind in ("now", "before")
            },
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
            wiring = self._wiring[area.name]
            sizes = [self._widths[signal] for signal in wiring]
            population.build(sizes, _shares(wiring))
            if area.name in self._first_frozen:
                population.trainable = False
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
        self._workspace.kernels = self._assemble(self._groups)
        try:
            yield
        finally:
            self._workspace.kernels = None

    def _assemble(self, groups: tuple[Group, ...]) -> list[tuple[Any, Any]]:
        """Return each group's kernel and bias."""
        by_name = {
            area.name: population
            for area, population in zip(self.spec.areas, self.populations, strict=True)
        }
        assembled = []
        for group in groups:
            members = [by_name[area] for area in group.areas]
            blocks = [
                self._block(area, population, group)
                for area, population in zip(group.areas, members, strict=True)
            ]
            biases = [ops.convert_to_tensor(member.bias) for member in members]
            assembled.append((_joined(blocks), _joined(biases)))
        return assembled

    def _block(self, area: str, population: Population, group: Group) -> Any:
        """Return an area's kernel with the rows of its group, zeros for the others."""
        kernel = ops.convert_to_tensor(population.kernel)
        if group.signals == tuple(self._wiring[area]):
            return kernel
        n_rows = int(kernel.shape[0])
        place = dict(zip(self._wiring[area], self._starts(area), strict=True))
        rows = np.concatenate(
            [
                np.arange(self._widths[signal]) + place[signal]
                if signal in place
                else np.full(self._widths[signal], n_rows)
                for signal in group.signals
            ]
        )
        silent = ops.zeros((1, population.n_units), dtype=kernel.dtype)
        return ops.take(ops.concatenate([kernel, silent], axis=0), rows, axis=0)

    def _starts(self, area: str) -> list[int]:
        """Return the first row of each of an area's afferents."""
        sizes = [self._widths[signal] for signal in self._wiring[area]]
        return [0, *np.cumsum(sizes)[:-1].tolist()]

    def call(self, inputs: Any, states: list[Any], training: bool = False) -> Any:
        """Return the activity of all areas after this control step, and the state."""
        # A single step is faster with the areas' own kernels than with joined ones,
        # which would have to be put together first.
        kernels = self._workspace.kernels
        groups = self._groups if kernels else self._single
        kernels = kernels or self._assemble(groups)
        areas = [area.name for area in self.spec.areas]
        sensations = [entry.name for entry in self.spec.inputs]
        signals = {
            **self._named("sensation", sensations, inputs),
            **self._named("before", areas, states[0]),
        }
        cells = dict(zip(areas, self.populations, strict=True))
        for group, (kernel, bias) in zip(groups, kernels, strict=True):
            drive = ops.matmul(_joined([signals[s] for s in group.signals]), kernel)
            before = _joined([signals["before", area] for area in group.areas])
            activity = cells[group.areas[0]].respond(drive + bias, before)
            signals |= self._named("now", group.areas, activity)
        state = _joined([signals["now", area] for area in areas])
        return state, [state]

    def _named(self, kind: str, names: Sequence[str], joined: Any) -> dict[Signal, Any]:
        """Split joined signals and name them."""
        keys = [(kind, name) for name in names]
        parts = _split(joined, [self._widths[key] for key in keys])
        return dict(zip(keys, parts, strict=True))

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Return a silent network: zeros of shape (batch_size, N)."""
        return [ops.zeros((batch_size, self.state_size), dtype=self.compute_dtype)]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "spec": self.spec.to_json(),
            "seed": self.seed,
            "frozen": list(self.frozen),
        }


def _shares(wiring: Sequence[Signal]) -> list[float]:
    """Share an area's initial drive among its afferents.

    Sensations and feedforward afferents drive, all others modulate; each kind shares
    evenly what is its own.
    """
    is_driver = [kind != "before" for kind, _ in wiring]
    n_drivers = sum(is_driver)
    n_modulators = len(wiring) - n_drivers
    if not n_drivers or not n_modulators:
        return [1.0 / len(wiring)] * len(wiring)
    driver = DRIVING_SHARE / n_drivers
    modulator = (1.0 - DRIVING_SHARE) / n_modulators
    return [driver if drives else modulator for drives in is_driver]


class _Workspace:
    """Holds the assembled kernels, out of sight of Keras' bookkeeping."""

    kernels: list[tuple[Any, Any]] | None = None


def _joined(parts: list[Any]) -> Any:
    """Concatenate along the last axis, if there is more than one tensor."""
    return ops.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]


def _split(x: Any, sizes: list[int]) -> list[Any]:
    """Split the last axis into parts of the given sizes."""
    if len(sizes) == 1:
        return [x]
    parts: list[Any] = ops.split(x, np.cumsum(sizes)[:-1].tolist(), axis=-1)
    return parts
