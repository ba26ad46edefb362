# SPDX-License-Identifier: Apache-2.0
"""Physical state of the hand: joints, fingertips, and what touches what."""

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from angora_train.tasks.hand.names import FINGERTIPS, JOINTS, TARGET_FINGERS
from angora_train.tasks.physical import Physical
from angora_train.tasks.worlds.simulation import Simulation

__all__ = ["DIGITS", "Contacts", "hand_state"]

DIGITS = ("palm", *TARGET_FINGERS, "th")
"""Parts of the hand that touch something, the palm with all that is below it."""

_PREFIX = "robot0:"
_NO_DIGIT = -1
_AXES = "xyz"


def hand_state(
    joints: NDArray[np.float32], fingertips_m: NDArray[np.float64]
) -> dict[str, Physical]:
    """Return the state of the hand's joints and fingertips.

    Parameters
    ----------
    joints : ndarray of float32, shape (B, 48)
        24 joint angles, rad, then their velocities, rad/s, as proprioception has them.
    fingertips_m : ndarray of float64, shape (B, 15) or (B, 5, 3)
        Thumb last, m, in the world's frame.

    Returns
    -------
    dict of str to Physical
        ``joint_angles``, ``joint_velocities`` and ``fingertips``.
    """
    names = tuple(joint.removeprefix(_PREFIX) for joint in JOINTS)
    tips = [tip.removeprefix(f"{_PREFIX}S_").removesuffix("tip") for tip in FINGERTIPS]
    return {
        "joint_angles": Physical(joints[:, : len(names)].copy(), "rad", names),
        "joint_velocities": Physical(joints[:, len(names) :].copy(), "rad/s", names),
        "fingertips": Physical(
            fingertips_m.reshape(len(joints), -1).astype(np.float32),
            "m",
            tuple(f"{tip} {axis}" for tip in tips for axis in _AXES),
        ),
    }


class Contacts:
    """Forces between parts of the hand, and between them and what they hold.

    Parameters
    ----------
    simulation : Simulation
        Worlds with a hand.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        model = simulation.model
        names = [model.body(int(body)).name for body in model.geom_bodyid]
        self._digit_of = np.array([_digit(name) for name in names])

    def state(self) -> dict[str, Physical]:
        """Return how hard each digit is pressed on.

        Returns
        -------
        dict of str to Physical
            ``contacts``: the sum of the normal forces on the palm and on each digit, N,
            from anything but itself, one substep before the rest of the state.
        """
        n_worlds = self._simulation.n_worlds
        forces_n = np.stack([self._forces_n(world) for world in range(n_worlds)])
        return {"contacts": Physical(forces_n.astype(np.float32), "N", DIGITS)}

    def _forces_n(self, world: int) -> NDArray[np.float64]:
        """Return the forces in one world, shape (6,)."""
        model, data = self._simulation.model_of(world), self._simulation.data(world)
        sums, force = np.zeros(len(DIGITS)), np.zeros(6)
        digits = self._digit_of[np.asarray(data.contact.geom).reshape(-1, 2)]
        between_two = digits[:, 0] != digits[:, 1]
        for contact in np.flatnonzero(between_two).tolist():
            mujoco.mj_contactForce(model, data, contact, force)
            for digit in digits[contact].tolist():
                if digit != _NO_DIGIT:
                    sums[digit] += force[0]
        return sums


def _digit(body: Any) -> int:
    """Return which part of the hand a body belongs to."""
    if not body.startswith(_PREFIX):
        return _NO_DIGIT
    name = body.removeprefix(_PREFIX)
    return DIGITS.index(name[:2]) if name[:2] in DIGITS else 0
