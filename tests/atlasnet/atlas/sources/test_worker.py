# SPDX-License-Identifier: Apache-2.0
import time

import pytest

from atlasnet.atlas.sources.worker import Worker, WorkerFailure

PROGRAM = """
import os, sys, time
from atlasnet.atlas.sources.worker import serve

def double(tell, x):
    print("not an answer")
    tell("doubling", 1, 2)
    return 2 * x

def sleep(tell):
    time.sleep(60)

def fail(tell):
    print("[siibra:ERROR] no such map", file=sys.stderr)
    raise ValueError("no hand")

def vanish(tell):
    os._exit(3)

serve({"double": double, "sleep": sleep, "fail": fail, "vanish": vanish})
"""


def test_a_call_is_answered_and_reports_its_progress() -> None:
    told = []
    with Worker(PROGRAM, 30.0) as worker:
        answer = worker.call("double", lambda *what: told.append(what), x=[1, "a"])
        assert answer == [1, "a", 1, "a"]
        assert worker.call("double", x=2) == 4
    assert told == [("doubling", 1, 2)]


def test_a_call_that_takes_too_long_is_ended() -> None:
    with Worker(PROGRAM, 30.0) as worker:
        worker.call("double", x=1)
        worker._timeout_s = 0.3
        started = time.monotonic()
        with pytest.raises(WorkerFailure, match=r"no answer within 0\.3 s"):
            worker.call("sleep")
        assert time.monotonic() - started < 10.0
        assert worker._process.poll() is not None


def test_a_process_that_fails_leaves_its_last_words() -> None:
    with Worker(PROGRAM, 30.0) as worker:
        with pytest.raises(WorkerFailure) as caught:
            worker.call("fail")
        reason = str(caught.value)
        assert reason == "[siibra:ERROR] no such map; ValueError: no hand"
        with pytest.raises(WorkerFailure):
            worker.call("double", x=1)


def test_a_process_that_vanishes_says_so() -> None:
    with (
        Worker(PROGRAM, 30.0) as worker,
        pytest.raises(WorkerFailure, match="exit code 3"),
    ):
        worker.call("vanish")
