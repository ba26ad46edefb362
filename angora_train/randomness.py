# SPDX-License-Identifier: Apache-2.0
"""Generators of random numbers, by what they decide.

A generator belongs to a seed, a world, a purpose and a cycle. Worlds are counted over
all ranks, so nothing depends on how they are spread; cycles are counted from the
start of training, so a resumed run draws what an unbroken one would have drawn.
"""

import numpy as np

__all__ = ["ACTIONS", "MINIBATCHES", "generator"]

ACTIONS = 1
"""Purpose: the noise of the policy."""
MINIBATCHES = 2
"""Purpose: which chunks meet in a minibatch."""


def generator(seed: int, world: int, purpose: int, cycle: int) -> np.random.Generator:
    """Return the generator of one world, for one purpose, in one cycle.

    Examples
    --------
    >>> a, b = generator(0, 3, ACTIONS, 7), generator(0, 3, ACTIONS, 7)
    >>> bool(a.random() == b.random())
    True
    """
    return np.random.default_rng(np.random.SeedSequence([seed, world, purpose, cycle]))
