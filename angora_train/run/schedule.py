# SPDX-License-Identifier: Apache-2.0
"""Schedule: how the step size changes from cycle to cycle."""

from angora_train.config.run import RunConfig

__all__ = ["next_learning_rate"]

_FASTER = 1.5
"""Factor by which the adaptive schedule changes the step size (Makoviychuk et al. 2021,
arXiv:2108.10470, and the trainers it uses)."""
_FASTEST = 1e-2
"""Largest step size of the adaptive schedule (the same)."""


def next_learning_rate(
    config: RunConfig, cycle: int, previous: float, kl: float
) -> float:
    """Return the step size of a cycle.

    Parameters
    ----------
    config : RunConfig
        Schedule, first and last step size, number of cycles.
    cycle : int
        Cycles that are done.
    previous : float
        Step size of the cycle before.
    kl : float
        Divergence in its last epoch, nats.

    Returns
    -------
    float
        The step size. The linear and the exponential schedule lead from the first to
        the last cycle; the adaptive one takes a step that is 1.5 times as small where
        the divergence was above twice the target, and as large where it was below
        half of it, beginning once the policy is learned. With a teacher it is linear,
        and of `distillation`.
    """
    ppo, progress = config.ppo, cycle / max(1, config.n_cycles - 1)
    if (distillation := config.distillation) is not None:
        change = distillation.final_learning_rate - distillation.learning_rate
        return distillation.learning_rate + progress * change
    if ppo.schedule == "constant":
        return ppo.learning_rate
    if ppo.schedule == "adaptive":
        if cycle <= ppo.value_warm_up_cycles:
            return ppo.learning_rate
        if kl > 2.0 * ppo.target_kl:
            return max(previous / _FASTER, ppo.final_learning_rate)
        if kl < 0.5 * ppo.target_kl:
            return min(previous * _FASTER, max(_FASTEST, ppo.learning_rate))
        return previous
    if ppo.schedule == "linear":
        change = ppo.final_learning_rate - ppo.learning_rate
        return ppo.learning_rate + progress * change
    ratio: float = (ppo.final_learning_rate / ppo.learning_rate) ** progress
    return ppo.learning_rate * ratio
