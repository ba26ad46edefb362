# SPDX-License-Identifier: Apache-2.0
"""PPOLearner: from a rollout to better weights."""

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from angora_train.advantages import generalized_advantage
from angora_train.agent import Agent
from angora_train.comm import Comm
from angora_train.config import PPOConfig
from angora_train.errors import DivergenceError
from angora_train.losses import ppo_loss
from angora_train.normalization import RewardScaler
from angora_train.randomness import MINIBATCHES, generator
from angora_train.recurrence import IS_FIRST
from angora_train.rollout import Rollout

__all__ = ["PPOLearner", "chunked"]


class PPOLearner:
    """Improves an agent's weights from rollouts, together with all other ranks.

    Parameters
    ----------
    agent : Agent
        Whose model is trained.
    ppo : PPOConfig
        Hyperparameters.
    comm : Comm
        The ranks.
    reward_normalizer : RewardScaler or None
        Scales rewards; None leaves them as they are.
    seed : int
        Seed of the minibatches.
    n_worlds : int
        Worlds on this rank.
    first_world : int
        Index of the first of them among those of all ranks.
    """

    def __init__(
        self,
        agent: Agent,
        ppo: PPOConfig,
        comm: Comm,
        *,
        reward_normalizer: RewardScaler | None,
        seed: int,
        n_worlds: int,
        first_world: int = 0,
    ) -> None:
        self.agent = agent
        self.ppo = ppo
        self.comm = comm
        self.reward_normalizer = reward_normalizer
        self.seed = seed
        self.worlds = range(first_world, first_world + n_worlds)
        self.optimizer = keras.optimizers.Adam(
            ppo.learning_rate, epsilon=ppo.adam_epsilon
        )
        variables = agent.stateful.model.trainable_variables
        self._gradient = agent.engine.gradient(self._loss, variables)
        self._apply = agent.engine.update(self.optimizer, variables)

    def _loss(self, batch: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Run the model over a batch of chunks and return the loss: compiled."""
        names = (
            *self.agent.sensations,
            IS_FIRST,
            *self.agent.stateful.state_sizes,
        )
        outputs = self.agent.stateful.model(
            {name: batch[name] for name in names}, training=True
        )
        return ppo_loss(outputs, batch, self.agent.distribution, self.ppo)

    def update(
        self, rollout: Rollout, cycle: int, learning_rate: float
    ) -> dict[str, float]:
        """Improve the weights.

        Parameters
        ----------
        rollout : Rollout
            What this rank's worlds lived through.
        cycle : int
            Number of the cycle: with the seed it decides the minibatches.
        learning_rate : float
            Step size of Adam.

        Returns
        -------
        dict of str to float
            Metrics, means over all updates, the same on every rank.

        Raises
        ------
        DivergenceError
            If a loss or gradient is not finite; its batch is attached.
        """
        chunks = self._prepare(rollout)
        log: list[dict[str, float]] = []
        rngs = [generator(self.seed, b, MINIBATCHES, cycle) for b in self.worlds]
        for _ in range(self.ppo.n_epochs):
            for batch in self._minibatches(chunks, rngs):
                log.append(self._step(batch, learning_rate))
        means = {key: float(np.mean([row[key] for row in log])) for key in log[0]}
        names = sorted(means)
        averaged = self.comm.sum(np.array([means[name] for name in names]))
        return {
            **{
                f"train/{name}": float(value) / self.comm.size
                for name, value in zip(names, averaged, strict=True)
            },
            "train/explained_variance": self._explained_variance,
            "train/learning_rate": learning_rate,
        }

    def _step(
        self, batch: dict[str, NDArray[Any]], learning_rate: float
    ) -> dict[str, float]:
        """Take one step on one minibatch, with the gradient of all ranks."""
        gradient, metrics = self._gradient(batch)
        mean = self.comm.mean(gradient)
        norm = float(np.linalg.norm(mean))
        if not np.isfinite(norm):  # the same on every rank: all stop together
            raise DivergenceError(_diagnose(metrics), batch)
        self._apply(
            mean * min(1.0, self.ppo.max_grad_norm / (norm + 1e-8)), learning_rate
        )
        return {**metrics, "grad_norm": norm}

    def _prepare(self, rollout: Rollout) -> dict[str, NDArray[Any]]:
        """Return everything that the loss reads, by chunk: (n_chunks, B, ...)."""
        reward = rollout.reward
        if self.reward_normalizer is not None:
            self.reward_normalizer.update(self.comm, reward, rollout.ended)
            reward = self.reward_normalizer.normalize(reward)
        advantage, target = generalized_advantage(
            reward,
            rollout.value,
            rollout.next_value,
            rollout.terminated,
            rollout.ended,
            discount=self.ppo.discount,
            gae_lambda=self.ppo.gae_lambda,
        )
        self._explained_variance = self._explain(rollout.value, target)
        steps = {
            **rollout.sensations,
            IS_FIRST: rollout.is_first.astype(np.float32),
            "sample": rollout.sample,
            "log_prob": rollout.log_prob,
            "advantage": self._standardized(advantage),
            "value_target": target,
        }
        length = self.ppo.chunk_length
        return {
            **{name: chunked(x, length) for name, x in steps.items()},
            **rollout.states,
        }

    def _standardized(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Shift and scale to mean 0 and variance 1 over all ranks."""
        wide = x.astype(np.float64)
        n, total = self.comm.sum(np.array([wide.size, wide.sum()]))
        apart = wide - total / n
        (squares,) = self.comm.sum(np.array([np.square(apart).sum()]))
        standardized: NDArray[np.float32] = apart / np.sqrt(squares / n + 1e-8)
        return standardized.astype(np.float32)

    def _explain(
        self, value: NDArray[np.float32], target: NDArray[np.float32]
    ) -> float:
        """Return the share of the targets' variance that the values explain."""
        y, error = target.astype(np.float64), (target - value).astype(np.float64)
        n, sum_y, sum_yy, sum_e, sum_ee = self.comm.sum(
            np.array([y.size, y.sum(), (y**2).sum(), error.sum(), (error**2).sum()])
        )
        variance_y = sum_yy / n - (sum_y / n) ** 2
        variance_e = sum_ee / n - (sum_e / n) ** 2
        return float(1.0 - variance_e / (variance_y + 1e-12))

    def _minibatches(
        self, chunks: dict[str, NDArray[Any]], rngs: list[np.random.Generator]
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """Deal each world's chunks, shuffled, evenly to the minibatches.

        Which chunks of a world meet in a minibatch depends on that world alone, so
        minibatches do not depend on how worlds are spread over ranks.
        """
        n_chunks, n_worlds = chunks["advantage"].shape[:2]
        order = np.stack([rng.permutation(n_chunks) for rng in rngs], axis=1)
        worlds = np.arange(n_worlds)
        for picked in np.split(order, self.ppo.n_minibatches):
            yield {
                name: x[picked, worlds].reshape(-1, *x.shape[2:])
                for name, x in chunks.items()
            }


def _diagnose(metrics: Mapping[str, float]) -> str:
    """Say what of a batch is not finite."""
    names = [name for name, value in metrics.items() if not np.isfinite(value)]
    what = f"on this rank: {', '.join(names)}" if names else "on another rank"
    return (
        f"The gradient is not finite ({what}). Resume with a smaller step: --set "
        "ppo.learning_rate=..."
    )


def chunked(x: NDArray[Any], length: int) -> NDArray[Any]:
    """Cut time into chunks.

    Parameters
    ----------
    x : ndarray, shape (T, B, ...)
        Steps of B worlds.
    length : int
        Steps of a chunk; divides T.

    Returns
    -------
    ndarray, shape (T / length, B, length, ...)
        Chunks of B worlds.

    Examples
    --------
    >>> chunked(np.arange(4).reshape(4, 1), 2).tolist()
    [[[0, 1]], [[2, 3]]]
    """
    n_steps, n_worlds, *rest = x.shape
    cut = x.reshape(n_steps // length, length, n_worlds, *rest)
    return np.swapaxes(cut, 1, 2)
