# SPDX-License-Identifier: Apache-2.0
"""Two claims about motor and premotor areas, as effect sizes with intervals.

Reward: it can be read out of primary motor and premotor areas beyond what the
sensations give. Movement: premotor areas carry later movement better than primary motor
areas, which carry the current action better. Nothing here decides: an effect that goes
the other way is reported as it is.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from angora_train.analysis.decoding.decode import BEYOND, EQUAL
from angora_train.analysis.decoding.plan import DecodingPlan
from angora_train.analysis.decoding.study import (
    UNTRAINED,
    UNTRAINED_BEYOND,
    decode_subjects,
    estimate,
)
from angora_train.analysis.decoding.work import Tell, silent
from angora_train.analysis.recording.subject import Subject
from angora_train.errors import ConfigError

__all__ = ["MOTOR", "PREMOTOR", "movement_claim", "reward_claim"]

MOTOR = "primary motor"
"""System of 4a and 4p, as areas of a spec have it."""
PREMOTOR = "premotor"
"""System of the areas before them."""

_NOW, _LATER = (0,), (10, 20, 30)
"""Control steps by which the action is after the activity. Ours: later is while a
movement of some 25 steps (1 s at 40 ms) goes on."""


def reward_claim(
    subjects: Sequence[Subject],
    *,
    plan: DecodingPlan | None = None,
    tell: Tell = silent,
) -> pd.DataFrame:
    """Return what motor and premotor areas say of reward beyond the sensations.

    Parameters
    ----------
    subjects : sequence of Subject
        Runs; a recording without a run has no spec to name its systems.
    plan : DecodingPlan, optional
        Folds, history of the sensations, seed.
    tell : callable
        Told of the progress.

    Returns
    -------
    pandas.DataFrame
        Columns ``claim``, ``effect``, ``system``, ``value``, ``low``, ``high``, ``n``
        (subjects): for each system partial R2 beyond the sensations, mean over its
        areas and over lags of 0, 10 and 20 steps; the same of untrained networks fed
        the same sensations; and their paired difference. That difference is what
        learning added: an untrained network, too, remembers and bends what it senses.

    Raises
    ------
    ConfigError
        If no subject has areas of both systems, or as for decoding.
    """
    areas = _areas_of(subjects)
    plan = (plan or DecodingPlan()).model_copy(
        update={
            "first_lag": 0,
            "last_lag": 20,
            "lag_step": 10,
            "unit_draws": 0,
            "null": 0,
            "baseline": True,
        }
    )
    data = decode_subjects(
        subjects,
        ["reward"],
        areas=[x for own in areas.values() for x in own],
        plan=plan,
        tell=tell,
    )
    rows = []
    for system, own in areas.items():
        trained = {"control": BEYOND, "area": own, "target": "reward"}
        effects = {"partial R2 beyond sensations": [(1.0, trained)]}
        if UNTRAINED_BEYOND in data["control"]:
            untrained = {**trained, "control": UNTRAINED_BEYOND}
            effects["the same, untrained"] = [(1.0, untrained)]
            effects["trained minus untrained"] = [(1.0, trained), (-1.0, untrained)]
        rows += _rows("reward", system, effects, data, plan.decoding_seed)
    return pd.DataFrame(rows)


def movement_claim(
    subjects: Sequence[Subject],
    *,
    plan: DecodingPlan | None = None,
    tell: Tell = silent,
) -> pd.DataFrame:
    """Return who carries the action of now, and who that of later.

    Parameters
    ----------
    subjects : sequence of Subject
        Runs.
    plan : DecodingPlan, optional
        Folds, draws of units, seed.
    tell : callable
        Told of the progress.

    Returns
    -------
    pandas.DataFrame
        Columns as of :func:`reward_claim`. R2 of the action from equal numbers of units
        of each area: premotor minus primary motor for the action 10, 20 and 30 steps
        later; primary motor minus premotor for the action of the same step; and the sum
        of both, which is the claim's interaction. Each also of untrained networks
        (where all units of each area are taken).

    Raises
    ------
    ConfigError
        If no subject has areas of both systems, or as for decoding.
    """
    areas = _areas_of(subjects)
    plan = (plan or DecodingPlan()).model_copy(
        update={
            "first_lag": 0,
            "last_lag": max(_LATER),
            "lag_step": 10,
            "null": 0,
            "baseline": False,
        }
    )
    plan = plan.model_copy(update={"unit_draws": max(1, plan.unit_draws)})
    data = decode_subjects(
        subjects,
        ["action"],
        areas=[x for own in areas.values() for x in own],
        plan=plan,
        tell=tell,
    )
    lags = data["lag"].to_numpy()
    step_ms = lags[1] / 10

    def at(control: str, system: str, steps: Sequence[int]) -> dict[str, object]:
        found = [lags[np.abs(lags - step_ms * x).argmin()] for x in steps]
        return {
            "control": control,
            "area": areas[system],
            "target": "action",
            "lag": found,
        }

    rows = []
    controls = {EQUAL: "", UNTRAINED: ", untrained"}
    for control, suffix in controls.items():
        if control not in data["control"]:
            continue
        later = [
            (1.0, at(control, PREMOTOR, _LATER)),
            (-1.0, at(control, MOTOR, _LATER)),
        ]
        now = [(1.0, at(control, MOTOR, _NOW)), (-1.0, at(control, PREMOTOR, _NOW))]
        effects = {
            f"later action, premotor minus motor{suffix}": later,
            f"current action, motor minus premotor{suffix}": now,
            f"interaction{suffix}": [*later, *now],
        }
        rows += _rows("movement", "both", effects, data, plan.decoding_seed)
    return pd.DataFrame(rows)


def _areas_of(subjects: Sequence[Subject]) -> dict[str, list[str]]:
    """Return the areas of both systems that all subjects have."""
    found: dict[str, list[str]] = {}
    for system in (MOTOR, PREMOTOR):
        of_each = [
            []
            if x.spec is None
            else [area.name for area in x.spec.areas if area.system == system]
            for x in subjects
        ]
        common = [a for a in of_each[0] if all(a in names for names in of_each)]
        if not common:
            there = {area.system for x in subjects if x.spec for area in x.spec.areas}
            raise ConfigError(
                f"The claim needs areas of the system '{system}' in every subject. "
                f"There is: {', '.join(sorted(str(x) for x in there)) or 'no spec'}. "
                "Name runs of networks of areas that have systems."
            )
        found[system] = common
    return found


def _rows(
    claim: str,
    system: str,
    effects: Mapping[str, Sequence[tuple[float, Mapping[str, object]]]],
    data: xr.Dataset,
    seed: int,
) -> list[dict[str, object]]:
    """Return a row for each effect."""
    rows = []
    for effect, weights in effects.items():
        value, low, high = estimate(data, weights, seed)
        rows.append(
            {
                "claim": claim,
                "effect": effect,
                "system": system,
                "value": value,
                "low": low,
                "high": high,
                "n": data.sizes["subject"],
            }
        )
    return rows
