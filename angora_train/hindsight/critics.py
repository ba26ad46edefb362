# SPDX-License-Identifier: Apache-2.0
"""Critics: two networks that say what an action is worth, and nothing else."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

__all__ = ["make_critics"]


def make_critics(
    sizes: Mapping[str, int],
    n_actions: int,
    units: Sequence[int],
    *,
    precision: str = "float32",
    seed: int = 0,
) -> keras.Model:
    """Make two networks of the same layers.

    Parameters
    ----------
    sizes : mapping of str to int
        Width of each input by its name; ``action`` comes beside them.
    n_actions : int
        Dimensions of an action.
    units : sequence of int
        Of the layers, each normalised, with silu.
    precision : {"float32", "bfloat16"}
        Of products of matrices; weights, normalisation and worth are float32.
    seed : int
        Seed of the weights.

    Returns
    -------
    keras.Model
        From inputs of shape (n, size) to worth, shape (n, 2).

    Examples
    --------
    >>> make_critics({"touch": 3}, 2, (8,)).output_shape
    (None, 2)
    """
    inputs = {name: keras.Input((size,), name=name) for name, size in sizes.items()}
    inputs["action"] = keras.Input((n_actions,), name="action")
    x = keras.layers.Concatenate(name="read")(list(inputs.values()))
    seeds = np.random.SeedSequence(seed).generate_state(2 * (len(units) + 1)) >> 1
    drawn = iter(seeds.tolist())
    worth = []
    for name in ("one", "other"):
        y = x
        for i, n_units in enumerate(units, start=1):
            y = keras.layers.Dense(
                n_units,
                kernel_initializer=keras.initializers.Orthogonal(2.0**0.5, next(drawn)),
                dtype=_dtype(precision),
                name=f"{name}_{i}",
            )(y)
            y = keras.layers.LayerNormalization(
                center=False, scale=False, dtype="float32", name=f"{name}_{i}_norm"
            )(y)
            y = keras.layers.Activation(
                "silu", dtype="float32", name=f"{name}_{i}_units"
            )(y)
        worth.append(
            keras.layers.Dense(
                1,
                kernel_initializer=keras.initializers.Orthogonal(1.0, next(drawn)),
                dtype="float32",
                name=name,
            )(y)
        )
    return keras.Model(inputs, keras.layers.Concatenate(name="worth")(worth))


def _dtype(precision: str) -> str:
    """Return Keras' name for computing in a precision, with weights of float32."""
    return "float32" if precision == "float32" else f"mixed_{precision}"
