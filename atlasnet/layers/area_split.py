# SPDX-License-Identifier: Apache-2.0
"""AreaSplit: from the activity of the whole network to that of its areas."""

from typing import Any

import keras

from atlasnet.layers.parts import split

__all__ = ["AreaSplit"]


@keras.saving.register_keras_serializable(package="atlasnet")
class AreaSplit(keras.layers.Layer):
    """Split the activity of the whole network into that of its areas.

    Parameters
    ----------
    sizes : sequence of int
        Units of each area.

    Notes
    -----
    ``call(activity)`` takes shape (B, T, N) and returns one tensor of shape
    (B, T, n_units) per area. One split for all areas: its gradient is one
    concatenation, where a slice per area would write a full-size tensor each.
    """

    def __init__(self, sizes: list[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sizes = list(sizes)

    def call(self, activity: Any) -> list[Any]:
        """Return the activity of each area."""
        return split(activity, self.sizes, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "sizes": self.sizes}
