# SPDX-License-Identifier: Apache-2.0
"""Representational similarity: how long it takes, and how often it errs.

Figures
-------
rsa_s
    Comparison of 35 areas of 100 units with six models, jointly, over 200 conditions
    (10 kinds of goals in 20 phases, 16 episodes of each) with 1,000 bootstrap resamples
    and permutations of labels, intervals and noise ceilings of all scopes; one core,
    its own time, so that what else the machine does is left out.
rsa_wall_s
    The same by the clock.
rsa_false_positives
    Share of the recommended test's p at or below 0.05, not corrected for several tests,
    over synthetic recordings of noise alone, that is the same through an episode; of
    patterns drawn for each condition; and of activity and postures that change slowly,
    each by itself: the largest of the three, over the models of kind, phase, goal and
    posture. Slow activity differs between kinds and drifts through phases, which is no
    error: of it goal and posture count.
rsa_power
    Share of synthetic recordings in which the goal is found at 0.05 given kind, phase
    and posture, where an area is a copy of it, of standard deviation 1 in each of three
    dimensions of 16, among noise of standard deviation 1 in each unit; 60 episodes.
"""

import time

import numpy as np
import xarray as xr
from figures import Figures, figure

from angora_train.analysis.rsa.comparison import Sample, Settings, compare

N_STEPS = 12
MODELS = {"goal": "goal", "posture": "vision"}


def rsa_figures(n_sets: int) -> Figures:
    """Measure how long representational similarity takes, and how often it errs.

    Parameters
    ----------
    n_sets : int
        Synthetic recordings of each sort.

    Returns
    -------
    mapping of str to mapping
        Figures by name.
    """
    wide = _synthetic(0, goal=1.0, n_kinds=10, n_per_kind=16, n_steps=60, n_areas=35)
    begin, begin_own = time.perf_counter(), time.process_time()
    compare([Sample("one", wide)], Settings(n_phases=20, n_resamples=1000))
    wall_s = time.perf_counter() - begin
    rsa_s = time.process_time() - begin_own
    nulls = [
        np.mean([_found(_synthetic(i, is_arbitrary=x)) for i in range(n_sets)])
        for x in (False, True)
    ]
    slow = [_found(_synthetic(i, is_slow=True))[2:] for i in range(n_sets)]
    nulls.append(np.mean(slow))
    hits = [_found(_synthetic(i, goal=1.0))[2] for i in range(n_sets)]
    return {
        "rsa_s": figure(rsa_s, "s"),
        "rsa_wall_s": figure(wall_s, "s"),
        "rsa_false_positives": figure(float(max(nulls)), "1"),
        "rsa_power": figure(float(np.mean(hits)), "1"),
    }


def _found(recording: xr.Dataset) -> list[bool]:
    """Return whether each of kind, phase, goal and posture is found at 0.05."""
    settings = Settings(n_phases=3, n_resamples=200, variables=MODELS)
    table = compare([Sample("one", recording)], settings).table
    rows = table.query(
        "measure == 'partial' and scope == 'all' and control == 'trained'"
    )
    return [bool(p <= 0.05) for p in rows["p"]]


def _synthetic(
    seed: int,
    *,
    goal: float = 0.0,
    is_arbitrary: bool = False,
    is_slow: bool = False,
    n_kinds: int = 6,
    n_per_kind: int = 10,
    n_steps: int = N_STEPS,
    n_areas: int = 1,
) -> xr.Dataset:
    """Return a recording of rotated copies of the goal among noise."""
    rng = np.random.default_rng(seed)
    n_units = 16 if n_areas == 1 else 100
    kinds = np.tile(np.arange(n_kinds), n_per_kind)
    shape = (len(kinds), n_steps, 3)
    goals = rng.normal(size=(n_kinds, 1, 3))[kinds] + 0.1 * rng.normal(size=shape)
    ramp = np.linspace(0, 1, n_steps)[:, None]
    postures = 0.8 * goals * ramp + 0.3 * rng.normal(size=(1, n_steps, 3))
    postures += 0.1 * rng.normal(size=shape)
    third = np.arange(n_steps) * 3 // n_steps
    if is_slow:
        postures = _walks(rng, n_kinds, 3)[kinds][:, third]
        postures += 0.1 * rng.normal(size=shape)
    parts = []
    for _ in range(n_areas):
        axes = np.linalg.qr(rng.normal(size=(n_units, n_units)))[0]
        part = goal * goals @ axes[:3] + rng.normal(size=(len(kinds), 1, n_units))
        part += 0.5 * rng.normal(size=(len(kinds), n_steps, n_units))
        if is_arbitrary:  # another pattern in each phase of each kind
            codes = rng.normal(size=(n_kinds, 3, n_units))
            part += codes[kinds][:, third]
        if is_slow:
            part += _walks(rng, n_kinds, n_units)[kinds][:, third]
        parts.append(part.astype(np.float32))
    names = np.repeat([f"area {i}" for i in range(n_areas)], n_units)
    return xr.Dataset(
        {
            "activity": (("episode", "time", "unit"), np.concatenate(parts, axis=-1)),
            "goal_kind": ("episode", kinds),
            "n_steps": ("episode", np.full(len(kinds), n_steps)),
            "goal": (("episode", "time", "goal_channel"), goals),
            "vision": (("episode", "time", "vision_channel"), postures),
            "action": (("episode", "time", "actuator"), np.gradient(postures, axis=1)),
            "reward": (("episode", "time"), -np.abs(goals - postures).sum(axis=-1)),
        },
        coords={
            "area": ("unit", names),
            "episode": np.arange(len(kinds)),
            "time": np.arange(n_steps) * 0.02,
        },
    )


def _walks(rng: np.random.Generator, n_kinds: int, n_channels: int) -> np.ndarray:
    """Return a random walk through three phases of each kind."""
    return np.cumsum(rng.normal(size=(n_kinds, 3, n_channels)), axis=1)
