# SPDX-License-Identifier: Apache-2.0
"""The loss of proximal policy optimisation, in `keras.ops`."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from angora_train.config import PPOConfig
from angora_train.distributions import Distribution

__all__ = ["ppo_loss"]


def ppo_loss(
    outputs: Mapping[str, Any],
    batch: Mapping[str, Any],
    distribution: Distribution,
    ppo: PPOConfig,
) -> tuple[Any, dict[str, Any]]:
    """Return the loss of a batch of chunks, and its parts.

    Parameters
    ----------
    outputs : mapping of str to tensor
        ``policy``, shape (B, T, n_parameters), and ``value``, shape (B, T, 1).
    batch : mapping of str to tensor
        ``sample``, shape (B, T, n_dimensions); ``log_prob``, ``advantage`` and
        ``value_target``, each of shape (B, T).
    distribution : Distribution
        Family of the policy.
    ppo : PPOConfig
        Coefficients and clip range.

    Returns
    -------
    loss : tensor, scalar
        ``policy_loss + value_coef * value_loss - entropy_coef * entropy``.
    metrics : dict of str to tensor
        Means over the batch's steps: ``policy_loss``, ``value_loss`` (half the mean
        squared error), ``entropy`` (nats, summed over dimensions), ``approx_kl`` (the
        low-variance estimate ``ratio - 1 - ln ratio``, Schulman 2020,
        http://joschu.net/blog/kl-approx.html), ``clip_fraction`` and ``ratio``.

    References
    ----------
    Schulman et al. (2017), Proximal policy optimization algorithms, eq. 7 and 9.
    https://arxiv.org/abs/1707.06347
    """
    log_prob = distribution.log_prob(outputs["policy"], batch["sample"])
    log_ratio = log_prob - batch["log_prob"]
    ratio = ops.exp(log_ratio)
    clipped = ops.clip(ratio, 1.0 - ppo.clip_range, 1.0 + ppo.clip_range)
    advantage = batch["advantage"]
    policy_loss = -ops.mean(ops.minimum(ratio * advantage, clipped * advantage))

    value = ops.squeeze(outputs["value"], axis=-1)
    value_loss = 0.5 * ops.mean(ops.square(value - batch["value_target"]))
    entropy = ops.mean(distribution.entropy(outputs["policy"]))

    loss = policy_loss + ppo.value_coef * value_loss - ppo.entropy_coef * entropy
    is_clipped = ops.cast(ops.abs(ratio - 1.0) > ppo.clip_range, "float32")
    return loss, {
        "policy_loss": policy_loss,
        "value_loss": value_loss,
        "entropy": entropy,
        "approx_kl": ops.mean(ratio - 1.0 - log_ratio),
        "clip_fraction": ops.mean(is_clipped),
        "ratio": ops.mean(ratio),
    }
