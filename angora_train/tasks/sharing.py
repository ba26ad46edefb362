# SPDX-License-Identifier: Apache-2.0
"""Worlds that a teacher and its student share: each senses what it was made for.

The worlds are those of the student's task. Where its settings leave out a sensation
that the teacher reads, they are made with it, and the student does not read it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from angora_train.config.run import TaskChoice
from angora_train.errors import ConfigError, closest
from angora_train.tasks.registry import make_config, make_vector_task, variant_of
from angora_train.tasks.settings import TaskSettings
from angora_train.tasks.task import Task

__all__ = ["SharedWorlds", "require_same_task", "share_worlds"]

_GYM = "gym"


@dataclass(frozen=True)
class SharedWorlds:
    """How worlds are made in which two agents sense.

    Attributes
    ----------
    options : mapping
        The task's options: the student's, and what the teacher's sensations need.
    names : mapping of str to str
        Names of the sensations in these worlds, by the teacher's name for each.
    unread : tuple of str
        Sensations that the student's own task has not.
    """

    options: Mapping[str, Any]
    names: Mapping[str, str]
    unread: tuple[str, ...]


def share_worlds(
    student: TaskChoice, teacher: TaskChoice, reads: Collection[str]
) -> SharedWorlds:
    """Find worlds of a student's task in which its teacher senses, too.

    Parameters
    ----------
    student, teacher : TaskChoice
        The tasks by name, with their options.
    reads : collection of str
        Sensations that the teacher reads.

    Returns
    -------
    SharedWorlds
        How to make them.

    Raises
    ------
    ConfigError
        If it is another task, its actions or control steps are others, or it lacks a
        sensation that the teacher reads or shows it in another way.

    Examples
    --------
    >>> whole = TaskChoice(name="gym:CartPole-v1")
    >>> part = TaskChoice(name="gym:CartPole-v1", options={"hidden": "velocity"})
    >>> shared = share_worlds(part, whole, ["proprioception"])
    >>> dict(shared.names), shared.unread
    ({'proprioception': 'privileged'}, ('privileged',))
    """
    require_same_task(student.name, teacher.name, "teacher")
    own = make_vector_task(student.name, student.options)
    theirs = make_vector_task(teacher.name, teacher.options)
    _require_same_actions(own, theirs)
    changes: dict[str, Any] = {}
    names: dict[str, str] = {}
    for sensation in reads:
        asked, names[sensation] = _shown(own, theirs, sensation)
        if asked and names[sensation] in own.sensation_shapes:
            raise _otherwise(own, sensation, asked)
        changes |= asked
    options = {**student.options, **changes}
    shared = make_vector_task(student.name, options) if changes else own
    for sensation, name in names.items():
        _require_shown(shared, name, theirs, sensation)
    found = shared.sensation_shapes
    unread = tuple(name for name in found if name not in own.sensation_shapes)
    for task in (own, theirs, shared):
        task.close()
    return SharedWorlds(options, names, unread)


def require_same_task(student: str, other: str, who: str) -> None:
    """Refuse somebody who did another task.

    Parameters
    ----------
    student, other : str
        Names of tasks; variants of one count as that one.
    who : str
        Who did the other, for the message.

    Raises
    ------
    ConfigError
        If they are two tasks.
    """
    if _plain(student) != _plain(other):
        raise ConfigError(
            f"The {who} did the task '{other}', the student is to do '{student}'. Both "
            f"must do the same: set task.name={other}, or choose who did '{student}'."
        )


def _plain(name: str) -> str:
    """Return the task that a name is a variant of, without its module."""
    make_config(name)  # imports the module that registers it
    module, separator, rest = name.partition(":")
    if module == _GYM and separator:
        return name
    return variant_of(name) or rest or name


def _require_same_actions(own: Task, theirs: Task) -> None:
    """Refuse a teacher whose actions mean something else."""
    step_s = [round(task.control_step_s, 9) for task in (own, theirs)]
    control = [getattr(task.config, "control", None) for task in (own, theirs)]
    for what, key, (one, other) in (
        ("numbers of an action", "task.options", (own.n_actions, theirs.n_actions)),
        ("choices", "task.options", (own.n_bins, theirs.n_bins)),
        ("control", "task.options.control", control),
        ("control step, s,", "task.options.n_substeps", step_s),
    ):
        if one != other:
            raise ConfigError(
                f"The teacher's actions are not the student's: {what} {_said(other)} "
                f"and {_said(one)}. Let {key} be the same for both."
            )


def _shown(own: Task, theirs: Task, sensation: str) -> tuple[dict[str, Any], str]:
    """Say what has to change for a sensation of the teacher's, and its name then."""
    settings, other = own.config, theirs.config
    if isinstance(settings, TaskSettings) and isinstance(other, type(settings)):
        return settings.showing(sensation, other)
    return {}, sensation


def _otherwise(own: Task, sensation: str, asked: Mapping[str, Any]) -> ConfigError:
    """Say that a sensation means one thing to one of the two, another to the other."""
    theirs = ", ".join(f"{key} {_said(x)}" for key, x in asked.items())
    ours = ", ".join(f"{key} {_said(getattr(own.config, key))}" for key in asked)
    keys = " and ".join(f"task.options.{key}" for key in asked)
    return ConfigError(
        f"The teacher learned what '{sensation}' means with {theirs}; the student's "
        f"worlds show it with {ours}. Let {keys} be the same for both."
    )


def _require_shown(shared: Task, name: str, theirs: Task, sensation: str) -> None:
    """Refuse worlds that lack a sensation, or have another of its name."""
    shapes = shared.sensation_shapes
    wanted = theirs.sensation_shapes.get(sensation)
    if name not in shapes:
        raise ConfigError(
            f"The teacher senses '{sensation}', which the student's task lacks."
            f"{closest(name, shapes)} It has: {', '.join(shapes)}. Set the option of "
            "the task that shows it, or take another teacher."
        )
    if shapes[name] != wanted:
        raise ConfigError(
            f"The teacher's sensation '{sensation}' has the shape {wanted}, in the "
            f"student's worlds it is {shapes[name]}: options of the tasks differ."
        )


def _said(x: Any) -> str:
    """Return a setting in a few words."""
    return str(x.model_dump(mode="json") if hasattr(x, "model_dump") else x)
