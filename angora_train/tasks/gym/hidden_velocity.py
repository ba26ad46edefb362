# SPDX-License-Identifier: Apache-2.0
"""Velocities hidden: a task that needs memory, from one that does not."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from angora_train.errors import TaskError

__all__ = ["VELOCITIES", "HideVelocity"]

VELOCITIES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "Acrobot": (4, 5),
        "CartPole": (1, 3),
        "MountainCar": (1,),
        "MountainCarContinuous": (1,),
        "Pendulum": (2,),
    }
)
"""Elements of the observation that are velocities, by the name of the environment, as
the pages of Gymnasium's classic control environments list them."""


class HideVelocity(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Leave the velocities out of what is observed.

    The velocity can then only be had by comparing observations over time.

    Parameters
    ----------
    env : gymnasium.Env
        An environment whose observations are vectors.
    indices : sequence of int, optional
        Elements to leave out; needed where `VELOCITIES` does not list the environment.
    names : tuple of str, optional
        Names of what is left and of the whole: both are then observed, as a dictionary.

    Raises
    ------
    TaskError
        If it is not known which elements are velocities, or the observation has none
        of an index.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        indices: Sequence[int] | None = None,
        names: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(env)
        box = env.observation_space
        if not isinstance(box, gymnasium.spaces.Box) or len(box.shape) != 1:
            raise TaskError(
                f"Velocities can be hidden in observations that are vectors, got {box}."
            )
        name = "an environment" if env.spec is None else env.spec.name
        if indices is None:
            if name not in VELOCITIES:
                raise TaskError(
                    f"Which elements of the observation of {name} are velocities is "
                    f"not known. Known: {', '.join(VELOCITIES)}. Give their indices."
                )
            indices = VELOCITIES[name]
        size = box.shape[0]
        if not indices or not all(0 <= index < size for index in indices):
            raise TaskError(
                f"Cannot hide the elements {list(indices)} of {name}, whose "
                f"observation has elements 0 to {size - 1}."
            )
        self._kept = np.setdiff1d(np.arange(size), np.asarray(indices, np.int64))
        self._names = names
        left = gymnasium.spaces.Box(
            box.low[self._kept], box.high[self._kept], dtype=np.float32
        )
        self.observation_space = (
            left
            if names is None
            else gymnasium.spaces.Dict(dict(zip(names, (left, box), strict=True)))
        )

    def observation(self, observation: NDArray[Any]) -> Any:
        """Return what is left of an observation.

        Parameters
        ----------
        observation : ndarray, shape (size,)
            With velocities.

        Returns
        -------
        ndarray of float32, shape (n,), or dict
            Without; by name, where the whole is observed, too.
        """
        left = observation[self._kept].astype(np.float32)
        if self._names is None:
            return left
        return dict(zip(self._names, (left, observation), strict=True))
