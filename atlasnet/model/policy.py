# SPDX-License-Identifier: Apache-2.0
"""From a model that can be trained to one that only acts."""

from typing import Any

import keras

from atlasnet.errors import ComponentError, SpecError
from atlasnet.signature import checked

__all__ = ["policy_only"]


@checked(ComponentError)
def policy_only(model: keras.Model) -> keras.Model:
    """Return the part of a model that acts.

    Parameters
    ----------
    model : keras.Model
        A functional model that returns a dict with ``policy``: of areas, or any other.

    Returns
    -------
    keras.Model
        A model that returns ``policy`` alone, in a dict, and takes a dict of those
        inputs alone that it depends on. It shares its layers and weights with `model`
        and computes the same.

    Raises
    ------
    SpecError
        If the model is not functional or has no output ``policy``.

    Examples
    --------
    >>> touch = keras.Input((None, 3), name="touch")
    >>> auxiliary = keras.Input((None, 2), name="auxiliary")
    >>> value = keras.layers.Concatenate()([touch, auxiliary])
    >>> heads = {"policy": keras.layers.Dense(4)(touch), "value": value}
    >>> model = keras.Model({"touch": touch, "auxiliary": auxiliary}, heads)
    >>> [tensor.name for tensor in policy_only(model).inputs]
    ['touch']
    """
    outputs = getattr(model, "output", None) if hasattr(model, "operations") else None
    if not isinstance(outputs, dict) or "policy" not in outputs:
        raise SpecError(
            f"The model '{model.name}' has no output 'policy'. A model that acts is a "
            "functional keras.Model whose outputs are a dict with 'policy'."
        )
    policy = outputs["policy"]
    read = _sources(policy)
    inputs = {t.name: t for t in model.inputs if id(t) in read}
    return keras.Model(inputs, {"policy": policy}, name=model.name)


def _sources(tensor: Any) -> set[int]:
    """Return the identities of all tensors that a tensor is computed from."""
    found: set[int] = set()
    waiting = [tensor]
    while waiting:
        current = waiting.pop()
        if id(current) in found:
            continue
        found.add(id(current))
        operation, i_node, _ = current._keras_history
        waiting += operation._inbound_nodes[i_node].input_tensors
    return found
