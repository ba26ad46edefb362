# SPDX-License-Identifier: Apache-2.0
"""Group: runs that differ in their seed alone, and what they say together.

::

    runs/reach/
      seed-0/ seed-1/ ...    a run each
      group.json             mean, interval and best run
      group.png              learning curves
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from angora_train.analysis.intervals import student_interval
from angora_train.errors import CheckpointError
from angora_train.run.metrics import read_metrics
from atlasnet.files import write_text

__all__ = ["Group", "read_group", "seed_folder"]

_LAST_SHARE = 0.1
"""Share of a run, at its end, whose episodes are its result. Ours."""


def seed_folder(directory: Path | str, seed: int) -> Path:
    """Return the folder of one run of a group."""
    return Path(directory) / f"seed-{seed}"


@dataclass(frozen=True)
class Group:
    """What runs of several seeds say together.

    Attributes
    ----------
    seeds : tuple of int
        Seeds whose runs are there.
    samples : ndarray of float64, shape (n_cycles,)
        Control steps after each cycle that all runs have.
    returns : ndarray of float64, shape (n_seeds, n_cycles)
        Mean return of the episodes of each cycle; NaN where none ended.
    """

    seeds: tuple[int, ...]
    samples: NDArray[np.float64]
    returns: NDArray[np.float64]

    @property
    def results(self) -> NDArray[np.float64]:
        """Mean return of each run's last tenth, shape (n_seeds,)."""
        n_last = max(1, round(_LAST_SHARE * self.returns.shape[1]))
        return np.array([_mean(row[-n_last:]) for row in self.returns])

    @property
    def best_seed(self) -> int:
        """Seed of the run with the highest result."""
        results = np.where(np.isnan(self.results), -np.inf, self.results)
        return self.seeds[int(np.argmax(results))]

    def summary(self) -> dict[str, Any]:
        """Return the group's result as plain data."""
        known = self.results[~np.isnan(self.results)]
        interval = student_interval(known) if len(known) else None
        return {
            "seeds": list(self.seeds),
            "samples": float(self.samples[-1]),
            "results": [None if math.isnan(x) else x for x in self.results.tolist()],
            "return": None if interval is None else _finite(asdict(interval)),
            "best_seed": self.best_seed,
        }

    def save(self, directory: Path | str) -> None:
        """Write ``group.json``."""
        write_text(Path(directory) / "group.json", json.dumps(self.summary(), indent=1))


def read_group(directory: Path | str) -> Group:
    """Read the runs of a group.

    Parameters
    ----------
    directory : Path or str
        The group's folder.

    Returns
    -------
    Group
        All runs that have metrics, over the cycles that all of them have.

    Raises
    ------
    CheckpointError
        If there is none.
    """
    directory = Path(directory)
    rows = {
        int(folder.name.removeprefix("seed-")): read_metrics(folder / "metrics.jsonl")
        for folder in directory.glob("seed-*")
        if folder.name.removeprefix("seed-").isdecimal()
    }
    rows = {seed: metrics for seed, metrics in sorted(rows.items()) if metrics}
    if not rows:
        raise CheckpointError(
            f"There is no run 'seed-N' with metrics in '{directory}'. Make some with: "
            "angora-train run CONFIG --seeds 0-4"
        )
    n_cycles = min(map(len, rows.values()))
    returns = [
        [_number(row["rollout/return"]) for row in m[:n_cycles]] for m in rows.values()
    ]
    first: Sequence[dict[str, Any]] = next(iter(rows.values()))
    return Group(
        tuple(rows),
        np.array([row["samples"] for row in first[:n_cycles]], np.float64),
        np.array(returns, np.float64),
    )


def _number(value: float | None) -> float:
    """Return a metric, NaN where it is missing."""
    return math.nan if value is None else value


def _mean(values: NDArray[np.float64]) -> float:
    """Return the mean of what is there; NaN where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _finite(numbers: dict[str, float]) -> dict[str, float | None]:
    """Return numbers as JSON knows them."""
    return {k: v if math.isfinite(v) else None for k, v in numbers.items()}
