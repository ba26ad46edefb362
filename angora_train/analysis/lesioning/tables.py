# SPDX-License-Identifier: Apache-2.0
"""Tables: what a sweep leaves in its folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from angora_train.analysis.lesioning.effects import (
    dissociations,
    losses_by_goal,
    losses_by_outcome,
    losses_by_task,
)
from angora_train.analysis.lesioning.sweep import Sweep
from atlasnet.files import replacing, write_text

__all__ = ["matrices", "save_sweeps"]

Matrix = dict[str, dict[str, NDArray[np.float64]]]


def matrices(sweeps: Mapping[str, Sweep]) -> dict[str, Matrix]:
    """Return what is lost by condition and column, of what there are two of each.

    Parameters
    ----------
    sweeps : mapping of str to Sweep
        By subject.

    Returns
    -------
    dict of str to dict
        ``outcome`` and ``goal``, of the first subject, and ``task`` where there are
        several subjects; see :mod:`angora_train.analysis.lesioning.effects`.
    """
    first = next(iter(sweeps.values()))
    found = {
        "outcome": losses_by_outcome(first),
        "goal": losses_by_goal(first),
        "task": losses_by_task(sweeps) if len(sweeps) > 1 else {},
    }
    return {
        name: losses
        for name, losses in found.items()
        if len(losses) > 1 and len(next(iter(losses.values()))) > 1
    }


def save_sweeps(
    table: pd.DataFrame, sweeps: Mapping[str, Sweep], folder: Path, seed: int
) -> None:
    """Write effects, double dissociations and episodes, each whole or not at all.

    Parameters
    ----------
    table : pandas.DataFrame
        See :func:`angora_train.analysis.lesioning.effects.effects`.
    sweeps : mapping of str to Sweep
        By subject.
    folder : Path
        Where ``lesion.csv``, ``lesion_dissociations.csv`` (where there is what can be
        dissociated) and ``lesion.nc`` are written.
    seed : int
        Of the resampling.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "lesion.csv", table.to_csv(index=False, float_format="%.6g"))
    rows = [
        dissociations(losses, seed).assign(columns=name)
        for name, losses in matrices(sweeps).items()
    ]
    if rows:
        text = pd.concat(rows).to_csv(index=False, float_format="%.6g")
        write_text(folder / "lesion_dissociations.csv", text)
    with replacing(folder / "lesion.nc") as temporary:
        _episodes(sweeps).to_netcdf(temporary, engine="h5netcdf")


def _episodes(sweeps: Mapping[str, Sweep]) -> xr.Dataset:
    """Return each episode of every condition: (played, episode)."""
    rows: list[tuple[str, str, int]] = []
    values: dict[str, list[NDArray[np.float64]]] = {}
    names = dict.fromkeys(x for s in sweeps.values() for x in s.outcomes[0])
    n_episodes = max(sweep.n_episodes for sweep in sweeps.values())
    for subject, sweep in sweeps.items():
        for one, outcomes in zip(sweep.conditions, sweep.outcomes, strict=True):
            rows.append((subject, one.name, one.draw or 0))
            for name in names:
                row = np.full(n_episodes, np.nan)
                row[: sweep.n_episodes] = outcomes.get(name, np.nan)
                values.setdefault(name, []).append(row)
    subjects, conditions, draws = (list(x) for x in zip(*rows, strict=True))
    data: dict[str, Any] = {
        name: (("played", "episode"), np.array(x)) for name, x in values.items()
    }
    return xr.Dataset(
        data,
        coords={
            "subject": ("played", np.array(subjects, str)),
            "condition": ("played", np.array(conditions, str)),
            "draw": ("played", np.array(draws)),
            "episode": np.arange(n_episodes),
        },
    )
