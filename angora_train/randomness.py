# SPDX-License-Identifier: Apache-2.0
"""Generators of random numbers, by what they decide.

A generator belongs to a seed, a world, a purpose and a cycle. Worlds are counted over
all ranks, so nothing depends on how they are spread; cycles are counted from the
start of training, so a resumed run draws what an unbroken one would have drawn.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["ACTIONS", "HINDSIGHT", "MINIBATCHES", "TEACHER", "draws", "generator"]

ACTIONS = 1
"""Purpose: the noise of the policy."""
MINIBATCHES = 2
"""Purpose: which chunks meet in a minibatch."""
TEACHER = 3
"""Purpose: the noise of a teacher's policy."""

HINDSIGHT = 4
"""Purpose: which steps are told under which goals."""

_BLOCK = 16
"""Steps that are drawn at once."""


def generator(seed: int, world: int, purpose: int, cycle: int) -> np.random.Generator:
    """Return the generator of one world, for one purpose, in one cycle.

    Examples
    --------
    >>> a, b = generator(0, 3, ACTIONS, 7), generator(0, 3, ACTIONS, 7)
    >>> bool(a.random() == b.random())
    True
    """
    return np.random.default_rng(np.random.SeedSequence([seed, world, purpose, cycle]))


def draws(
    seed: int, worlds: range, purpose: int, cycle: int, size: tuple[int, int]
) -> Iterator[NDArray[np.float32]]:
    """Draw each world's numbers of a cycle from its own generator, step by step.

    Parameters
    ----------
    seed : int
        The run's.
    worlds : range
        Worlds, counted over all ranks.
    purpose : int
        What the numbers decide.
    cycle : int
        The cycle.
    size : tuple of int
        Steps, and numbers of a step.

    Yields
    ------
    ndarray of float32, shape (B, width)
        Numbers in [0, 1) of a step.
    """
    n_steps, width = size
    rngs = [generator(seed, world, purpose, cycle) for world in worlds]
    for begun in range(0, n_steps, _BLOCK):
        shape = (min(_BLOCK, n_steps - begun), width)
        drawn = [rng.random(shape, dtype=np.float32) for rng in rngs]
        yield from np.stack(drawn, axis=1)
