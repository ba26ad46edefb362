# SPDX-License-Identifier: Apache-2.0
"""The best constant posture: what reaching earns without looking at the goal."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from angora_train.tasks.reaching.reach import Reach
from angora_train.tasks.reaching.rewards import reach_reward

__all__ = ["Posture", "best_posture"]


@dataclass(frozen=True)
class Posture:
    """A constant command and what it is expected to earn.

    Attributes
    ----------
    command : ndarray of float32, shape (A,)
        The action, within [-1, 1].
    expected_return : float
        Mean return over the goals that it was chosen on, not discounted.
    """

    command: NDArray[np.float32]
    expected_return: float


def best_posture(
    task: Reach,
    seed: int,
    *,
    n_iterations: int = 10,
    n_goals: int = 256,
    elite_share: float = 0.125,
) -> Posture:
    """Find the constant command that earns most over many goals.

    Cross-entropy method: candidates are drawn from a normal distribution per
    actuator, clipped to [-1, 1]; the next distribution has the mean and the standard
    deviation of the best ones. All candidates of an iteration are held for one
    episode at once, one in each world; since the movement does not depend on the
    goal, each is judged on all goals afterwards. The mean of the distribution is a
    candidate too. The best candidate of all iterations is returned.

    Parameters
    ----------
    task : Reach
        As many worlds as candidates are wanted in an iteration; 64 serve.
    seed : int
        Decides goals and candidates. Different from the evaluation's, so that the
        posture is not fitted to the goals on which it is judged.
    n_iterations : int
        Iterations.
    n_goals : int
        Goals to judge a candidate on.
    elite_share : float
        Share of the candidates that shape the next distribution.

    Returns
    -------
    Posture
        The best command.

    References
    ----------
    Rubinstein & Kroese (2004), The cross-entropy method, chapter 4.
    """
    rng = np.random.default_rng(seed)
    goals, _ = task.sample_goals(rng, n_goals)
    n_candidates = task.num_envs
    n_actuators = int(np.prod(task.single_action_space.shape or ()))
    n_elites = max(2, round(elite_share * n_candidates))
    mean, spread = np.zeros(n_actuators), np.full(n_actuators, 0.5)
    best = Posture(np.zeros(n_actuators, np.float32), -np.inf)
    for _ in range(n_iterations):
        drawn = rng.normal(mean, spread, (n_candidates, n_actuators))
        drawn[0] = mean
        commands = np.clip(drawn, -1.0, 1.0).astype(np.float32)
        returns = _returns(task, commands, goals, seed)
        ranking = np.argsort(-returns, kind="stable")
        elites = commands[ranking[:n_elites]].astype(np.float64)
        mean, spread = elites.mean(axis=0), elites.std(axis=0)
        first = int(ranking[0])
        if returns[first] > best.expected_return:
            best = Posture(commands[first].copy(), float(returns[first]))
    return best


def _returns(
    task: Reach, commands: NDArray[np.float32], goals: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    """Return what each command earns in an episode, mean over goals, shape (B,)."""
    total = np.zeros(len(commands))
    scales = task.config.rewards
    for fingertips in _movements(task, commands, seed):
        terms = reach_reward(fingertips[:, None].astype(np.float64), goals, scales)
        total += sum(term.mean(axis=1) for term in terms.values())
    return total


def _movements(
    task: Reach, commands: NDArray[np.float32], seed: int
) -> Iterator[NDArray[np.float32]]:
    """Yield the fingertips after each control step of an episode, (B, 15), in m."""
    task.reset(seed=seed)
    for _ in range(task.n_episode_steps):
        observation, _, _, _, info = task.step(commands)
        yield info.get("final_obs", observation)["vision"]
