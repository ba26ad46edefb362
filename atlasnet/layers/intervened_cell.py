# SPDX-License-Identifier: Apache-2.0
"""IntervenedCell: the areas of a network, some of them lesioned, clamped or noisy."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from atlasnet.layers.area_cell import AreaCell
from atlasnet.layers.hashed_noise import hashed_normal
from atlasnet.layers.map_readout import MapReadout
from atlasnet.layers.population import Population
from atlasnet.plan.interventions import (
    Clamp,
    Intervention,
    Lesion,
    Noise,
    chosen_units,
    read_interventions,
    resolve,
)
from atlasnet.plan.spec import AreaSpec, MapSpec, NetworkSpec

__all__ = ["IntervenedCell", "held_units"]


@keras.saving.register_keras_serializable(package="atlasnet")
class IntervenedCell(AreaCell):
    """The areas of a network, some of them lesioned, clamped or noisy.

    Parameters
    ----------
    spec, seed, frozen
        As of :class:`~atlasnet.layers.AreaCell`.
    interventions : sequence of Intervention, or of mappings
        What is done, in this order: a lesion after a clamp wins.
    original : AreaCell, optional
        A cell whose weights are used, and left alone. Without one, the cell has
        weights of its own.

    Notes
    -----
    An area's activity is changed once it is computed and before anyone reads it: its
    efferents, itself at the next step, and its layer in the model. The memory of an
    ``lstm`` area goes on underneath. A lesioned pathway is a kernel with zeros in its
    columns, wherever the kernel is used.

    With noise there is a second state, the number of steps since the episode began,
    shape (B, 1).
    """

    def __init__(
        self,
        spec: NetworkSpec | str,
        seed: int = 0,
        frozen: Sequence[str] = (),
        interventions: Sequence[Intervention | Mapping[str, Any]] = (),
        original: AreaCell | None = None,
        **kwargs: Any,
    ) -> None:
        # Read while the areas are set up, before Keras keeps books.
        object.__setattr__(self, "_original", original)
        super().__init__(spec, seed, frozen, **kwargs)
        self.interventions = resolve(read_interventions(interventions), self.spec)
        self._intervened = frozenset(
            one.area
            for one in self.interventions
            if not (isinstance(one, Lesion) and one.source is not None)
        )
        self._is_noisy = any(isinstance(one, Noise) for one in self.interventions)
        self._clock = _Clock()
        self._n_carried = self.state_size
        if self._is_noisy:
            self.state_size: Any = [self._n_carried, 1]

    def _population(self, area: AreaSpec) -> Population:
        """Return the layer of one area: the original's, where there is one."""
        if self._original is None:
            return super()._population(area)
        lent: Population = self._original.population(area.name)
        return lent

    def _readout(self, area: AreaSpec, layout: MapSpec) -> MapReadout:
        """Return what areas without a map see of one: the original's, likewise."""
        if self._original is None:
            return super()._readout(area, layout)
        lent: MapReadout = self._original.readouts[area.name]
        return lent

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make every area's weights, unless they are another cell's."""
        if self._original is not None:
            self.built = True
        else:
            super().build(input_shape)

    def call(self, inputs: Any, states: list[Any], training: bool = False) -> Any:
        """Return the activity of all areas after this control step, and the states."""
        if not self._is_noisy:
            return super().call(inputs, states, training=training)
        self._clock.steps = states[-1]
        activity, kept = super().call(inputs, states[:-1], training=training)
        return activity, [*kept, states[-1] + 1.0]

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Return a silent network at step zero."""
        if not self._is_noisy:
            return super().get_initial_state(batch_size)
        sizes = (self._n_carried, 1)
        return [ops.zeros((batch_size, n), dtype=self.compute_dtype) for n in sizes]

    def _weigh(self, area: str, kernel: Any) -> Any:
        """Return an area's kernel without its lesioned pathways."""
        kernel = super()._weigh(area, kernel)
        gone = [
            one.source
            for one in self.interventions
            if isinstance(one, Lesion) and one.source is not None and one.area == area
        ]
        if not gone:
            return kernel
        columns = self.afferent_columns(area)
        kept = np.ones(int(kernel.shape[1]), np.float32)
        for source in gone:
            kept[columns[source]] = 0.0
        return kernel * kept

    def _intervene(self, area: str, activity: Any) -> Any:
        """Return an area's activity after all that is done to it."""
        activity = super()._intervene(area, activity)
        for i, one in enumerate(self.interventions):
            if one.area != area:
                continue
            if isinstance(one, Noise):
                activity = activity + self._added(one, i, activity)
            elif isinstance(one, Clamp) or one.source is None:
                held, value = held_units(one, int(activity.shape[-1]))
                activity = ops.where(held, value, activity)
        return activity

    def _added(self, noise: Noise, i: int, activity: Any) -> Any:
        """Return this step's noise of an area, shape (B, n_units)."""
        n_units = int(activity.shape[-1])
        drawn = hashed_normal(self._clock.steps, n_units, (noise.seed, i))
        return noise.standard_deviation * drawn

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, without the original."""
        return {
            **super().get_config(),
            "interventions": [one.model_dump() for one in self.interventions],
        }


def held_units(
    one: Lesion | Clamp, n_units: int
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return which units are held, and at what, each of shape (n_units,)."""
    held, value = np.zeros(n_units, np.bool_), np.zeros(n_units, np.float32)
    if isinstance(one, Lesion):
        held[chosen_units(one, n_units)] = True
        return held, value
    units = np.arange(n_units) if one.units is None else np.array(one.units, np.int64)
    held[units] = True
    value[units] = one.value
    return held, value


class _Clock:
    """Holds the steps since the episode began, out of sight of Keras' bookkeeping."""

    steps: Any = None
