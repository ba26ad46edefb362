# SPDX-License-Identifier: Apache-2.0
import json
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from angora_train.analysis.figures import plot_distribution, plot_group
from angora_train.analysis.group import read_group
from angora_train.commands import app as cli
from angora_train.errors import CheckpointError


def write_runs(directory: Path) -> None:
    """Three runs of ten cycles whose returns end at 1, 2 and 6; one ends sooner."""
    for seed, (end, n_cycles) in enumerate([(1.0, 10), (2.0, 10), (6.0, 12)]):
        folder = directory / f"seed-{seed}"
        folder.mkdir()
        rows = [
            {
                "cycle": i,
                "samples": 100 * i,
                "rollout/return": None if i == 1 else end * min(i, 10) / 10,
            }
            for i in range(1, n_cycles + 1)
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "metrics.jsonl").write_text(text)


def test_a_group_by_hand(tmp_path: Path) -> None:
    write_runs(tmp_path)
    group = read_group(tmp_path)
    assert group.seeds == (0, 1, 2)
    assert group.samples[-1] == 1000  # cycles that all runs have
    # The last tenth of ten cycles is the last one.
    assert group.results.tolist() == [1.0, 2.0, 6.0]
    assert group.best_seed == 2
    summary = group.summary()
    # Mean 3, standard deviation sqrt(7), t with 2 degrees of freedom 4.3027.
    half = 4.3027 * math.sqrt(7 / 3)
    assert summary["return"]["mean"] == 3.0
    assert summary["return"]["high"] == pytest.approx(3 + half, abs=1e-3)


def test_the_group_command_writes_summary_and_figure(tmp_path: Path) -> None:
    write_runs(tmp_path)
    done = CliRunner().invoke(cli.app, ["group", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "2  best" in done.output
    assert json.loads((tmp_path / "group.json").read_text())["best_seed"] == 2
    assert (tmp_path / "group.png").read_bytes().startswith(b"\x89PNG")


def test_an_empty_group_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="--seeds 0-4"):
        read_group(tmp_path)


def test_curves_bridge_gaps_and_are_drawn(tmp_path: Path) -> None:
    write_runs(tmp_path)
    ax = plot_group(read_group(tmp_path))
    *thin, mean = ax.get_lines()
    assert len(thin) == 3
    # Nothing before the first episodes, which end in the second cycle; then the mean
    # of .2, .4 and 1.2.
    assert mean.get_xdata()[0] == 200
    assert mean.get_ydata()[0] == pytest.approx(0.6)


def test_a_distribution_has_a_bar_for_each_whole_number() -> None:
    ax = plot_distribution(np.array([0.0, 2.0, 2.0, 5.0]), "goals")
    assert [bar.get_height() for bar in ax.patches] == [1, 0, 2, 0, 0, 1]
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["mean 2.25", "median 2"]
