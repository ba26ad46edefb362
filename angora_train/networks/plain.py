# SPDX-License-Identifier: Apache-2.0
"""Plain networks: what the atlas's networks are compared with.

All sensations are joined, pixels after convolutions; policy and value have layers
of their own, or share them. The value alone reads ``auxiliary``, as it does in the
atlas's networks.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from angora_train.agent.inputs import input_name
from angora_train.config.architecture import (
    Architecture,
    architecture_names,
    load_architecture,
)
from angora_train.errors import ConfigError

__all__ = [
    "Architecture",
    "Match",
    "architecture_names",
    "build_architecture",
    "count_parameters",
    "match_parameters",
]

Cell = Literal["none", "rnn", "gru", "lstm"]

_AUXILIARY = "auxiliary"
_TOLERANCE = 0.01
"""Largest deviation from a wanted number of parameters, as a share of it."""
_NEIGHBOURS = 4
"""Units by which widths are varied about the scaled ones, to come nearer."""
_WIDEST = 2**16


def build_architecture(
    name: str,
    shapes: Mapping[str, Sequence[int]],
    policy_size: int,
    *,
    cell: Cell = "lstm",
    shared: bool = False,
    seed: int = 0,
    widths: Architecture | None = None,
) -> keras.Model:
    """Build a plain network.

    Parameters
    ----------
    name : str
        One of `architecture_names`, or the path of an `Architecture` in YAML.
    shapes : mapping of str to sequence of int
        Shape of each sensation: (size,), or (H, W, C) for pixels.
    policy_size : int
        Width of the policy head.
    cell : {"none", "rnn", "gru", "lstm"}
        Recurrent layer before the heads.
    shared : bool
        Whether policy and value share all layers but their heads.
    seed : int
        Seed of the initial weights.
    widths : Architecture, optional
        Widths, where they are not the network's own; see :func:`match_parameters`.

    Returns
    -------
    keras.Model
        A functional model: a dict of sensations in, each of shape (B, T, ...);
        ``policy``, shape (B, T, policy_size), and ``value``, shape (B, T, 1), out.

    Raises
    ------
    ConfigError
        If there is no such network, or it cannot read these sensations.

    Examples
    --------
    >>> model = build_architecture("simple", {"touch": (3,)}, 4, cell="gru")
    >>> sorted(layer.name for layer in model.layers if "gru" in layer.name)
    ['policy_gru', 'value_gru']
    """
    widths, seeds = widths or load_architecture(name), _Seeds(seed)
    _require_readable(shapes, widths)
    inputs = {
        sensation: keras.Input((None, *shape), name=input_name(sensation))
        for sensation, shape in shapes.items()
    }
    policy, value = _stems(inputs, widths, cell, shared, seeds)
    heads = {
        # A small start makes the first policy uniform, or of unit spread
        # (Andrychowicz et al. 2021, arXiv:2006.05990, section 3.2).
        "policy": _dense(policy_size, None, "policy", seeds, gain=0.01)(policy),
        "value": _dense(1, None, "value", seeds, gain=1.0)(value),
    }
    by_name = {tensor.name: tensor for tensor in inputs.values()}
    return keras.Model(by_name, heads, name=Path(name).stem)


@dataclass(frozen=True)
class Match:
    """A plain network with about as many parameters as wanted.

    Attributes
    ----------
    widths : Architecture
        Its layers.
    n_parameters, n_wanted : int
        What it has, and what was wanted.
    """

    widths: Architecture
    n_parameters: int
    n_wanted: int

    @property
    def deviation(self) -> float:
        """How many more parameters it has, as a share of what was wanted."""
        return self.n_parameters / self.n_wanted - 1.0


def match_parameters(
    name: str,
    shapes: Mapping[str, Sequence[int]],
    policy_size: int,
    n_wanted: int,
    *,
    cell: Cell = "lstm",
    shared: bool = False,
) -> Match:
    """Scale a plain network to a number of parameters.

    All layers are scaled by one factor, found by bisection; then the last layer and the
    others are varied by a few units each, to come nearer.

    Parameters
    ----------
    name, shapes, policy_size, cell, shared
        As of :func:`build_architecture`.
    n_wanted : int
        Parameters that are wanted.

    Returns
    -------
    Match
        The widths, and how many parameters they make.

    Raises
    ------
    ConfigError
        If the number cannot be met within 1 %.

    Examples
    --------
    >>> found = match_parameters("wide", {"touch": (92,)}, 220, 2_000_000)
    >>> abs(found.deviation) < 0.01
    True
    """
    own = load_architecture(name)

    def count(widths: Architecture) -> int:
        return count_parameters(widths, shapes, policy_size, cell=cell, shared=shared)

    best = min(_near(own, count, n_wanted), key=lambda w: abs(count(w) - n_wanted))
    found = Match(best, count(best), n_wanted)
    if abs(found.deviation) > _TOLERANCE:
        raise ConfigError(
            f"The architecture '{name}' cannot have {n_wanted:,} parameters within "
            f"{_TOLERANCE:.0%}: the nearest is {found.n_parameters:,} "
            f"({found.deviation:+.1%}), with dense layers of "
            f"{', '.join(map(str, best.dense))} and a last one of {best.last}."
        )
    return found


def _near(
    own: Architecture, count: Callable[[Architecture], int], n_wanted: int
) -> Iterator[Architecture]:
    """Yield widths of about as many parameters as wanted, those just scaled first."""
    low, high = 0.0, _WIDEST / max(*own.dense, own.last)
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        if count(_scaled(own, middle)) < n_wanted:
            low = middle
        else:
            high = middle
    yield _scaled(own, high)
    steps = range(-_NEIGHBOURS, _NEIGHBOURS + 1)
    yield from (_scaled(own, high, d, last) for d in steps for last in steps)


def count_parameters(
    widths: Architecture,
    shapes: Mapping[str, Sequence[int]],
    policy_size: int,
    *,
    cell: Cell = "lstm",
    shared: bool = False,
) -> int:
    """Count a plain network's parameters without building it.

    Parameters
    ----------
    widths : Architecture
        Its layers.
    shapes, policy_size, cell, shared
        As of :func:`build_architecture`.

    Returns
    -------
    int
        Weights and biases of all layers.

    Examples
    --------
    A dense layer of 4 x 64 weights, an LSTM of 4 x 64 x (64 + 64 + 1), twice, and heads
    of 65 weights each.

    >>> simple = load_architecture("simple")
    >>> count_parameters(simple, {"touch": (3,)}, 1)
    66690
    """
    _require_readable(shapes, widths)
    seen = {name: shape for name, shape in shapes.items() if name != _AUXILIARY}
    vectors = [_vector_size(shape, widths) for shape in seen.values()]
    n_seen = sum(size for size, _ in vectors)
    n_convolved = sum(n for _, n in vectors)
    n_privileged = math.prod(shapes.get(_AUXILIARY, (0,)))

    def stem(n_inputs: int) -> int:
        n_weights, x = n_convolved, n_inputs
        for units in widths.dense:
            n_weights, x = n_weights + (x + 1) * units, units
        u = widths.last
        last: dict[str, int] = {
            "none": (x + 1) * u,
            "rnn": (x + u + 1) * u,
            "gru": 3 * (x + u + 2) * u,  # Keras keeps two biases
            "lstm": 4 * (x + u + 1) * u,
        }
        return n_weights + last[cell]

    policy_head = (widths.last + 1) * policy_size
    if shared:
        return stem(n_seen) + policy_head + widths.last + n_privileged + 1
    both = stem(n_seen) + stem(n_seen + n_privileged)
    return both + policy_head + widths.last + 1


def _require_readable(
    shapes: Mapping[str, Sequence[int]], widths: Architecture
) -> None:
    """Refuse networks whose policy would read nothing, and pixels that do not fit."""
    if not set(shapes) - {_AUXILIARY}:
        raise ConfigError("The network has no sensation that the policy may read.")
    for sensation, shape in shapes.items():
        if len(shape) != 3:
            continue
        told = f"'{sensation}' is an image of {shape[0]} x {shape[1]} pixels"
        if not widths.convolutions:
            raise ConfigError(
                f"{told}, but the architecture has no convolutions. Copy those of "
                "angora_train/presets/networks/simple.yaml into yours."
            )
        if min(_image_shapes(shape, widths)[-1]) < 1:
            raise ConfigError(
                f"{told}, too few for the architecture's convolutions: nothing is "
                "left behind the last. Make their widths or strides smaller."
            )


def _scaled(
    own: Architecture, factor: float, more_dense: int = 0, more_last: int = 0
) -> Architecture:
    """Return widths times a factor, and some units more."""

    def times(units: int, more: int) -> int:
        return max(1, round(factor * units) + more)

    dense = tuple(times(units, more_dense) for units in own.dense)
    return own.model_copy(update={"dense": dense, "last": times(own.last, more_last)})


def _image_shapes(
    shape: Sequence[int], widths: Architecture
) -> list[tuple[int, int, int]]:
    """Return an image's shape before the convolutions and behind each."""
    height, width, channels = (int(n) for n in shape)
    found = [(height, width, channels)]
    for layer in widths.convolutions:
        height, width = (
            (n - layer.width_px) // layer.stride_px + 1 for n in (height, width)
        )
        found.append((height, width, layer.n_filters))
    return found


def _vector_size(shape: Sequence[int], widths: Architecture) -> tuple[int, int]:
    """Return a sensation's size as a vector, and the weights that make it one."""
    if len(shape) == 1:
        return int(shape[0]), 0
    shapes = _image_shapes(shape, widths)
    n_weights = sum(
        (layer.width_px**2 * read[2] + 1) * layer.n_filters
        for layer, read in zip(widths.convolutions, shapes, strict=False)
    )
    return math.prod(shapes[-1]), n_weights


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


def _stems(
    inputs: Mapping[str, Any],
    widths: Architecture,
    cell: Cell,
    shared: bool,
    seeds: _Seeds,
) -> tuple[Any, Any]:
    """Return what the policy head and the value head read."""
    seen = [inputs[sensation] for sensation in inputs if sensation != _AUXILIARY]
    privileged = [inputs[_AUXILIARY]] if _AUXILIARY in inputs else []
    if shared:
        stem = _stem("shared", widths, cell, seeds)(seen)
        return stem, _joined([stem, *privileged])
    policy = _stem("policy", widths, cell, seeds)(seen)
    return policy, _stem("value", widths, cell, seeds)([*seen, *privileged])


def _stem(name: str, widths: Architecture, cell: Cell, seeds: _Seeds) -> Any:
    """Return what turns sensations into what a head reads."""
    # The gain that keeps the variance (Saxe et al. 2014, arXiv:1312.6120); smooth
    # relatives of the rectifier are taken for one (ours).
    gain = 5.0 / 3.0 if widths.activation == "tanh" else 2.0**0.5

    def through(sensations: list[Any]) -> Any:
        x = _joined([_vector(s, name, widths, seeds) for s in sensations])
        n_dense = (*widths.dense, *([widths.last] if cell == "none" else []))
        for i, units in enumerate(n_dense, start=1):
            if not widths.layer_norm:
                x = _dense(units, widths.activation, f"{name}_{i}", seeds, gain)(x)
                continue
            x = _dense(units, None, f"{name}_{i}", seeds, gain)(x)
            x = keras.layers.LayerNormalization(
                center=False, scale=False, name=f"{name}_{i}_norm"
            )(x)
            x = keras.layers.Activation(widths.activation, name=f"{name}_{i}_units")(x)
        if cell == "none":
            return x
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


def _vector(sensation: Any, name: str, widths: Architecture, seeds: _Seeds) -> Any:
    """Return a sensation as vectors; pixels through the convolutions."""
    if len(sensation.shape) == 3:
        return sensation
    x, prefix = sensation, f"{name}_{sensation.name}"
    for i, layer in enumerate(widths.convolutions, start=1):
        x = keras.layers.TimeDistributed(
            keras.layers.Conv2D(
                layer.n_filters,
                layer.width_px,
                layer.stride_px,
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
