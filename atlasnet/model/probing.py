# SPDX-License-Identifier: Apache-2.0
"""Probing: a model with interventions, which leaves the model's weights alone."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from atlasnet.errors import InterventionError
from atlasnet.layers import AreaCell, IntervenedCell, SwitchedCell
from atlasnet.layers.intervened_cell import held_units
from atlasnet.model.rewiring import area_cell, rewire
from atlasnet.plan.interventions import Intervention, Lesion, Noise, resolve
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
    n_rows : int
        Rows of a batch that are held each in its own way, such as worlds; the model
        then takes batches of so many. 1 holds the rows of any batch alike.
    pathways : bool
        Whether pathways can be cut, too, in all rows alike.

    Attributes
    ----------
    model : keras.Model
        A model with the same inputs, outputs, layers by name and weights, and a few
        weights more, which say what is held: nothing at first.
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
    def __init__(
        self, model: keras.Model, n_rows: int = 1, *, pathways: bool = False
    ) -> None:
        cell = _areas_of(model)
        before = cell.interventions if isinstance(cell, IntervenedCell) else ()
        self._cell = SwitchedCell(
            cell.spec,
            seed=cell.seed,
            interventions=before,
            original=cell,
            name=cell.name,
            n_rows=n_rows,
            has_pathways=pathways,
        )
        self.model = _with_cell(model, cell, self._cell)
        self.spec = cell.spec

    @checked(InterventionError)
    def silence(self, areas: Sequence[str]) -> None:
        """Silence areas in every row, and let all others go.

        Parameters
        ----------
        areas : sequence of str
            By any of their names; none lets all go.

        Raises
        ------
        InterventionError
            If an area does not exist: with the nearest name.
        """
        lesions = [Lesion(area=area) for area in areas]
        self.hold([lesions] * self._cell.n_rows)

    @checked(InterventionError)
    def hold(self, rows: Sequence[Sequence[Intervention]]) -> None:
        """Lesion and clamp each row in its own way, and let all else go.

        Parameters
        ----------
        rows : sequence of sequence of Intervention
            What is done in each row, in this order: as many as rows. Pathways are cut
            in all rows or in none.

        Raises
        ------
        InterventionError
            If there are more or fewer rows, a name is unknown, or something cannot be
            switched: noise, which follows from the place in the batch, and pathways of
            a model that was made without, or that are not the same in all rows.
        """
        cell = self._cell
        if len(rows) != cell.n_rows:
            raise InterventionError(
                f"The model has {cell.n_rows} rows to hold, got {len(rows)}."
            )
        kept = np.ones((cell.n_rows, self.spec.n_units), np.float32)
        added = np.zeros_like(kept)
        cuts: list[set[tuple[str, str]]] = []
        for i, interventions in enumerate(rows):
            cuts.append(set())
            for one in resolve(interventions, self.spec):
                place = cell.places[one.area]
                if isinstance(one, Noise):
                    raise InterventionError(
                        f"Noise of '{one.area}' cannot be switched. Use "
                        "atlasnet.intervene."
                    )
                if isinstance(one, Lesion) and one.source is not None:
                    cuts[-1].add((one.area, one.source))
                    continue
                held, value = held_units(one, place.stop - place.start)
                kept[i, place][held] = 0.0
                added[i, place][held] = value[held]
        self._require_switchable(cuts)
        cut: dict[str, list[str]] = {}
        for area, source in sorted(cuts[0]):
            cut.setdefault(area, []).append(source)
        cell.hold(kept, added, cut)

    @checked(InterventionError)
    def meant(self, interventions: Sequence[Intervention]) -> tuple[Intervention, ...]:
        """Return interventions as the network spells them, one an area or pathway.

        Parameters
        ----------
        interventions : sequence of Intervention
            Areas by any of their names.

        Returns
        -------
        tuple of Intervention
            What they mean.

        Raises
        ------
        InterventionError
            If an area, pathway or unit does not exist: with the nearest name.
        """
        return resolve(interventions, self.spec)

    def _require_switchable(self, cuts: Sequence[set[tuple[str, str]]]) -> None:
        """Refuse pathways that cannot be cut."""
        if any(cuts) and not self._cell.has_pathways:
            raise InterventionError(
                "Pathways cannot be cut in this model. Make it with "
                "Silencer(model, pathways=True)."
            )
        if any(one != cuts[0] for one in cuts):
            raise InterventionError(
                "Pathways are cut in all rows or in none: the rows share their weights."
            )


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
