# SPDX-License-Identifier: Apache-2.0
"""PlanOptions: what a user may choose about areas and pathways."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError

from atlasnet.errors import SpecError, closest
from atlasnet.spec import Activation, Cell

__all__ = ["PlanOptions"]


class PlanOptions(BaseModel):
    """What a user may choose about areas and pathways; the defaults change nothing.

    Raises
    ------
    SpecError
        If a value is out of range or a key is unknown.

    Examples
    --------
    >>> PlanOptions(cell="gru", cells={"4p": "lstm"}).cells
    {'4p': 'lstm'}
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    cell: Cell | None = None
    """Cell of every area that has a memory by its role; None is ``rate``."""
    cells: Mapping[str, Cell] = Field(default_factory=dict)
    """Cells of single areas, by the name of a region or node, with or without its
    hemisphere."""
    activation: Activation = "tanh"
    """What units make of their drive."""
    time_constant_s: PositiveFloat = 0.02
    """Time constant of ``rate`` units, in s."""

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise SpecError(_explain(error)) from error


def _explain(error: ValidationError) -> str:
    """Return what is wrong with an option, in a sentence."""
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        known = sorted(PlanOptions.model_fields)
        return (
            f"No option '{path[0]}' of a network's plan.{closest(path[0], known)} "
            f"There are: {', '.join(known)}."
        )
    area = f" of the area '{path[1]}'" if path[0] == "cells" and path[1:] else ""
    what = "cell" if area else path[0]
    return f"The option '{what}'{area}: {first['msg']}, got {first['input']!r}."
