# SPDX-License-Identifier: Apache-2.0
"""Generalized advantage estimation."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["generalized_advantage"]


def generalized_advantage(
    rewards: NDArray[np.float32],
    values: NDArray[np.float32],
    next_values: NDArray[np.float32],
    terminated: NDArray[np.bool_],
    ended: NDArray[np.bool_],
    *,
    discount: float,
    gae_lambda: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Estimate advantages and value targets with GAE.

    Runs backward over one rollout of B parallel worlds. Nothing is normalized: the
    targets keep the scale of the reward.

    Parameters
    ----------
    rewards : ndarray of float32, shape (T, B)
        Reward for the action taken at step ``t``.
    values : ndarray of float32, shape (T, B)
        Critic estimate of the state at step ``t``, in units of reward.
    next_values : ndarray of float32, shape (T, B)
        Critic estimate of the state that step ``t`` led to: ``values[t + 1]`` inside
        an episode, the estimate of the final state where a time limit cut the
        episode, and of the state after the rollout at its last step.
    terminated : ndarray of bool, shape (T, B)
        True where the task ended the episode: no reward follows, so ``next_values``
        counts for nothing there.
    ended : ndarray of bool, shape (T, B)
        True where the episode ended for either reason: the sum stops there.
    discount : float
        Discount factor per control step, in [0, 1].
    gae_lambda : float
        Trade of bias (0) against variance (1).

    Returns
    -------
    advantages : ndarray of float32, shape (T, B)
        Estimate of ``Q(s, a) - V(s)``, in units of reward.
    value_targets : ndarray of float32, shape (T, B)
        ``advantages + values``.

    Raises
    ------
    ValueError
        If the arrays differ in shape.

    References
    ----------
    Schulman et al. (2016), High-dimensional continuous control using generalized
    advantage estimation, eq. 16. https://arxiv.org/abs/1506.02438

    Examples
    --------
    >>> one = np.ones((1, 1), np.float32)
    >>> no = np.zeros((1, 1), bool)
    >>> advantages, targets = generalized_advantage(
    ...     one, 0.5 * one, 9 * one, no, no, discount=0.5, gae_lambda=1.0
    ... )
    >>> advantages.item(), targets.item()  # 1 + 0.5 * 9 - 0.5
    (5.0, 5.5)
    """
    shapes = {x.shape for x in (rewards, values, next_values, terminated, ended)}
    if len(shapes) != 1:
        raise ValueError(f"All arrays must have one shape (T, B), got {shapes}.")
    errors = rewards + discount * np.where(terminated, 0.0, next_values) - values
    advantages = np.zeros_like(rewards)
    running = np.zeros(rewards.shape[1:], np.float32)
    for t in reversed(range(len(rewards))):
        running = errors[t] + discount * gae_lambda * np.where(ended[t], 0.0, running)
        advantages[t] = running
    return advantages, advantages + values
