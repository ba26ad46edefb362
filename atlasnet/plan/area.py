# SPDX-License-Identifier: Apache-2.0
"""AreaSpec: one area of a network, and the retinotopic map that it may form."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from atlasnet.errors import SpecError
from atlasnet.frozen import Frozen
from atlasnet.naming import slug

__all__ = ["Activation", "AreaSpec", "Cell", "MapSpec", "Readout"]

Activation = Literal["tanh", "relu", "softplus"]
Cell = Literal["dense", "rate", "rnn", "gru", "lstm"]
Readout = Literal["flatten", "spatial_softmax"]

_MAP_CELLS = ("dense", "rate")


class MapSpec(Frozen):
    """A retinotopic map: what lies at every position is the same set of channels."""

    height: PositiveInt
    """Positions from top to bottom."""
    width: PositiveInt
    """Positions from left to right."""
    n_channels: PositiveInt
    """Units at a position."""
    spacing_px: PositiveInt
    """Pixels of the image between neighbouring positions."""
    field_px: PositiveFloat
    """Diameter of a unit's receptive field, pixels of the image. Kernels of pathways
    are as large as it takes to reach it."""
    readout: Readout = "spatial_softmax"
    """What areas without a map see of it: every unit (``flatten``), or where in the
    image each channel is active, two numbers a channel (``spatial_softmax``, Levine et
    al. 2016, JMLR 17(39))."""
    own_kernel: PositiveInt = 3
    """Side of the kernel by which units of a ``rate`` area hear their neighbours."""

    @property
    def n_units(self) -> int:
        """Units of all positions."""
        return self.height * self.width * self.n_channels

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.height, self.width, self.n_channels

    @property
    def grid(self) -> str:
        """Positions from top to bottom and from left to right, in words."""
        return f"{self.height} x {self.width}"

    @property
    def readout_size(self) -> int:
        """Numbers that areas without a map see of it."""
        return self.n_units if self.readout == "flatten" else 2 * self.n_channels

    @property
    def image_kernel(self) -> int:
        """Side of the kernel by which the map reads an image, pixels."""
        return max(round(self.field_px), self.spacing_px)

    def kernel_from(self, source: "MapSpec") -> int:
        """Return the side of the kernel of a pathway from another map.

        Parameters
        ----------
        source : MapSpec
            The map that the pathway leaves.

        Returns
        -------
        int
            Odd, counted in positions of the source. From a finer or equal map:
            neighbouring positions of the source lie `spacing_px` apart, so that
            ``k`` of them see ``field_px + (k - 1) * spacing_px`` pixels; the least
            that reaches the target's field and :meth:`least_kernel_from`. From a
            coarser one: 3.
        """
        if source.spacing_px > self.spacing_px:
            return 3
        reach = 1 + math.ceil((self.field_px - source.field_px) / source.spacing_px)
        side = min(reach, max(source.height, source.width))
        return max(_odd(side), self.least_kernel_from(source))

    def least_kernel_from(self, source: "MapSpec") -> int:
        """Return the side of the smallest kernel that skips nothing: odd, 3 or more.

        Parameters
        ----------
        source : MapSpec
            The map that the pathway leaves.
        """
        return _odd(max(3, self.spacing_px // source.spacing_px))

    def nests(self, other: "MapSpec") -> bool:
        """Whether the positions of the coarser map are some of the finer one's."""
        fine, coarse = sorted((self, other), key=lambda layout: layout.spacing_px)
        ratio, rest = divmod(coarse.spacing_px, fine.spacing_px)
        size = (-(-fine.height // ratio), -(-fine.width // ratio))
        return rest == 0 and (coarse.height, coarse.width) == size


class AreaSpec(Frozen):
    """One area: a population of units that share their afferents."""

    name: str
    """Name of the region in the graph, e.g. ``"4p left"``."""
    n_units: PositiveInt
    """Size of the population."""
    cell: Cell
    """``dense`` holds no memory; ``rate`` is a leaky recurrent rate unit; ``rnn``,
    ``gru`` and ``lstm`` are those of machine learning."""
    time_constant_s: PositiveFloat = 0.02
    """Time constant of a rate unit, in s; other cells ignore it. 20 ms is the order
    of a cortical pyramidal cell's membrane time constant (Koch et al. 1996, Cereb
    Cortex 6:93)."""
    activation: Activation = "tanh"
    """What units make of their drive; ``lstm`` and ``gru`` use it beside their
    gates, which are sigmoid."""
    inhibitory_share: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None
    """Dale's principle: this share of the units, the last ones, inhibit, and only
    inside the area; all others excite, inside and elsewhere. None leaves the signs of
    weights free."""
    map: MapSpec | None = None
    """The retinotopic map that the units form; None where they form none."""
    system: str | None = None
    """Part of the brain, as of the region: what figures colour by; None if unknown."""

    @classmethod
    def _label(cls, data: Mapping[str, Any]) -> str:
        return f"area '{data.get('name')}'"

    @model_validator(mode="after")
    def _check_map(self) -> Self:
        if self.map is not None and self.cell not in _MAP_CELLS:
            raise SpecError(
                f"The area '{self.name}' has a map and '{self.cell}' units; those of "
                f"a map are {' or '.join(_MAP_CELLS)}."
            )
        if self.map is not None and self.map.n_units != self.n_units:
            grid = f"{self.map.grid} x {self.map.n_channels}"
            raise SpecError(
                f"The area '{self.name}' has {self.n_units} units, its map of {grid} "
                f"has {self.map.n_units}."
            )
        return self

    @property
    def layer(self) -> str:
        """Name of the area's Keras layer."""
        return slug(self.name)

    @property
    def is_recurrent(self) -> bool:
        """Whether the units read their own activity of the step before."""
        return self.cell != "dense"

    @property
    def n_channels(self) -> int:
        """Units that have weights of their own: all, or those at a map's position."""
        return self.n_units if self.map is None else self.map.n_channels

    @property
    def n_inhibitory(self) -> int:
        """How many units inhibit: the last ones; 0 where signs are free.

        In a map, the last channels inhibit at every position.
        """
        n_positions = self.n_units // self.n_channels
        return round((self.inhibitory_share or 0.0) * self.n_channels) * n_positions

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.inhibitory_share is None:
            return self
        remedy = None
        if self.activation == "tanh":
            remedy = "a unit whose activity may be negative has no sign: take relu or"
            remedy += " softplus"
        elif self.cell in ("gru", "lstm"):
            remedy = f"the gates of '{self.cell}' have no sign: take rate or rnn"
        elif self.cell == "dense" and self.n_inhibitory:
            remedy = "a dense area has no weights inside that could inhibit: take 0.0"
        elif self.inhibitory_share and not self.n_inhibitory:
            remedy = f"none of its {self.n_channels} units would inhibit: take at least"
            remedy += f" {1.0 / self.n_channels:.2g}, more units, or 0.0"
        elif self.n_inhibitory == self.n_units:
            remedy = f"none of its {self.n_channels} units would excite: take at most"
            remedy += f" {1.0 - 1.0 / self.n_channels:.4g}, or more units"
        if remedy is not None:
            raise SpecError(
                f"The area '{self.name}' cannot have an inhibitory share of "
                f"{self.inhibitory_share:g}: {remedy}."
            )
        return self


def _odd(side: int) -> int:
    """Return the next odd number."""
    return side if side % 2 else side + 1
