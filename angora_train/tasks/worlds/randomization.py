# SPDX-License-Identifier: Apache-2.0
"""Domain randomisation: bodies that differ from world to world, episode to episode.

Each world gets a copy of the model of its own, because masses and friction are the
model's: about 7.4 MB a world for the hand, most of it meshes. At the start of each
episode the copy's numbers are drawn anew around those of the original, and what
MuJoCo derives from them is computed again (0.1 ms).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import mujoco
import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, NonNegativeFloat

from angora_train.errors import TaskError
from angora_train.tasks.settings import TaskSettings
from angora_train.tasks.worlds.generators import Generators
from angora_train.tasks.worlds.memory import Memory, Remembering

__all__ = ["Physics", "PhysicsConfig"]

_PURPOSE = 2
"""Sets these generators apart from those that decide goals and senses."""


def _checked(bounds: tuple[float, float]) -> tuple[float, float]:
    """Refuse bounds that are not positive and in order."""
    if not 0 < bounds[0] <= bounds[1]:
        raise ValueError("a range of factors is positive and in order")
    return bounds


_Factors = Annotated[tuple[float, float], AfterValidator(_checked)]

_ONE = (1.0, 1.0)


class PhysicsConfig(TaskSettings):
    """Ranges of factors by which the model's numbers are multiplied."""

    mass: _Factors = _ONE
    """Mass and inertia of each body, drawn evenly."""

    friction: _Factors = _ONE
    """Sliding friction of all surfaces, one factor a world, drawn evenly."""

    size: _Factors = _ONE
    """Size of each object that moves freely, drawn evenly; its mass stays, its inertia
    follows."""

    damping: _Factors = _ONE
    """Damping of each degree of freedom, drawn evenly in its logarithm."""

    gain: _Factors = _ONE
    """Force gain of each actuator, drawn evenly in its logarithm."""

    gravity_std: NonNegativeFloat = 0.0
    """Standard deviation of what is added to each axis of gravity, m/s2."""

    @property
    def is_nominal(self) -> bool:
        """Whether nothing is drawn: every world has the original numbers."""
        return self == PhysicsConfig()


class Physics(Remembering):
    """Draws the numbers of each world's own model.

    Parameters
    ----------
    config : PhysicsConfig
        Ranges.
    nominal : mujoco.MjModel
        The original.
    models : sequence of mujoco.MjModel
        Copies of it, one a world; they are changed in place.
    first_world : int
        Index of row 0 among the worlds of all processes.

    Raises
    ------
    TaskError
        If gains are to be drawn and an actuator is not a motor, position or velocity
        servo; or sizes, and an object is a mesh, has parts, or there is none.
    """

    remembers: ClassVar[tuple[str, ...]] = ("_rngs", "_drawn")

    def __init__(
        self,
        config: PhysicsConfig,
        nominal: Any,
        models: Sequence[Any],
        first_world: int = 0,
    ) -> None:
        if config.gain != _ONE:
            _require_plain_gains(nominal)
        self._objects = _find_objects(nominal) if config.size != _ONE else ()
        self._config = config
        self._nominal = nominal
        self._models = models
        self._scratch = mujoco.MjData(nominal)
        n_worlds = len(models)
        self._rngs = Generators(n_worlds, first_world, _PURPOSE)
        self._drawn = {
            "mass": np.ones((n_worlds, nominal.nbody)),
            "friction": np.ones((n_worlds, 1)),
            "damping": np.ones((n_worlds, nominal.nv)),
            "gain": np.ones((n_worlds, nominal.nu)),
            "gravity": np.zeros((n_worlds, 3)),
            "size": np.ones((n_worlds, len(self._objects))),
        }

    def seed(self, root: int | Sequence[int]) -> None:
        """Seed every world's generator.

        Parameters
        ----------
        root : int or sequence of int
            The task's seed; a world's generator depends on it and on the index of the
            world, and on nothing else.
        """
        self._rngs.seed(root)

    def draw(self, world: int) -> None:
        """Give one world new numbers.

        Parameters
        ----------
        world : int
            Row.
        """
        config, rng, nominal = self._config, self._rngs[world], self._nominal
        drawn = {name: rows[world] for name, rows in self._drawn.items()}
        drawn["mass"][:] = rng.uniform(*config.mass, nominal.nbody)
        drawn["friction"][:] = rng.uniform(*config.friction)
        drawn["damping"][:] = _log_uniform(rng, config.damping, nominal.nv)
        drawn["gain"][:] = _log_uniform(rng, config.gain, nominal.nu)
        drawn["gravity"][:] = rng.normal(0.0, config.gravity_std, 3)
        # Drawn last, and only where wanted: the other numbers do not depend on it.
        drawn["size"][:] = [rng.uniform(*config.size) for _ in self._objects]
        self._apply(world)

    def restore_worlds(self, saved: Memory) -> None:
        """Give all worlds the numbers that they had.

        Parameters
        ----------
        saved : dict
            Rows of these worlds, as `save_worlds` returned them.

        Raises
        ------
        CheckpointError
            If they are another task's.
        """
        super().restore_worlds(saved)
        for world in range(len(self._models)):
            self._apply(world)

    def _apply(self, world: int) -> None:
        """Write what was drawn for a world into its model."""
        nominal, model = self._nominal, self._models[world]
        masses, friction, damping, gains, gravity, sizes = (
            rows[world] for rows in self._drawn.values()
        )
        gains = gains[:, None]
        model.body_mass[:] = nominal.body_mass * masses
        model.body_inertia[:] = nominal.body_inertia * masses[:, None]
        model.geom_friction[:, 0] = nominal.geom_friction[:, 0] * friction
        model.pair_friction[:, :2] = nominal.pair_friction[:, :2] * friction
        model.dof_damping[:] = nominal.dof_damping * damping
        model.actuator_gainprm[:, :3] = nominal.actuator_gainprm[:, :3] * gains
        model.actuator_biasprm[:, :3] = nominal.actuator_biasprm[:, :3] * gains
        model.opt.gravity[:] = nominal.opt.gravity + gravity
        for thing, size in zip(self._objects, sizes.tolist(), strict=True):
            thing.resize(nominal, model, size)
        mujoco.mj_setConst(model, self._scratch)


@dataclass(frozen=True, slots=True)
class _Object:
    """A body that moves freely, and what belongs to it."""

    body: int
    geoms: NDArray[np.int64]
    sites: NDArray[np.int64]

    def resize(self, nominal: Any, model: Any, size: float) -> None:
        """Make it so many times as large as it was; inertia was set before."""
        body, geoms, sites = self.body, self.geoms, self.sites
        for name in ("geom_size", "geom_pos", "geom_rbound", "geom_aabb"):
            getattr(model, name)[geoms] = getattr(nominal, name)[geoms] * size
        for name in ("site_size", "site_pos"):
            getattr(model, name)[sites] = getattr(nominal, name)[sites] * size
        model.body_ipos[body] = nominal.body_ipos[body] * size
        model.body_inertia[body] *= size**2
        # Boxes around its parts, in which contacts are looked for.
        first, n = int(nominal.body_bvhadr[body]), int(nominal.body_bvhnum[body])
        boxes = slice(first, first + n)
        model.bvh_aabb[boxes] = nominal.bvh_aabb[boxes] * size


def _find_objects(model: Any) -> tuple[_Object, ...]:
    """Find the bodies that move freely, and refuse those that cannot be resized."""
    is_free = model.jnt_type == int(mujoco.mjtJoint.mjJNT_FREE)
    objects = tuple(
        _Object(
            body,
            np.flatnonzero(model.geom_bodyid == body),
            np.flatnonzero(model.site_bodyid == body),
        )
        for body in model.jnt_bodyid[is_free].tolist()
    )
    if not objects:
        raise TaskError("physics.size: the model has no object that moves freely.")
    for thing in objects:
        is_mesh = model.geom_type[thing.geoms] == int(mujoco.mjtGeom.mjGEOM_MESH)
        if is_mesh.any() or (model.body_parentid == thing.body).any():
            raise TaskError(
                f"physics.size: the object '{model.body(thing.body).name}' is a mesh "
                "or has moving parts, so that its size cannot be changed."
            )
    return objects


def _log_uniform(
    rng: np.random.Generator, bounds: tuple[float, float], n: int
) -> NDArray[np.float64]:
    """Draw factors whose logarithm is even between the bounds."""
    low, high = bounds
    if low == high:
        return np.full(n, low)
    return np.exp(rng.uniform(np.log(low), np.log(high), n))


def _require_plain_gains(model: Any) -> None:
    """Refuse actuators whose first numbers are no gains, such as muscles."""
    plain = [int(mujoco.mjtBias.mjBIAS_NONE), int(mujoco.mjtBias.mjBIAS_AFFINE)]
    is_plain = model.actuator_gaintype == int(mujoco.mjtGain.mjGAIN_FIXED)
    is_plain &= np.isin(model.actuator_biastype, plain)
    if not is_plain.all():
        name = model.actuator(int(np.flatnonzero(~is_plain)[0])).name
        raise TaskError(
            f"physics.gain: actuator '{name}' is no motor, position or velocity "
            "servo, so that its gain cannot be multiplied."
        )
