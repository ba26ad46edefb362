# SPDX-License-Identifier: Apache-2.0
"""Senses that are not perfect: noise, delay and lost readings.

What a sensor shows is made from what is true in this order: its form (force, its
logarithm, or contact), the delay, the noise, the loss. Rewards and the sensation
``auxiliary``, which only the value head reads, stay true.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt

from angora_train.errors import TaskError, closest

__all__ = ["Imperfection", "Senses"]

_Observation = dict[str, NDArray[np.float32]]

_PURPOSE = 1
"""Sets these generators apart from those that decide goals and starts."""

_TRUE = "auxiliary"


class Imperfection(BaseModel):
    """What is wrong with one sensation."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )

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


class Senses:
    """Makes what B worlds sense from what is true.

    Parameters
    ----------
    config : mapping of str to Imperfection
        What is wrong, by sensation.
    sizes : mapping of str to int
        Width of every sensation.
    n_worlds : int
        Number of worlds, B.
    first_world : int
        Index of row 0 among the worlds of all processes.

    Raises
    ------
    TaskError
        If a sensation is unknown, or is ``auxiliary``.
    """

    def __init__(
        self,
        config: Mapping[str, Imperfection],
        sizes: Mapping[str, int],
        n_worlds: int,
        first_world: int = 0,
    ) -> None:
        allowed = [name for name in sizes if name != _TRUE]
        for name in config:
            if name not in allowed:
                raise TaskError(
                    f"sensing: there is no sensation '{name}' to be made imperfect."
                    f"{closest(name, allowed)} Sensations: {', '.join(allowed)}."
                )
        self._channels = {
            name: _Channel(config[name], n_worlds, size)
            for name, size in sizes.items()
            if name in config
        }
        self._n_worlds = n_worlds
        self._first_world = first_world
        self._rngs: Sequence[np.random.Generator] = ()

    def seed(self, root: int) -> None:
        """Seed every world's generator.

        Parameters
        ----------
        root : int
            The task's seed; a world's generator depends on it and on the index of the
            world, and on nothing else.
        """
        self._rngs = [
            np.random.default_rng(
                np.random.SeedSequence([root, self._first_world + world, _PURPOSE])
            )
            for world in range(self._n_worlds)
        ]

    def begin(
        self,
        true: _Observation,
        worlds: NDArray[np.int64],
        shown: _Observation | None = None,
    ) -> _Observation:
        """Show the first state of new episodes.

        Parameters
        ----------
        true : dict of ndarray of float32, shape (B, size)
            What is true in all worlds.
        worlds : ndarray of int64, shape (n,)
            Where an episode begins.
        shown : dict of ndarray of float32, shape (B, size), optional
            What the other worlds show now; needed unless all begin.

        Returns
        -------
        dict of ndarray of float32, shape (B, size)
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
        true : dict of ndarray of float32, shape (B, size)
            What is true.

        Returns
        -------
        dict of ndarray of float32, shape (B, size)
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


class _Channel:
    """One sensation of B worlds."""

    def __init__(self, config: Imperfection, n_worlds: int, size: int) -> None:
        self._config = config
        self.shown = np.zeros((n_worlds, size), np.float32)
        # What was true in the last steps, the oldest first: (delay + 1, B, size).
        self._past = np.zeros((config.delay_steps + 1, n_worlds, size), np.float32)

    def first(
        self,
        true: NDArray[np.float32],
        worlds: NDArray[np.int64],
        rngs: Sequence[np.random.Generator],
    ) -> NDArray[np.float32]:
        """Forget the past of some worlds and show their first state, (n, size)."""
        self._past[:, worlds] = self._formed(true)
        self.shown[worlds] = self._past[0, worlds] + self._noise(worlds, rngs)
        return self.shown[worlds]

    def next(
        self, true: NDArray[np.float32], rngs: Sequence[np.random.Generator]
    ) -> NDArray[np.float32]:
        """Show the next state of all worlds, (B, size)."""
        self._past[:-1] = self._past[1:]
        self._past[-1] = self._formed(true)
        new = self._past[0] + self._noise(np.arange(len(true)), rngs)
        if self._config.dropout > 0:
            luck = np.stack([rng.random(true.shape[1]) for rng in rngs])
            new = np.where(luck < self._config.dropout, self.shown, new)
        self.shown = new
        return self.shown.copy()

    def _formed(self, true: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn values into what the sensor shows of them."""
        if self._config.form == "log":
            return np.log1p(np.maximum(true, 0.0)).astype(np.float32)
        if self._config.form == "contact":
            return (true > 0).astype(np.float32)
        return true

    def _noise(
        self, worlds: NDArray[np.int64], rngs: Sequence[np.random.Generator]
    ) -> NDArray[np.float32] | np.float32:
        """Draw each world's noise from its own generator, (n, size)."""
        if self._config.noise_std == 0:
            return np.float32(0.0)
        size = self.shown.shape[1]
        chosen = [rngs[world] for world in worlds.tolist()]
        drawn = np.stack([rng.standard_normal(size) for rng in chosen])
        return (self._config.noise_std * drawn).astype(np.float32)
