# SPDX-License-Identifier: Apache-2.0
"""The commands that train: run, resume, group."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from angora_train.commands.job import Job, train_on
from angora_train.commands.options import RunFolder, Set
from angora_train.config.loading import load_config
from angora_train.config.run import RunConfig
from angora_train.errors import CheckpointError
from angora_train.ranks.comm import make_comm
from atlasnet.quiet import import_keras

__all__ = ["group", "resume", "run"]


def run(
    config: Annotated[str, typer.Argument(help="A YAML file or a preset's name.")],
    override: Set = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="Several runs, a folder seed-N each: 0-9 or 0,3,5."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    ranks: Annotated[int, typer.Option(min=1, help="MPI ranks, for a dry run.")] = 1,
    nodes: Annotated[
        int, typer.Option(min=1, help="Nodes that they are spread over, likewise.")
    ] = 1,
) -> None:
    """Train. Under mpiexec, every rank runs this command."""
    if dry_run:
        _say_plan(load_config(config, override or []), ranks, nodes)
        return
    if seeds is not None:
        _train_seeds(config, override or [], seeds)
        return
    comm = make_comm()
    with Job(comm):
        train_on(load_config(config, override or []), comm, resume=False)


def _train_seeds(config: str, override: list[str], seeds: str) -> None:
    """Train one run a seed, the simplest experiment."""
    from angora_train.commands.experiment import make_runs
    from angora_train.config.experiment import ExperimentConfig, parse_seeds
    from angora_train.experiment.plan import planned_runs

    base = load_config(config, override)
    wanted = ExperimentConfig(
        base=base.model_dump(mode="json"),
        seeds=tuple(parse_seeds(seeds)),
        directory=base.directory,
    )
    make_runs(wanted, planned_runs(wanted))


def _say_plan(config: RunConfig, n_ranks: int, n_nodes: int) -> None:
    """Show what a run would do, and whether it could."""
    import_keras()
    from angora_train.run.dry_run import describe

    title = f"{config.task.name}, {n_ranks} ranks on {n_nodes} nodes"
    table = Table("", Column(justify="right"), title=title)
    for name, value in describe(config, n_ranks, n_nodes).items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    Console().print(table)


def group(directory: RunFolder) -> None:
    """Sum up runs that differ in their seed: mean, interval, best run, figure."""
    import_keras()
    _sum_up(directory)


def _sum_up(directory: Path) -> None:
    """Write a group's summary and figure, and show it."""
    from angora_train.analysis.figures import plot_group
    from angora_train.analysis.group import read_group
    from atlasnet.figures.palette import save_figure

    found = read_group(directory)
    found.save(directory)
    save_figure(plot_group(found), directory / "group.png", dpi=150)
    title = f"{directory}: return of the last tenth of the samples"
    table = Table("seed", Column("return", justify="right"), title=title)
    for seed, value in zip(found.seeds, found.results, strict=True):
        mark = "  best" if seed == found.best_seed else ""
        table.add_row(f"{seed}{mark}", f"{value:.4g}")
    interval = found.summary()["return"]
    if interval is not None and interval["low"] is not None:
        table.add_section()
        table.add_row(
            "mean [95 %]",
            f"{interval['mean']:.4g} [{interval['low']:.4g}, {interval['high']:.4g}]",
        )
    Console().print(table)


def resume(directory: RunFolder, override: Set = None) -> None:
    """Go on from a run's last checkpoint, with changes of its config if wanted."""
    comm = make_comm()
    with Job(comm):
        import_keras()
        from angora_train.run.checkpoint import read_config

        if (directory / "state.json").is_file():
            raise CheckpointError(
                f"'{directory}' is a checkpoint; resume takes the folder of its run: "
                f"'{directory.absolute().parents[1]}'."
            )
        config = read_config(directory, overrides=override or [])
        train_on(config.model_copy(update={"directory": directory}), comm, resume=True)
