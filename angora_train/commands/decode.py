# SPDX-License-Identifier: Apache-2.0
"""The command that decodes targets from areas."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Column, Table

from angora_train.analysis.decoding.plan import DecodingPlan
from angora_train.commands.options import Episodes
from atlasnet.commands.console import reporting, results
from atlasnet.commands.options import with_options
from atlasnet.files import replacing, write_text
from atlasnet.quiet import import_keras

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from angora_train.analysis.recording.subject import Subject

__all__ = ["decode"]

_RECORDED = Episodes(episodes=100, seed=20_000)
Paths = Annotated[
    list[Path], typer.Argument(help="Folders of runs, or recordings (.nc).")
]
Areas = Annotated[
    list[str] | None, typer.Option("--area", help="An area; by default all.")
]


@with_options
def decode(
    paths: Paths,
    *,
    recorded: Episodes = _RECORDED,
    which: Annotated[
        Literal["best", "last"], typer.Option(help="Which checkpoint.")
    ] = "best",
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="What is decoded: reward, value, goal, rotation, action, a variable "
            "of the recording, or NAME=FILE.csv; by default the usual ones."
        ),
    ] = None,
    area: Areas = None,
    plan: DecodingPlan,
    cross_temporal: Annotated[
        list[str] | None,
        typer.Option(help="A target that is fitted at one time and tested at others."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for results; of one subject its own.")
    ] = None,
) -> None:
    """Decode targets from each area, before and after they happen.

    Beside each score stand those of the untrained network fed the same sensations, of
    the sensations alone, and of as many units of each area; --null adds a test.
    """
    import_keras()
    from angora_train.analysis.decoding.study import decode_subjects, tabulate
    from angora_train.analysis.recording.subject import read_subjects

    with reporting("Decoding") as report:
        subjects = read_subjects(
            paths,
            episodes=recorded.episodes,
            seed=recorded.seed,
            which=which,
            tell=report,
        )
        folder = results_folder(subjects, out)
        data = decode_subjects(subjects, target, areas=area, plan=plan, tell=report)
        table = tabulate(data, plan.decoding_seed)
        for name in cross_temporal or ():
            _generalize(subjects[0], name, area, plan, folder)
    save(folder, "decode", table, data.drop_vars("draw"))
    _draw(folder, table, data, subjects)
    results().print(_table(table))
    results().print(f"{folder}/decode.csv", highlight=False)


def results_folder(subjects: "Sequence[Subject]", out: Path | None) -> Path:
    """Return where results go; of several subjects somebody must say it."""
    if out is None and len(subjects) > 1:
        raise typer.BadParameter(
            f"results of {len(subjects)} subjects need a folder: --out FOLDER"
        )
    folder = subjects[0].folder if out is None else out
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def save(folder: Path, noun: str, table: "pd.DataFrame", data: "xr.Dataset") -> None:
    """Write a table and its arrays, each whole or not at all."""
    write_text(folder / f"{noun}.csv", table.to_csv(index=False, float_format="%.6g"))
    with replacing(folder / f"{noun}.nc") as temporary:
        data.to_netcdf(temporary, engine="h5netcdf")


def _generalize(
    subject: "Subject",
    target: str,
    areas: list[str] | None,
    plan: DecodingPlan,
    folder: Path,
) -> None:
    """Write and draw how the first subject's codes serve at other times."""
    from matplotlib.figure import Figure

    from angora_train.analysis.decoding.temporal import generalize
    from angora_train.analysis.figures.decoding import plot_generalization
    from atlasnet.figures.palette import save_figure

    with subject.recording() as recording:
        found = generalize(recording, target, areas=areas, plan=plan)
    name = f"decode_cross_temporal_{target.partition('=')[0]}"
    with replacing(folder / f"{name}.nc") as temporary:
        found.to_netcdf(temporary, engine="h5netcdf")
    n_columns = min(5, found.sizes["area"])
    n_rows = -(-found.sizes["area"] // n_columns)
    figure = Figure(figsize=(2.9 * n_columns, 2.5 * n_rows), layout="constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax, one in zip(grid, found["area"].to_numpy(), strict=False):
        plot_generalization(found["score"].sel(area=one), ax, title=str(one))
    for ax in grid[found.sizes["area"] :]:
        ax.set_axis_off()
    save_figure(grid[0], folder / f"{name}.png", dpi=150)


def systems_of(subjects: "Sequence[Subject]") -> dict[str, str | None]:
    """Return the part of the brain of each area of some subjects."""
    return {
        area.name: area.system
        for subject in subjects
        if subject.spec is not None
        for area in subject.spec.areas
    }


def _draw(
    folder: Path,
    table: "pd.DataFrame",
    data: "xr.Dataset",
    subjects: "Sequence[Subject]",
) -> None:
    """Draw a figure a target."""
    from angora_train.analysis.figures.decoding import plot_decoding
    from atlasnet.figures.palette import save_figure

    null = data["null"].mean("subject") if "null" in data else None
    for target in table["target"].unique():
        left, _ = plot_decoding(table, target, systems=systems_of(subjects), null=null)
        save_figure(left, folder / f"decode_{target.replace('/', '_')}.png", dpi=150)


def _table(rows: "pd.DataFrame") -> Table:
    """Return the best area of each target, beside what the controls give there."""
    name = "all" if (rows["subject"] == "all").any() else rows["subject"].iloc[0]
    rows = rows[rows["subject"] == name]
    heads = (
        "measure",
        "best area",
        "lag (ms)",
        "score [95 %]",
        "untrained",
        "sensations",
        "beyond them",
    )
    right = (Column(x, justify="right", no_wrap=True) for x in heads)
    table = Table("target", *right, title=f"{name}: best area of each target")
    for target, own in rows.groupby("target", sort=False):
        bare = own[own["control"] == "none"]
        best = bare.iloc[int(bare["value"].to_numpy().argmax())]
        here = own[own["lag_ms"] == best["lag_ms"]]
        beside = {
            (row["control"], row["area"]): f"{row['value']:.2f}"
            for row in here.to_dict("records")
        }
        area = str(best["area"])

        table.add_row(
            str(target),
            str(best["measure"]),
            area,
            f"{best['lag_ms']:+g}",
            f"{best['value']:.2f} [{best['low']:.2f}, {best['high']:.2f}]",
            beside.get(("untrained", area), ""),
            beside.get(("sensations", "sensations"), ""),
            beside.get(("beyond_sensations", area), ""),
        )
    return table
