# SPDX-License-Identifier: Apache-2.0
"""Errors of angora_train.

::

    AngoraError
    ├── ConfigError          (also ValueError) a configuration that cannot run
    ├── TaskError            (also ValueError) a task asked for or used wrongly
    ├── CheckpointError      a checkpoint is missing, broken or of another network
    ├── DivergenceError      a loss or gradient is not finite
    ├── InterruptedRunError  a signal ended a run, which can be resumed
    └── RankError            a rank of a parallel job is missing or failed
"""

from collections.abc import Mapping
from typing import Any

from atlasnet.errors import closest

__all__ = [
    "AngoraError",
    "CheckpointError",
    "ConfigError",
    "DivergenceError",
    "InterruptedRunError",
    "RankError",
    "TaskError",
    "closest",
]


class AngoraError(Exception):
    """Root of every error that angora_train raises on purpose."""


class ConfigError(AngoraError, ValueError):
    """A configuration that cannot run."""


class TaskError(AngoraError, ValueError):
    """A task that is asked for or used wrongly."""


class CheckpointError(AngoraError):
    """A checkpoint is missing, broken, or belongs to another network."""


class DivergenceError(AngoraError):
    """A loss or a gradient is not finite.

    Attributes
    ----------
    batch : mapping of str to ndarray
        The minibatch in which it happened.
    """

    def __init__(self, message: str, batch: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.batch = batch


class InterruptedRunError(AngoraError):
    """A signal ended a run after a checkpoint, from which it can be resumed.

    Attributes
    ----------
    signal : int
        Number of the signal.
    """

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.signal = signal


class RankError(AngoraError):
    """A rank of a parallel job is missing or failed."""
