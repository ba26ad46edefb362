# SPDX-License-Identifier: Apache-2.0
"""Evaluation: seeded episodes of anyone who acts.

An episode belongs to a world of the task: world ``w`` plays one episode, whose goal
and whose noise of the policy follow from the seed and from ``w`` alone. So two actors
meet the same goals with the same luck, and can be compared episode by episode.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from angora_train.agent.agent import Step
from angora_train.analysis.actors import Actor
from angora_train.analysis.goals import ANGLE_BEFORE, Goals, GoalTally
from angora_train.randomness import ACTIONS, generator
from angora_train.tasks.base import Task
from angora_train.tasks.finite import require_finite, require_fitting
from angora_train.tasks.physical import Physical

__all__ = ["Evaluation", "Moment", "Tally", "episodes", "evaluate", "filmed"]


@dataclass(frozen=True)
class Moment:
    """One control step of B worlds, each in its one episode.

    Attributes
    ----------
    observation : dict of str to ndarray of float32, shape (B, size)
        What was sensed, as the task gave it, before the action.
    step : Step
        What the actor did then.
    reward : ndarray of float32, shape (B,)
        What the action earned.
    is_under_way : ndarray of bool, shape (B,)
        True where the step belongs to the world's episode. A world that is done
        goes on unseen until all are.
    is_last : ndarray of bool, shape (B,)
        True where the step ended the world's episode.
    info : dict
        What else the task told of the step.
    state : mapping of str to Physical
        What was true of the worlds before the action, if it was asked for.
    """

    observation: Mapping[str, NDArray[np.float32]]
    step: Step
    reward: NDArray[np.float32]
    is_under_way: NDArray[np.bool_]
    is_last: NDArray[np.bool_]
    info: Mapping[str, Any]
    state: Mapping[str, Physical] = field(default_factory=dict)


def episodes(
    actor: Actor, task: Task, seed: int, *, with_state: bool = False
) -> Iterator[Moment]:
    """Play one episode in every world, step by step.

    Parameters
    ----------
    actor : Actor
        Who acts.
    task : Task
        As many worlds as episodes.
    seed : int
        Decides goals and the noise of the policy, together with each world's index
        (``task.first_world`` onwards).
    with_state : bool
        Whether moments have the physical state.

    Yields
    ------
    Moment
        Each control step, until the last world's episode has ended.
    """
    n_worlds = task.num_envs
    worlds = range(task.first_world, task.first_world + n_worlds)
    rngs = [generator(seed, world, ACTIONS, 0) for world in worlds]
    uniforms = np.empty((n_worlds, actor.n_uniforms), np.float32)
    n_steps = np.zeros(n_worlds, np.int64)
    observation, _ = task.reset(seed=seed)
    at: Any = {"steps": n_steps, "first_world": task.first_world}
    require_fitting(observation, task=task, **at)
    require_finite(observation, **at)
    state = actor.initial_state(n_worlds)
    is_first = np.ones(n_worlds, bool)
    is_under_way = np.ones(n_worlds, bool)
    while is_under_way.any():
        for row, rng in zip(uniforms, rngs, strict=True):
            rng.random(out=row, dtype=np.float32)
        physical = task.physical_state() if with_state else {}
        step = actor.act(observation, state, is_first, uniforms)
        following, reward, terminated, truncated, info = task.step(step.action)
        n_steps += 1
        require_fitting(following, reward, task=task, **at)
        ended = terminated | truncated
        require_finite(following, reward, **at)
        n_steps[ended] = 0
        yield Moment(
            observation=observation,
            step=step,
            reward=reward,
            is_under_way=is_under_way,
            is_last=is_under_way & ended,
            info=info,
            state=physical,
        )
        is_under_way = is_under_way & ~ended
        observation, state, is_first = following, step.state, ended


def filmed(
    actor: Actor, task: Task, seed: int, n_steps: int
) -> Iterator[NDArray[np.uint8]]:
    """Draw the first world while an actor acts in it.

    Parameters
    ----------
    actor : Actor
        Who acts.
    task : Task
        The worlds.
    seed : int
        Decides goals and the noise of the policy, as for :func:`episodes`.
    n_steps : int
        Control steps, whatever episodes they belong to.

    Yields
    ------
    ndarray of uint8, shape (H, W, 3)
        The world before the first step and after each.
    """
    rngs = [generator(seed, world, ACTIONS, 0) for world in range(task.num_envs)]
    observation, _ = task.reset(seed=seed)
    state = actor.initial_state(task.num_envs)
    is_first = np.ones(task.num_envs, bool)
    yield task.picture()
    for _ in range(n_steps):
        drawn = [rng.random(actor.n_uniforms, dtype=np.float32) for rng in rngs]
        step = actor.act(observation, state, is_first, np.stack(drawn))
        observation, _, terminated, truncated, _ = task.step(step.action)
        state, is_first = step.state, terminated | truncated
        yield task.picture()


@dataclass(frozen=True)
class Evaluation:
    """How episodes went, one row an episode.

    Attributes
    ----------
    total_reward : ndarray of float64, shape (n_episodes,)
        Sum of the rewards, not discounted.
    success : ndarray of bool, shape (n_episodes,)
        Whether the goal was met at the end.
    distance_m : ndarray of float64, shape (n_episodes,)
        Distance to the goal at the end, in m; NaN for a task that measures none.
    goal_kind : ndarray of int64, shape (n_episodes,)
        Kind of the goal, as the task counts them.
    n_steps : ndarray of int64, shape (n_episodes,)
        Length in control steps.
    facts : mapping of str to ndarray of float64, shape (n_episodes,)
        The task's metrics at the end, such as ``goals_reached``.
    goals : Goals, optional
        Each goal by itself, of a task that sets one after the other in an episode.
    """

    total_reward: NDArray[np.float64]
    success: NDArray[np.bool_]
    distance_m: NDArray[np.float64]
    goal_kind: NDArray[np.int64]
    n_steps: NDArray[np.int64]
    facts: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    goals: Goals | None = None

    @property
    def n_episodes(self) -> int:
        """Number of episodes."""
        return len(self.total_reward)


def evaluate(actor: Actor, task: Task, seed: int) -> Evaluation:
    """Play one episode in every world and say how they went.

    Parameters
    ----------
    actor : Actor
        Who acts; an agent as ``AgentActor(agent)``.
    task : Task
        As many worlds as episodes are wanted.
    seed : int
        See :func:`episodes`. Different from the training run's, so that no goal was
        practised.

    Returns
    -------
    Evaluation
        One row a world.
    """
    tally = Tally(task)
    for moment in episodes(actor, task, seed):
        tally.add(moment)
    return tally.evaluation


class Tally:
    """How episodes go, while they are under way.

    Parameters
    ----------
    task : Task
        One world an episode.
    """

    def __init__(self, task: Task) -> None:
        n = task.num_envs
        self._goals: GoalTally | None = None
        self._found = Evaluation(
            total_reward=np.zeros(n),
            success=np.zeros(n, np.bool_),
            distance_m=np.full(n, np.nan),
            goal_kind=np.zeros(n, np.int64),
            n_steps=np.zeros(n, np.int64),
            facts={name: np.full(n, np.nan) for name in getattr(task, "metrics", ())},
        )

    @property
    def evaluation(self) -> Evaluation:
        """How they went, once every world's episode has ended."""
        if self._goals is None:
            return self._found
        return replace(self._found, goals=self._goals.goals)

    def add(self, moment: Moment) -> None:
        """Take note of a control step, in place."""
        found, last = self._found, moment.is_last
        if ANGLE_BEFORE in moment.info:
            if self._goals is None:
                self._goals = GoalTally(found.n_episodes)
            self._goals.add(moment.info, moment.is_under_way, last)
        found.total_reward[:] += np.where(moment.is_under_way, moment.reward, 0.0)
        found.n_steps[:] += moment.is_under_way
        found.success[last] = moment.info["success"][last]
        found.goal_kind[last] = moment.info["goal_kind"][last]
        if "distance_m" in moment.info:
            found.distance_m[last] = moment.info["distance_m"][last]
        for name, values in found.facts.items():
            values[last] = moment.info[name][last]
