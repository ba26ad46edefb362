# SPDX-License-Identifier: Apache-2.0
"""LearnedSpread: numbers that are learned beside the network."""

from typing import Any

import keras
from keras import ops

__all__ = ["LearnedSpread"]


@keras.saving.register_keras_serializable(package="atlasnet")
class LearnedSpread(keras.layers.Layer):
    """Append numbers that are the same in every state.

    A Gaussian policy's standard deviations are such: learned, but not read from the
    network.

    Parameters
    ----------
    size : int
        How many numbers.
    initial : float
        Their value at the start.

    Notes
    -----
    ``call(x)`` takes an array of shape (B, T, F) and returns one of shape
    (B, T, F + size).
    """

    def __init__(self, size: int, initial: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size
        self.initial = initial

    def build(self, *_: Any) -> None:
        """Make the numbers."""
        self.spread = self.add_weight(
            shape=(self.size,),
            initializer=keras.initializers.Constant(self.initial),
            name="spread",
        )

    def call(self, x: Any) -> Any:
        """Return the input with the numbers appended."""
        spread = ops.ones_like(x[..., :1]) * self.spread
        return ops.concatenate([x, spread], axis=-1)

    def compute_output_shape(self, shape: Any) -> Any:
        """Shape of the output."""
        return (*shape[:-1], shape[-1] + self.size)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "size": self.size, "initial": self.initial}
