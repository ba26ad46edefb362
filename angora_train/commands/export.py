# SPDX-License-Identifier: Apache-2.0
"""The command that hands a trained agent to other programs."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from angora_train.commands.options import Choice, RunFolder, WhichOption
from angora_train.errors import ConfigError
from atlasnet.commands.console import busy
from atlasnet.quiet import import_keras

__all__ = ["export"]


def export(
    directory: RunFolder,
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    which: WhichOption = "best",
    choice: Choice = "expected",
) -> None:
    """Write a trained agent as a TensorFlow SavedModel of one control step.

    It takes sensations as they come and the state of the step before, and returns the
    action and the new state. policy.json says their names and shapes.
    """
    if choice == "sampled":
        raise ConfigError("An exported agent does not draw: expected or most_likely.")
    import_keras()
    from angora_train.agent.export import export_agent
    from angora_train.run.checkpoint import load_agent, load_stages
    from angora_train.run.lineage import as_data, told

    with busy("exporting"):
        stages = load_stages(directory, which)
        origin = {"training": told(stages), "stages": as_data(stages)}
        about = export_agent(load_agent(directory, which), out, choice, origin)
    Console().print(f"{about}", soft_wrap=True)
