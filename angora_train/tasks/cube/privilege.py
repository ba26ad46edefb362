# SPDX-License-Identifier: Apache-2.0
"""Privilege: what a teacher senses of the hand and its cube, and no hand could."""

import numpy as np
from numpy.typing import NDArray

from angora_train.tasks.base import Observation
from angora_train.tasks.cube.held import HeldCube
from angora_train.tasks.cube.orientation import rotate
from angora_train.tasks.cube.symmetry import matrices, quartic, reduced, rotation_vector
from angora_train.tasks.hand.model import named_ids
from angora_train.tasks.hand.names import JOINTS
from angora_train.tasks.worlds.simulation import Simulation

__all__ = ["Privilege"]

_LENGTH_M = 0.05
"""Side of the cube, m: lengths are told in it."""
_FARTHEST_RAD = 1.2
"""Angle to the goal beyond which its direction alone is told, rad."""

_WAY_SIZE = 7
"""Numbers that tell the way to the goal; the share of time left comes after them."""


class Privilege:
    """The whole state of hand and cube, the cube without the names of its faces.

    ========  ==========================================================================
    numbers   meaning
    ========  ==========================================================================
    24        joint angles, as shares of half their range
    24        joint velocities, 5 rad/s
    20        last commands, as shares of half their range
    3         the cube's place from the palm's, in sides of the cube
    15        the fingertips' places from the cube's, in sides of the cube
    15        the same in the frame of the cube, its faces named as lie nearest
    6         two columns of the cube's orientation, its faces named so
    9         its orientation in numbers that know no faces, see `quartic`
    3         its velocity, 0.2 m/s
    3         its angular velocity, 3.3 rad/s, in the frame of the world
    3         the turn to the goal, at most 1.2 rad of it, 0.5 rad, in that of the world
    3         the same in the frame of the cube
    1         the angle to the goal, 1.5 rad
    1         the share of the time for the goal that is left
    ========  ==========================================================================

    Parameters
    ----------
    simulation : Simulation
        Worlds with a hand and a cube.
    cube : HeldCube
        What is read of the cube in them.

    Attributes
    ----------
    size : int
        How many numbers: 130.
    """

    size = 130

    def __init__(self, simulation: Simulation, cube: HeldCube) -> None:
        model = simulation.model
        joints = named_ids(model, "joint", JOINTS)
        low, high = model.jnt_range[joints].T
        self._middle_rad, self._half_rad = (low + high) / 2, (high - low) / 2
        self._angles = simulation.read("qpos", model.jnt_qposadr[joints])
        self._velocities = simulation.read("qvel", model.jnt_dofadr[joints])
        self._cube = cube

    def sense(
        self,
        goals: NDArray[np.float64],
        share_left: NDArray[np.float64],
        commands: NDArray[np.float64],
    ) -> Observation:
        """Return what all worlds sense, in new arrays.

        Parameters
        ----------
        goals : ndarray of float64, shape (B, 4)
            Unit quaternions.
        share_left : ndarray of float64, shape (B,)
            Share of the time for the goal that is left.
        commands : ndarray of float64, shape (B, A)
            Last commands, as shares of half their range.

        Returns
        -------
        dict of str to ndarray of float32, shape (B, size)
            ``privileged``.
        """
        n_worlds, cube = len(goals), self._cube
        orientation = matrices(cube.orientation)
        faceless = reduced(orientation)
        tips = (cube.fingertips - cube.position[:, None]) / _LENGTH_M
        parts = (
            (self._angles - self._middle_rad) / self._half_rad,
            self._velocities * 0.2,
            commands,
            (cube.position - cube.palm) / _LENGTH_M,
            tips.reshape(n_worlds, -1),
            (tips @ faceless).reshape(n_worlds, -1),
            faceless[:, :, :2].reshape(n_worlds, -1),
            quartic(orientation),
            cube.velocity * 5.0,
            rotate(cube.orientation, cube.spin) * 0.3,
            *_way(cube.orientation, faceless, goals),
            share_left[:, None],
        )
        joined = np.concatenate(parts, axis=1, dtype=np.float32, casting="same_kind")
        return {"privileged": joined}

    @staticmethod
    def told(
        sensed: NDArray[np.float32],
        orientation: NDArray[np.float64],
        goals: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        """Return what would have been sensed under other goals.

        Parameters
        ----------
        sensed : ndarray of float32, shape (n, size)
            What was.
        orientation, goals : ndarray of float64, shape (n, 4)
            The cube's then, and the goals: unit quaternions.

        Returns
        -------
        ndarray of float32, shape (n, size)
            The same with another way to go; the share of time left is as it was.
        """
        told = sensed.copy()
        way = _way(orientation, reduced(matrices(orientation)), goals)
        told[:, -1 - _WAY_SIZE : -1] = np.concatenate(way, axis=1)
        return told


def _way(
    orientation: NDArray[np.float64],
    faceless: NDArray[np.float64],
    goals: NDArray[np.float64],
) -> tuple[NDArray[np.float64], ...]:
    """Say how the cube has to turn: in the world, in its own frame, and how far."""
    axis, angle_rad = rotation_vector(orientation, goals)
    turn = axis * np.minimum(angle_rad, _FARTHEST_RAD)[:, None]
    return (
        turn * 2.0,
        (turn[:, None] @ faceless)[:, 0] * 2.0,
        angle_rad[:, None] / 1.5,
    )
