# SPDX-License-Identifier: Apache-2.0
"""Interventions: what is done to a network while it runs, as data.

An intervention changes activity, never a weight: :func:`atlasnet.intervene` wraps a
model, and the model itself stays as it is. In words, as commands take them::

    lesion   4p left                  the area is silent
             30% of 4p left           so are 30 % of its units
             AIP left -> 4p left      the pathway carries nothing
    clamp    4p left = 0.5            the area's activity is held
    noise    4p left = 0.1            Gaussian noise is added to it
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from atlasnet.errors import InterventionError, closest
from atlasnet.frozen import Frozen, explain
from atlasnet.graph.synonyms import meant
from atlasnet.naming import slug
from atlasnet.plan.spec import NetworkSpec
from atlasnet.signature import checked

__all__ = [
    "Clamp",
    "Intervention",
    "Lesion",
    "Noise",
    "chosen_units",
    "parse_intervention",
    "read_interventions",
    "resolve",
]

Kind = Literal["clamp", "lesion", "noise"]

_ARROW = "->"
_SHARE = re.compile(r"^\s*([0-9.]+)\s*%\s*of\s+(.+)$")


class _Intervention(Frozen):
    """What is done to a network."""

    error = InterventionError

    @field_validator("area", check_fields=False)
    @classmethod
    def _check_name(cls, area: str) -> str:
        if not area.strip():
            raise InterventionError("An intervention names an area, got no name.")
        return area


class Lesion(_Intervention):
    """Silences an area, a share of its units, or a pathway.

    Raises
    ------
    InterventionError
        If a value is not allowed, or a share is asked for of a pathway.

    Examples
    --------
    >>> Lesion(area="4p left", share=0.3).share
    0.3
    """

    kind: Literal["lesion"] = "lesion"
    area: str
    """Name of the area; of a pathway, that which it leads to."""
    source: str | None = None
    """Where a pathway comes from: an area, the same area for its recurrent weights, or
    a sensation. None lesions the area itself."""
    share: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Share of the area's units, rounded to whole units, at least one."""
    seed: NonNegativeInt = 0
    """Seed of the choice of units."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.source is not None and self.share < 1.0:
            raise InterventionError(
                f"A lesion of the pathway '{self.source} {_ARROW} {self.area}' takes "
                f"no share, got {self.share}: lesion a share of the units of "
                f"'{self.source}'."
            )
        return self


class Clamp(_Intervention):
    """Holds an area's activity, or that of some units.

    Raises
    ------
    InterventionError
        If the numbers of units and of values differ, or a unit is named twice.
    """

    kind: Literal["clamp"] = "clamp"
    area: str
    """Name of the area."""
    value: float | tuple[float, ...]
    """Activity: one number for all, or one for each unit."""
    units: tuple[NonNegativeInt, ...] | None = None
    """Units that are held, counted from 0; None holds all."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.units is None:
            return self
        if len(set(self.units)) < len(self.units):
            twice = next(u for u in self.units if self.units.count(u) > 1)
            raise InterventionError(
                f"A clamp of '{self.area}' names unit {twice} more than once. Name "
                "each unit that is held once."
            )
        if isinstance(self.value, tuple) and len(self.units) != len(self.value):
            raise InterventionError(
                f"A clamp of '{self.area}' names {len(self.units)} units and "
                f"{len(self.value)} values. Give one value for all, or one for each."
            )
        return self


class Noise(_Intervention):
    """Adds Gaussian noise to an area's activity, new at every step.

    The noise follows from the seed, the row of the batch, the step since the episode
    began, the area and the unit, and from nothing else: a repetition meets the same
    noise, on any backend.
    """

    kind: Literal["noise"] = "noise"
    area: str
    """Name of the area."""
    standard_deviation: PositiveFloat
    """In units of activity."""
    seed: NonNegativeInt = 0
    """Seed of the noise."""


Intervention = Lesion | Clamp | Noise

_ANY: TypeAdapter[tuple[Intervention, ...]] = TypeAdapter(
    tuple[Annotated[Intervention, Field(discriminator="kind")], ...]
)


def read_interventions(data: Sequence[Any]) -> tuple[Intervention, ...]:
    """Return interventions from plain mappings, as saved models and YAML hold them.

    Raises
    ------
    InterventionError
        If one of them is not valid.
    """
    try:
        return _ANY.validate_python(tuple(data))
    except ValidationError as error:
        raise InterventionError(explain(error, "intervention")) from error


@checked(InterventionError)
def parse_intervention(kind: Kind, text: str, seed: int = 0) -> Intervention:
    """Read an intervention from a line of words.

    Parameters
    ----------
    kind : {"clamp", "lesion", "noise"}
        Which.
    text : str
        As the module's docstring shows.
    seed : int
        Seed of what is chosen or drawn.

    Returns
    -------
    Intervention
        Its names are not checked; see :func:`resolve`.

    Raises
    ------
    InterventionError
        If the text has another form.

    Examples
    --------
    >>> parse_intervention("lesion", "30% of 4p left").share
    0.3
    >>> parse_intervention("lesion", "AIP left -> 4p left").source
    'AIP left'
    >>> parse_intervention("clamp", "4p left = 0.5").value
    0.5
    """
    if kind == "lesion":
        source, arrow, target = (part.strip() for part in text.partition(_ARROW))
        if arrow:
            return Lesion(area=target, source=source)
        found = _SHARE.match(text)
        if found:
            try:
                share = float(found[1]) / 100.0
            except ValueError as error:
                raise InterventionError(
                    f"A share reads '30% of AREA', got '{text}'."
                ) from error
            return Lesion(area=found[2].strip(), share=share, seed=seed)
        return Lesion(area=text.strip())
    area, _, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError as error:
        raise InterventionError(
            f"A {kind} reads AREA = NUMBER, got '{text}'. For example: '4p left = 0.1'."
        ) from error
    if kind == "clamp":
        return Clamp(area=area.strip(), value=value)
    return Noise(area=area.strip(), standard_deviation=value, seed=seed)


def resolve(
    interventions: Sequence[Intervention], spec: NetworkSpec
) -> tuple[Intervention, ...]:
    """Check interventions against a network, and spell names as it does.

    Parameters
    ----------
    interventions : sequence of Intervention
        Areas by any of their names, see :func:`atlasnet.graph.synonyms.meant`. What
        means several areas, such as ``M1`` or ``PM*``, is an intervention in each.
    spec : NetworkSpec
        The network.

    Returns
    -------
    tuple of Intervention
        The same, one for each area or pathway, with the network's own names.

    Raises
    ------
    InterventionError
        If an area, pathway or unit does not exist: with the nearest name.
    """
    return tuple(found for one in interventions for found in _resolved(one, spec))


def chosen_units(lesion: Lesion, n_units: int) -> NDArray[np.int64]:
    """Return the units that a lesion silences.

    Parameters
    ----------
    lesion : Lesion
        Its seed and its area decide; so a lesion of two areas draws twice.
    n_units : int
        Units of the area.

    Returns
    -------
    ndarray of int64, shape (n,)
        Ascending; at least one. A larger share of the same seed holds a smaller one.

    Examples
    --------
    >>> chosen_units(Lesion(area="4p left", share=0.5), 4).size
    2
    """
    n = max(1, round(lesion.share * n_units))
    key = [lesion.seed, zlib.crc32(slug(lesion.area).encode())]
    order = np.random.default_rng(np.random.SeedSequence(key)).permutation(n_units)
    return np.sort(order[:n]).astype(np.int64)


def _resolved(one: Intervention, spec: NetworkSpec) -> Iterator[Intervention]:
    """Yield one intervention for each area or pathway that it means."""
    for area in _spelt(one.area, [area.name for area in spec.areas], spec, "area"):
        if isinstance(one, Lesion) and one.source is not None:
            heard = [
                *spec.sensations(area),
                *spec.afferents(area, "same_step"),
                *spec.afferents(area, "previous_step"),
                *([area] if spec.area(area).is_recurrent else []),
            ]
            for source in _spelt(one.source, heard, spec, f"afferent of '{area}'"):
                yield one.model_copy(update={"area": area, "source": source})
            continue
        if isinstance(one, Clamp):
            _check_units(one, area, spec.area(area).n_units)
        yield one.model_copy(update={"area": area})


def _check_units(clamp: Clamp, area: str, n_units: int) -> None:
    """Refuse units that an area does not have."""
    if clamp.units is None:
        if isinstance(clamp.value, tuple) and len(clamp.value) != n_units:
            raise InterventionError(
                f"A clamp of '{area}' has {len(clamp.value)} values, the area "
                f"{n_units} units. Give one value, or as many."
            )
        return
    beyond = [unit for unit in clamp.units if unit >= n_units]
    if beyond:
        raise InterventionError(
            f"'{area}' has no unit {beyond[0]}: its {n_units} units count from 0 "
            f"to {n_units - 1}."
        )


def _spelt(
    name: str, known: Sequence[str], spec: NetworkSpec, what: str
) -> Sequence[str]:
    """Return what a name means, as the network spells it."""
    found = meant(name, {candidate: (candidate,) for candidate in known})
    if found:
        return found
    raise InterventionError(
        f"No {what} '{name}' in the network '{spec.name}'.{closest(name, known)} There "
        f"are: {', '.join(known)}."
    )
