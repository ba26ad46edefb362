# SPDX-License-Identifier: Apache-2.0
"""Components: parts of a model by name, to be taken from another or frozen.

A part is an area, by the name of its region or of its layer; a pathway, written
``source -> target``, whose source may be a sensation; or a layer that is no area, such
as a head. Names may be patterns with ``*`` and ``?``; case does not matter.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import keras

from atlasnet.errors import ComponentError, closest, listed
from atlasnet.graph.synonyms import meant
from atlasnet.layers import Population
from atlasnet.model.rewiring import area_cell
from atlasnet.signature import checked

__all__ = ["Transfer", "freeze", "take_weights"]

_ARROW = "->"


@dataclass(frozen=True)
class Transfer:
    """What a model took over from another.

    Attributes
    ----------
    taken : tuple of str
        Parts with the other's weights: ``4p left``, ``AIP left -> 4p left``,
        ``policy``. Of an area, its own weights; its pathways are listed apart.
    kept : dict of str to str
        Parts that were asked for by a pattern, or came with an area, and keep their
        own weights: why.
    """

    taken: tuple[str, ...]
    kept: Mapping[str, str]


@checked(ComponentError)
def take_weights(
    model: keras.Model, source: keras.Model, parts: Sequence[str] = ("*",)
) -> Transfer:
    """Take over weights from another model, by the names of areas and pathways.

    The models may differ in their other areas. An area is taken over with its biases,
    its recurrent weights and those pathways that both models have; its other pathways
    stay as they are.

    Parameters
    ----------
    model : keras.Model
        Who takes: its weights are changed.
    source : keras.Model
        Who gives; any Keras model, of which layers count if it has no areas.
    parts : sequence of str
        Areas, pathways and layers, or patterns; by default all that fits.

    Returns
    -------
    Transfer
        What was taken, and what was not.

    Raises
    ------
    ComponentError
        If a part that is named is in one of the models only or has other shapes, a
        pattern fits nothing, or nothing at all can be taken.
    """
    ours, theirs = _Parts(model), _Parts(source)
    taken: dict[str, None] = {}
    kept: dict[str, str] = {}
    for text in parts:
        is_named = not _is_pattern(text)
        for name in ours.find(text):
            for part, reason in _take(ours, theirs, name):
                if reason is None:
                    taken[part] = None
                elif is_named and part == name:
                    hint = closest(name, theirs.names)
                    raise ComponentError(
                        f"'{name}' cannot be taken over: {reason}."
                        f"{hint if name not in theirs.names else ''} The model that "
                        f"gives has: {listed(theirs.names, 40)}."
                    )
                else:
                    kept[part] = reason
    if not taken:
        raise ComponentError(
            "Nothing can be taken over: no part has the same name and shapes in both. "
            f"The model that gives has: {listed(theirs.names, 40)}. The model that "
            f"takes: {listed(ours.names, 40)}."
        )
    return Transfer(tuple(taken), {k: v for k, v in kept.items() if k not in taken})


@checked(ComponentError)
def freeze(model: keras.Model, parts: Sequence[str]) -> tuple[str, ...]:
    """Exclude areas and layers from training.

    Parameters
    ----------
    model : keras.Model
        The model; its saved file remembers what is frozen.
    parts : sequence of str
        Areas and layers, or patterns. An area is frozen with all pathways that lead
        to it.

    Returns
    -------
    tuple of str
        What is frozen now.

    Raises
    ------
    ComponentError
        If a part is not there, is a pathway, or nothing would be left to be trained.
    """
    ours = _Parts(model)
    frozen: dict[str, None] = {}
    for text in parts:
        if _ARROW in text:
            raise ComponentError(
                f"The pathway '{text}' cannot be frozen by itself: an area's weights "
                f"are trained together. Freeze '{text.partition(_ARROW)[2].strip()}'."
            )
        frozen |= dict.fromkeys(ours.find(text))
    for name in frozen:
        ours.owner(name).trainable = False
    if not model.trainable_weights:
        raise ComponentError("Freezing these leaves nothing to be trained.")
    return tuple(frozen)


class _Parts:
    """The parts of a model, by name."""

    def __init__(self, model: keras.Model) -> None:
        self.cell = area_cell(model)
        self.areas: dict[str, Population] = {}
        if self.cell is not None:
            names = [area.name for area in self.cell.spec.areas]
            self.areas = {name: self.cell.population(name) for name in names}
        self.layers = {
            layer.name: layer
            for layer in model.layers
            if layer.weights
            and (self.cell is None or getattr(layer, "cell", None) is not self.cell)
        }
        self.names = [*self.areas, *self.layers]

    def find(self, text: str) -> list[str]:
        """Return the names of the parts that a text means."""
        if _ARROW in text:
            first, _, last = (part.strip() for part in text.partition(_ARROW))
            ends = [(s, target) for target in self.areas for s in self.columns(target)]
            known = [f"{s} {_ARROW} {t}" for s, t in ends]
            sources = meant(first, {s: (s,) for s, _ in ends})
            targets = meant(last, {t: (t,) for t in self.areas})
            is_meant = [s in sources and t in targets for s, t in ends]
            found = list(compress(known, is_meant))
        else:
            found = meant(text, {name: self._spellings(name) for name in self.names})
            known = self.names
        if not found:
            what = "pathway" if _ARROW in text else "area or layer with weights"
            raise ComponentError(
                f"The model has no {what} '{text}'.{closest(text, known)} It has: "
                f"{listed(known, 40)}."
            )
        return found

    def _spellings(self, name: str) -> tuple[str, ...]:
        """Return the names of an area or layer."""
        return (name, self.areas[name].name) if name in self.areas else (name,)

    def columns(self, area: str) -> dict[str, slice]:
        """Return the columns of an area's kernel by afferent."""
        return {} if self.cell is None else self.cell.afferent_columns(area)

    def strength(self, source: str, target: str) -> int | None:
        """Return which of an area's trained strengths is a pathway's, if one is."""
        if self.cell is None:
            return None
        trained = {
            p.source
            for p in self.cell.spec.pathways
            if p.target == target and p.strength_use == "trainable"
        }
        ordered = [name for name in self.columns(target) if name in trained]
        return ordered.index(source) if source in ordered else None

    def owner(self, name: str) -> keras.layers.Layer:
        """Return the layer that holds a part's weights."""
        return self.areas[name] if name in self.areas else self.layers[name]


def _take(ours: _Parts, theirs: _Parts, name: str) -> Iterator[tuple[str, str | None]]:
    """Take over a part, and tell of each of its parts why not, or None."""
    if _ARROW in name:
        source, target = (side.strip() for side in name.split(_ARROW))
        yield name, _take_pathway(ours, theirs, source, target)
    elif name in ours.areas:
        reason = _take_area(ours, theirs, name)
        yield name, reason
        if reason is None:
            for source in ours.columns(name):
                yield (
                    f"{source} {_ARROW} {name}",
                    _take_pathway(ours, theirs, source, name),
                )
    else:
        yield name, _take_layer(ours, theirs, name)


def _take_area(ours: _Parts, theirs: _Parts, name: str) -> str | None:
    """Take over what of an area's weights belongs to no pathway."""
    reason = _difference(ours, theirs, name)
    if reason is not None:
        return reason
    given = {w.name: w for w in theirs.areas[name].weights}
    for weight in ours.areas[name].weights:
        of_pathways = weight.name in ("kernel", "strength")
        other = None if of_pathways else given.get(weight.name)
        if other is not None and other.shape == weight.shape:
            weight.assign(other)
    return None


def _take_pathway(ours: _Parts, theirs: _Parts, source: str, target: str) -> str | None:
    """Take over the columns of one afferent."""
    reason = _difference(ours, theirs, target)
    if reason is not None:
        return reason
    columns, other_columns = ours.columns(target), theirs.columns(target)
    if source not in other_columns:
        return "the model that gives has no such pathway"
    mine, other = columns[source], other_columns[source]
    n_mine, n_other = mine.stop - mine.start, other.stop - other.start
    if n_mine != n_other:
        return f"its source has {n_mine} units here and {n_other} there"
    kernel = keras.ops.convert_to_numpy(ours.areas[target].kernel).copy()
    given = keras.ops.convert_to_numpy(theirs.areas[target].kernel)
    kernel[:, mine] = given[:, other]
    ours.areas[target].kernel.assign(kernel)
    i, j = ours.strength(source, target), theirs.strength(source, target)
    if i is not None and j is not None:
        trained: Any = ours.areas[target].strength
        strength = keras.ops.convert_to_numpy(trained).copy()
        strength[i] = keras.ops.convert_to_numpy(theirs.areas[target].strength)[j]
        trained.assign(strength)
    return None


def _difference(ours: _Parts, theirs: _Parts, name: str) -> str | None:
    """Say in what an area differs between two models, if it does."""
    if name not in theirs.areas or ours.cell is None or theirs.cell is None:
        return "the model that gives has no such area"
    mine, other = ours.cell.spec.area(name), theirs.cell.spec.area(name)
    if mine.n_units != other.n_units:
        return f"it has {mine.n_units} units here and {other.n_units} there"
    if mine.cell != other.cell:
        return f"its cell is '{mine.cell}' here and '{other.cell}' there"
    return None


def _take_layer(ours: _Parts, theirs: _Parts, name: str) -> str | None:
    """Take over a layer that is no area."""
    if name not in theirs.layers:
        return "the model that gives has no such layer"
    mine, other = ours.layers[name], theirs.layers[name]
    shapes = [tuple(w.shape) for w in mine.weights]
    given = [tuple(w.shape) for w in other.weights]
    if shapes != given:
        return f"its weights have the shapes {shapes} here and {given} there"
    mine.set_weights(other.get_weights())
    return None


def _is_pattern(text: str) -> bool:
    """Tell whether a text may mean several names."""
    return "*" in text or "?" in text
