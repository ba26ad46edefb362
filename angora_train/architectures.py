# SPDX-License-Identifier: Apache-2.0
"""Plain networks: what the atlas's networks are compared with.

All sensations are joined, pixels after two convolutions; policy and value have layers
of their own, or share them. The value alone reads ``auxiliary``, as it does in the
atlas's networks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

from angora_train.errors import ConfigError, closest

__all__ = ["Architecture", "architecture_names", "build_architecture"]

Cell = Literal["none", "rnn", "gru", "lstm"]

_AUXILIARY = "auxiliary"


@dataclass(frozen=True)
class Architecture:
    """Widths of a network's layers.

    Attributes
    ----------
    dense : tuple of int
        Units of the dense layers, from the input on.
    activation : str
        Their activation.
    last : int
        Units of the layer before the heads: recurrent, or dense if there is no cell.
    """

    dense: tuple[int, ...]
    activation: str
    last: int


_ARCHITECTURES: dict[str, Architecture] = {
    # Two layers of 64, as of the first PPO (Schulman et al. 2017, section 6.1).
    "simple": Architecture((64,), "tanh", 64),
    # The predecessor's (Weidler et al. 2023): 64-64-64-32, and as wide a cell.
    "deeper": Architecture((64, 64, 64), "tanh", 32),
    # Dense 1024 and LSTM 512 (Andrychowicz et al. 2020, appendix C.1).
    "wide": Architecture((1024,), "relu", 512),
}


def architecture_names() -> tuple[str, ...]:
    """List the plain networks, sorted.

    Examples
    --------
    >>> architecture_names()
    ('deeper', 'simple', 'wide')
    """
    return tuple(sorted(_ARCHITECTURES))


def build_architecture(
    name: str,
    shapes: Mapping[str, Sequence[int]],
    policy_size: int,
    *,
    cell: Cell = "lstm",
    shared: bool = False,
    seed: int = 0,
) -> keras.Model:
    """Build a plain network.

    Parameters
    ----------
    name : str
        One of `architecture_names`.
    shapes : mapping of str to sequence of int
        Shape of each sensation: (size,), or (H, W, C) for pixels.
    policy_size : int
        Width of the policy head.
    cell : {"none", "rnn", "gru", "lstm"}
        Recurrent layer before the heads.
    shared : bool
        Whether policy and value share all layers but their heads; ``auxiliary`` then
        enters at the value head.
    seed : int
        Seed of the initial weights.

    Returns
    -------
    keras.Model
        A functional model: a dict of sensations in, each of shape (B, T, ...);
        ``policy``, shape (B, T, policy_size), and ``value``, shape (B, T, 1), out.

    Raises
    ------
    ConfigError
        If there is no such network, or no sensation but ``auxiliary``.

    Examples
    --------
    >>> model = build_architecture("simple", {"touch": (3,)}, 4, cell="gru")
    >>> sorted(layer.name for layer in model.layers if "gru" in layer.name)
    ['policy_gru', 'value_gru']
    """
    if name not in _ARCHITECTURES:
        raise ConfigError(
            f"There is no architecture '{name}'.{closest(name, _ARCHITECTURES)} "
            f"Allowed: {', '.join(architecture_names())}."
        )
    inputs = {
        sensation: keras.Input((None, *shape), name=sensation)
        for sensation, shape in shapes.items()
    }
    seen = [inputs[sensation] for sensation in inputs if sensation != _AUXILIARY]
    if not seen:
        raise ConfigError("The network has no sensation that the policy may read.")
    privileged = [inputs[_AUXILIARY]] if _AUXILIARY in inputs else []
    widths, seeds = _ARCHITECTURES[name], _Seeds(seed)

    if shared:
        stem = _stem("shared", widths, cell, seeds)(seen)
        policy, value = stem, _joined([stem, *privileged])
    else:
        policy = _stem("policy", widths, cell, seeds)(seen)
        value = _stem("value", widths, cell, seeds)([*seen, *privileged])

    heads = {
        # A small start makes the first policy uniform, or of unit spread
        # (Andrychowicz et al. 2021, arXiv:2006.05990, section 3.2).
        "policy": _dense(policy_size, None, "policy", seeds, gain=0.01)(policy),
        "value": _dense(1, None, "value", seeds, gain=1.0)(value),
    }
    return keras.Model(inputs, heads, name=name)


class _Seeds:
    """Gives every layer a seed of its own, from the network's."""

    def __init__(self, seed: int) -> None:
        self._sequence = np.random.SeedSequence(seed)

    def next(self) -> int:
        """Return the next seed."""
        return int(self._sequence.spawn(1)[0].generate_state(1)[0] >> 1)


def _dense(
    units: int, activation: str | None, name: str, seeds: _Seeds, gain: float
) -> keras.layers.Layer:
    """Return a dense layer with orthogonal weights."""
    return keras.layers.Dense(
        units,
        activation=activation,
        kernel_initializer=keras.initializers.Orthogonal(gain, seed=seeds.next()),
        name=name,
    )


def _stem(name: str, widths: Architecture, cell: Cell, seeds: _Seeds) -> Any:
    """Return what turns sensations into what a head reads."""
    # The gain that keeps the variance (Saxe et al. 2014, arXiv:1312.6120).
    gain = 2.0**0.5 if widths.activation == "relu" else 5.0 / 3.0

    def through(sensations: list[Any]) -> Any:
        x = _joined([_vector(s, name, seeds) for s in sensations])
        for i, units in enumerate(widths.dense, start=1):
            layer = _dense(units, widths.activation, f"{name}_{i}", seeds, gain)
            x = layer(x)
        if cell == "none":
            last = f"{name}_{len(widths.dense) + 1}"
            return _dense(widths.last, widths.activation, last, seeds, gain)(x)
        layers = {
            "rnn": keras.layers.SimpleRNN,
            "gru": keras.layers.GRU,
            "lstm": keras.layers.LSTM,
        }
        return layers[cell](
            widths.last,
            return_sequences=True,
            kernel_initializer=keras.initializers.GlorotUniform(seed=seeds.next()),
            recurrent_initializer=keras.initializers.Orthogonal(seed=seeds.next()),
            name=f"{name}_{cell}",
        )(x)

    return through


def _vector(sensation: Any, name: str, seeds: _Seeds) -> Any:
    """Return a sensation as vectors; pixels through two strided convolutions."""
    if len(sensation.shape) == 3:
        return sensation
    x, prefix = sensation, f"{name}_{sensation.name}"
    # As in the networks that first played Atari (Mnih et al. 2013, arXiv:1312.5602).
    for i, (filters, width, stride) in enumerate(((16, 8, 4), (32, 4, 2)), start=1):
        x = keras.layers.TimeDistributed(
            keras.layers.Conv2D(
                filters,
                width,
                stride,
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(seed=seeds.next()),
            ),
            name=f"{prefix}_conv_{i}",
        )(x)
    return keras.layers.TimeDistributed(keras.layers.Flatten(), name=f"{prefix}_flat")(
        x
    )


def _joined(tensors: list[Any]) -> Any:
    """Concatenate along the last axis, if there is more than one tensor."""
    if len(tensors) == 1:
        return tensors[0]
    return keras.layers.Concatenate(axis=-1)(tensors)
