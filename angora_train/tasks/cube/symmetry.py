# SPDX-License-Identifier: Apache-2.0
"""Symmetry: a plain cube looks the same after 24 rotations, and moves the same.

A rotation that a cube is still to make, said in the frame of the world, is one and the
same whichever face is which. A policy that senses it so, and the cube's orientation
only as far as the hand can feel it, has one problem to learn where it had 24.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from angora_train.tasks.cube.orientation import relative_rotation

__all__ = ["CUBE_ROTATIONS", "matrices", "quartic", "reduced", "rotation_vector"]

_Array = NDArray[np.float64]


CUBE_ROTATIONS: _Array = Rotation.create_group("O").as_matrix().round()
"""Rotations after which a cube looks the same, shape (24, 3, 3)."""
CUBE_ROTATIONS.setflags(write=False)
# trace(R S) is a product of R, in a row, with S transposed, in a column.
_TRACES = CUBE_ROTATIONS.transpose(0, 2, 1).reshape(-1, 9).T.copy()


def matrices(q: _Array) -> _Array:
    """Turn quaternions into rotation matrices.

    Parameters
    ----------
    q : ndarray of float64, shape (B, 4)
        Unit quaternions (w, x, y, z).

    Returns
    -------
    ndarray of float64, shape (B, 3, 3)
        Columns are the cube's axes in the frame of the world.

    Examples
    --------
    A half turn about the vertical takes x to its opposite.

    >>> matrices(np.array([[0.0, 0.0, 0.0, 1.0]]))[0][:, 0].tolist()
    [-1.0, 0.0, 0.0]
    """
    return np.asarray(Rotation.from_quat(q, scalar_first=True).as_matrix())


def reduced(rotations: _Array) -> _Array:
    """Pick, of the 24 rotations that look alike, the one nearest to none.

    Parameters
    ----------
    rotations : ndarray of float64, shape (B, 3, 3)
        Orientations of the cube.

    Returns
    -------
    ndarray of float64, shape (B, 3, 3)
        The same orientations, with the faces renamed. The choice jumps where two are
        equally near.
    """
    nearest = (rotations.reshape(-1, 9) @ _TRACES).argmax(axis=1)
    return np.asarray(rotations @ CUBE_ROTATIONS[nearest])


def quartic(rotations: _Array) -> _Array:
    """Describe an orientation by numbers that no renaming of faces changes.

    They are the independent components of the sum of the fourth powers of the cube's
    axes, the lowest power that tells a cube from a ball; unlike `reduced` they never
    jump.

    Parameters
    ----------
    rotations : ndarray of float64, shape (B, 3, 3)
        Orientations of the cube.

    Returns
    -------
    ndarray of float64, shape (B, 9)
        Sums over the axes of xxxx, yyyy, xxyy, xxxy, xxxz, yyyx, yyyz, zzzx, zzzy.
    """
    x, y, z = rotations[:, 0], rotations[:, 1], rotations[:, 2]
    powers = (
        *(x**4, y**4, x * x * y * y),
        *(x**3 * y, x**3 * z, y**3 * x, y**3 * z, z**3 * x, z**3 * y),
    )
    return np.stack([power.sum(axis=1) for power in powers], axis=1)


def rotation_vector(start: _Array, goal: _Array) -> tuple[_Array, _Array]:
    """Find the axis and the angle that lead from one orientation to another.

    Parameters
    ----------
    start, goal : ndarray of float64, shape (B, 4)
        Unit quaternions.

    Returns
    -------
    axis : ndarray of float64, shape (B, 3)
        Of the rotation about the world's axes; zero where there is nothing to turn.
    angle_rad : ndarray of float64, shape (B,)
        In [0, pi], rad.

    Examples
    --------
    >>> upright = np.array([[1.0, 0.0, 0.0, 0.0]])
    >>> axis, angle_rad = rotation_vector(upright, np.array([[0.0, 0.0, 1.0, 0.0]]))
    >>> axis.tolist(), angle_rad.round(6).tolist()
    ([[0.0, 1.0, 0.0]], [3.141593])
    """
    turn = relative_rotation(start, goal)
    sine = np.sqrt(np.square(turn[:, 1:]).sum(axis=1))
    axis = turn[:, 1:] / np.maximum(sine, 1e-12)[:, None]
    return axis, 2.0 * np.arctan2(sine, turn[:, 0])
