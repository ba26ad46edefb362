# SPDX-License-Identifier: Apache-2.0
"""Actors: anyone who acts on the sensations of a task."""

from typing import Any, Literal, Protocol

import numpy as np
from keras import ops
from numpy.typing import NDArray

from angora_train.agent.agent import Agent, Flags, Floats, State, Step
from angora_train.agent.distributions import Distribution
from angora_train.agent.normalization import Sensations

__all__ = ["Actor", "AgentActor", "Choice", "PostureActor", "ShuffledActor", "choosing"]

Choice = Literal["sampled", "most_likely", "expected"]
"""How an action is chosen from the policy's distribution."""


class Actor(Protocol):
    """Anyone who acts on the sensations of a task."""

    n_uniforms: int
    """Uniform numbers taken per world and step."""

    def initial_state(self, n_worlds: int) -> State:
        """Return the recurrent state before an episode."""

    def act(
        self, observation: Sensations, state: State, is_first: Flags, uniforms: Floats
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
        self, observation: Sensations, state: State, is_first: Flags, uniforms: Floats
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
        self, observation: Sensations, state: State, is_first: Flags, uniforms: Floats
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
        self, observation: Sensations, state: State, is_first: Flags, uniforms: Floats
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
