# SPDX-License-Identifier: Apache-2.0
"""ActivityCost: what activity costs a network in training."""

from typing import Any

import keras
from keras import ops

__all__ = ["ActivityCost"]


@keras.saving.register_keras_serializable(package="atlasnet")
class ActivityCost(keras.layers.Layer):
    """The cost of activity at every step: a multiple of its mean square.

    Parameters
    ----------
    weight : float
        The multiple.

    Notes
    -----
    ``call(activity)`` takes shape (B, T, N) and returns shape (B, T, 1).
    """

    def __init__(self, weight: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weight = weight

    def call(self, activity: Any) -> Any:
        """Return the cost of every step."""
        return self.weight * ops.mean(ops.square(activity), axis=-1, keepdims=True)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "weight": self.weight}
