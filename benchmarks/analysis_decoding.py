# SPDX-License-Identifier: Apache-2.0
"""Decoding: how long it takes, what it finds, and what it finds where nothing is.

Figures
-------
decoding_min
    Minutes of processor time to decode 8 targets (72 numbers and 5 classes) from 35
    areas of 40 units at 36 lags, 200 episodes of 100 control steps, with sensations and
    intervals, without a test. Synthetic activity; one core.
decoding_false_positives
    Share of 200 synthetic recordings without a tie between activity and target in which
    the recommended test says p <= .05. A quarter each: activity and target remember
    their past; both have a course in time that all episodes share; labels come in
    blocks of episodes while activity drifts; both drift over episodes.
decoding_power
    Share of recordings with a tie in which it says so: one of 10 units owes a tenth of
    its variance to the target, 40 episodes of 50 steps.
"""

import time
from typing import Any

import numpy as np
import xarray as xr
from figures import Figures, figure

from angora_train.analysis.decoding.decode import decode
from angora_train.analysis.decoding.plan import DecodingPlan

CONTROL_STEP_S = 0.04
N_EPISODES, N_STEPS, N_UNITS = 42, 50, 10
"""Of a recording that is tested."""
CHANNELS = {
    "reward": 1,
    "value": 1,
    "state.object_pose": 7,
    "state.fingertips": 15,
    "state.joint_angles": 24,
    "action": 20,
    "state.velocity": 4,
}


def decoding_figures(n_sets: int, n_areas: int) -> Figures:
    """Measure how long decoding takes, and how often it errs.

    Parameters
    ----------
    n_sets : int
        Synthetic recordings of each sort.
    n_areas : int
        Areas that are decoded; of fewer than 35 the time is extrapolated.

    Returns
    -------
    mapping of str to mapping
        Figures by name.
    """
    return {
        "decoding_min": figure(decoding_min(n_areas), "min"),
        "decoding_false_positives": figure(decoding_false_positives(n_sets), "1"),
        "decoding_power": figure(decoding_power(n_sets), "1"),
    }


def decoding_min(n_areas: int) -> float:
    """Return the minutes of processor time that a decoding takes.

    Parameters
    ----------
    n_areas : int
        Areas of the recording; of fewer than 35 the time is extrapolated.

    Returns
    -------
    float
        Minutes.
    """
    rng = np.random.default_rng(0)
    hidden = remembering(rng, (200, 100, 12))
    activity = {
        f"area {i}": np.tanh(hidden @ rng.normal(size=(12, 40)))
        + rng.normal(size=(200, 100, 40))
        for i in range(n_areas)
    }
    told = {
        name: np.squeeze(hidden @ rng.normal(size=(12, n)) + hidden[:, :, :1])
        for name, n in CHANNELS.items()
    }
    sensed = {"touch": hidden @ rng.normal(size=(12, 92))}
    data = recording(activity, rng.integers(5, size=200), **told, **sensed)
    targets = ["goal", *CHANNELS]
    started_s = time.process_time()
    decode(data, targets, areas=list(activity), plan=DecodingPlan())
    return (time.process_time() - started_s) / 60 * 35 / n_areas


def decoding_false_positives(n_sets: int) -> float:
    """Return the share of data sets without a tie in which one is found.

    Parameters
    ----------
    n_sets : int
        Data sets, a quarter of each kind.

    Returns
    -------
    float
        Share with p <= .05.
    """
    kinds = (autocorrelated, shared_course, blocks, drifting)
    found = []
    for i in range(n_sets):
        rng = np.random.default_rng([1, i])
        found.append(_is_found(*kinds[i % len(kinds)](rng), seed=i))
    return float(np.mean(found))


def decoding_power(n_sets: int) -> float:
    """Return the share of data sets with a tie in which it is found.

    Parameters
    ----------
    n_sets : int
        Data sets.

    Returns
    -------
    float
        Share with p <= .05.
    """
    found = []
    for i in range(n_sets):
        rng = np.random.default_rng([2, i])
        activity, target = autocorrelated(rng)
        activity[:, :, 0] = target + 3.0 * activity[:, :, 0]  # 1 / (1 + 9)
        found.append(_is_found(activity, target, seed=i))
    return float(np.mean(found))


def _is_found(activity: Any, target: Any, seed: int) -> bool:
    """Return whether the recommended test says that there is something."""
    is_label = target.ndim == 1
    data = (
        recording({"A": activity}, target)
        if is_label
        else recording({"A": activity}, np.zeros(len(target), int), reward=target)
    )
    plan = DecodingPlan(
        first_lag=0,
        last_lag=0,
        baseline=False,
        unit_draws=0,
        resamples=100,
        null=19,
        decoding_seed=seed,
    )
    found = decode(data, ["goal" if is_label else "reward"], plan=plan)
    return bool(found["p"].sel(null_kind="exchanged").squeeze() <= 0.05)


def autocorrelated(rng: np.random.Generator) -> tuple[Any, Any]:
    """Activity and target that remember their own past."""
    shape = (N_EPISODES, N_STEPS)
    return remembering(rng, (*shape, N_UNITS), 0.9), remembering(rng, shape, 0.9)


def shared_course(rng: np.random.Generator) -> tuple[Any, Any]:
    """Activity and target that also have the same course in time in all episodes."""
    activity, target = autocorrelated(rng)
    course = 2.0 * remembering(rng, (1, N_STEPS, 1), 0.9)
    return activity + course, target + course[:, :, 0]


def blocks(rng: np.random.Generator) -> tuple[Any, Any]:
    """Labels in blocks of three episodes, and activity that drifts over episodes."""
    activity, _ = autocorrelated(rng)
    labels = np.repeat(rng.permutation(np.arange(N_EPISODES // 3) % 2), 3)
    return activity + _drift(rng, N_UNITS), labels


def drifting(rng: np.random.Generator) -> tuple[Any, Any]:
    """Activity and target that drift over episodes, each by itself."""
    activity, target = autocorrelated(rng)
    return activity + _drift(rng, N_UNITS), target + _drift(rng, 1)[:, :, 0]


def _drift(rng: np.random.Generator, n: int) -> Any:
    """Return numbers that change slowly from episode to episode, (E, 1, n)."""
    return np.swapaxes(remembering(rng, (1, N_EPISODES, n), 0.8), 0, 1)


def remembering(
    rng: np.random.Generator, shape: tuple[int, ...], memory: float = 0.9
) -> Any:
    """Return noise of variance 1 that remembers the step before.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    shape : tuple of int
        Its second axis is time.
    memory : float
        Correlation of neighbouring steps.

    Returns
    -------
    ndarray of float64
        Noise.
    """
    found = rng.normal(size=shape)
    for t in range(1, shape[1]):
        found[:, t] *= np.sqrt(1 - memory**2)
        found[:, t] += memory * found[:, t - 1]
    return found


def recording(areas: Any, goal_kind: Any, **variables: Any) -> xr.Dataset:
    """Return a recording of areas, (episode, time, unit), and of what is given."""
    n_episodes, n_times, _ = next(iter(areas.values())).shape
    sizes = [x.shape[2] for x in areas.values()]
    activity = np.concatenate(list(areas.values()), axis=2, dtype=np.float32)
    data = {
        name: (("episode", "time", f"{name}_channel")[: x.ndim], x.astype(np.float32))
        for name, x in variables.items()
    }
    return xr.Dataset(
        {
            "activity": (("episode", "time", "unit"), activity),
            "goal_kind": ("episode", goal_kind),
            "n_steps": ("episode", np.full(n_episodes, n_times)),
            **data,
        },
        coords={
            "time": np.arange(n_times) * CONTROL_STEP_S,
            "area": ("unit", np.repeat(list(areas), sizes).astype(str)),
        },
        attrs={"control_step_s": CONTROL_STEP_S},
    )
