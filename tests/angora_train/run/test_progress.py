# SPDX-License-Identifier: Apache-2.0
import math
from typing import Any

import pytest

from angora_train.run.progress import cycles


def cycle(number: int, mean: float | None = 2.0) -> dict[str, Any]:
    return {
        "cycle": number,
        "rollout/return": mean,
        "rollout/success": 0.25,
        "time/steps_per_s": 1234.5,
    }


def test_in_a_file_the_first_cycle_and_the_last_are_lines_said_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with cycles(4) as show:
        for number in (1, 1, 2, 3, 4, 4):
            show(cycle(number))
    text = "return 2.00  success 0.25  1234 samples/s"
    assert capsys.readouterr().err == f"cycle 1/4  {text}\ncycle 4/4  {text}\n"


@pytest.mark.parametrize("mean", [None, math.nan])
def test_without_an_episode_that_ended_there_is_no_return(
    mean: float | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with cycles(1) as show:
        show(cycle(1, mean))
    assert capsys.readouterr().err == "cycle 1/1  1234 samples/s\n"


def test_in_a_terminal_the_bar_shows_the_latest_metrics(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as if standard error were a terminal
    with cycles(4) as show:
        show(cycle(3))
    said = capsys.readouterr().err
    assert "/4" in said
    assert "return 2.00" in said
