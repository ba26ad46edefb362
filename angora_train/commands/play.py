# SPDX-License-Identifier: Apache-2.0
"""The commands in which a trained agent plays: evaluate and film."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from angora_train.commands.options import (
    Choice,
    Episodes,
    Interventions,
    RunFolder,
    Trained,
)
from atlasnet.commands.arguments import AsJson
from atlasnet.commands.console import busy
from atlasnet.commands.options import with_options
from atlasnet.files import replacing
from atlasnet.quiet import import_keras

if TYPE_CHECKING:
    from angora_train.analysis.evaluation import Evaluation
    from angora_train.analysis.goals import Goals

__all__ = ["evaluate", "film"]

_COLUMNS = ("mean", "95 % from", "to", "median", "mode")
_PLACES = 10
"""Places in an episode that a table shows; files have all."""


@with_options
def evaluate(
    directory: RunFolder,
    *,
    trained: Trained,
    played: Episodes,
    choice: Choice = "sampled",
    interventions: Interventions,
    out: Annotated[
        Path | None, typer.Option(help="Folder for evaluation.json and figures.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play seeded episodes with a trained agent and say how they went."""
    import_keras()
    from angora_train.analysis.actors import AgentActor, choosing
    from angora_train.analysis.evaluation import evaluate as play

    done = interventions.read()
    with busy("playing episodes"):
        ready = trained.ready(directory, played.episodes, done)
        actor = AgentActor(choosing(ready.agent(), choice))
        found = play(actor, ready.task, played.seed)
        summary = _summary(found, played.seed)
    result = {
        **played.model_dump(),
        "choice": choice,
        "checkpoint": trained.which,
        "interventions": [one.model_dump(mode="json") for one in done],
        **summary,
    }
    if found.goals is not None:
        result["goals"] = _goal_shares(found.goals)
    if out is not None:
        _write_evaluation(out, result, found)
    if as_json:
        typer.echo(json.dumps(result))
        return
    what = f", {len(done)} interventions" if done else ""
    title = f"{directory}: {played.episodes} episodes, {choice} actions{what}"
    console = Console()
    console.print(_table(title, summary))
    if found.goals is not None:
        console.print(_goal_table(len(found.goals), result["goals"]))


def _values(found: "Evaluation") -> dict[str, Any]:
    """Return what is more than a yes or a no, one number an episode."""
    return {"return": found.total_reward, **found.facts}


def _summary(found: "Evaluation", seed: int) -> dict[str, dict[str, float]]:
    """Return means with their intervals, and how all is distributed."""
    from angora_train.analysis.intervals import spread, summarize

    summary = {name: asdict(mean) for name, mean in summarize(found, seed).items()}
    for name, values in _values(found).items():
        summary[name] |= spread(values, seed)
    return summary


def _table(title: str, summary: Mapping[str, Mapping[str, float]]) -> Table:
    """Return a summary as a table."""
    columns = (Column(x, justify="right") for x in _COLUMNS)
    table = Table("", *columns, title=title)
    for name, row in summary.items():
        keys = ("mean", "low", "high", "median", "mode")
        table.add_row(name, *(f"{row[key]:.4g}" if key in row else "" for key in keys))
    return table


def _goal_shares(goals: "Goals") -> dict[str, list[dict[str, Any]]]:
    """Return how many goals were reached, by how far they were and by their place."""
    from angora_train.analysis.goals import by_angle, by_position

    return {
        "by_angle": [
            {"from_rad": low, "to_rad": high, "goals": n, **asdict(share)}
            for low, high, n, share in by_angle(goals)
        ],
        "by_position": [
            {"position": place, "goals": n, **asdict(share)}
            for place, n, share in by_position(goals)
        ],
    }


def _goal_table(n_goals: int, shares: Mapping[str, Sequence[Any]]) -> Table:
    """Return the shares of goals reached as a table."""
    names = ("goals", "reached", "95 % from", "to")
    columns = (Column(x, justify="right") for x in names)
    table = Table("", *columns, title=f"{n_goals} goals")
    rows = [
        (f"{row['from_rad']:.2f} to {row['to_rad']:.2f} rad away", row)
        for row in shares["by_angle"]
    ]
    rows += [
        (f"number {row['position']} of its episode", row)
        for row in shares["by_position"][:_PLACES]
    ]
    for label, row in rows:
        numbers = (f"{row[key]:.3f}" for key in ("mean", "low", "high"))
        table.add_row(label, str(row["goals"]), *numbers)
    return table


def _write_evaluation(
    out: Path, result: Mapping[str, Any], found: "Evaluation"
) -> None:
    """Write an evaluation as JSON, returns, goals, and how all is distributed."""
    import numpy as np
    import pandas as pd

    from angora_train.analysis.figures import plot_distribution, plot_goals
    from atlasnet.figures.palette import save_figure
    from atlasnet.files import write_text

    values = _values(found)
    write_text(out / "evaluation.json", json.dumps(result, indent=1))
    with replacing(out / "returns.npy") as path:
        np.save(path, values["return"])
    if found.goals is not None:
        table = pd.DataFrame(asdict(found.goals))
        write_text(out / "goals.csv", table.to_csv(index=False))
        save_figure(plot_goals(found.goals)[0], out / "goals.png", dpi=150)
    for name, numbers in values.items():
        axes = plot_distribution(numbers, name.replace("_", " "))
        save_figure(axes, out / f"{name}.png", dpi=150)


@with_options
def film(
    directory: RunFolder,
    out: Annotated[Path, typer.Option(help="A .webp, .gif, .png or .mp4 to write.")],
    *,
    trained: Trained,
    steps: Annotated[int, typer.Option(min=1, help="Control steps to show.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the episodes.")] = 10_000,
    choice: Choice = "sampled",
) -> None:
    """Film a trained agent, in the pace of its world."""
    import_keras()
    from angora_train.analysis.actors import AgentActor, choosing
    from angora_train.analysis.evaluation import filmed
    from angora_train.analysis.pictures import write_video

    with busy("filming"):
        ready = trained.ready(directory, 1)
        step_s = ready.task.control_step_s
        actor = AgentActor(choosing(ready.agent(), choice))
        write_video(filmed(actor, ready.task, seed, steps), out, 1.0 / step_s)
    Console().print(f"{out}: {steps * step_s:.1f} s", soft_wrap=True)
