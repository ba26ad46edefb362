# SPDX-License-Identifier: Apache-2.0
"""Quaternions, against scipy's rotations and by hand."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.transform import Rotation

from angora_train.tasks.cube.orientation import (
    about_axis,
    angle_between,
    canonical,
    conjugate,
    face_up,
    multiply,
    parallel_orientations,
    relative_rotation,
    rotate,
    uniform_orientations,
)

_Z = np.array([0.0, 0.0, 1.0])


def _scipy(q: np.ndarray) -> Rotation:
    return Rotation.from_quat(q[..., [1, 2, 3, 0]])


def _pairs(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return uniform_orientations(rng, 200), uniform_orientations(rng, 200)


def test_products_and_inverses_are_scipy_s(rng: np.random.Generator) -> None:
    a, b = _pairs(rng)
    for ours, theirs in (
        (multiply(a, b), _scipy(a) * _scipy(b)),
        (conjugate(a), _scipy(a).inv()),
    ):
        np.testing.assert_allclose(_scipy(ours).as_matrix(), theirs.as_matrix())


def test_vectors_turn_as_in_scipy(rng: np.random.Generator) -> None:
    q, vectors = uniform_orientations(rng, 50), rng.normal(size=(50, 3))
    np.testing.assert_allclose(rotate(q, vectors), _scipy(q).apply(vectors))


def test_the_relative_rotation_has_the_axis_and_the_angle_of_scipy_s(
    rng: np.random.Generator,
) -> None:
    start, goal = _pairs(rng)
    ours = _scipy(relative_rotation(start, goal))
    theirs = _scipy(goal) * _scipy(start).inv()
    np.testing.assert_allclose(ours.as_rotvec(), theirs.as_rotvec(), atol=1e-12)
    np.testing.assert_allclose(
        (ours * _scipy(start)).as_matrix(), _scipy(goal).as_matrix(), atol=1e-12
    )


def test_the_relative_rotation_by_hand() -> None:
    # A cube lying on its side (90 deg about x) that shall turn 60 deg about the
    # world's vertical: the axis is z, though in the cube's frame it is y.
    start = about_axis(np.array([1.0, 0, 0]), np.pi / 2)
    goal = multiply(about_axis(_Z, np.pi / 3), start)
    expected = [np.cos(np.pi / 6), 0, 0, np.sin(np.pi / 6)]
    np.testing.assert_allclose(relative_rotation(start, goal), expected, atol=1e-15)


def test_q_and_minus_q_are_the_same_orientation(rng: np.random.Generator) -> None:
    a, b = _pairs(rng)
    np.testing.assert_array_equal(angle_between(a, b), angle_between(-a, b))
    np.testing.assert_allclose(angle_between(a, -a), 0, atol=5e-8)
    for one, other in ((a, -a), (relative_rotation(a, b), relative_rotation(-a, b))):
        np.testing.assert_array_equal(canonical(one), canonical(other))
    np.testing.assert_array_equal(face_up(a), face_up(-a))


def test_angles_are_scipy_s_and_at_most_half_a_turn(rng: np.random.Generator) -> None:
    a, b = _pairs(rng)
    angle = angle_between(a, b)
    theirs = (_scipy(b) * _scipy(a).inv()).magnitude()
    np.testing.assert_allclose(angle, theirs, atol=1e-7)
    assert angle.max() <= np.pi
    # 350 degrees one way are 10 degrees the other way.
    turned = about_axis(_Z, np.deg2rad(350.0))
    assert angle_between(turned, np.array([1.0, 0, 0, 0])) == pytest.approx(
        np.deg2rad(10.0)
    )


def test_rounding_never_makes_an_angle_nan() -> None:
    q = np.array([0.5, 0.5, 0.5, 0.5]) * (1 + 1e-12)
    assert angle_between(q, q) == 0.0


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ([-1.0, 0, 0, 0], [1.0, 0, 0, 0]),
        ([0.0, -0.6, 0.8, 0], [0.0, 0.6, -0.8, 0]),
        ([0.0, 0, 0, -1.0], [0.0, 0, 0, 1.0]),
        ([0.6, 0, -0.8, 0], [0.6, 0, -0.8, 0]),
    ],
)
def test_the_first_component_that_is_not_zero_is_positive(
    q: list[float], expected: list[float]
) -> None:
    chosen = canonical(np.array(q))
    np.testing.assert_array_equal(chosen, expected)
    assert not np.signbit(chosen[chosen == 0]).any()


def test_uniform_orientations_pass_tests_of_uniformity(
    rng: np.random.Generator,
) -> None:
    q = uniform_orientations(rng, 20_000)
    np.testing.assert_allclose(np.linalg.norm(q, axis=1), 1)
    # Haar measure: the angle of rotation has the distribution (a - sin a) / pi ...
    angle = 2 * np.arccos(q[:, 0])
    assert stats.kstest(angle, lambda a: (a - np.sin(a)) / np.pi).pvalue > 0.01
    # ... each coordinate of a turned vector is uniform (Archimedes) ...
    turned = rotate(q, np.array([0.0, 0.6, 0.8]))
    for i in range(3):
        assert stats.kstest(turned[:, i], stats.uniform(-1, 2).cdf).pvalue > 0.01
    # ... and so it stays, wherever one looks from.
    other = rotate(multiply(q, about_axis(_Z, 1.0)), np.array([1.0, 0, 0]))
    assert stats.kstest(other[:, 0], stats.uniform(-1, 2).cdf).pvalue > 0.01


def test_an_axis_drawn_from_a_box_would_not_be_uniform(
    rng: np.random.Generator,
) -> None:
    # A uniform angle about a random axis is a known mistake; the test above sees it.
    angle = rng.uniform(0, np.pi, 20_000)
    assert stats.kstest(angle, lambda a: (a - np.sin(a)) / np.pi).pvalue < 1e-6


def test_there_are_24_parallel_orientations() -> None:
    group = parallel_orientations()
    matrices = _scipy(group).as_matrix()
    # Every matrix permutes the axes, up to sign; no two are the same; products stay.
    np.testing.assert_allclose(np.sort(np.abs(matrices), axis=-1)[..., 2], 1)
    assert len({tuple(m.round().astype(int).ravel()) for m in matrices}) == 24
    products = multiply(group[:, None], group[None])
    nearest = angle_between(products[:, :, None], group).min(axis=-1)
    np.testing.assert_allclose(nearest, 0, atol=1e-7)


@pytest.mark.parametrize(
    ("axis", "angle_rad", "face"),
    [
        ([0.0, 0, 1], 1.3, 4),  # turned about the vertical: still +z
        ([1.0, 0, 0], np.pi, 5),  # upside down
        ([1.0, 0, 0], np.pi / 2, 2),  # +y goes where +z was
        ([1.0, 0, 0], -np.pi / 2, 3),
        ([0.0, 1, 0], np.pi / 2, 1),  # +z goes where +x was, -x comes up
        ([0.0, 1, 0], -np.pi / 2, 0),
    ],
)
def test_the_face_that_is_up_by_hand(
    axis: list[float], angle_rad: float, face: int
) -> None:
    assert face_up(about_axis(np.array(axis), angle_rad)) == face
