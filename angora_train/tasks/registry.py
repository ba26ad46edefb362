# SPDX-License-Identifier: Apache-2.0
"""Tasks by name.

Importing `angora_train.tasks` registers each task with Gymnasium as
``angora/<name>-v0``: one world with `gymnasium.make`, a batch with
`gymnasium.make_vec`.

Two prefixes lead beyond the tasks that ship with the package: ``gym:CartPole-v1``
adapts an environment of Gymnasium, and ``arm:TwoJointArm`` imports the module ``arm``,
which registers its task with `register_task`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any

import gymnasium
from pydantic import BaseModel, ValidationError

from angora_train.errors import TaskError, closest
from angora_train.tasks.base import Task
from angora_train.tasks.cube.reorient_cube import ReorientCube
from angora_train.tasks.cube.reorient_cube_z import ReorientCubeZ
from angora_train.tasks.gym.adapter import GymConfig, GymTask
from angora_train.tasks.hand.names import TARGET_FINGERS
from angora_train.tasks.reaching.free_reach import FreeReach
from angora_train.tasks.reaching.free_reach_sequence import FreeReachSequence
from angora_train.tasks.reaching.reach import Reach
from angora_train.tasks.reaching.reach_sequence import ReachSequence
from angora_train.tasks.single import SingleTask, with_render_mode
from atlasnet.frozen import explain

__all__ = [
    "make_config",
    "make_task",
    "make_vector_task",
    "register_task",
    "register_with_gymnasium",
    "task_names",
    "training_only",
    "variant_of",
]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A task and the settings it takes."""

    task: Callable[..., Task]
    config: type[BaseModel]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings that the name stands for."""
    variant_of: str | None = None
    """Name of the task that the settings are of."""


def _by_finger(name: str, entry: _Entry) -> dict[str, _Entry]:
    """Variants of a task with one target finger each: ``ReachFF`` and so on."""
    return {
        f"{name}{finger.upper()}": _Entry(
            entry.task, entry.config, {"target_fingers": (finger,)}, name
        )
        for finger in TARGET_FINGERS
    }


_SHIPPED = (
    FreeReach,
    FreeReachSequence,
    Reach,
    ReachSequence,
    ReorientCube,
    ReorientCubeZ,
)
_TASKS = {task.__name__: _Entry(task, type(task.config)) for task in _SHIPPED}
for _name in ("FreeReach", "Reach"):
    _TASKS |= _by_finger(_name, _TASKS[_name])

_ADDED: set[str] = set()
"""Names of tasks that were registered by users."""


def task_names() -> tuple[str, ...]:
    """List the names of all tasks, sorted.

    Returns
    -------
    tuple of str
        What `make_vector_task` accepts.

    Examples
    --------
    >>> "Reach" in task_names()
    True
    """
    return tuple(sorted(_TASKS))


def variant_of(name: str) -> str | None:
    """Return the task of which a name is a variant with other settings.

    Parameters
    ----------
    name : str
        A task.

    Returns
    -------
    str or None
        None for a task of its own.

    Examples
    --------
    >>> variant_of("ReachFF")
    'Reach'
    """
    return _find(name).variant_of


def make_config(name: str, settings: Mapping[str, Any] | None = None) -> BaseModel:
    """Validate a task's settings.

    Parameters
    ----------
    name : str
        The task.
    settings : mapping, optional
        Fields of its config that differ from the defaults.

    Returns
    -------
    pydantic.BaseModel
        The task's own kind of config.

    Raises
    ------
    TaskError
        If the task or a field is unknown, or a value is not allowed.

    Examples
    --------
    >>> make_config("Reach", {"episode_s": 1.0}).episode_s
    1.0
    """
    entry = _find(name)
    try:
        return entry.config.model_validate({**entry.settings, **(settings or {})})
    except ValidationError as error:
        told = explain(error, "setting", entry.config)
        raise TaskError(f"Task '{name}' cannot be set up: {told}") from error


def training_only(name: str) -> Mapping[str, tuple[str, ...]]:
    """Return the settings of a task that are for training alone.

    Parameters
    ----------
    name : str
        The task.

    Returns
    -------
    mapping of str to tuple of str
        Fields of its config that agents are compared without, and those that belong
        to them.

    Examples
    --------
    >>> sorted(training_only("ReorientCube"))
    ['curriculum', 'physics_model']
    """
    return getattr(_find(name).config, "training_only", {})


def make_vector_task(
    name: str,
    config: BaseModel | Mapping[str, Any] | None = None,
    n_worlds: int = 1,
    first_world: int = 0,
    n_threads: int = 1,
) -> Task:
    """Make a batch of worlds of a task.

    Parameters
    ----------
    name : str
        The task.
    config : pydantic.BaseModel or mapping, optional
        Its settings, or those that differ from the defaults.
    n_worlds : int
        Number of worlds, B.
    first_world : int
        Index of row 0 among the worlds of all processes; with the seed it decides
        everything random in that row.
    n_threads : int
        Threads that share the physics.

    Returns
    -------
    Task
        A `gymnasium.vector.VectorEnv`.

    Raises
    ------
    TaskError
        If the task or a setting is unknown or not allowed.
    """
    entry = _find(name)
    if not isinstance(config, BaseModel):
        config = make_config(name, config)
    if not isinstance(config, entry.config):
        raise TaskError(
            f"Task '{name}' takes a {entry.config.__name__}, "
            f"got a {type(config).__name__}."
        )
    return entry.task(config, n_worlds, first_world=first_world, n_threads=n_threads)


def make_task(
    name: str, *, render_mode: str | None = None, **settings: Any
) -> SingleTask:
    """Make one world of a task, as a `gymnasium.Env`.

    Parameters
    ----------
    name : str
        The task.
    render_mode : str, optional
        ``rgb_array`` for `SingleTask.render` to draw pictures.
    **settings
        Fields of its config that differ from the defaults.

    Returns
    -------
    SingleTask
        The batch of one.
    """
    return SingleTask(make_vector_task(name, settings), render_mode)


def register_with_gymnasium() -> None:
    """Register every task as ``angora/<name>-v0``, once."""
    for name in _TASKS:
        task_id = f"angora/{name}-v0"
        if task_id not in gymnasium.registry:
            gymnasium.register(
                task_id,
                entry_point="angora_train.tasks.registry:make_task",
                vector_entry_point="angora_train.tasks.registry:_make_batch",
                kwargs={"name": name},
            )


def register_task(name: str, task: type[Task], config: type[BaseModel]) -> None:
    """Add a task of your own under a name, here and with Gymnasium.

    Parameters
    ----------
    name : str
        Letters, digits and underscores. A task that was added under this name before
        is replaced, as when a notebook's cell is run again.
    task : type of Task
        Called as ``task(config, n_worlds, first_world=..., n_threads=...)``.
    config : type of pydantic.BaseModel
        Its settings, as a rule a `TaskConfig`; every field has a default.

    Raises
    ------
    TaskError
        If the name is not allowed, or is that of a task that ships with the package.
    """
    if not name.isidentifier():
        raise TaskError(
            f"A task cannot be named '{name}': letters, digits and underscores only."
        )
    if name in _TASKS and name not in _ADDED:
        raise TaskError(
            f"The task '{name}' ships with this package. Choose another name."
        )
    _TASKS[name] = _Entry(task, config)
    _ADDED.add(name)
    register_with_gymnasium()


def _make_batch(
    num_envs: int, name: str, *, render_mode: str | None = None, **settings: Any
) -> Task:
    """Make a batch under Gymnasium's name for its size."""
    return with_render_mode(make_vector_task(name, settings, num_envs), render_mode)


def _find(name: str) -> _Entry:
    """Look up a task; the part before a colon says where."""
    module, separator, rest = name.partition(":")
    if module == "gym" and separator:
        return _Entry(partial(GymTask, rest), GymConfig)
    if separator:
        _import(module, name)
        return _find(rest)
    if name not in _TASKS:
        known = f" Tasks: {', '.join(task_names())}."
        raise TaskError(f"No task '{name}'.{closest(name, _TASKS) or known}")
    return _TASKS[name]


def _import(module: str, name: str) -> None:
    """Import the module in which a task is registered."""
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise TaskError(
            f"Task '{name}' is to be found in the module '{module}', which cannot be "
            f"imported. Is its folder in PYTHONPATH?"
        ) from error
