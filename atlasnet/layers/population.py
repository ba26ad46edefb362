# SPDX-License-Identifier: Apache-2.0
"""Population: the units of one area over one control step."""

import math
import zlib
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from atlasnet.layers.dynamics import Dynamics
from atlasnet.spec import Activation, Cell

__all__ = ["Population"]


@keras.saving.register_keras_serializable(package="atlasnet")
class Population(keras.layers.Layer):
    """The units of one area over one control step.

    Its equations are those of :class:`~atlasnet.layers.dynamics.Dynamics`. ``W`` and
    ``R`` are rows of one kernel: afferents first, the own activity last.

    Parameters
    ----------
    n_units : int
        Size of the population.
    cell : {"dense", "rate", "rnn", "gru", "lstm"}
        Dynamics of the units.
    activation : {"tanh", "relu", "softplus"}
        What units make of their drive.
    time_constant_s : float
        Time constant of rate units, in s.
    control_step_s : float
        Control step, in s.
    seed : int
        Seed of the initial weights. The name of the layer enters as well, so an
        area's weights do not depend on which other areas there are.

    Notes
    -----
    ``call(afferents, previous, memory)`` takes the list of afferent activities, each of
    shape (B, n), the own activity of the step before, shape (B, n_units), and, of
    ``lstm``, the memory of the step before, shape (B, n_units). It returns the
    activity, shape (B, n_units); ``lstm`` returns activity and memory.

    Weights: ``kernel``, shape (rows, n_gates * n_units), gate by gate in Keras's order;
    ``bias``, shape (n_gates * n_units,), zeros at the start but ones at the forget
    gate (Jozefowicz et al. 2015, ICML); of ``gru`` also ``own_bias``, shape
    (n_units,), the bias b'_h.

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
        activation: Activation = "tanh",
        time_constant_s: float,
        control_step_s: float,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.n_units = n_units
        self.cell = cell
        self.activation = activation
        self.time_constant_s = time_constant_s
        self.control_step_s = control_step_s
        self.seed = seed
        self.dynamics = Dynamics(cell, activation)

    @property
    def leak(self) -> float:
        """Share of the way to the target that rate units go in a control step."""
        return 1.0 - math.exp(-self.control_step_s / self.time_constant_s)

    def build(self, sizes: list[int], shares: list[float]) -> None:
        """Make the weights for afferents of given widths and shares of the drive.

        The own activity of a recurrent population is the last of them.
        """
        n_columns = self.dynamics.n_gates * self.n_units
        self.kernel = self.add_weight(
            name="kernel",
            shape=(sum(sizes), n_columns),
            initializer=lambda shape, dtype: ops.convert_to_tensor(
                self._first_kernel(sizes, shares), dtype
            ),
        )
        self.bias = self.add_weight(
            name="bias",
            shape=(n_columns,),
            initializer=lambda shape, dtype: ops.convert_to_tensor(
                self._first_bias(), dtype
            ),
        )
        self.own_bias = None
        if self.dynamics.splits_own:
            self.own_bias = self.add_weight(
                name="own_bias", shape=(self.n_units,), initializer="zeros"
            )
        self.built = True

    def _first_kernel(
        self, sizes: list[int], shares: list[float]
    ) -> NDArray[np.float64]:
        """Draw the kernel, shape (sum of sizes, n_gates * n_units)."""
        rng = np.random.default_rng(
            np.random.SeedSequence([self.seed, zlib.crc32(self.name.encode())])
        )
        spread = np.sqrt(np.array(shares) / np.array(sizes))
        n_columns = self.dynamics.n_gates * self.n_units
        drawn = rng.standard_normal((sum(sizes), n_columns))
        return np.repeat(spread, sizes)[:, None] * drawn

    def _first_bias(self) -> NDArray[np.float64]:
        """Return the first bias, shape (n_gates * n_units,)."""
        bias = np.zeros((self.dynamics.n_gates, self.n_units))
        if self.cell == "lstm":
            bias[1] = 1.0
        return bias.reshape(-1)

    def own_weights(self, kernel: Any) -> Any:
        """Return the candidate's rows of the own activity, shape (n_units, n_units)."""
        return kernel[-self.n_units :, -self.n_units :]

    def drive_bias(self) -> Any:
        """Return the bias of every gate's drive, shape (n_gates * n_units,)."""
        bias = ops.convert_to_tensor(self.bias)
        if self.own_bias is None:
            return bias
        return bias + ops.pad(self.own_bias, ((2 * self.n_units, 0),))

    def call(
        self, afferents: list[Any], previous: Any = None, memory: Any = None
    ) -> Any:
        """Return the activity after this control step."""
        heard = [*afferents, previous] if self.dynamics.is_recurrent else afferents
        signal = ops.concatenate(heard, axis=-1)
        drive = ops.matmul(signal, self.kernel) + self.drive_bias()
        own = None
        if self.own_bias is not None:
            own = ops.matmul(previous, self.own_weights(self.kernel)) + self.own_bias
        activity, kept = self.dynamics.respond(
            drive, previous, memory=memory, own=own, leak=self.leak
        )
        return (activity, kept) if self.dynamics.has_memory else activity

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "n_units": self.n_units,
            "cell": self.cell,
            "activation": self.activation,
            "time_constant_s": self.time_constant_s,
            "control_step_s": self.control_step_s,
            "seed": self.seed,
        }
