# SPDX-License-Identifier: Apache-2.0
"""HindsightLearner: from all that was done to a better policy."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from angora_train.agent.agent import Agent
from angora_train.agent.normalization import RunningMoments
from angora_train.config.run import RunConfig
from angora_train.errors import ConfigError, DivergenceError
from angora_train.hindsight.critics import make_critics
from angora_train.hindsight.replay import Replay
from angora_train.hindsight.windows import ENDED, SENSATION, Draw, Window, tell
from angora_train.learning.rollout import Rollout
from angora_train.randomness import HINDSIGHT, generator
from angora_train.ranks.comm import Comm
from angora_train.ranks.roles import Roles
from angora_train.tasks.hindsight import Hindsight

__all__ = ["HindsightLearner"]

_START, _END = "start/", "end/"


class HindsightLearner:
    """Improves an agent by twin delayed deterministic policy gradients.

    The policy is followed by its mean action; its spread, by which worlds explore,
    stays as it began. The value head learns what the critics think of the policy.

    Parameters
    ----------
    agent : Agent
        Whose model is trained; it must not be recurrent.
    config : RunConfig
        With a section `hindsight`.
    comm : Comm
        The ranks.
    roles : Roles
        What this rank does: all learn.
    hindsight : Hindsight
        How the task's steps are told under other goals.
    progress : callable, optional
        Is called after every update: a sign of life.

    Attributes
    ----------
    last_kl : float
        0: no step is bound by a divergence.
    targets : RunningMoments
        None yet: advantages are not scaled.
    reward_normalizer, value_normalizer : None
        Rewards and values are in units of reward.

    Raises
    ------
    ConfigError
        If the network is recurrent or sees pixels, or sizes do not fit.

    References
    ----------
    Fujimoto, van Hoof & Meger (2018), Addressing function approximation error in
    actor-critic methods. https://arxiv.org/abs/1802.09477
    """

    reward_normalizer = None
    value_normalizer = None

    def __init__(
        self,
        agent: Agent,
        config: RunConfig,
        comm: Comm,
        roles: Roles,
        hindsight: Hindsight,
        *,
        progress: Callable[[], None] | None = None,
    ) -> None:
        if config.hindsight is None:
            raise ConfigError("The run has no section hindsight.")
        _require_plain(agent, config, comm, roles)
        self.agent, self.comm = agent, comm
        self.last_kl, self.targets = 0.0, RunningMoments.empty(1)
        self._config, self._chosen = config, config.hindsight
        self._own, self._hindsight = roles.worlds, hindsight
        self._progress = progress or (lambda: None)
        n_held = self._chosen.memory // config.n_worlds
        self.replay = Replay(n_held, len(roles.worlds))
        self._model = agent.stateful.model
        self._critics, self._target_critics = (
            self._make_critics(config.seed) for _ in range(2)
        )
        self._target_model = keras.models.clone_model(self._model)
        self._target_model.set_weights(self._model.get_weights())
        self._optimizers = [
            keras.optimizers.Adam(config.ppo.learning_rate, epsilon=1e-8)
            for _ in range(2)
        ]
        self._compile()
        self.optimizer = SimpleNamespace(
            variables=[
                *self._critics.variables,
                *self._target_critics.variables,
                *self._target_model.variables,
                *(v for one in self._optimizers for v in one.variables),
            ]
        )

    def _make_critics(self, seed: int) -> keras.Model:
        """Make the two critics; the same numbers every time."""
        sizes = {
            tensor.name: int(tensor.shape[-1]) for tensor in self.agent.model.inputs
        }
        return make_critics(
            sizes,
            self.agent.distribution.n_dimensions,
            self._chosen.critic,
            precision=self._chosen.precision,
            seed=seed,
        )

    def _compile(self) -> None:
        """Compile losses and updates."""
        engine = self.agent.engine
        critics, policy = (
            one.trainable_variables for one in (self._critics, self._model)
        )
        still = [*self._target_critics.variables, *self._target_model.variables]
        self._of_critics = engine.gradient(self._critic_loss, critics, still)
        self._of_policy = engine.gradient(self._policy_loss, policy, critics)
        self._apply = [
            engine.update(optimizer, variables)
            for optimizer, variables in zip(
                self._optimizers, (critics, policy), strict=True
            )
        ]
        self._follow = [
            engine.follow(target.trainable_variables, source.trainable_variables)
            for target, source in (
                (self._target_critics, self._critics),
                (self._target_model, self._model),
            )
        ]

    @property
    def waited_s(self) -> float:
        """Time that this rank has spent in collective calls so far, s."""
        return self.comm.waited_s

    def take(self, rollout: Rollout) -> None:
        """Remember what this rank's worlds lived through."""
        sensed = {f"{SENSATION}{name}": x for name, x in rollout.raw.items()}
        self.replay.append({**sensed, **rollout.noted, ENDED: rollout.ended})

    def n_updates(self, cycle: int) -> int:
        """Return how many updates a cycle takes, so that the ratio is met over all.

        Parameters
        ----------
        cycle : int
            The cycle, from 1.
        """
        config, chosen = self._config, self._chosen
        n_samples = config.ppo.horizon * config.n_worlds

        def due(n_cycles: int) -> int:
            counted = max(0, n_cycles * n_samples - chosen.warm_up)
            return int(counted * chosen.replay_ratio / chosen.minibatch_size)

        return due(cycle) - due(cycle - 1)

    def improve(self, cycle: int, learning_rate: float) -> dict[str, float]:
        """Improve critics and policy from what is remembered.

        Parameters
        ----------
        cycle : int
            Number of the cycle: with the seed it decides what is told.
        learning_rate : float
            Step size of Adam.

        Returns
        -------
        dict of str to float
            Metrics, means over the updates, the same on every rank.

        Raises
        ------
        DivergenceError
            If a loss or gradient is not finite; its batch is attached.
        """
        log: dict[str, list[float]] = {}
        n_updates = self.n_updates(cycle)
        if self.replay.n_held <= self._chosen.n_steps:
            n_updates = 0
        for i in range(n_updates):
            for name, x in self._update(cycle, i, learning_rate).items():
                log.setdefault(name, []).append(x)
            self._progress()
        means = {f"train/{name}": float(np.mean(x)) for name, x in log.items()}
        return {
            **means,
            "train/learning_rate": learning_rate,
            "train/updates": float(n_updates),
        }

    def _update(self, cycle: int, i: int, learning_rate: float) -> dict[str, float]:
        """Take one step of the critics, and one of the policy if it is its turn."""
        chosen, config = self._chosen, self._config
        n_each = chosen.minibatch_size // config.n_worlds
        rng = generator(config.seed, i, HINDSIGHT, cycle)
        draw = Draw.of(
            rng, n_each, config.n_worlds, self._own, self._hindsight.n_uniforms
        )
        window = tell(self.replay, self._hindsight, chosen, config.ppo.discount, draw)
        batch = self._batch(window)
        batch["noise"] = self._target_noise(rng, n_each)
        metrics = self._step(0, self._of_critics, batch, learning_rate)
        if i % chosen.policy_delay == 0:
            metrics |= self._step(1, self._of_policy, batch, learning_rate)
        for follow in self._follow:
            follow(chosen.target_share)
        return metrics

    def _target_noise(
        self, rng: np.random.Generator, n_each: int
    ) -> NDArray[np.float32]:
        """Return noise on the targets' actions, shape (n, A)."""
        n_actions = self.agent.distribution.n_dimensions
        noise = rng.normal(size=(n_each, self._config.n_worlds, n_actions))
        own = noise[:, self._own.start : self._own.stop].reshape(-1, n_actions)
        limit = self._chosen.target_noise_clip
        return np.clip(self._chosen.target_noise * own, -limit, limit).astype(
            np.float32
        )

    def _batch(self, window: Window) -> dict[str, NDArray[Any]]:
        """Return what the losses read, by name."""
        read: dict[str, NDArray[Any]] = {}
        for prefix, sensed in ((_START, window.start), (_END, window.end)):
            for name, x in self.agent.normalize(sensed).items():
                read[f"{prefix}{name}"] = x
        return {
            **read,
            "action": window.action,
            "reward": window.reward.astype(np.float32),
            "discount": window.discount.astype(np.float32),
            "weight": window.weight,
        }

    def _step(
        self, which: int, gradient: Any, batch: dict[str, Any], learning_rate: float
    ) -> dict[str, float]:
        """Take one step with the gradient of all ranks."""
        flat, metrics = gradient(batch)
        if self.comm.size > 1:
            names = list(metrics)
            message = np.concatenate([flat, [metrics[name] for name in names]])
            total = self.comm.sum(message.astype(np.float32)) / self.comm.size
            flat = total[: len(flat)]
            metrics = dict(zip(names, total[len(flat) :].tolist(), strict=True))
        norm = float(np.linalg.norm(flat))
        if not np.isfinite(norm):
            raise DivergenceError(
                "The gradient of the hindsight learner is not finite. Resume with a "
                "smaller step: --set ppo.learning_rate=...",
                batch,
            )
        scale = np.float32(min(1.0, self._config.ppo.max_grad_norm / (norm + 1e-8)))
        self._apply[which](flat * scale, learning_rate)
        name = ("critic_grad_norm", "grad_norm")[which]
        metrics.pop("loss")
        return {**metrics, name: norm}

    def _read(self, model: Any, batch: Mapping[str, Any], prefix: str) -> Any:
        """Run the agent's model, or its likeness, on what was sensed: compiled."""
        names = {tensor.name for tensor in self.agent.model.inputs}
        given = {name: batch[f"{prefix}{name}"][:, None] for name in names}
        first = ops.ones((ops.shape(next(iter(given.values())))[0], 1), "float32")
        given[self.agent.stateful.is_first] = first
        return model(self.agent.as_floats(given), training=False)

    def _worth(
        self, critics: Any, batch: Mapping[str, Any], prefix: str, action: Any
    ) -> Any:
        """Return what two critics think of an action, shape (n, 2): compiled."""
        names = [t.name for t in self.agent.model.inputs]
        return critics({**{n: batch[f"{prefix}{n}"] for n in names}, "action": action})

    def _critic_loss(self, batch: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return the critics' squared errors: compiled."""
        family = self.agent.distribution
        outputs = self._read(self._target_model, batch, _END)
        action = family.mean_action(outputs["policy"][:, 0]) + batch["noise"]
        action = ops.clip(action, -1.0, 1.0)
        later = ops.min(self._worth(self._target_critics, batch, _END, action), -1)
        wanted = ops.stop_gradient(batch["reward"] + batch["discount"] * later)
        found = self._worth(self._critics, batch, _START, batch["action"])
        errors = ops.sum(ops.square(found - wanted[:, None]), axis=-1)
        loss = ops.mean(errors * batch["weight"])
        return loss, {"critic_loss": loss, "target": ops.mean(wanted)}

    def _policy_loss(self, batch: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return what the policy and its value are to make small: compiled."""
        family, config = self.agent.distribution, self._config
        outputs = self._read(self._model, batch, _START)
        parameters = outputs["policy"][:, 0]
        action = family.mean_action(parameters)
        worth = self._worth(self._critics, batch, _START, action)
        known = ops.stop_gradient(worth)
        size = ops.maximum(1.0, ops.mean(ops.abs(known)))
        n_read = family.n_parameters - family.n_spreads
        cost = ops.mean(ops.square(parameters[:, :n_read]))
        policy_loss = -ops.mean(worth) / size + self._chosen.action_cost * cost
        value = outputs["value"][:, 0, 0]
        value_loss = 0.5 * ops.mean(ops.square(value - ops.min(known, axis=-1)))
        loss = policy_loss + config.ppo.value_coef * value_loss
        return loss, {
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "worth": ops.mean(known),
        }

    def worlds(self) -> dict[str, NDArray[Any]]:
        """Return what is remembered, by world."""
        return self.replay.worlds()

    def restore_worlds(self, worlds: Mapping[str, NDArray[Any]]) -> None:
        """Take what :meth:`worlds` returned."""
        self.replay.restore(worlds)


def _require_plain(agent: Agent, config: RunConfig, comm: Comm, roles: Roles) -> None:
    """Refuse networks and sizes that cannot be learned so."""
    if agent.stateful.state_shapes:
        raise ConfigError(
            "hindsight trains networks without recurrence: set network.cell=none, with "
            "a plain network.architecture. Recurrent ones are trained by PPO, or "
            "learn from an agent that was trained so: angora-train distill."
        )
    if agent.n_noise or any(len(t.shape) != 3 for t in agent.model.inputs):
        raise ConfigError(
            "hindsight trains networks whose sensations are vectors, without noise: "
            "leave pixels out, network.without=[vision]."
        )
    chosen, n_worlds = config.hindsight, config.n_worlds
    if chosen is None:
        return
    if chosen.minibatch_size % n_worlds:
        nearest = max(1, round(chosen.minibatch_size / n_worlds)) * n_worlds
        raise ConfigError(
            f"hindsight.minibatch_size must be a multiple of n_worlds, got "
            f"{chosen.minibatch_size} and {n_worlds}. The nearest is {nearest}."
        )
    if chosen.memory // n_worlds <= config.ppo.horizon + chosen.n_steps:
        least = n_worlds * (config.ppo.horizon + chosen.n_steps + 1)
        raise ConfigError(
            f"hindsight.memory is {chosen.memory}, too little for one cycle: at least "
            f"{least} control steps."
        )
    if len(roles.learners) < comm.size:
        raise ConfigError(
            "hindsight needs all ranks to learn: set ranks.gpus_per_node=0 and leave "
            "out ranks.n_optimizers."
        )
