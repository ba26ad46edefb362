# SPDX-License-Identifier: Apache-2.0
"""The agent against its controls, on the same episodes.

::

    trained         the agent, its actions sampled as in training
    untrained       the same network with its initial weights
    best posture    one command held throughout, the best over many other goals
    shuffled goals  the agent, shown in each episode the goal of another

Every condition plays the same seeded episodes with the same random numbers for its
actions. The reward always judges the episode's own goal.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from angora_train.agent.agent import Agent
from angora_train.analysis.actors import (
    Actor,
    AgentActor,
    PostureActor,
    ShuffledActor,
    choosing,
)
from angora_train.analysis.evaluation import Evaluation, evaluate
from angora_train.analysis.intervals import Interval, bootstrap_interval, summarize
from angora_train.analysis.posture import best_posture
from angora_train.errors import ConfigError
from angora_train.tasks.base import VectorTask
from angora_train.tasks.reaching.reach import Reach
from atlasnet.files import write_text

__all__ = [
    "CONDITIONS",
    "EXPECTED_ACTION",
    "Comparison",
    "Summary",
    "compare",
    "derangement",
    "untrained",
]

CONDITIONS = ("trained", "untrained", "best posture", "shuffled goals")
"""The agent and its three controls."""
EXPECTED_ACTION = "trained, expected action"
"""The agent without the noise of sampling: what it knows, rather than what it does."""


@dataclass(frozen=True)
class Summary:
    """How a condition went, with 95 % intervals over episodes.

    Attributes
    ----------
    total_reward : Interval
        Mean return, not discounted; bootstrap.
    success : Interval
        Share of episodes whose goal was met at the end; Wilson.
    distance_m : Interval
        Mean distance to the goal at the end, in m; bootstrap.
    loss_of_return : Interval or None
        Mean of the trained agent's return minus this condition's in the same
        episode; bootstrap over episodes. None for the trained agent.
    """

    total_reward: Interval
    success: Interval
    distance_m: Interval
    loss_of_return: Interval | None


@dataclass(frozen=True)
class Comparison:
    """All conditions on the same episodes.

    Attributes
    ----------
    seed : int
        Of the episodes.
    episodes : dict of str to Evaluation
        By condition.
    summaries : dict of str to Summary
        By condition.
    posture : list of float
        The command of the best posture.
    shown : list of int
        Episode whose goal was shown in each episode of the shuffled condition.
    """

    seed: int
    episodes: dict[str, Evaluation]
    summaries: dict[str, Summary]
    posture: list[float]
    shown: list[int]

    @property
    def n_episodes(self) -> int:
        """Number of episodes that every condition played."""
        return next(iter(self.episodes.values())).n_episodes

    def to_json(self) -> str:
        """Return the comparison as JSON text, every episode included."""
        data = {"n_episodes": self.n_episodes, **asdict(self)}
        for columns in data["episodes"].values():
            del columns["facts"]  # of the cube, which is not compared here
        return json.dumps(data, indent=1, allow_nan=False, default=np.ndarray.tolist)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the comparison that :meth:`to_json` wrote."""
        data = json.loads(text)
        del data["n_episodes"]
        summaries = TypeAdapter(dict[str, Summary]).validate_python(data["summaries"])
        episodes = {}
        for name, columns in data["episodes"].items():
            arrays: dict[str, Any] = {key: np.asarray(x) for key, x in columns.items()}
            episodes[name] = Evaluation(**arrays)
        return cls(**{**data, "summaries": summaries, "episodes": episodes})

    def save(self, path: Path | str) -> None:
        """Write the comparison to a file, whole or not at all."""
        write_text(path, self.to_json())


def compare(
    agent: Agent, task: VectorTask, posture_task: VectorTask, seed: int
) -> Comparison:
    """Play the same episodes with the agent and its controls.

    Parameters
    ----------
    agent : Agent
        The trained agent.
    task : VectorTask
        As many worlds as episodes.
    posture_task : VectorTask
        The same task, for the search of the posture: 64 worlds serve.
    seed : int
        Of the episodes. The posture is chosen with ``seed + 1``, on other goals.

    Returns
    -------
    Comparison
        The four conditions, and the trained agent with expected actions.

    Raises
    ------
    ConfigError
        If the task has no goal to hold a posture for, or fewer than two worlds.
    """
    if not isinstance(posture_task, Reach):
        raise ConfigError(
            f"The best posture is defined for the task Reach, got a "
            f"{type(posture_task).__name__}."
        )
    posture = best_posture(posture_task, seed + 1)
    shown = derangement(np.random.default_rng(seed), task.num_envs)
    actors: dict[str, Actor] = {
        "trained": AgentActor(agent),
        "untrained": AgentActor(untrained(agent)),
        "best posture": PostureActor(posture.command),
        "shuffled goals": ShuffledActor(agent, shown),
        EXPECTED_ACTION: AgentActor(choosing(agent, "expected")),
    }
    results = {name: evaluate(actor, task, seed) for name, actor in actors.items()}
    return Comparison(
        seed=seed,
        episodes=results,
        summaries=_summarize(results, seed),
        posture=posture.command.tolist(),
        shown=shown.tolist(),
    )


def untrained(agent: Agent) -> Agent:
    """Return the agent as it was before training.

    Parameters
    ----------
    agent : Agent
        The trained agent.

    Returns
    -------
    Agent
        The same architecture with its initial weights: the layers are made anew from
        their configuration, which holds the seeds. It keeps the trained agent's
        normalisation of sensations, so that the weights alone differ.
    """
    model = keras.models.clone_model(agent.model)
    return Agent(model, agent.distribution, agent.normalizer, agent.engine)


def derangement(rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Draw an order in which nothing stays in its place.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance. Orders are drawn until one fits (about e times), so all
        fitting ones are equally likely.
    n : int
        Length, at least 2.

    Returns
    -------
    ndarray of int64, shape (n,)
        The order.

    Raises
    ------
    ConfigError
        If `n` is below 2.

    Examples
    --------
    >>> derangement(np.random.default_rng(0), 2).tolist()
    [1, 0]
    """
    if n < 2:
        raise ConfigError(f"Goals are shuffled between at least 2 episodes, got {n}.")
    order = rng.permutation(n)
    while (order == np.arange(n)).any():
        order = rng.permutation(n)
    return order


def _summarize(results: Mapping[str, Evaluation], seed: int) -> dict[str, Summary]:
    """Return the intervals of all conditions, resampled alike."""
    trained = results["trained"]
    summaries = {}
    for name, result in results.items():
        means = summarize(result, seed)
        difference = trained.total_reward - result.total_reward
        summaries[name] = Summary(
            total_reward=means["return"],
            success=means["success"],
            distance_m=means["distance_m"],
            loss_of_return=None
            if result is trained
            else bootstrap_interval(difference, np.random.default_rng(seed)),
        )
    return summaries
