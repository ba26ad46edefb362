# SPDX-License-Identifier: Apache-2.0
"""Observations of an environment of Gymnasium, as named vectors and pictures.

A box is flattened, pixels stay pixels; of a choice among n the sensation has n numbers,
one of them 1, since its number says nothing about what is near.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from angora_train.errors import TaskError
from angora_train.tasks.task import Observation

__all__ = ["NamedSpace"]

_MAX_SENSATION = 1e10
"""Bound of a sensation whose environment names none."""
_MEND = "Mend the environment: what it observes must lie in its observation_space."


class _UnfitError(ValueError):
    """What an environment observes is not what its space says."""


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
        self._env_id = env_id
        self._is_dict = isinstance(space, spaces.Dict)
        parts = dict(space.spaces) if isinstance(space, spaces.Dict) else {name: space}
        self._parts = parts
        self.boxes = OrderedDict[str, spaces.Box](
            (part, _box(env_id, part, kind)) for part, kind in parts.items()
        )
        self._first = next(iter(parts), name)

    def row(self, raw: Any, world: int = 0, step: int = 0) -> Observation:
        """One world's sensations.

        Parameters
        ----------
        raw
            What the environment observes.
        world, step : int
            Index of the world among those of all processes, and steps of its episode
            so far, for the message.

        Raises
        ------
        TaskError
            If that is not what its space says, naming world, step and sensation.
        """
        where = f"World {world}, step {step} of its episode: {self._env_id}"
        if self._is_dict and not isinstance(raw, Mapping):
            raise TaskError(
                f"{where} observes what is {_said(raw)}; its space is a Dict. {_MEND}"
            )
        parts = raw if self._is_dict else {self._first: raw}
        row: Observation = {}
        for name, box in self.boxes.items():
            kind = self._parts[name]
            if name not in parts:
                raise TaskError(f"{where} does not observe '{name}' ({kind}). {_MEND}")
            try:
                row[name] = _numbers(parts[name], kind, box)
            except _UnfitError as error:
                raise TaskError(
                    f"{where} observes '{name}', which {error}; its space is {kind}. "
                    f"{_MEND}"
                ) from error
        return row

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
    if raw is None or isinstance(raw, str | Mapping):
        raise _UnfitError(f"is {_said(raw)}")
    if not isinstance(kind, spaces.Box):
        return _chosen(raw, kind, box)
    try:
        numbers = np.asarray(raw)
        if box.dtype == np.uint8 and numbers.dtype != np.uint8:
            _require_bytes(numbers)
        numbers = numbers.astype(box.dtype, copy=False)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, _UnfitError):
            raise
        raise _UnfitError(f"is {_said(raw)}") from error
    if numbers.shape not in (kind.shape, box.shape):
        raise _UnfitError(f"has shape {numbers.shape}, not {kind.shape}")
    return numbers.reshape(box.shape)


def _require_bytes(numbers: NDArray[Any]) -> None:
    """Refuse numbers that would become others as bytes."""
    low, high = float(numbers.min()), float(numbers.max())
    if not 0.0 <= low <= high <= 255.0:
        raise _UnfitError(f"has numbers from {low:g} to {high:g}, which are no bytes")


def _chosen(raw: Any, kind: Any, box: spaces.Box) -> NDArray[Any]:
    """Return choices as numbers, one of each choice's 1."""
    try:
        numbers = np.asarray(raw, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise _UnfitError(f"is {_said(raw)}") from error
    size = int(np.prod(kind.shape, dtype=int))
    if numbers.shape not in (kind.shape, (size,)):
        raise _UnfitError(f"has shape {numbers.shape}, not {kind.shape}")
    numbers = numbers.ravel()
    is_binary = isinstance(kind, spaces.MultiBinary)
    counts = np.atleast_1d(getattr(kind, "nvec", getattr(kind, "n", 2))).ravel()
    counts = np.full(numbers.shape, 2) if is_binary else counts
    first = np.ravel(getattr(kind, "start", np.zeros(numbers.shape)))
    within = (numbers >= first) & (numbers < first + counts) & (numbers % 1 == 0)
    if not within.all():
        at = int(np.flatnonzero(~within)[0])
        last = first[at] + counts[at] - 1
        raise _UnfitError(
            f"is {numbers[at]:g}{f' in element {at}' if numbers.size > 1 else ''}, not "
            f"a whole number from {first[at]:g} to {last:g}"
        )
    if is_binary:
        return numbers.astype(box.dtype)
    one_hot = np.zeros(box.shape, np.float32)
    one_hot[np.cumsum(counts) - counts + (numbers - first).astype(np.int64)] = 1.0
    return one_hot


def _said(raw: Any) -> str:
    """Say what came instead of numbers."""
    return "None" if raw is None else f"of type {type(raw).__name__}"
