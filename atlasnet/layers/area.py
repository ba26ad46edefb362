# SPDX-License-Identifier: Apache-2.0
"""Area: the activity of one area, by name."""

from typing import Any

import keras

__all__ = ["Area"]


@keras.saving.register_keras_serializable(package="atlasnet")
class Area(keras.layers.Layer):
    """The activity of one area: its name in the model, and the place to read it.

    Parameters
    ----------
    region : str
        Name of the region in the graph; the layer's own name is its slug.
    n_units : int
        Units of the area.

    Notes
    -----
    ``call(activity)`` passes activity of shape (B, T, n_units) on.
    """

    def __init__(self, region: str, n_units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.region = region
        self.n_units = n_units

    def call(self, activity: Any) -> Any:
        """Return the activity unchanged."""
        return activity

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "region": self.region,
            "n_units": self.n_units,
        }
