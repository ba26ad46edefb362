# SPDX-License-Identifier: Apache-2.0
"""Perturbations as they are said in words: a goal switch, a force pulse."""

import re

from angora_train.errors import ConfigError, TaskError
from angora_train.tasks.worlds.perturbations import ForcePulse, GoalSwitch

__all__ = ["parse_force_pulse", "parse_goal_switch"]

_NUMBER = r"([+-]?\d*\.?\d+(?:e[+-]?\d+)?)"
_SWITCH = re.compile(rf"(?:at\s+)?{_NUMBER}\s*(ms|s)", re.IGNORECASE)
_PULSE = re.compile(
    rf"{_NUMBER}\s*(mN|N)\s+at\s+{_NUMBER}\s*(ms|s)\s+for\s+{_NUMBER}\s*(ms|s)"
    r"\s+along\s+([+-]?[xyz])(?:\s+on\s+(\S.*?))?",
    re.IGNORECASE,
)
_SCALES = {"ms": 1e-3, "s": 1.0, "mn": 1e-3, "n": 1.0}


def parse_goal_switch(text: str) -> GoalSwitch:
    """Read when the goal gives way to another one.

    Parameters
    ----------
    text : str
        A time with its unit.

    Returns
    -------
    GoalSwitch
        What is meant.

    Raises
    ------
    ConfigError
        If it is no time, or not after the episode's start.

    Examples
    --------
    >>> parse_goal_switch("1.0 s"), parse_goal_switch("at 200 ms")
    (GoalSwitch(at_s=1.0), GoalSwitch(at_s=0.2))
    """
    found = _SWITCH.fullmatch(text.strip())
    if found is None:
        raise ConfigError(
            f"The goal switch '{text}' is no time: say when with its unit, as '1.0 s'."
        )
    try:
        return GoalSwitch(_scaled(found[1], found[2]))
    except TaskError as error:
        raise ConfigError(str(error)) from error


def parse_force_pulse(text: str) -> ForcePulse:
    """Read which body is pushed, how hard and when.

    Parameters
    ----------
    text : str
        Force, beginning, length and axis of the world, and the body if it is not the
        object.

    Returns
    -------
    ForcePulse
        What is meant.

    Raises
    ------
    ConfigError
        If it is said in another way.

    Examples
    --------
    >>> parse_force_pulse("0.5 N at 1.0 s for 0.2 s along -x")
    ForcePulse(force_n=(-0.5, 0.0, 0.0), at_s=1.0, for_s=0.2, body='object')
    >>> parse_force_pulse("2 N at 100 ms for 80 ms along z on robot0:palm").body
    'robot0:palm'
    """
    found = _PULSE.fullmatch(text.strip())
    if found is None:
        raise ConfigError(
            f"The force pulse '{text}' cannot be read. Say it as '0.5 N at 1.0 s for "
            "0.2 s along x': force, beginning, length, and an axis of the world, x, y, "
            "z or with a minus; behind it 'on BODY' for another body than the object."
        )
    size = _scaled(found[1], found[2]) * (-1.0 if found[7][0] == "-" else 1.0)
    force_n = tuple(size if axis == found[7][-1].lower() else 0.0 for axis in "xyz")
    try:
        return ForcePulse(
            force_n=(force_n[0], force_n[1], force_n[2]),
            at_s=_scaled(found[3], found[4]),
            for_s=_scaled(found[5], found[6]),
            **({} if found[8] is None else {"body": found[8]}),
        )
    except TaskError as error:
        raise ConfigError(str(error)) from error


def _scaled(number: str, unit: str) -> float:
    """Return a quantity in seconds or newtons."""
    return float(number) * _SCALES[unit.lower()]
