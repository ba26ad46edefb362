# SPDX-License-Identifier: Apache-2.0
"""From a NetworkSpec to a Keras model."""

from typing import Any

import keras

from atlasnet.layers import Area, AreaCell, AreaReadout, AreaSplit
from atlasnet.spec import NetworkSpec

__all__ = ["build_model"]


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
        by its name, shape (B, T, size), and ``auxiliary`` if the value head reads
        one. Outputs: ``policy``, shape (B, T, policy_size), the parameters of the
        action distribution read from the action areas; ``value``, shape (B, T, 1).
        Every area is a layer :class:`atlasnet.layers.Area` named ``slug(area.name)``
        whose output is the area's activity, shape (B, T, n_units).

    Examples
    --------
    >>> from atlasnet.spec import AreaSpec, InputSpec, NetworkSpec, ValueSpec
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
    inputs = {
        entry.name: keras.Input((None, *entry.shape), name=entry.name)
        for entry in spec.inputs
    }
    auxiliary: list[Any] = []
    vectors = [
        inputs[entry.name]
        if entry.image is None
        else keras.layers.Reshape((-1, entry.size), name=f"{entry.name}_pixels")(
            inputs[entry.name]
        )
        for entry in spec.inputs
    ]
    sensations = _joined(vectors, "sensations")
    if spec.value.auxiliary_size:
        inputs["auxiliary"] = keras.Input(
            (None, spec.value.auxiliary_size), name="auxiliary"
        )
        auxiliary = [inputs["auxiliary"]]

    # Areas
    cell = AreaCell(spec, seed=seed, name=spec.name)
    activity = keras.layers.RNN(cell, return_sequences=True, name="areas")(sensations)
    split = AreaSplit([area.n_units for area in spec.areas], name="by_area")(activity)
    areas = [
        Area(area.name, area.n_units, area.map, name=area.layer)(signal)
        for area, signal in zip(spec.areas, split, strict=True)
    ]
    position = {area.name: i for i, area in enumerate(spec.areas)}

    # Heads
    policy = keras.layers.Dense(
        spec.policy_size,
        # A small start makes the first policy uniform, or of unit spread
        # (Andrychowicz et al. 2021, arXiv:2006.05990, section 3.2).
        kernel_initializer=keras.initializers.Orthogonal(0.01, seed=seed),
        name="policy",
    )(AreaReadout([position[n] for n in spec.action_areas], name="action_areas")(areas))
    read = AreaReadout([position[n] for n in spec.value.areas], name="value_areas")
    value = _joined([read(areas), *auxiliary], "value_inputs")
    for i, width in enumerate(spec.value.hidden_units, start=1):
        value = keras.layers.Dense(
            width,
            activation="tanh",
            kernel_initializer=keras.initializers.GlorotUniform(seed=seed + i),
            name=f"value_{i}",
        )(value)
    value = keras.layers.Dense(
        1,
        kernel_initializer=keras.initializers.Orthogonal(1.0, seed=seed),
        name="value",
    )(value)
    return keras.Model(inputs, {"policy": policy, "value": value}, name=spec.name)


def _joined(tensors: list[Any], name: str) -> Any:
    """Concatenate along the last axis, if there is more than one tensor."""
    if len(tensors) == 1:
        return tensors[0]
    return keras.layers.Concatenate(axis=-1, name=name)(tensors)
