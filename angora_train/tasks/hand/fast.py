# SPDX-License-Identifier: Apache-2.0
"""Fast physics of the hand with a cube: for training; results are told of the default.

What is changed, and why it may be: the hand's tendons but for the four that couple the
outer two joints of a finger double limits that the joints have themselves; friction of
joints costs a constraint a joint, and the joints' damping stays; the forearm and the
floor meet the cube only when it is lost. With these gone, the integrator `discrete` of
MuJoCo 4 holds the cube at twice the step of 8 ms: about as many cubes are dropped, and
they sink as little into the hand (``python benchmarks/cube.py``). Euler and
`implicitfast` at that step drop more, fewer iterations of the solver do not settle.
"""

from typing import Any, Literal

import mujoco

from angora_train.errors import TaskError
from angora_train.tasks.hand.names import CUBE

__all__ = ["FAST_TIMESTEP_S", "PhysicsModel", "lighten", "quicken", "require_fast"]

PhysicsModel = Literal["default", "fast"]
"""``default``: the hand and the solver as in the package's scene; results are told of
it. ``fast``: about two and a half times the control steps a second, to train in."""

FAST_TIMESTEP_S = 0.016
"""Physics step of the fast model, s: five make a control step of 80 ms."""

_COUPLING = "J1c"
"""How the tendons end in name that couple a finger's outer two joints."""

_OUT_OF_REACH = ("floor0", "robot0:C_forearm")
"""Geoms that touch the cube only when it is lost."""

_ITERATIONS = 3
_LINE_SEARCH_STEPS = 8
_TOLERANCE = 1e-4
"""Where Newton's iterations end, as the solver scales it; more of them changed neither
drops nor penetration, fewer never settled."""

_SLIDING_ONLY = 3
"""Contact dimensions of the cube: friction against sliding alone. The fingertips ask
for a fourth, against spinning, and the greater counts; a face has four points."""


def require_fast() -> None:
    """Refuse an older MuJoCo.

    Raises
    ------
    TaskError
        If the installed MuJoCo has no integrator `discrete`.
    """
    if not hasattr(mujoco.mjtIntegrator, "mjINT_DISCRETE"):
        raise TaskError(
            f"physics_model 'fast' needs MuJoCo 4, {mujoco.__version__} is installed. "
            "Install it: pip install 'mujoco>=4'. Or choose physics_model 'default'."
        )


def lighten(scene: Any) -> None:
    """Take out of a scene what the fast model does without.

    Parameters
    ----------
    scene : mujoco.MjSpec
        The hand with the cube, which is changed.
    """
    for tendon in list(scene.tendons):
        if not tendon.name.endswith(_COUPLING):
            scene.delete(tendon)


def quicken(model: Any) -> None:
    """Set a compiled model's options to those of the fast model.

    Parameters
    ----------
    model : mujoco.MjModel
        The hand with the cube, which is changed.
    """
    for name in _OUT_OF_REACH:
        geom = model.geom(name).id
        model.geom_contype[geom] = model.geom_conaffinity[geom] = 0
    model.geom_condim[model.geom(CUBE).id] = _SLIDING_ONLY
    model.dof_frictionloss[:] = 0.0
    options = model.opt
    options.integrator = mujoco.mjtIntegrator.mjINT_DISCRETE
    options.iterations, options.ls_iterations = _ITERATIONS, _LINE_SEARCH_STEPS
    options.tolerance = _TOLERANCE
    options.jacobian = mujoco.mjtJacobian.mjJAC_SPARSE
    options.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_ISLAND)
