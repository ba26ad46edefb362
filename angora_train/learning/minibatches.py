# SPDX-License-Identifier: Apache-2.0
"""Minibatches: which chunks of which worlds meet in an update.

What is decided here follows from the seed and the cycle, and concerns the worlds of
all ranks. Every rank decides the same, and then reads its part.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from angora_train.config.run import RunConfig
from angora_train.randomness import MINIBATCHES, generator

__all__ = ["Geometry", "deal", "own_part"]


@dataclass(frozen=True)
class Geometry:
    """How the control steps of a cycle are divided into updates.

    Attributes
    ----------
    n_worlds, horizon : int
        Worlds of all ranks, and control steps of each in a cycle.
    chunk_length : int
        Control steps of a chunk.
    minibatch_size : int
        Control steps of an update.
    n_epochs : int
        Passes over the control steps.
    """

    n_worlds: int
    horizon: int
    chunk_length: int
    minibatch_size: int
    n_epochs: int

    @classmethod
    def of(cls, config: RunConfig) -> "Geometry":
        """Return the geometry that a config asks for."""
        ppo = config.ppo
        return cls(
            config.n_worlds,
            ppo.horizon,
            ppo.chunk_length,
            ppo.minibatch_size,
            ppo.n_epochs,
        )

    @property
    def n_steps(self) -> int:
        """Control steps of a cycle."""
        return self.n_worlds * self.horizon

    @property
    def n_chunks(self) -> int:
        """Chunks of a world in a cycle."""
        return self.horizon // self.chunk_length

    @property
    def chunks_per_minibatch(self) -> int:
        """Chunks of an update."""
        return self.minibatch_size // self.chunk_length

    @property
    def n_minibatches(self) -> int:
        """Updates of an epoch."""
        return self.n_steps // self.minibatch_size

    @property
    def n_updates(self) -> int:
        """Updates of a cycle."""
        return self.n_minibatches * self.n_epochs

    @property
    def tile(self) -> tuple[int, int]:
        """Worlds of an update, as many as there can be, and chunks of each at most."""
        n_worlds = min(self.n_worlds, self.chunks_per_minibatch)
        return n_worlds, -(-self.chunks_per_minibatch // n_worlds)

    def describe(self, n_optimizers: int) -> dict[str, int]:
        """Return every number of the geometry by its name, for people to check.

        Parameters
        ----------
        n_optimizers : int
            Ranks that learn.
        """
        n_worlds, n_chunks = self.tile
        return {
            "worlds": self.n_worlds,
            "control steps of a world": self.horizon,
            "control steps of a cycle": self.n_steps,
            "control steps of a minibatch": self.minibatch_size,
            "control steps of a chunk": self.chunk_length,
            "chunks of a minibatch": self.chunks_per_minibatch,
            "worlds of a minibatch": n_worlds,
            "chunks of a world in it": n_chunks,
            "updates of an epoch": self.n_minibatches,
            "updates of a cycle": self.n_updates,
            "ranks that learn": n_optimizers,
            "chunks of a rank in an update": -(
                -self.chunks_per_minibatch // n_optimizers
            ),
        }


def deal(geometry: Geometry, seed: int, cycle: int, epoch: int) -> NDArray[np.int64]:
    """Decide which chunks meet in each minibatch of an epoch.

    The chunks of every world are shuffled, and dealt in rounds: each round takes one
    chunk of every world, the worlds in an order of its own. Cut into minibatches, the
    sequence holds in each as many worlds as there can be, and each chunk once.

    Parameters
    ----------
    geometry : Geometry
        How many there are of everything.
    seed, cycle, epoch : int
        What the shuffling follows from.

    Returns
    -------
    ndarray of int64, shape (n_minibatches, chunks_per_minibatch, 2)
        Chunk and world of each entry.

    Examples
    --------
    >>> deal(Geometry(3, 8, 4, 12, 1), seed=0, cycle=1, epoch=0).shape
    (2, 3, 2)
    """
    rng = generator(seed, epoch, MINIBATCHES, cycle)
    n_worlds, n_chunks = geometry.n_worlds, geometry.n_chunks
    chunks = rng.permuted(np.tile(np.arange(n_chunks), (n_worlds, 1)), axis=1)
    worlds = rng.permuted(np.tile(np.arange(n_worlds), (n_chunks, 1)), axis=1)
    dealt = chunks[worlds, np.arange(n_chunks)[:, None]]
    entries = np.stack([dealt.ravel(), worlds.ravel()], axis=-1)
    return entries.reshape(geometry.n_minibatches, geometry.chunks_per_minibatch, 2)


def own_part(
    entries: NDArray[np.int64], worlds: NDArray[np.int64], part: int, n_parts: int
) -> NDArray[np.int64]:
    """Return what one of several ranks of a node reads of a minibatch.

    Parameters
    ----------
    entries : ndarray of int64, shape (n, 2)
        Chunk and world of each entry of a minibatch.
    worlds : ndarray of int64, shape (w,)
        The worlds of the node.
    part, n_parts : int
        Number of the rank among those of the node that learn, and how many those are.

    Returns
    -------
    ndarray of int64, shape (m, 2)
        Chunk and column of each entry; columns count the node's worlds in the order
        of `worlds`. The parts are of one size, up to one entry, and follow the order
        of the columns: where the numbers allow, a rank reads what it gathered itself.

    Examples
    --------
    >>> entries = np.array([[0, 7], [1, 5], [0, 2], [0, 5]])
    >>> own_part(entries, np.array([5, 7]), part=0, n_parts=2).tolist()
    [[0, 0], [1, 0]]
    """
    column = np.full(max(int(entries[:, 1].max()), int(worlds.max())) + 1, -1)
    column[worlds] = np.arange(len(worlds))
    columns = column[entries[:, 1]]
    here = columns >= 0
    chunks, columns = entries[here, 0], columns[here]
    order = np.lexsort((chunks, columns))
    own = np.array_split(order, n_parts)[part]
    return np.stack([chunks[own], columns[own]], axis=-1)
