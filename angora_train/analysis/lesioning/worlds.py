# SPDX-License-Identifier: Apache-2.0
"""Worlds: the same episodes for several lesioned networks at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from angora_train.agent.agent import Flags, Floats, State, Step
from angora_train.agent.normalization import Sensations
from angora_train.analysis.actors import AgentActor
from angora_train.tasks.base import Task

__all__ = ["Repeated", "RepeatedActor", "split"]


class Repeated:
    """A task several times over: each copy plays the same episodes.

    Parameters
    ----------
    copies : sequence of Task
        Each with the same worlds, world 0 first.
    """

    def __init__(self, copies: Sequence[Task]) -> None:
        first = copies[0]
        self.copies = tuple(copies)
        self.n_worlds = first.num_envs
        self.num_envs = self.n_worlds * len(copies)
        self.first_world = first.first_world
        self.metrics = getattr(first, "metrics", ())
        self.single_observation_space = first.single_observation_space

    def reset(self, *, seed: int) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Begin the episodes of a seed in every copy."""
        found = [task.reset(seed=seed) for task in self.copies]
        return _joined([x for x, _ in found]), {}

    def step(self, action: NDArray[np.float32]) -> tuple[Any, Any, Any, Any, Any]:
        """Take a step in every copy."""
        parts = np.split(action, len(self.copies))
        found = [t.step(x) for t, x in zip(self.copies, parts, strict=True)]
        observations, rewards, terminated, truncated, infos = zip(*found, strict=True)
        return (
            _joined(observations),
            np.concatenate(rewards),
            np.concatenate(terminated),
            np.concatenate(truncated),
            _joined_infos(infos, self.n_worlds),
        )


class RepeatedActor(AgentActor):
    """An agent in copies of the same worlds, with the same luck in each.

    Parameters
    ----------
    agent : Agent
        Who acts.
    n_copies : int
        Copies of the worlds.
    """

    def __init__(self, agent: Any, n_copies: int) -> None:
        super().__init__(agent)
        self.n_copies = n_copies

    def act(
        self, observation: Sensations, state: State, is_first: Flags, uniforms: Floats
    ) -> Step:
        """Give every copy the random numbers of the first, and let the agent act."""
        own = uniforms[: len(uniforms) // self.n_copies]
        drawn = np.tile(own, (self.n_copies, 1))
        return super().act(observation, state, is_first, drawn)


def split(values: NDArray[Any], n_copies: int) -> list[NDArray[Any]]:
    """Return what belongs to each copy, each of shape (n_episodes,)."""
    return np.split(values, n_copies)


def _joined(parts: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Return arrays by name, one copy below the other."""
    return {name: np.concatenate([x[name] for x in parts]) for name in parts[0]}


def _joined_infos(infos: Sequence[Mapping[str, Any]], n_worlds: int) -> dict[str, Any]:
    """Return what is told of each world; what is told once is the first copy's."""
    return {
        name: np.concatenate([x[name] for x in infos])
        if isinstance(value, np.ndarray) and value.shape[:1] == (n_worlds,)
        else value
        for name, value in infos[0].items()
    }
