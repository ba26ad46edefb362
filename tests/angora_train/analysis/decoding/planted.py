"""Recordings of areas whose content is known."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

__all__ = ["CONTROL_STEP_S", "recording", "slow"]

CONTROL_STEP_S = 0.04


def slow(
    rng: np.random.Generator, shape: tuple[int, ...], memory: float = 0.9
) -> NDArray[np.float32]:
    """Return noise of variance 1 that remembers the step before, along axis 1."""
    noise = rng.normal(size=shape)
    found = np.empty(shape)
    found[:, 0] = noise[:, 0]
    for t in range(1, shape[1]):
        found[:, t] = memory * found[:, t - 1] + np.sqrt(1 - memory**2) * noise[:, t]
    return found.astype(np.float32)


def recording(
    areas: dict[str, NDArray[Any]],
    n_steps: NDArray[np.int64] | None = None,
    goal_kind: NDArray[np.int64] | None = None,
    **variables: NDArray[Any],
) -> xr.Dataset:
    """Return a recording of areas, (episode, time, unit); a dot in a name is __."""
    n_episodes, n_times, _ = next(iter(areas.values())).shape
    if n_steps is None:
        n_steps = np.full(n_episodes, n_times)
    if goal_kind is None:
        goal_kind = np.arange(n_episodes) % 2
    is_over = np.arange(n_times) >= n_steps[:, None]
    activity = np.concatenate(list(areas.values()), axis=2).astype(np.float32)
    data: dict[str, Any] = {"activity": (("episode", "time", "unit"), activity)}
    for key, values in variables.items():
        name = key.replace("__", ".")
        dims = ("episode", "time", f"{name}_channel")[: values.ndim]
        data[name] = (dims, values.astype(np.float32))
    for name, (dims, values) in data.items():
        values = values.copy()
        values[is_over] = np.nan
        data[name] = (dims, values)
    data["goal_kind"] = ("episode", goal_kind)
    data["success"] = ("episode", goal_kind > 0)
    data["n_steps"] = ("episode", n_steps)
    sizes = [x.shape[2] for x in areas.values()]
    return xr.Dataset(
        data,
        coords={
            "episode": np.arange(n_episodes),
            "time": np.arange(n_times) * CONTROL_STEP_S,
            "area": ("unit", np.repeat(list(areas), sizes).astype(str)),
            "index": ("unit", np.concatenate([np.arange(n) for n in sizes])),
        },
        attrs={"control_step_s": CONTROL_STEP_S, "goal_names": '["left", "right"]'},
    )
