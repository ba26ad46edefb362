# SPDX-License-Identifier: Apache-2.0
"""Experiment: the file with which ``angora-train experiment`` trains the variants."""

from collections.abc import Mapping
from typing import Any

import yaml

from atlasnet.frozen import Frozen
from atlasnet.robustness.survey import Survey

__all__ = ["experiment_text"]

_HEAD = """\
# What training makes of the variants: angora-train experiment FILE
# Every level changes one choice; the first is the network as it was planned.
"""


def experiment_text(
    survey: Survey,
    network: Mapping[str, Any],
    *,
    base: str = "reach",
    seeds: str = "0-4",
    directory: str = "runs/robustness",
) -> str:
    """Return an experiment that trains the default and the variants of one change.

    Parameters
    ----------
    survey : Survey
        Which variants could be planned, and the rules of the default.
    network : mapping of str to object
        What else a run's config says of the network, such as ``preset``.
    base : str, default="reach"
        A preset of runs, or a config file.
    seeds : str, default="0-4"
        Seeds of every variant.
    directory : str, default="runs/robustness"
        Where the runs are written.

    Returns
    -------
    str
        YAML. The rules of the default are written out where they are not those of
        `GraphRules` and `UnitRule`, so that all levels differ from it by one change.
    """
    common = {
        **network,
        **_own("rules", survey.rules),
        **_own("units", survey.units),
    }
    levels = {
        variant.name: {
            f"network.{owner}.{field}": level
            for owner in ("rules", "units")
            for field, level in variant.of(owner).items()
        }
        for variant in survey.variants
        if variant.is_single
    }
    data = {
        "base": base,
        "change": [f"network.{key}={_flow(value)}" for key, value in common.items()],
        "vary": {"choice": levels},
        "seeds": seeds,
        "compare": "choice",
        "metric": "rollout/success",
        "directory": directory,
    }
    return _HEAD + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=88)


def _own(section: str, rules: Frozen) -> dict[str, Any]:
    """Return the fields that are not the defaults, by their way in a config."""
    plain, fields = rules.model_dump(mode="json"), type(rules).model_fields.items()
    return {
        f"{section}.{name}": plain[name]
        for name, field in fields
        if getattr(rules, name)
        != field.get_default(call_default_factory=True, validated_data={})
    }


def _flow(value: Any) -> str:
    """Return a value as YAML of one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"))
    return text.removesuffix("\n").removesuffix("\n...").strip()
