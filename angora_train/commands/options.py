# SPDX-License-Identifier: Apache-2.0
"""Options: those that several commands share, and those that go together.

Options that go together are one frozen value, a field an option, and know what they
amount to. A command has a parameter of that type, see
`atlasnet.commands.options.with_options`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import NonNegativeInt, PositiveInt

from angora_train.config.run import RunConfig
from angora_train.errors import ConfigError
from atlasnet import parse_intervention
from atlasnet.commands.console import side_channel
from atlasnet.frozen import Flag, Frozen

if TYPE_CHECKING:
    from angora_train.run.preparation import Prepared
    from atlasnet import Intervention

__all__ = [
    "Choice",
    "Episodes",
    "Interventions",
    "RunFolder",
    "Set",
    "Trained",
    "WhichOption",
]

RunFolder = Annotated[Path, typer.Argument(help="The folder of a run.")]
WhichOption = Annotated[Literal["best", "last"], typer.Option(help="Which checkpoint.")]
Choice = Annotated[
    Literal["sampled", "most_likely", "expected"],
    typer.Option(help="How actions follow from the policy."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a key of the config: ppo.clip_range=0.1"),
]


class Episodes(Frozen):
    """How many episodes are played, and which."""

    episodes: PositiveInt = 50
    """Episodes to play."""
    seed: NonNegativeInt = 10_000
    """Seed of the episodes."""


class Interventions(Frozen):
    """What is done to a network before it plays."""

    lesion: Annotated[tuple[str, ...], Flag(metavar="WHAT")] = ()
    """'4p left' (an area), '30% of 4p left' or 'AIP left -> 4p left'."""
    clamp: Annotated[tuple[str, ...], Flag(metavar="AREA=NUMBER")] = ()
    """Hold an area's activity at a number."""
    noise: Annotated[tuple[str, ...], Flag(metavar="AREA=NUMBER")] = ()
    """Add noise of this spread to an area."""
    intervention_seed: NonNegativeInt = 0
    """Seed of lesioned units and of noise."""

    def read(self) -> "list[Intervention]":
        """Read them: noise first, lesions last."""
        return [
            parse_intervention(kind, text, self.intervention_seed)
            for kind in ("noise", "clamp", "lesion")
            for text in getattr(self, kind)
        ]


class Trained(Frozen):
    """Which agent of a run plays, and what is changed in its task."""

    which: Literal["best", "last"] = "best"
    """Which checkpoint."""
    override: Annotated[tuple[str, ...], Flag("--set")] = ()
    """Change the task: task.options.success_rad=0.4"""

    def require_task(self) -> None:
        """Refuse changes of anything but the task."""
        _require_task(self.override)

    def ready(
        self,
        directory: Path,
        n_worlds: int,
        interventions: "Sequence[Intervention]" = (),
    ) -> "Prepared":
        """Prepare the agent and worlds of the task, without what was for training."""
        from angora_train.run.checkpoint import load, read_config
        from angora_train.run.preparation import prepare

        changes = self.override
        self.require_task()
        ready = prepare(
            _told(read_config(directory, self.which, changes), changes),
            range(n_worlds),
            stored=load(directory, self.which),
            interventions=interventions,
        )
        ready.task.set_progress(1.0)
        return ready


def _told(config: RunConfig, changes: Sequence[str]) -> RunConfig:
    """Return a config as agents are compared, and say what is left out of it."""
    from angora_train.run.compared import as_compared

    compared, left_out = as_compared(config, changes)
    if left_out:
        told = f"Without what was for training: {', '.join(left_out)}"
        side_channel().print(told)
    return compared


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
