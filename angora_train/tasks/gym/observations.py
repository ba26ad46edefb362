# SPDX-License-Identifier: Apache-2.0
"""Observations of an environment of Gymnasium, as named vectors and pictures.

A box is flattened, pixels stay pixels; of a choice among n the sensation has n numbers,
one of them 1, since its number says nothing about what is near.
"""

from collections import OrderedDict
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from angora_train.errors import TaskError
from angora_train.tasks.task import Observation

__all__ = ["NamedSpace"]

_MAX_SENSATION = 1e10
"""Bound of a sensation whose environment names none."""


class NamedSpace:
    """Turns an environment's observations into named vectors and pictures.

    Parameters
    ----------
    env_id : str
        The environment, for messages.
    space : gymnasium.spaces.Space
        What it observes.
    name : str
        Name of the sensation, where the observation is no dictionary.

    Raises
    ------
    TaskError
        If a part of the observation cannot be made a sensation.
    """

    def __init__(self, env_id: str, space: spaces.Space[Any], name: str) -> None:
        self._is_dict = isinstance(space, spaces.Dict)
        parts = dict(space.spaces) if isinstance(space, spaces.Dict) else {name: space}
        self._parts = parts
        self.boxes = OrderedDict[str, spaces.Box](
            (part, _box(env_id, part, kind)) for part, kind in parts.items()
        )
        self._first = next(iter(parts), name)

    def row(self, raw: Any) -> Observation:
        """One world's sensations."""
        parts = raw if self._is_dict else {self._first: raw}
        return {
            name: _numbers(parts[name], self._parts[name], box)
            for name, box in self.boxes.items()
        }

    def batch(self, rows: list[Observation]) -> Observation:
        """All worlds' sensations, in new arrays."""
        return {name: np.stack([row[name] for row in rows]) for name in self.boxes}


def _box(env_id: str, part: str, kind: spaces.Space[Any]) -> spaces.Box:
    """Return the space of a sensation."""
    if isinstance(kind, spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        return spaces.Box(0.0, 1.0, (_width(kind),))
    if not isinstance(kind, spaces.Box):
        raise TaskError(
            f"The observation '{part}' of {env_id} is {kind}; an environment can be "
            "adapted if it observes a Box, Discrete, MultiDiscrete or MultiBinary, or "
            "a Dict of them. Gymnasium's FlattenObservation makes a Box of others."
        )
    if kind.dtype == np.uint8 and len(kind.shape) == 3:
        return kind
    low, high = (
        np.clip(bound, -_MAX_SENSATION, _MAX_SENSATION).astype(np.float32)
        for bound in (kind.low.ravel(), kind.high.ravel())
    )
    return spaces.Box(low, high)


def _width(kind: Any) -> int:
    """Return how many numbers a choice becomes."""
    if isinstance(kind, spaces.Discrete):
        return int(kind.n)
    if isinstance(kind, spaces.MultiDiscrete):
        return int(kind.nvec.sum())
    return int(np.prod(kind.shape))


def _numbers(raw: Any, kind: Any, box: spaces.Box) -> NDArray[Any]:
    """Return one part of an observation as its sensation."""
    if isinstance(kind, spaces.Discrete | spaces.MultiDiscrete):
        counts = np.atleast_1d(getattr(kind, "nvec", getattr(kind, "n", 0))).ravel()
        chosen = np.ravel(raw) - np.ravel(kind.start)
        numbers = np.zeros(box.shape, np.float32)
        numbers[np.cumsum(counts) - counts + chosen] = 1.0
        return numbers
    return np.asarray(raw, box.dtype).reshape(box.shape)
