# SPDX-License-Identifier: Apache-2.0
"""Scheduler: an experiment's runs in processes of their own, a core each."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from angora_train.experiment.plan import PlannedRun
from angora_train.experiment.state import State, n_cycles_done, state_of

__all__ = [
    "Progress",
    "available_cores",
    "keep_to_core",
    "own_command",
    "run_side_by_side",
]

_POLL_S = 1.0

Progress = Callable[[int, int, str], None]
"""Is told how many cycles of all are done, how many there are, and how it goes."""


def available_cores() -> tuple[int, ...]:
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


@dataclass
class _Job:
    """A run that is being made."""

    run: PlannedRun
    process: "subprocess.Popen[bytes]"
    core: int
    log: IO[bytes]


@dataclass
class _Pace:
    """How fast cycles are made, for the time that is left."""

    first: int
    began_s: float = field(default_factory=time.monotonic)

    def left(self, done: int, total: int) -> str:
        """Return how long what is left takes, in words."""
        made, spent_s = done - self.first, time.monotonic() - self.began_s
        if made < 1 or spent_s < _POLL_S or done >= total:
            return ""
        minutes = (total - done) * spent_s / made / 60.0
        if minutes >= 90.0:
            return f", about {minutes / 60.0:.1f} h left"
        return f", about {max(1, round(minutes))} min left"


def run_side_by_side(
    runs: Sequence[PlannedRun],
    command: Callable[[PlannedRun], Sequence[str]],
    cores: Sequence[int],
    *,
    on_end: Callable[[PlannedRun], None],
    progress: Progress,
) -> dict[str, State]:
    """Make all runs that are not done, as many at a time as there are cores.

    A run that fails does not end the others. Interrupted, all runs end after their
    cycle with a checkpoint, and go on when the experiment is begun again.

    Parameters
    ----------
    runs : sequence of PlannedRun
        The runs, in their order.
    command : callable
        The words of the command that makes a run.
    cores : sequence of int
        Cores to keep processes on, one each.
    on_end : callable
        Is told of each run that ended.
    progress : callable
        Is told how far all runs together are.

    Returns
    -------
    dict of str to str
        State of each run by its name, as of :func:`state_of`.

    Raises
    ------
    KeyboardInterrupt
        If interrupted, when all runs have ended.
    """
    waiting = [run for run in runs if _is_open(state_of(run))]
    free, jobs = list(cores), list[_Job]()
    pace = _Pace(sum(map(n_cycles_done, runs)))
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        while waiting or jobs:
            while waiting and free:
                run = waiting.pop(0)
                jobs.append(_start(run, command(run), free.pop(0)))
            time.sleep(_POLL_S)
            for job in [one for one in jobs if one.process.poll() is not None]:
                jobs.remove(job)
                free.append(job.core)
                _finish(job)
                on_end(job.run)
            _tell(runs, jobs, pace, progress)
    except BaseException:  # whatever ends the experiment ends its runs
        for job in jobs:
            job.process.send_signal(signal.SIGTERM)
        for job in jobs:
            job.process.wait()
            job.log.close()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
    return {run.name: state_of(run) for run in runs}


def _is_open(state: State) -> bool:
    """Tell whether a run in that state is to be made."""
    return state not in ("done", "running")


def _interrupt(number: int, _frame: object) -> None:
    """Let SIGTERM end an experiment as Ctrl-C does."""
    raise KeyboardInterrupt(number)


def _start(run: PlannedRun, words: Sequence[str], core: int) -> _Job:
    """Start the process of a run; what it says goes to a file in its folder."""
    run.folder.mkdir(parents=True, exist_ok=True)
    log = (run.folder / "log.txt").open("ab")
    process = subprocess.Popen(  # our own command
        list(words),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C reaches them once, from here
        env={**os.environ, "ANGORA_CORE": str(core)},
    )
    return _Job(run, process, core, log)


def _finish(job: _Job) -> None:
    """Note the failure of a run that ended with an error."""
    job.log.close()
    code = job.process.returncode
    if code and state_of(job.run) != "done":
        words = _last_lines(job.run.folder / "log.txt")
        text = f"Ended with exit code {code}:\n\n{words}"
        (job.run.folder / "failure.txt").write_text(text, encoding="utf-8")


def _last_lines(path: Path, n: int = 20) -> str:
    """Return the end of a text file."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-n:]) + "\n"


def _tell(
    runs: Sequence[PlannedRun], jobs: Sequence[_Job], pace: _Pace, progress: Progress
) -> None:
    """Tell how far all runs together are."""
    done = sum(map(n_cycles_done, runs))
    total = sum(run.config.n_cycles for run in runs)
    finished = sum(n_cycles_done(run) >= run.config.n_cycles for run in runs)
    text = f"{finished}/{len(runs)} runs done, {len(jobs)} under way"
    progress(done, total, text + pace.left(done, total))


def keep_to_core() -> None:
    """Keep this process to the core that the scheduler gave it, if it gave one."""
    core = os.environ.get("ANGORA_CORE")
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core)})


def own_command() -> list[str]:
    """Return the words that call this program's commands in a new process."""
    return [sys.executable, "-m", "angora_train.commands.app"]
