# SPDX-License-Identifier: Apache-2.0
"""Force pulses: a body is pushed now and then, for one control step."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field, PositiveFloat

from angora_train.errors import TaskError, closest
from angora_train.tasks.settings import TaskSettings
from angora_train.tasks.worlds.generators import Generators
from angora_train.tasks.worlds.memory import Remembering
from angora_train.tasks.worlds.simulation import Simulation

__all__ = ["ForcePulses", "PulseConfig"]

_PURPOSE = 3
"""Sets these generators apart from those of goals, senses and bodies."""


class PulseConfig(TaskSettings):
    """Which body is pushed, how often and how hard."""

    body: str = "object"
    """Name of the body in the model; it is pushed at its centre of mass."""

    probability: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Probability of a pulse in a control step, which is as long as it lasts."""

    force_std: PositiveFloat = 0.5
    """Standard deviation of the force along each axis of the world, N."""


class ForcePulses(Remembering):
    """Pushes one body in each of B worlds.

    Parameters
    ----------
    config : PulseConfig
        How often and how hard.
    simulation : Simulation
        The worlds.
    first_world : int
        Index of row 0 among the worlds of all processes.

    Raises
    ------
    TaskError
        If the model has no body of that name.
    """

    remembers: ClassVar[tuple[str, ...]] = ("_rngs",)  # forces are the simulation's

    def __init__(
        self, config: PulseConfig, simulation: Simulation, first_world: int = 0
    ) -> None:
        model = simulation.model
        names = [model.body(i).name for i in range(model.nbody)]
        if config.body not in names[1:]:
            raise TaskError(
                f"pulses: the model has no body '{config.body}' to be pushed."
                f"{closest(config.body, names[1:])}"
            )
        self._config = config
        body = names.index(config.body)
        self._forces = [
            simulation.data(world).xfrc_applied[body, :3]
            for world in range(simulation.n_worlds)
        ]
        self._rngs = Generators(simulation.n_worlds, first_world, _PURPOSE)

    def seed(self, root: int | Sequence[int]) -> None:
        """Seed every world's generator.

        Parameters
        ----------
        root : int or sequence of int
            The task's seed; a world's generator depends on it and on the index of the
            world, and on nothing else.
        """
        self._rngs.seed(root)

    def apply(self) -> None:
        """Draw the forces of the next control step."""
        probability, force_std = self._config.probability, self._config.force_std
        for force, rng in zip(self._forces, self._rngs, strict=True):
            is_pushed = rng.random() < probability
            force[:] = rng.normal(0.0, force_std, 3) if is_pushed else 0.0
