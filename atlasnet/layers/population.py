# SPDX-License-Identifier: Apache-2.0
"""Population: the units of one area over one control step."""

import math
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from atlasnet.layers.afferent import Afferent
from atlasnet.layers.dynamics import Dynamics
from atlasnet.plan.spec import Activation, Cell

__all__ = ["Population"]


@keras.saving.register_keras_serializable(package="atlasnet")
class Population(keras.layers.Layer):
    """The units of one area over one control step.

    Its equations are those of :class:`~atlasnet.layers.dynamics.Dynamics`. ``W`` and
    ``R`` are columns of one kernel: afferents first, the own activity last.

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

    Weights: ``kernel``, shape (n_gates * n_units, columns), a row a unit, a column a
    number that it hears, gate by gate in Keras's order;
    ``bias``, shape (n_gates * n_units,), zeros at the start but ones at the forget
    gate (Jozefowicz et al. 2015, ICML); of ``gru`` also ``own_bias``, shape
    (n_units,), the bias b'_h.

    A unit's drive starts with unit variance (LeCun et al. 1998, Efficient BackProp).
    ``build`` takes the afferents in the order of the columns: for a share ``s`` of one
    with ``n`` units, its columns start with variance ``s / n``, so a small area is
    heard as well as a large one.

    Where an afferent has signs (Dale's principle), the weights in use are the absolute
    values of the kernel times these, as in Song et al. 2016 (PLoS Comput Biol
    12:e1004792, eq. 12), who rectify instead: here a weight that training drives to
    zero can come back. Inside the area, inhibition starts as strong as excitation.

    Excitation is all positive: left alone it grows along every chain of areas, and
    without bound around every loop, before the area's inhibition comes a step later.
    In cortex, what excites an area also reaches interneurons, which inhibit all of it
    without delay (Isaacson & Scanziani 2011, Neuron 72:231). Here these are linear, so
    that they are part of the weights in use (Cornford et al. 2021, Learning to live
    with Dale's principle, ICLR, eqs. 4 and 5), and hear of every excitatory unit what
    the area's units hear in the mean: the mean over the rows is taken from its column.
    So what all units have in common is cancelled, whatever training does, and
    differences pass.

    Where a strength is fixed or trained, the weights in use are multiplied by it; the
    trained ones, its absolute values, are the weight ``strength``, one number for each
    such afferent.
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

    def build(self, afferents: Sequence[Afferent]) -> None:
        """Make the weights.

        The own activity of a recurrent population is the last of its afferents.
        """
        self._signs = _signs(afferents)
        self._excites = None
        if self._signs is not None and (self._signs == 1).any():
            self._excites = (self._signs == 1).astype(np.float32)
        n_columns = sum(afferent.n_columns for afferent in afferents)
        n_rows = self.dynamics.n_gates * self.n_units
        self.kernel = self.add_weight(
            name="kernel",
            shape=(n_rows, n_columns),
            initializer=lambda shape, dtype: ops.convert_to_tensor(
                self._first_kernel(afferents), dtype
            ),
            regularizer=_wiring_cost(afferents),
        )
        self.bias = self.add_weight(
            name="bias",
            shape=(n_rows,),
            initializer=lambda shape, dtype: ops.convert_to_tensor(
                self._first_bias(), dtype
            ),
        )
        self.own_bias = None
        if self.dynamics.splits_own:
            self.own_bias = self.add_weight(
                name="own_bias", shape=(self.n_units,), initializer="zeros"
            )
        self._build_strengths(afferents)
        self.built = True

    def _build_strengths(self, afferents: Sequence[Afferent]) -> None:
        """Make the factors of the weights that stay, and those that are trained."""
        trained = [a.strength for a in afferents if a.strength_use == "trainable"]
        self.strength = None
        if trained:
            self.strength = self.add_weight(
                name="strength",
                shape=(len(trained),),
                initializer=lambda shape, dtype: ops.convert_to_tensor(trained, dtype),
            )
        uses = [afferent.strength_use for afferent in afferents]
        self._fixed_strengths = None
        if set(uses) != {"initial"}:
            fixed = [
                a.strength if a.strength_use == "fixed" else 1.0 for a in afferents
            ]
            is_trained = np.array([use == "trainable" for use in uses])
            kept = len(trained) + np.arange(len(uses))
            picked = np.where(is_trained, np.cumsum(is_trained) - 1, kept)
            self._fixed_strengths = np.array(fixed, np.float32)
            n_columns = [a.n_columns for a in afferents]
            self._strength_of_column = np.repeat(picked, n_columns)

    def _first_kernel(self, afferents: Sequence[Afferent]) -> NDArray[np.float64]:
        """Draw the kernel, shape (n_gates * n_units, n_columns)."""
        rng = np.random.default_rng(
            np.random.SeedSequence([self.seed, zlib.crc32(self.name.encode())])
        )
        sizes = [afferent.n_columns for afferent in afferents]
        spread = np.sqrt([a.share / a.n_columns for a in afferents])
        spread *= [a.strength if a.strength_use == "initial" else 1 for a in afferents]
        scale = np.repeat(spread, sizes)
        if self._signs is not None and (self._signs == -1).any():
            # Inside the area inhibition balances excitation, as in Song et al. 2016.
            inhibits = self._signs == -1
            excites = (self._signs == 1) & np.repeat(_is_own(afferents), sizes)
            scale[inhibits] *= scale[excites].sum() / scale[inhibits].sum()
        n_rows = self.dynamics.n_gates * self.n_units
        drawn = rng.standard_normal((sum(sizes), n_rows))
        return scale * drawn.T

    def _first_bias(self) -> NDArray[np.float64]:
        """Return the first bias, shape (n_gates * n_units,)."""
        bias = np.zeros((self.dynamics.n_gates, self.n_units))
        if self.cell == "lstm":
            bias[1] = 1.0
        return bias.reshape(-1)

    def signed_kernel(self) -> Any:
        """Return the kernel with its signs, shape (n_rows, n_columns)."""
        kernel = ops.convert_to_tensor(self.kernel)
        if self._signs is None:
            return kernel
        is_free = np.isnan(self._signs)
        signs = np.where(is_free, 0.0, self._signs).astype(np.float32)
        signed = ops.multiply(ops.abs(kernel), signs)
        if is_free.any():
            signed += ops.multiply(kernel, is_free.astype(np.float32))
        return signed

    def weights_in_use(self) -> Any:
        """Return what all afferents do, shape (n_rows, n_columns).

        That is the kernel with its signs, less what interneurons take away, times the
        strengths.
        """
        kernel = self.signed_kernel()
        if self._excites is not None:
            heard = ops.multiply(kernel, self._excites)
            kernel -= ops.mean(heard, axis=0, keepdims=True)
        if self._fixed_strengths is not None:
            factors = ops.convert_to_tensor(self._fixed_strengths)
            if self.strength is not None:
                factors = ops.concatenate([ops.abs(self.strength), factors])
            kernel *= ops.take(factors, self._strength_of_column)
        return kernel

    def own_weights(self, kernel: Any) -> Any:
        """Return the candidate's part of the own activity, shape (n_units, n_units)."""
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
        kernel = self.weights_in_use()
        drive = ops.matmul(signal, ops.transpose(kernel)) + self.drive_bias()
        own = None
        if self.own_bias is not None:
            own_kernel = ops.transpose(self.own_weights(kernel))
            own = ops.matmul(previous, own_kernel) + self.own_bias
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


def _signs(afferents: Sequence[Afferent]) -> NDArray[np.float64] | None:
    """Return the sign of every column, NaN where it is free; None if all are."""
    if all(afferent.signs is None for afferent in afferents):
        return None
    return np.concatenate(
        [
            np.full(a.n_columns, np.nan) if a.signs is None else a.signs
            for a in afferents
        ]
    )


def _is_own(afferents: Sequence[Afferent]) -> list[bool]:
    """Tell which afferent is the area itself: only it has units that inhibit."""
    return [a.signs is not None and bool((a.signs < 0).any()) for a in afferents]


def _wiring_cost(afferents: Sequence[Afferent]) -> Callable[[Any], Any] | None:
    """Return what a kernel adds to the loss; None if nothing."""
    if not any(afferent.wiring_cost for afferent in afferents):
        return None
    costs = [
        np.full(a.n_columns, a.wiring_cost)
        * (a.strength if a.strength_use == "fixed" else 1.0)
        * (1.0 if a.signs is None else np.abs(a.signs))
        for a in afferents
    ]
    per_column = np.concatenate(costs).astype(np.float32)

    def cost(kernel: Any) -> Any:
        return ops.sum(ops.multiply(ops.abs(kernel), per_column))

    return cost
