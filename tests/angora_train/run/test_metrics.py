# SPDX-License-Identifier: Apache-2.0
import math
from pathlib import Path

from angora_train.learning.episodes import Episode
from angora_train.ranks.comm import LocalComm
from angora_train.run.metrics import MetricsWriter, read_metrics, summarize


def test_a_resumed_run_drops_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    writer = MetricsWriter(path, 0)
    for cycle in (1, 2, 3):
        writer.write({"cycle": cycle, "x": float(cycle)})
    writer = MetricsWriter(path, 2)
    writer.write({"cycle": 3, "x": 30.0})
    assert [row["x"] for row in read_metrics(path)] == [1.0, 2.0, 30.0]


def test_a_line_cut_short_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"cycle": 1}\n{"cycle": 2, "x"')
    assert read_metrics(path) == [{"cycle": 1}]


def test_what_is_not_finite_is_null(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    MetricsWriter(path, 0).write({"cycle": 1, "return": math.nan})
    assert read_metrics(path) == [{"cycle": 1, "return": None}]


def test_means_over_episodes_by_hand() -> None:
    episodes = [
        Episode(-4.0, 10, True, {"reward/distance": -5.0}, {"distance_m": 0.01}),
        Episode(-8.0, 30, False, {"reward/distance": -8.0}, {"distance_m": 0.03}),
    ]
    assert summarize(LocalComm(), episodes, ["reward/distance"]) == {
        "rollout/return": -6.0,
        "rollout/success": 0.5,
        "rollout/distance_m": 0.02,
        "rollout/length": 20.0,
        "reward/distance": -6.5,
        "rollout/episodes": 2.0,
    }


def test_a_task_names_its_own_metrics() -> None:
    facts = [{"distance_rad": 0.5, "goals_reached": n} for n in (2.0, 5.0)]
    episodes = [Episode(0.0, 1, False, {}, fact) for fact in facts]
    metrics = summarize(LocalComm(), episodes, [], ["distance_rad", "goals_reached"])
    assert metrics["rollout/distance_rad"] == 0.5
    assert metrics["rollout/goals_reached"] == 3.5
    assert "rollout/distance_m" not in metrics


def test_without_episodes_there_is_no_mean() -> None:
    metrics = summarize(LocalComm(), [], ["reward/distance"])
    assert metrics["rollout/episodes"] == 0
    assert math.isnan(metrics["rollout/return"])
