# SPDX-License-Identifier: Apache-2.0
"""Results of a run as they could be, for tests of figures and report."""

from typing import Any

import numpy as np
import pandas as pd
from rsatoolbox.rdm.rdms import RDMs

from angora_train.analysis.conditions import (
    CONDITIONS,
    EXPECTED_ACTION,
    Comparison,
    Summary,
)
from angora_train.analysis.evaluation import Evaluation
from angora_train.analysis.intervals import Interval, bootstrap_interval, summarize
from angora_train.analysis.lesioning.conditions import group_conditions, intact
from angora_train.analysis.lesioning.effects import effects
from angora_train.analysis.lesioning.groups import LesionStudy
from angora_train.analysis.lesioning.sets import system_groups
from angora_train.analysis.lesioning.sweep import Sweep
from atlasnet import NetworkSpec

AREAS = ("dlPFC left", "3a left", "4p left", "AIP left", "1 left")
KINDS = ("ff", "mf", "rest")
N_PHASES = 2


def comparison(n_episodes: int = 8) -> Comparison:
    """Return a comparison in which the trained agent is better by 5 everywhere."""
    rng = np.random.default_rng(1)
    luck = rng.normal(size=n_episodes)
    results, summaries = {}, {}
    for name in (*CONDITIONS, EXPECTED_ACTION):
        base = 0.0 if name == "trained" else -5.0
        result = Evaluation(
            total_reward=base + luck,
            success=np.arange(n_episodes) % 2 == 0,
            distance_m=0.02 + 0.01 * rng.random(n_episodes),
            goal_kind=np.arange(n_episodes) % 5,
            n_steps=np.full(n_episodes, 100),
        )
        means = summarize(result, 0)
        loss: Interval | None = None
        if name != "trained":
            loss = bootstrap_interval(np.full(n_episodes, 5.0), rng, n=10)
        results[name] = result
        summaries[name] = Summary(
            means["return"], means["success"], means["distance_m"], loss
        )
    return Comparison(3, results, summaries, [0.0] * 20, [1, 0])


def lesions(spec: NetworkSpec) -> LesionStudy:
    """Return a study of eight episodes, of which a lesion of any area loses all."""
    groups = group_conditions(spec, system_groups(spec), n_random=2)
    every = (intact(spec), *groups)
    met = [np.full(8, 0.0 if one.areas else 1.0) for one in every]
    outcomes = tuple({"return": x, "success": x} for x in met)
    sweep = Sweep(every, outcomes, np.zeros(8, np.int64))
    return LesionStudy.of(effects({"run": sweep}))


def metrics(n_cycles: int = 4) -> list[dict[str, Any]]:
    """Return metrics whose first cycle ended no episode."""
    return [
        {
            "cycle": cycle,
            "samples": 4096 * cycle,
            "rollout/return": None if cycle == 1 else -10.0 + cycle,
            "rollout/success": None if cycle == 1 else cycle / 10,
            "time/steps_per_s": 1000.0 * cycle,
            "time/gathering_steps_per_s": 2500.0,
        }
        for cycle in range(1, n_cycles + 1)
    ]


def rdms() -> RDMs:
    """Return distances of five areas between six conditions."""
    rng = np.random.default_rng(2)
    names = [f"{kind} {phase}" for kind in KINDS for phase in (1, 2)]
    return RDMs(
        rng.normal(1.0, 0.5, (len(AREAS), 15)),
        rdm_descriptors={"area": list(AREAS)},
        pattern_descriptors={
            "condition": names,
            "kind": [name.split()[0] for name in names],
            "phase": [int(name.split()[1]) for name in names],
        },
    )


def similarity(lowest: float = 0.2) -> pd.DataFrame:
    """Return similarities of five areas between `lowest` and 1."""
    values = np.full((len(AREAS), len(AREAS)), lowest)
    np.fill_diagonal(values, 1.0)
    values[0, 1] = values[1, 0] = 0.9
    return pd.DataFrame(values, index=list(AREAS), columns=list(AREAS))


def model_fit() -> pd.DataFrame:
    """Return the fit of two hypotheses."""
    values = np.linspace(-0.5, 0.9, 2 * len(AREAS)).reshape(-1, 2)
    return pd.DataFrame(values, index=list(AREAS), columns=["goal kind", "phase"])
