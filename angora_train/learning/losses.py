# SPDX-License-Identifier: Apache-2.0
"""The loss of proximal policy optimisation, in `keras.ops`."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from angora_train.agent.distributions import Distribution
from angora_train.config.run import PPOConfig

__all__ = ["METRICS", "masked_mean", "ppo_loss"]

METRICS = (
    "approx_kl",
    "clip_fraction",
    "entropy",
    "policy_loss",
    "ratio",
    "value_loss",
)
"""Names of what `ppo_loss` reports, sorted."""


def masked_mean(x: Any, mask: Any) -> Any:
    """Return the mean over the steps that count.

    Parameters
    ----------
    x : tensor, shape (B, T)
        Values; whatever stands where the mask is False, even infinity, counts for
        nothing.
    mask : tensor of bool, shape (B, T) or (B, 1)
        True for the steps that count, at least one.

    Returns
    -------
    tensor, scalar
        The mean.
    """
    counts = ops.broadcast_to(mask, ops.shape(x))
    total = ops.sum(ops.where(counts, x, ops.zeros_like(x)))
    return total / ops.sum(ops.cast(counts, x.dtype))


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
        ``sample``, shape (B, T, n_dimensions); ``log_prob``, ``advantage``, ``value``
        (the estimate while gathering) and ``value_target``, each of shape (B, T);
        ``mask`` of bool, shape (B, T) or (B, 1), True for the steps that count.
    distribution : Distribution
        Family of the policy.
    ppo : PPOConfig
        Coefficients and clip ranges.

    Returns
    -------
    loss : tensor, scalar
        ``policy_loss + value_coef * value_loss - entropy_coef * entropy``.
    metrics : dict of str to tensor
        Means over the steps that count: ``policy_loss``, ``value_loss`` (half the
        mean squared error), ``entropy`` (nats, summed over dimensions), ``approx_kl``
        (the low-variance estimate ``ratio - 1 - ln ratio``, Schulman 2020,
        http://joschu.net/blog/kl-approx.html), ``clip_fraction`` and ``ratio``.

    References
    ----------
    Schulman et al. (2017), Proximal policy optimization algorithms, eq. 7 and 9.
    https://arxiv.org/abs/1707.06347
    """
    mask = batch["mask"]
    kept = _kept(batch)
    log_prob = distribution.log_prob(outputs["policy"], kept["sample"])
    log_ratio = ops.where(
        mask, log_prob - kept["log_prob"], ops.zeros_like(kept["log_prob"])
    )
    ratio = ops.exp(log_ratio)
    gain = _gain(ratio, kept["advantage"], ppo.clip_range)
    policy_loss = -masked_mean(gain, mask)

    value = ops.squeeze(outputs["value"], axis=-1)
    value_loss = 0.5 * masked_mean(_squared_error(value, kept, ppo), mask)
    entropy = masked_mean(distribution.entropy(outputs["policy"]), mask)

    loss = policy_loss + ppo.value_coef * value_loss - ppo.entropy_coef * entropy
    is_clipped = ops.cast(ops.abs(ratio - 1.0) > ppo.clip_range, "float32")
    return loss, {
        "policy_loss": policy_loss,
        "value_loss": value_loss,
        "entropy": entropy,
        "approx_kl": masked_mean(ratio - 1.0 - log_ratio, mask),
        "clip_fraction": masked_mean(is_clipped, mask),
        "ratio": masked_mean(ratio, mask),
    }


def _kept(batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a batch without the steps that do not count: zeros stand for them.

    They are replaced before anything is computed from them: the gradient of an
    infinity that is masked afterwards is not a number.
    """
    mask = batch["mask"]
    masks = {
        name: mask for name in ("log_prob", "advantage", "value", "value_target")
    } | {"sample": ops.expand_dims(mask, -1)}
    return {
        name: ops.where(counts, batch[name], ops.zeros_like(batch[name]))
        for name, counts in masks.items()
    }


def _gain(ratio: Any, advantage: Any, clip_range: float) -> Any:
    """Return what a step gains, at most as much as within the clip range; eq. 7."""
    clipped = ops.clip(ratio, 1.0 - clip_range, 1.0 + clip_range)
    return ops.minimum(ratio * advantage, clipped * advantage)


def _squared_error(value: Any, batch: Mapping[str, Any], ppo: PPOConfig) -> Any:
    """Return the squared error of the values; where they are clipped, the larger."""
    error = ops.square(value - batch["value_target"])
    if ppo.value_clip_range is None:
        return error
    change = ops.clip(
        value - batch["value"], -ppo.value_clip_range, ppo.value_clip_range
    )
    clipped = ops.square(batch["value"] + change - batch["value_target"])
    return ops.maximum(error, clipped)
