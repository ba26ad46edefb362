# SPDX-License-Identifier: Apache-2.0
"""The command that lets a network learn to see before it acts."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from angora_train.config.loading import load_pretraining
from atlasnet.commands.console import reporting
from atlasnet.files import replacing
from atlasnet.quiet import import_keras

__all__ = ["pretrain"]


def pretrain(
    out: Annotated[
        Path, typer.Option(help="The folder to write: pictures, network, report.")
    ],
    config: Annotated[
        str | None, typer.Option(help="A YAML file with other settings.")
    ] = None,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="Change a setting: n_images=4000")
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
    names = ("median", "mean", "median of the mean pose", "mean of it")
    columns = (Column(name, justify="right") for name in names)
    title = f"Error on {len(found.held_out)} held-out pictures"
    table = Table("", *columns, title=title)
    for key, name in (("position_cm", "cm"), ("orientation_deg", "degrees")):
        rows = (found.report["error"][key], found.report["baseline"][key])
        numbers = [f"{row[which]:.3g}" for row in rows for which in ("median", "mean")]
        table.add_row(name, *numbers)
    Console().print(table)
    Console().print(f"{out / MODEL_FILE}", soft_wrap=True)
