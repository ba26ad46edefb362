# SPDX-License-Identifier: Apache-2.0
"""What the hand feels of itself and of what it touches."""

from collections.abc import Mapping
from typing import Any, ClassVar

import mujoco
import numpy as np
from numpy.typing import NDArray

from angora_train.tasks.base import Observation, TaskConfig
from angora_train.tasks.hand.model import named_ids
from angora_train.tasks.hand.names import JOINTS, TOUCH_SENSORS
from angora_train.tasks.worlds.simulation import Simulation

__all__ = ["HandConfig", "HandSenses", "switch_sensors"]


class HandConfig(TaskConfig):
    """What every task of the hand can be asked for."""

    sensed_by: ClassVar[Mapping[str, tuple[str, ...]]] = {"touch": ("touch",)}

    touch: bool = True
    """Whether there is a sensation ``touch``. Without, MuJoCo's sensors are not
    computed, which makes physics with a held cube some 8 % cheaper and changes no
    movement."""


class HandSenses:
    """The hand's sensations of joints and skin.

    Parameters
    ----------
    simulation : Simulation
        Worlds with a hand.
    has_touch : bool
        Whether touch is one of them.

    Attributes
    ----------
    sizes : dict of str to int
        Width of each: ``proprioception``, 24 joint angles, rad, and 24 joint
        velocities, rad/s; ``touch``, normal force on each of 92 sensors, N, one
        substep before the rest.
    """

    def __init__(self, simulation: Simulation, has_touch: bool) -> None:
        model = simulation.model
        joints = named_ids(model, "joint", JOINTS)
        self._angles = simulation.read("qpos", model.jnt_qposadr[joints])
        self._velocities = simulation.read("qvel", model.jnt_dofadr[joints])
        self._touch: NDArray[np.float64] | None = None
        self.sizes = {"proprioception": 2 * len(JOINTS)}
        if has_touch:
            sensors = named_ids(model, "sensor", TOUCH_SENSORS)
            self._touch = simulation.read("sensordata", model.sensor_adr[sensors])
            self.sizes["touch"] = len(TOUCH_SENSORS)

    def sense(self) -> Observation:
        """Return what all worlds sense, in new arrays.

        Returns
        -------
        dict of str to ndarray of float32, shape (B, size)
            The sensations of `sizes`.
        """
        parts = (self._angles, self._velocities)
        joints = np.concatenate(parts, axis=1, dtype=np.float32, casting="same_kind")
        if self._touch is None:
            return {"proprioception": joints}
        return {"proprioception": joints, "touch": self._touch.astype(np.float32)}


def switch_sensors(model: Any, is_on: bool) -> None:
    """Switch a model's sensors on or off: all else moves as before.

    Parameters
    ----------
    model : mujoco.MjModel
        The model, which is changed.
    is_on : bool
        Whether ``sensordata`` is computed.
    """
    if is_on:
        model.opt.disableflags &= ~int(mujoco.mjtDisableBit.mjDSBL_SENSOR)
    else:
        model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_SENSOR)
