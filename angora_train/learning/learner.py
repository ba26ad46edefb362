# SPDX-License-Identifier: Apache-2.0
"""Learner: from a rollout to better weights."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from angora_train.agent.agent import Agent, given_to
from angora_train.agent.normalization import (
    RewardScaler,
    RunningMoments,
    ValueNormalizer,
)
from angora_train.config.run import RunConfig
from angora_train.errors import ConfigError, DivergenceError
from angora_train.learning.advantages import generalized_advantage
from angora_train.learning.experience import Experience
from angora_train.learning.losses import masked_mean
from angora_train.learning.minibatches import Geometry, deal, own_part
from angora_train.learning.objectives import make_objective
from angora_train.learning.rollout import Rollout
from angora_train.ranks.comm import Comm
from angora_train.ranks.roles import Roles
from atlasnet import policy_only

__all__ = ["Learner", "chunked"]

_COST = "_cost"
"""Ending of the names of a model's outputs that are added to the loss."""
_KL = "approx_kl"
"""Name of the divergence from the policy that gathered."""
_WEIGHT_COST = "weight_cost"
"""Name of what the model's regularizers add to the loss."""


class Learner:
    """Improves an agent's weights from rollouts, together with all other ranks.

    By proximal policy optimisation, or, where the config names a teacher, by what a
    guide says; see `make_objective`.

    Parameters
    ----------
    agent : Agent
        Whose model is trained.
    config : RunConfig
        Hyperparameters and the seed of the minibatches.
    comm : Comm
        The ranks.
    roles : Roles
        What this rank does.
    reward_normalizer : RewardScaler or None
        Scales rewards; None leaves them as they are.
    value_normalizer : ValueNormalizer or None
        Scales what the value head predicts; None leaves it in units of reward.
    progress : callable, optional
        Is called after every update: a sign of life.

    Attributes
    ----------
    last_kl : float
        Divergence of the last epoch's updates from the policy that gathered, nats.
    targets : RunningMoments
        Of all value targets so far, in units of reward.
    """

    def __init__(
        self,
        agent: Agent,
        config: RunConfig,
        comm: Comm,
        roles: Roles,
        *,
        reward_normalizer: RewardScaler | None = None,
        value_normalizer: ValueNormalizer | None = None,
        progress: Callable[[], None] | None = None,
    ) -> None:
        self.agent = agent
        self.ppo = config.ppo
        self.comm = comm
        self.roles = roles
        self.reward_normalizer = reward_normalizer
        self.value_normalizer = value_normalizer
        self._progress = progress or (lambda: None)
        self.geometry = Geometry.of(config)
        self.seed = config.seed
        self.last_kl = 0.0
        self.targets = RunningMoments.empty(1)
        self.optimizer = keras.optimizers.Adam(
            self.ppo.learning_rate, epsilon=self.ppo.adam_epsilon
        )
        variables = agent.stateful.model.trainable_variables
        self._costs = _cost_names(agent.stateful.model)
        self._objective = make_objective(config, agent.distribution)
        self._logged = (*self._objective.metrics, *self._costs, "loss")
        self._of_value = None
        if self.ppo.value_warm_up_cycles and config.distillation is None:
            self._of_value = _of_value(agent.model, variables)
        self._gradient = agent.engine.gradient(self._loss, variables)
        self._apply = agent.engine.update(self.optimizer, variables)
        self._n_weights = sum(int(np.prod(v.shape)) for v in variables)
        first = int(np.flatnonzero(roles.node_worlds == roles.worlds[0])[0])
        self._experience = Experience(
            comm, range(first, first + len(roles.worlds)), len(roles.node_worlds)
        )
        self._learners = (
            comm if len(roles.learners) == comm.size else comm.group(roles.learners)
        )

    @property
    def is_learning(self) -> bool:
        """Whether this rank learns; others gather only."""
        return self._learners is not None

    @property
    def waited_s(self) -> float:
        """Time that this rank has spent in collective calls so far, s."""
        of_learners = self._learners.waited_s if self._learners is not None else 0.0
        is_same = self._learners is self.comm
        return self.comm.waited_s + (0.0 if is_same else of_learners)

    def _loss(self, batch: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Run the model over a batch of chunks and return the loss: compiled."""
        outputs = self.agent.run(batch, training=True)
        loss, metrics = self._objective.loss(outputs, batch)
        for name in self._costs:
            if name == _WEIGHT_COST:
                weights = self.agent.stateful.model.trainable_weights
                cost = sum(w.regularizer(w) for w in weights if w.regularizer)
            else:
                per_step = ops.squeeze(outputs[name], axis=-1)
                cost = masked_mean(per_step, batch["mask"])
            loss, metrics = loss + cost, {**metrics, name: cost}
        return loss, metrics

    def update(
        self, rollout: Rollout, cycle: int, learning_rate: float
    ) -> dict[str, float]:
        """Improve the weights: :meth:`take` and :meth:`improve`, one after the other.

        Parameters
        ----------
        rollout : Rollout
            What this rank's worlds lived through.
        cycle : int
            Number of the cycle.
        learning_rate : float
            Step size of Adam.

        Returns
        -------
        dict of str to float
            Metrics.

        Raises
        ------
        DivergenceError
            If a loss or gradient is not finite; its batch is attached.
        """
        self.take(rollout)
        return self.improve(cycle, learning_rate)

    def take(self, rollout: Rollout) -> None:
        """Keep what is learned from, where the node's ranks read it.

        With several ranks the rollout is copied, so that its memory can serve the
        updates once the caller drops it, too.

        Parameters
        ----------
        rollout : Rollout
            What this rank's worlds lived through.
        """
        self._experience.publish(self._prepare(rollout))

    def improve(self, cycle: int, learning_rate: float) -> dict[str, float]:
        """Improve the weights from what was taken last.

        Parameters
        ----------
        cycle : int
            Number of the cycle: with the seed it decides the minibatches.
        learning_rate : float
            Step size of Adam.

        Returns
        -------
        dict of str to float
            Metrics, means over the updates, the same on every rank that learns.
            Nothing depends on how worlds and chunks are spread over ranks, but for
            rounding.

        Raises
        ------
        DivergenceError
            If a loss or gradient is not finite; its batch is attached.
        """
        log: list[dict[str, float]] = []
        failure: DivergenceError | None = None
        if cycle > self.ppo.value_warm_up_cycles and self._of_value is not None:
            self._end_warm_up(cycle)
        try:
            if self.is_learning:
                log = self._learn(cycle, learning_rate)
        except DivergenceError as error:
            failure = error
        self._experience.release()
        if len(self.roles.learners) < self.comm.size:
            if self.comm.sum(np.array([0.0 if failure is None else 1.0]))[0]:
                raise failure or DivergenceError(_diagnose({}, {}), {})
            self._share_weights()
        if failure is not None:
            raise failure
        means = {
            f"train/{name}": float(np.mean([row[name] for row in log]))
            for name in (log[0] if log else ())
        }
        return {
            **means,
            "train/explained_variance": self._explained_variance,
            "train/learning_rate": learning_rate,
            "train/updates": float(len(log)),
        }

    def _learn(self, cycle: int, learning_rate: float) -> list[dict[str, float]]:
        """Take all updates of a cycle; return the metrics of each."""
        log: list[dict[str, float]] = []
        for epoch in range(self.ppo.n_epochs):
            begun = len(log)
            for entries, n_rows in self._parts(cycle, epoch):
                log.append(self._step(entries, n_rows, learning_rate))
                self._progress()
                limit = self.ppo.max_kl
                if limit is not None and log[-1].get(_KL, 0.0) > limit:
                    self.last_kl = log[-1][_KL]
                    return log
            self.last_kl = float(np.mean([row.get(_KL, 0.0) for row in log[begun:]]))
        return log

    def _end_warm_up(self, cycle: int) -> None:
        """Learn all from now on; in the first cycle of these Adam begins anew.

        Its moments of the policy are zero, and it would take them for those of many
        steps: its next ones would be several times too long.
        """
        self._of_value = None
        if cycle == self.ppo.value_warm_up_cycles + 1:
            for variable in self.optimizer.variables:
                variable.assign(keras.ops.zeros_like(variable))

    def _parts(self, cycle: int, epoch: int) -> list[tuple[NDArray[np.int64], int]]:
        """Return what this rank reads of each minibatch, and in how many rows."""
        roles = self.roles
        part = roles.node_learners.index(self.comm.rank)
        parts = [
            own_part(entries, roles.node_worlds, part, len(roles.node_learners))
            for entries in deal(self.geometry, self.seed, cycle, epoch)
        ]
        sizes = {len(part) for part in parts}
        # One shape an epoch: nothing is compiled twice.
        n_rows = max(sizes) if len(sizes) == 1 else -8 * (-max(sizes) // 8)
        return [(part, n_rows) for part in parts]

    def _step(
        self, entries: NDArray[np.int64], n_rows: int, learning_rate: float
    ) -> dict[str, float]:
        """Take one step on one minibatch, with the gradient of all ranks."""
        batch: dict[str, NDArray[Any]] = {}
        gradient, metrics = None, dict.fromkeys(self._logged, 0.0)
        if len(entries):
            batch = self._experience.read(entries, n_rows)
            gradient, metrics = self._gradient(batch)
        gradient, means = self._averaged(gradient, metrics, len(entries))
        if self._of_value is not None:
            gradient = gradient * self._of_value
        norm = float(np.linalg.norm(gradient))
        if not np.isfinite(norm):  # the same on every rank: all stop together
            raise DivergenceError(_diagnose(metrics, batch), batch)
        scale = np.float32(min(1.0, self.ppo.max_grad_norm / (norm + 1e-8)))
        self._apply(gradient * scale, learning_rate)
        return {**means, "grad_norm": norm}

    def _averaged(
        self,
        gradient: NDArray[np.float32] | None,
        metrics: Mapping[str, float],
        n_chunks: int,
    ) -> tuple[NDArray[np.float32], dict[str, float]]:
        """Return means over the ranks that learn, weighted by chunks: one message."""
        if gradient is not None and self.comm.size == 1:
            return gradient, dict(metrics)
        message = np.zeros(self._n_weights + len(self._logged) + 1, np.float32)
        if gradient is not None:
            message[: self._n_weights] = gradient
            message[self._n_weights : -1] = [metrics[name] for name in self._logged]
            message[-1] = 1.0
            message *= np.float32(n_chunks)
        total = message if self._learners is None else self._learners.sum(message)
        total /= total[-1]
        means = total[self._n_weights : -1].tolist()
        return total[: self._n_weights], dict(zip(self._logged, means, strict=True))

    def _share_weights(self) -> None:
        """Give the weights of the first rank that learns to those that only gather."""
        variables = self.agent.stateful.model.trainable_variables
        flat = np.concatenate(
            [
                np.asarray(keras.ops.convert_to_numpy(v.value), np.float32).ravel()
                for v in variables
            ]
        )
        flat = self.comm.broadcast(flat, self.roles.learners[0])
        if self.is_learning:
            return
        ends = np.cumsum([int(np.prod(v.shape)) for v in variables])[:-1]
        for variable, part in zip(variables, np.split(flat, ends), strict=True):
            variable.assign(part.reshape(variable.shape))

    def _prepare(self, rollout: Rollout) -> dict[str, NDArray[Any]]:
        """Return everything that the loss reads, by chunk: (n_chunks, B, ...)."""
        reward = rollout.reward
        if self.reward_normalizer is not None:
            self.reward_normalizer.update(self.comm, reward, rollout.ended)
            reward = self.reward_normalizer.normalize(reward)
        value, next_value = rollout.value, rollout.next_value
        if self.value_normalizer is not None:
            value = self.value_normalizer.denormalize(value)
            next_value = self.value_normalizer.denormalize(next_value)
        advantage, target = generalized_advantage(
            reward,
            value,
            next_value,
            rollout.terminated,
            rollout.ended,
            discount=self.ppo.discount,
            gae_lambda=self.ppo.gae_lambda,
        )
        self._explained_variance = self._explain(value, target)
        self.targets = self.targets.merged(self.comm, _finite(target))
        if self.value_normalizer is not None:
            self.value_normalizer.update(self.comm, target)
            value = self.value_normalizer.normalize(value)
            target = self.value_normalizer.normalize(target)
        is_first = rollout.is_first.astype(np.float32)
        given = {
            **given_to(rollout.sensations),
            **given_to({self.agent.stateful.is_first: is_first}),
        }
        steps = {
            **given,
            "sample": rollout.sample,
            "log_prob": rollout.log_prob,
            "advantage": self._standardized(advantage),
            "value": value,
            "value_target": target,
            **({} if rollout.label is None else {"label": rollout.label}),
        }
        length = self.ppo.chunk_length
        needed = self._objective.reads
        return {
            **{
                name: chunked(x, length)
                for name, x in steps.items()
                if name in needed or name in given
            },
            **given_to(rollout.states),
        }

    def _standardized(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Shift to mean 0 and scale to variance 1, or less, over all ranks."""
        wide = x.astype(np.float64)
        n, total = self.comm.sum(np.array([wide.size, wide.sum()]))
        apart = wide - total / n
        (squares,) = self.comm.sum(np.array([np.square(apart).sum()]))
        floor = self.ppo.advantage_floor * float(np.sqrt(self.targets.variance[0]))
        spread = max(float(np.sqrt(squares / n + 1e-8)), floor)
        standardized: NDArray[np.float32] = (apart / spread).astype(np.float32)
        return standardized

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


def _finite(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the finite numbers of an array, shape (n, 1)."""
    return x[np.isfinite(x)].reshape(-1, 1)


def _of_value(model: keras.Model, variables: list[Any]) -> NDArray[np.float32]:
    """Say of each weight, shape (P,), whether the policy does without it: 1 if so."""
    policy = {id(variable) for variable in policy_only(model).trainable_variables}
    parts = [
        np.full(int(np.prod(x.shape)), id(x) not in policy, np.float32)
        for x in variables
    ]
    of_value = np.concatenate(parts)
    if not of_value.any():
        raise ConfigError(
            "ppo.value_warm_up_cycles: the network has no weights that the value alone "
            "depends on. Give the value a layer of its own, or set it to 0."
        )
    return of_value


def _cost_names(model: keras.Model) -> tuple[str, ...]:
    """Return the names of what a model itself adds to the loss.

    These are its outputs ``..._cost``, shape (B, T, 1), and its regularizers.
    """
    has_regularizer = any(w.regularizer for w in model.trainable_weights)
    return (
        *sorted(name for name in model.output if name.endswith(_COST)),
        *([_WEIGHT_COST] if has_regularizer else []),
    )


def _diagnose(metrics: Mapping[str, float], batch: Mapping[str, NDArray[Any]]) -> str:
    """Say what of a batch is not finite."""
    given = [name for name, x in batch.items() if not np.isfinite(x).all()]
    if given:
        return (
            f"What is learned from is not finite ({', '.join(given)}): rewards or "
            "sensations are too large for float32. Scale them in the environment, or "
            "set normalization.reward and normalization.sensations to true."
        )
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
