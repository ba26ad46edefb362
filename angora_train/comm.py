# SPDX-License-Identifier: Apache-2.0
"""Collective arithmetic over the ranks of a job. The only door to mpi4py."""

import os
import sys
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from angora_train.errors import RankError

__all__ = ["Comm", "LocalComm", "MpiComm", "is_launched_by_mpi", "make_comm"]

_LAUNCHER_VARIABLES = ("PMI_SIZE", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE", "PMI_RANK")
"""Set by mpiexec of MPICH, Intel MPI, Open MPI, and by Slurm's srun --mpi."""


class Comm(Protocol):
    """Collective arithmetic over all ranks; every rank makes the same calls."""

    rank: int
    size: int

    def mean(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean over ranks of arrays of one shape."""

    def sum(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum over ranks of arrays of one shape."""

    def gather(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the arrays of all ranks, shape (size, ...), on every rank."""

    def barrier(self) -> None:
        """Wait for all ranks."""

    def abort(self, exit_code: int) -> NoReturn:
        """End the job on every rank."""


class LocalComm:
    """A world of one rank: every collective is the identity."""

    rank = 0
    size = 1

    def mean(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the array."""
        return x

    def sum(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the array."""
        return x

    def gather(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the array as the only one, shape (1, ...)."""
        return x[None]

    def barrier(self) -> None:
        """Return at once."""

    def abort(self, exit_code: int) -> NoReturn:
        """Exit."""
        sys.exit(exit_code)


class MpiComm:
    """All ranks that the MPI launcher started.

    Raises
    ------
    RankError
        If mpi4py or an MPI library is missing.
    """

    def __init__(self) -> None:
        try:
            from mpi4py import MPI
        except (ImportError, RuntimeError) as error:
            raise RankError(
                f"This process was started by an MPI launcher, but mpi4py cannot be "
                f'used: {error}. Install it with: pip install "atlasnet[train]"'
            ) from error
        self._mpi: Any = MPI
        self._world: Any = MPI.COMM_WORLD
        self.rank: int = self._world.Get_rank()
        self.size: int = self._world.Get_size()
        self._check_launcher()

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

    def mean(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean over ranks: one message."""
        total = np.empty_like(x)
        self._world.Allreduce(np.ascontiguousarray(x), total, op=self._mpi.SUM)
        return total / np.float32(self.size)

    def sum(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum over ranks."""
        total = np.empty_like(x)
        self._world.Allreduce(np.ascontiguousarray(x), total, op=self._mpi.SUM)
        return total

    def gather(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the arrays of all ranks on every rank."""
        rows = np.empty((self.size, *x.shape), x.dtype)
        self._world.Allgather(np.ascontiguousarray(x), rows)
        return rows

    def barrier(self) -> None:
        """Wait for all ranks."""
        self._world.Barrier()

    def abort(self, exit_code: int) -> NoReturn:
        """End the job on every rank."""
        sys.stderr.flush()
        self._world.Abort(exit_code)
        sys.exit(exit_code)


def is_launched_by_mpi() -> bool:
    """Whether an MPI launcher started this process."""
    return any(name in os.environ for name in _LAUNCHER_VARIABLES)


def make_comm() -> Comm:
    """Return all ranks of the job: MPI's under a launcher, else this process."""
    return MpiComm() if is_launched_by_mpi() else LocalComm()
