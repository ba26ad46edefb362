# SPDX-License-Identifier: Apache-2.0
"""Rotations as six numbers, which a network can learn without a jump.

A quaternion and its negative are one rotation, and any choice between the two jumps
somewhere; so does every representation by four numbers or fewer. The first two columns
of the rotation's matrix do not: any two vectors that are not parallel are made such
columns by the method of Gram and Schmidt, and the third follows (Zhou et al. 2019,
arXiv:1812.07035, section 4.2).
"""

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from angora_train.tasks.cube.orientation import rotate

__all__ = [
    "from_matrix",
    "matrices",
    "mean_orientation",
    "to_six_numbers",
    "turned_apart",
]

_SMALLEST = 1e-6
"""Added to lengths, so that two parallel vectors divide by no zero."""


def to_six_numbers(orientation: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the first two columns of each rotation's matrix.

    Parameters
    ----------
    orientation : ndarray of float64, shape (n, 4)
        Unit quaternions (w, x, y, z), of any sign.

    Returns
    -------
    ndarray of float32, shape (n, 6)
        Where the x axis leads, then where the y axis does.

    Examples
    --------
    >>> to_six_numbers(np.array([[1.0, 0.0, 0.0, 0.0]])).tolist()
    [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]]
    """
    axes = [rotate(orientation, np.eye(3)[i]) for i in range(2)]
    return np.concatenate(axes, axis=-1).astype(np.float32)


def matrices(six: Any) -> Any:
    """Return the rotations that any six numbers mean.

    Parameters
    ----------
    six : tensor, shape (B, 6)
        Two vectors each, of any length.

    Returns
    -------
    tensor, shape (B, 3, 3)
        Rotation matrices, columns last.
    """
    first = _unit(six[:, :3])
    along = ops.sum(first * six[:, 3:], axis=-1, keepdims=True)
    second = _unit(six[:, 3:] - along * first)
    return ops.stack([first, second, ops.cross(first, second)], axis=-1)


def turned_apart(six: Any, truth: Any) -> Any:
    """Return one minus the cosine of the angle between two rotations.

    It is a quarter of the squared distance of their matrices,
    ``|A - B|^2 = 2 tr(1 - A^T B) = 4 (1 - cos angle)``: smooth everywhere, 0 for equal
    rotations and 2 for half a turn.

    Parameters
    ----------
    six, truth : tensor, shape (B, 6)
        Rotations.

    Returns
    -------
    tensor, shape (B,)
        ``1 - cos angle``, in [0, 2].
    """
    trace = ops.sum(matrices(six) * matrices(truth), axis=(1, 2))
    return (3.0 - trace) / 2.0


def from_matrix(matrix: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return rotation matrices as quaternions.

    Parameters
    ----------
    matrix : ndarray, shape (n, 3, 3)
        Rotation matrices.

    Returns
    -------
    ndarray of float64, shape (n, 4)
        Canonical unit quaternions (w, x, y, z).

    Examples
    --------
    >>> from_matrix(np.diag([1.0, -1.0, -1.0])[None]).round(6).tolist()
    [[0.0, 1.0, 0.0, 0.0]]
    """
    return _canonical(Rotation.from_matrix(matrix))


def mean_orientation(orientation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the orientation that is nearest to many, whatever their signs.

    Parameters
    ----------
    orientation : ndarray of float64, shape (n, 4)
        Unit quaternions.

    Returns
    -------
    ndarray of float64, shape (4,)
        Canonical unit quaternion; see `scipy.spatial.transform.Rotation.mean`.
    """
    return _canonical(Rotation.from_quat(orientation, scalar_first=True).mean())


def _canonical(rotation: Rotation) -> NDArray[np.float64]:
    """Return rotations as quaternions (w, x, y, z) whose first non-zero is positive."""
    quaternion = rotation.as_quat(canonical=True, scalar_first=True)
    return np.asarray(quaternion, np.float64) + 0.0  # turns -0.0 into 0.0


def _unit(vectors: Any) -> Any:
    """Return vectors of length one."""
    squared = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors / ops.sqrt(squared + _SMALLEST**2)
