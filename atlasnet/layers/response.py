# SPDX-License-Identifier: Apache-2.0
"""Response: how the areas of a network answer what they hear within a control step."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from atlasnet.layers.assembly import Products, Stage
from atlasnet.layers.grouping import Group, Schedule, stage_areas
from atlasnet.layers.noise import NOISE, UnitNoise
from atlasnet.layers.parts import joined, split
from atlasnet.layers.population import Population
from atlasnet.layers.signal import Signal
from atlasnet.layers.step_signals import StepSignals
from atlasnet.layers.wiring import Wiring

__all__ = ["Drives", "Response"]

Drives = Mapping[str, tuple[int, Any]]
"""Drives from earlier steps, by the first of the areas that they are of: how many these
are, and the drives, shape (n, B)."""


class Response:
    """How the areas of a network answer what they hear within a control step.

    Parameters
    ----------
    wiring : Wiring
        What each area hears.
    populations : mapping of str to Population
        The areas.
    """

    def __init__(self, wiring: Wiring, populations: Mapping[str, Population]) -> None:
        self._wiring = wiring
        self._populations = populations
        self._noise = UnitNoise(wiring.spec.n_units) if wiring.spec.noise_std else None

    def early_drives(
        self, schedule: Schedule, products: Products, signals: StepSignals
    ) -> Drives:
        """Return the drives from earlier steps."""
        drives: dict[str, tuple[int, Any]] = {}
        for group, kernel in zip(schedule.early, products.early, strict=True):
            heard = signals.joined(group.signals)
            sizes = [self._n_drives(part) for part in group.parts]
            parts = split(ops.matmul(kernel, heard), sizes)
            for areas, part in zip(group.parts, parts, strict=True):
                drives[areas[0]] = (len(areas), part)
        return drives

    def of_stage(
        self,
        stage: Sequence[Group],
        weights: Stage,
        signals: StepSignals,
        drives: Drives,
    ) -> tuple[dict[Signal, Any], dict[Signal, Any]]:
        """Return the activity of a stage's areas, and their memory.

        Parameters
        ----------
        stage : sequence of Group
            Areas that are computed at once: one with a map, or others.
        weights : Stage
            Their joined weights.
        signals : StepSignals
            What is heard by now.
        drives : mapping of str to (int, tensor)
            Of :meth:`early_drives`.

        Returns
        -------
        activity, memory : dict of (str, str) to tensor
            Shape (n_units, B), of an area with a map (B, n_units).
        """
        areas = stage_areas(stage)
        if areas[0] in self._wiring.drives:
            return self._of_map(areas[0], stage[0], weights, signals), {}
        dynamics = self._populations[areas[0]].dynamics
        drive = weights.bias
        if areas[0] in drives:
            drive = joined(_early_parts(areas, drives)) + drive
        if weights.kernels:
            heard = [signals.joined(group.signals) for group in stage]
            products = [
                ops.matmul(kernel, x)
                for x, kernel in zip(heard, weights.kernels, strict=True)
            ]
            drive = joined(products) + drive
        before, memory, own = None, None, None
        if dynamics.reads_before:
            before = signals.joined(("before", area) for area in areas)
        noise = self._noise_of(areas, signals)
        if weights.own_kernel is not None:
            own = ops.matmul(weights.own_kernel, before) + weights.own_bias
        memories = [("memory", area) for area in areas]
        if dynamics.has_memory:
            memory = signals.joined(memories)
        activity, memory = dynamics.respond(
            drive,
            before,
            memory=memory,
            own=own,
            leak=weights.leak,
            noise=None if noise is None else ops.transpose(noise),
            axis=0,
        )
        active = signals.parted([("now", area) for area in areas], activity)
        return active, {} if memory is None else signals.parted(memories, memory)

    def _of_map(
        self, area: str, group: Group, weights: Stage, signals: StepSignals
    ) -> dict[Signal, Any]:
        """Return the activity of an area with a map."""
        dynamics = self._populations[area].dynamics
        heard = [signals.shaped(signal, signals[signal]) for signal in group.signals]
        drive = self._wiring.drives[area].drive(heard, weights.kernels) + weights.bias
        now, own = ("now", area), ("before", area)
        before, noise = None, self._noise_of([area], signals)
        if dynamics.reads_before:
            before = signals.shaped(own, signals[own])
        if noise is not None:
            noise = signals.shaped(now, noise)
        activity, _ = dynamics.respond(drive, before, leak=weights.leak, noise=noise)
        return {now: ops.reshape(activity, (-1, self._wiring.maps[area].n_units))}

    def _n_drives(self, areas: Sequence[str]) -> int:
        """Return how many drives some areas have: one a unit and gate."""
        members = [self._populations[area] for area in areas]
        return sum(member.n_units * member.dynamics.n_gates for member in members)

    def _noise_of(self, areas: Sequence[str], signals: StepSignals) -> Any:
        """Return the noise in the drive of some areas' units, if there is noise."""
        if self._noise is None:
            return None
        units = self._wiring.noise_units(areas)
        return self._wiring.spec.noise_std * self._noise(signals[NOISE, NOISE], units)


def _early_parts(areas: Sequence[str], drives: Drives) -> list[Any]:
    """Return the parts of some areas' drives from earlier steps, in their order."""
    parts, i = [], 0
    while i < len(areas):
        n_areas, part = drives[areas[i]]
        parts.append(part)
        i += n_areas
    return parts
