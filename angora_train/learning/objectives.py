# SPDX-License-Identifier: Apache-2.0
"""Objectives: what is learned from a rollout, by what a config asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from angora_train.agent.distributions import Distribution
from angora_train.config.run import PPOConfig, RunConfig
from angora_train.learning.losses import (
    METRICS,
    Measure,
    cross_entropy,
    divergence,
    imitation_loss,
    ppo_loss,
)

__all__ = ["Imitation", "Objective", "ProximalPolicy", "make_objective"]


class Objective(Protocol):
    """A loss, and what it is computed from."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of what it reads of a batch, beside what the model is given."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of its parts."""

    def loss(
        self, outputs: Mapping[str, Any], batch: Mapping[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        """Return the loss of a batch, a scalar, and its parts: compiled."""


@dataclass(frozen=True)
class ProximalPolicy:
    """More reward, by own experience; see `ppo_loss`."""

    distribution: Distribution
    ppo: PPOConfig
    reads = ("sample", "log_prob", "advantage", "value", "value_target")
    metrics = METRICS

    def loss(
        self, outputs: Mapping[str, Any], batch: Mapping[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        """Return the loss of a batch, and its parts."""
        return ppo_loss(outputs, batch, self.distribution, self.ppo)


@dataclass(frozen=True)
class Imitation:
    """The actions of a teacher; see `imitation_loss`."""

    distribution: Distribution
    ppo: PPOConfig
    measure: Measure
    reads = ("label", "value", "value_target")

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of its parts: the measure is one of them."""
        return (self.measure.__name__, "entropy", "value_loss")

    def loss(
        self, outputs: Mapping[str, Any], batch: Mapping[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        """Return the loss of a batch, and its parts."""
        return imitation_loss(outputs, batch, self.distribution, self.ppo, self.measure)


def make_objective(config: RunConfig, distribution: Distribution) -> Objective:
    """Return what a run learns.

    Parameters
    ----------
    config : RunConfig
        The run; with a teacher the target must be decided.
    distribution : Distribution
        Family of the policy.

    Returns
    -------
    Objective
        Of own experience, or of a teacher's labels.
    """
    if config.distillation is None:
        return ProximalPolicy(distribution, config.ppo)
    is_whole = config.distillation.target == "distribution"
    measure: Measure = divergence if is_whole else cross_entropy
    return Imitation(distribution, config.ppo, measure)
