# SPDX-License-Identifier: Apache-2.0
"""Generators of random numbers: one a world, whatever batch the world is in."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from angora_train.errors import CheckpointError, TaskError
from angora_train.tasks.worlds.memory import Memory

__all__ = ["Generators", "set_words", "words_of"]

_WORD = 2**64
_N_WORDS = 6


class Generators(list[np.random.Generator]):
    """A generator for each of B worlds; empty until it is seeded.

    Parameters
    ----------
    n_worlds : int
        Number of worlds, B.
    first_world : int
        Index of row 0 among the worlds of all processes.
    purpose : int, optional
        Sets these generators apart from those that decide something else.
    """

    def __init__(
        self, n_worlds: int, first_world: int = 0, purpose: int | None = None
    ) -> None:
        super().__init__()
        self._worlds = range(first_world, first_world + n_worlds)
        self._purpose = () if purpose is None else (purpose,)

    def seed(self, root: int | Sequence[int]) -> None:
        """Seed every world's generator.

        Parameters
        ----------
        root : int or sequence of int
            The task's seed; a world's generator depends on it, on the index of the
            world and on the purpose, and on nothing else. With a seed for each world,
            each is what world 0 would be with that seed.
        """
        if isinstance(root, int):
            keys = [(root, world) for world in self._worlds]
        else:
            keys = [(own, 0) for own in root]
        self[:] = [
            np.random.default_rng(np.random.SeedSequence([*key, *self._purpose]))
            for key in keys
        ]

    def save_worlds(self) -> Memory:
        """Return where every generator is: ``words``, as `words_of` gives them.

        Raises
        ------
        TaskError
            If they were not seeded.
        """
        if not self:
            raise TaskError("The task was not reset: its worlds are nowhere yet.")
        return {"words": words_of(self)}

    def restore_worlds(self, saved: Memory) -> None:
        """Take every generator back to where `save_worlds` found it.

        Parameters
        ----------
        saved : dict
            Rows of these worlds.

        Raises
        ------
        CheckpointError
            If they are of another number of worlds.
        """
        if not self:
            self.seed(0)
        set_words(self, saved.get("words", np.empty(0)))


def words_of(rngs: Sequence[np.random.Generator]) -> NDArray[np.uint64]:
    """Return where generators are.

    Parameters
    ----------
    rngs : sequence of numpy.random.Generator
        NumPy's default, PCG64.

    Returns
    -------
    ndarray of uint64, shape (B, 6)
        State and increment in two words each, whether half a word is left, and which.
    """
    rows = []
    for rng in rngs:
        state = rng.bit_generator.state
        numbers = (state["state"]["state"], state["state"]["inc"])
        words = [word for number in numbers for word in divmod(number, _WORD)]
        rows.append([*words, state["has_uint32"], state["uinteger"]])
    return np.array(rows, np.uint64)


def set_words(rngs: Sequence[np.random.Generator], words: NDArray[np.uint64]) -> None:
    """Take generators to where `words_of` found them.

    Parameters
    ----------
    rngs : sequence of numpy.random.Generator
        They are changed.
    words : ndarray of uint64, shape (B, 6)
        Rows of them.

    Raises
    ------
    CheckpointError
        If there is no row for each.
    """
    if words.shape != (len(rngs), _N_WORDS):
        raise CheckpointError(
            f"The checkpoint's worlds have generators of shape {words.shape}, needed "
            f"is {(len(rngs), _N_WORDS)}."
        )
    for rng, row in zip(rngs, words.tolist(), strict=True):
        high, low, inc_high, inc_low, has_uint32, uinteger = row
        rng.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": high * _WORD + low, "inc": inc_high * _WORD + inc_low},
            "has_uint32": has_uint32,
            "uinteger": uinteger,
        }
