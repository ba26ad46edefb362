# SPDX-License-Identifier: Apache-2.0
"""Metrics of a run: one JSON object a cycle, one line each."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tensorboardX import SummaryWriter

from angora_train.learning.episodes import Episode
from angora_train.ranks.comm import Comm
from atlasnet.files import write_text

__all__ = ["MetricsWriter", "read_metrics", "summarize"]


class MetricsWriter:
    """Appends metrics to a file, one line a cycle, and to TensorBoard's event files.

    Parameters
    ----------
    path : Path or str
        The file. TensorBoard's are in the folder ``tensorboard`` beside it, where
        steps are control steps of all worlds.
    n_cycles : int
        Cycles to keep of what is there already: a resumed run goes on after its
        checkpoint, and what came later is dropped.
    """

    def __init__(self, path: Path | str, n_cycles: int) -> None:
        self._path = path = Path(path)
        kept = [row for row in read_metrics(path) if row["cycle"] <= n_cycles]
        text = "".join(json.dumps(row) + "\n" for row in kept)
        write_text(path, text)
        self._events = SummaryWriter(
            str(path.parent / "tensorboard"),
            purge_step=int(kept[-1].get("samples", 0)) + 1 if kept else 0,
            write_to_disk=True,
        )

    def write(self, row: Mapping[str, Any]) -> None:
        """Append one cycle's metrics."""
        finite = {
            key: None
            if isinstance(value, float) and not math.isfinite(value)
            else value
            for key, value in row.items()
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(finite) + "\n")
        for key, value in finite.items():
            if isinstance(value, float):
                self._events.add_scalar(key, value, int(row.get("samples", 0)))
        self._events.flush()

    def close(self) -> None:
        """Finish the event files."""
        self._events.close()


def read_metrics(path: Path | str) -> list[dict[str, Any]]:
    """Return a run's metrics, one dict a cycle; a line cut short is left out."""
    path = Path(path)
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:  # the run was killed in the middle of a line
            break
    return rows


def summarize(
    comm: Comm,
    episodes: Sequence[Episode],
    terms: Sequence[str],
    facts: Sequence[str] = ("distance_m",),
) -> dict[str, float]:
    """Return means over the episodes of all ranks.

    Parameters
    ----------
    comm : Comm
        The ranks; each gives its own episodes.
    episodes : sequence of Episode
        Episodes that ended in this cycle on this rank.
    terms : sequence of str
        Names of the terms of the reward, the same on every rank.
    facts : sequence of str
        Names of the task's metrics, the same on every rank.

    Returns
    -------
    dict of str to float
        ``rollout/return``, ``rollout/success``, each of the task's metrics, such as
        ``rollout/distance_m``, ``rollout/length``, ``rollout/episodes`` and the sum of
        each term of the reward; NaN where no episode ended on any rank.
    """
    names = [
        "rollout/return",
        "rollout/success",
        *(f"rollout/{fact}" for fact in facts),
        "rollout/length",
    ]
    rows = np.array(
        [
            [
                episode.total_reward,
                episode.is_success,
                *(episode.facts[fact] for fact in facts),
                episode.n_steps,
                *(episode.terms[term] for term in terms),
            ]
            for episode in episodes
        ],
        dtype=np.float64,
    ).reshape(-1, len(names) + len(terms))
    total = comm.sum(np.array([len(rows), *rows.sum(axis=0)]))
    n_episodes = float(total[0])
    means = total[1:] / n_episodes if n_episodes else np.full(len(total) - 1, np.nan)
    metrics = dict(zip([*names, *terms], means.tolist(), strict=True))
    return {**metrics, "rollout/episodes": n_episodes}
