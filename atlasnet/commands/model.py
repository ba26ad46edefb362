# SPDX-License-Identifier: Apache-2.0
"""The command about a model's weights: where its parameters are."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from atlasnet.commands.arguments import AsJson, require_writable_file
from atlasnet.commands.console import busy, print_json, results

__all__ = ["list_parameters"]


def list_parameters(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .keras file.")],
    by: Annotated[
        Literal["area", "pathway"],
        typer.Option(help="A row for each area, or for each pathway."),
    ] = "area",
    as_json: AsJson = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table here, too.")
    ] = None,
) -> None:
    """List a model's parameters by area or pathway, and what is frozen."""
    if csv is not None:
        require_writable_file(csv, "--csv")
    with busy("Loading Keras and the model"):
        from atlasnet.quiet import import_keras

        import_keras()
        from atlasnet.model.files import load_model
        from atlasnet.model.inventory import parameters_by_area, parameters_by_pathway

        model = load_model(file)
        is_by_area = by == "area"
        table = (parameters_by_area if is_by_area else parameters_by_pathway)(model)
    if csv is not None:
        from atlasnet.files import write_text

        write_text(csv, table.to_csv(index=False))
    rows = [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]
    if as_json:
        print_json({"n_parameters": int(model.count_params()), by: rows})
        return
    from atlasnet.commands.tables import parameter_table

    results().print(parameter_table(f"{file}: parameters by {by}", rows))
