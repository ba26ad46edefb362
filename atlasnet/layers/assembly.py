# SPDX-License-Identifier: Apache-2.0
"""The weights of products that areas share, put together from the areas' own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from atlasnet.layers.grouping import Group, Schedule, stage_areas
from atlasnet.layers.parts import joined
from atlasnet.layers.population import Population
from atlasnet.layers.signal import Signal
from atlasnet.layers.wiring import Wiring

__all__ = ["Assembly", "Products", "Stage"]


@dataclass(frozen=True)
class Stage:
    """The weights of a stage: a kernel for each group, the rest for all together.

    A row of a kernel is a unit and gate; `bias` has the shape (n_gates * N, 1), `leak`
    (N, 1), or it is one number. There are no kernels where all drive comes from earlier
    steps. `own_kernel`, shape (N, N), and `own_bias`, shape (N, 1), are those of
    candidates whose own part is computed apart. Of a map, the kernels are those of
    :class:`atlasnet.layers.projection.MapDrive`.
    """

    kernels: list[Any]
    bias: Any
    leak: Any
    own_kernel: Any = None
    own_bias: Any = None


@dataclass(frozen=True)
class Products:
    """The weights of a schedule: kernels of early products, and stages."""

    early: list[Any]
    late: list[Stage]


class Assembly:
    """Puts the weights of products together.

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

    def products(self, schedule: Schedule, kernels: Mapping[str, Any]) -> Products:
        """Return the weights of a schedule's products.

        Parameters
        ----------
        schedule : Schedule
            The products.
        kernels : mapping of str to tensor, shape (n_gates * n_units, n_columns)
            Of every area, as it is used.

        Returns
        -------
        Products
            Joined weights.
        """
        early = [
            joined([self._block(part, group.signals, kernels) for part in group.parts])
            for group in schedule.early
        ]
        return Products(early, [self._stage(s, kernels) for s in schedule.late])

    def _stage(self, stage: Sequence[Group], kernels: Mapping[str, Any]) -> Stage:
        """Return the weights of a stage."""
        areas = stage_areas(stage)
        if areas[0] in self._wiring.drives:
            return self._map_stage(areas[0], kernels[areas[0]])
        members = [self._populations[area] for area in areas]
        n_gates = members[0].dynamics.n_gates
        own_kernel, own_bias = None, None
        if members[0].dynamics.splits_own:
            own_kernel = _block_diagonal(
                [
                    member.own_weights(kernels[area])
                    for area, member in zip(areas, members, strict=True)
                ]
            )
            own_bias = joined([ops.convert_to_tensor(m.own_bias) for m in members])
            own_bias = own_bias[:, None]
        leaks = [member.leak for member in members]
        leak: Any = leaks[0]
        if len(set(leaks)) > 1:
            n_units = [member.n_units for member in members]
            leak = np.repeat(leaks, n_units).astype(np.float32)[:, None]
        bias = _joined_by_gate([member.drive_bias() for member in members], n_gates)
        return Stage(
            kernels=[
                self._block(group.areas, group.signals, kernels)
                for group in stage
                if group.signals
            ],
            bias=bias[:, None],
            own_kernel=own_kernel,
            own_bias=own_bias,
            leak=leak,
        )

    def _map_stage(self, area: str, kernel: Any) -> Stage:
        """Return the weights of an area with a map, pathway by pathway."""
        population = self._populations[area]
        kernels = self._wiring.drives[area].weights(kernel)
        return Stage(kernels, population.drive_bias(), population.leak)

    def _block(
        self,
        areas: Sequence[str],
        signals: Sequence[Signal],
        kernels: Mapping[str, Any],
    ) -> Any:
        """Return areas' kernels, gate by gate, with the columns of some signals."""
        n_gates = self._populations[areas[0]].dynamics.n_gates
        blocks = [self._columns_of(a, signals, kernels[a]) for a in areas]
        return _joined_by_gate(blocks, n_gates)

    def _columns_of(self, area: str, signals: Sequence[Signal], kernel: Any) -> Any:
        """Return the columns of some signals, zeros for those that the area lacks."""
        if tuple(signals) == tuple(self._wiring.heard[area]):
            return kernel
        place = {key: part.start for key, part in self._wiring.columns(area).items()}
        runs: list[tuple[int | None, int]] = []  # first column or None, and how many
        for signal in signals:
            start, n_columns = place.get(signal), self._wiring.widths[signal]
            before, n_before = runs[-1] if runs else (0, 0)
            follows = start is None if before is None else start == before + n_before
            if runs and follows:
                runs[-1] = (before, n_before + n_columns)
            else:
                runs.append((start, n_columns))
        n_rows = int(kernel.shape[0])
        return joined(
            [
                ops.zeros((n_rows, n_columns), dtype=kernel.dtype)
                if start is None
                else kernel[:, start : start + n_columns]
                for start, n_columns in runs
            ],
            axis=1,
        )


def _joined_by_gate(blocks: list[Any], n_gates: int) -> Any:
    """Concatenate along the first axis, for each gate apart."""
    if len(blocks) == 1 or n_gates == 1:
        return joined(blocks)
    gates = [ops.split(block, n_gates) for block in blocks]
    return joined([part for parts in zip(*gates, strict=True) for part in parts])


def _block_diagonal(blocks: list[Any]) -> Any:
    """Return square matrices along the diagonal of one that is else zero."""
    if len(blocks) == 1:
        return blocks[0]
    sizes = [int(block.shape[0]) for block in blocks]
    starts = [0, *np.cumsum(sizes).tolist()]
    total = starts[-1]
    return ops.concatenate(
        [
            ops.pad(block, ((0, 0), (start, total - start - size)))
            for block, start, size in zip(blocks, starts, sizes, strict=False)
        ],
        axis=0,
    )
