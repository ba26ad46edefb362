# SPDX-License-Identifier: Apache-2.0
"""Perturbations: what happens to every world at a time of its episode."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from angora_train.errors import TaskError, closest
from angora_train.tasks.worlds.simulation import Simulation

__all__ = ["Disturbances", "ForcePulse", "GoalSwitch", "Perturbation"]


@dataclass(frozen=True)
class GoalSwitch:
    """The goal gives way to another one.

    Attributes
    ----------
    at_s : float
        Time in the episode from which the new goal is sensed, s.
    """

    kind: ClassVar[str] = "goal_switch"
    at_s: float

    def __post_init__(self) -> None:
        _require_positive(self.kind, "at_s", self.at_s)

    def noted(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"kind": self.kind, **asdict(self)}

    def is_active(self, step: int, control_step_s: float) -> bool:
        """Whether it happens between a control step and the one before."""
        return step == max(1, round(self.at_s / control_step_s))


@dataclass(frozen=True)
class ForcePulse:
    """A body is pushed at its centre of mass.

    Attributes
    ----------
    force_n : tuple of float
        Along the axes of the world, N.
    at_s, for_s : float
        When it begins in the episode, and how long it lasts, s; rounded to whole
        control steps, at least one.
    body : str
        Name of the body in the model.
    """

    kind: ClassVar[str] = "force_pulse"
    force_n: tuple[float, float, float]
    at_s: float
    for_s: float
    body: str = "object"

    def __post_init__(self) -> None:
        if self.at_s < 0:
            raise TaskError(f"{self.kind}: at_s is {self.at_s}; it is at least 0 s.")
        _require_positive(self.kind, "for_s", self.for_s)
        if not any(self.force_n):
            raise TaskError(f"{self.kind}: the force is 0 N; give it one.")

    def noted(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"kind": self.kind, **asdict(self)}

    def is_active(self, step: int, control_step_s: float) -> bool:
        """Whether the body is pushed in a control step."""
        first = round(self.at_s / control_step_s)
        return first <= step < first + max(1, round(self.for_s / control_step_s))


Perturbation = GoalSwitch | ForcePulse
"""What happens to every world at a time of its episode."""


class Disturbances:
    """Perturbations of the worlds of a simulation.

    Parameters
    ----------
    perturbations : sequence of Perturbation
        What happens.
    simulation : Simulation
        The worlds.

    Raises
    ------
    TaskError
        If the model has no body that is to be pushed.
    """

    def __init__(
        self, perturbations: Sequence[Perturbation], simulation: Simulation
    ) -> None:
        model = simulation.model
        self._simulation = simulation
        self._switches = [x for x in perturbations if isinstance(x, GoalSwitch)]
        self._pushes = []
        names = [model.body(i).name for i in range(model.nbody)]
        for pulse in perturbations:
            if not isinstance(pulse, ForcePulse):
                continue
            if pulse.body not in names[1:]:
                raise TaskError(
                    f"force_pulse: the model has no body '{pulse.body}' to be pushed."
                    f"{closest(pulse.body, names[1:])} It has: {', '.join(names[1:])}."
                )
            self._pushes.append((names.index(pulse.body), pulse))

    def push(self, elapsed: Sequence[int], *, is_fresh: bool) -> None:
        """Set the forces of the next control step.

        Parameters
        ----------
        elapsed : sequence of int
            Control steps of each world's episode so far.
        is_fresh : bool
            Whether forces were set for this step already: then these are added.
        """
        step_s = self._simulation.control_step_s
        for world, step in enumerate(elapsed):
            forces = self._simulation.data(world).xfrc_applied
            if not is_fresh:
                for body, _ in self._pushes:
                    forces[body, :3] = 0.0
            for body, pulse in self._pushes:
                if pulse.is_active(step, step_s):
                    forces[body, :3] += pulse.force_n

    def switching(self, elapsed: Sequence[int]) -> list[int]:
        """Return the worlds whose goal gives way to another now.

        Parameters
        ----------
        elapsed : sequence of int
            Control steps of each world's episode so far.
        """
        step_s = self._simulation.control_step_s
        return [
            world
            for world, step in enumerate(elapsed)
            if any(switch.is_active(step, step_s) for switch in self._switches)
        ]


def _require_positive(kind: str, name: str, value: float) -> None:
    """Refuse a time that is no time."""
    if not value > 0:
        raise TaskError(f"{kind}: {name} is {value}; it is more than 0 s.")
