# SPDX-License-Identifier: Apache-2.0
"""Retinotopy: the maps of visual areas, planned from their receptive fields.

Receptive fields grow along the visual stream. Where they are twice as large, half as
many positions a side cover the image as densely. So the growth decides the maps: how
many positions they have, how large kernels are, and, with the units that the cell
counts give an area, how many channels each position has.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from atlasnet.errors import SpecError
from atlasnet.frozen import Flag, Frozen
from atlasnet.plan.spec import Cell, ImageSpec, MapSpec, Readout, Timing

__all__ = [
    "RECEPTIVE_FIELDS",
    "ReceptiveField",
    "VisualRule",
    "plan_kernels",
    "plan_maps",
]

_WANDELL = (
    "Wandell & Winawer 2015, Trends Cogn Sci 19:349, as numbers in neuropythy "
    "(Benson & Winawer 2018, eLife 7:e40224)"
)


@dataclass(frozen=True)
class ReceptiveField:
    """How an area's population receptive fields grow with eccentricity.

    Attributes
    ----------
    slope : float
        Growth of the radius (one standard deviation) in degrees a degree.
    intercept_deg : float
        Radius at the fovea, degrees.
    source : str
        Where the numbers come from.
    """

    slope: float
    intercept_deg: float
    source: str

    def radius_deg(self, eccentricity_deg: float) -> float:
        """Return the radius at an eccentricity, degrees of visual angle."""
        return self.intercept_deg + self.slope * eccentricity_deg


RECEPTIVE_FIELDS: Mapping[str, ReceptiveField] = {
    "V1": ReceptiveField(0.16883, 0.02179, _WANDELL),
    "V2": ReceptiveField(0.16912, 0.14739, _WANDELL),
    "V3d": ReceptiveField(0.26397, 0.34221, f"V3 in {_WANDELL}"),
    "V3A": ReceptiveField(0.35722, 1.00189, f"V3A/B in {_WANDELL}"),
    "LO": ReceptiveField(0.80204, 0.41018, f"mean of LO-1 and LO-2 in {_WANDELL}"),
    "MT": ReceptiveField(1.37441, 0.17240, f"TO-1 in {_WANDELL}"),
    "V6": ReceptiveField(
        1.37441,
        0.17240,
        "stand-in: that of MT. No line is published that we know of; V6 lacks the "
        "emphasis of the central field (Fattori et al. 2009, J Physiol Paris 103:88)",
    ),
}
"""Population receptive fields by node, in the order of the stream. Amano et al. 2009
(J Neurophysiol 102:2704) and Dumoulin & Wandell 2008 (NeuroImage 39:647) measured the
same growth."""


class VisualRule(Frozen):
    """How visual areas become maps.

    Raises
    ------
    SpecError
        If a value is out of range, a key is unknown, or a node has no map.
    """

    label = "visual rule"

    total: Annotated[PositiveInt, Flag("--visual-units")] = 18_720
    """Units of all areas with a map together, before channels are rounded. With this
    many V6, the smallest, has 8 channels on a map of 3 x 3 (left hemisphere)."""
    field_deg: Annotated[PositiveFloat, Flag(is_offered=False)] = 20.0
    """Visual angle that the longer side of the image spans, in degrees: a hand at
    reading distance. The number is ours; it hardly matters, because receptive fields
    grow with eccentricity."""
    spacing_px: Annotated[Mapping[str, PositiveInt], Flag(is_offered=False)] = Field(
        default_factory=dict
    )
    """Pixels between neighbouring positions, by node, where the rule's do not suit."""
    cell: Annotated[Cell, Flag(is_offered=False)] = "dense"
    """Units of the maps: ``dense``, or ``rate`` for maps that remember."""
    readout: Readout = "spatial_softmax"
    """What areas without a map see of one. See :class:`atlasnet.plan.spec.MapSpec`."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        unknown = [node for node in self.spacing_px if node not in RECEPTIVE_FIELDS]
        if unknown:
            raise SpecError(
                f"spacing_px names '{unknown[0]}', which is no node with a map: "
                f"{', '.join(RECEPTIVE_FIELDS)}."
            )
        return self


def plan_maps(
    n_units: Mapping[str, int],
    nodes: Mapping[str, str],
    image: ImageSpec,
    rule: VisualRule | None = None,
) -> dict[str, MapSpec]:
    """Plan the maps of visual areas.

    The receptive fields are those at the mean eccentricity of the image, the same at
    every position, as weights are shared: the magnification of the fovea is left out.
    Positions of V1 lie as far apart as the largest power of two that is not above the
    radius of its fields; those of another area as much farther as its fields are
    larger than those of V1, to the nearest power of two, so that every map's positions
    are some of those of a finer one.

    Channels are planned units by positions, rounded (Shi et al. 2022, PLoS Comput Biol
    18:e1010427).

    Parameters
    ----------
    n_units : mapping of str to int
        Planned units of each area.
    nodes : mapping of str to str
        Node of each area, a key of `RECEPTIVE_FIELDS`.
    image : ImageSpec
        What the eyes give.
    rule : VisualRule, optional
        How maps are planned.

    Returns
    -------
    dict of str to MapSpec
        The map of each area.

    Raises
    ------
    SpecError
        If an area has fewer units than positions, or the image is too small for a map.

    Examples
    --------
    >>> image = ImageSpec(height_px=84, width_px=84, n_channels=3)
    >>> planned = plan_maps({"MT left": 200}, {"MT left": "MT"}, image)["MT left"]
    >>> planned.height, planned.width, planned.n_channels, planned.spacing_px
    (3, 3, 22, 32)
    """
    rule = rule or VisualRule()
    px_per_deg = max(image.height_px, image.width_px) / rule.field_deg
    eccentricity_deg = _mean_distance_px(image) / px_per_deg
    radii_px = {
        node: field.radius_deg(eccentricity_deg) * px_per_deg
        for node, field in RECEPTIVE_FIELDS.items()
    }
    return {
        area: _map(area, nodes[area], units, image, radii_px, rule)
        for area, units in n_units.items()
    }


def plan_kernels(
    maps: Mapping[str, MapSpec], pathways: Mapping[tuple[str, str], Timing]
) -> dict[tuple[str, str], int]:
    """Plan the kernels of pathways between maps.

    An area's receptive field is reached by way of the afferent of its step whose own
    field is the largest: its kernel is as large as that takes. All other pathways, as
    from V1 straight to MT, are as precise as the maps: their kernels only skip no
    position.

    Parameters
    ----------
    maps : mapping of str to MapSpec
        The map of each area that has one.
    pathways : mapping of (str, str) to {"same_step", "previous_step"}
        Timing of each pathway, by source and target.

    Returns
    -------
    dict of (str, str) to int
        Side of the kernel of each pathway between two maps, in positions of the source.

    Examples
    --------
    >>> image = ImageSpec(height_px=84, width_px=84, n_channels=3)
    >>> nodes = {name: name for name in ("V1", "V3A", "MT")}
    >>> maps = plan_maps(dict.fromkeys(nodes, 10_000), nodes, image)
    >>> within = {("V1", "MT"): "same_step", ("V3A", "MT"): "same_step"}
    >>> plan_kernels(maps, within)
    {('V1', 'MT'): 9, ('V3A', 'MT'): 5}
    """
    between = {ends: t for ends, t in pathways.items() if set(ends) <= maps.keys()}
    widest: dict[str, str] = {}
    for (source, target), timing in between.items():
        known = widest.get(target)
        is_wider = known is None or maps[source].field_px > maps[known].field_px
        if timing == "same_step" and is_wider:
            widest[target] = source
    return {
        (source, target): maps[target].kernel_from(maps[source])
        if widest.get(target) == source
        else maps[target].least_kernel_from(maps[source])
        for source, target in between
    }


def _mean_distance_px(image: ImageSpec) -> float:
    """Return the mean distance of an image's pixels from its middle."""
    rows = np.arange(image.height_px) - (image.height_px - 1) / 2
    columns = np.arange(image.width_px) - (image.width_px - 1) / 2
    return float(np.hypot(rows[:, None], columns[None, :]).mean())


def _map(
    area: str,
    node: str,
    n_units: int,
    image: ImageSpec,
    radii_px: Mapping[str, float],
    rule: VisualRule,
) -> MapSpec:
    """Return the map of one area."""
    spacing_px = rule.spacing_px.get(node) or _spacing_px(area, node, image, radii_px)
    height, width = (
        -(-side // spacing_px) for side in (image.height_px, image.width_px)
    )
    if min(height, width) < 2:
        raise SpecError(
            f"The image of {image} is too small for the map of '{area}', whose "
            f"positions lie {spacing_px} pixels apart: give images of more than "
            f"{spacing_px} pixels a side, or visual.spacing_px for the node '{node}'."
        )
    if n_units < height * width:
        needed = math.ceil(rule.total * height * width / n_units)
        raise SpecError(
            f"The area '{area}' has {n_units} planned units for {height} x {width} "
            "positions: less than one channel. Raise the visual total from "
            f"{rule.total:,} to {needed:,} or more, or use a smaller map: "
            f"visual.spacing_px above {spacing_px} for the node '{node}'."
        )
    return MapSpec(
        height=height,
        width=width,
        n_channels=round(n_units / (height * width)),
        spacing_px=spacing_px,
        field_px=round(2 * radii_px[node], 1),
        readout=rule.readout,
    )


def _spacing_px(
    area: str, node: str, image: ImageSpec, radii_px: Mapping[str, float]
) -> int:
    """Return the distance of neighbouring positions."""
    first = radii_px["V1"]
    if first < 1.0:
        raise SpecError(
            f"The image of {image} is too small for '{area}': the receptive fields of "
            f"V1 would have a radius of {first:.2f} pixels. Give images of at least "
            f"{math.ceil(max(image.height_px, image.width_px) / first)} pixels a side."
        )
    growth = round(math.log2(radii_px[node] / first))
    return int(2 ** (math.floor(math.log2(first)) + max(growth, 0)))
