# SPDX-License-Identifier: Apache-2.0
"""A cube without names of its faces."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from angora_train.tasks.cube.orientation import (
    about_axis,
    multiply,
    uniform_orientations,
)
from angora_train.tasks.cube.reorient_cube import ReorientCube, ReorientCubeConfig
from angora_train.tasks.cube.symmetry import (
    CUBE_ROTATIONS,
    matrices,
    quartic,
    reduced,
    rotation_vector,
)


def _scipy(q: np.ndarray) -> Rotation:
    return Rotation.from_quat(q[..., [1, 2, 3, 0]])


def test_there_are_24_rotations_of_a_cube_and_they_are_a_group() -> None:
    flat = {tuple(matrix.ravel()) for matrix in CUBE_ROTATIONS}
    assert len(flat) == 24
    products = CUBE_ROTATIONS[:, None] @ CUBE_ROTATIONS[None]
    assert {tuple(matrix.ravel()) for matrix in products.reshape(-1, 3, 3)} == flat


def test_matrices_are_scipy_s(rng: np.random.Generator) -> None:
    q = uniform_orientations(rng, 50)
    np.testing.assert_allclose(matrices(q), _scipy(q).as_matrix(), atol=1e-12)


@pytest.mark.parametrize("i_symmetry", range(24))
def test_renaming_the_faces_changes_neither_what_is_reduced_nor_the_quartic(
    i_symmetry: int, rng: np.random.Generator
) -> None:
    orientation = matrices(uniform_orientations(rng, 20))
    renamed = orientation @ CUBE_ROTATIONS[i_symmetry]
    np.testing.assert_allclose(reduced(renamed), reduced(orientation), atol=1e-12)
    np.testing.assert_allclose(quartic(renamed), quartic(orientation), atol=1e-12)


def test_what_is_reduced_is_nearest_to_none_of_the_24(rng: np.random.Generator) -> None:
    orientation = matrices(uniform_orientations(rng, 50))
    angles = [
        Rotation.from_matrix(orientation @ symmetry).magnitude()
        for symmetry in CUBE_ROTATIONS
    ]
    nearest = Rotation.from_matrix(reduced(orientation)).magnitude()
    np.testing.assert_allclose(nearest, np.min(angles, axis=0), atol=1e-9)


def test_the_quartic_of_an_upright_cube_by_hand() -> None:
    # Axes x, y, z: xxxx = yyyy = 1, all mixed products are zero.
    upright = quartic(np.eye(3)[None])[0]
    assert upright.tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0]
    # Turned by 45 degrees about z: x and y each 1/4 + 1/4; xxyy 1/4 + 1/4; xxxy
    # 1/4 - 1/4.
    turned = quartic(Rotation.from_rotvec([0, 0, np.pi / 4]).as_matrix()[None])[0]
    np.testing.assert_allclose(turned, [0.5, 0.5, 0.5, 0, 0, 0, 0, 0, 0], atol=1e-12)


def test_the_rotation_vector_is_scipy_s(rng: np.random.Generator) -> None:
    start, goal = uniform_orientations(rng, 50), uniform_orientations(rng, 50)
    axis, angle_rad = rotation_vector(start, goal)
    expected = (_scipy(goal) * _scipy(start).inv()).as_rotvec()
    np.testing.assert_allclose(axis * angle_rad[:, None], expected, atol=1e-9)


@pytest.mark.slow
def test_privileged_knows_no_faces_but_how_the_cube_is_to_be_turned() -> None:
    task = ReorientCube(ReorientCubeConfig(touch=False, privileged=True), n_worlds=1)
    task.reset(seed=1)
    before = task._sense()["privileged"]
    assert before.shape == (1, 130)
    quarter = about_axis(np.array([1.0, 0, 0]), np.pi / 2)  # about a face of the cube
    qpos = task.simulation.qpos[0].copy()
    qpos[27:31] = multiply(qpos[27:31], quarter)
    task._goals[0] = multiply(task._goals[0], quarter)
    task.simulation.place(0, qpos, task.simulation.state(0))
    # All but the spin, which MuJoCo keeps in the frame of the cube that was turned.
    spin, after = slice(119, 122), task._sense()["privileged"]
    after[:, spin] = before[:, spin]
    np.testing.assert_allclose(after, before, atol=1e-4)
    task._goals[0] = multiply(quarter, task._goals[0])
    assert np.abs(task._sense()["privileged"] - before).max() > 0.1


@pytest.mark.slow
def test_privileged_by_hand() -> None:
    task = ReorientCube(ReorientCubeConfig(touch=False, privileged=True), n_worlds=1)
    task.reset(seed=1)
    for _ in range(3):
        observation, *_ = task.step(np.full((1, 20), 0.3, np.float32))
    seen, simulation = observation["privileged"][0], task.simulation
    model, data = simulation.model, simulation.data(0)
    half = (model.jnt_range[:24, 1] - model.jnt_range[:24, 0]) / 2
    angles = (data.qpos[:24] - model.jnt_range[:24].mean(axis=1)) / half
    np.testing.assert_allclose(seen[:24], angles, atol=1e-5)
    np.testing.assert_allclose(seen[24:48], data.qvel[:24] / 5, atol=1e-5)
    low, high = model.actuator_ctrlrange.T
    commands = (data.ctrl - (low + high) / 2) / ((high - low) / 2)
    np.testing.assert_allclose(seen[48:68], commands, atol=1e-5)
    place = (data.body("object").xpos - data.geom("robot0:C_palm0").xpos) / 0.05
    np.testing.assert_allclose(seen[68:71], place, atol=1e-5)
    # After three of 100 steps, 97 hundredths of the time are left, less the next's.
    assert seen[-1] == pytest.approx(observation["auxiliary"][0, -1] / 8.0)
