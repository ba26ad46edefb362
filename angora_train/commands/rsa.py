# SPDX-License-Identifier: Apache-2.0
"""The command of representational similarity: areas, models, and their controls."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from pydantic import NonNegativeInt, PositiveInt
from rich.console import Console
from rich.table import Column, Table

from angora_train.errors import AngoraError, ConfigError, closest
from atlasnet.commands.console import reporting
from atlasnet.commands.options import with_options
from atlasnet.files import replacing, write_text
from atlasnet.frozen import Flag, Frozen
from atlasnet.quiet import import_keras

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from angora_train.analysis.recording.subject import Subject
    from angora_train.analysis.rsa.comparison import Result, Sample, Settings

__all__ = ["rsa"]

_DPI = 150
Paths = Annotated[
    list[Path], typer.Argument(help="Folders of runs, or recordings (.nc).")
]


class Compared(Frozen):
    """What is compared with what."""

    by: Annotated[tuple[str, ...], Flag("--by")] = ("goal", "phase")
    """What conditions differ by: goal, phase, contact, labels; kinds by the first."""
    phases: PositiveInt = 5
    """Equal parts of an episode."""
    labels: Path | None = None
    """Labels for --by labels: CSV of episode, label, and time (s) or step."""
    model: Annotated[tuple[str, ...], Flag(metavar="NAME=VARIABLE")] = ()
    """A model of a recorded variable; by default goal, object pose, posture, ..."""
    rdm: Annotated[tuple[Path, ...], Flag(metavar="FILE")] = ()
    """Distances measured elsewhere, .csv or .npy with names, as one more model."""


class Sampled(Frozen):
    """How sure it is made."""

    folds: NonNegativeInt = 0
    """Folds of episodes; 0 is as many as there are episodes of a kind, at most 16."""
    noise: Literal["shrinkage_eye", "shrinkage_diag", "identity"] = "shrinkage_eye"
    """Towards what the noise that weighs units is shrunk; identity: no weights."""
    resamples: PositiveInt = 1000
    """Bootstrap resamples, and permutations of labels."""
    episodes: PositiveInt = 100
    """Episodes to record of a run."""
    seed: NonNegativeInt = 20_000
    """Seed of these."""
    which: Literal["best", "last"] = "best"
    """Which checkpoint."""


class Around(Frozen):
    """A movie around an event."""

    event: str = ""
    """Movie around: goal, contact, reached, or a CSV of episode and time (s)."""
    before: NonNegativeInt = 5
    """Control steps before the event."""
    after: PositiveInt = 15
    """Control steps after it."""
    bin: PositiveInt = 1
    """Control steps of a frame."""


@with_options
def rsa(
    paths: Paths,
    *,
    compared: Compared,
    sampled: Sampled,
    around: Around,
    control: Annotated[
        list[Path] | None,
        typer.Option(help="Another network beside them, such as a null model's run."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder; of one subject, its own.")
    ] = None,
) -> None:
    """Compare what areas tell apart with models, jointly, and with untrained areas.

    Writes rsa.csv, rsa.nc, rsa_alignment.csv and pictures. The recommended test is
    p_fdr of the partial correlation.
    """
    given, variables, labels = _read(compared)
    import_keras()
    from angora_train.analysis.recording.subject import read_subjects
    from angora_train.analysis.rsa.comparison import Sample, Settings, compare
    from angora_train.analysis.rsa.subjects import align_samples

    settings = Settings(
        by=_split(compared.by),
        n_phases=compared.phases,
        n_folds=sampled.folds or None,
        noise=sampled.noise,
        variables=variables,
        n_resamples=sampled.resamples,
        seed=0,
    )
    with reporting("Comparing") as report:
        subjects = read_subjects(
            [*paths, *(control or ())],
            episodes=sampled.episodes,
            seed=sampled.seed,
            which=sampled.which,
            tell=report,
        )
        n = len(paths)
        folder = _folder(out, subjects[:n])
        samples = [
            Sample(one.name, one.recording(), one.untrained()) for one in subjects[:n]
        ]
        others = [Sample(one.name, one.recording()) for one in subjects[n:]]
        labelled = _labels_of([x.name for x in samples + others], labels)
        movie = _movie(samples, settings, around, labelled, report)
        result = compare(
            samples,
            settings,
            controls=others,
            given=given,
            labels=labelled,
            tell=report,
        )
        alignment, notes = align_samples(
            samples, settings, labels=labelled, tell=report
        )
    _write(folder, result, alignment, movie)
    _draw(folder, result, alignment, movie, _systems(subjects[:n]), around.event)
    console = Console()
    console.print(_table(result))
    for note in (*result.notes, *notes):
        console.print(note, soft_wrap=True, highlight=False)
    console.print(f"Written to {folder}", soft_wrap=True, highlight=False)


def _split(texts: Sequence[str]) -> tuple[str, ...]:
    """Return names that are given one by one or with commas."""
    return tuple(x.strip() for text in texts for x in text.split(",") if x.strip())


def _read(compared: Compared) -> tuple[Any, dict[str, str] | None, Any]:
    """Read what the user gives, before anything that takes long."""
    import pandas as pd

    from angora_train.analysis.rsa.models import load_rdm

    variables = {}
    for text in compared.model:
        name, _, variable = text.partition("=")
        if not name.strip() or not variable.strip():
            raise ConfigError(
                f"A model is NAME=VARIABLE, got '{text}'. For example: "
                "--model posture=vision"
            )
        variables[name.strip()] = variable.strip()
    given = [load_rdm(path) for path in compared.rdm]
    labels = None if compared.labels is None else _csv(compared.labels, pd.read_csv)
    if ("labels" in _split(compared.by)) != (labels is not None):
        raise ConfigError("--by labels and --labels FILE.csv go together.")
    return given, variables or None, labels


def _labels_of(names: Sequence[str], labels: Any) -> dict[str, Any]:
    """Return the labels of each subject; without a column of subjects all have them."""
    if labels is None:
        return {}
    if "subject" not in labels:
        return dict.fromkeys(names, labels)
    of = {str(name): rows for name, rows in labels.groupby("subject")}
    missing = [name for name in names if name not in of]
    if missing:
        raise ConfigError(
            f"The labels have no rows of the subject '{missing[0]}'."
            f"{closest(missing[0], of)} They have: {', '.join(of)}. Compared are: "
            f"{', '.join(names)}."
        )
    return {name: of[name] for name in names}


def _csv(path: Path, read: Callable[..., "pd.DataFrame"]) -> "pd.DataFrame":
    """Read a table, or say that it cannot be read."""
    try:
        return read(path)
    except (OSError, ValueError) as error:
        raise AngoraError(f"'{path}' cannot be read as a table: {error}") from error


def _folder(out: Path | None, subjects: "Sequence[Subject]") -> Path:
    """Return where results go."""
    if out is None and len(subjects) > 1:
        raise ConfigError(
            f"{len(subjects)} subjects need a folder for what they have in common: "
            "--out FOLDER"
        )
    folder = subjects[0].folder if out is None else out
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _systems(subjects: "Sequence[Subject]") -> dict[str, str | None]:
    """Return the part of the brain of each area."""
    specs = [one.spec for one in subjects if one.spec is not None]
    return {area.name: area.system for spec in specs for area in spec.areas}


def _movie(
    samples: "Sequence[Sample]",
    settings: "Settings",
    around: Around,
    labels: dict[str, Any],
    report: Callable[[str, int, int], None],
) -> "xr.Dataset | None":
    """Return the movies of all subjects, if they are asked for."""
    if not around.event:
        return None
    import pandas as pd

    from angora_train.analysis.rsa.conditions import factors_of
    from angora_train.analysis.rsa.movies import (
        Window,
        events_of,
        mean_movie,
        rdm_movie,
    )

    is_file = around.event.endswith(".csv")
    times = _csv(Path(around.event), pd.read_csv) if is_file else None
    window = Window(around.before, around.after, around.bin)
    movies = []
    for sample in samples:
        is_event = events_of(sample.recording, around.event, times)
        (kinds,) = factors_of(
            sample.recording,
            settings.by[:1],
            n_phases=settings.n_phases,
            labels=labels.get(sample.name),
        )
        movies.append(
            rdm_movie(
                sample.recording,
                kinds,
                is_event,
                window,
                settings,
                untrained=sample.untrained,
                tell=report,
            )
        )
    return mean_movie(movies, [sample.name for sample in samples])


def _write(
    folder: Path,
    result: "Result",
    alignment: "pd.DataFrame",
    movie: "xr.Dataset | None",
) -> None:
    """Write tables and arrays, each whole or not at all."""
    write_text(
        folder / "rsa.csv", result.table.to_csv(index=False, float_format="%.6g")
    )
    write_text(
        folder / "rsa_alignment.csv", alignment.to_csv(index=False, float_format="%.6g")
    )
    arrays = {"rsa.nc": result.arrays} | ({"rsa_movie.nc": movie} if movie else {})
    for name, data in arrays.items():
        with replacing(folder / name) as temporary:
            data.to_netcdf(temporary, engine="h5netcdf")


def _draw(
    folder: Path,
    result: "Result",
    alignment: "pd.DataFrame",
    movie: "xr.Dataset | None",
    systems: dict[str, str | None],
    event: str,
) -> None:
    """Draw everything."""
    from angora_train.analysis.figures import plot_alignment, plot_fits, plot_movie
    from atlasnet.figures.palette import save_figure

    table = result.table
    drawn = {
        f"rsa_{scope}": plot_fits(table, scope=scope, systems=systems)
        for scope in dict.fromkeys(table["scope"])
    }
    drawn["rsa_correlation"] = plot_fits(table, measure="correlation", systems=systems)
    if (table["control"] == "trained - untrained").any():
        drawn["rsa_difference"] = plot_fits(table, is_difference=True, systems=systems)
    drawn["rsa_alignment"] = plot_alignment(alignment, systems=systems)
    if movie is not None:
        name = "the event" if event.endswith(".csv") else event
        drawn["rsa_movie"] = plot_movie(movie, event=name, systems=systems)
    for name, axes in drawn.items():
        save_figure(axes[0], folder / f"{name}.png", dpi=_DPI)


def _table(result: "Result") -> Table:
    """Return how many areas follow each model, and whether learning matters."""
    heads = ("areas", "p_fdr ≤ .05", "partial", "untrained", "trained - untrained")
    columns = (Column(x, justify="right") for x in heads)
    title = "Partial correlation with each model, given the others; median over areas"
    table = Table("", *columns, title=title, title_justify="left")
    rows = result.table
    rows = rows[(rows["measure"] == "partial") & (rows["scope"] == "all")]
    named = "all" if (rows["subject"] == "all").any() else rows["subject"].iloc[0]
    rows = rows[rows["subject"] == named]
    for model in dict.fromkeys(rows["model"]):
        of = {x: y for x, y in rows[rows["model"] == model].groupby("control")}
        told = [f"{x['value'].median():.2f}" for x in (of["trained"],)]
        if "untrained" in of:
            apart = of["trained - untrained"]
            more, less = (apart["low"] > 0).sum(), (apart["high"] < 0).sum()
            told += [f"{of['untrained']['value'].median():.2f}"]
            told += [f"{apart['value'].median():+.2f} ({more} more, {less} less)"]
        else:
            told += ["", ""]
        n_sure = (of["trained"]["p_fdr"] <= 0.05).sum()
        table.add_row(model, str(len(of["trained"])), str(n_sure), *told)
    return table
