# SPDX-License-Identifier: Apache-2.0
"""Settings: what a task can be asked for; what is wrong with it is one error."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from angora_train.errors import TaskError
from atlasnet.frozen import Frozen

__all__ = ["TaskSettings"]


class TaskSettings(Frozen):
    """Settings of a task or of a part of it, whose numbers are finite.

    Raises
    ------
    TaskError
        If a value is not allowed or a key is unknown.
    """

    error: ClassVar[type[Exception]] = TaskError
    """What is raised."""
    sensed_by: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Fields that decide whether there is a sensation, or what it says, by its name."""

    def showing(self, sensation: str, other: Self) -> tuple[dict[str, Any], str]:
        """Say how worlds of these settings show what those of others do.

        Parameters
        ----------
        sensation : str
            A sensation in worlds of `other`.
        other : TaskSettings
            Other settings of the same task.

        Returns
        -------
        changes : dict
            Fields to change here, with their values; none where they agree.
        name : str
            The sensation's name in the changed worlds.
        """
        wanted = {key: getattr(other, key) for key in self.sensed_by.get(sensation, ())}
        changes = {k: x for k, x in wanted.items() if x != getattr(self, k)}
        return changes, sensation
