# SPDX-License-Identifier: Apache-2.0
"""Wiring: what the areas of a network hear, and which columns of their kernels."""

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from atlasnet.layers.noise import NOISE, NOISE_SIZE
from atlasnet.layers.projection import (
    MapDrive,
    MapPathway,
    from_image,
    from_map,
    from_units,
)
from atlasnet.layers.signal import Signal, is_seen, lagged, seen
from atlasnet.plan.spec import AreaSpec, NetworkSpec, PathwaySpec

__all__ = ["Wiring"]

_Key = TypeVar("_Key", bound=Hashable)


class Wiring:
    """What the areas of a network hear, and which columns of their kernels.

    Parameters
    ----------
    spec : NetworkSpec
        The network.

    Attributes
    ----------
    images : dict of str to ImageSpec
        Shapes of the sensations that are images.
    maps : dict of str to MapSpec
        Maps of the areas that have one.
    widths : dict of (str, str) to int
        Numbers of every signal.
    heard : dict of str to list of (str, str)
        What each area hears, in the order of the columns of its kernel: sensations,
        areas of the same step, areas of earlier steps, itself.
    drives : dict of str to MapDrive
        Pathways into the areas with a map.
    shown : set of (str, str)
        What read-outs show of maps.
    inputs : tuple of (str, str)
        What the cell is given at each step, in this order.
    carried : tuple of (str, str)
        What one step leaves to the next, in the order of the state.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        self.spec = spec
        self.images = {e.name: e.image for e in spec.inputs if e.image is not None}
        self.maps = {a.name: a.map for a in spec.areas if a.map is not None}
        self.widths = self._signal_widths()
        self.heard = {area.name: self._signals_into(area) for area in spec.areas}
        self.drives = {name: self._map_drive(name) for name in self.maps}
        self.shown = {
            s for signals in self.heard.values() for s in signals if is_seen(s)
        }
        self.inputs: tuple[Signal, ...] = tuple(
            ("sensation", entry.name) for entry in spec.inputs
        )
        if spec.noise_std:
            self.inputs += ((NOISE, NOISE),)
        self.carried = self._carried_signals()
        names = sorted(area.name for area in spec.areas)  # whatever their order
        sizes = [spec.area(name).n_units for name in names]
        self._noise_units = _slices(names, sizes)

    def pathways(self, area: str) -> list[PathwaySpec]:
        """Return the pathways to an area: first those of this step, then the others."""
        return [
            *self.spec.pathways_to(area, "same_step"),
            *self.spec.pathways_to(area, "previous_step"),
        ]

    def sizes(self, area: str) -> list[int]:
        """Return how many columns of an area's kernel each of its afferents has."""
        if area in self.drives:
            return list(self.drives[area].n_columns)
        return [self.widths[signal] for signal in self.heard[area]]

    def columns(self, area: str) -> dict[Signal, slice]:
        """Return which columns of an area's kernel belong to which signal."""
        return _slices(self.heard[area], self.sizes(area))

    def state(self) -> dict[Signal, slice]:
        """Return where in the state each signal is that the next step reads."""
        return _slices(self.carried, [self.widths[signal] for signal in self.carried])

    def noise_units(self, areas: Iterable[str]) -> NDArray[np.int64]:
        """Return which units some areas' are, among those of all areas by name."""
        parts = [self._noise_units[area] for area in areas]
        return np.concatenate([np.arange(part.start, part.stop) for part in parts])

    def has_worlds_first(self, signal: Signal) -> bool:
        """Whether a signal's first axis are worlds inside the cell, and not numbers.

        A product of a kernel and numbers by worlds needs no copy of the kernel, and
        joined afferents are copied in one go each: a step takes a fifth less time than
        with worlds first. Images and maps are convolved, which needs them so.
        """
        kind, name = signal
        if kind == "sensation":
            return name in self.images
        return kind == NOISE or (name in self.maps and not is_seen(signal))

    def _signals_into(self, area: AreaSpec) -> list[Signal]:
        """Return where an area's columns come from, in their order."""
        name = area.name
        own: list[Signal] = [("before", name)] if area.is_recurrent else []
        return [
            *(("sensation", source) for source in self.spec.sensations(name)),
            *(self._signal(area, pathway) for pathway in self.pathways(name)),
            *own,
        ]

    def _signal(self, area: AreaSpec, pathway: PathwaySpec) -> Signal:
        """Return what an area hears of a pathway's source."""
        kind = lagged(pathway.lag)
        if area.map is None and pathway.source in self.maps:
            return seen(kind), pathway.source
        return kind, pathway.source

    def _map_drive(self, area: str) -> MapDrive:
        """Return the pathways into an area with a map."""
        kernel_sizes = {p.source: p.kernel_size for p in self.pathways(area)}
        paths = [
            self._map_pathway(area, signal, kernel_sizes.get(signal[1]))
            for signal in self.heard[area]
        ]
        return MapDrive(self.maps[area], tuple(paths))

    def _map_pathway(
        self, area: str, signal: Signal, kernel_size: int | None
    ) -> MapPathway:
        """Return one pathway into an area with a map."""
        target, (kind, name) = self.maps[area], signal
        if kind == "sensation":
            return from_image(self.images[name].n_channels, target)
        if name == area:
            return from_map(target, target, target.own_kernel)
        if name in self.maps:
            return from_map(self.maps[name], target, kernel_size)
        return from_units(self.widths[signal])

    def _signal_widths(self) -> dict[Signal, int]:
        """Return the width of every signal."""
        longest = max((p.lag for p in self.spec.pathways), default=1)
        kinds = [lagged(lag) for lag in range(max(longest, 1) + 1)]
        return {
            (NOISE, NOISE): NOISE_SIZE,
            **{("sensation", entry.name): entry.size for entry in self.spec.inputs},
            **{
                (kind, area.name): area.n_units
                for area in self.spec.areas
                for kind in ("memory", *kinds)
            },
            **{
                (seen(kind), name): layout.readout_size
                for name, layout in self.maps.items()
                for kind in kinds
            },
        }

    def _carried_signals(self) -> tuple[Signal, ...]:
        """Return what one step leaves to the next, in the order of the state."""
        longest = {a.name: int(a.is_recurrent) for a in self.spec.areas}
        for pathway in self.spec.pathways:
            longest[pathway.source] = max(longest[pathway.source], pathway.lag)
        return (
            *(
                (lagged(lag), name)
                for name, last in longest.items()
                for lag in range(1, last + 1)
            ),
            *(("memory", a.name) for a in self.spec.areas if a.cell == "lstm"),
        )


def _slices(keys: Sequence[_Key], sizes: Sequence[int]) -> dict[_Key, slice]:
    """Return where each of some things is that lie one behind the other."""
    ends = np.cumsum(sizes).tolist()
    return {
        key: slice(end - size, end)
        for key, size, end in zip(keys, sizes, ends, strict=True)
    }
