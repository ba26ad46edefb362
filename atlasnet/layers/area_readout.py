# SPDX-License-Identifier: Apache-2.0
"""AreaReadout: the areas that a head reads."""

import math
from typing import Any

import keras
from keras import ops

from atlasnet.layers.parts import joined

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
    ``call(areas)`` takes the activity of all areas, each of shape (B, T, n_units) or
    (B, T, H, W, C), and returns that of the picked ones joined, every unit of them,
    shape (B, T, sum of n_units). It takes all of them so that areas which no head
    reads belong to the model too.
    """

    def __init__(self, picked: list[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.picked = list(picked)

    def call(self, areas: list[Any]) -> Any:
        """Return the activity of the picked areas, joined."""
        return joined([_flat(areas[i]) for i in self.picked], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "picked": self.picked}


def _flat(activity: Any) -> Any:
    """Return activity with the units of a map in a row."""
    if len(activity.shape) == 3:
        return activity
    n_units = math.prod(activity.shape[2:])
    return ops.reshape(activity, (-1, ops.shape(activity)[1], n_units))
