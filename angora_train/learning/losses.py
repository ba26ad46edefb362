# SPDX-License-Identifier: Apache-2.0
"""What is made small, in `keras.ops`: losses of own experience and of examples."""

from collections.abc import Callable, Mapping
from typing import Any

from keras import ops

from angora_train.agent.distributions import Distribution
from angora_train.config.run import PPOConfig

__all__ = [
    "METRICS",
    "Measure",
    "cross_entropy",
    "divergence",
    "imitation_loss",
    "masked_mean",
    "ppo_loss",
]

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
    kept = _kept(batch, ("log_prob", "advantage", "value", "value_target", "sample"))
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


Measure = Callable[[Distribution, Any, Any], Any]
"""How far a policy is from what it should be, in nats, shape (B, T): of a family, what
should be, shape (B, T, n), and the policy's parameters."""


def divergence(distribution: Distribution, wanted: Any, policy: Any) -> Any:
    """Return the divergence from another policy's parameters, KL(wanted || policy)."""
    return distribution.kl(wanted, policy)


def cross_entropy(distribution: Distribution, wanted: Any, policy: Any) -> Any:
    """Return the negative log-probability of another's sample."""
    return -distribution.log_prob(policy, wanted)


def imitation_loss(
    outputs: Mapping[str, Any],
    batch: Mapping[str, Any],
    distribution: Distribution,
    ppo: PPOConfig,
    measure: Measure,
) -> tuple[Any, dict[str, Any]]:
    """Return the loss of a batch of chunks with examples, and its parts.

    Parameters
    ----------
    outputs : mapping of str to tensor
        As of :func:`ppo_loss`.
    batch : mapping of str to tensor
        ``label``, shape (B, T, n), what the policy should be; ``value`` and
        ``value_target``, each of shape (B, T); ``mask`` as of :func:`ppo_loss`.
    distribution : Distribution
        Family of the policy.
    ppo : PPOConfig
        Coefficient and clip range of values.
    measure : callable
        :func:`divergence` or :func:`cross_entropy`, by what the labels are.

    Returns
    -------
    loss : tensor, scalar
        ``measure + value_coef * value_loss``.
    metrics : dict of str to tensor
        Means over the steps that count: the measure by its name, nats; ``value_loss``;
        ``entropy``, nats.

    References
    ----------
    Ross, Gordon & Bagnell (2011), A reduction of imitation learning and structured
    prediction to no-regret online learning. https://arxiv.org/abs/1011.0686
    """
    mask = batch["mask"]
    kept = _kept(batch, ("label", "value", "value_target"))
    apart = measure(distribution, kept["label"], outputs["policy"])
    policy_loss = masked_mean(apart, mask)
    value = ops.squeeze(outputs["value"], axis=-1)
    value_loss = 0.5 * masked_mean(_squared_error(value, kept, ppo), mask)
    return policy_loss + ppo.value_coef * value_loss, {
        measure.__name__: policy_loss,
        "value_loss": value_loss,
        "entropy": masked_mean(distribution.entropy(outputs["policy"]), mask),
    }


def _kept(batch: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return parts of a batch without the steps that do not count: zeros, instead.

    They are replaced before anything is computed from them: the gradient of an
    infinity that is masked afterwards is not a number.
    """
    mask = batch["mask"]
    kept = {}
    for name in names:
        x = batch[name]
        counts = ops.expand_dims(mask, -1) if len(x.shape) > len(mask.shape) else mask
        kept[name] = ops.where(counts, x, ops.zeros_like(x))
    return kept


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
