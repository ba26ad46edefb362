# SPDX-License-Identifier: Apache-2.0
"""State: where a run of an experiment stands, by what is in its folder."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from angora_train.errors import CheckpointError
from angora_train.experiment.plan import PlannedRun
from angora_train.run.checkpoint import is_finished

__all__ = ["State", "locked", "n_cycles_done", "state_of"]

State = Literal["waiting", "running", "interrupted", "failed", "done"]

_LOCK, _FAILURE = "lock", "failure.txt"
_TAIL_BYTES = 65_536  # of a run's metrics: some cycles


def state_of(run: PlannedRun) -> State:
    """Return where a run stands.

    Parameters
    ----------
    run : PlannedRun
        The run.

    Returns
    -------
    {"waiting", "running", "interrupted", "failed", "done"}
        ``running`` is what a process of this machine has locked; ``failed`` what ended
        with an error and has not been begun again.
    """
    if (run.folder / "checkpoints" / "last").is_file() and is_finished(run.config):
        return "done"
    if _is_locked(run.folder):
        return "running"
    if (run.folder / _FAILURE).is_file():
        return "failed"
    has_begun = (run.folder / "checkpoints" / "last").is_file()
    return "interrupted" if has_begun else "waiting"


def n_cycles_done(run: PlannedRun) -> int:
    """Return how many cycles a run has written down."""
    path = run.folder / "metrics.jsonl"
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return 0
    for line in reversed(lines):
        try:
            return int(json.loads(line)["cycle"])
        except (ValueError, KeyError, TypeError):  # the line is being written
            continue
    return 0


@contextmanager
def locked(run: PlannedRun) -> Iterator[Path]:
    """Hold a run while it is made, so that no other process makes it too.

    The lock ends with the process, however that ends.

    Yields
    ------
    Path
        Where to tell of a failure.

    Raises
    ------
    CheckpointError
        If another process holds it.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    with (run.folder / _LOCK).open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CheckpointError(
                f"The run '{run.name}' in '{run.folder}' is being made by another "
                "process."
            ) from error
        failure = run.folder / _FAILURE
        failure.unlink(missing_ok=True)
        yield failure


def _is_locked(folder: Path) -> bool:
    """Tell whether a process holds a run."""
    try:
        with (folder / _LOCK).open("r", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
