# SPDX-License-Identifier: Apache-2.0
"""AreaReadout: the areas that a head reads."""

from typing import Any

import keras
from keras import ops

__all__ = ["AreaReadout"]


@keras.saving.register_keras_serializable(package="atlasnet")
class AreaReadout(keras.layers.Layer):
    """Join the activity of some of a network's areas.

    Parameters
    ----------
    picked : sequence of int
        Positions of the areas that are read.

    Notes
    -----
    ``call(areas)`` takes the activity of all areas, each of shape (B, T, n_units),
    and returns that of the picked ones joined, shape (B, T, sum of n_units). It takes
    all of them so that areas which no head reads belong to the model too.
    """

    def __init__(self, picked: list[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.picked = list(picked)

    def call(self, areas: list[Any]) -> Any:
        """Return the activity of the picked areas, joined."""
        read = [areas[i] for i in self.picked]
        return ops.concatenate(read, axis=-1) if len(read) > 1 else read[0]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "picked": self.picked}
