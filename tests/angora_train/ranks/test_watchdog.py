# SPDX-License-Identifier: Apache-2.0
import threading
import time

import pytest

from angora_train.ranks.comm import LocalComm
from angora_train.ranks.watchdog import Watchdog


@pytest.mark.slow
def test_a_rank_without_progress_is_named_and_the_job_is_ended(
    capfd: pytest.CaptureFixture[str],
) -> None:
    codes: list[int] = []
    ended = threading.Event()

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    with Watchdog(LocalComm(), 0.2, end):
        assert ended.wait(30)
    assert codes == [1]
    said = capfd.readouterr().err
    assert "rank 0 has made no progress for 0.2 s" in said
    assert "test_watchdog.py" in said  # where it stands


@pytest.mark.slow
def test_signs_of_life_keep_a_rank_alive() -> None:
    codes: list[int] = []
    with Watchdog(LocalComm(), 0.5, codes.append) as watchdog:
        for _ in range(20):
            time.sleep(0.05)
            watchdog.beat()
        assert watchdog.stalled() == []
    assert codes == []


def test_who_waits_for_others_is_not_stalled() -> None:
    watchdog = Watchdog(LocalComm(), 0.05, lambda code: None)
    watchdog._mark(True)
    time.sleep(0.1)
    assert watchdog.stalled() == []
    watchdog._mark(False)
    time.sleep(0.1)
    assert watchdog.stalled() == [0]
