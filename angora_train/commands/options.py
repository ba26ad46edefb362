# SPDX-License-Identifier: Apache-2.0
"""Options: those that several commands share, and those that go together.

Options that go together are one frozen value, a field an option, and know what they
amount to. A command has a parameter of that type, see `unfolded`.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from angora_train.config.run import RunConfig
from angora_train.errors import ConfigError
from atlasnet import parse_intervention
from atlasnet.commands.console import side_channel

if TYPE_CHECKING:
    from angora_train.run.preparation import Prepared
    from atlasnet import Intervention

__all__ = [
    "Choice",
    "Episodes",
    "Interventions",
    "RunFolder",
    "SeedOption",
    "Set",
    "Trained",
    "WhichOption",
    "unfolded",
]

_Command = Callable[..., None]

RunFolder = Annotated[Path, typer.Argument(help="The folder of a run.")]
WhichOption = Annotated[Literal["best", "last"], typer.Option(help="Which checkpoint.")]
Choice = Annotated[
    Literal["sampled", "most_likely", "expected"],
    typer.Option(help="How actions follow from the policy."),
]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the episodes.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a key of the config: ppo.clip_range=0.1"),
]


@dataclass(frozen=True)
class Episodes:
    """How many episodes are played, and which."""

    episodes: Annotated[int, typer.Option(min=1, help="Episodes to play.")]
    seed: SeedOption


@dataclass(frozen=True)
class Interventions:
    """What is done to a network before it plays."""

    lesion: Annotated[
        list[str] | None,
        typer.Option(
            "--lesion",
            metavar="WHAT",
            help="'4p left' (an area), '30% of 4p left' or 'AIP left -> 4p left'.",
        ),
    ] = None
    clamp: Annotated[
        list[str] | None,
        typer.Option(
            "--clamp",
            metavar="AREA=NUMBER",
            help="Hold an area's activity at a number.",
        ),
    ] = None
    noise: Annotated[
        list[str] | None,
        typer.Option(
            "--noise",
            metavar="AREA=NUMBER",
            help="Add noise of this spread to an area.",
        ),
    ] = None
    intervention_seed: Annotated[
        int, typer.Option(min=0, help="Seed of lesioned units and of noise.")
    ] = 0

    def read(self) -> "list[Intervention]":
        """Read them: noise first, lesions last."""
        return [
            parse_intervention(kind, text, self.intervention_seed)
            for kind in ("noise", "clamp", "lesion")
            for text in getattr(self, kind) or ()
        ]


@dataclass(frozen=True)
class Trained:
    """Which agent of a run plays, and what is changed in its task."""

    which: WhichOption = "best"
    override: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change the task: task.options.success_rad=0.4"),
    ] = None

    def ready(
        self,
        directory: Path,
        n_worlds: int,
        interventions: "Sequence[Intervention]" = (),
    ) -> "Prepared":
        """Prepare the agent and worlds of the task, without what was for training."""
        from angora_train.run.checkpoint import load, read_config
        from angora_train.run.preparation import prepare

        changes = self.override or []
        _require_task(changes)
        ready = prepare(
            _as_compared(read_config(directory, self.which, changes), changes),
            range(n_worlds),
            stored=load(directory, self.which),
            interventions=interventions,
        )
        ready.task.set_progress(1.0)
        return ready


def _as_compared(config: RunConfig, changes: Sequence[str]) -> RunConfig:
    """Return a config without the options of its task that are for training alone."""
    from angora_train.tasks.registry import training_only

    task = config.task
    wanted = {change.partition("=")[0] for change in changes}
    left_out = {
        name
        for name in training_only(task.name) & set(task.options)
        if f"task.options.{name}" not in wanted
    }
    if not left_out:
        return config
    side_channel().print(
        f"Without what was for training: {', '.join(sorted(left_out))}"
    )
    kept = {name: x for name, x in task.options.items() if name not in left_out}
    return config.model_copy(update={"task": task.model_copy(update={"options": kept})})


def _require_task(changes: Sequence[str]) -> None:
    """Refuse changes of anything but the task."""
    for change in changes:
        key = change.partition("=")[0]
        section = key.partition(".")[0]
        if section == "task":
            continue
        if section in RunConfig.model_fields:
            raise ConfigError(
                f"'{key}' decides how an agent is trained. For a trained one the task "
                "alone can be changed: --set task.options.NAME=VALUE."
            )
        raise ConfigError(
            f"Unknown config key '{key}'. An option of the task is changed with: "
            f"--set task.options.{change}"
        )


def unfolded(command: _Command) -> _Command:
    """Return a command with an option for each field of its parameters' dataclasses.

    Parameters
    ----------
    command : callable
        Its parameters are as typer reads them, or of a frozen dataclass whose fields
        are. A parameter's default, an instance, gives its fields theirs; without one
        they have their own.

    Returns
    -------
    callable
        The same command, as typer reads it.

    Examples
    --------
    >>> @unfolded
    ... def play(played: Episodes = Episodes(episodes=5, seed=1)) -> None:
    ...     print(played)
    >>> play(episodes=2, seed=1)
    Episodes(episodes=2, seed=1)
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {}
    options: dict[str, tuple[Any, Any]] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        if not is_dataclass(hints[name]):
            options[name] = hints[name], parameter.default
            continue
        groups[name] = hints[name]
        own = get_type_hints(groups[name], include_extras=True)
        for field in fields(groups[name]):
            default = getattr(parameter.default, field.name, field.default)
            options[field.name] = own[field.name], default

    @wraps(command)
    def call(**given: Any) -> None:
        for name, group in groups.items():
            own = {field.name: given.pop(field.name) for field in fields(group)}
            given[name] = group(**own)
        command(**given)

    call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint
            )
            for name, (hint, default) in options.items()
        ]
    )
    return call
