# SPDX-License-Identifier: Apache-2.0
"""EncodingPlan: how a user's data are predicted from areas."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from angora_train.errors import ConfigError
from atlasnet.frozen import Frozen

__all__ = ["EncodingPlan", "Method"]

Method = Literal["ridge", "pls"]


class EncodingPlan(Frozen):
    """How responses are predicted from areas."""

    error: ClassVar[type[Exception]] = ConfigError
    label: ClassVar[str] = "encoding plan"

    method: Method = "ridge"
    """Ridge regression, or partial least squares. Penalty or number of components are
    chosen in inner folds."""
    lag: int = 0
    """Control steps by which responses are after the activity."""
    folds: Annotated[int, Field(ge=3)] = 5
    """Groups of episodes of the cross-validation, at least 3."""
