# SPDX-License-Identifier: Apache-2.0
"""DecodingPlan: what is asked of a decoding, and with which controls."""

from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from angora_train.analysis.decoding.samples import FoldKind
from angora_train.errors import ConfigError
from atlasnet.frozen import Flag, Frozen

__all__ = ["DecodingPlan"]


class DecodingPlan(Frozen):
    """Lags, folds and controls of a decoding."""

    error: ClassVar[type[Exception]] = ConfigError
    label: ClassVar[str] = "decoding plan"

    first_lag: int = -20
    """First lag in control steps; negative where the target comes first."""
    last_lag: int = 50
    """Last lag in control steps."""
    lag_step: PositiveInt = 2
    """Control steps between lags."""
    folds: int = 5
    """Groups of episodes of the cross-validation, at least 3."""
    fold_kind: FoldKind = "blocks"
    """Folds of neighbouring episodes, or interleaved ones. The latter are for
    recordings that are sorted by what is decoded."""
    baseline: bool = True
    """Also decode from the sensations, and what areas add to them."""
    history: tuple[int, ...] = (0, 1, 2, 4)
    """Ages of the sensations that areas are compared with, in control steps."""
    equal_units: Annotated[int, Field(ge=0)] = 0
    """Units drawn of each area in the comparison of equal numbers; 0 takes those of the
    smallest area."""
    unit_draws: NonNegativeInt = 3
    """Draws of equal numbers of units; 0 leaves the comparison out."""
    null: Annotated[NonNegativeInt, Flag(metavar="N")] = 0
    """Exchanged episodes, and circular shifts, that the score is tested against.
    0 makes no test."""
    null_lags: tuple[int, ...] = (0,)
    """Lags in control steps at which the score is tested."""
    rotation_steps: PositiveInt = 10
    """Control steps over which the target 'rotation' looks ahead."""
    resamples: Annotated[int, Field(ge=100)] = 500
    """Resamples of episodes for the intervals."""
    decoding_seed: NonNegativeInt = 0
    """Seed of units drawn, of nulls and of resamples."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.first_lag > self.last_lag:
            raise ConfigError(
                f"Lags go from the first to the last, got {self.first_lag} to "
                f"{self.last_lag}."
            )
        if self.folds < 3:
            raise ConfigError(
                f"Nested cross-validation needs at least 3 folds, got {self.folds}."
            )
        if min(self.history, default=0) < 0:
            raise ConfigError(
                f"Sensations are compared from now (0) or the past, got {self.history}."
            )
        return self

    @property
    def lags(self) -> NDArray[np.int64]:
        """Lags in control steps, ascending."""
        return np.arange(self.first_lag, self.last_lag + 1, self.lag_step)
