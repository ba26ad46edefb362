# SPDX-License-Identifier: Apache-2.0
"""Demonstration: an actor's trajectories, for others to learn from."""

import numpy as np

from angora_train.analysis.actors import Actor
from angora_train.errors import ConfigError
from angora_train.randomness import ACTIONS, generator
from angora_train.tasks.demonstrations import Demonstrations, require_choices
from angora_train.tasks.task import Task

__all__ = ["demonstrate"]


def demonstrate(
    actor: Actor, task: Task, n_steps: int, seed: int, *, name: str = ""
) -> Demonstrations:
    """Record what an actor senses and does, and what it earns.

    Parameters
    ----------
    actor : Actor
        Who acts; an agent as ``AgentActor(agent)``.
    task : Task
        The worlds: one trajectory each. All that they show is recorded.
    n_steps : int
        Control steps of each, whatever episodes they belong to.
    seed : int
        Decides the worlds and the noise of the policy.
    name : str
        The task's name, by which others are refused.

    Returns
    -------
    Demonstrations
        The trajectories.

    Raises
    ------
    ConfigError
        If less than a step is asked for, or the actor does what lies between the
        task's choices, as the expected action may.
    """
    if n_steps < 1:
        raise ConfigError(f"{n_steps} steps are to be recorded; the least is 1.")
    rngs = [generator(seed, world, ACTIONS, 0) for world in range(task.num_envs)]
    observation, _ = task.reset(seed=seed)
    state = actor.initial_state(task.num_envs)
    is_first = np.ones(task.num_envs, bool)
    rows = []
    for _ in range(n_steps):
        drawn = [rng.random(actor.n_uniforms, dtype=np.float32) for rng in rngs]
        step = actor.act(observation, state, is_first, np.stack(drawn))
        require_choices(step.action, task.n_bins, "What is demonstrated")
        sensed = {key: x.copy() for key, x in observation.items()}
        observation, reward, terminated, truncated, _ = task.step(step.action)
        rows.append((sensed, step.action, is_first, reward, terminated))
        state, is_first = step.state, terminated | truncated
    seen, *others = zip(*rows, strict=True)
    action, begins, reward, terminated = (np.stack(column) for column in others)
    return Demonstrations(
        {key: np.stack([row[key] for row in seen]) for key in seen[0]},
        action,
        begins,
        reward,
        terminated,
        task=name,
        control_step_s=task.control_step_s,
    )
