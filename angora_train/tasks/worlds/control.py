# SPDX-License-Identifier: Apache-2.0
"""Position control: what an action in [-1, 1] asks of an actuator."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import mujoco
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from angora_train.errors import TaskError
from angora_train.tasks.settings import TaskSettings
from angora_train.tasks.worlds.memory import Remembering
from angora_train.tasks.worlds.simulation import Simulation

__all__ = ["ControlConfig", "PositionControl"]

_JOINTS = (int(mujoco.mjtTrn.mjTRN_JOINT), int(mujoco.mjtTrn.mjTRN_JOINTINPARENT))
_TENDON = int(mujoco.mjtTrn.mjTRN_TENDON)


class ControlConfig(TaskSettings):
    """How actions become commands; written as its mode alone, the rest is default."""

    mode: Literal["absolute", "relative"] = "absolute"
    """What an action of zero asks for: ``absolute``, the middle of the actuator's
    range; ``relative``, the angle that the joint (or the length that the tendon) has
    now. An action of one is half the range away from there; what lies outside the
    range is cut off."""

    new_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of what is newly asked for in the command; the rest is the last command,
    so that commands are smoothed exponentially. 1 smooths nothing, 0.3 is what
    Andrychowicz et al. 2020 (arXiv:1808.00177) use with steps of 80 ms."""

    @model_validator(mode="before")
    @classmethod
    def _from_mode(cls, value: Any) -> Any:
        """Let the mode stand for the whole."""
        return {"mode": value} if isinstance(value, str) else value


class PositionControl(Remembering):
    """Turns actions into commands of the position actuators of B worlds.

    Parameters
    ----------
    config : ControlConfig
        What actions mean.
    simulation : Simulation
        The worlds that are driven.

    Raises
    ------
    TaskError
        If an actuator has no range, or relative control is asked of an actuator that
        drives neither a joint nor a tendon.
    """

    remembers: ClassVar[tuple[str, ...]] = ("_last",)

    def __init__(self, config: ControlConfig, simulation: Simulation) -> None:
        model = simulation.model
        _check_ranges(model)
        low, high = model.actuator_ctrlrange.T.copy()
        self._low, self._high = low, high
        self._middle, self._half_range = (low + high) / 2, (high - low) / 2
        self._config = config
        self._lengths = _Lengths(simulation) if config.mode == "relative" else None
        self._last = np.zeros((simulation.n_worlds, model.nu))

    @property
    def last(self) -> NDArray[np.float64]:
        """What the actuators were asked for last, as shares of their half range.

        Shape (B, A), in [-1, 1]; of use where commands are smoothed, and zero without.
        """
        return np.asarray((self._last - self._middle) / self._half_range)

    def commands(self, actions: NDArray[np.float32]) -> NDArray[np.float64]:
        """Say what the actuators are asked for.

        Parameters
        ----------
        actions : ndarray of float32, shape (B, A)
            Positions in [-1, 1].

        Returns
        -------
        ndarray of float64, shape (B, A)
            Commands, in the actuators' units: rad for the hand.
        """
        offsets = self._half_range * actions
        if self._lengths is None:
            wanted = self._middle + offsets
        else:
            wanted = (self._lengths.now() + offsets).clip(self._low, self._high)
        share = self._config.new_share
        if share < 1.0:
            wanted = share * wanted + (1.0 - share) * self._last
            self._last[...] = wanted
        return np.asarray(wanted, np.float64)

    def restart(
        self, worlds: Sequence[int] | NDArray[np.int64], commands: NDArray[np.float64]
    ) -> None:
        """Begin anew in some worlds.

        Parameters
        ----------
        worlds : sequence of int
            Their rows.
        commands : ndarray of float64, shape (len(worlds), A)
            What their actuators are asked for at the start.
        """
        self._last[worlds] = commands


class _Lengths:
    """Where the actuators are now: angles of joints, lengths of tendons."""

    def __init__(self, simulation: Simulation) -> None:
        model = simulation.model
        kinds, targets = model.actuator_trntype, model.actuator_trnid[:, 0]
        self._is_joint = np.isin(kinds, _JOINTS)
        is_known = self._is_joint | (kinds == _TENDON)
        if not is_known.all():
            name = model.actuator(int(np.flatnonzero(~is_known)[0])).name
            raise TaskError(
                f"Actuator '{name}' drives neither a joint nor a tendon, so that it "
                "has no position to be relative to; use control: absolute."
            )
        self._gear = model.actuator_gear[:, 0].copy()
        self._simulation = simulation
        self._joints = model.jnt_qposadr[targets[self._is_joint]]
        # Joint angles are there already; tendons are read where there are any.
        self._tendons = (
            None
            if self._is_joint.all()
            else simulation.read("ten_length", targets[~self._is_joint])
        )

    def now(self) -> NDArray[np.float64]:
        """Positions of the actuators of all worlds, shape (B, A)."""
        angles = self._simulation.qpos[:, self._joints]
        if self._tendons is None:
            return np.asarray(angles * self._gear, np.float64)
        lengths = np.empty((len(angles), len(self._is_joint)))
        lengths[:, self._is_joint] = angles
        lengths[:, ~self._is_joint] = self._tendons
        lengths *= self._gear
        return lengths


def _check_ranges(model: Any) -> None:
    """Refuse actuators without a range: an action would mean nothing to them."""
    unbounded = np.flatnonzero(~model.actuator_ctrllimited.astype(bool))
    if len(unbounded):
        name = model.actuator(int(unbounded[0])).name or f"number {unbounded[0]}"
        raise TaskError(
            f"Actuator '{name}' has no ctrlrange; actions in [-1, 1] are "
            "shares of it. Give it one in the model."
        )
