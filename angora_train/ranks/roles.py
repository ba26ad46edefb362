# SPDX-License-Identifier: Apache-2.0
"""Roles: which worlds a rank simulates, and whether it learns.

All ranks gather. Where there is no GPU all of them learn, too; where there are, one
rank for each GPU of a node does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from angora_train.config.run import PPOConfig, RunConfig
from angora_train.errors import ConfigError
from angora_train.ranks.comm import Comm

__all__ = ["Roles", "learning_ranks", "require_chunks", "share_of_worlds"]


@dataclass(frozen=True)
class Roles:
    """What this rank does among all.

    Attributes
    ----------
    worlds : range
        The worlds that it simulates, counted over all ranks.
    node_worlds : ndarray of int64, shape (w,)
        Those of all ranks of its node, in order of rank.
    learners : tuple of int
        Ranks that learn.
    node_learners : tuple of int
        Those of them on this node.
    """

    worlds: range
    node_worlds: NDArray[np.int64]
    learners: tuple[int, ...]
    node_learners: tuple[int, ...]

    @classmethod
    def of(cls, config: RunConfig, comm: Comm, n_gpus: int) -> "Roles":
        """Give every rank its role.

        Parameters
        ----------
        config : RunConfig
            Worlds, minibatches and what is said of ranks.
        comm : Comm
            The ranks.
        n_gpus : int
            GPUs that this rank sees; those of rank 0 count for every node.

        Raises
        ------
        ConfigError
            If there are too few worlds, or too few chunks or nodes for those who are
            to learn.
        """
        counted = int(comm.broadcast(np.array([n_gpus]), 0)[0])
        declared = config.ranks.gpus_per_node
        firsts = comm.gather(np.array([float(comm.node_ranks[0])])).ravel()
        nodes = [
            [int(rank) for rank in np.flatnonzero(firsts == first)]
            for first in np.unique(firsts)
        ]
        learners = learning_ranks(
            nodes, counted if declared is None else declared, config.ranks.n_optimizers
        )
        require_chunks(len(learners), config.ppo)
        shares = [
            share_of_worlds(config.n_worlds, comm.size, rank)
            for rank in range(comm.size)
        ]
        return cls(
            worlds=shares[comm.rank],
            node_worlds=np.concatenate(
                [np.array(shares[rank], np.int64) for rank in comm.node_ranks]
            ),
            learners=learners,
            node_learners=tuple(r for r in learners if r in comm.node_ranks),
        )


def learning_ranks(
    nodes: Sequence[Sequence[int]], gpus_per_node: int, n_optimizers: int | None = None
) -> tuple[int, ...]:
    """Choose the ranks that learn.

    Parameters
    ----------
    nodes : sequence of sequence of int
        The ranks of each node, ascending.
    gpus_per_node : int
        GPUs of a node; 0 for none.
    n_optimizers : int, optional
        Most ranks that learn, spread evenly over nodes.

    Returns
    -------
    tuple of int
        The ranks, ascending. Rank 0 is among them.

    Raises
    ------
    ConfigError
        If there are more nodes than ranks that may learn: what a node gathers is
        learned on that node.

    Examples
    --------
    >>> learning_ranks([[0, 1, 2], [3, 4, 5]], gpus_per_node=1)
    (0, 3)
    >>> learning_ranks([[0, 1], [2, 3]], gpus_per_node=0)
    (0, 1, 2, 3)
    >>> learning_ranks([[0, 1, 2], [3, 4, 5]], gpus_per_node=0, n_optimizers=3)
    (0, 1, 3)
    """
    if n_optimizers is not None and n_optimizers < len(nodes):
        raise ConfigError(
            f"ranks.n_optimizers is {n_optimizers}, but there are {len(nodes)} nodes, "
            f"and each learns from what it gathered. The least is {len(nodes)}."
        )
    able = [list(node[:gpus_per_node] if gpus_per_node else node) for node in nodes]
    most = sum(map(len, able)) if n_optimizers is None else n_optimizers
    turns = [
        node[i] for i in range(max(map(len, able))) for node in able if i < len(node)
    ]
    return tuple(sorted(turns[:most]))


def require_chunks(n_learners: int, ppo: PPOConfig) -> None:
    """Check that every rank that learns has something to learn from.

    Parameters
    ----------
    n_learners : int
        Ranks that learn.
    ppo : PPOConfig
        Sizes of minibatches and chunks.

    Raises
    ------
    ConfigError
        If a minibatch has fewer chunks.
    """
    n_chunks = ppo.minibatch_size // ppo.chunk_length
    if n_learners > n_chunks:
        raise ConfigError(
            f"{n_learners} ranks are to learn from minibatches of {n_chunks} chunks "
            f"(ppo.minibatch_size {ppo.minibatch_size}, ppo.chunk_length "
            f"{ppo.chunk_length}): not one for each. Enlarge the minibatches or set "
            "ranks.n_optimizers."
        )


def share_of_worlds(n_worlds: int, n_ranks: int, rank: int) -> range:
    """Return the worlds of one rank.

    Parameters
    ----------
    n_worlds : int
        Worlds of all ranks.
    n_ranks : int
        Number of ranks.
    rank : int
        The rank.

    Returns
    -------
    range
        Consecutive worlds, as many as those of any other rank, or one more.

    Raises
    ------
    ConfigError
        If there are fewer worlds than ranks.

    Examples
    --------
    >>> [share_of_worlds(5, 2, rank) for rank in (0, 1)]
    [range(0, 3), range(3, 5)]
    """
    if n_worlds < n_ranks:
        raise ConfigError(
            f"n_worlds is {n_worlds}, fewer than the {n_ranks} ranks: every rank needs "
            f"a world. Start fewer ranks, or set n_worlds={n_ranks}."
        )
    least, more = divmod(n_worlds, n_ranks)
    first = rank * least + min(rank, more)
    return range(first, first + least + (1 if rank < more else 0))
