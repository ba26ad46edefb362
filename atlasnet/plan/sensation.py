# SPDX-License-Identifier: Apache-2.0
"""InputSpec: a sensation, a vector or an image, and the areas that it enters."""

import math
from typing import Annotated, Any, Self

from pydantic import Field, PositiveInt, model_validator

from atlasnet.errors import SpecError
from atlasnet.frozen import Frozen

__all__ = ["ImageSpec", "InputSpec"]


class ImageSpec(Frozen):
    """The shape of an image; the numbers lie between 0 and 1."""

    height_px: PositiveInt
    width_px: PositiveInt
    n_channels: PositiveInt
    """Three a camera: red, green and blue."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.height_px, self.width_px, self.n_channels

    def __str__(self) -> str:
        return " x ".join(map(str, self.shape))


class InputSpec(Frozen):
    """A sensation and the areas that it enters: a vector, or an image.

    A vector enters areas without a map, an image areas with one.
    """

    name: str
    size: Annotated[int, Field(ge=1)] = 0
    """Numbers per control step; of an image it follows from its shape."""
    areas: Annotated[tuple[str, ...], Field(min_length=1)]
    image: ImageSpec | None = None
    """Shape of an image; None for a vector."""

    @model_validator(mode="before")
    @classmethod
    def _count(cls, data: Any) -> Any:
        """Fill in the size of an image."""
        if isinstance(data, dict) and "size" not in data:
            image = data.get("image")
            shape = image if isinstance(image, ImageSpec) else None
            if isinstance(image, dict):
                shape = ImageSpec(**image)
            return {**data, "size": math.prod(shape.shape) if shape else 0}
        return data

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        if self.image is not None and self.size != math.prod(self.image.shape):
            raise SpecError(
                f"The sensation '{self.name}' is an image of {self.image}, which is "
                f"not {self.size} numbers."
            )
        return self

    @property
    def is_pose(self) -> bool:
        """Whether it is called vision and is no picture, but numbers such as a pose."""
        return self.name == "vision" and self.image is None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what is sensed in a control step: (size,), or (H, W, C)."""
        return self.image.shape if self.image is not None else (self.size,)
