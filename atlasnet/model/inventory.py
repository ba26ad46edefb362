# SPDX-License-Identifier: Apache-2.0
"""Inventory: where a model's parameters are, by area and by pathway."""

import math
from typing import Any

import keras
import pandas as pd

from atlasnet.errors import ComponentError
from atlasnet.layers import AreaCell
from atlasnet.layers.population import Population
from atlasnet.model.rewiring import area_cell
from atlasnet.plan.spec import NetworkSpec
from atlasnet.signature import checked

__all__ = ["parameters_by_area", "parameters_by_pathway"]

_OWN = "biases"
_LAYER = "layer"
Row = dict[str, Any]


@checked(ComponentError)
def parameters_by_pathway(model: keras.Model) -> pd.DataFrame:
    """List a model's parameters by pathway.

    Parameters
    ----------
    model : keras.Model
        Any built model; areas have pathways if it is one of ours.

    Returns
    -------
    pandas.DataFrame
        One row per pathway into an area, in the order of its afferents; then one for
        what the area has of its own; then one per layer that is no area. Columns:
        ``source``, ``target``, ``kind`` (``sensation``, ``same_step``,
        ``previous_step``, ``recurrent``, ``biases``, ``layer``), ``n_heard`` (what a
        unit reads of the source), ``n_units`` of the target, ``n_parameters``,
        ``is_trained``. The parameters sum to ``model.count_params()``.
    """
    rows: list[Row] = []
    cell = area_cell(model)
    if cell is not None:
        for area, population in zip(cell.spec.areas, cell.populations, strict=True):
            rows += _area_rows(cell, area.name, population)
        for name, readout in cell.readouts.items():
            if readout.weights:
                rows.append(_layer_row(readout, name))
    for layer in model.layers:
        is_areas = cell is not None and getattr(layer, "cell", None) is cell
        if layer.weights and not is_areas:
            rows.append(_layer_row(layer, layer.name))
    columns = ["source", "target", "kind", "n_heard", "n_units", "n_parameters"]
    return pd.DataFrame(rows, columns=[*columns, "is_trained"])


@checked(ComponentError)
def parameters_by_area(model: keras.Model) -> pd.DataFrame:
    """List a model's areas, with their units, afferents and parameters.

    Parameters
    ----------
    model : keras.Model
        Any built model.

    Returns
    -------
    pandas.DataFrame
        One row per area, in the order in which they are computed, then one per layer
        that is no area. Columns: ``name``, ``layer`` (of Keras), ``cell``, ``n_units``,
        ``afferents`` (their names, joined), ``n_parameters``, ``is_trained``.
    """
    by_pathway = parameters_by_pathway(model)
    cell = area_cell(model)
    rows: list[Any] = []
    for area in cell.spec.areas if cell is not None else ():
        own = by_pathway[by_pathway.target == area.name]
        heard = own[own.kind.isin(["sensation", "same_step", "previous_step"])]
        rows.append(
            {
                "name": area.name,
                "layer": area.layer,
                "cell": area.cell if area.map is None else f"{area.cell} map",
                "n_units": area.n_units,
                "afferents": ", ".join(heard.source),
                "n_parameters": int(own.n_parameters.sum()),
                "is_trained": bool(own.is_trained.all()),
            }
        )
    areas = [row["name"] for row in rows]
    layers = by_pathway[(by_pathway.kind == _LAYER) & ~by_pathway.target.isin(areas)]
    layers = layers.assign(layer=layers.target, afferents="")
    layers = layers.rename(columns={"target": "name", "source": "cell"})
    rows += layers.to_dict("records")
    columns = ["name", "layer", "cell", "n_units", "afferents", "n_parameters"]
    return pd.DataFrame(rows, columns=[*columns, "is_trained"])


def _area_rows(cell: AreaCell, name: str, population: Population) -> list[Row]:
    """Return the rows of one area."""
    n_rows = int(population.kernel.shape[0])
    shared = {
        "target": name,
        "n_units": cell.spec.area(name).n_units,
        "is_trained": bool(population.trainable),
    }
    rows = [
        {
            **shared,
            "source": source,
            "kind": _kind(cell.spec, source, name),
            "n_heard": part.stop - part.start,
            "n_parameters": (part.stop - part.start) * n_rows,
        }
        for source, part in cell.afferent_columns(name).items()
    ]
    n_own = population.count_params() - sum(row["n_parameters"] for row in rows)
    own = {"source": "", "kind": _OWN, "n_heard": 0, "n_parameters": n_own}
    return [*rows, {**shared, **own}]


def _layer_row(layer: keras.layers.Layer, target: str) -> Row:
    """Return the row of a layer that is no area."""
    shape = getattr(getattr(layer, "output", None), "shape", ())
    return {
        "source": type(layer).__name__,
        "target": target,
        "kind": _LAYER,
        "n_heard": 0,
        "n_units": math.prod(n for n in shape[1:] if n is not None) if shape else 0,
        "n_parameters": int(layer.count_params()),
        "is_trained": bool(layer.trainable),
    }


def _kind(spec: NetworkSpec, source: str, target: str) -> str:
    """Return what a pathway is."""
    if source == target:
        return "recurrent"
    timing = {(p.source, p.target): p.timing for p in spec.pathways}
    return timing.get((source, target), "sensation")
