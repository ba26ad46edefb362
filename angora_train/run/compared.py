# SPDX-License-Identifier: Apache-2.0
"""Compared: a run's config as its trained agent is compared with others."""

from collections.abc import Sequence

from angora_train.config.run import RunConfig
from angora_train.tasks.registry import training_only

__all__ = ["as_compared"]


def as_compared(
    config: RunConfig, changes: Sequence[str] = ()
) -> tuple[RunConfig, list[str]]:
    """Return a config without the options of its task that are for training alone.

    Parameters
    ----------
    config : RunConfig
        A run's, the changes made.
    changes : sequence of str
        What somebody changed in it, as ``task.options.curriculum=null``: that stays.

    Returns
    -------
    config : RunConfig
        Of the task that is the same for all.
    left_out : list of str
        Options that are not in it, sorted.
    """
    task = config.task
    wanted = {change.partition("=")[0] for change in changes}
    if wanted & {"task", "task.options"}:  # all of it is as somebody says
        return config, []
    named = {key.split(".")[2] for key in wanted if key.startswith("task.options.")}
    left_out = {
        field
        for name, belonging in training_only(task.name).items()
        if name in task.options and name not in named
        for field in (name, *belonging)
        if field in task.options and field not in named
    }
    if not left_out:
        return config, []
    kept = {name: x for name, x in task.options.items() if name not in left_out}
    changed = task.model_copy(update={"options": kept})
    return config.model_copy(update={"task": changed}), sorted(left_out)
