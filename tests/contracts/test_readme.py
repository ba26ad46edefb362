# SPDX-License-Identifier: Apache-2.0
"""The README keeps its word."""

from pathlib import Path

import pytest

from tests.contracts.documents import ROOT, blocks

README = ROOT / "README.md"


def test_the_example_is_one_block_of_about_ten_lines() -> None:
    (example,) = blocks(README, "python")
    assert 8 <= len([line for line in example.splitlines() if line]) <= 12


@pytest.mark.slow
def test_the_example_runs_and_shows_what_the_text_says(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = blocks(README, "python")
    exec(compile(example, str(README), "exec"), {})
    count, shape = capsys.readouterr().out.splitlines()
    # 4p left: 1547 mm3 by the density of its homologue FA, 21,035.3 cells per mm3.
    assert float(count) == pytest.approx(1547 * 21035.3, rel=1e-5)
    assert shape == "(1, 5, 220)"  # 20 actuators with 11 bins
    assert (tmp_path / "fpn.keras").stat().st_size > 1_000_000


def test_what_it_is_takes_three_lines() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert all(lines[i] for i in (2, 3, 4))
    assert not lines[5]
