# SPDX-License-Identifier: Apache-2.0
"""PlanOptions: what a user may choose about areas and pathways."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from atlasnet.frozen import Flag, Frozen
from atlasnet.plan.spec import Activation, Cell, Stem, StrengthUse
from atlasnet.units import CONDUCTION_VELOCITY_M_PER_S

__all__ = ["PlanOptions"]


class PlanOptions(Frozen):
    """What a user may choose about areas and pathways; the defaults change nothing.

    Raises
    ------
    SpecError
        If a value is out of range or a key is unknown.

    Examples
    --------
    >>> PlanOptions(cell="gru", cells={"4p": "lstm"}).cells
    {'4p': 'lstm'}
    """

    label = "plan"

    cell: Annotated[Cell | None, Flag(is_offered=False)] = None
    """Cell of every area that has a memory by its role; None is ``rate``."""
    cells: Annotated[
        Mapping[str, Cell],
        Flag("--cell", metavar="CELL|AREA=CELL...", alone="cell"),
    ] = Field(default_factory=dict)
    """Cells of single areas, by the name of a region or node, with or without its
    hemisphere: dense, rate, rnn, gru or lstm; on the command line, a cell alone is that
    of all areas with a memory."""
    activation: Activation = "tanh"
    """What units make of their drive."""
    time_constant_s: Annotated[
        PositiveFloat, Flag("--time-constant", metavar="SECONDS")
    ] = 0.02
    """Time constant of ``rate`` units, in s."""
    gain: Literal["equal", "streamlines", "input_share"] = "input_share"
    """How an area's pathways of one timing share its drive: evenly; with an amplitude
    that goes with log10(1 + streamline count); or, ``input_share``, all of its pathways
    together, whatever their timing, in proportion to the count. Counts spread over
    orders of magnitude, about log-normally (Ercsey-Ravasz et al. 2013, Neuron 80:184);
    the logarithm keeps weak pathways audible, the share is nearest to what tracers
    count in the macaque (see docs/validity.md). A pathway without a measured
    streamline, which is there by citation, or one that is weak by evidence, has the
    least amplitude; with ``equal`` a weak one has a tenth."""
    strength: StrengthUse = "initial"
    """Whether these amplitudes are those of the first weights alone, fixed factors of
    the weights, or factors that training changes."""
    has_delays: Annotated[bool, Flag("--delays")] = False
    """Whether activity takes round(delay / control step) steps, delay being the
    tract's length by the conduction velocity; at least 1 where the timing is
    ``previous_step``. A pathway of unknown length has the least delay."""
    conduction_velocity_m_per_s: Annotated[
        PositiveFloat, Flag("--velocity", metavar="M/S")
    ] = CONDUCTION_VELOCITY_M_PER_S
    """Conduction velocity of the tracts, in m/s."""
    inhibitory_share: Annotated[
        float | None, Field(ge=0.0, lt=1.0), Flag(metavar="SHARE")
    ] = None
    """Dale's principle: the share of units that inhibit in every recurrent area; all
    others excite. Needs ``relu`` or ``softplus``. About 0.2 in cortex (Song et al.
    2016, PLoS Comput Biol 12:e1004792); None leaves signs free."""
    noise_std: Annotated[NonNegativeFloat, Flag("--noise")] = 0.0
    """Standard deviation of the noise in every unit's drive at each step."""
    value_stem: Stem = "shared"
    """What the value head reads: areas of the network that acts, those of a second
    network of its own (``copy``), or the sensations, by a plain network (``plain``)."""
    activity_cost: NonNegativeFloat = 0.0
    """Weight of the mean square activity in the loss."""
    wiring_cost: NonNegativeFloat = 0.0
    """Weight of the mean of length (mm) times weight in the loss."""
