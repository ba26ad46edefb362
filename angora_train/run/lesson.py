# SPDX-License-Identifier: Apache-2.0
"""Lesson: from a config that names a teacher to worlds in which it teaches."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from angora_train.agent.agent import NOISE, Agent
from angora_train.agent.distributions import Distribution, make_distribution
from angora_train.agent.inputs import sensation_of
from angora_train.config.distillation import DistillationConfig
from angora_train.config.run import RunConfig
from angora_train.engine import Engine
from angora_train.errors import ConfigError, TaskError, closest
from angora_train.learning.guides import Guide, Recorded, Teacher, target_of
from angora_train.run import checkpoint
from angora_train.run.lineage import is_demonstrations
from angora_train.run.preparation import Prepared
from angora_train.tasks.demonstrations import Demonstrations
from angora_train.tasks.playback import Playback
from angora_train.tasks.registry import make_vector_task
from angora_train.tasks.sharing import SharedWorlds, require_same_task, share_worlds
from angora_train.tasks.task import Task
from atlasnet import policy_only

__all__ = ["Lesson", "make_lesson"]


class Lesson(Protocol):
    """A teacher, and worlds in which it can teach a run's network.

    Attributes
    ----------
    config : RunConfig
        The run's, with all decided that it left open.
    unread : tuple of str
        Sensations of the worlds that are not for the student.
    """

    @property
    def config(self) -> RunConfig:
        """See the class."""

    @property
    def unread(self) -> tuple[str, ...]:
        """See the class."""

    def task(self, worlds: range) -> Task:
        """Make worlds of this rank."""

    def guide(self, ready: Prepared, worlds: range) -> Guide:
        """Return who labels what the student senses in them."""


def make_lesson(config: RunConfig, engine: Engine) -> Lesson | None:
    """Read a teacher, and find out how it can teach.

    Parameters
    ----------
    config : RunConfig
        The run.
    engine : Engine
        Compiles the teacher's policy.

    Returns
    -------
    Lesson or None
        None where the config names no teacher.

    Raises
    ------
    ConfigError
        If the teacher does not fit the task or the policy.
    CheckpointError
        If there is no such teacher.
    """
    chosen = config.distillation
    if chosen is None:
        return None
    if is_demonstrations(chosen.teacher):
        return _recorded(config, chosen)
    return _taught(config, chosen, engine)


@dataclass(frozen=True)
class _Taught:
    """A lesson by an agent."""

    config: RunConfig
    agent: Agent
    shared: SharedWorlds

    @property
    def unread(self) -> tuple[str, ...]:
        """Sensations that are for the teacher alone."""
        return self.shared.unread

    def task(self, worlds: range) -> Task:
        """Make worlds in which both can sense."""
        return make_vector_task(
            self.config.task.name,
            self.shared.options,
            n_worlds=len(worlds),
            first_world=worlds.start,
        )

    def guide(self, ready: Prepared, worlds: range) -> Guide:
        """Return the agent with a state in each world."""
        chosen = self.config.distillation
        if ready.task.n_bins and chosen is not None and chosen.target == "mean":
            raise ConfigError(
                f"distillation.target is 'mean', but the actions of task "
                f"'{self.config.task.name}' are choices among {ready.task.n_bins}, "
                "which have none: set it to sampled."
            )
        return Teacher(
            self.agent, self.shared.names, ready.distribution, self.config, worlds
        )


@dataclass(frozen=True)
class _Demonstrated:
    """A lesson by recorded trajectories."""

    config: RunConfig
    demonstrations: Demonstrations
    unread: tuple[str, ...] = ()

    def task(self, worlds: range) -> Task:
        """Make worlds in which they pass by."""
        chosen = self.config.task
        task = make_vector_task(chosen.name, chosen.options)
        self._require_sensed(task)
        return Playback(self.demonstrations, task, len(worlds), worlds.start)

    def _require_sensed(self, task: Task) -> None:
        """Refuse a network that would read, or leave out, what nobody recorded."""
        network = self.config.network
        if network.path is not None:  # it says itself what it reads
            return
        for name in task.sensation_shapes:
            if name not in {*self.demonstrations.sensations, *network.without}:
                recorded = self.demonstrations.sensations
                raise ConfigError(
                    f"{self.demonstrations.label} lack the sensation '{name}', which "
                    f"the task shows.{closest(name, recorded)} They have: "
                    f"{', '.join(recorded)}. Leave it out of the network, too: "
                    f"network.without=[{name}]."
                )

    def guide(self, ready: Prepared, worlds: range) -> Guide:
        """Return what was done in them."""
        if not isinstance(ready.task, Playback):
            raise TypeError("The worlds are none of this lesson.")
        return Recorded(ready.task, ready.distribution)


def _taught(config: RunConfig, chosen: DistillationConfig, engine: Engine) -> Lesson:
    """Read an agent, and check that it can teach."""
    _require_agent(chosen.teacher)
    stored = checkpoint.load(chosen.teacher, chosen.which)
    model = policy_only(stored.model)  # what it thinks of its states is not asked
    reads = tuple(sensation_of(x.name) for x in model.inputs if x.name != NOISE)
    shared = share_worlds(config.task, stored.config.task, reads)
    width = int(model.output["policy"].shape[-1])
    n_actions = width // make_distribution(stored.config.policy, 1).n_parameters
    family = make_distribution(stored.config.policy, n_actions)
    agent = Agent.of(
        model,
        family,
        stored.config.normalization,
        engine,
        moments=stored.sensed,
    )
    student = make_distribution(config.policy, n_actions)
    return _Taught(_decided(config, family, student), agent, shared)


def _recorded(config: RunConfig, chosen: DistillationConfig) -> Lesson:
    """Read demonstrations, and check that they can be learned from."""
    demonstrations = Demonstrations.load(chosen.teacher)
    if demonstrations.task:
        try:
            require_same_task(config.task.name, demonstrations.task, "demonstrations")
        except TaskError as error:
            raise ConfigError(f"{demonstrations.label}: {error}") from error
    _require_enough(config, demonstrations)
    n_actions = demonstrations.action.shape[-1]
    decided = _decided(config, None, make_distribution(config.policy, n_actions))
    if demonstrations.reward is None:  # then values cannot be learned
        ppo = config.ppo.model_copy(update={"value_coef": 0.0})
        decided = decided.model_copy(update={"ppo": ppo})
    return _Demonstrated(decided, demonstrations)


def _require_enough(config: RunConfig, demonstrations: Demonstrations) -> None:
    """Refuse fewer steps than an update reads: it would read some twice."""
    n_steps, wanted = demonstrations.action[..., 0].size, config.ppo.minibatch_size
    if n_steps < wanted:
        raise ConfigError(
            f"{demonstrations.label} hold {n_steps} steps, and an update reads "
            f"{wanted}. Record more, or set ppo.minibatch_size to less."
        )


def _decided(
    config: RunConfig, teacher: Distribution | None, student: Distribution
) -> RunConfig:
    """Return a config that says what of the teacher is learned."""
    chosen = config.distillation
    target = target_of(None if chosen is None else chosen.target, teacher, student)
    if chosen is None:
        return config
    decided = chosen.model_copy(update={"target": target})
    return config.model_copy(update={"distillation": decided})


def _require_agent(path: Path) -> None:
    """Refuse a program that was exported: it is not loaded, since it could do more."""
    if path.is_file():
        raise ConfigError(
            f"'{path}' is no teacher. A teacher is the folder of a run or of a "
            "checkpoint, or an .npz file that angora-train demonstrate writes."
        )
    if (path / "saved_model.pb").is_file():
        raise ConfigError(
            f"'{path}' is an exported program. A teacher is the folder of a run or of "
            "a checkpoint, which hold numbers alone: name that which it was exported "
            "from."
        )
