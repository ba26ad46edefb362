# SPDX-License-Identifier: Apache-2.0
"""Rollout: what an agent lived through in one cycle, and how it is collected."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from angora_train.agent import Agent, State
from angora_train.randomness import ACTIONS, generator

__all__ = ["Collector", "Episode", "Rollout"]


@dataclass(frozen=True)
class Episode:
    """An episode that ended during a rollout.

    Attributes
    ----------
    total_reward : float
        Sum of its rewards, not normalised.
    n_steps : int
        Its length in control steps.
    is_success : bool
        Whether the goal was met at its end.
    terms : dict of str to float
        Sum of each term of the reward, by its metric's name.
    facts : dict of str to float
        What the task counts among its metrics, at its end: the distance to the goal,
        with the unit in its name.
    """

    total_reward: float
    n_steps: int
    is_success: bool
    terms: dict[str, float]
    facts: dict[str, float]


@dataclass(frozen=True)
class Rollout:
    """T control steps of B worlds.

    Attributes
    ----------
    sensations : dict of str to ndarray of float32, shape (T, B, size)
        Normalised sensations.
    raw : dict of str to ndarray of float32, shape (T, B, size)
        The same as the task gave them, for the normaliser.
    is_first : ndarray of bool, shape (T, B)
        True where an episode begins.
    states : dict of str to ndarray of float32, shape (T / chunk_length, B, size)
        Recurrent state before the first step of each chunk.
    sample, log_prob, value : ndarray of float32, shape (T, B, ...)
        What the agent drew, with which log-probability, expecting what.
    next_value : ndarray of float32, shape (T, B)
        Value of the state that the step led to; see
        :func:`angora_train.advantages.generalized_advantage`.
    reward : ndarray of float32, shape (T, B)
        Reward, not normalised.
    terminated, ended : ndarray of bool, shape (T, B)
        Where the task ended the episode; where anything did.
    episodes : list of Episode
        Episodes that ended.
    """

    sensations: dict[str, NDArray[np.float32]]
    raw: dict[str, NDArray[np.float32]]
    is_first: NDArray[np.bool_]
    states: dict[str, NDArray[np.float32]]
    sample: NDArray[np.float32]
    log_prob: NDArray[np.float32]
    value: NDArray[np.float32]
    next_value: NDArray[np.float32]
    reward: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    ended: NDArray[np.bool_]
    episodes: list[Episode]


@dataclass
class _Tally:
    """Running sums of the episodes under way."""

    reward: NDArray[np.float64]
    n_steps: NDArray[np.int64]
    facts: tuple[str, ...]
    terms: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def add(
        self, reward: NDArray[np.float32], ended: NDArray[np.bool_], info: Any
    ) -> list[Episode]:
        """Add a step and return the episodes that it ended."""
        self.reward += reward
        self.n_steps += 1
        for name, term in info.items():
            if name.startswith("reward/"):
                self.terms.setdefault(name, np.zeros(len(reward)))
                self.terms[name] += term
        episodes = [
            Episode(
                total_reward=float(self.reward[b]),
                n_steps=int(self.n_steps[b]),
                is_success=bool(info["success"][b]),
                terms={name: float(term[b]) for name, term in self.terms.items()},
                facts={name: float(info[name][b]) for name in self.facts},
            )
            for b in np.flatnonzero(ended)
        ]
        for tally in (self.reward, self.n_steps, *self.terms.values()):
            tally[ended] = 0
        return episodes


class Collector:
    """Steps a batch of worlds with an agent, from cycle to cycle.

    Parameters
    ----------
    task : gymnasium.vector.VectorEnv
        The worlds. They reset in the step that ends an episode and give the final
        observation as ``info["final_obs"]``.
    agent : Agent
        Who acts.
    seed : int
        Seed of worlds and of actions.
    first_world : int
        Index of the first world among those of all ranks: seeds follow it, so that a
        world's luck does not depend on how worlds are spread over ranks.
    cycle : int
        Cycles that are done already: a resumed run begins episodes that the first
        part did not have.

    Attributes
    ----------
    facts : tuple of str
        Names of the task's metrics, which every episode keeps; ``distance_m`` for a
        task that names none.
    """

    def __init__(
        self,
        task: VectorEnv,
        agent: Agent,
        seed: int,
        first_world: int = 0,
        cycle: int = 0,
    ) -> None:
        self._task = task
        self._agent = agent
        self._seed = seed
        self._first_world = first_world
        n_worlds = task.num_envs
        entropy = np.random.SeedSequence([seed, cycle])
        self._reset_seed = int(entropy.generate_state(1)[0])
        self._observation, _ = task.reset(seed=self._reset_seed)
        self._is_first = np.ones(n_worlds, bool)
        self._state = agent.initial_state(n_worlds)
        self.facts: tuple[str, ...] = getattr(task, "metrics", ("distance_m",))
        self._tally = _Tally(
            np.zeros(n_worlds), np.zeros(n_worlds, np.int64), self.facts
        )

    def warm_up(self, n_steps: int) -> dict[str, NDArray[np.float32]]:
        """Act at random for `n_steps` and return what was sensed, (T, B, size)."""
        seen = []
        for uniforms in self._uniforms(n_steps, cycle=0):
            seen.append({k: v.copy() for k, v in self._observation.items()})
            action = (2.0 * uniforms - 1.0).astype(np.float32)
            self._observation, *_ = self._task.step(action)
        self._observation, _ = self._task.reset(seed=self._reset_seed)
        return _stacked(seen)

    def collect(self, cycle: int, horizon: int, chunk_length: int) -> Rollout:
        """Take `horizon` control steps in every world.

        Parameters
        ----------
        cycle : int
            Number of the cycle, from 1: together with the seed it decides the
            actions' noise, so a resumed run draws what an unbroken one would.
        horizon : int
            Control steps.
        chunk_length : int
            Control steps between two stored recurrent states.

        Returns
        -------
        Rollout
            What happened.
        """
        agent = self._agent
        steps: list[dict[str, Any]] = []
        raw: list[dict[str, NDArray[np.float32]]] = []
        states: list[State] = []
        episodes: list[Episode] = []
        uniforms = self._uniforms(horizon, cycle)
        for t in range(horizon):
            if t % chunk_length == 0:
                states.append(self._state)
            raw.append(
                {name: self._observation[name].copy() for name in agent.sensations}
            )
            sensations = agent.normalizer.normalize(self._observation)
            step = agent.act(sensations, self._state, self._is_first, uniforms[t])
            observation, reward, terminated, truncated, info = self._task.step(
                step.action
            )
            ended = terminated | truncated
            steps.append(
                {
                    "sensations": sensations,
                    "is_first": self._is_first,
                    "sample": step.sample,
                    "log_prob": step.log_prob,
                    "value": step.value,
                    "final_value": self._final_value(info, truncated, step.state),
                    "reward": reward.copy(),
                    "terminated": terminated.copy(),
                    "ended": ended,
                }
            )
            episodes += self._tally.add(reward, ended, info)
            self._observation, self._state, self._is_first = (
                observation,
                step.state,
                ended,
            )
        return self._rollout(steps, raw, states, episodes)

    def _rollout(
        self,
        steps: list[dict[str, Any]],
        raw: list[dict[str, NDArray[np.float32]]],
        states: list[State],
        episodes: list[Episode],
    ) -> Rollout:
        """Stack the steps and fill in the values of their successors."""
        sensations = _stacked([step.pop("sensations") for step in steps])
        arrays = _stacked(steps)
        last = self._value(self._observation, self._state, self._is_first)
        final = arrays.pop("final_value")
        successor = np.concatenate([arrays["value"][1:], last[None]])
        return Rollout(
            sensations=sensations,
            raw=_stacked(raw),
            states=_stacked(states),
            next_value=np.where(np.isnan(final), successor, final),
            episodes=episodes,
            **arrays,
        )

    def _uniforms(self, n_steps: int, cycle: int) -> NDArray[np.float32]:
        """Draw each world's numbers from a generator of its own, (T, B, A)."""
        shape = (n_steps, self._agent.distribution.n_dimensions)
        drawn = [
            generator(self._seed, self._first_world + b, ACTIONS, cycle).random(
                shape, dtype=np.float32
            )
            for b in range(self._task.num_envs)
        ]
        return np.stack(drawn, axis=1)

    def _final_value(
        self, info: Any, truncated: NDArray[np.bool_], state: State
    ) -> NDArray[np.float32]:
        """Return the value of the last state where a limit cut an episode, else NaN."""
        values = np.full(len(truncated), np.nan, np.float32)
        if truncated.any():
            no = np.zeros(len(truncated), bool)
            values[truncated] = self._value(info["final_obs"], state, no)[truncated]
        return values

    def _value(
        self,
        observation: dict[str, NDArray[np.float32]],
        state: State,
        is_first: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        """Return what the agent expects from here, without acting."""
        idle = np.zeros(
            (len(is_first), self._agent.distribution.n_dimensions), np.float32
        )
        sensations = self._agent.normalizer.normalize(observation)
        return self._agent.act(sensations, state, is_first, idle).value

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the terms of the reward, once a step was taken."""
        return tuple(sorted(self._tally.terms))


def _stacked(steps: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    """Stack the arrays of each name along a new first axis."""
    return {name: np.stack([step[name] for step in steps]) for name in steps[0]}
