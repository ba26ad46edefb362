# SPDX-License-Identifier: Apache-2.0
"""Held: where the cube, the fingertips and the palm are, in all worlds."""

import numpy as np
from numpy.typing import NDArray

from angora_train.tasks.cube.orientation import canonical, rotate
from angora_train.tasks.cube.symmetry import rotation_vector
from angora_train.tasks.hand.model import named_ids
from angora_train.tasks.hand.names import CUBE, CUBE_JOINT, FINGERTIPS, PALM_BOX
from angora_train.tasks.physical import Physical
from angora_train.tasks.worlds.simulation import Simulation

__all__ = ["HeldCube"]

_AXES = ("x", "y", "z")
_QUATERNION = ("w", "i", "j", "k")


class HeldCube:
    """What is read of a hand that holds a cube; later steps write into the arrays.

    Parameters
    ----------
    simulation : Simulation
        Worlds with a hand and a cube.

    Attributes
    ----------
    geom, address : int
        The cube's geom in the model, and where its place and orientation begin in
        ``qpos``.
    position, velocity : ndarray of float64, shape (B, 3)
        Of the cube, m and m/s.
    orientation : ndarray of float64, shape (B, 4)
        Of the cube: unit quaternions (w, x, y, z).
    spin : ndarray of float64, shape (B, 3)
        Angular velocity of the cube, rad/s, in its own frame.
    fingertips : ndarray of float64, shape (B, 5, 3)
        Their places, m.
    palm : ndarray of float64, shape (B, 3)
        Centre of the palm's box, m.
    """

    def __init__(self, simulation: Simulation) -> None:
        model = simulation.model
        joint = named_ids(model, "joint", [CUBE_JOINT])[0]
        self.address = place = int(model.jnt_qposadr[joint])
        motion = int(model.jnt_dofadr[joint])
        self.geom = int(named_ids(model, "geom", [CUBE])[0])
        # Views, as the cube's coordinates are neighbours.
        self.position = simulation.qpos[:, place : place + 3]
        self.orientation = simulation.qpos[:, place + 3 : place + 7]
        self.velocity = simulation.qvel[:, motion : motion + 3]
        self.spin = simulation.qvel[:, motion + 3 : motion + 6]
        tips = named_ids(model, "site", FINGERTIPS)
        self.fingertips = simulation.read("site_xpos", tips)
        palm = named_ids(model, "geom", [PALM_BOX])
        self.palm = simulation.read("geom_xpos", palm)[:, 0]

    def state(self, goals: NDArray[np.float64]) -> dict[str, Physical]:
        """Return the physical state of the cube, and how it has to turn.

        Parameters
        ----------
        goals : ndarray of float64, shape (B, 4)
            Orientations that it should have: unit quaternions.

        Returns
        -------
        dict of str to Physical
            ``object_pose``, its place and canonical quaternion; ``object_velocity``;
            ``object_spin`` in the world's frame; ``goal_rotation``, the rotation vector
            that leads to the goal, in the world's frame.
        """
        pose = np.concatenate([self.position, canonical(self.orientation)], axis=1)
        axis, angle_rad = rotation_vector(self.orientation, goals)
        kinds = {
            "object_pose": (pose, "m m m 1 1 1 1", ("x", "y", "z", *_QUATERNION)),
            "object_velocity": (self.velocity, "m/s", _AXES),
            "object_spin": (rotate(self.orientation, self.spin), "rad/s", _AXES),
            "goal_rotation": (axis * angle_rad[:, None], "rad", _AXES),
        }
        return {
            name: Physical(values.astype(np.float32), units, labels)
            for name, (values, units, labels) in kinds.items()
        }
