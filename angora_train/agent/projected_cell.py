# SPDX-License-Identifier: Apache-2.0
"""ProjectedCell: Keras' recurrent cells with their input's product out of the loop.

What a cell makes of its input does not depend on its state. For all steps at once it
is one large matrix product, forward and backward, in place of one a step: a third to
a half of an update's time on one core is spared (``benchmarks/training.py``).
"""

from typing import Any

import keras
from keras import ops

__all__ = ["ProjectedCell"]

_STEPS = {
    keras.layers.LSTMCell: "_lstm",
    keras.layers.GRUCell: "_gru",
    keras.layers.SimpleRNNCell: "_simple",
}
"""The method that steps each kind of cell."""


class ProjectedCell(keras.layers.Layer):
    """A step of a Keras cell whose input is projected already.

    Parameters
    ----------
    cell : keras.layers.LSTMCell, keras.layers.GRUCell or keras.layers.SimpleRNNCell
        The cell whose weights and activations are used. It is built already.

    Notes
    -----
    ``call(projected, states)`` takes what :meth:`project` makes of the inputs, shape
    (B, n_gates * units), and the states; it returns output and states as the cell
    does, but for rounding.
    """

    def __init__(self, cell: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cell = cell
        self.state_size = cell.state_size
        self.output_size = cell.output_size
        self._step = getattr(self, _STEPS[type(cell)])

    @staticmethod
    def fits(cell: Any) -> bool:
        """Whether a cell is one of Keras' three, without dropout.

        Parameters
        ----------
        cell : keras.layers.Layer
            Any cell.

        Returns
        -------
        bool
            Subclasses may compute something else, so they do not fit.
        """
        return type(cell) in _STEPS and not (cell.dropout or cell.recurrent_dropout)

    def build(self, *_: Any) -> None:
        """Make nothing: the cell is built already."""
        self.built = True

    def project(self, inputs: Any) -> Any:
        """Return the inputs' part of all gates.

        Parameters
        ----------
        inputs : tensor, shape (B, T, F)
            Inputs of all steps.

        Returns
        -------
        tensor, shape (B, T, n_gates * units)
            Their products with the kernel, with the bias.
        """
        projected = ops.matmul(inputs, self.cell.kernel)
        if self.cell.bias is None:
            return projected
        bias = ops.convert_to_tensor(self.cell.bias)
        # A GRU that resets after the product has a second bias for the state's.
        return projected + (bias[0] if len(bias.shape) == 2 else bias)

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        """Return the output of this step and the states."""
        return self._step(inputs, states)

    def _lstm(self, projected: Any, states: Any) -> Any:
        """Long short-term memory (Hochreiter & Schmidhuber 1997, Neural Comput 9)."""
        cell, (before, memory) = self.cell, states
        drive = projected + ops.matmul(before, cell.recurrent_kernel)
        gate_in, forget, candidate, gate_out = ops.split(drive, 4, axis=-1)
        gate = cell.recurrent_activation
        memory = gate(forget) * memory + gate(gate_in) * cell.activation(candidate)
        output = gate(gate_out) * cell.activation(memory)
        return output, [output, memory]

    def _gru(self, projected: Any, states: Any) -> Any:
        """Gated recurrent unit (Cho et al. 2014, arXiv:1406.1078)."""
        cell, (before,) = self.cell, states
        x_update, x_reset, x_candidate = ops.split(projected, 3, axis=-1)
        if cell.reset_after:
            drive = ops.matmul(before, cell.recurrent_kernel)
            if cell.bias is not None:
                drive = drive + ops.convert_to_tensor(cell.bias)[1]
            of_update, of_reset, of_candidate = ops.split(drive, 3, axis=-1)
            reset = cell.recurrent_activation(x_reset + of_reset)
            heard = reset * of_candidate
        else:
            kernel = ops.convert_to_tensor(cell.recurrent_kernel)
            gates = ops.matmul(before, kernel[:, : 2 * cell.units])
            of_update, of_reset = ops.split(gates, 2, axis=-1)
            reset = cell.recurrent_activation(x_reset + of_reset)
            heard = ops.matmul(reset * before, kernel[:, 2 * cell.units :])
        update = cell.recurrent_activation(x_update + of_update)
        candidate = cell.activation(x_candidate + heard)
        output = update * before + (1.0 - update) * candidate
        return output, [output]

    def _simple(self, projected: Any, states: Any) -> Any:
        """Fully connected recurrence (Elman 1990, Cogn Sci 14:179)."""
        cell, (before,) = self.cell, states
        drive = projected + ops.matmul(before, cell.recurrent_kernel)
        output = cell.activation(drive) if cell.activation is not None else drive
        return output, [output]

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Return the cell's initial state.

        Parameters
        ----------
        batch_size : int, optional
            Number of sequences.

        Returns
        -------
        list of tensor
            One for each state.
        """
        state = self.cell.get_initial_state(batch_size=batch_size)
        return state if isinstance(state, list) else [state]
