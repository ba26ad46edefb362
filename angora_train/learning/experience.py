# SPDX-License-Identifier: Apache-2.0
"""Experience: what the ranks of a node gathered, in memory that they share.

Each rank writes the columns of its worlds; after a barrier those who learn read any.
Nothing is sent, and nothing touches a disk.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from angora_train.ranks.comm import Comm

__all__ = ["Experience"]


class Experience:
    """The chunks of all worlds of a node.

    Parameters
    ----------
    comm : Comm
        The ranks.
    columns : range
        Columns of this rank's worlds among those of the node.
    n_columns : int
        Worlds of the node.
    """

    def __init__(self, comm: Comm, columns: range, n_columns: int) -> None:
        self._comm = comm
        self._columns = slice(columns.start, columns.stop)
        self._n_columns = n_columns
        self._is_alone = len(comm.node_ranks) == 1
        self._arrays: dict[str, NDArray[Any]] = {}

    def publish(self, chunks: Mapping[str, NDArray[Any]]) -> None:
        """Show what this rank gathered to the others; every rank of the node calls.

        Parameters
        ----------
        chunks : mapping of str to ndarray, shape (n_chunks, B, ...)
            Chunks of this rank's B worlds; names, types and all but the second
            dimension are the same in every cycle.
        """
        if self._is_alone:
            self._arrays = dict(chunks)
            return
        if not self._arrays:
            self._arrays = {
                name: self._comm.shared(
                    (x.shape[0], self._n_columns, *x.shape[2:]), x.dtype
                )
                for name, x in chunks.items()
            }
        self._comm.node_barrier()  # nobody reads the cycle before any more
        for name, x in chunks.items():
            self._arrays[name][:, self._columns] = x
        self._comm.node_barrier()

    def release(self) -> None:
        """Forget the chunks, if they are the rollout's own memory and not a copy."""
        if self._is_alone:
            self._arrays = {}

    def read(self, entries: NDArray[np.int64], n_rows: int) -> dict[str, NDArray[Any]]:
        """Return some chunks, filled up to a number of rows.

        Parameters
        ----------
        entries : ndarray of int64, shape (m, 2)
            Chunk and column of each, at least one.
        n_rows : int
            Rows of the result, at least m.

        Returns
        -------
        dict of str to ndarray, shape (n_rows, ...)
            The chunks, and ``mask``, shape (n_rows, 1), True for those that were asked
            for. The others repeat the first.
        """
        filled = np.concatenate([entries, entries[:1].repeat(n_rows - len(entries), 0)])
        batch = {
            name: x[filled[:, 0], filled[:, 1]] for name, x in self._arrays.items()
        }
        batch["mask"] = (np.arange(n_rows) < len(entries))[:, None]
        return batch
