# SPDX-License-Identifier: Apache-2.0
"""Probing: a model with interventions, which leaves the model's weights alone."""

from collections.abc import Sequence
from typing import Any

import keras

from atlasnet.errors import InterventionError
from atlasnet.layers import AreaCell, IntervenedCell, SwitchedCell
from atlasnet.model.rewiring import area_cell, rewire
from atlasnet.plan.interventions import Intervention, Lesion, resolve
from atlasnet.signature import checked

__all__ = ["Silencer", "intervene"]


@checked(InterventionError)
def intervene(model: keras.Model, interventions: Sequence[Intervention]) -> keras.Model:
    """Wrap a model so that some areas or pathways are lesioned, clamped or noisy.

    Parameters
    ----------
    model : keras.Model
        A network that :func:`atlasnet.build_model` made, or one with its areas inside,
        such as a loaded one. It stays as it is.
    interventions : sequence of Intervention
        What is done, in this order; see :mod:`atlasnet.plan.interventions`.

    Returns
    -------
    keras.Model
        A model with the same inputs, outputs and layers by name. It shares all weights
        with `model`: training one trains both. Saved, it keeps its interventions.

    Raises
    ------
    InterventionError
        If the model has no areas, or a name is unknown.

    Examples
    --------
    >>> silent = intervene(model, [Lesion(area="4p left")])  # doctest: +SKIP
    """
    cell = _areas_of(model)
    before = cell.interventions if isinstance(cell, IntervenedCell) else ()
    intervened = IntervenedCell(
        cell.spec,
        seed=cell.seed,
        interventions=[*before, *interventions],
        original=cell,
        name=cell.name,
    )
    return _with_cell(model, cell, intervened)


class Silencer:
    """A model whose areas can be silenced and let go, as often as one likes.

    Each model that :func:`intervene` returns has to be compiled anew; this one need
    not be. So it is what many lesions of one network are compared with.

    Parameters
    ----------
    model : keras.Model
        As for :func:`intervene`. It stays as it is.

    Attributes
    ----------
    model : keras.Model
        A model with the same inputs, outputs, layers by name and weights, and one
        weight more, which says what is silent: nothing at first.
    spec : NetworkSpec
        What the network is.

    Raises
    ------
    InterventionError
        If the model has no areas.

    Examples
    --------
    >>> silencer = Silencer(model)  # doctest: +SKIP
    >>> silencer.silence(["4p left"])  # doctest: +SKIP
    >>> silencer.model(sensations)  # doctest: +SKIP
    """

    @checked(InterventionError)
    def __init__(self, model: keras.Model) -> None:
        cell = _areas_of(model)
        before = cell.interventions if isinstance(cell, IntervenedCell) else ()
        self._cell = SwitchedCell(
            cell.spec,
            seed=cell.seed,
            interventions=before,
            original=cell,
            name=cell.name,
        )
        self.model = _with_cell(model, cell, self._cell)
        self.spec = cell.spec

    @checked(InterventionError)
    def silence(self, areas: Sequence[str]) -> None:
        """Silence areas, and let all others go.

        Parameters
        ----------
        areas : sequence of str
            By any of their names; none lets all go.

        Raises
        ------
        InterventionError
            If an area does not exist: with the nearest name.
        """
        lesions = resolve([Lesion(area=area) for area in areas], self.spec)
        self._cell.silence([lesion.area for lesion in lesions])


def _areas_of(model: keras.Model) -> AreaCell:
    """Return the cell that holds a model's areas; refuse a model without."""
    cell = area_cell(model)
    if cell is None:
        raise InterventionError(
            f"The model '{model.name}' has no areas to intervene in: it was not built "
            "by atlasnet.build_model."
        )
    return cell


def _with_cell(model: keras.Model, cell: AreaCell, other: AreaCell) -> keras.Model:
    """Return a model with another cell in the place of one."""

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(layer, "cell", None) is not cell:
            return None
        loop = keras.layers.RNN(other, return_sequences=True, name=layer.name)
        return loop(*args, **kwargs)

    inputs = {x.name: keras.Input(x.shape[1:], name=x.name) for x in model.inputs}
    outputs = rewire(model, list(inputs.values()), call)
    return keras.Model(inputs, outputs, name=model.name)
