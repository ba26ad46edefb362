# SPDX-License-Identifier: Apache-2.0
"""Settings: what a task can be asked for; what is wrong with it is one error."""

from typing import ClassVar

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
