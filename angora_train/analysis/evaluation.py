# SPDX-License-Identifier: Apache-2.0
"""Evaluation: seeded episodes of anyone who acts, and how sure their mean is.

An episode belongs to a world of the task: world ``w`` plays one episode, whose goal
and whose noise of the policy follow from the seed and from ``w`` alone. So two actors
meet the same goals with the same luck, and can be compared episode by episode.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from keras import ops
from numpy.typing import NDArray
from scipy import stats

from angora_train.agent.agent import Agent, State, Step
from angora_train.agent.distributions import Distribution
from angora_train.errors import ConfigError
from angora_train.randomness import ACTIONS, generator
from angora_train.tasks.base import Task

__all__ = [
    "Actor",
    "AgentActor",
    "Choice",
    "Evaluation",
    "Interval",
    "Moment",
    "PostureActor",
    "ShuffledActor",
    "bootstrap_interval",
    "choosing",
    "episodes",
    "evaluate",
    "filmed",
    "share_interval",
    "spread",
    "summarize",
]

Choice = Literal["sampled", "most_likely", "expected"]
"""How an action is chosen from the policy's distribution."""


# --- who acts -----------------------------------------------------------------------


class Actor(Protocol):
    """Anyone who acts on the sensations of a task."""

    n_uniforms: int
    """Uniform numbers taken per world and step."""

    def initial_state(self, n_worlds: int) -> State:
        """Return the recurrent state before an episode."""

    def act(
        self,
        observation: Mapping[str, NDArray[np.float32]],
        state: State,
        is_first: NDArray[np.bool_],
        uniforms: NDArray[np.float32],
    ) -> Step:
        """Take one control step in every world, from sensations as the task gives."""


class AgentActor:
    """An agent as it is.

    Parameters
    ----------
    agent : Agent
        Who acts.
    """

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.n_uniforms = agent.n_uniforms

    def initial_state(self, n_worlds: int) -> State:
        """Return the agent's recurrent state before an episode."""
        return self.agent.initial_state(n_worlds)

    def act(
        self,
        observation: Mapping[str, NDArray[np.float32]],
        state: State,
        is_first: NDArray[np.bool_],
        uniforms: NDArray[np.float32],
    ) -> Step:
        """Normalise the sensations and let the agent act."""
        sensations = self.agent.normalize(observation)
        return self.agent.act(sensations, state, is_first, uniforms)


class ShuffledActor(AgentActor):
    """An agent that senses in each world what belongs to another world.

    Parameters
    ----------
    agent : Agent
        Who acts.
    order : ndarray of int, shape (B,)
        World whose sensation each world is shown.
    sensations : tuple of str
        Which sensations are exchanged; the others stay.
    """

    def __init__(
        self,
        agent: Agent,
        order: NDArray[np.int64],
        sensations: tuple[str, ...] = ("goal",),
    ) -> None:
        super().__init__(agent)
        self.order = order
        self.exchanged = sensations

    def act(
        self,
        observation: Mapping[str, NDArray[np.float32]],
        state: State,
        is_first: NDArray[np.bool_],
        uniforms: NDArray[np.float32],
    ) -> Step:
        """Exchange the sensations and let the agent act."""
        exchanged = {name: observation[name][self.order] for name in self.exchanged}
        return super().act({**observation, **exchanged}, state, is_first, uniforms)


class PostureActor:
    """Gives one command at every step, whatever is sensed.

    Parameters
    ----------
    command : ndarray of float32, shape (A,)
        The action, within [-1, 1].
    """

    n_uniforms = 0

    def __init__(self, command: NDArray[np.float32]) -> None:
        self.command = command.astype(np.float32)

    def initial_state(self, n_worlds: int) -> State:
        """Return no state."""
        return {}

    def act(
        self,
        observation: Mapping[str, NDArray[np.float32]],
        state: State,
        is_first: NDArray[np.bool_],
        uniforms: NDArray[np.float32],
    ) -> Step:
        """Return the command in every world."""
        n_worlds = len(is_first)
        action = np.tile(self.command, (n_worlds, 1))
        return Step(
            sample=action,
            action=action,
            log_prob=np.zeros(n_worlds, np.float32),
            value=np.full(n_worlds, np.nan, np.float32),
            state=state,
            activity={},
        )


class _Deterministic:
    """A distribution that returns one action in place of a sample."""

    def __init__(
        self, distribution: Distribution, choice: Literal["most_likely", "expected"]
    ) -> None:
        self._inner = distribution
        self._choice = choice
        self.n_parameters = distribution.n_parameters
        self.n_dimensions = distribution.n_dimensions
        self.n_uniforms = distribution.n_uniforms
        self.n_spreads = distribution.n_spreads

    def sample(self, parameters: Any, uniforms: Any) -> Any:
        """Return the chosen action; the uniform numbers decide nothing."""
        return self.mode(parameters)

    def mode(self, parameters: Any) -> Any:
        """Return the chosen action."""
        if self._choice == "expected":
            return self._inner.mean_action(parameters)
        return self._inner.action(self._inner.mode(parameters))

    def action(self, sample: Any) -> Any:
        """Return the sample: it is an action already."""
        return sample

    def mean_action(self, parameters: Any) -> Any:
        """Return the expected action."""
        return self._inner.mean_action(parameters)

    def log_prob(self, parameters: Any, sample: Any) -> Any:
        """Return the logarithm of one: there is no choice."""
        return ops.sum(ops.zeros_like(sample), axis=-1)

    def entropy(self, parameters: Any) -> Any:
        """Return zero: there is no choice."""
        return self.log_prob(parameters, self.mode(parameters))

    def kl(self, parameters: Any, other: Any) -> Any:
        """Return zero: there is no choice."""
        return self.entropy(parameters)


def choosing(agent: Agent, choice: Choice) -> Agent:
    """Return an agent with the same weights that chooses its actions in another way.

    Parameters
    ----------
    agent : Agent
        The agent. Its probes are not kept.
    choice : {"sampled", "most_likely", "expected"}
        ``sampled`` draws from the policy, as in training; ``most_likely`` takes the
        mode of each actuator's distribution; ``expected`` its mean, which lies
        between bins. Early in training the mode of a categorical policy says little
        about what it has learned, its mean much.

    Returns
    -------
    Agent
        `agent` itself if it is to sample.
    """
    if choice == "sampled":
        return agent
    distribution = _Deterministic(agent.distribution, choice)
    return Agent(agent.model, distribution, agent.normalizer, agent.engine)


# --- episodes -----------------------------------------------------------------------


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
    """

    observation: Mapping[str, NDArray[np.float32]]
    step: Step
    reward: NDArray[np.float32]
    is_under_way: NDArray[np.bool_]
    is_last: NDArray[np.bool_]
    info: Mapping[str, Any]


def episodes(actor: Actor, task: Task, seed: int) -> Iterator[Moment]:
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

    Yields
    ------
    Moment
        Each control step, until the last world's episode has ended.
    """
    n_worlds = task.num_envs
    worlds = range(task.first_world, task.first_world + n_worlds)
    rngs = [generator(seed, world, ACTIONS, 0) for world in worlds]
    uniforms = np.empty((n_worlds, actor.n_uniforms), np.float32)
    observation, _ = task.reset(seed=seed)
    state = actor.initial_state(n_worlds)
    is_first = np.ones(n_worlds, bool)
    is_under_way = np.ones(n_worlds, bool)
    while is_under_way.any():
        for row, rng in zip(uniforms, rngs, strict=True):
            rng.random(out=row, dtype=np.float32)
        step = actor.act(observation, state, is_first, uniforms)
        following, reward, terminated, truncated, info = task.step(step.action)
        ended = terminated | truncated
        yield Moment(
            observation=observation,
            step=step,
            reward=reward,
            is_under_way=is_under_way,
            is_last=is_under_way & ended,
            info=info,
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
    """

    total_reward: NDArray[np.float64]
    success: NDArray[np.bool_]
    distance_m: NDArray[np.float64]
    goal_kind: NDArray[np.int64]
    n_steps: NDArray[np.int64]
    facts: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

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
    n_worlds = task.num_envs
    total_reward = np.zeros(n_worlds)
    n_steps = np.zeros(n_worlds, np.int64)
    success = np.zeros(n_worlds, np.bool_)
    distance_m = np.full(n_worlds, np.nan)
    goal_kind = np.zeros(n_worlds, np.int64)
    facts = {name: np.full(n_worlds, np.nan) for name in getattr(task, "metrics", ())}
    for moment in episodes(actor, task, seed):
        total_reward += np.where(moment.is_under_way, moment.reward, 0.0)
        n_steps += moment.is_under_way
        last = moment.is_last
        success[last] = moment.info["success"][last]
        if "distance_m" in moment.info:
            distance_m[last] = moment.info["distance_m"][last]
        goal_kind[last] = moment.info["goal_kind"][last]
        for name, values in facts.items():
            values[last] = moment.info[name][last]
    return Evaluation(total_reward, success, distance_m, goal_kind, n_steps, facts)


# --- intervals ----------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    """A mean and how far it may be off.

    Attributes
    ----------
    mean : float
        Mean of the sample.
    low, high : float
        Ends of the confidence interval.
    """

    mean: float
    low: float
    high: float


def bootstrap_interval(
    values: NDArray[np.floating],
    rng: np.random.Generator,
    n: int = 10_000,
    level: float = 0.95,
) -> Interval:
    """Return the mean of a sample with its percentile bootstrap interval.

    Applied to the differences of two actors over the same episodes, this is the
    paired interval.

    Parameters
    ----------
    values : ndarray of float, shape (n_episodes,)
        The sample.
    rng : numpy.random.Generator
        Draws the resamples.
    n : int
        Resamples.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Interval
        Mean and the ends between which `level` of the resampled means lie.

    Raises
    ------
    ConfigError
        If there is no value, or the level is no fraction.

    References
    ----------
    Efron & Tibshirani (1993), An introduction to the bootstrap, section 13.3.

    Examples
    --------
    >>> bootstrap_interval(np.full(5, 2.0), np.random.default_rng(0))
    Interval(mean=2.0, low=2.0, high=2.0)
    """
    _require_sample(len(values), level)
    drawn = rng.integers(0, len(values), (n, len(values)))
    means = np.asarray(values, np.float64)[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(np.mean(values)), float(low), float(high))


def share_interval(n_hits: int, n: int, level: float = 0.95) -> Interval:
    """Return a share with its Wilson interval, which is honest at 0 and 1 too.

    Parameters
    ----------
    n_hits : int
        Episodes that count.
    n : int
        Episodes.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Interval
        The share and its interval.

    Raises
    ------
    ConfigError
        If there is no episode, or the level is no fraction.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical
    inference, J Am Stat Assoc 22:209. https://doi.org/10.2307/2276774

    Examples
    --------
    >>> round(share_interval(0, 50).high, 4)
    0.0713
    """
    _require_sample(n, level)
    interval = stats.binomtest(n_hits, n).proportion_ci(level, method="wilson")
    return Interval(n_hits / n, float(interval.low), float(interval.high))


def _require_sample(n: int, level: float) -> None:
    """Refuse an empty sample and a level that is no fraction."""
    if n < 1:
        raise ConfigError("An interval needs at least one episode, got none.")
    if not 0.0 < level < 1.0:
        raise ConfigError(f"A confidence level lies between 0 and 1, got {level}.")


def spread(values: NDArray[np.floating], seed: int) -> dict[str, float]:
    """Describe a number's distribution over episodes beyond its mean.

    Parameters
    ----------
    values : ndarray of float, shape (n_episodes,)
        The number, such as the goals that an episode reached.
    seed : int
        Of the resampling.

    Returns
    -------
    dict of str to float
        ``median`` with the ends of its 95 % percentile bootstrap interval,
        ``median_low`` and ``median_high``; ``mode``, the most frequent value, the
        smallest of several; ``std``.

    Examples
    --------
    >>> spread(np.array([1.0, 3.0, 3.0, 8.0]), seed=0)["mode"]
    3.0
    """
    _require_sample(len(values), 0.95)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(values), (10_000, len(values)))
    medians = np.median(np.asarray(values, np.float64)[drawn], axis=1)
    low, high = np.quantile(medians, [0.025, 0.975])
    found, counts = np.unique(values, return_counts=True)
    return {
        "median": float(np.median(values)),
        "median_low": float(low),
        "median_high": float(high),
        "mode": float(found[np.argmax(counts)]),
        "std": float(np.std(values)),
    }


def summarize(evaluation: Evaluation, seed: int) -> dict[str, Interval]:
    """Return the means of an evaluation with their 95 % intervals.

    Parameters
    ----------
    evaluation : Evaluation
        Episodes.
    seed : int
        Of the resampling.

    Returns
    -------
    dict of str to Interval
        ``return``, ``success`` (a share), ``distance_m`` where the task measures it,
        and what else it counts among its metrics.
    """
    n_hits = int(evaluation.success.sum())
    facts = dict(evaluation.facts)
    if not facts and np.isfinite(evaluation.distance_m).any():
        facts["distance_m"] = evaluation.distance_m
    return {
        "return": bootstrap_interval(
            evaluation.total_reward, np.random.default_rng(seed)
        ),
        "success": share_interval(n_hits, evaluation.n_episodes),
        **{
            name: bootstrap_interval(values, np.random.default_rng(seed))
            for name, values in facts.items()
        },
    }
