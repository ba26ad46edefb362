# SPDX-License-Identifier: Apache-2.0
"""Rules: everything that decides how a graph is made of an atlas source."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    NonNegativeInt,
    PlainValidator,
    field_serializer,
    model_validator,
)

from atlasnet.atlas.edges import (
    EdgeRule,
    StreamlineThreshold,
    Weight,
    as_edge_rule,
    edge_rule_text,
)
from atlasnet.atlas.source import LAYERS, Layer
from atlasnet.atlas.sources.own_density import OwnDensity, as_own_densities
from atlasnet.atlas.sources.user_table import read_rows, require_column
from atlasnet.atlas.volumes import VolumeRule
from atlasnet.errors import AtlasError, closest
from atlasnet.frozen import Flag, Frozen
from atlasnet.graph.direction import DIRECTIONS, Direction

__all__ = [
    "GraphRules",
    "TableClaim",
    "read_direction_table",
]

DensityChoice = Literal["homologue", "surface_overlap", "measured_layers"]
DirectionModel = Literal["structural_model", "cortical_type", "hierarchy", "none"]


@dataclass(frozen=True, slots=True)
class TableClaim:
    """What a user's table says of a pathway."""

    source: str
    target: str
    direction: Direction
    note: str = ""
    """Where the claim is from; kept as the projection's citation."""


def read_direction_table(path: Path | str) -> tuple[TableClaim, ...]:
    """Read a user's table of directions.

    Parameters
    ----------
    path : Path or str
        CSV file with the columns ``source``, ``target`` and ``direction``
        (``feedforward``, ``feedback`` or ``lateral``), and ``note`` if wanted. Names
        are those of the graph's regions, with or without hemisphere, or of nodes of
        the hand network.

    Returns
    -------
    tuple of TableClaim
        Its rows.

    Raises
    ------
    AtlasError
        If the file or a row is not what it should be.
    """
    path = Path(path)
    rows = read_rows(path, "direction table")
    for column in ("source", "target", "direction"):
        require_column(rows[0], (column,), path)
    claims: dict[tuple[str, str], TableClaim] = {}
    for row in rows:
        cells = row.cells
        direction, key = cells["direction"], (cells["source"], cells["target"])
        if direction not in DIRECTIONS or not all(key):
            raise AtlasError(
                f"{row.where}: a row has a source, a target and a "
                f"direction ({', '.join(DIRECTIONS)}), got {key[0]!r}, {key[1]!r} and "
                f"{direction!r}.{closest(direction, DIRECTIONS)}"
            )
        if key in claims:
            raise AtlasError(f"{row.where} claims {key} once more.")
        claims[key] = TableClaim(*key, direction, cells.get("note", ""))
    return tuple(claims.values())


def _read_table(value: Any) -> Any:
    """Let the path of a table stand for its rows."""
    return read_direction_table(value) if isinstance(value, str | Path) else value


class GraphRules(Frozen):
    """How regions become a graph.

    Raises
    ------
    AtlasError
        If a value is none of those allowed.

    Examples
    --------
    >>> GraphRules(edges="strongest=5").edges
    StrongestNeighbours(k=5, keep_connected=True)
    """

    error = AtlasError
    label = "graph rules"

    edges: Annotated[
        EdgeRule,
        PlainValidator(as_edge_rule),
        Field(validation_alias=AliasChoices("edges", "min_streamline_count")),
        Flag("--edges --min-streamlines", metavar="RULE", shown="streamlines=100"),
    ] = StreamlineThreshold()
    """Which pairs an edge joins: streamlines=N, which N alone means too, density=SHARE,
    strongest=K or share=SHARE. In Python also a rule of :mod:`atlasnet.atlas.edges`;
    `min_streamline_count` is another name of this field."""
    weight: Weight = "streamlines"
    """How strong an edge is."""
    cited: bool = True
    """Whether the cited pathways add edges and decide directions."""
    doubtful: bool = False
    """Whether cited pathways with doubtful support count too. If not, they are no
    edges, however many the streamlines."""
    denied: bool = False
    """Whether pathways that the literature denies are kept where streamlines join
    their ends."""
    direction_model: DirectionModel | None = None
    """What decides directions where nobody claims one: densities, cortical types, or a
    hierarchy of levels fitted to the claims and to counted cells. If none is named, the
    hierarchy where the atlas cites directions and these count, else densities."""
    direction_sample: NonNegativeInt | None = None
    """Seed of a draw: directions by the hierarchy, which are uncertain, are drawn with
    their probabilities. None takes the most probable ones."""
    direction_table: Annotated[
        tuple[TableClaim, ...], BeforeValidator(_read_table), Flag(metavar="CSV")
    ] = ()
    """Your claims, with the columns source, target and direction: they come before the
    citations and add no edges. See :func:`read_direction_table`."""
    density: Annotated[
        DensityChoice,
        Field(validation_alias=AliasChoices("density", "density_rule")),
    ] = "homologue"
    """Which density comes first: a von Economo homologue (else surface overlap),
    surface overlap alone, or layers that siibra measured (else homologue, overlap)."""
    density_table: Annotated[
        tuple[OwnDensity, ...], BeforeValidator(as_own_densities), Flag(metavar="CSV")
    ] = ()
    """Densities of your own, of nuclei and the cerebellum too, with the columns name
    and cell_density_per_mm3: they come before the atlas's. Further columns that count
    are volume_mm3, thickness_mm, cortical_type and note. In Python also cells per mm3
    by name. A name without hemisphere is for both, a parent's for all its regions."""
    volume: VolumeRule = "own"
    """Whose volume counts: the region's own, that of its counterpart in the other
    hemisphere, or the mean of both."""
    layers_left_out: Annotated[
        tuple[Layer, ...], Flag("--leave-out-layers", metavar="LAYER...")
    ] = ()
    """Layers whose cells do not count; directions still go by all layers."""

    @model_validator(mode="before")
    @classmethod
    def _require_once(cls, data: Any) -> Any:
        """Refuse a rule that is given by both of its names."""
        for names in ("edges", "min_streamline_count"), ("density", "density_rule"):
            if isinstance(data, Mapping) and data.keys() >= set(names):
                raise AtlasError(
                    f"One rule is given twice: {' and '.join(names)} are two names of "
                    "it. Give one."
                )
        return data

    @model_validator(mode="after")
    def _check(self) -> Self:
        model = self.direction_model
        if self.direction_sample is not None and model not in (None, "hierarchy"):
            raise AtlasError(
                "direction_sample draws directions by their probabilities, which the "
                f"direction model 'hierarchy' gives; it is '{model}'."
            )
        if set(self.layers_left_out) == set(LAYERS):
            raise AtlasError("All six layers are left out: no cell would be left.")
        return self

    @field_serializer("edges")
    def _as_text(self, edges: EdgeRule) -> str:
        """Write the edge rule as the text that is read as it."""
        return edge_rule_text(edges)

    @classmethod
    def chosen(cls, rules: Self | None, options: Mapping[str, Any]) -> Self:
        """Return the rules given, or those that single options make.

        Parameters
        ----------
        rules : GraphRules, optional
            All rules.
        options : mapping of str to object
            Fields of the rules, which have their defaults where nothing is said.

        Raises
        ------
        AtlasError
            If both are given, or the options make no rules.
        """
        if rules is None:
            return cls(**options)
        if options:
            raise AtlasError(
                f"Give either rules, or {', '.join(options)}: the rules hold these too."
            )
        return rules

    def describe(self) -> Mapping[str, str | bool | list[str] | float | None]:
        """Return the rules as a graph's metadata."""
        threshold = None
        if isinstance(self.edges, StreamlineThreshold):
            count = self.edges.min_streamline_count
            threshold = count if math.isfinite(count) else None  # JSON has no infinity
        about: dict[str, str | bool | list[str] | float | None] = {
            "edge_rule": self.edges.describe(),
            "min_streamline_count": threshold,
            "weight": self.weight,
            "cited_pathways": self.cited,
            "doubtful_pathways": self.doubtful,
            "denied_pathways": self.denied,
            "direction_model": self.direction_model,
            "direction_sample": self.direction_sample,
            "direction_table": len(self.direction_table),
            "density_rule": self.density,
            "volume_rule": self.volume,
            "layers_left_out": list(self.layers_left_out),
        }
        if self.density_table:
            about["density_table"] = [each.describe() for each in self.density_table]
        return about
