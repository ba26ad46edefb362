# SPDX-License-Identifier: Apache-2.0
"""The command that records what every area of a trained network does."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import PositiveInt
from rich.console import Console

from angora_train.commands.options import Episodes, Interventions, RunFolder, Trained
from atlasnet.commands.console import reporting
from atlasnet.commands.options import with_options
from atlasnet.frozen import Flag, Frozen
from atlasnet.quiet import import_keras

__all__ = ["record"]

_RECORDED = Episodes(episodes=100, seed=20_000)


class Happenings(Frozen):
    """What happens in each episode."""

    goal_switch: Annotated[tuple[str, ...], Flag(metavar="TIME")] = ()
    """Give another goal at a time of each episode, as '1.0 s'."""
    force_pulse: Annotated[tuple[str, ...], Flag(metavar="WHAT")] = ()
    """Push the object, as '0.5 N at 1.0 s for 0.2 s along x'."""
    at_once: PositiveInt = 100
    """Episodes that are played side by side; memory grows with it."""


@with_options
def record(
    directory: RunFolder,
    target: Annotated[
        Path | None, typer.Argument(metavar="OUT", help="The NetCDF file to write.")
    ] = None,
    *,
    trained: Trained,
    played: Episodes = _RECORDED,
    interventions: Interventions,
    happenings: Happenings,
    out: Annotated[
        Path | None, typer.Option(help="The same as OUT.", show_default=False)
    ] = None,
) -> None:
    """Record every area of a trained network, as an xarray data set in NetCDF.

    By default into analysis/recording.nc in the run's folder, where every analysis
    looks for it. The file is written while the agent acts, and may be larger than
    memory.
    """
    if target is not None and out is not None:
        raise typer.BadParameter("give OUT or --out, not both")
    path = target or out or directory / "analysis" / "recording.nc"
    done = interventions.read()
    import_keras()
    from angora_train.analysis.recording.perturbation import (
        parse_force_pulse,
        parse_goal_switch,
    )
    from angora_train.analysis.recording.reader import open_recording
    from angora_train.analysis.recording.runs import Played, record_run
    from angora_train.analysis.recording.schema import areas

    switches = [parse_goal_switch(text) for text in happenings.goal_switch]
    pulses = [parse_force_pulse(text) for text in happenings.force_pulse]
    wanted = Played(
        episodes=played.episodes,
        seed=played.seed,
        which=trained.which,
        interventions=tuple(done),
        perturbations=(*switches, *pulses),
        n_at_once=happenings.at_once,
    )
    trained.require_task()
    with reporting("Recording") as report:
        tell = partial(report, "episodes")
        record_run(directory, path, wanted, changes=trained.override, tell=tell)
    with open_recording(path) as recording:
        sizes, n_areas = recording.sizes, len(areas(recording))
        Console().print(
            f"{path}: {sizes['episode']} episodes, {sizes['time']} control steps, "
            f"{sizes['unit']} units of {n_areas} areas, "
            f"{path.stat().st_size / 1e6:.1f} MB",
            soft_wrap=True,
            highlight=False,
        )
