# SPDX-License-Identifier: Apache-2.0
"""Dynamics: what units make of their drive."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras import ops

from atlasnet.plan.spec import Activation, Cell

__all__ = ["Dynamics"]

_N_GATES: dict[str, int] = {"dense": 1, "rate": 1, "rnn": 1, "gru": 3, "lstm": 4}

_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": ops.tanh,
    "relu": ops.relu,
    "softplus": ops.softplus,
}


@dataclass(frozen=True)
class Dynamics:
    r"""What units make of their drive, element by element.

    With drive :math:`a = W x + R h(t-1) + b`, activation :math:`f` and
    :math:`\alpha = 1 - e^{-\Delta t / \tau}`:

    - ``dense``: :math:`h = f(W x + b)`.
    - ``rate``: :math:`h = h(t-1) + \alpha (f(a) - h(t-1))`, the exact solution of
      :math:`\tau \dot h = -h + f(a)` over a control step in which the drive is held
      (Dayan & Abbott 2001, Theoretical Neuroscience, eq. 7.11).
    - ``rnn``: :math:`h = f(a)` (Elman 1990, Cogn Sci 14:179).
    - ``gru``: the gates :math:`z = \sigma(a_z)`, :math:`r = \sigma(a_r)`, then
      :math:`h = z h(t-1) + (1 - z) f(W_h x + b_h + r (R_h h(t-1) + b'_h))` (Cho et
      al. 2014, arXiv:1406.1078, in the form with the reset after the product, which
      is Keras's default).
    - ``lstm``: :math:`c = \sigma(a_f) c(t-1) + \sigma(a_i) f(a_c)` and
      :math:`h = \sigma(a_o) f(c)` (Hochreiter & Schmidhuber 1997, Neural Comput
      9:1735, with forget gates: Gers et al. 2000, Neural Comput 12:2451).

    Attributes
    ----------
    cell : {"dense", "rate", "rnn", "gru", "lstm"}
        Kind of unit.
    activation : {"tanh", "relu", "softplus"}
        The function f.
    """

    cell: Cell
    activation: Activation = "tanh"

    @property
    def n_gates(self) -> int:
        """Rows of the kernel per unit: ``gru`` has z, r, h; ``lstm`` i, f, c, o."""
        return _N_GATES[self.cell]

    @property
    def is_recurrent(self) -> bool:
        """Whether units read their own population's activity of the step before."""
        return self.cell != "dense"

    @property
    def has_memory(self) -> bool:
        """Whether units carry a second number that nobody else reads."""
        return self.cell == "lstm"

    @property
    def splits_own(self) -> bool:
        """Whether the candidate needs the own population's part of its drive apart."""
        return self.cell == "gru"

    @property
    def reads_before(self) -> bool:
        """Whether `respond` reads the activity of the step before itself."""
        return self.cell in ("rate", "gru")

    def respond(
        self,
        drive: Any,
        before: Any = None,
        *,
        memory: Any = None,
        own: Any = None,
        leak: Any = None,
        noise: Any = None,
        axis: int = -1,
    ) -> tuple[Any, Any]:
        """Return activity and memory after a control step.

        Parameters
        ----------
        drive : tensor, shape (B, n_gates * n_units)
            The drive of every gate, gate by gate, from all afferents and the own
            activity, with bias.
        before : tensor, shape (B, n_units), optional
            Activity of the step before; read by ``rate`` and ``gru``.
        memory : tensor, shape (B, n_units), optional
            Memory of the step before; read by ``lstm``.
        own : tensor, shape (B, n_units), optional
            What of the candidate's drive comes from the own activity; read by
            ``gru``.
        leak : float or array of shape (n_units,), optional
            Share of the way to the target that units go in a step; read by ``rate``.
        noise : tensor, shape (B, n_units), optional
            Is added to the drive; to the candidate's, if there are gates.
        axis : int
            Where units are counted: with 0, all shapes have the units first, those
            of `leak` too.

        Returns
        -------
        activity : tensor, shape (B, n_units)
            Activity of this step.
        memory : tensor of shape (B, n_units), or None
            Memory of this step, of ``lstm`` alone.
        """
        f = _ACTIVATIONS[self.activation]
        if noise is not None and self.n_gates == 1:
            drive = drive + noise
        if self.cell == "rate":
            return before + ops.multiply(f(drive) - before, leak), None
        if self.cell == "gru":
            update, reset, candidate = ops.split(drive, 3, axis=axis)
            update, reset = ops.sigmoid(update), ops.sigmoid(reset)
            candidate = candidate - own + reset * own
            target = f(candidate if noise is None else candidate + noise)
            return target + update * (before - target), None
        if self.cell == "lstm":
            gate_in, forget, candidate, gate_out = ops.split(drive, 4, axis=axis)
            candidate = candidate if noise is None else candidate + noise
            kept = ops.sigmoid(forget) * memory + ops.sigmoid(gate_in) * f(candidate)
            return ops.sigmoid(gate_out) * f(kept), kept
        return f(drive), None
