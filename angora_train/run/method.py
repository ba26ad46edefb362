# SPDX-License-Identifier: Apache-2.0
"""Method: by what a run's agent gets better."""

from collections.abc import Callable

from angora_train.agent.agent import Agent
from angora_train.agent.normalization import ValueNormalizer, make_reward_scaler
from angora_train.config.run import RunConfig
from angora_train.errors import ConfigError
from angora_train.hindsight.exploration import Exploration
from angora_train.hindsight.learner import HindsightLearner
from angora_train.learning.calm import Calm
from angora_train.learning.learner import Learner
from angora_train.learning.rollout import Explorer
from angora_train.ranks.comm import Comm
from angora_train.ranks.roles import Roles
from angora_train.tasks.hindsight import Hindsight
from angora_train.tasks.task import Task

__all__ = ["make_learner"]


def make_learner(
    config: RunConfig,
    agent: Agent,
    task: Task,
    comm: Comm,
    roles: Roles,
    progress: Callable[[], None],
) -> tuple[Explorer | None, Learner | HindsightLearner]:
    """Return who explores beyond the policy, if anybody, and who learns.

    Parameters
    ----------
    config : RunConfig
        With a section `hindsight` for learning from all that was done; PPO or a
        teacher otherwise.
    agent : Agent
        Who gets better.
    task : Task
        Its worlds.
    comm : Comm
        The ranks.
    roles : Roles
        What this rank does.
    progress : callable
        Is called after every update.

    Raises
    ------
    ConfigError
        If the task has no goals to tell steps under, or there is a teacher, too.
    TaskError
        If it cannot tell steps with the options that it has.
    """
    if config.hindsight is not None:
        told = _hindsight(config, task)
        n_actions = agent.distribution.n_uniforms
        return (
            Exploration(told, config.hindsight.noise, roles.worlds, n_actions),
            HindsightLearner(agent, config, comm, roles, told, progress=progress),
        )
    normalization = config.normalization
    return _calm(config, agent), Learner(
        agent,
        config,
        comm,
        roles,
        reward_normalizer=make_reward_scaler(
            normalization.reward, len(roles.worlds), config.ppo.discount
        ),
        value_normalizer=ValueNormalizer() if normalization.value else None,
        progress=progress,
    )


def _calm(config: RunConfig, agent: Agent) -> Explorer | None:
    """Return who calms a student, if its config asks for that."""
    chosen = config.distillation
    if chosen is None or chosen.student_noise == 1.0:
        return None
    return Calm(chosen.student_noise, agent.distribution.n_uniforms)


def _hindsight(config: RunConfig, task: Task) -> Hindsight:
    """Return how a task's steps are told under other goals."""
    if config.distillation is not None:
        raise ConfigError(
            "hindsight and distillation are two ways to learn: leave one of the "
            "sections out."
        )
    if "gaussian" not in config.policy.distribution:
        raise ConfigError(
            f"hindsight follows the mean of a Gaussian: policy.distribution must be "
            f"bounded_gaussian or gaussian, got '{config.policy.distribution}'."
        )
    told = getattr(task, "hindsight", None)
    if told is None:
        raise ConfigError(
            f"The task '{config.task.name}' does not say how its steps look under "
            "other goals: it has no method hindsight(). Leave the section out, and it "
            "is trained by PPO."
        )
    found: Hindsight = told()
    return found
