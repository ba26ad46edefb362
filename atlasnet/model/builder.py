# SPDX-License-Identifier: Apache-2.0
"""From a NetworkSpec to a Keras model."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from atlasnet.errors import SpecError
from atlasnet.layers import (
    NOISE,
    NOISE_SIZE,
    ActivityCost,
    Area,
    AreaCell,
    AreaReadout,
    AreaSplit,
)
from atlasnet.plan.spec import NetworkSpec, ValueSpec
from atlasnet.signature import checked

__all__ = ["build_model"]


@checked(SpecError)
def build_model(spec: NetworkSpec, seed: int = 0) -> keras.Model:
    """Build the network that `spec` describes.

    Parameters
    ----------
    spec : NetworkSpec
        What to build.
    seed : int
        Seed of the initial weights.

    Returns
    -------
    keras.Model
        A functional model over sequences of control steps. Inputs: one per sensation
        by its name, shape (B, T, size), of an image (B, T, H, W, C) between 0 and 1,
        ``auxiliary`` if the value head reads one,
        and ``noise``, shape (B, T, 3), if units are noisy: uniform random numbers
        that all noise follows from, or zeros for none. Outputs: ``policy``, shape
        (B, T, policy_size), the parameters of the action distribution read from the
        action areas; ``value``, shape (B, T, 1); ``activity_cost``, shape (B, T, 1),
        if activity costs something. A wiring cost is among ``model.losses``.
        Every area is a layer :class:`atlasnet.layers.Area` named ``slug(area.name)``
        whose output is the area's activity, shape (B, T, n_units), of a map
        (B, T, H, W, C).

    Raises
    ------
    SpecError
        If a sensation is named like a part of the network.

    Examples
    --------
    >>> from atlasnet.plan.spec import AreaSpec, InputSpec, NetworkSpec, ValueSpec
    >>> spec = NetworkSpec(
    ...     name="reflex",
    ...     control_step_s=0.02,
    ...     areas=(AreaSpec(name="4p left", n_units=8, cell="rate"),),
    ...     pathways=(),
    ...     inputs=(InputSpec(name="touch", size=3, areas=("4p left",)),),
    ...     action_areas=("4p left",),
    ...     policy_size=2,
    ...     value=ValueSpec(areas=("4p left",)),
    ... )
    >>> build_model(spec).get_layer("4p_left").output.shape
    (None, None, 8)
    """
    # Inputs
    _require_free_names(spec)
    inputs = _inputs(spec)
    rows = {name: _row(tensor) for name, tensor in inputs.items()}
    sensed = [rows[entry.name] for entry in spec.inputs]
    sensations = _joined(list(rows.values()), "sensations")
    auxiliary = []
    if spec.value.auxiliary_size:
        auxiliary = [keras.Input((None, spec.value.auxiliary_size), name="auxiliary")]
        inputs["auxiliary"] = auxiliary[0]

    # Areas
    cell = AreaCell(spec, seed=seed, name=spec.name)
    activity = keras.layers.RNN(cell, return_sequences=True, name="areas")(sensations)
    split = AreaSplit([area.n_units for area in spec.areas], name="by_area")(activity)
    areas = [
        Area(area.name, area.n_units, area.map, name=area.layer)(signal)
        for area, signal in zip(spec.areas, split, strict=True)
    ]

    # Costs of training, whose outputs a trainer adds to its loss
    costs = {}
    if spec.activity_cost:
        cost = ActivityCost(spec.activity_cost, name="activity_cost")
        costs["activity_cost"] = cost(activity)

    # Heads
    acting = _joint_activity(spec, spec.action_areas, areas, "action_areas")
    # A small start makes the first policy uniform, or of unit spread (Andrychowicz et
    # al. 2021, arXiv:2006.05990, section 3.2).
    policy = _head(spec.policy_size, 0.01, seed, "policy")(acting)
    seen = _value_inputs(spec, seed, sensed, sensations, areas)
    value = _value(spec.value, seed, _joined([*seen, *auxiliary], "value_inputs"))
    heads = {"policy": policy, "value": value}
    return keras.Model(inputs, {**heads, **costs}, name=spec.name)


_OWN = frozenset(
    f"action_areas activity_cost areas auxiliary by_area {NOISE} policy sensations "
    "value value_areas value_by_area value_inputs value_network".split()
)
"""Names of what every network has, beside its areas."""


def _require_free_names(spec: NetworkSpec) -> None:
    """Refuse sensations that are named like a part of the network."""
    own = _OWN | {area.layer for area in spec.areas}
    for entry in spec.inputs:
        if entry.name in own or not entry.name or "/" in entry.name:
            raise SpecError(
                f"A sensation of a network of areas cannot be called '{entry.name}': "
                "a part of the network is, or the name is empty or has a stroke. Call "
                f"it '{entry.name.replace('/', '_')}_input', for instance."
            )


def _inputs(spec: NetworkSpec) -> dict[str, Any]:
    """Return the inputs that areas hear: sensations, and noise if there is any."""
    inputs = {
        entry.name: keras.Input((None, *entry.shape), name=entry.name)
        for entry in spec.inputs
    }
    if spec.noise_std:
        inputs[NOISE] = keras.Input((None, NOISE_SIZE), name=NOISE)
    return inputs


def _head(size: int, gain: float, seed: int, name: str) -> keras.layers.Layer:
    """Return the last layer of a head, whose first weights have a gain."""
    first = keras.initializers.Orthogonal(gain, seed=seed)
    return keras.layers.Dense(size, kernel_initializer=first, name=name)


def _value_inputs(
    spec: NetworkSpec,
    seed: int,
    sensed: list[Any],
    sensations: Any,
    areas: list[Any],
) -> list[Any]:
    """Return what the value head reads beside the auxiliary input."""
    if spec.value.stem == "plain":
        return sensed
    if spec.value.stem == "copy":
        cell = AreaCell(spec, seed=seed + 1, name=f"value_{spec.name}")
        loop = keras.layers.RNN(cell, return_sequences=True, name="value_network")
        sizes = [area.n_units for area in spec.areas]
        areas = AreaSplit(sizes, name="value_by_area")(loop(sensations))
    return [_joint_activity(spec, spec.value.areas, areas, "value_areas")]


def _value(head: ValueSpec, seed: int, heard: Any) -> Any:
    """Return the value, shape (B, T, 1), of what its head hears."""
    for i, width in enumerate(head.hidden_units, start=1):
        is_memory = head.stem == "plain" and i == len(head.hidden_units)
        heard = _hidden(width, i, seed, is_memory=is_memory)(heard)
    return _head(1, 1.0, seed, "value")(heard)


def _joint_activity(
    spec: NetworkSpec, names: Sequence[str], areas: list[Any], name: str
) -> Any:
    """Return the activity of some areas, joined by a layer of that name."""
    position = {area.name: i for i, area in enumerate(spec.areas)}
    return AreaReadout([position[area] for area in names], name=name)(areas)


def _hidden(width: int, i: int, seed: int, *, is_memory: bool) -> keras.layers.Layer:
    """Return the i-th hidden layer of the value head."""
    kernel = keras.initializers.GlorotUniform(seed=seed + i)
    if is_memory:
        return keras.layers.LSTM(
            width,
            return_sequences=True,
            kernel_initializer=kernel,
            recurrent_initializer=keras.initializers.Orthogonal(seed=seed + i),
            name=f"value_{i}",
        )
    return keras.layers.Dense(
        width, activation="tanh", kernel_initializer=kernel, name=f"value_{i}"
    )


def _row(sensation: Any) -> Any:
    """Return a sensation with the numbers of an image in a row."""
    if len(sensation.shape) == 3:
        return sensation
    size = math.prod(sensation.shape[2:])
    return keras.layers.Reshape((-1, size), name=f"{sensation.name}_row")(sensation)


def _joined(tensors: list[Any], name: str) -> Any:
    """Concatenate along the last axis, if there is more than one tensor."""
    if len(tensors) == 1:
        return tensors[0]
    return keras.layers.Concatenate(axis=-1, name=name)(tensors)
