# SPDX-License-Identifier: Apache-2.0
"""Population: the units of one area over one control step."""

import math
import zlib
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from atlasnet.spec import Cell

__all__ = ["Population"]


@keras.saving.register_keras_serializable(package="atlasnet")
class Population(keras.layers.Layer):
    r"""The units of one area over one control step.

    ``dense`` units follow their input at once,

    .. math:: h(t) = \tanh(W x(t) + b),

    ``rate`` units approach it with time constant :math:`\tau`: the exact solution
    of :math:`\tau \dot h = -h + \tanh(W x + R h + b)` over a control step
    :math:`\Delta t` in which the right-hand side is held
    (Dayan & Abbott 2001, Theoretical Neuroscience, eq. 7.11),

    .. math::

        h(t) = e^{-\Delta t / \tau} h(t-1)
             + (1 - e^{-\Delta t / \tau}) \tanh(W x(t) + R h(t-1) + b).

    ``W`` and ``R`` are rows of one kernel: afferents first, the own activity last.

    Parameters
    ----------
    n_units : int
        Size of the population.
    cell : {"dense", "rate"}
        Dynamics of the units.
    time_constant_s : float
        Time constant of rate units, in s.
    control_step_s : float
        Control step, in s.
    seed : int
        Seed of the initial weights. The name of the layer enters as well, so an
        area's weights do not depend on which other areas there are.

    Notes
    -----
    ``call(afferents, previous)`` takes the concatenated afferent activity, shape
    (B, n_afferents), and the own activity of the step before, shape (B, n_units),
    and returns the activity, shape (B, n_units), within (-1, 1).

    A unit's drive starts with unit variance (LeCun et al. 1998, Efficient BackProp).
    How it is shared among the afferents is given to ``build``: for a share ``s`` of an
    afferent with ``n`` units, its rows start with variance ``s / n``, so a small area
    is heard as well as a large one.
    """

    def __init__(
        self,
        n_units: int,
        *,
        cell: Cell,
        time_constant_s: float,
        control_step_s: float,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.n_units = n_units
        self.cell = cell
        self.time_constant_s = time_constant_s
        self.control_step_s = control_step_s
        self.seed = seed

    @property
    def is_recurrent(self) -> bool:
        """Whether the units see their own activity of the step before."""
        return self.cell == "rate"

    @property
    def leak(self) -> float:
        """Share of the way to the target that rate units go in a control step."""
        return 1.0 - math.exp(-self.control_step_s / self.time_constant_s)

    def build(self, sizes: list[int], shares: list[float]) -> None:
        """Make the weights for afferents of given widths and shares of the drive.

        The own activity of a recurrent population is the last of them.
        """
        self.kernel = self.add_weight(
            name="kernel",
            shape=(sum(sizes), self.n_units),
            initializer=lambda shape, dtype: ops.convert_to_tensor(
                self._first_kernel(sizes, shares), dtype
            ),
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.n_units,), initializer="zeros"
        )
        self.built = True

    def _first_kernel(
        self, sizes: list[int], shares: list[float]
    ) -> NDArray[np.float64]:
        """Draw the kernel, shape (sum of sizes, n_units)."""
        rng = np.random.default_rng(
            np.random.SeedSequence([self.seed, zlib.crc32(self.name.encode())])
        )
        spread = np.sqrt(np.array(shares) / np.array(sizes))
        drawn = rng.standard_normal((sum(sizes), self.n_units))
        return np.repeat(spread, sizes)[:, None] * drawn

    def call(self, afferents: list[Any], previous: Any) -> Any:
        """Return the activity after this control step."""
        heard = [*afferents, previous] if self.is_recurrent else afferents
        signal = ops.concatenate(heard, axis=-1)
        return self.respond(ops.matmul(signal, self.kernel) + self.bias, previous)

    def respond(self, drive: Any, previous: Any) -> Any:
        """Return the activity that follows from a drive, any width, same units."""
        target = ops.tanh(drive)
        if not self.is_recurrent:
            return target
        return previous + self.leak * (target - previous)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "n_units": self.n_units,
            "cell": self.cell,
            "time_constant_s": self.time_constant_s,
            "control_step_s": self.control_step_s,
            "seed": self.seed,
        }
