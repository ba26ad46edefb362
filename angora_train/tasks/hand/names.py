# SPDX-License-Identifier: Apache-2.0
"""Names of the Shadow Hand's joints, actuators, fingertips and touch sensors.

The order here is the order of every array that a hand task hands out. It is the
order of the model files of gymnasium-robotics, written out so that a change in
those files becomes an error instead of a silent permutation.

Fingers are ``ff`` (first or index), ``mf`` (middle), ``rf`` (ring), ``lf``
(little) and ``th`` (thumb). Joint 0 of a finger is the farthest from the palm; in
the four fingers it has no actuator and follows joint 1 through a tendon.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

__all__ = [
    "ACTUATORS",
    "COUPLED_JOINTS",
    "CUBE",
    "CUBE_JOINT",
    "FINGERTIPS",
    "JOINTS",
    "PALM",
    "PALM_BOX",
    "REST_ANGLES_RAD",
    "TARGET_FINGERS",
    "TOUCH_SENSORS",
    "Finger",
]

_PREFIX = "robot0:"

Finger = Literal["ff", "mf", "rf", "lf"]
"""Short name of a finger that is not the thumb."""

TARGET_FINGERS: tuple[Finger, ...] = ("ff", "mf", "rf", "lf")
"""The fingers that the thumb can meet."""

PALM = f"{_PREFIX}palm"
"""Body of the palm."""

PALM_BOX = f"{_PREFIX}C_palm0"
"""Box of the palm that things lie on."""

CUBE = "object"
"""Body and geom of the cube."""

CUBE_JOINT = "object:joint"
"""Free joint of the cube."""

FINGERTIPS = tuple(f"{_PREFIX}S_{finger}tip" for finger in (*TARGET_FINGERS, "th"))
"""Sites of the five fingertips, thumb last."""

REST_ANGLES_RAD: Mapping[str, float] = MappingProxyType(
    {
        f"{_PREFIX}{joint}": angle
        for joint, angle in {
            "WRJ1": -0.16514339750464327,
            "WRJ0": -0.31973286565062153,
            "FFJ3": 0.14340512546557435,
            "FFJ2": 0.32028208333591573,
            "FFJ1": 0.7126053607727917,
            "FFJ0": 0.6705281001412586,
            "MFJ3": 0.000246444303701037,
            "MFJ2": 0.3152655251085491,
            "MFJ1": 0.7659800313729842,
            "MFJ0": 0.7323156897425923,
            "RFJ3": 0.00038520700007378114,
            "RFJ2": 0.36743546201985233,
            "RFJ1": 0.7119514095008576,
            "RFJ0": 0.6699446327514138,
            "LFJ4": 0.0525442258033891,
            "LFJ3": -0.13615534724474673,
            "LFJ2": 0.39872030433433003,
            "LFJ1": 0.7415570009679252,
            "LFJ0": 0.704096378652974,
            "THJ4": 0.003673823825070126,
            "THJ3": 0.5506291436028695,
            "THJ2": -0.014515151997119306,
            "THJ1": -0.0015229223564485414,
            "THJ0": -0.7894883021600622,
        }.items()
    }
)
"""Joint angles of the open hand at rest, rad.

``DEFAULT_INITIAL_QPOS`` of the reaching environment of gymnasium-robotics
(``shadow_dexterous_hand/reach.py``, MIT licence), where OpenAI published them.
"""

JOINTS = tuple(REST_ANGLES_RAD)
"""The 24 hinges, wrist first."""

COUPLED_JOINTS = tuple(f"{_PREFIX}{finger.upper()}J0" for finger in TARGET_FINGERS)
"""The four joints without an actuator."""

ACTUATORS = tuple(
    joint.replace(_PREFIX, f"{_PREFIX}A_")
    for joint in JOINTS
    if joint not in COUPLED_JOINTS
)
"""The 20 position actuators, in the order of their joints."""

_PALM_PATCHES = tuple(
    f"palm_{place}" for place in ("b0", "bl", "bm", "br", "fl", "fm", "fr", "b1")
)
_SIDES = ("front_left", "front_right", "back_left", "back_right")
_LONG_SIDES = (
    "front_left_bottom",
    "front_right_bottom",
    "front_left_top",
    "front_right_top",
    "back_left",
    "back_right",
)


def _digit_patches(digit: str) -> tuple[str, ...]:
    """Patches of one digit, from the palm outward: 17 of a finger, 15 of the thumb."""
    proximal = _SIDES if digit == "th" else _LONG_SIDES
    metacarpal = ("lfmetacarpal_front",) if digit == "lf" else ()
    return metacarpal + tuple(
        f"{digit}{phalanx}_{side}"
        for phalanx, sides in (
            ("proximal", proximal),
            ("middle", _SIDES),
            ("tip", _SIDES),
        )
        for side in (*sides, "tip")
    )


TOUCH_SENSORS = tuple(
    f"{_PREFIX}TS_{patch}"
    for patch in (
        *_PALM_PATCHES,
        *(
            patch
            for digit in (*TARGET_FINGERS, "th")
            for patch in _digit_patches(digit)
        ),
    )
)
"""The 92 touch sensors: palm 8, ff 17, mf 17, rf 17, lf 18, th 15."""
