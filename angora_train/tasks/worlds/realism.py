# SPDX-License-Identifier: Apache-2.0
"""Senses that are not perfect: noise, delay and lost readings.

What a sensor shows is made from what is true in this order: its form (force, its
logarithm, or contact), the delay, the noise, the loss. Rewards and the sensation
``auxiliary``, which only the value head reads, stay true.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, NonNegativeInt

from angora_train.errors import TaskError, closest
from angora_train.tasks.settings import TaskSettings
from angora_train.tasks.worlds.generators import Generators
from angora_train.tasks.worlds.memory import Remembering

__all__ = ["Imperfection", "Senses"]

_Observation = dict[str, NDArray[Any]]

_PURPOSE = 1
"""Sets these generators apart from those that decide goals and starts."""

_TRUE = "auxiliary"


class Imperfection(TaskSettings):
    """What is wrong with one sensation."""

    noise_std: NonNegativeFloat = 0.0
    """Standard deviation of the noise that every channel gets anew in every step, in
    the unit of what is shown."""

    delay_steps: NonNegativeInt = 0
    """Control steps that the sensation lags behind. The first steps of an episode
    show its first state."""

    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability that a channel's reading is lost in a step; the channel then shows
    again what it showed before. The first reading of an episode is never lost."""

    form: Literal["value", "log", "contact"] = "value"
    """``value``: as it is; ``log``: ln(1 + value), for forces in N; ``contact``: 1
    where the value is above zero, else 0."""


class Senses(Remembering):
    """Makes what B worlds sense from what is true.

    Parameters
    ----------
    config : mapping of str to Imperfection
        What is wrong, by sensation.
    spaces : mapping of str to gymnasium.spaces.Box
        Shape and dtype of every sensation of one world.
    n_worlds : int
        Number of worlds, B.
    first_world : int
        Index of row 0 among the worlds of all processes.

    Raises
    ------
    TaskError
        If a sensation is unknown or is ``auxiliary``, or pixels are to have noise,
        losses or another form.
    """

    remembers: ClassVar[tuple[str, ...]] = ("_channels", "_rngs")

    def __init__(
        self,
        config: Mapping[str, Imperfection],
        spaces: Mapping[str, Box],
        n_worlds: int,
        first_world: int = 0,
    ) -> None:
        allowed = [name for name in spaces if name != _TRUE]
        for name in config:
            if name not in allowed:
                raise TaskError(
                    f"sensing: there is no sensation '{name}' to be made imperfect."
                    f"{closest(name, allowed)} Sensations: {', '.join(allowed)}."
                )
            if spaces[name].dtype == np.uint8 and not _only_delays(config[name]):
                raise TaskError(
                    f"sensing: '{name}' is made of pixels, which can lag behind "
                    "(delay_steps) but have no noise, dropout or form."
                )
        self._channels = {
            name: _Channel(config[name], n_worlds, space)
            for name, space in spaces.items()
            if name in config
        }
        self._rngs = Generators(n_worlds, first_world, _PURPOSE)

    def seed(self, root: int | Sequence[int]) -> None:
        """Seed every world's generator.

        Parameters
        ----------
        root : int or sequence of int
            The task's seed; a world's generator depends on it and on the index of the
            world, and on nothing else.
        """
        self._rngs.seed(root)

    def begin(
        self,
        true: _Observation,
        worlds: NDArray[np.int64],
        shown: _Observation | None = None,
    ) -> _Observation:
        """Show the first state of new episodes.

        Parameters
        ----------
        true : dict of ndarray, shape (B, ...)
            What is true in all worlds.
        worlds : ndarray of int64, shape (n,)
            Where an episode begins.
        shown : dict of ndarray, shape (B, ...), optional
            What the other worlds show now; needed unless all begin.

        Returns
        -------
        dict of ndarray, shape (B, ...)
            New arrays where something is imperfect, else those of `true`.
        """
        if not self._channels:
            return true
        result = dict(true)
        for name, channel in self._channels.items():
            first = channel.first(true[name][worlds], worlds, self._rngs)
            rows = np.empty_like(true[name]) if shown is None else shown[name].copy()
            rows[worlds] = first
            result[name] = rows
        return result

    def perceive(self, true: _Observation) -> _Observation:
        """Show the next state of all worlds.

        Parameters
        ----------
        true : dict of ndarray, shape (B, ...)
            What is true.

        Returns
        -------
        dict of ndarray, shape (B, ...)
            New arrays where something is imperfect, else those of `true`.
        """
        if not self._channels:
            return true
        return {
            **true,
            **{
                name: channel.next(true[name], self._rngs)
                for name, channel in self._channels.items()
            },
        }


def _only_delays(config: Imperfection) -> bool:
    """Whether what is shown was true once, value for value."""
    return config == Imperfection(delay_steps=config.delay_steps)


class _Channel(Remembering):
    """One sensation of B worlds."""

    remembers: ClassVar[tuple[str, ...]] = ("shown", "_past")

    def __init__(self, config: Imperfection, n_worlds: int, space: Box) -> None:
        self._config = config
        shape = (n_worlds, *(space.shape or ()))
        self.shown: NDArray[Any] = np.zeros(shape, space.dtype)
        # What was true in the last steps, the oldest first: (B, delay + 1, ...).
        n_steps = config.delay_steps + 1
        self._past = np.zeros((n_worlds, n_steps, *shape[1:]), space.dtype)

    def first(
        self,
        true: NDArray[Any],
        worlds: NDArray[np.int64],
        rngs: Sequence[np.random.Generator],
    ) -> NDArray[Any]:
        """Forget the past of some worlds and show their first state, (n, ...)."""
        self._past[worlds] = self._formed(true)[:, None]
        self.shown[worlds] = self._noisy(self._past[worlds, 0], worlds, rngs)
        return self.shown[worlds]

    def next(
        self, true: NDArray[Any], rngs: Sequence[np.random.Generator]
    ) -> NDArray[Any]:
        """Show the next state of all worlds, (B, ...)."""
        self._past[:, :-1] = self._past[:, 1:]
        self._past[:, -1] = self._formed(true)
        new = self._noisy(self._past[:, 0], np.arange(len(true)), rngs)
        if self._config.dropout > 0:
            luck = np.stack([rng.random(true.shape[1]) for rng in rngs])
            new = np.where(luck < self._config.dropout, self.shown, new)
        self.shown = np.array(new)
        return np.array(new)

    def _formed(self, true: NDArray[Any]) -> NDArray[Any]:
        """Turn values into what the sensor shows of them."""
        if self._config.form == "log":
            return np.asarray(np.log1p(np.maximum(true, 0.0)), np.float32)
        if self._config.form == "contact":
            return np.asarray(true > 0, np.float32)
        return true

    def _noisy(
        self,
        shown: NDArray[Any],
        worlds: NDArray[np.int64],
        rngs: Sequence[np.random.Generator],
    ) -> NDArray[Any]:
        """Add noise from each world's own generator to what it shows, (n, ...)."""
        if self._config.noise_std == 0:
            return shown
        chosen = [rngs[world] for world in worlds.tolist()]
        drawn = np.stack([rng.standard_normal(shown.shape[1]) for rng in chosen])
        noise = (self._config.noise_std * drawn).astype(np.float32)
        return np.asarray(shown + noise)
