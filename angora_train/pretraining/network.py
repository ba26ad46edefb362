# SPDX-License-Identifier: Apache-2.0
"""The network that is pretrained: from a picture to features, then to the pose."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from angora_train.config.run import PretrainingConfig
from angora_train.config.settings import said_of
from angora_train.errors import ConfigError, closest
from atlasnet import NetworkSpec, load_model, rewire, spec_of

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
    config: PretrainingConfig, position_m: NDArray[np.floating]
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
    read = _joined(stream.output)
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
        width, kernel_initializer=keras.initializers.GlorotUniform(seed=seed), name=name
    )


def _joined(output: Any) -> Any:
    """Return one or several outputs as one vector each picture."""
    if not isinstance(output, Mapping):
        return output if len(output.shape) == 2 else keras.layers.Flatten()(output)
    flat = [keras.layers.Flatten()(x) for x in output.values()]
    return flat[0] if len(flat) == 1 else keras.layers.Concatenate()(flat)


def _given(path: Path, layers: Sequence[str], shape: tuple[int, ...]) -> keras.Model:
    """Return a user's network up to the layers that are to be read."""
    with said_of("network"):
        model = load_model(path)
    spec = spec_of(model)
    if spec is not None:
        return _areas(model, spec, path, layers, shape)
    inputs: list[Any] = getattr(model, "inputs", None) or []
    if len(inputs) != 1 or tuple(inputs[0].shape[1:]) != shape:
        raise _misfit(path, inputs, shape)
    if layers:
        return keras.Model(inputs[0], _outputs(model, path, layers))
    if isinstance(model.output, dict | list | tuple):
        raise ConfigError(
            f"network: '{path}' has several outputs. Name the layers that are to be "
            "read as features."
        )
    return keras.Model(inputs[0], model.output)


def _areas(
    model: keras.Model,
    spec: NetworkSpec,
    path: Path,
    areas: Sequence[str],
    shape: tuple[int, ...],
) -> keras.Model:
    """Return a network of areas as it sees one picture, and senses nothing else."""
    inputs = {x.name: x for x in model.inputs}
    eyes = [name for name, x in inputs.items() if tuple(x.shape[2:]) == shape]
    if len(eyes) != 1:
        raise _misfit(path, list(inputs.values()), shape)
    maps = {area.name for area in spec.areas if area.map is not None}
    inner = {
        p.source
        for p in spec.pathways
        if p.timing == "same_step" and {p.source, p.target} <= maps
    }
    ends = [area.name for area in spec.areas if area.name in maps - inner]
    layer_of = {area.name: area.layer for area in spec.areas}
    wanted = [layer_of.get(name, name) for name in areas or ends]
    read = keras.Model(inputs, _outputs(model, path, wanted))
    picture = keras.Input(shape, name=eyes[0])
    seen = keras.layers.Reshape((1, *shape), name="one_step")(picture)
    fed = [
        seen if x.name == eyes[0] else _silence(picture, x.shape[-1], x.name)
        for x in read.inputs
    ]
    return keras.Model(picture, rewire(read, fed))


def _silence(picture: Any, size: int, name: str) -> Any:
    """Return zeros of shape (B, 1, size), by layers that every Keras can read."""
    layers = keras.layers
    x = layers.GlobalMaxPooling2D(name=f"{name}_of_no_picture")(picture)
    x = layers.Rescaling(0.0, name=f"{name}_zero")(x)
    x = layers.RepeatVector(size, name=f"{name}_zeros")(x)
    x = layers.GlobalMaxPooling1D("channels_first", name=f"{name}_silent")(x)
    return layers.Reshape((1, size), name=f"{name}_one_step")(x)


def _outputs(model: keras.Model, path: Path, layers: Sequence[str]) -> dict[str, Any]:
    """Return the outputs of layers by name."""
    names = [own.name for own in model.layers]
    for layer in layers:
        if layer not in names:
            raise ConfigError(
                f"features: '{path}' has no layer '{layer}'.{closest(layer, names)} "
                f"Layers: {', '.join(names)}."
            )
    return {layer: model.get_layer(layer).output for layer in layers}


def _misfit(path: Path, inputs: Sequence[Any], shape: tuple[int, ...]) -> ConfigError:
    """Return the error of a network that reads something else than the pictures."""
    got = ", ".join(str(tuple(x.shape[1:])) for x in inputs) or "no inputs"
    return ConfigError(
        f"network: '{path}' reads {got}; it must read one picture of {shape}. Set "
        "height_px, width_px and n_cameras to what it reads."
    )
