# SPDX-License-Identifier: Apache-2.0
"""The command that walks the whole line."""

from pathlib import Path
from typing import Annotated

import typer

from atlasnet.quiet import import_keras

__all__ = ["demo"]


def demo(
    out: Annotated[Path, typer.Option(help="The folder to write.")] = Path("runs/demo"),
    ranks: Annotated[int, typer.Option(min=1, help="MPI ranks that train.")] = 2,
) -> None:
    """From the atlas to a trained, analysed network: the whole line, with a report."""
    import_keras()
    from angora_train.demo import run_demo

    run_demo(out, n_ranks=ranks)
