# SPDX-License-Identifier: Apache-2.0
"""The command that says how a task's sensations are related over time."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import NonNegativeInt, PositiveInt
from rich.table import Column, Table

from angora_train.commands.options import Set
from atlasnet.commands.console import reporting, results
from atlasnet.commands.options import with_options
from atlasnet.files import replacing, write_text
from atlasnet.frozen import Frozen
from atlasnet.quiet import import_keras

__all__ = ["statistics"]


class RandomSeries(Frozen):
    """Series of random actions."""

    series: PositiveInt = 15
    """Series, each in a world of its own."""
    steps: PositiveInt = 100
    """Random actions of a series; it ends with its episode."""
    lag: PositiveInt = 50
    """Longest lag in control steps, either way."""
    seed: NonNegativeInt = 30_000
    """Seed of goals, starts and actions."""


@with_options
def statistics(
    config: Annotated[
        str, typer.Argument(help="A YAML file, a preset's name, or a run's folder.")
    ],
    *,
    override: Set = None,
    played: RandomSeries,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of what is written; of a run, its analysis folder."),
    ] = None,
) -> None:
    """Correlate sensations and states of a task with themselves and each other, later.

    Under random actions, as in Weidler et al. 2023, figure 5. No network plays.
    """
    import_keras()
    from angora_train.analysis.figures.statistics import plot_correlations
    from angora_train.analysis.statistics.correlations import (
        correlations,
        play_randomly,
    )
    from angora_train.config.loading import load_config
    from angora_train.tasks.registry import make_vector_task
    from atlasnet.figures.palette import save_figure

    is_run = Path(config).is_dir()
    source = Path(config) / "config.yaml" if is_run else config
    task_of = load_config(source, override or ()).task
    folder = out or (Path(config) / "analysis" if is_run else Path.cwd())
    task = make_vector_task(task_of.name, task_of.options, n_worlds=played.series)
    with reporting("Correlating") as report:
        series = play_randomly(task, played.steps, played.seed)
        task.close()
        table = correlations(
            series,
            longest_lag=played.lag,
            seed=played.seed,
            tell=lambda n_done, n: report("pairs of signals", n_done, n),
        )
    folder.mkdir(parents=True, exist_ok=True)
    text = table.to_csv(index=False, float_format="%.6g")
    write_text(folder / "statistics.csv", text)
    with replacing(folder / "statistics.nc") as temporary:
        key = ["control", "first", "second", "lag_steps"]
        named = table.assign(control=table["control"].replace("", "same series"))
        arrays = named.set_index(key)[["value", "low", "high"]].to_xarray()
        arrays.to_netcdf(temporary, engine="h5netcdf")
    save_figure(plot_correlations(table)[0], folder / "statistics.png", dpi=150)
    own = table[(table["first"] == table["second"]) & (table["control"] == "")]
    lags = [x for x in (1, 5, 20, 50) if x <= int(own["lag_steps"].max())]
    heads = (Column(f"{x} steps", justify="right") for x in lags)
    shown = Table("signal", *heads, title=f"{task_of.name}: autocorrelation [95 %]")
    for name, rows in own.groupby("first", sort=False):
        by_lag = rows.set_index("lag_steps")
        cells = (by_lag.loc[x] for x in lags)
        shown.add_row(
            str(name),
            *(f"{x['value']:.2f} [{x['low']:.2f}, {x['high']:.2f}]" for x in cells),
        )
    results().print(shown)
