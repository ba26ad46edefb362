# SPDX-License-Identifier: Apache-2.0
"""The command ``angora-train``."""

import json
import math
import os
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

# One thread a rank: must be set before NumPy loads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from angora_train.config.run import RunConfig, load_config, load_pretraining
from angora_train.errors import (
    AngoraError,
    CheckpointError,
    ConfigError,
    InterruptedRunError,
)
from angora_train.ranks.comm import Comm, make_comm
from atlasnet import AtlasNetError, parse_intervention
from atlasnet.commands.arguments import (
    ERROR_EXIT_CODE,
    INTERRUPTED_EXIT_CODE,
    ErrorReportingGroup,
)
from atlasnet.commands.console import reporting
from atlasnet.files import replacing
from atlasnet.quiet import import_keras

if TYPE_CHECKING:
    from atlasnet import Intervention

__all__ = ["app", "main"]

_LINE_S = 5.0
_PATIENCE_S = 5.0
"""Time in which all ranks must fail for it to be one failure of all, s."""
_SIGNALLED = 128
"""What shells add to the number of a signal."""
_EXTRA = ("gymnasium", "gymnasium_robotics", "mujoco", "rsatoolbox", "xarray")


class _Commands(ErrorReportingGroup):
    """Commands whose deliberate errors are one message and exit code 2."""

    reported = (AngoraError, AtlasNetError)


app = typer.Typer(
    cls=_Commands,
    name="angora-train",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
_errors = Console(stderr=True, highlight=False, soft_wrap=True)

RunFolder = Annotated[Path, typer.Argument(help="The folder of a run.")]


class WhichCheckpoint(StrEnum):
    """Checkpoints that a run marks."""

    best = "best"
    last = "last"


class ActionChoice(StrEnum):
    """How an action follows from the policy's distribution."""

    sampled = "sampled"
    most_likely = "most_likely"
    expected = "expected"


WhichOption = Annotated[WhichCheckpoint, typer.Option(help="Which checkpoint.")]
LesionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--lesion",
        metavar="WHAT",
        help="'4p left' (an area), '30% of 4p left' or 'AIP left -> 4p left'.",
    ),
]
ClampOption = Annotated[
    list[str] | None,
    typer.Option(
        "--clamp", metavar="AREA=NUMBER", help="Hold an area's activity at a number."
    ),
]
NoiseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--noise", metavar="AREA=NUMBER", help="Add noise of this spread to an area."
    ),
]
InterventionSeed = Annotated[
    int, typer.Option(min=0, help="Seed of lesioned units and of noise.")
]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the episodes.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a key of the config: ppo.clip_range=0.1"),
]


@app.callback()
def _require_extra() -> None:
    """Train networks with named sensations, and look into them."""
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"Training needs packages that are not installed: {', '.join(missing)}. "
            'Install them with: pip install "atlasnet[train]"'
        )


@app.command()
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
    comm = make_comm()
    with _job(comm):
        wanted = load_config(config, override or [])
        if seeds is None:
            _train(wanted, comm, resume=False)
        else:
            _train_group(wanted, comm, seeds)


def _say_plan(config: RunConfig, n_ranks: int, n_nodes: int) -> None:
    """Show what a run would do, and whether it could."""
    import_keras()
    from angora_train.run.dry_run import describe

    table = Table(title=f"{config.task.name}, {n_ranks} ranks on {n_nodes} nodes")
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in describe(config, n_ranks, n_nodes).items():
        is_number = isinstance(value, int)
        table.add_row(name, f"{value:,}" if is_number else str(value))
    Console().print(table)


def _train_group(config: RunConfig, comm: Comm, seeds: str) -> None:
    """Train one run a seed, go on with those that were interrupted, and sum up."""
    import_keras()
    from angora_train.analysis.group import parse_seeds, seed_folder
    from angora_train.run.checkpoint import is_finished

    directory = config.directory
    for seed in parse_seeds(seeds):
        folder = seed_folder(directory, seed)
        own = config.model_copy(update={"seed": seed, "directory": folder})
        if not is_finished(own):
            has_begun = (folder / "checkpoints" / "last").is_file()
            _train(own, comm, resume=has_begun)
        comm.barrier()
    if comm.rank == 0:
        _sum_up(directory)


@app.command()
def group(directory: RunFolder) -> None:
    """Sum up runs that differ in their seed: mean, interval, best run, figure."""
    import_keras()
    _sum_up(directory)


def _sum_up(directory: Path) -> None:
    """Write a group's summary and figure, and show it."""
    from angora_train.analysis.figures import plot_group
    from angora_train.analysis.group import read_group
    from atlasnet.figures.palette import figure_of

    found = read_group(directory)
    found.save(directory)
    with replacing(directory / "group.png") as path:
        figure_of(plot_group(found)).savefig(path, dpi=150)
    table = Table(title=f"{directory}: return of the last tenth of the samples")
    table.add_column("seed")
    table.add_column("return", justify="right")
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


@app.command()
def resume(directory: RunFolder, override: Set = None) -> None:
    """Go on from a run's last checkpoint, with changes of its config if wanted."""
    comm = make_comm()
    with _job(comm):
        import_keras()
        from angora_train.run.checkpoint import read_config

        if (directory / "state.json").is_file():
            raise CheckpointError(
                f"'{directory}' is a checkpoint; resume takes the folder of its run: "
                f"'{directory.absolute().parents[1]}'."
            )
        config = read_config(directory, overrides=override or [])
        _train(config.model_copy(update={"directory": directory}), comm, resume=True)


def _train(config: RunConfig, comm: Comm, *, resume: bool) -> None:
    """Train on this rank, and show progress on the first."""
    import_keras()
    from angora_train.run.trainer import pin_to_core, train

    if config.ranks.per_node is not None:
        comm = make_comm(config.ranks.per_node)
    if comm.size > 1 and config.ranks.is_pinned:
        pin_to_core(comm.rank)
    try:
        if comm.rank:
            train(config, comm, resume=resume)
            return
        with _Bar(config) as bar:
            train(config, comm, bar.show, resume=resume)
    except InterruptedRunError as error:
        if comm.rank == 0:
            _errors.print(str(error))
        raise typer.Exit(_SIGNALLED + error.signal) from error


@app.command()
def evaluate(  # noqa: PLR0913 - one parameter per option
    directory: RunFolder,
    which: WhichOption = WhichCheckpoint.best,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes to play.")] = 50,
    seed: SeedOption = 10_000,
    choice: Annotated[
        ActionChoice, typer.Option(help="How actions follow from the policy.")
    ] = ActionChoice.sampled,
    override: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change an option of the task: success_rad=0.4"),
    ] = None,
    lesion: LesionOption = None,
    clamp: ClampOption = None,
    noise: NoiseOption = None,
    intervention_seed: InterventionSeed = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for evaluation.json and figures.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object.")
    ] = False,
) -> None:
    """Play seeded episodes with a trained agent and say how they went."""
    import_keras()
    from angora_train.analysis.actors import AgentActor, choosing
    from angora_train.analysis.evaluation import evaluate as play
    from angora_train.analysis.intervals import spread, summarize
    from angora_train.run.checkpoint import load_agent, read_config
    from angora_train.tasks.registry import make_vector_task

    done = _interventions(lesion, clamp, noise, intervention_seed)
    changes = [f"task.options.{change}" for change in override or []]
    config = read_config(directory, which.value, changes)
    with _errors.status("playing episodes"):
        agent = load_agent(directory, which.value, interventions=done)
        agent = choosing(agent, choice.value)
        task = make_vector_task(
            config.task.name, config.task.options, n_worlds=episodes
        )
        task.set_progress(1.0)  # as at the end of training
        played = play(AgentActor(agent), task, seed)
        summary = {
            name: asdict(interval) for name, interval in summarize(played, seed).items()
        }
        values = {"return": played.total_reward, **played.facts}
        for name in values:
            summary[name] |= spread(values[name], seed)
    result = {
        "episodes": episodes,
        "seed": seed,
        "choice": choice.value,
        "checkpoint": which.value,
        "interventions": [one.model_dump(mode="json") for one in done],
        **summary,
    }
    if out is not None:
        _write_evaluation(out, result, values)
    if as_json:
        typer.echo(json.dumps(result))
        return
    what = f", {len(done)} interventions" if done else ""
    table = Table(
        title=f"{directory}: {episodes} episodes, {choice.value} actions{what}"
    )
    for column in ("", "mean", "95 % from", "to", "median", "mode"):
        table.add_column(column, justify="right" if column else "left")
    for name, row in summary.items():
        keys = ("mean", "low", "high", "median", "mode")
        table.add_row(name, *(f"{row[key]:.4g}" if key in row else "" for key in keys))
    Console().print(table)


def _interventions(
    lesions: Sequence[str] | None,
    clamps: Sequence[str] | None,
    noises: Sequence[str] | None,
    seed: int,
) -> "list[Intervention]":
    """Read what is to be done to a network: noise first, lesions last."""
    return [
        *(parse_intervention("noise", text, seed) for text in noises or ()),
        *(parse_intervention("clamp", text, seed) for text in clamps or ()),
        *(parse_intervention("lesion", text, seed) for text in lesions or ()),
    ]


def _write_evaluation(
    out: Path, result: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    """Write an evaluation as JSON, each return, and how all is distributed."""
    import numpy as np

    from angora_train.analysis.figures import plot_distribution
    from atlasnet.figures.palette import figure_of
    from atlasnet.files import write_text

    write_text(out / "evaluation.json", json.dumps(result, indent=1))
    with replacing(out / "returns.npy") as path:
        np.save(path, values["return"])
    for name, numbers in values.items():
        with replacing(out / f"{name}.png") as path:
            axes = plot_distribution(numbers, name.replace("_", " "))
            figure_of(axes).savefig(path, dpi=150)


@app.command()
def record(  # noqa: PLR0913 - one parameter per option
    directory: RunFolder,
    out: Annotated[Path, typer.Option(help="The NetCDF file to write.")],
    which: WhichOption = WhichCheckpoint.best,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes to play.")] = 100,
    seed: SeedOption = 20_000,
    lesion: LesionOption = None,
    clamp: ClampOption = None,
    noise: NoiseOption = None,
    intervention_seed: InterventionSeed = 0,
) -> None:
    """Record every area of a trained network, as an xarray data set in NetCDF."""
    import_keras()
    from angora_train.analysis.record import area_layers, save_recording
    from angora_train.analysis.record import record as play
    from angora_train.run.checkpoint import load_agent, read_config
    from angora_train.tasks.registry import make_vector_task

    done = _interventions(lesion, clamp, noise, intervention_seed)
    config = read_config(directory, which.value)
    with _errors.status("recording"):
        probes = area_layers(load_agent(directory, which.value).model)
        agent = load_agent(directory, which.value, probes, done)
        task = make_vector_task(
            config.task.name, config.task.options, n_worlds=episodes
        )
        task.set_progress(1.0)  # as at the end of training
        attributes = {
            "run": str(directory),
            "interventions": json.dumps([one.model_dump(mode="json") for one in done]),
        }
        recording = play(agent, task, seed, attributes)
        save_recording(recording, out)
    Console().print(
        f"{out}: {recording.sizes['episode']} episodes, {recording.sizes['time']} "
        f"control steps, {recording.sizes['unit']} units of {len(probes)} areas",
        soft_wrap=True,
    )


@app.command()
def pretrain(
    out: Annotated[
        Path, typer.Option(help="The folder to write: pictures, network, report.")
    ],
    config: Annotated[
        str | None, typer.Option(help="A YAML file with other settings.")
    ] = None,
    override: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting: n_images=4000"),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads that learn.")] = 1,
) -> None:
    """Let a network learn the cube's pose from pictures that the simulator makes.

    Writes pose.keras, which `network.streams` of a run reads, report.json with the
    error on held-out pictures, and pose.png. An interrupted call keeps its pictures.
    """
    settings = load_pretraining(config, override or [])
    import_keras()
    from angora_train.pretraining.figure import plot_pose
    from angora_train.pretraining.fitting import MODEL_FILE
    from angora_train.pretraining.fitting import pretrain as learn

    with reporting("Making") as report:
        found = learn(settings, out, report, threads)
    with replacing(out / "pose.png") as path:
        plot_pose(found).savefig(path, dpi=120)
    table = Table(title=f"Error on {len(found.held_out)} held-out pictures")
    columns = ("", "median", "mean", "median of the mean pose", "mean of it")
    for column in columns:
        table.add_column(column, justify="right" if column else "left")
    for key, name in (("position_cm", "cm"), ("orientation_deg", "degrees")):
        rows = (found.report["error"][key], found.report["baseline"][key])
        numbers = [f"{row[which]:.3g}" for row in rows for which in ("median", "mean")]
        table.add_row(name, *numbers)
    Console().print(table)
    Console().print(f"{out / MODEL_FILE}", soft_wrap=True)


@app.command()
def export(
    directory: RunFolder,
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    which: WhichOption = WhichCheckpoint.best,
    choice: Annotated[
        ActionChoice, typer.Option(help="How actions follow from the policy.")
    ] = ActionChoice.expected,
) -> None:
    """Write a trained agent as a TensorFlow SavedModel of one control step.

    It takes sensations as they come and the state of the step before, and returns the
    action and the new state. policy.json says their names and shapes.
    """
    if choice is ActionChoice.sampled:
        raise ConfigError("An exported agent does not draw: expected or most_likely.")
    import_keras()
    from angora_train.agent.export import export_agent
    from angora_train.run.checkpoint import load_agent

    with _errors.status("exporting"):
        is_mean = choice is ActionChoice.expected
        agent = load_agent(directory, which.value)
        about = export_agent(agent, out, "expected" if is_mean else "most_likely")
    Console().print(f"{about}", soft_wrap=True)


@app.command()
def film(
    directory: RunFolder,
    out: Annotated[Path, typer.Option(help="A .webp, .gif, .png or .mp4 to write.")],
    which: WhichOption = WhichCheckpoint.best,
    steps: Annotated[int, typer.Option(min=1, help="Control steps to show.")] = 200,
    seed: SeedOption = 10_000,
    choice: Annotated[
        ActionChoice, typer.Option(help="How actions follow from the policy.")
    ] = ActionChoice.sampled,
) -> None:
    """Film a trained agent, in the pace of its world."""
    import_keras()
    from angora_train.analysis.actors import AgentActor, choosing
    from angora_train.analysis.evaluation import filmed
    from angora_train.analysis.pictures import write_video
    from angora_train.run.checkpoint import load_agent, read_config
    from angora_train.tasks.registry import make_vector_task

    config = read_config(directory, which.value)
    with _errors.status("filming"):
        agent = choosing(load_agent(directory, which.value), choice.value)
        task = make_vector_task(config.task.name, config.task.options)
        task.set_progress(1.0)
        frames = filmed(AgentActor(agent), task, seed, steps)
        write_video(frames, out, 1.0 / task.control_step_s)
    Console().print(f"{out}: {steps * task.control_step_s:.1f} s", soft_wrap=True)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The folder to write.")] = Path("runs/demo"),
    ranks: Annotated[int, typer.Option(min=1, help="MPI ranks that train.")] = 2,
) -> None:
    """From the atlas to a trained, analysed network: the whole line, with a report."""
    import_keras()
    from angora_train.demo import run_demo

    run_demo(out, n_ranks=ranks)


class _Bar:
    """A progress bar with the latest metrics; lines where no bar can be drawn."""

    def __init__(self, config: RunConfig) -> None:
        self._n_cycles = config.n_cycles
        self._is_drawn = _errors.is_terminal  # not under mpiexec, not in a file
        self._shown_s = -math.inf
        self._progress = Progress(
            TextColumn("cycle"),
            MofNCompleteColumn(),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=_errors,
        )
        self._bar = self._progress.add_task("starting", total=config.n_cycles)

    def __enter__(self) -> "_Bar":
        if self._is_drawn:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the bar."""
        if self._is_drawn:
            self._progress.stop()

    def show(self, metrics: Mapping[str, Any]) -> None:
        """Show one cycle's metrics."""
        cycle = metrics["cycle"]
        text = (
            f"return {metrics['rollout/return']:.2f}  "
            f"success {metrics['rollout/success']:.2f}  "
            f"{metrics['time/steps_per_s']:.0f} samples/s"
        )
        if self._is_drawn:
            self._progress.update(self._bar, completed=cycle, description=text)
        elif time.monotonic() - self._shown_s > _LINE_S or cycle == self._n_cycles:
            self._shown_s = time.monotonic()
            _errors.print(f"cycle {cycle}/{self._n_cycles}  {text}")


class _job:  # noqa: N801 (reads as a word: with _job(comm))
    """Ends the whole job when one rank fails.

    Where all ranks fail, as by a config that cannot run, the first speaks for them and
    each exits by itself. A rank that fails alone says so and ends the others, who may
    be waiting for it.
    """

    def __init__(self, comm: Comm) -> None:
        self._comm = comm

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if error is None or self._comm.size == 1 or isinstance(error, typer.Exit):
            return
        is_reported = isinstance(error, _Commands.reported)
        exit_code = ERROR_EXIT_CODE if is_reported else 1
        if isinstance(error, KeyboardInterrupt):
            is_reported, exit_code = True, INTERRUPTED_EXIT_CODE
        is_common = self._comm.meets_all(_PATIENCE_S)
        if self._comm.rank == 0 or not is_common:
            self._say(error, is_reported)
        if is_common:
            raise typer.Exit(exit_code) from error
        self._comm.abort(exit_code)

    def _say(self, error: BaseException, is_reported: bool) -> None:
        """Say what happened on this rank."""
        if not is_reported:
            traceback.print_exception(error)
        text = "interrupted." if isinstance(error, KeyboardInterrupt) else error
        typer.echo(f"Error (rank {self._comm.rank}): {text}", err=True)


def main() -> None:
    """Run the command."""
    app()


if __name__ == "__main__":
    main()
