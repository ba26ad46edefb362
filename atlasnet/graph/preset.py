# SPDX-License-Identifier: Apache-2.0
"""Presets: networks that come as data, in ``atlasnet/presets/*.yaml``.

A preset says which nodes make its graph, which of them its blind model leaves out, and
how a body is connected: the areas that each sensation enters and that drive action and
value, in ordered alternatives so that it serves for other choices of regions too.
"""

from functools import cache
from importlib.resources import files
from typing import Annotated, Any

import yaml
from pydantic import Field, PositiveInt

from atlasnet.errors import AtlasError, require_known
from atlasnet.frozen import Frozen
from atlasnet.graph.graph import Hemisphere

__all__ = ["Alternative", "Entry", "Preset", "Sizes", "load_preset", "preset_names"]


class Alternative(Frozen):
    """Areas that fit: all of these nodes that are there, or else of these systems."""

    nodes: tuple[str, ...] = ()
    """Nodes of the hand network; a region that is part of one counts as it."""
    systems: tuple[str, ...] = ()
    """Parts of the brain, see :mod:`atlasnet.atlas.sources.hierarchy`."""
    reason: str
    """Why these areas."""


class Entry(Frozen):
    """Where something is connected to the brain."""

    alternatives: Annotated[tuple[Alternative, ...], Field(min_length=1)]
    """The first alternative of which the graph has an area is taken."""
    is_contralateral: bool = False
    """Whether only the hemisphere opposite to the hand has it, if there are both."""


class Sizes(Frozen):
    """Numbers per control step that go in and out; of an image, its shape."""

    proprioception: PositiveInt
    """Of joint angles and velocities."""
    touch: PositiveInt
    """Of the skin's sensors."""
    goal: PositiveInt
    """Of what is asked for."""
    vision: PositiveInt | tuple[PositiveInt, PositiveInt, PositiveInt]
    """Of a pose, where vision is no image."""
    auxiliary: Annotated[int, Field(ge=0)]
    """Of what the value head alone reads."""
    policy: PositiveInt
    """Of the policy head."""


class Preset(Frozen):
    """A network that comes as data."""

    name: str
    """Name by which it is asked for."""
    title: str
    """What it is, in a line."""
    nodes: tuple[str, ...]
    """Nodes of the graph, of the hand network's node table."""
    also: tuple[str, ...] = ()
    """Regions beside the nodes, as `atlasnet.build_graph` takes them."""
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Nodes that are merged, by the name of the region that they are together."""
    blind_without: tuple[str, ...]
    """Nodes that the blind model leaves out."""
    body_side: Hemisphere
    """Side of the hand; the opposite hemisphere moves and feels it."""
    sensations: dict[str, Entry]
    """Entry of each sensation, in the order of the inputs."""
    action: Entry
    """Nodes that drive the action."""
    value: Entry
    """Nodes that drive the value."""
    sizes: Sizes
    """Numbers of each sensation and of the policy head."""


def preset_names() -> tuple[str, ...]:
    """Return the names of all presets.

    Returns
    -------
    tuple of str
        Names, sorted.

    Examples
    --------
    >>> preset_names()
    ('fpn', 'fpn-compact', 'fpn-visual')
    """
    folder = files("atlasnet.presets")
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(n.removesuffix(".yaml") for n in names if n.endswith(".yaml")))


def load_preset(name: str = "fpn") -> Preset:
    """Return the preset of that name.

    Parameters
    ----------
    name : str, default="fpn"
        Name of the preset.

    Returns
    -------
    Preset
        The preset.

    Raises
    ------
    AtlasError
        If there is none.

    Examples
    --------
    >>> len(load_preset("fpn").nodes)
    35
    """
    require_known("preset", name, preset_names(), AtlasError)
    return _read(name)


@cache
def _read(name: str) -> Preset:
    """Return a preset, read once."""
    return Preset(**_data(name))


def _data(name: str) -> dict[str, Any]:
    """Return what a preset's file says, and what it leaves to the one it is based on.

    A mapping, such as ``sizes``, takes over what it does not name.
    """
    text = (files("atlasnet.presets") / f"{name}.yaml").read_text(encoding="utf-8")
    own: dict[str, Any] = yaml.safe_load(text)
    if "based_on" not in own:
        return own
    base = _data(own.pop("based_on"))
    merged = {
        key: {**base[key], **value} if isinstance(value, dict) else value
        for key, value in own.items()
    }
    return {**base, **merged}
