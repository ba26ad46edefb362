# SPDX-License-Identifier: Apache-2.0
"""Noise that is computed from where it is, instead of being drawn one after another.

A generator inside a compiled loop has a state, which backends treat differently. Here a
number is a hash of its row, step, unit and seed: the same everywhere, and in any order.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

__all__ = ["hashed_normal"]

_LARGEST = 2.0**24
"""Numbers that a float32 in [0, 1) tells apart."""


def hashed_normal(steps: Any, n_units: int, key: Sequence[int]) -> Any:
    """Return standard normal numbers by row, step and unit.

    Parameters
    ----------
    steps : tensor of float, shape (B, 1)
        The step of each row, a whole number.
    n_units : int
        Units, N.
    key : sequence of int
        What else the numbers depend on, such as a seed.

    Returns
    -------
    tensor of float32, shape (B, N)
        By the method of Box & Muller (1958, Ann Math Stat 29:610) from two hashed
        uniform numbers each.
    """
    rows = ops.cumsum(ops.ones_like(steps), axis=0) - 1.0
    units = np.arange(n_units, dtype=np.uint32)[None, :]
    place = _hash(ops.cast(rows, "uint32"))
    place = _hash(place + ops.cast(steps, "uint32"))
    for part in key:
        place = _hash(place + np.uint32(part & 0xFFFFFFFF))
    place = place + units
    first, second = (_uniform(_hash(_hash(place) + np.uint32(i))) for i in (0, 1))
    radius = ops.sqrt(-2.0 * ops.log(1.0 - first))
    return radius * ops.cos(2.0 * math.pi * second)


def _hash(x: Any) -> Any:
    """Return well mixed numbers of 32 bits, by the last steps of MurmurHash3."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = ops.bitwise_xor(x, ops.right_shift(x, np.uint32(shift)))
        x = x * np.uint32(factor)
    return ops.bitwise_xor(x, ops.right_shift(x, np.uint32(16)))


def _uniform(x: Any) -> Any:
    """Return numbers of 32 bits as float32 in [0, 1)."""
    return ops.cast(ops.right_shift(x, np.uint32(8)), "float32") / _LARGEST
