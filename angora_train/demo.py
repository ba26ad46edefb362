# SPDX-License-Identifier: Apache-2.0
"""The whole line in one call: atlas, network, training, recording, analysis, report."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_high

from rich.console import Console
from rich.table import Column, Table

from angora_train.analysis.conditions import CONDITIONS, Comparison, compare
from angora_train.analysis.lesioning.groups import lesion_groups
from angora_train.analysis.recording.record import area_layers, record
from angora_train.analysis.recording.writer import save_recording
from angora_train.analysis.report import write_report
from angora_train.analysis.scenes import film_training
from angora_train.analysis.study import study
from angora_train.config.loading import load_config
from angora_train.config.run import RunConfig
from angora_train.errors import ConfigError, RankError, TaskError
from angora_train.run.checkpoint import load
from angora_train.run.metrics import read_metrics
from angora_train.run.preparation import Prepared, prepare
from angora_train.run.progress import cycles
from angora_train.tasks.base import Task, VectorTask
from angora_train.tasks.registry import make_vector_task
from atlasnet import NetworkSpec, save_model
from atlasnet.files import write_text

__all__ = ["DemoResult", "find_launcher", "run_demo"]

_MARK = "demo.json"
"""Tells a folder that a demo wrote: the next one may take its place."""
_EVALUATION_SEED = 10_000
_RECORDING_SEED = 20_000
_N_SCENES = 3
"""Episodes that are drawn: the first of those that are evaluated."""
_POSTURES = 64
"""Candidates of the posture search that are held at once."""
_REST_SHARE = 0.2
"""Of the recorded goals: all five kinds equally often."""


@dataclass
class DemoResult:
    """What the demo found and wrote.

    Attributes
    ----------
    directory : Path
        Where the files are.
    spec : NetworkSpec
        The network.
    comparison : Comparison
        The trained agent and its controls.
    samples_per_s : float
        Median over cycles, learning included.
    files : list of Path
        What was written, relative to `directory`.
    times_s : dict of str to float
        Time of each stage, in s.
    """

    directory: Path
    spec: NetworkSpec
    comparison: Comparison
    samples_per_s: float
    files: list[Path]
    times_s: dict[str, float]


@dataclass
class _Stages:
    """Says which stage is running, and how long each took."""

    console: Console
    n_stages: int
    times_s: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, title: str, *, spins: bool = True) -> Iterator[None]:
        """Show a stage while it runs, and its time afterwards."""
        label = f"[bold]{len(self.times_s) + 1}/{self.n_stages}[/] {title}"
        started = time.perf_counter()
        if spins:
            with self.console.status(label):
                yield
        else:
            self.console.print(label)
            yield
        self.times_s[title] = time.perf_counter() - started
        self.console.print(
            f"[green]✓[/] {label}  [dim]{self.times_s[title]:.1f} s[/]", highlight=False
        )


def run_demo(
    directory: Path,
    n_ranks: int = 2,
    *,
    config: str = "demo",
    overrides: Sequence[str] = (),
    n_evaluated: int = 50,
    n_recorded: int = 120,
    console: Console | None = None,
) -> DemoResult:
    """Build a network from the atlas, train, evaluate, record and analyse it.

    Parameters
    ----------
    directory : Path
        Where everything is written. A folder that an earlier demo wrote is replaced.
    n_ranks : int
        MPI ranks that train; 1 needs no MPI.
    config : str
        A YAML file or the name of a preset.
    overrides : sequence of str
        Changes of the config, as ``n_cycles=3``.
    n_evaluated : int
        Episodes of each condition.
    n_recorded : int
        Episodes to record; the rarest of five kinds of goals must come up at least
        ten times.
    console : rich.console.Console, optional
        Where progress and the summary are shown.

    Returns
    -------
    DemoResult
        What was found and written.

    Raises
    ------
    ConfigError
        If the folder holds something else, or the config cannot run.
    RankError
        If there is no MPI launcher, or the training failed.
    """
    directory = directory.resolve()
    given = [*overrides, f"directory={json.dumps(str(directory))}"]
    run = load_config(config, given)
    launch = [] if n_ranks == 1 else [find_launcher(), "-n", str(n_ranks)]
    _clear(directory)
    stages = _Stages(console or Console(), 8)

    with stages.stage("Atlas to network"):
        spec = _build(run)
    given.append(f"network.path={json.dumps(str(directory / 'model.keras'))}")
    with stages.stage(f"Training on {n_ranks} ranks", spins=False):
        _train([*launch, *_trainer(config, given)], run)
    with stages.stage("Evaluation against three controls"):
        comparison = _evaluate(run, n_evaluated, n_ranks)
    with stages.stage("Lesions of groups of areas, and random ones"):
        _lesion(run, n_evaluated, n_ranks)
    with stages.stage("The hand before and after"):
        no_pictures = _draw(run)
    if no_pictures:
        stages.console.print(no_pictures, highlight=False)
    with stages.stage("Recording of every area"):
        _record(run, n_recorded, n_ranks)
    with stages.stage("Similarity of areas and figures"):
        study(directory)
    with stages.stage("Report"):
        write_report(directory, stages.times_s, no_pictures)
    write_text(directory / _MARK, json.dumps({"times_s": stages.times_s}, indent=1))
    result = DemoResult(
        directory=directory,
        spec=spec,
        comparison=comparison,
        samples_per_s=_median_speed(directory),
        files=_written(directory),
        times_s=stages.times_s,
    )
    stages.console.print(_summary(result))
    return result


def find_launcher() -> str:
    """Return the MPI launcher: of this environment, or else of the system.

    Raises
    ------
    RankError
        If there is none.
    """
    own = Path(sys.executable).parent / "mpiexec"
    if own.is_file():
        return str(own)
    found = shutil.which("mpiexec")
    if found is None:
        raise RankError(
            f"There is no MPI launcher: 'mpiexec' is neither beside {sys.executable} "
            'nor on PATH. Install it with: pip install "atlasnet[train]". Or train on '
            "one rank: angora-train demo --ranks 1"
        )
    return found


def _clear(directory: Path) -> None:
    """Make the folder; empty it if an earlier demo wrote it."""
    if directory.is_dir() and any(directory.iterdir()):
        if not (directory / _MARK).is_file():
            raise ConfigError(
                f"'{directory}' is not empty, and no demo wrote it. Choose another "
                "folder: angora-train demo --out FOLDER"
            )
        shutil.rmtree(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_text(directory / _MARK, "{}")
    except OSError as error:
        raise ConfigError(
            f"Cannot write to '{directory}': {error.strerror}. Choose another folder: "
            "angora-train demo --out FOLDER"
        ) from error


# --- network ------------------------------------------------------------------------


def _build(run: RunConfig) -> NetworkSpec:
    """Build the network with its initial weights; write graph, spec and model."""
    ready = prepare(run, directory=run.directory)
    _simulation(ready.task).close()
    save_model(ready.model, run.directory / "model.keras")
    return NetworkSpec.load(run.directory / "network.json")


def _simulation(task: Task) -> VectorTask:
    """Return a task in whose worlds a posture can be held."""
    if not isinstance(task, VectorTask):
        raise ConfigError(
            f"The demonstration looks for postures in a simulation; the task "
            f"'{type(task).__name__}' has none."
        )
    return task


# --- training -----------------------------------------------------------------------


def _trainer(config: str, overrides: Sequence[str]) -> list[str]:
    """Return the command that trains."""
    options = [word for override in overrides for word in ("--set", override)]
    return [sys.executable, "-m", "angora_train.commands.app", "run", config, *options]


def _train(command: Sequence[str], run: RunConfig) -> None:
    """Train in processes of their own, and show their progress."""
    log = run.directory / "training.log"
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with (
        cycles(run.n_cycles) as show,
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment
        ) as process,
    ):
        try:
            is_over = False
            while not is_over:
                is_over = process.poll() is not None
                for metrics in read_metrics(run.directory / "metrics.jsonl")[-1:]:
                    show(metrics)
                time.sleep(0.0 if is_over else 0.5)
        except BaseException:  # Ctrl-C among them: leave no rank behind
            process.terminate()
            raise
        if process.returncode:
            lines = log.read_text(encoding="utf-8").strip().splitlines()
            tail = "\n".join(lines[-8:])
            raise RankError(
                f"The training ended with exit code {process.returncode}. The end of "
                f"'{log}':\n{tail}"
            )


# --- evaluation and recording -------------------------------------------------------


def _trained(run: RunConfig, n_worlds: int, n_threads: int) -> Prepared:
    """Return what the trained network acts with."""
    stored = load(run.directory, "last")
    return prepare(run, range(n_worlds), n_threads=n_threads, stored=stored)


def _evaluate(run: RunConfig, n_episodes: int, n_threads: int) -> Comparison:
    """Compare the trained agent with its controls."""
    ready = _trained(run, n_episodes, n_threads)
    posture_task = make_vector_task(
        run.task.name, run.task.options, n_worlds=_POSTURES, n_threads=n_threads
    )
    comparison = compare(
        ready.agent(),
        _simulation(ready.task),
        _simulation(posture_task),
        _EVALUATION_SEED,
    )
    comparison.save(run.directory / "evaluation.json")
    return comparison


def _lesion(run: RunConfig, n_episodes: int, n_threads: int) -> None:
    """Lesion each system of areas of the trained network, and random areas."""
    ready = _trained(run, n_episodes, n_threads)
    lesion_groups(ready, _EVALUATION_SEED).save(run.directory / "lesion.csv")


def _draw(run: RunConfig) -> str:
    """Draw the hand before and after training; return why there are no pictures."""
    ready = _trained(run, _N_SCENES, 1)
    figures = run.directory / "figures"
    try:
        film_training(
            ready.agent(),
            _simulation(ready.task),
            _EVALUATION_SEED,
            figures / "hand.png",
            figures / "hand.webp",
        )
    except TaskError as error:
        return str(error)
    return ""


def _record(run: RunConfig, n_episodes: int, n_threads: int) -> None:
    """Record every area of the trained agent."""
    options = {**run.task.options, "rest_share": _REST_SHARE}
    task = run.task.model_copy(update={"options": options})
    ready = _trained(run.model_copy(update={"task": task}), n_episodes, n_threads)
    agent = ready.agent(probes=area_layers(ready.model))
    about = {"run": str(run.directory), "checkpoint": "last"}
    recording = record(agent, ready.task, _RECORDING_SEED, about)
    save_recording(recording, run.directory / "recording.nc")


# --- summary ------------------------------------------------------------------------


def _median_speed(directory: Path) -> float:
    """Return the samples per s of a cycle, learning included."""
    rows = read_metrics(directory / "metrics.jsonl")
    return float(median_high(row["time/steps_per_s"] for row in rows))


def _written(directory: Path) -> list[Path]:
    """Return the files of the demo, sorted."""
    return sorted(
        path.relative_to(directory) for path in directory.rglob("*") if path.is_file()
    )


def _summary(result: DemoResult) -> Table:
    """Return what the demo found, as a table."""
    title = "From the atlas to a trained network"
    table = Table("", Column(justify="right"), title=title, title_justify="left")
    table.add_row("areas", str(len(result.spec.areas)))
    table.add_row("units", f"{result.spec.n_units:,}")
    table.add_row("samples/s, learning included", f"{result.samples_per_s:,.0f}")
    table.add_section()
    summaries = result.comparison.summaries
    for label, form in (("success", "{:.0%}"), ("return", "{:.2f}")):
        key = "success" if label == "success" else "total_reward"
        before, after = (
            form.format(getattr(summaries[name], key).mean)
            for name in ("untrained", "trained")
        )
        table.add_row(f"{label}, before and after training", f"{before} → {after}")
    for name in CONDITIONS[1:]:
        loss = summaries[name].loss_of_return
        if loss is not None:
            table.add_row(f"return gained over: {name}", loss.text())
    table.add_section()
    table.add_row("time", f"{sum(result.times_s.values()):.0f} s")
    table.add_row("files written", str(len(result.files)))
    for name in ("report.html", "recording.nc", "evaluation.json", "figures"):
        table.add_row(f"  {name}", str(result.directory / name))
    return table
