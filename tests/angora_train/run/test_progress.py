# SPDX-License-Identifier: Apache-2.0
import io
import math
from typing import Any

import pytest
from rich.console import Console

from angora_train.run.progress import Bar


def cycle(number: int, mean: float | None = 2.0) -> dict[str, Any]:
    return {
        "cycle": number,
        "rollout/return": mean,
        "rollout/success": 0.25,
        "time/steps_per_s": 1234.5,
    }


def test_in_a_file_the_first_cycle_and_the_last_are_lines_said_once() -> None:
    said = io.StringIO()
    with Bar(Console(file=said, width=100), 4) as bar:
        for number in (1, 1, 2, 3, 4, 4):
            bar.show(cycle(number))
    text = "return 2.00  success 0.25  1234 samples/s"
    assert said.getvalue() == f"cycle 1/4  {text}\ncycle 4/4  {text}\n"


@pytest.mark.parametrize("mean", [None, math.nan])
def test_without_an_episode_that_ended_there_is_no_return(mean: float | None) -> None:
    said = io.StringIO()
    with Bar(Console(file=said, width=100), 1) as bar:
        bar.show(cycle(1, mean))
    assert said.getvalue() == "cycle 1/1  1234 samples/s\n"


def test_in_a_terminal_the_bar_shows_the_latest_cycle() -> None:
    said = io.StringIO()
    console = Console(file=said, width=120, force_terminal=True)
    with Bar(console, 4) as bar:
        bar.show(cycle(3))
    assert "3/4" in said.getvalue()
    assert "return 2.00" in said.getvalue()
