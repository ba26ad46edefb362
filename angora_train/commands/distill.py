# SPDX-License-Identifier: Apache-2.0
"""The commands by which one agent's competence becomes another's."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from angora_train.commands.job import Job, train_on
from angora_train.commands.options import Choice, RunFolder, Set, Trained
from angora_train.config.loading import config_data, load_config
from angora_train.errors import ConfigError
from angora_train.ranks.comm import make_comm
from atlasnet.commands.console import busy
from atlasnet.commands.options import with_options
from atlasnet.quiet import import_keras

if TYPE_CHECKING:
    from angora_train.config.run import RunConfig

__all__ = ["demonstrate", "distill"]

TeacherPath = Annotated[
    Path,
    typer.Argument(
        metavar="TEACHER", help="The folder of a run, or demonstrations (.npz)."
    ),
]


def distill(
    teacher: TeacherPath,
    config: Annotated[str, typer.Argument(help="A YAML file or a preset's name.")],
    override: Set = None,
) -> None:
    """Train a network on what a teacher would do where the network comes.

    CONFIG says which network and which task, and makes a run's folder like any other:
    resume, evaluate it, or begin another run with it (start: FOLDER). Under mpiexec,
    every rank runs this command.
    """
    comm = make_comm()
    with Job(comm):
        wanted = _with_teacher(teacher, config, override or [])
        train_on(wanted, comm, resume=False)


def _with_teacher(teacher: Path, config: str, override: list[str]) -> "RunConfig":
    """Read a run's config, and name its teacher."""
    if not teacher.exists():
        raise ConfigError(
            f"There is no teacher '{teacher}'. It is the folder of a run, or an .npz "
            "file that angora-train demonstrate writes."
        )
    data = config_data(config, override)
    section = data.get("distillation") or {}
    if not isinstance(section, dict):
        raise ConfigError(f"distillation is a section of the config, got {section!r}.")
    data["distillation"] = {**section, "teacher": str(teacher)}
    return load_config(data)


@with_options
def demonstrate(
    directory: RunFolder,
    out: Annotated[Path, typer.Option(help="The .npz file to write.")],
    *,
    trained: Trained,
    worlds: Annotated[int, typer.Option(min=1, help="Trajectories.")] = 16,
    steps: Annotated[int, typer.Option(min=1, help="Control steps of each.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the worlds.")] = 30_000,
    choice: Choice = "sampled",
) -> None:
    """Record what a trained agent senses and does, for networks to learn from."""
    import_keras()
    from angora_train.analysis.actors import AgentActor, choosing
    from angora_train.analysis.demonstration import demonstrate as show
    from angora_train.run.checkpoint import read_config

    if out.suffix != ".npz" or out.is_dir():
        raise ConfigError(f"Demonstrations are an .npz file, got '{out}'.")
    with busy("recording"):
        ready = trained.ready(directory, worlds)
        actor = AgentActor(choosing(ready.agent(), choice))
        name = read_config(directory, trained.which).task.name
        found = show(actor, ready.task, steps, seed, name=name)
        found.save(out)
    Console().print(
        f"{out}: {worlds} trajectories of {steps} steps, {found.n_episodes} episodes",
        soft_wrap=True,
    )
