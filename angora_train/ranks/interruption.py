# SPDX-License-Identifier: Apache-2.0
"""Interruption: a signal that asks a run to end where it can be resumed."""

import signal
import threading
from types import FrameType
from typing import Any, Self

import numpy as np

from angora_train.ranks.comm import Comm

__all__ = ["Interruption"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Notes SIGINT (Ctrl-C) and SIGTERM (a cluster's time limit) while it is entered.

    The first signal is only noted; a second SIGINT raises `KeyboardInterrupt`, as
    without this class. A SIGINT that was ignored before stays ignored, as shells ask of
    what they start in the background. Outside the main thread, where Python sets no
    handlers, nothing is noted.
    """

    def __init__(self) -> None:
        self._noted = 0
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for kind in _SIGNALS:
                found = signal.getsignal(kind)
                if kind == signal.SIGTERM or found != signal.SIG_IGN:
                    self._previous[kind] = found
                    signal.signal(kind, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for kind, handler in self._previous.items():
            signal.signal(kind, handler)
        self._previous.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal; give way to Python's own handling of a second."""
        if self._noted and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._noted = number

    def agreed(self, comm: Comm) -> int:
        """Return the signal that any rank has got, or 0; every rank calls this."""
        return int(comm.gather(np.array([float(self._noted)])).max())
