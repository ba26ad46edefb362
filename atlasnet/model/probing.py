# SPDX-License-Identifier: Apache-2.0
"""Probing: a model with interventions, which leaves the model's weights alone."""

from collections.abc import Sequence
from typing import Any

import keras

from atlasnet.errors import InterventionError
from atlasnet.layers import IntervenedCell
from atlasnet.model.rewiring import area_cell, rewire
from atlasnet.plan.interventions import Intervention
from atlasnet.signature import checked

__all__ = ["intervene"]


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
    cell = area_cell(model)
    if cell is None:
        raise InterventionError(
            f"The model '{model.name}' has no areas to intervene in: it was not built "
            "by atlasnet.build_model."
        )
    before = cell.interventions if isinstance(cell, IntervenedCell) else ()
    intervened = IntervenedCell(
        cell.spec,
        seed=cell.seed,
        interventions=[*before, *interventions],
        original=cell,
        name=cell.name,
    )

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(layer, "cell", None) is not cell:
            return None
        loop = keras.layers.RNN(intervened, return_sequences=True, name=layer.name)
        return loop(*args, **kwargs)

    inputs = {x.name: keras.Input(x.shape[1:], name=x.name) for x in model.inputs}
    outputs = rewire(model, list(inputs.values()), call)
    return keras.Model(inputs, outputs, name=model.name)
