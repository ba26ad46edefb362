# SPDX-License-Identifier: Apache-2.0
"""The command ``angora-train``.

What is heavy is imported by the command that needs it: ``angora-train --help`` loads
neither Keras nor MuJoCo nor MPI.
"""

import os
from importlib.util import find_spec
from typing import Annotated

# One thread a rank: must be set before NumPy loads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import typer

from angora_train import __version__
from angora_train.commands.decode import decode
from angora_train.commands.demo import demo
from angora_train.commands.distill import demonstrate, distill
from angora_train.commands.encode import encode
from angora_train.commands.experiment import experiment
from angora_train.commands.export import export
from angora_train.commands.geometry import geometry
from angora_train.commands.job import Commands
from angora_train.commands.lesion import lesion
from angora_train.commands.play import evaluate, film
from angora_train.commands.pretrain import pretrain
from angora_train.commands.record import record
from angora_train.commands.rsa import rsa
from angora_train.commands.statistics import statistics
from angora_train.commands.train import group, resume, run
from angora_train.errors import ConfigError

__all__ = ["app", "main"]

_EXTRA = ("gymnasium", "gymnasium_robotics", "mujoco", "rsatoolbox", "xarray")

app = typer.Typer(
    cls=Commands,
    name="angora-train",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(is_wanted: bool) -> None:
    """Say the version, and nothing else."""
    if is_wanted:
        typer.echo(f"angora-train {__version__}")
        raise typer.Exit


@app.callback()
def _require_extra(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Say the version."
        ),
    ] = False,
) -> None:
    """Train networks with named sensations, and look into them."""
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"Training needs packages that are not installed: {', '.join(missing)}. "
            'Install them with: pip install "atlasnet[train]"'
        )


for _command in (
    *(run, distill, experiment, group, resume),
    *(record, evaluate, rsa, decode, encode, geometry, lesion, statistics),
    *(film, demonstrate, pretrain, export, demo),
):
    app.command()(_command)


def main() -> None:
    """Run the command."""
    app()


if __name__ == "__main__":
    main()
