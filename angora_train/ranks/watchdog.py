# SPDX-License-Identifier: Apache-2.0
"""Watchdog: a rank that makes no progress is named, and the job is ended.

Every rank leaves signs of life in memory that its node shares, and marks when it
waits for others: who waits is not to blame. Each node watches its own ranks.
"""

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Self

from angora_train.ranks.comm import Comm

__all__ = ["Watchdog"]

_PASSING_ON_S = 1.0
"""Time for the launcher to pass on what was said, and for all to say it."""


class Watchdog:
    """Watches the ranks of a node while it is entered.

    Parameters
    ----------
    comm : Comm
        The ranks.
    stall_s : float
        Time without progress after which a rank counts as stalled, s.
    end : callable, optional
        Ends this process with an exit code, and with it the job.
    """

    def __init__(
        self, comm: Comm, stall_s: float, end: Callable[[int], object] = os._exit
    ) -> None:
        n = len(comm.node_ranks)
        self._comm = comm
        self._stall_s = stall_s
        self._end = end
        self._own = comm.node_ranks.index(comm.rank)
        self._progress_s = comm.shared((n,), float)
        self._waits = comm.shared((n,), bool)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self.beat()
        self._comm.node_barrier()
        self._comm.watch_waiting(self._mark)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._comm.watch_waiting(None)
        self._mark(True)  # who is done is not stalled
        self._thread.join()

    def beat(self) -> None:
        """Leave a sign of life; call this wherever work goes on."""
        self._progress_s[self._own] = time.monotonic()

    def _mark(self, waits: bool) -> None:
        """Mark whether this rank waits for others."""
        self._progress_s[self._own] = time.monotonic()
        self._waits[self._own] = waits

    def stalled(self) -> list[int]:
        """Return the ranks of this node that make no progress."""
        age_s = time.monotonic() - self._progress_s
        is_stalled = (age_s > self._stall_s) & ~self._waits
        return [self._comm.node_ranks[i] for i in is_stalled.nonzero()[0]]

    def _watch(self) -> None:
        """Look after the ranks, some times in the span that is allowed."""
        while not self._is_over.wait(min(5.0, self._stall_s / 4)):
            stalled = self.stalled()
            if not stalled:
                continue
            if self._comm.rank in stalled:
                faulthandler.dump_traceback(all_threads=True)
            able = [r for r in self._comm.node_ranks if r not in stalled]
            if self._comm.rank == (able or stalled)[0]:
                time.sleep(_PASSING_ON_S)
                names = ", ".join(f"{rank}" for rank in stalled)
                sys.stderr.write(
                    f"Error: rank {names} has made no progress for {self._stall_s:g} s "
                    "(ranks.stall_s); the job is ended. Where it stands is said above. "
                    "The last checkpoint is whole.\n"
                )
                sys.stderr.flush()
                time.sleep(_PASSING_ON_S)
                self._end(1)
            return
