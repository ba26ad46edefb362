# SPDX-License-Identifier: Apache-2.0
"""Sharing: how the units of a network are shared among its areas."""

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Self

from pydantic import Field, PositiveInt

from atlasnet.errors import SpecError
from atlasnet.frozen import Flag, Frozen

__all__ = ["UnitRule", "unit_counts"]


_WORDS = re.compile(r"(\d+) units by cell count \*\* ([\d.e+-]+), at least (\d+)")
"""How a rule reads in a plan's provenance."""


class UnitRule(Frozen):
    """How the units of a network are shared among its areas.

    Raises
    ------
    SpecError
        If a value is out of range or a key is unknown.
    """

    label = "unit rule"

    total: Annotated[PositiveInt, Flag("--units")] = 2048
    """Units of all areas without a map together, exactly."""
    exponent: Annotated[float, Field(ge=0.0)] = 1.0
    """Units go with the cell count to this power: 1 is proportional, 0 is equal."""
    floor: PositiveInt = 32
    """Fewest units of an area."""

    def __str__(self) -> str:
        return (
            f"{self.total} units by cell count ** {self.exponent:g}, at least "
            f"{self.floor}"
        )

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the rule of a plan's provenance; None if the text is no rule.

        Examples
        --------
        >>> UnitRule.read(str(UnitRule(total=1024))).floor
        32
        """
        found = _WORDS.fullmatch(text)
        if found is None:
            return None
        total, exponent, floor = found.groups()
        return cls(total=int(total), exponent=float(exponent), floor=int(floor))


def unit_counts(cell_counts: Mapping[str, float], rule: UnitRule) -> dict[str, int]:
    """Share units among areas by their cell counts.

    Areas whose share is below the floor get the floor, and the rest is shared among
    the others until none of them is below. Fractions go by largest remainder, so that
    the total is exact; ties go to the name that comes first. The arithmetic is exact,
    so the order of the areas does not matter.

    Parameters
    ----------
    cell_counts : mapping of str to float
        Cells of each area, above 0.
    rule : UnitRule
        Total, exponent and floor.

    Returns
    -------
    dict of str to int
        Units of each area, in the order of `cell_counts`.

    Raises
    ------
    SpecError
        If the total is below the sum of the floors, a cell count is not above 0, or the
        exponent is too large for it.

    Examples
    --------
    >>> unit_counts({"V1": 96.0, "4p": 1.0, "3a": 3.0}, UnitRule(total=100, floor=10))
    {'V1': 80, '4p': 10, '3a': 10}
    """
    smallest = rule.floor * len(cell_counts)
    if rule.total < smallest:
        raise SpecError(
            f"{rule.total} units are too few: {len(cell_counts)} areas with a floor "
            f"of {rule.floor} need at least {smallest}. Raise the total or lower the "
            "floor."
        )
    weights = {name: _weight(name, cell_counts[name], rule) for name in cell_counts}
    free = set(weights)
    quotas: dict[str, Fraction] = {}
    while free:
        n_free = rule.total - rule.floor * (len(weights) - len(free))
        total_weight = sum(weights[name] for name in free)
        quotas = {name: n_free * weights[name] / total_weight for name in free}
        below = {name for name, quota in quotas.items() if quota < rule.floor}
        if not below:
            break
        free -= below
    whole = {name: math.floor(quota) for name, quota in quotas.items() if name in free}
    n_left = rule.total - sum(whole.values()) - rule.floor * (len(weights) - len(free))
    by_remainder = sorted(whole, key=lambda name: (whole[name] - quotas[name], name))
    for name in by_remainder[:n_left]:
        whole[name] += 1
    return {name: whole.get(name, rule.floor) for name in weights}


def _weight(name: str, cell_count: float, rule: UnitRule) -> Fraction:
    """Return the weight of an area's claim."""
    if not (math.isfinite(cell_count) and cell_count > 0):
        message = f"The cell count of '{name}' is a number above 0, got"
        raise SpecError(f"{message} {cell_count!r}.")
    # Relative to 1e6 cells, so that no exponent in use overflows.
    try:
        weight = Fraction((cell_count / 1e6) ** rule.exponent)
    except OverflowError:
        weight = Fraction(0)
    if not weight:
        raise SpecError(
            f"The {cell_count:,.0f} cells of '{name}', in millions, to the power of "
            f"{rule.exponent:g} leave the range of numbers. Lower the exponent."
        )
    return weight
