# SPDX-License-Identifier: Apache-2.0
"""Lineage: how an agent came to what it can do, stage by stage."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from angora_train.config.run import RunConfig
from angora_train.errors import ConfigError

__all__ = [
    "Stage",
    "as_data",
    "is_demonstrations",
    "require_same_stage",
    "stages_of",
    "told",
]

_DEMONSTRATIONS = ".npz"


@dataclass(frozen=True)
class Stage:
    """What one run did for an agent.

    Attributes
    ----------
    how : str
        ``learned`` by its own experience, ``fine-tuned`` so after another run,
        ``distilled`` from a teacher, or ``learned from demonstrations``.
    task : str
        In which task.
    n_cycles, n_samples : int
        For how long: cycles, and control steps of all worlds.
    teacher, target : str
        From whom, and what of the actions; empty where there was no teacher.
    """

    how: str
    task: str
    n_cycles: int
    n_samples: int
    teacher: str = ""
    target: str = ""

    @classmethod
    def of(cls, config: RunConfig, n_cycles: int, n_samples: int) -> "Stage":
        """Return the stage that a run is, so far."""
        chosen, name = config.distillation, config.task.name
        if chosen is None:
            how = "learned" if config.start is None else "fine-tuned"
            return cls(how, name, n_cycles, n_samples)
        recorded = is_demonstrations(chosen.teacher)
        how = "learned from demonstrations" if recorded else "distilled"
        teacher, target = str(chosen.teacher), chosen.target or ""
        return cls(how, name, n_cycles, n_samples, teacher, target)


def is_demonstrations(path: Path) -> bool:
    """Whether a teacher is a file of demonstrations, not an agent."""
    return path.suffix == _DEMONSTRATIONS


def stages_of(progress: Mapping[str, Any], config: RunConfig) -> tuple[Stage, ...]:
    """Return the stages that a checkpoint tells of.

    Parameters
    ----------
    progress : mapping
        Of the checkpoint; older ones tell of no stages.
    config : RunConfig
        Of its run.
    """
    saved = progress.get("stages")
    if saved is None:
        cycle = int(progress["cycle"])
        n_samples = cycle * config.ppo.horizon * config.n_worlds
        return (Stage.of(config, cycle, int(progress.get("samples", n_samples))),)
    return tuple(Stage(**stage) for stage in saved)


def require_same_stage(config: RunConfig, before: RunConfig) -> None:
    """Refuse to go on with a run as another kind of it: it would tell a wrong history.

    Parameters
    ----------
    config : RunConfig
        Of the run that goes on.
    before : RunConfig
        Of its last checkpoint.

    Raises
    ------
    ConfigError
        If one of them has a teacher, or a start, and the other has none.
    """
    for key in ("distillation", "start"):
        one, other = getattr(config, key), getattr(before, key)
        if (one is None) != (other is None):
            said = "none" if other is None else "one"
            raise ConfigError(
                f"A run that goes on keeps what it is: '{key}' is changed, and it had "
                f"{said}. Begin another run with its weights instead: angora-train run "
                f"CONFIG --set start={config.directory} --set directory=FOLDER."
            )


def told(stages: Sequence[Stage]) -> str:
    """Tell stages in a line.

    Examples
    --------
    >>> one = Stage("distilled", "Reach", 100, 409600, "runs/teacher", "sampled")
    >>> told([one, Stage("fine-tuned", "Reach", 50, 204800)])
    'distilled, then fine-tuned'
    """
    return ", then ".join(stage.how for stage in stages)


def as_data(stages: Sequence[Stage]) -> list[dict[str, Any]]:
    """Return stages as plain data."""
    return [asdict(stage) for stage in stages]
