# SPDX-License-Identifier: Apache-2.0
"""Interface: what a network is connected to.

Sensations enter areas, areas drive action and value. :func:`hand_interface` finds the
areas for the hand in any graph, by the preset's entry table or by the caller's choice,
and notes each default that it took.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import Field, PositiveInt

from atlasnet.errors import AtlasError, SpecError, closest
from atlasnet.frozen import Frozen
from atlasnet.graph.graph import Region, RegionGraph
from atlasnet.graph.preset import Alternative, Entry, Preset, load_preset
from atlasnet.plan.spec import ImageSpec, InputSpec, ValueSpec
from atlasnet.signature import checked

__all__ = ["Interface", "hand_interface"]

Size = int | Sequence[int]
"""Numbers of a sensation, or the height, width and channels of an image."""

_AUXILIARY = "auxiliary"


class Interface(Frozen):
    """What a network is connected to."""

    inputs: Annotated[tuple[InputSpec, ...], Field(min_length=1)]
    """Sensations, their sizes and the areas that they enter."""
    action_areas: Annotated[tuple[str, ...], Field(min_length=1)]
    """Areas that drive the policy head."""
    policy_size: PositiveInt
    """Parameters of the action distribution."""
    value: ValueSpec
    """Areas that drive the value head, and its auxiliary input."""
    notes: tuple[str, ...] = ()
    """One line per connection: which areas it has, and why."""


@checked(SpecError)
def hand_interface(
    graph: RegionGraph,
    *,
    inputs: Mapping[str, Sequence[str]] | None = None,
    action: Sequence[str] | None = None,
    value: Sequence[str] | None = None,
    without: Sequence[str] = (),
    sizes: Mapping[str, Size] | None = None,
    preset: Preset | str = "fpn",
) -> Interface:
    """Connect a graph to the hand.

    Parameters
    ----------
    graph : RegionGraph
        Regions to connect.
    inputs : mapping of str to sequence of str, optional
        Areas that a sensation enters, in place of the preset's. Areas are regions of
        the graph or nodes of the hand network, with or without hemisphere.
    action : sequence of str, optional
        Areas that drive action, in place of the preset's.
    value : sequence of str, optional
        Areas that drive value, in place of the preset's.
    without : sequence of str, optional
        Sensations to leave out; ``"auxiliary"`` takes the value head's own input.
    sizes : mapping of str to int or sequence of int, optional
        Numbers per control step, in place of the preset's: of each sensation, of
        ``"auxiliary"`` and ``"policy"``; of an image its shape, (height, width,
        channels). A sensation that the preset lacks needs an entry in `inputs` too.
    preset : Preset or str, default="fpn"
        Entry table and sizes: a preset, or the name of one.

    Returns
    -------
    Interface
        The connections; its `notes` say which alternative each took.

    Raises
    ------
    SpecError
        If a sensation enters no area, a name is no sensation, a size is below 1, or
        the preset sees an image and is given a vector.
    RegionNotFoundError
        If the graph has no area of a name.

    Examples
    --------
    >>> from atlasnet.graph.graph import Region
    >>> names = {"3a": "primary somatosensory", "4p": "primary motor"}
    >>> graph = RegionGraph(
    ...     Region(f"{node} left", "left", node=node, system=system)
    ...     for node, system in names.items()
    ... )
    >>> interface = hand_interface(graph, without=["goal", "vision"])
    >>> [(entry.name, entry.areas) for entry in interface.inputs]
    [('proprioception', ('3a left',)), ('touch', ('3a left',))]
    """
    chosen = load_preset(preset) if isinstance(preset, str) else preset
    own_sizes: dict[str, Size] = chosen.sizes.model_dump()
    all_sizes = {**own_sizes, **_possible(sizes or {}, own_sizes, chosen.name)}
    finder = _Finder(graph, chosen)
    entries = finder.inputs(all_sizes, inputs or {}, without)
    auxiliary_size = 0 if _AUXILIARY in without else _number(all_sizes[_AUXILIARY])
    action_areas = finder.head("action", chosen.action, action)
    value_areas = finder.head("value", chosen.value, value)
    return Interface(
        inputs=entries,
        action_areas=action_areas,
        policy_size=_number(all_sizes["policy"]),
        value=ValueSpec(areas=value_areas, auxiliary_size=auxiliary_size),
        notes=tuple(finder.notes),
    )


def _possible(
    sizes: Mapping[str, Size], of_preset: Mapping[str, Size], preset: str
) -> Mapping[str, Size]:
    """Return sizes that are all possible."""
    for name, size in sizes.items():
        sides = [size] if isinstance(size, int) else list(size)
        if name in (_AUXILIARY, "policy") and len(sides) != 1:
            raise SpecError(f"The size of '{name}' is one number, got {size!r}.")
        if len(sides) not in (1, 3):
            raise SpecError(
                f"The size of '{name}' is a number, or the (height, width, channels) "
                f"of an image; got {size!r}."
            )
        if min(sides) < (0 if name == _AUXILIARY else 1):
            raise SpecError(f"The size of '{name}' is at least 1, got {size!r}.")
        expected = of_preset.get(name, 1)
        if not isinstance(expected, int) and len(sides) == 1:
            raise SpecError(
                f"The preset '{preset}' sees '{name}' as an image of "
                f"{' x '.join(map(str, expected))}, but it is {sides[0]} numbers. Let "
                "the task give pixels (vision: {kind: rgb}), or take a preset whose "
                "visual areas are left out, such as fpn."
            )
    return sizes


def _entry(name: str, size: Size, areas: tuple[str, ...]) -> InputSpec:
    """Return a sensation that enters some areas."""
    sides = [size] if isinstance(size, int) else list(size)
    if len(sides) == 1:
        return InputSpec(name=name, size=sides[0], areas=areas)
    height_px, width_px, n_channels = sides
    image = ImageSpec(height_px=height_px, width_px=width_px, n_channels=n_channels)
    return InputSpec(name=name, image=image, areas=areas)


def _number(size: Size) -> int:
    """Return a size that is known to be one number."""
    return size if isinstance(size, int) else size[0]


def _require_known(what: str, names: Iterable[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise SpecError(
                f"'{name}' in {what} is no sensation. There are: {', '.join(known)}."
                f"{closest(name, known)}"
            )


class _Finder:
    """Finds areas in a graph and notes how."""

    def __init__(self, graph: RegionGraph, preset: Preset) -> None:
        self._graph = graph
        self._preset = preset
        self.notes: list[str] = []

    def inputs(
        self,
        sizes: Mapping[str, Size],
        given: Mapping[str, Sequence[str]],
        without: Sequence[str],
    ) -> tuple[InputSpec, ...]:
        """Return the sensations that are not left out, and where they enter."""
        sensations = [n for n in sizes if n not in (_AUXILIARY, "policy")]
        _require_known("inputs", given, sensations)
        _require_known("without", without, [*sensations, _AUXILIARY])
        entries = []
        for name in sensations:
            if name in without:
                self.notes.append(f"{name} is left out")
                continue
            areas = self.sensation(name, given.get(name))
            entries.append(_entry(name, sizes[name], areas))
        if not entries:
            raise SpecError(
                "A network needs a sensation, but all of them are left out."
            )
        return tuple(entries)

    def sensation(self, name: str, given: Sequence[str] | None) -> tuple[str, ...]:
        """Return the areas that a sensation enters."""
        if given is not None:
            return self._take(name, given, "enters")
        entry = self._preset.sensations.get(name)
        areas = self._default(name, entry, "enters") if entry else ()
        if not areas:
            raise SpecError(
                f"The sensation '{name}' enters no area of the graph: give "
                f"--input {name}=AREA or leave it out with --without {name}."
            )
        return areas

    def head(
        self, name: str, entry: Entry, given: Sequence[str] | None
    ) -> tuple[str, ...]:
        """Return the areas that drive a head."""
        if given is not None:
            return self._take(name, given, "is driven by")
        areas = self._default(name, entry, "is driven by")
        if not areas:
            raise SpecError(
                f"No area of the graph drives {name}: give --{name} AREA, or add a "
                "motor region such as 'Area 4p (PreCG)'."
            )
        return areas

    def _default(self, name: str, entry: Entry, verb: str) -> tuple[str, ...]:
        """Return the areas of the first alternative that fits."""
        for rank, alternative in enumerate(entry.alternatives):
            fitting = [r for r in self._graph.regions if _fits(r, alternative)]
            opposite = [r for r in fitting if r.hemisphere != self._preset.body_side]
            if entry.is_contralateral and opposite:
                fitting = opposite
            if fitting:
                areas = _in_order(fitting, alternative)
                how = "default" if rank == 0 else f"default {rank + 1}"
                why = alternative.reason
                if entry.is_contralateral and not opposite:
                    why += f"; on the {self._preset.body_side} hand's own side, since "
                    why += "the graph lacks the other"
                self.notes.append(f"{name} {verb} {', '.join(areas)} ({how}: {why})")
                return areas
        return ()

    def _take(self, name: str, given: Sequence[str], verb: str) -> tuple[str, ...]:
        """Return the areas of the names that the caller gave."""
        areas = tuple(dict.fromkeys(a for g in given for a in _listed(self._graph, g)))
        if not areas:
            raise SpecError(f"'{name}' was given no area. Name at least one.")
        self.notes.append(f"{name} {verb} {', '.join(areas)} (given)")
        return areas


def _listed(graph: RegionGraph, text: str) -> list[str]:
    """Return the regions of a name, or of several with commas between.

    A name may have commas itself: of what lies between them, as much as possible is
    read as one name.
    """
    pieces, areas = text.split(","), list[str]()
    while pieces:
        ends = range(len(pieces), 1, -1)
        whole = (",".join(pieces[:end]).strip() for end in ends)
        name = next((n for n in whole if _is_name(graph, n)), pieces[0].strip())
        areas += graph.regions_called(name)
        del pieces[: name.count(",") + 1]
    return areas


def _is_name(graph: RegionGraph, text: str) -> bool:
    """Tell whether a text is the name of regions of a graph."""
    try:
        return bool(graph.regions_called(text))
    except AtlasError:
        return False


def _fits(region: Region, alternative: Alternative) -> bool:
    return region.node in alternative.nodes or region.system in alternative.systems


def _in_order(regions: Sequence[Region], alternative: Alternative) -> tuple[str, ...]:
    """Return names in the order of the alternative's nodes, then of the graph."""
    rank = {node: i for i, node in enumerate(alternative.nodes)}
    ordered = sorted(regions, key=lambda r: rank.get(r.node or "", len(rank)))
    return tuple(region.name for region in ordered)
