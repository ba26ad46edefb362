# SPDX-License-Identifier: Apache-2.0
"""Collective arithmetic over the ranks of a job. The only door to mpi4py."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from angora_train.errors import ConfigError, RankError

__all__ = ["Comm", "LocalComm", "MpiComm", "is_launched_by_mpi", "make_comm"]

_LAUNCHER_VARIABLES = ("PMI_SIZE", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE", "PMI_RANK")
"""Set by mpiexec of MPICH, Intel MPI, Open MPI, and by Slurm's srun --mpi."""

_DRAIN_S = 1.0
"""Time that the launcher is given to pass on what was said before it is told to end
the job: it may drop what it has not read by then."""

_Number = TypeVar("_Number", bound=np.generic)


class Comm(Protocol):
    """Collective arithmetic over all ranks; every rank makes the same calls.

    A node is a group of ranks that share memory.
    """

    rank: int
    """Number of this rank."""
    size: int
    """Number of ranks."""
    node_ranks: tuple[int, ...]
    """The ranks of this node, ascending."""
    waited_s: float
    """Time that this rank has spent in collective calls so far, s."""

    def sum(self, x: NDArray[_Number]) -> NDArray[_Number]:
        """Return the sum over ranks of arrays of one shape: one message."""

    def gather(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the arrays of all ranks, shape (size, ...), on every rank."""

    def collect(self, data: bytes) -> list[bytes]:
        """Return the bytes of all ranks on rank 0; an empty list elsewhere."""

    def broadcast(self, x: NDArray[_Number], root: int) -> NDArray[_Number]:
        """Return the array of rank `root` on every rank."""

    def shared(self, shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array of zeros that all ranks of the node read and write."""

    def barrier(self) -> None:
        """Wait for all ranks."""

    def node_barrier(self) -> None:
        """Wait for the ranks of the node, after which their writes can be read."""

    def group(self, ranks: Sequence[int]) -> "Comm | None":
        """Return a world of some ranks alone; None on those that are left out."""

    def meets_all(self, patience_s: float) -> bool:
        """Whether all ranks call this within `patience_s` of one another."""

    def watch_waiting(self, mark: Callable[[bool], None] | None) -> None:
        """Call `mark` with True before this rank waits for others, then with False."""

    def abort(self, exit_code: int) -> NoReturn:
        """End the job on every rank."""


class LocalComm:
    """A world of one rank: every collective is the identity."""

    rank = 0
    size = 1
    node_ranks: tuple[int, ...] = (0,)
    waited_s = 0.0

    def sum(self, x: NDArray[_Number]) -> NDArray[_Number]:
        """Return the array."""
        return x

    def gather(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the array as the only one, shape (1, ...)."""
        return x[None]

    def collect(self, data: bytes) -> list[bytes]:
        """Return the bytes as the only ones."""
        return [data]

    def broadcast(self, x: NDArray[_Number], root: int) -> NDArray[_Number]:
        """Return the array."""
        return x

    def shared(self, shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array of zeros."""
        return np.zeros(tuple(shape), dtype)

    def barrier(self) -> None:
        """Return at once."""

    def node_barrier(self) -> None:
        """Return at once."""

    def group(self, ranks: Sequence[int]) -> "LocalComm | None":
        """Return this world, or None if the rank is left out."""
        return self if self.rank in ranks else None

    def meets_all(self, patience_s: float) -> bool:
        """Return True: there is nobody else."""
        return True

    def watch_waiting(self, mark: Callable[[bool], None] | None) -> None:
        """Ignore it: nobody waits."""

    def abort(self, exit_code: int) -> NoReturn:
        """Exit."""
        sys.exit(exit_code)


class MpiComm:
    """The ranks of an MPI communicator.

    Parameters
    ----------
    ranks_per_node : int, optional
        Declares that so many consecutive ranks are a node, whatever machines they run
        on: for a node with several memories, and to try the roles of many nodes on
        one machine. By default MPI says which ranks share memory.
    world : mpi4py.MPI.Comm, optional
        The communicator; by default all ranks that the launcher started.

    Raises
    ------
    RankError
        If mpi4py or an MPI library is missing, or belongs to another launcher.
    ConfigError
        If the declared nodes do not fit the number of ranks.
    """

    def __init__(self, ranks_per_node: int | None = None, world: Any = None) -> None:
        try:
            from mpi4py import MPI
        except (ImportError, RuntimeError) as error:
            raise RankError(
                f"This process was started by an MPI launcher, but mpi4py cannot be "
                f'used: {error}. Install it with: pip install "atlasnet[train]"'
            ) from error
        self._mpi: Any = MPI
        self._world: Any = MPI.COMM_WORLD if world is None else world
        self.rank: int = self._world.Get_rank()
        self.size: int = self._world.Get_size()
        self.waited_s = 0.0
        if world is None:
            self._check_launcher()
        self._ranks_per_node = ranks_per_node
        self._node = self._split_into_nodes(ranks_per_node)
        self.node_ranks = tuple(int(r) for r in self._node.allgather(self.rank))
        self._meeting = self._world.Dup()
        self._windows: list[Any] = []  # kept: their memory goes with them
        self._marks: list[Callable[[bool], None]] = []

    def _check_launcher(self) -> None:
        """Refuse a launcher of another MPI: its ranks would not see each other."""
        for name in ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE"):
            told = os.environ.get(name, str(self.size))
            if int(told) != self.size:
                raise RankError(
                    f"The launcher started {told} ranks ({name}), but this process "
                    f"sees {self.size}: the launcher belongs to another MPI than "
                    f"mpi4py. Use {Path(sys.executable).parent / 'mpiexec'}."
                )

    def _split_into_nodes(self, ranks_per_node: int | None) -> Any:
        """Return the communicator of the ranks that share memory with this one."""
        if ranks_per_node is None:
            return self._world.Split_type(self._mpi.COMM_TYPE_SHARED, key=self.rank)
        if self.size % ranks_per_node:
            raise ConfigError(
                f"ranks.per_node must divide the number of ranks, got "
                f"{ranks_per_node} for {self.size} ranks."
            )
        return self._world.Split(self.rank // ranks_per_node, key=self.rank)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Take the time of a collective call, and tell who watches."""
        started = time.perf_counter()
        for mark in self._marks:
            mark(True)
        yield
        for mark in self._marks:
            mark(False)
        self.waited_s += time.perf_counter() - started

    def watch_waiting(self, mark: Callable[[bool], None] | None) -> None:
        """Call `mark` around every collective call, those of groups included."""
        self._marks[:] = [] if mark is None else [mark]

    def sum(self, x: NDArray[_Number]) -> NDArray[_Number]:
        """Return the sum over ranks."""
        total = np.empty_like(x)
        with self._waiting():
            self._world.Allreduce(np.ascontiguousarray(x), total, op=self._mpi.SUM)
        return total

    def gather(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the arrays of all ranks on every rank."""
        rows = np.empty((self.size, *x.shape), x.dtype)
        with self._waiting():
            self._world.Allgather(np.ascontiguousarray(x), rows)
        return rows

    def collect(self, data: bytes) -> list[bytes]:
        """Return the bytes of all ranks on rank 0."""
        with self._waiting():
            sizes = self._world.gather(len(data))
            received = bytearray(sum(sizes)) if self.rank == 0 else None
            counts = None if received is None else [received, sizes]
            self._world.Gatherv(data, counts)
        if received is None:
            return []
        ends = np.cumsum([0, *sizes]).tolist()
        view = memoryview(received)
        return [bytes(view[a:b]) for a, b in pairwise(ends)]

    def broadcast(self, x: NDArray[_Number], root: int) -> NDArray[_Number]:
        """Return the array of rank `root` on every rank."""
        sent = np.array(x, order="C")
        with self._waiting():
            self._world.Bcast(sent, root)
        return sent

    def shared(self, shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array in a window of memory that the node's ranks share."""
        kind = np.dtype(dtype)
        n_bytes = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        is_owner = self._node.Get_rank() == 0
        window = self._mpi.Win.Allocate_shared(
            n_bytes if is_owner else 0, kind.itemsize, comm=self._node
        )
        window.Lock_all()  # for good: ranks read and write it as their own memory
        self._windows.append(window)
        buffer, _ = window.Shared_query(0)
        array: NDArray[Any] = np.frombuffer(
            buffer, kind, count=n_bytes // kind.itemsize
        )
        array = array.reshape(tuple(shape))
        if is_owner:
            array[...] = 0
        self.node_barrier()
        return array

    def barrier(self) -> None:
        """Wait for all ranks."""
        with self._waiting():
            self._world.Barrier()

    def node_barrier(self) -> None:
        """Wait for the ranks of the node."""
        for window in self._windows:
            window.Sync()
        with self._waiting():
            self._node.Barrier()
        for window in self._windows:
            window.Sync()

    def group(self, ranks: Sequence[int]) -> "MpiComm | None":
        """Return a world of some ranks alone."""
        is_in = self.rank in ranks
        color = 0 if is_in else self._mpi.UNDEFINED
        part = self._world.Split(color, key=self.rank)
        if not is_in:
            return None
        group = MpiComm(world=part)
        group._marks = self._marks
        return group

    def meets_all(self, patience_s: float) -> bool:
        """Whether all ranks call this within `patience_s` of one another."""
        request = self._meeting.Ibarrier()
        deadline = time.monotonic() + patience_s
        while not request.Test():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def abort(self, exit_code: int) -> NoReturn:
        """End the job on every rank."""
        sys.stderr.flush()
        time.sleep(_DRAIN_S)
        self._world.Abort(exit_code)
        sys.exit(exit_code)


def is_launched_by_mpi() -> bool:
    """Whether an MPI launcher started this process."""
    return any(name in os.environ for name in _LAUNCHER_VARIABLES)


def make_comm(ranks_per_node: int | None = None) -> Comm:
    """Return all ranks of the job: MPI's under a launcher, else this process.

    Parameters
    ----------
    ranks_per_node : int, optional
        Declares nodes; see `MpiComm`.
    """
    return MpiComm(ranks_per_node) if is_launched_by_mpi() else LocalComm()
