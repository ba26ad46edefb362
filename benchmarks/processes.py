# SPDX-License-Identifier: Apache-2.0
"""Processes that a benchmark starts: what they print, and why they failed."""

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["ProcessError", "plain", "run"]

_GRACE_S = 10.0
"""Between the request to end and the order."""
_LONGEST = 300
_CODES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ADDRESS = re.compile(r"\b[\w+]+://[^\s'\"]+")
_TELLING = re.compile(r"error", re.IGNORECASE)


class ProcessError(RuntimeError):
    """A process failed or took too long; the message is one line."""


def run(
    command: Sequence[object],
    *,
    timeout_s: float,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a command and return what it prints.

    The command and all that it starts form a group of their own, which ends with it:
    no rank is left behind by a time limit or by Ctrl-C.

    Parameters
    ----------
    command : sequence
        Program and arguments, words and paths.
    timeout_s : float
        Time limit, in s.
    directory : Path, optional
        Where to run it; else here.
    environment : mapping of str to str, optional
        All of its environment variables; else ours.

    Returns
    -------
    str
        Standard output.

    Raises
    ------
    ProcessError
        If it cannot be started, takes too long, or its exit code is not 0.
    """
    words = [str(word) for word in command]
    name = Path(words[0]).name
    try:
        process = subprocess.Popen(
            words,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ProcessError(f"{name} could not be started: {error}") from error
    with process:
        try:
            output, errors = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            _end(process)
            raise ProcessError(f"{name} took more than {timeout_s:g} s") from error
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        why = _reason(errors) or _reason(output) or "no message"
        raise ProcessError(f"{name} ended with exit code {process.returncode}: {why}")
    return output


def plain(text: str) -> str:
    r"""Return a terminal's text without colours; a return starts a new line.

    Parameters
    ----------
    text : str
        As it was printed.

    Returns
    -------
    str
        The same words.

    Examples
    --------
    >>> plain("\x1b[92m1/4\x1b[0m")
    '1/4'
    """
    return _CODES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def _end(process: subprocess.Popen[str]) -> None:
    """Ask a process and its group to end, and then see to it."""
    # Not SIGINT: what is started in the background of a script ignores it.
    for request in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, request)
            process.communicate(timeout=_GRACE_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _reason(text: str) -> str:
    """Return the line that says most: the last that names an error, or the last."""
    lines = [line.strip() for line in plain(text).splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.search(line)] or lines
    return _ADDRESS.sub("(address)", telling[-1])[:_LONGEST] if telling else ""
