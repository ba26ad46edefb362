# SPDX-License-Identifier: Apache-2.0
"""Noise of units, as a function of a few random numbers.

The noise of a step must be the same when the step is acted and when it is learned
from: else the ratio of the policy's probabilities, which learning is built on, would
not be 1 before the first update. Whoever runs the model therefore draws a few uniform
numbers a step, keeps them with the sensations, and the noise of thousands of units
follows from them.
"""

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

__all__ = ["NOISE", "NOISE_SIZE", "UnitNoise"]

NOISE = "noise"
"""Name of the model's input that holds the random numbers."""
NOISE_SIZE = 3
"""Uniform numbers a step."""

_SEED = 20161129
"""Of the phases; any number does."""


class UnitNoise:
    r"""Noise of many units from a few uniform numbers.

    .. math::

        \xi_i = \sqrt{\tfrac{2}{M}} \sum_{m=1}^{M} \cos(2\pi (k_{im} u_m + \phi_{im}))

    with :math:`M` numbers :math:`u_m`, uniform in [0, 1), and integers
    :math:`k_{im}` that are all different for one :math:`m`: every unit's noise has
    mean 0 and variance 1, and any two units' noises are uncorrelated, exactly, since
    cosines of different frequencies are orthogonal. It is nearly normal: the fourth
    moment is 2.5 instead of 3.

    Parameters
    ----------
    n_units : int
        How many units.
    """

    def __init__(self, n_units: int) -> None:
        rng = np.random.default_rng(_SEED)
        self._frequencies = np.stack(
            [1.0 + rng.permutation(n_units) for _ in range(NOISE_SIZE)]
        ).astype(np.float32)
        self._phases = rng.random((NOISE_SIZE, n_units)).astype(np.float32)

    def __call__(self, numbers: Any, units: NDArray[np.int64]) -> Any:
        """Return the noise of some units, shape (B, len(units)).

        Parameters
        ----------
        numbers : tensor, shape (B, NOISE_SIZE)
            Uniform numbers in [0, 1); where all are 0 there is no noise.
        units : ndarray of int
            Which units.
        """
        parts = ops.split(numbers, NOISE_SIZE, axis=-1)
        waves = [
            ops.cos(2.0 * np.pi * (part * frequency[units] + phase[units]))
            for part, frequency, phase in zip(
                parts, self._frequencies, self._phases, strict=True
            )
        ]
        is_on = ops.cast(ops.any(numbers > 0.0, axis=-1, keepdims=True), "float32")
        amplitude = is_on * (2.0 / NOISE_SIZE) ** 0.5
        return amplitude * sum(waves[1:], waves[0])
