# SPDX-License-Identifier: Apache-2.0
"""Stream: a Keras model that sees one picture, applied at every control step."""

import math
from typing import Any, Self

import keras
from keras import ops

__all__ = ["Stream"]


@keras.saving.register_keras_serializable(package="atlasnet")
class Stream(keras.layers.Layer):
    """A Keras model that sees one picture, applied at every control step.

    Parameters
    ----------
    stream : keras.Model
        From one sensation, shape (B, ...), to features, shape (B, ...). It is part of
        the layer: its weights are trained unless the layer is frozen. It has no
        memory.

    Notes
    -----
    ``call(sensation)`` takes shape (B, T, ...) and returns features, shape (B, T, F),
    where F counts all numbers that the model returns for one sensation. All steps are
    one batch of the model. It sees the same in training as else, since what an agent
    learns from must be what it acted on: dropout is off, batch normalisation keeps its
    statistics.
    """

    def __init__(self, stream: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stream = stream

    @property
    def n_features(self) -> int:
        """Numbers that the model returns for one sensation."""
        return math.prod(self.stream.output.shape[1:])

    def build(self, *_: Any) -> None:
        """Make nothing: the model is built already."""
        self.built = True

    def call(self, sensation: Any) -> Any:
        """Return the features of every step."""
        shape = ops.shape(sensation)
        one_batch = ops.reshape(sensation, (-1, *sensation.shape[2:]))
        features = self.stream(one_batch, training=False)
        return ops.reshape(features, (-1, shape[1], self.n_features))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> Any:
        """Return (B, T, F)."""
        return *input_shape[:2], self.n_features

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        stream = keras.saving.serialize_keras_object(self.stream)
        return {**super().get_config(), "stream": stream}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the layer of a configuration."""
        stream = keras.saving.deserialize_keras_object(config["stream"])
        return cls(**{**config, "stream": stream})
