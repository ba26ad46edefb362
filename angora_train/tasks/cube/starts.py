# SPDX-License-Identifier: Apache-2.0
"""Starts: states in which the cube lies at rest in the hand, made once a process."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import mujoco
import numpy as np
from numpy.typing import NDArray

from angora_train.errors import TaskError
from angora_train.tasks.cube.held import HeldCube
from angora_train.tasks.cube.orientation import (
    about_axis,
    angle_between,
    uniform_orientations,
)
from angora_train.tasks.hand.model import CubeScene, compose_cube_model, rest_state
from angora_train.tasks.worlds.simulation import Simulation

__all__ = ["Settling", "held_state", "settle"]

_SETTLING_S = 1.6
"""Time in which the cube falls and comes to rest, s."""

_DROP_HEIGHT_M = 0.02
"""How far above its place in the scene the cube is let go: no corner touches then."""

_PLACE_NOISE_M = 0.005
"""Standard deviation of the cube's place along the palm, m, as in gymnasium-robotics'
``manipulate.py``."""

_WATCHED_S = 0.8
"""Time at the end of it in which the cube is watched, s."""

_AT_REST = (0.002, 0.05)
"""How far, m and rad, a cube that counts as at rest moves while it is watched."""

_MAX_TRIES = 20
"""Tries a start; in the scene as it is, one to two are needed."""


@dataclass(frozen=True, slots=True)
class Settling:
    """What settled starts depend on."""

    scene: CubeScene = field(default_factory=CubeScene)
    """The hand and its cube."""

    pose: Literal["any", "flat"] = "any"
    """How the cube is let go: in any orientation, all equally likely; or flat, turned
    by any angle about the vertical."""

    n: int = 64
    """Number of starts."""

    seed: int = 0
    """Seed of the cube's places and orientations."""


def held_state(model: Any) -> Any:
    """Open the hand and ask all actuators for the middle of their range.

    Parameters
    ----------
    model : mujoco.MjModel
        The hand with the cube.

    Returns
    -------
    mujoco.MjData
        The hand at rest, the cube above the palm.
    """
    data = rest_state(model)
    data.ctrl[:] = model.actuator_ctrlrange.mean(axis=1)
    mujoco.mj_forward(model, data)
    return data


@lru_cache(maxsize=16)
def settle(settling: Settling) -> NDArray[np.float64]:
    """Let the cube come to rest in the hand, again and again.

    The cube is let go above the palm while the fingers bend to the middle of their
    range. Starts in which it is lost, or still moves by more than 2 mm or 0.05 rad from
    0.8 to 1.6 s, are discarded. The result depends on `settling` alone, so that all
    processes have the same, and is kept for the next who asks.

    Parameters
    ----------
    settling : Settling
        What is wanted.

    Returns
    -------
    ndarray of float64, shape (n, n_state)
        States, as `Simulation.state` gives them. Read-only, as they are shared.

    Raises
    ------
    TaskError
        If the cube comes to rest too rarely.
    """
    scene = settling.scene
    model = compose_cube_model(scene)
    start = held_state(model)
    n_steps = round(_WATCHED_S / scene.timestep_s)
    simulation = Simulation(model, start, 1, n_substeps=n_steps)
    cube = HeldCube(simulation)
    n_waits = round(_SETTLING_S / _WATCHED_S) - 1
    rng = np.random.default_rng(settling.seed)
    states: list[NDArray[np.float64]] = []
    n_tries = 0
    while len(states) < settling.n:
        if n_tries == _MAX_TRIES * settling.n:
            raise TaskError(
                f"The cube came to rest in the hand in only {len(states)} of {n_tries} "
                f"tries, {settling.n} are needed (tilt_deg {scene.tilt_deg}, "
                f"timestep_s {scene.timestep_s}). Tilt the hand less, or take "
                "smaller steps."
            )
        n_tries += 1
        simulation.place(0, _let_go(cube.address, start, settling.pose, rng))
        diverged = False
        for _ in range(n_waits):
            diverged |= bool(simulation.step(start.ctrl[None])[0])
        before = cube.position[0].copy(), cube.orientation[0].copy()
        diverged |= bool(simulation.step(start.ctrl[None])[0])
        if not diverged and _is_at_rest(cube, *before):
            simulation.data(0).time = 0.0
            states.append(simulation.state(0))
    settled = np.stack(states)
    settled.setflags(write=False)
    return settled


def _let_go(
    cube: int, start: Any, pose: str, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Joint positions with the cube, of that address, above the palm."""
    qpos: NDArray[np.float64] = start.qpos.copy()
    qpos[cube : cube + 2] += rng.normal(0.0, _PLACE_NOISE_M, 2)
    qpos[cube + 2] += _DROP_HEIGHT_M
    if pose == "any":
        orientation = uniform_orientations(rng, 1)[0]
    else:
        orientation = about_axis(np.array([0.0, 0, 1]), rng.uniform(-np.pi, np.pi))
    qpos[cube + 3 : cube + 7] = orientation
    return qpos


def _is_at_rest(
    cube: HeldCube, position: NDArray[np.float64], orientation: NDArray[np.float64]
) -> bool:
    """Whether the cube lies above the palm, and has hardly moved from there."""
    most_m, most_rad = _AT_REST
    moved_m = np.linalg.norm(cube.position[0] - position)
    turned = angle_between(cube.orientation[0], orientation)
    is_held = cube.position[0, 2] > cube.palm[0, 2]
    return bool(is_held and moved_m < most_m and turned < most_rad)
