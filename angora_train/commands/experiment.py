# SPDX-License-Identifier: Apache-2.0
"""The command ``angora-train experiment``: many runs, and what they say together."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from angora_train.commands.job import Job, train_on
from angora_train.commands.options import Set
from angora_train.config.experiment import ExperimentConfig, load_experiment
from angora_train.errors import CheckpointError, ConfigError
from angora_train.experiment.plan import (
    PlannedRun,
    planned_runs,
    require_same,
    run_numbers,
    save_experiment,
)
from angora_train.ranks.comm import Comm, is_launched_by_mpi, make_comm
from atlasnet.commands.console import reporting, results, side_channel
from atlasnet.quiet import import_keras

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["experiment", "make_runs"]

_FAILED = 1


def experiment(
    source: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A YAML file or a folder."),
    ],
    override: Set = None,
    cores: Annotated[
        int | None, typer.Option(min=1, help="Runs at a time, a core each.")
    ] = None,
    only: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Make run N alone, as in an array."),
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Say where each run stands, and no more.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Write tables and figure, and no more.")
    ] = False,
) -> None:
    """Make the runs of an experiment side by side, or go on with them."""
    given = {"--status": status, "--report": report, "--only": only is not None}
    asked = [name for name, is_given in given.items() if is_given]
    if len(asked) > 1:
        raise typer.BadParameter(f"{' and '.join(asked)} exclude each other: give one.")
    import_keras()
    wanted = load_experiment(source)
    if override:
        change = (*wanted.change, *override)
        wanted = wanted.model_copy(update={"change": change})
    runs = planned_runs(wanted)
    if status or report:
        require_same(wanted)
    if status:
        _show_status(wanted, runs)
    elif report:
        _report(wanted, runs)
    else:
        make_runs(wanted, runs, cores=cores, only=only)


def make_runs(
    wanted: ExperimentConfig,
    runs: tuple[PlannedRun, ...],
    *,
    cores: int | None = None,
    only: int | None = None,
) -> None:
    """Make all runs that are not done; under mpiexec all ranks make them in turn.

    Parameters
    ----------
    wanted : ExperimentConfig
        What is compared.
    runs : tuple of PlannedRun
        Its runs.
    cores : int, optional
        Runs at a time; by default as many as this process may use cores.
    only : int, optional
        Number of the one run that is made, by this process.
    """
    if only is not None and only >= len(runs):
        raise ConfigError(
            f"--only: there are runs 0 to {len(runs) - 1}, got {only}. --status lists "
            "them."
        )
    if only is None and not is_launched_by_mpi():
        save_experiment(wanted)
        _side_by_side(wanted, runs, cores)
        return
    comm = make_comm()
    with Job(comm):
        if comm.rank == 0:
            save_experiment(wanted)
        for run in runs if only is None else [runs[only]]:
            _make(run, comm)
    if comm.rank == 0 and only is None:
        _report_all(wanted.directory)


def _side_by_side(
    wanted: ExperimentConfig, runs: tuple[PlannedRun, ...], n: int | None
) -> None:
    """Make runs in processes of their own, and sum up."""
    from angora_train.experiment.report import write_results
    from angora_train.experiment.results import read_results
    from angora_train.experiment.scheduler import (
        available_cores,
        own_command,
        run_side_by_side,
    )

    cores = available_cores()
    if n is not None:
        cores = tuple(cores[i % len(cores)] for i in range(n))
    words = [*own_command(), "experiment", str(wanted.directory), "--only"]
    number_of = run_numbers(wanted.directory)
    unread: list[str] = []

    def write(_run: PlannedRun) -> None:
        try:
            write_results(read_results(wanted, runs))
        except CheckpointError as error:  # a metric that no run has: the runs go on
            if str(error) not in unread:
                unread.append(str(error))
                side_channel().print(f"Nothing is summed up: {error}", markup=False)

    try:
        with reporting() as tell:
            states = run_side_by_side(
                runs,
                lambda run: [*words, str(number_of[run.folder])],
                cores,
                on_end=write,
                progress=lambda done, total, text: tell("cycles", done, total, text),
            )
    except KeyboardInterrupt:
        side_channel().print(
            "Interrupted. Every run has a checkpoint. Go on with: angora-train "
            f"experiment {wanted.directory}"
        )
        raise
    _report_all(wanted.directory)
    failed = [run for run in runs if states[run.name] == "failed"]
    for run in failed:
        side_channel().print(
            f"The run '{run.name}' failed; its last words are in "
            f"{run.folder / 'failure.txt'}. Begin the experiment again to try it again."
        )
    if failed:
        raise typer.Exit(_FAILED)


def _make(run: PlannedRun, comm: Comm) -> None:
    """Make one run, or go on with it, on all ranks."""
    import_keras()
    from angora_train.experiment.scheduler import keep_to_core
    from angora_train.experiment.state import locked, state_of
    from angora_train.run.checkpoint import is_finished

    has_begun = (run.folder / "checkpoints" / "last").is_file()
    comm.barrier()
    if has_begun and is_finished(run.config):
        return
    keep_to_core()
    if comm.rank:
        train_on(run.config, comm, resume=has_begun)
        return
    if state_of(run) == "failed":
        side_channel().print(f"Again: '{run.name}', which failed before.")
    with locked(run):
        train_on(run.config, comm, resume=has_begun)


def _show_status(wanted: ExperimentConfig, runs: tuple[PlannedRun, ...]) -> None:
    """Show where each run stands."""
    from angora_train.experiment.results import read_results

    table = read_results(wanted, runs).table()
    shown = table.drop(columns=["folder"])
    counts = ", ".join(f"{n} {s}" for s, n in table.state.value_counts().items())
    results().print(_rich(f"{wanted.directory}: {counts}", shown))


def _report_all(directory: Path) -> None:
    """Sum up all runs of an experiment's folder, those of other seeds, too."""
    stored = load_experiment(directory)
    _report(stored, planned_runs(stored))


def _report(wanted: ExperimentConfig, runs: tuple[PlannedRun, ...]) -> None:
    """Write what the runs say together, and show it."""
    from angora_train.experiment.report import write_report
    from angora_train.experiment.results import read_results

    found = read_results(wanted, runs)
    if not found.curves:
        raise ConfigError(
            f"No run of '{wanted.directory}' has begun. Make them with: angora-train "
            f"experiment {wanted.directory}"
        )
    written = write_report(found)
    title = (
        f"{wanted.metric}: interquartile mean [95 %] of the last tenth of the samples"
    )
    Console().print(_rich(title, _readable(found.summary())))
    results().print(f"Written: {', '.join(map(str, written))}")


def _readable(summary: "pd.DataFrame") -> "pd.DataFrame":
    """Return a summary with each interval in one column."""
    import pandas as pd

    better = next(n for n in map(str, summary) if n.startswith("p_better_than"))
    return pd.DataFrame(
        {
            "level": summary.level,
            "within": summary.within,
            "runs": summary.n_runs,
            "result": _joined(summary.iqm, summary.iqm_low, summary.iqm_high),
            "reached": summary.share_reached,
            "samples to threshold": summary.median_samples_to_threshold,
            better.replace("_", " "): _joined(
                summary[better], summary.p_better_low, summary.p_better_high
            ),
        }
    ).dropna(axis="columns", how="all")


def _joined(mean: "pd.Series[float]", low: object, high: object) -> list[str]:
    """Return a mean and its interval in words."""
    rows = zip(mean, low, high, strict=True)  # type: ignore[call-overload]
    return [f"{m:.3g} [{a:.3g}, {b:.3g}]" if m == m else "-" for m, a, b in rows]


def _rich(title: str, frame: "pd.DataFrame") -> Table:
    """Return a table as the terminal shows it."""
    is_number = [kind.kind in "if" for kind in frame.dtypes]
    columns = [
        Column(str(name), justify="right" if number else "left")
        for name, number in zip(frame.columns, is_number, strict=True)
    ]
    table = Table(*columns, title=title)
    for row in frame.itertuples(index=False):
        table.add_row(*map(_cell, row))
    return table


def _cell(value: object) -> str:
    """Return a value as a cell of a table."""
    if isinstance(value, float):
        if value != value:
            return "-"
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)
