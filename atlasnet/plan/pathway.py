# SPDX-License-Identifier: Apache-2.0
"""PathwaySpec: a directed pathway between two areas, and when it arrives."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from atlasnet.errors import SpecError
from atlasnet.frozen import Frozen
from atlasnet.graph.direction import Direction

__all__ = ["PathwaySpec", "StrengthUse", "Timing"]

StrengthUse = Literal["initial", "fixed", "trainable"]
Timing = Literal["same_step", "previous_step"]

# Words of files of before December 2026.
_OLDER_TIMINGS = {"feedforward": "same_step", "feedback": "previous_step"}


class PathwaySpec(Frozen):
    """A directed pathway between two areas, all to all."""

    source: str
    target: str
    timing: Timing
    """``same_step`` acts within the control step, ``previous_step`` carries the
    activity of the step before: feedback, lateral, and what would close a cycle."""
    direction: Direction
    """Direction class of the edge in the graph."""
    direction_rule: str
    """Which rule decided the direction class."""
    streamline_count: NonNegativeFloat | None = None
    length_mm: NonNegativeFloat | None = None
    kernel_size: PositiveInt | None = None
    """Of a pathway between two maps: side of its kernel, in positions of the source;
    None for what :meth:`MapSpec.kernel_from` says."""
    delay_steps: Annotated[int, Field(ge=0)] | None = None
    """Control steps that activity takes to arrive; None is 0 for ``same_step``
    and 1 for ``previous_step``, which cannot be faster."""
    strength: PositiveFloat = 1.0
    """Amplitude of the pathway's part in the target's drive; 1 is an even share."""
    strength_use: StrengthUse = "initial"
    """``initial``: only the first weights have this amplitude; ``fixed``: it stays a
    factor of the weights; ``trainable``: it is a factor that training changes."""

    @classmethod
    def _label(cls, data: Mapping[str, Any]) -> str:
        return f"pathway {data.get('source')} -> {data.get('target')}"

    @field_validator("timing", mode="before")
    @classmethod
    def _in_words_of_today(cls, timing: object) -> object:
        """Read a timing of an older file too."""
        return _OLDER_TIMINGS.get(timing, timing) if isinstance(timing, str) else timing

    @property
    def lag(self) -> int:
        """Control steps that activity takes to arrive."""
        if self.delay_steps is None:
            return 0 if self.timing == "same_step" else 1
        return self.delay_steps

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.timing == "previous_step" and self.lag == 0:
            raise SpecError(
                f"The pathway {self.source} -> {self.target} of timing previous_step "
                "cannot have a delay of 0 steps: it arrives 1 step later, or more."
            )
        return self
