# SPDX-License-Identifier: Apache-2.0
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from angora_train.ranks.comm import LocalComm
from angora_train.ranks.interruption import Interruption

Handle = Callable[[signal.Signals, Any], None]


@pytest.fixture
def handle() -> Iterator[Handle]:
    """Set handlers for one test: tests may have been started with others."""
    kinds = (signal.SIGINT, signal.SIGTERM)
    found = {kind: signal.getsignal(kind) for kind in kinds}
    yield lambda kind, handler: signal.signal(kind, handler) and None
    for kind, handler in found.items():
        signal.signal(kind, handler)


def test_a_first_signal_is_noted_and_a_second_interrupts(handle: Handle) -> None:
    handle(signal.SIGINT, signal.default_int_handler)
    with Interruption() as stop:
        assert stop.agreed(LocalComm()) == 0
        signal.raise_signal(signal.SIGINT)
        assert stop.agreed(LocalComm()) == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_ignored_interrupt_stays_ignored_and_a_termination_is_noted(
    handle: Handle,
) -> None:
    # What a shell passes on to a command that ends in "&".
    handle(signal.SIGINT, signal.SIG_IGN)
    handle(signal.SIGTERM, signal.SIG_IGN)
    with Interruption() as stop:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert stop.agreed(LocalComm()) == 0
        signal.raise_signal(signal.SIGTERM)
        assert stop.agreed(LocalComm()) == signal.SIGTERM
    for kind in (signal.SIGINT, signal.SIGTERM):
        assert signal.getsignal(kind) == signal.SIG_IGN
