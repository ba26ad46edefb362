# SPDX-License-Identifier: Apache-2.0
"""The command ``atlasnet regions``: what the atlas has."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from atlasnet.atlas.selection import Hemispheres
from atlasnet.commands.arguments import AsJson
from atlasnet.commands.console import print_json, results
from atlasnet.commands.description import describe_regions
from atlasnet.commands.selection import Snapshot
from atlasnet.commands.tables import region_table
from atlasnet.errors import AtlasNetError, closest

__all__ = ["list_regions"]


def list_regions(
    atlas: Snapshot,
    search: Annotated[
        str, typer.Option(metavar="TEXT", help="Only names that contain this.")
    ] = "",
    hemisphere: Annotated[
        Hemispheres, typer.Option(help="Side of the regions.")
    ] = "left",
    as_json: AsJson = False,
) -> None:
    """List regions."""
    rows = describe_regions(atlas.open(), hemisphere)
    found = [row for row in rows if _is_named(row, search)]
    if not found:
        names = [str(row["name"]) for row in rows]
        raise AtlasNetError(
            f"No region's name contains '{search}' (hemisphere: {hemisphere})."
            f"{closest(search, names)}"
        )
    if as_json:
        print_json({"regions": found})
        return
    results().print(region_table(f"{len(found)} regions", found))


def _is_named(row: Mapping[str, Any], text: str) -> bool:
    """Tell whether one of a region's names contains a text, in any case."""
    names = (row["name"], row["julich_2_9"], row["julich_3_1"])
    return any(text.casefold() in name.casefold() for name in names if name)
