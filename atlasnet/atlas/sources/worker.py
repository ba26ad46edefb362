# SPDX-License-Identifier: Apache-2.0
"""Worker: a process that answers calls, each within a time limit.

A library that sets no limit on its own requests cannot be stopped from within: a
socket that never answers holds its thread for good. So it runs in a process of its
own, which is ended when a limit passes. Calls and answers are lines of JSON.
"""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from textwrap import shorten
from typing import IO, Any, Self

__all__ = ["Progress", "Worker", "WorkerFailure", "serve"]

Progress = Callable[[str, int, int], None]
"""Told what is being read, how much of it has been, and how much there is."""

_END_S = 5.0
"""Patience with a process that was told to end, in s."""
_N_REASON_LINES = 200
_N_LETTERS = 300


class WorkerFailure(Exception):  # noqa: N818 (its caller turns it into an error)
    """A call without an answer; the message says why, in one line."""


class Worker:
    """A process that answers calls; a context manager.

    Parameters
    ----------
    program : str
        Python code that the process runs; it ends in a call of :func:`serve`.
    timeout_s : float
        Longest time without an answer or a sign of progress, in s.
    environment : mapping of str to str, optional
        Further environment variables of the process.
    """

    def __init__(
        self,
        program: str,
        timeout_s: float,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **(environment or {})},
            text=True,
            encoding="utf-8",
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, name: str, on_progress: Progress | None = None, **given: Any) -> Any:
        """Call a function of the process and return its answer.

        Parameters
        ----------
        name : str
            Name of the function.
        on_progress : callable, optional
            Told of the call's progress.
        **given : JSON value
            Arguments of the function.

        Returns
        -------
        JSON value
            Its answer.

        Raises
        ------
        WorkerFailure
            If the process ends, or gives no sign for longer than the limit. Either
            way it is gone afterwards.
        """
        if self._process.stdin is None:
            raise WorkerFailure("the process has no input")
        try:
            self._process.stdin.write(json.dumps({"call": name, "given": given}) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise WorkerFailure(self._reason()) from error
        while True:
            try:
                line = self._lines.get(timeout=self._timeout_s)
            except queue.Empty as error:
                self.close()
                within = f"no answer within {self._timeout_s:g} s"
                raise WorkerFailure(within) from error
            if not line:
                raise WorkerFailure(self._reason())
            answer = json.loads(line)
            if "answer" in answer:
                return answer["answer"]
            if on_progress is not None:
                on_progress(*answer["progress"])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait(_END_S)
        self._reader.join(_END_S)
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None and not stream.closed:
                with suppress(BrokenPipeError):
                    stream.close()

    def _read(self) -> None:
        """Pass lines on; an empty one says that the process has ended."""
        for line in self._process.stdout or ():
            self._lines.put(line)
        self._lines.put("")

    def _reason(self) -> str:
        """Return why the process ended: its last words, and what it logged."""
        self._process.wait(_END_S)
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").splitlines()
        said = [line.strip() for line in lines[-_N_REASON_LINES:] if line.strip()]
        if not said:
            return f"the process ended with exit code {self._process.returncode}"
        logged = [line for line in said if ":ERROR]" in line]
        words = dict.fromkeys([*logged[-1:], _last_words(said)])
        return "; ".join(shorten(word, _N_LETTERS) for word in words)


def _last_words(lines: list[str]) -> str:
    """Return the line of a traceback that names the exception, or the last line."""
    for line in reversed(lines):
        kind = line.partition(":")[0]
        if kind.replace(".", "").isidentifier() and kind[-1].isalpha() and "." in line:
            return line
    return lines[-1]


def serve(functions: Mapping[str, Callable[..., Any]]) -> None:
    """Answer calls from standard input until it ends.

    Whatever else the process prints goes to standard error. A function gets its
    arguments and ``tell``, to report progress with.

    Parameters
    ----------
    functions : mapping of str to callable
        What can be called.
    """
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)

        def say(message: Mapping[str, Any]) -> None:
            answers.write(json.dumps(message) + "\n")
            answers.flush()

        def tell(what: str, done: int, total: int) -> None:
            say({"progress": [what, done, total]})

        for line in sys.stdin:
            request = json.loads(line)
            function = functions[request["call"]]
            say({"answer": function(tell=tell, **request["given"])})
