# SPDX-License-Identifier: Apache-2.0
"""MapReadout: what areas without a map see of one."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from atlasnet.plan.spec import MapSpec

__all__ = ["MapReadout"]

_FIRST_TEMPERATURE = 0.1
"""Activity lies within (-1, 1): at 1 all positions would count nearly alike, at 0.1 the
most active ones decide. It is learned; where it starts is ours."""


@keras.saving.register_keras_serializable(package="atlasnet")
class MapReadout(keras.layers.Layer):
    r"""What areas without a map see of one.

    ``flatten`` is every unit. ``spatial_softmax`` is, of every channel, where it is
    active: the mean position with weights

    .. math:: s_{cij} = e^{a_{cij} / \alpha} / \sum_{i'j'} e^{a_{ci'j'} / \alpha}

    with a learned temperature :math:`\alpha` (Levine et al. 2016, JMLR 17(39), section
    4.1). Positions count from -1 (left, top) to 1.

    Parameters
    ----------
    layout : MapSpec or dict
        The map.

    Notes
    -----
    ``call(activity)`` takes shape (B, H, W, C) and returns shape (B, H W C), or
    (B, 2 C): first all horizontal, then all vertical positions.
    """

    def __init__(self, layout: MapSpec | dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layout = MapSpec(**layout) if isinstance(layout, dict) else layout
        rows = np.linspace(-1.0, 1.0, self.layout.height, dtype=np.float32)
        columns = np.linspace(-1.0, 1.0, self.layout.width, dtype=np.float32)
        self._places = np.stack(
            [
                np.tile(columns, self.layout.height),
                np.repeat(rows, self.layout.width),
                np.ones(rows.size * columns.size, np.float32),
            ]
        )

    def build(self, *_: Any) -> None:
        """Make the temperature, if there is one; its logarithm, so it stays above 0."""
        if self.layout.readout == "spatial_softmax":
            self.log_temperature = self.add_weight(
                name="log_temperature",
                shape=(),
                initializer=keras.initializers.Constant(math.log(_FIRST_TEMPERATURE)),
            )
        self.built = True

    def call(self, activity: Any) -> Any:
        """Return the numbers that others see."""
        if self.layout.readout == "flatten":
            return ops.reshape(activity, (-1, self.layout.n_units))
        n_positions = self.layout.height * self.layout.width
        flat = ops.reshape(activity, (-1, n_positions, self.layout.n_channels))
        scaled = flat * ops.exp(-self.log_temperature)
        most = ops.stop_gradient(ops.max(scaled, axis=1, keepdims=True))
        # (3, P) times (B, P, C) is (B, 3, C): weighted places, and the sum of weights.
        places = ops.convert_to_tensor(self._places, flat.dtype)
        sums = ops.matmul(places, ops.exp(scaled - most))
        seen = sums[:, :2] / sums[:, 2:]
        return ops.reshape(seen, (-1, self.layout.readout_size))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "layout": self.layout.model_dump()}
