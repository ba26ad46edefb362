# SPDX-License-Identifier: Apache-2.0
"""Scales of a reward's terms: recipes, what differs from them, and schedules.

A term is a quantity times its scale, and the reward is the sum of the terms. A recipe
is a set of scales under a name; a config starts from one and changes what it names. A
scale is a number, or changes evenly over a share of training::

    rewards: {extends: openai2018, drop: {from: -5, to: -20, until: 0.5}}
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    model_serializer,
    model_validator,
)

from angora_train.errors import closest
from angora_train.tasks.settings import TaskSettings

__all__ = ["Bonus", "Cost", "Scales", "Schedule"]


class Schedule(TaskSettings):
    """A scale that changes evenly with the share of training that is done.

    Examples
    --------
    >>> drop = Schedule.model_validate({"from": -5, "to": -20, "until": 0.5})
    >>> [drop.at(share) for share in (0.0, 0.25, 0.5, 1.0)]
    [-5.0, -12.5, -20.0, -20.0]
    """

    start: Annotated[float, Field(validation_alias="from")]
    """Scale at the start of training; written ``from``."""

    to: float
    """Scale at the end of the change, and from then on."""

    until: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of training at which the change ends."""

    def at(self, share: float) -> float:
        """Return the scale at a moment of training.

        Parameters
        ----------
        share : float
            Share of training that is done, in [0, 1].

        Returns
        -------
        float
            On the line from `start` to `to`, exact at both ends.
        """
        done = min(share / self.until, 1.0)
        return self.to if done == 1.0 else self.start + done * (self.to - self.start)

    @model_serializer
    def _as_written(self) -> dict[str, float]:
        """Write what would be read."""
        return {"from": self.start, "to": self.to, "until": self.until}


def _kind(value: Any) -> str:
    """Tell a schedule from a number, so that an error is about one of them."""
    return "schedule" if isinstance(value, Mapping | Schedule) else "number"


def _ends(scale: float | Schedule) -> Iterator[float]:
    """Numbers between which a scale stays."""
    if isinstance(scale, Schedule):
        yield from (scale.start, scale.to)
    else:
        yield scale


def _at_least_zero(scale: float | Schedule) -> float | Schedule:
    """Refuse a bonus that would be a cost."""
    if min(_ends(scale)) < 0:
        raise ValueError("a bonus is greater than or equal to 0")
    return scale


def _at_most_zero(scale: float | Schedule) -> float | Schedule:
    """Refuse a cost that would be a bonus."""
    if max(_ends(scale)) > 0:
        raise ValueError("a cost is less than or equal to 0")
    return scale


_Scale = Annotated[
    Annotated[float, Tag("number")] | Annotated[Schedule, Tag("schedule")],
    Discriminator(_kind),
]

_POSITIVE, _NEGATIVE = AfterValidator(_at_least_zero), AfterValidator(_at_most_zero)
_SIGNS = {_POSITIVE, _NEGATIVE}

Bonus = Annotated[_Scale, _POSITIVE]
"""A scale that is never negative: a number or a `Schedule`."""

Cost = Annotated[_Scale, _NEGATIVE]
"""A scale that is never positive: a number or a `Schedule`."""


class Scales(TaskSettings):
    """Scales of one kind of reward: a recipe, and what differs from it.

    A recipe's name may stand alone.
    """

    recipes: ClassVar[Mapping[str, Mapping[str, float]]]
    """Scales by recipe and term; what a recipe leaves out is zero."""

    terms: ClassVar[tuple[str, ...]] = ()
    """Names of all terms: the fields that are a `Bonus` or a `Cost`."""

    extends: str
    """Recipe that gives the scales which are not written."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        fields = cls.model_fields.items()
        cls.terms = tuple(name for name, field in fields if _SIGNS & {*field.metadata})

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, value: Any) -> Any:
        """Take from the recipe what is not written; its name may stand alone."""
        if isinstance(value, str):
            value = {"extends": value}
        if not isinstance(value, Mapping):
            return value
        name = value.get("extends", cls.model_fields["extends"].default)
        if name not in cls.recipes:
            hint = closest(str(name), cls.recipes)
            known = ", ".join(cls.recipes)
            raise ValueError(f"No recipe '{name}'.{hint} Recipes: {known}")
        return {**dict.fromkeys(cls.terms, 0.0), **cls.recipes[name], **value}

    @property
    def active(self) -> dict[str, float]:
        """Scales at the start of training, of the terms that ever count."""
        return self.at(0.0)

    def at(self, share: float) -> dict[str, float]:
        """Return the scales at a moment of training.

        Parameters
        ----------
        share : float
            Share of training that is done, in [0, 1].

        Returns
        -------
        dict of str to float
            By term; a term whose scale is zero from start to end is left out, so that
            the names are the same throughout training.
        """
        scales = {name: getattr(self, name) for name in self.terms}
        return {
            name: scale.at(share) if isinstance(scale, Schedule) else float(scale)
            for name, scale in scales.items()
            if any(_ends(scale))
        }
