# SPDX-License-Identifier: Apache-2.0
"""Recordings whose distances are known, for tests of patterns and what follows."""

import json

import numpy as np
import xarray as xr
from numpy.typing import NDArray

__all__ = ["N_PHASES", "N_STEPS", "noisy", "recording"]

N_PHASES, N_STEPS = 2, 6


def recording(
    kinds: NDArray[np.int64],
    activity: NDArray[np.float64],
    areas: list[str] | None = None,
) -> xr.Dataset:
    """Return a recording with the activity given; what is sensed is zero."""
    n_episodes, n_steps, n_units = activity.shape
    nothing = np.zeros((n_episodes, n_steps, 2))
    of_unit = areas or ["A"] * n_units
    return xr.Dataset(
        {
            "activity": (("episode", "time", "unit"), activity),
            "goal_kind": ("episode", kinds),
            "n_steps": ("episode", np.full(n_episodes, n_steps)),
            **{
                name: (("episode", "time", f"{name}_channel"), nothing)
                for name in ("vision", "touch", "action")
            },
        },
        coords={"area": ("unit", np.array(of_unit))},
        attrs={"goal_names": json.dumps(["ff", "mf", "rf", "lf", "rest"])},
    )


def noisy(
    rng: np.random.Generator, n_per_kind: int, n_kinds: int, n_units: int, sd: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return kinds in turn, and one pattern of noise an episode and phase."""
    kinds = np.tile(np.arange(n_kinds), n_per_kind)
    noise = rng.normal(0.0, sd, (len(kinds), N_PHASES, n_units))
    return kinds, np.repeat(noise, N_STEPS // N_PHASES, axis=1)
