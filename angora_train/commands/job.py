# SPDX-License-Identifier: Apache-2.0
"""Job: training on all ranks, and what becomes of them when one of them fails."""

import traceback

import typer

from angora_train.config.run import RunConfig
from angora_train.errors import AngoraError, InterruptedRunError
from angora_train.ranks.comm import Comm, make_comm
from angora_train.run.progress import cycles
from atlasnet import AtlasNetError
from atlasnet.commands.arguments import (
    ERROR_EXIT_CODE,
    INTERRUPTED_EXIT_CODE,
    ErrorReportingGroup,
)
from atlasnet.commands.console import side_channel
from atlasnet.quiet import import_keras

__all__ = ["Commands", "Job", "train_on"]

_PATIENCE_S = 5.0
"""Time in which all ranks must fail for it to be one failure of all, s."""


_SIGNALLED = 128
"""What shells add to the number of a signal."""


class Commands(ErrorReportingGroup):
    """Commands whose deliberate errors are one message and exit code 2."""

    reported = (AngoraError, AtlasNetError)


class Job:
    """Ends the whole job when one rank fails.

    Where all ranks fail, as by a config that cannot run, the first speaks for them and
    each exits by itself. A rank that fails alone says so and ends the others, who may
    be waiting for it.
    """

    def __init__(self, comm: Comm) -> None:
        self._comm = comm

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if error is None or self._comm.size == 1 or isinstance(error, typer.Exit):
            return
        is_reported = isinstance(error, Commands.reported)
        exit_code = ERROR_EXIT_CODE if is_reported else 1
        if isinstance(error, KeyboardInterrupt):
            is_reported, exit_code = True, INTERRUPTED_EXIT_CODE
        is_common = self._comm.meets_all(_PATIENCE_S)
        if self._comm.rank == 0 or not is_common:
            self._say(error, is_reported)
        if is_common:
            raise typer.Exit(exit_code) from error
        self._comm.abort(exit_code)

    def _say(self, error: BaseException, is_reported: bool) -> None:
        """Say what happened on this rank."""
        if not is_reported:
            traceback.print_exception(error)
        text = "interrupted." if isinstance(error, KeyboardInterrupt) else error
        typer.echo(f"Error (rank {self._comm.rank}): {text}", err=True)


def train_on(config: RunConfig, comm: Comm, *, resume: bool) -> None:
    """Train on this rank, and show progress on the first.

    Parameters
    ----------
    config : RunConfig
        The run.
    comm : Comm
        The ranks.
    resume : bool
        Whether to go on from its last checkpoint.
    """
    import_keras()
    from angora_train.run.trainer import pin_to_core, train

    if config.ranks.per_node is not None:
        comm = make_comm(config.ranks.per_node)
    if comm.size > 1 and config.ranks.is_pinned:
        pin_to_core(comm.rank)
    try:
        if comm.rank:
            train(config, comm, resume=resume)
            return
        with cycles(config.n_cycles) as show:
            train(config, comm, show, resume=resume)
    except InterruptedRunError as error:
        if comm.rank == 0:
            side_channel().print(str(error))
        raise typer.Exit(_SIGNALLED + error.signal) from error
