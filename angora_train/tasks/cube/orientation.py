# SPDX-License-Identifier: Apache-2.0
"""Orientations as quaternions, in MuJoCo's order: w, x, y, z.

A quaternion and its negative are the same orientation. Nothing here tells them apart,
but for `canonical`, which picks one. A product ``multiply(a, b)`` turns by ``b``
first, then by ``a``, both about the axes of the world. All functions take any number
of leading axes.

SciPy's ``Rotation`` gives the same to 1e-15 and takes 2.5 to 37 times as long, for one
world as for 256 (24 against 617 microseconds for 256 angles), in every control step.
"""

import itertools

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "about_axis",
    "angle_between",
    "canonical",
    "conjugate",
    "face_up",
    "multiply",
    "parallel_orientations",
    "relative_rotation",
    "rotate",
    "uniform_orientations",
]

_Array = NDArray[np.float64]

_CONJUGATE = np.array([1.0, -1.0, -1.0, -1.0])


def multiply(a: _Array, b: _Array) -> _Array:
    """Compose two rotations: first `b`, then `a`.

    Parameters
    ----------
    a, b : ndarray of float64, shape (..., 4)
        Unit quaternions.

    Returns
    -------
    ndarray of float64, shape (..., 4)
        The Hamilton product ``a b``.

    Examples
    --------
    >>> quarter = about_axis(np.array([0.0, 0.0, 1.0]), np.pi / 2)
    >>> multiply(quarter, quarter).round(6).tolist()
    [0.0, 0.0, 0.0, 1.0]
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    product = np.empty(np.broadcast_shapes(a.shape, b.shape))
    aw, ax, ay, az = (a[..., i] for i in range(4))
    bw, bx, by, bz = (b[..., i] for i in range(4))
    product[..., 0] = aw * bw - ax * bx - ay * by - az * bz
    product[..., 1] = aw * bx + ax * bw + ay * bz - az * by
    product[..., 2] = aw * by - ax * bz + ay * bw + az * bx
    product[..., 3] = aw * bz + ax * by - ay * bx + az * bw
    return product


def conjugate(q: _Array) -> _Array:
    """Invert a rotation.

    Parameters
    ----------
    q : ndarray of float64, shape (..., 4)
        Unit quaternions.

    Returns
    -------
    ndarray of float64, shape (..., 4)
        The rotations back.
    """
    return np.asarray(np.asarray(q, np.float64) * _CONJUGATE, np.float64)


def canonical(q: _Array) -> _Array:
    """Pick one of the two quaternions of an orientation.

    Parameters
    ----------
    q : ndarray of float64, shape (..., 4)
        Unit quaternions.

    Returns
    -------
    ndarray of float64, shape (..., 4)
        The same orientations with the first component that is not zero positive, so
        that ``w >= 0``. The choice jumps where a rotation passes half a turn.

    Examples
    --------
    >>> canonical(np.array([[-0.6, 0.8, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0]])).tolist()
    [[0.6, -0.8, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]
    """
    q = np.asarray(q, np.float64)
    sign: _Array = np.sign(q[..., 0])
    for i in range(1, 4):
        sign = np.where(sign == 0, np.sign(q[..., i]), sign)
    # Adding zero turns -0.0 into 0.0.
    chosen: _Array = q * sign[..., None] + 0.0
    return chosen


def relative_rotation(start: _Array, goal: _Array) -> _Array:
    """Find the rotation that leads from one orientation to another.

    Parameters
    ----------
    start, goal : ndarray of float64, shape (..., 4)
        Unit quaternions.

    Returns
    -------
    ndarray of float64, shape (..., 4)
        Canonical quaternion of the rotation about the world's axes that turns `start`
        into `goal`: ``multiply(relative_rotation(start, goal), start)`` is `goal`.
    """
    return canonical(multiply(goal, conjugate(start)))


def angle_between(a: _Array, b: _Array) -> _Array:
    """Measure how far one orientation is from another.

    Parameters
    ----------
    a, b : ndarray of float64, shape (..., 4)
        Unit quaternions.

    Returns
    -------
    ndarray of float64, shape (...)
        Angle of the shorter rotation from one to the other, rad, in [0, pi]:
        ``2 acos(|a . b|)``, as the scalar part of the relative rotation is the inner
        product of the two.

    Examples
    --------
    >>> q = np.array([0.6, 0.0, 0.8, 0.0])
    >>> float(angle_between(q, -q))
    0.0
    """
    scalar = np.abs((np.asarray(a, np.float64) * b).sum(axis=-1))
    angle: _Array = 2.0 * np.arccos(np.minimum(scalar, 1.0))
    return angle


def rotate(q: _Array, vectors: _Array) -> _Array:
    """Turn vectors.

    Parameters
    ----------
    q : ndarray of float64, shape (..., 4)
        Unit quaternions.
    vectors : ndarray of float64, shape (..., 3)
        What is turned, in any unit.

    Returns
    -------
    ndarray of float64, shape (..., 3)
        The turned vectors.
    """
    q, vectors = np.asarray(q, np.float64), np.asarray(vectors, np.float64)
    w, x, y, z = (q[..., i] for i in range(4))
    a, b, c = (vectors[..., i] for i in range(3))
    # v + 2 w (u x v) + 2 u x (u x v).
    i, j, k = 2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)
    turned: _Array = np.empty((*np.broadcast_shapes(q.shape[:-1], a.shape), 3))
    turned[..., 0] = a + w * i + y * k - z * j
    turned[..., 1] = b + w * j + z * i - x * k
    turned[..., 2] = c + w * k + x * j - y * i
    return turned


def about_axis(axis: _Array, angle_rad: float | _Array) -> _Array:
    """Make rotations about an axis.

    Parameters
    ----------
    axis : ndarray of float64, shape (3,)
        Direction of the axis, of length one.
    angle_rad : float or ndarray of float64, shape (...)
        Angles, rad, right-handed.

    Returns
    -------
    ndarray of float64, shape (..., 4)
        Unit quaternions.
    """
    half = np.asarray(angle_rad, np.float64) / 2
    return np.concatenate(
        [np.cos(half)[..., None], np.sin(half)[..., None] * axis], axis=-1
    )


def uniform_orientations(rng: np.random.Generator, n: int) -> _Array:
    """Draw orientations uniformly from all there are.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    n : int
        Number of orientations.

    Returns
    -------
    ndarray of float64, shape (n, 4)
        Canonical unit quaternions.

    References
    ----------
    Shoemake (1992), Uniform random rotations. In: Graphics Gems III, 124-132.
    """
    share, first, second = rng.random((3, n))
    first, second = 2 * np.pi * first, 2 * np.pi * second
    inner, outer = np.sqrt(share), np.sqrt(1 - share)
    drawn = [
        inner * np.cos(second),
        outer * np.sin(first),
        outer * np.cos(first),
        inner * np.sin(second),
    ]
    return canonical(np.stack(drawn, axis=-1))


def parallel_orientations() -> _Array:
    """List the orientations of a cube whose faces are parallel to the world's planes.

    Returns
    -------
    ndarray of float64, shape (24, 4)
        Canonical unit quaternions: the cube's rotation group.
    """
    half = np.sqrt(0.5)
    # The binary octahedral group: 4 + 8 + 12 quaternions, up to sign.
    group = [np.eye(4)[i] for i in range(4)]
    group += [
        np.array([0.5, *signs]) for signs in itertools.product((0.5, -0.5), repeat=3)
    ]
    for i, j in itertools.combinations(range(4), 2):
        for sign in (half, -half):
            q = np.zeros(4)
            q[i], q[j] = half, sign
            group.append(q)
    return canonical(np.stack(group))


def face_up(q: _Array) -> NDArray[np.int64]:
    """Say which face of a cube points up.

    Parameters
    ----------
    q : ndarray of float64, shape (..., 4)
        Orientations of the cube, unit quaternions.

    Returns
    -------
    ndarray of int64, shape (...)
        The face whose normal is nearest to the world's z axis, in the cube's own
        axes: 0 to 5 for +x, -x, +y, -y, +z, -z.
    """
    up = rotate(conjugate(q), np.array([0.0, 0.0, 1.0]))
    axis = np.abs(up).argmax(axis=-1)
    component = np.take_along_axis(up, axis[..., None], axis=-1)[..., 0]
    return np.asarray(2 * axis + (component < 0), np.int64)
