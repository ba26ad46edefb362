# SPDX-License-Identifier: Apache-2.0
"""Area: the activity of one area, by name."""

from typing import Any

import keras
from keras import ops

from atlasnet.plan.spec import MapSpec

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
    layout : MapSpec or dict, optional
        The retinotopic map that the units form.

    Notes
    -----
    ``call(activity)`` passes activity of shape (B, T, n_units) on; in the places of
    the map, shape (B, T, H, W, C), if there is one.
    """

    def __init__(
        self,
        region: str,
        n_units: int,
        layout: MapSpec | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.region = region
        self.n_units = n_units
        self.layout = MapSpec(**layout) if isinstance(layout, dict) else layout

    def call(self, activity: Any) -> Any:
        """Return the activity unchanged, but for its shape."""
        if self.layout is None:
            return activity
        shape = (-1, ops.shape(activity)[1], *self.layout.shape)
        return ops.reshape(activity, shape)

    def compute_output_shape(self, shape: Any) -> Any:
        """Shape of the output."""
        if self.layout is None:
            return shape
        return (*shape[:2], *self.layout.shape)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "region": self.region,
            "n_units": self.n_units,
            "layout": self.layout and self.layout.model_dump(),
        }
