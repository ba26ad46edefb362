# SPDX-License-Identifier: Apache-2.0
"""The command that measures how areas' activity lies in its space and moves there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from angora_train.commands.options import Episodes, WhichOption
from angora_train.errors import ConfigError
from atlasnet.commands.console import reporting, results
from atlasnet.commands.options import with_options
from atlasnet.files import replacing, write_text
from atlasnet.quiet import import_keras

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from angora_train.analysis.geometry.slow_points import Held
    from angora_train.analysis.recording.subject import Subject
    from atlasnet.commands.console import Report

__all__ = ["geometry"]

_RECORDED = Episodes(episodes=100, seed=20_000)


@with_options
def geometry(
    path: Annotated[
        list[Path], typer.Argument(help="Folders of runs, or recordings (.nc).")
    ],
    *,
    recorded: Episodes = _RECORDED,
    which: WhichOption = "best",
    control: Annotated[
        list[Path] | None, typer.Option(help="A null model: its run or recording.")
    ] = None,
    untrained: Annotated[
        bool, typer.Option(help="Replay through initial weights as a control.")
    ] = True,
    fixed_points: Annotated[
        bool, typer.Option(help="Look for fixed and slow points; needs runs.")
    ] = True,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of what is written; of one subject, its own."),
    ] = None,
) -> None:
    """Measure dimension, timescale, tangling and integration of areas.

    Each area along the hierarchy, beside the untrained network and null models; with
    fixed and slow points, and the rank correlation of each measure with the place of
    areas.
    """
    if out is None and len(path) > 1:
        raise ConfigError(
            "Several subjects need a folder for what they have in common: --out FOLDER"
        )
    import_keras()
    from angora_train.analysis.geometry.hierarchy import LEAST_AREAS
    from angora_train.analysis.geometry.study import hierarchy_table, measure_subjects
    from angora_train.analysis.recording.subject import read_subjects

    with reporting("Measuring") as report:
        how: Any = {"episodes": recorded.episodes, "seed": recorded.seed}
        subjects = read_subjects(path, which=which, tell=report, **how)
        controls = (
            read_subjects(control, which=which, tell=report, **how) if control else ()
        )
        found = measure_subjects(
            subjects, controls, untrained=untrained, seed=recorded.seed, tell=report
        )
        folder = subjects[0].folder if out is None else out
        folder.mkdir(parents=True, exist_ok=True)
        table = found.table(recorded.seed)
        write_text(folder / "geometry.csv", _csv(table))
        with replacing(folder / "geometry.nc") as temporary:
            _arrays(table).to_netcdf(temporary, engine="h5netcdf")
        points = _points(subjects, untrained, report) if fixed_points else None
    if points is not None and len(points):
        write_text(folder / "geometry_points.csv", _csv(points))
    along = None
    if len(found.orders["computed"]) >= LEAST_AREAS:
        along = hierarchy_table(found, recorded.seed)
        write_text(folder / "geometry_hierarchy.csv", _csv(along))
    _draw(folder, table, along, points)
    if along is not None:
        results().print(_told(along))


def _csv(table: "pd.DataFrame") -> str:
    """Return a table as text."""
    return str(table.to_csv(index=False, float_format="%.6g"))


def _arrays(table: "pd.DataFrame") -> Any:
    """Return values and ends of intervals by subject, control, measure and area."""
    key = ["subject", "control", "measure", "area"]
    named = table.assign(control=table["control"].replace("", "trained"))
    return named.set_index(key)[["value", "low", "high"]].astype(float).to_xarray()


def _points(
    subjects: "Sequence[Subject]", untrained: bool, report: "Report"
) -> "pd.DataFrame | None":
    """Return fixed and slow points of the subjects that are runs."""
    from angora_train.analysis.geometry.slow_points import points_table, slow_points
    from angora_train.analysis.recording.runs import untrained_agent
    from angora_train.run.checkpoint import load_agent

    found: dict[tuple[str, str], list[Held]] = {}
    step_s = 0.0
    for subject in subjects:
        if subject.run is None:
            continue
        agents = {"": load_agent(subject.run, subject.which)}
        if untrained:
            agents["untrained"] = untrained_agent(subject.run, subject.which)
        with subject.recording() as recording:
            step_s = float(recording["time"][:2].diff("time").sum())
            for control, agent in agents.items():
                what = f"{subject.name} {control or 'trained'} fixed points"

                def tell(n_done: int, n: int, what: str = what) -> None:
                    report(what, n_done, n)

                if agent.stateful.state_shapes:
                    held = slow_points(agent, recording, tell=tell)
                    found[subject.name, control] = held
    return points_table(found, step_s) if found else None


def _draw(
    folder: Path,
    table: "pd.DataFrame",
    along: "pd.DataFrame | None",
    points: "pd.DataFrame | None",
) -> None:
    """Draw what was found."""
    from angora_train.analysis.figures.geometry import (
        plot_geometry,
        plot_hierarchy,
        plot_points,
    )
    from atlasnet.figures.palette import save_figure

    save_figure(plot_geometry(table)[0], folder / "geometry.png", dpi=150)
    if along is not None:
        path = folder / "geometry_hierarchy.png"
        save_figure(plot_hierarchy(along), path, dpi=150)
    if points is not None and len(points):
        save_figure(plot_points(points), folder / "geometry_points.png", dpi=150)


def _told(along: "pd.DataFrame") -> Table:
    """Return how measures go along the hierarchy."""
    from angora_train.analysis.geometry.study import ALL

    subject = ALL if ALL in set(along["subject"]) else along["subject"].iloc[0]
    own = along[along["subject"] == subject]
    heads = (Column(x, justify="right") for x in ("rank correlation [95 %]", "claimed"))
    title = f"{subject}: from the senses to the muscles"
    shown = Table("measure", "order", "", *heads, "holds", title=title)
    for row in own.to_dict("records"):
        claimed = {1.0: "grows", -1.0: "falls"}.get(row["claimed"], "")
        holds = "" if row["holds"] == "" else "yes" if row["holds"] else "no"
        shown.add_row(
            row["measure"],
            row["ordered"],
            row["control"] or "trained",
            f"{row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]",
            claimed,
            holds,
        )
    return shown
