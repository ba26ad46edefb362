# SPDX-License-Identifier: Apache-2.0
"""The network that is pretrained: from a picture to features, then to the pose."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from angora_train.config import PretrainingConfig
from angora_train.errors import ConfigError, closest
from atlasnet import AtlasNetError, load_model

__all__ = ["FEATURES", "POSITION", "ROTATION", "convolutional_stream", "pose_network"]

FEATURES = "features"
"""Layer of the default stream that a network of a run reads."""
POSITION = "position_m"
"""Name of the head that tells the place, m, shape (B, 3)."""
ROTATION = "rotation"
"""Name of the head that tells the rotation by six numbers, shape (B, 6)."""

_CONVOLUTIONS = ((32, 5, 2), (64, 3, 2), (64, 3, 2), (128, 3, 2))
"""Filters, width and stride. The sizes are ours; strides replace pooling (Springenberg
et al. 2015, arXiv:1412.6806)."""
_N_FEATURES = 256


def convolutional_stream(shape: Sequence[int], seed: int = 0) -> keras.Model:
    """Build a small convolutional network.

    Parameters
    ----------
    shape : sequence of int
        Height, width and channels of a picture.
    seed : int
        Seed of the initial weights.

    Returns
    -------
    keras.Model
        From pictures ``vision``, shape (B, H, W, C), numbers between 0 and 1, to
        features, shape (B, 256).

    Examples
    --------
    >>> convolutional_stream((84, 84, 3)).output.shape
    (None, 256)
    """
    vision = keras.Input(tuple(shape), name="vision")
    x = vision
    for i, (filters, width, stride) in enumerate(_CONVOLUTIONS, start=1):
        x = keras.layers.Conv2D(
            filters,
            width,
            stride,
            padding="same",
            activation="relu",
            kernel_initializer=keras.initializers.HeNormal(seed=seed + i),
            name=f"conv_{i}",
        )(x)
    x = keras.layers.Flatten(name="flat")(x)
    features = keras.layers.Dense(
        _N_FEATURES,
        activation="relu",
        kernel_initializer=keras.initializers.HeNormal(seed=seed),
        name=FEATURES,
    )(x)
    return keras.Model(vision, features, name="vision_stream")


def pose_network(
    config: PretrainingConfig,
    position_m: NDArray[np.floating],
) -> keras.Model:
    """Build the network that tells the cube's pose from a picture.

    Parameters
    ----------
    config : PretrainingConfig
        Size of the pictures, and which network.
    position_m : ndarray, shape (n, 3)
        Places to be learned: their mean and standard deviation are built in.

    Returns
    -------
    keras.Model
        From ``vision``, shape (B, H, W, C), numbers between 0 and 1, to a dict of
        :data:`POSITION` and :data:`ROTATION`; the stream's layers are its own.

    Raises
    ------
    ConfigError
        If the network cannot be read, or reads something else than these pictures.
    """
    shape = (config.height_px, config.width_px, 3 * config.n_cameras)
    if config.network is None:
        stream = convolutional_stream(shape, config.seed)
    else:
        stream = _given(config.network, config.features, shape)
    read = stream.output
    if len(read.shape) > 2:
        read = keras.layers.Flatten(name="pose_input")(read)
    mean = [float(x) for x in np.mean(position_m, axis=0)]
    spread = [max(float(x), 1e-6) for x in np.std(position_m, axis=0)]
    place = _head(3, "position", config.seed)(read)
    heads = {
        POSITION: keras.layers.Rescaling(spread, mean, name=POSITION)(place),
        ROTATION: _head(6, ROTATION, config.seed + 1)(read),
    }
    return keras.Model(stream.input, heads, name="pose")


def _head(width: int, name: str, seed: int) -> keras.layers.Layer:
    """Return a linear head; not of zeros, as six zeros are no rotation."""
    return keras.layers.Dense(
        width,
        kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
        name=name,
    )


def _given(path: Path, layer: str | None, shape: tuple[int, ...]) -> keras.Model:
    """Return a user's network up to the layer that is to be read."""
    try:
        model = load_model(path)
    except AtlasNetError as error:
        raise ConfigError(f"network: {error}") from error
    inputs: list[Any] = getattr(model, "inputs", None) or []
    if len(inputs) != 1 or tuple(inputs[0].shape[1:]) != shape:
        got = ", ".join(str(tuple(x.shape[1:])) for x in inputs) or "no inputs"
        raise ConfigError(
            f"network: '{path}' reads {got}; it must read one picture of {shape}. Set "
            "height_px, width_px and n_cameras to what it reads."
        )
    if layer is None:
        output = model.output
        if isinstance(output, dict | list | tuple):
            raise ConfigError(
                f"network: '{path}' has several outputs. Name the layer that is to be "
                "read as features."
            )
        return keras.Model(inputs[0], output)
    names = [own.name for own in model.layers]
    if layer not in names:
        raise ConfigError(
            f"features: '{path}' has no layer '{layer}'.{closest(layer, names)} "
            f"Layers: {', '.join(names)}."
        )
    return keras.Model(inputs[0], model.get_layer(layer).output)
