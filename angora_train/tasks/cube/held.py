# SPDX-License-Identifier: Apache-2.0
"""Held: where the cube, the fingertips and the palm are, in all worlds."""

from angora_train.tasks.hand.model import named_ids
from angora_train.tasks.hand.names import CUBE, CUBE_JOINT, FINGERTIPS, PALM_BOX
from angora_train.tasks.worlds.simulation import Simulation

__all__ = ["HeldCube"]


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
