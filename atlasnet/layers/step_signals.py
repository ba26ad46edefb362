# SPDX-License-Identifier: Apache-2.0
"""StepSignals: what is heard within one control step, by name."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from keras import ops

from atlasnet.layers.map_readout import MapReadout
from atlasnet.layers.parts import joined, split
from atlasnet.layers.signal import Signal, seen
from atlasnet.layers.wiring import Wiring

__all__ = ["StepSignals"]


class StepSignals:
    """What is heard within one control step, by name.

    Signals have the shape (n, B), images and maps (B, n); outside of the cell all have
    the latter: see :meth:`Wiring.has_worlds_first`.

    Parameters
    ----------
    wiring : Wiring
        Which signals there are.
    readouts : mapping of str to MapReadout
        What areas without a map see of those that have one.
    """

    def __init__(self, wiring: Wiring, readouts: Mapping[str, MapReadout]) -> None:
        self._wiring = wiring
        self._readouts = readouts
        self._signals: dict[Signal, Any] = {}

    def __getitem__(self, signal: Signal) -> Any:
        return self._signals[signal]

    def joined(self, keys: Iterable[Signal]) -> Any:
        """Return some signals as one, shape (n, B)."""
        return joined([self._signals[key] for key in keys])

    def parted(
        self, keys: Sequence[Signal], whole: Any, axis: int = 0
    ) -> dict[Signal, Any]:
        """Return the parts of joined signals by name."""
        parts = split(whole, [self._wiring.widths[key] for key in keys], axis)
        return dict(zip(keys, parts, strict=True))

    def add(self, signals: Mapping[Signal, Any]) -> None:
        """Let some signals be heard, and what read-outs show of them."""
        self._signals |= signals
        for signal in signals:
            kind, name = signal
            shown = (seen(kind), name)
            if shown in self._wiring.shown:
                numbers = self._readouts[name](self.shaped(signal, self[signal]))
                self._signals[shown] = ops.transpose(numbers)

    def take_apart(self, keys: Sequence[Signal], whole: Any) -> dict[Signal, Any]:
        """Return the parts of what comes from outside, shape (B, n), by name."""
        runs = _runs(keys, self._wiring.has_worlds_first)
        sizes = [sum(self._wiring.widths[key] for key in run) for _, run in runs]
        signals: dict[Signal, Any] = {}
        parts = split(whole, sizes, axis=-1)
        for (has_worlds_first, run), part in zip(runs, parts, strict=True):
            if has_worlds_first:
                signals |= self.parted(run, part, axis=-1)
            else:
                signals |= self.parted(run, ops.transpose(part))
        return signals

    def put_together(self, keys: Sequence[Signal]) -> Any:
        """Return some signals as they leave the cell, shape (B, n)."""
        parts = []
        for has_worlds_first, run in _runs(keys, self._wiring.has_worlds_first):
            if has_worlds_first:
                parts.append(joined([self[key] for key in run], axis=-1))
            else:
                parts.append(ops.transpose(self.joined(run)))
        return joined(parts, axis=-1)

    def shaped(self, signal: Signal, x: Any) -> Any:
        """Return an image or a map as (B, H, W, C), other signals as (B, n).

        Images lie between -1 and 1 then: what a convolution adds around them, zeros, is
        a middling grey. They are given: no gradient is asked for them.
        """
        kind, name = signal
        if kind == "sensation":
            shape = (-1, *self._wiring.images[name].shape)
            return 2.0 * ops.reshape(ops.stop_gradient(x), shape) - 1.0
        layout = self._wiring.maps.get(name)
        if layout is None:
            return ops.transpose(x)
        return ops.reshape(x, (-1, *layout.shape))


def _runs(
    keys: Iterable[Signal], kind: Callable[[Signal], bool]
) -> list[tuple[bool, list[Signal]]]:
    """Return neighbours of one kind, in their order."""
    return [(is_kind, list(run)) for is_kind, run in groupby(keys, kind)]
