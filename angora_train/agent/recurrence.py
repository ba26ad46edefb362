# SPDX-License-Identifier: Apache-2.0
"""Recurrent state made explicit: one model for acting and for training.

A recurrent Keras layer hides its state. Acting needs it between control steps, and
truncated backpropagation needs to start a chunk from a stored one and to forget it
where an episode begins. :func:`explicit_state` clones any functional model into one
whose recurrent states are inputs and outputs and whose state is reset by a flag,
sharing all layers and weights with the original.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from angora_train.agent.projected_cell import ProjectedCell
from angora_train.errors import ConfigError

__all__ = ["IS_FIRST", "ResettingCell", "StatefulModel", "explicit_state"]

IS_FIRST = "is_first"
"""Name of the input that is 1 where a step is the first of an episode, else 0."""


@keras.saving.register_keras_serializable(package="angora_train")
class ResettingCell(keras.layers.Layer):
    """A recurrent cell that forgets where an episode begins.

    Parameters
    ----------
    cell : keras.layers.Layer
        The cell whose weights are used. It is built already.

    Notes
    -----
    ``call(inputs, states)`` takes the inputs of `cell` with one more channel at the
    end, 1 where the step is the first of an episode and 0 elsewhere, shape
    (B, ..., F + 1). Where the flag is 1, the states are set to zero before the step.
    """

    def __init__(self, cell: keras.layers.Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cell = cell
        self.state_size = cell.state_size
        self.output_size = getattr(cell, "output_size", cell.state_size)

    def build(self, *_: Any) -> None:
        """Make nothing: the cell is built already."""
        self.built = True

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        """Reset the states that the flag asks to, then run the cell."""
        # The gradient of a split is one concatenation; a slice's is a copy a part.
        heard, flag = ops.split(inputs, [inputs.shape[-1] - 1], axis=-1)
        while len(flag.shape) > 2:  # the same at every place of an image
            flag = flag[:, 0]
        kept = [
            state * (1.0 - ops.reshape(flag, (-1, *(1 for _ in state.shape[1:]))))
            for state in states
        ]
        return self.cell(heard, kept)

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Return the cell's initial state."""
        state: list[Any] = self.cell.get_initial_state(batch_size=batch_size)
        return state


class _Flagged(keras.layers.Layer):
    """Append the flag of each step to its inputs, as one more channel.

    A layer of its own, since operations without a name may be called like a layer of
    the model.
    """

    def call(self, inputs: list[Any]) -> Any:
        """Join inputs, shape (B, T, ..., F), and flags, shape (B, T)."""
        x, flag = inputs
        for _ in x.shape[2:]:
            flag = ops.expand_dims(flag, -1)
        if len(x.shape) > 3:  # at every place of an image
            flag = ops.ones_like(x[..., :1]) * flag
        return ops.concatenate([x, flag], axis=-1)


class _Projection(keras.layers.Layer):
    """What a cell makes of its inputs, for all steps at once."""

    def __init__(self, cell: ProjectedCell, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cell = cell

    def build(self, *_: Any) -> None:
        """Make nothing: the cell is built already."""
        self.cell.build()
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Return the inputs' part of all gates."""
        return self.cell.project(inputs)


class _FlatStack(keras.layers.Layer):
    """Cells on top of each other, with all their states in one list."""

    def __init__(self, cell: keras.layers.StackedRNNCells, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cell = cell
        self.state_size = keras.tree.flatten(cell.state_size)
        self.output_size = cell.output_size

    def build(self, *_: Any) -> None:
        """Make nothing: the cells are built already."""
        self.built = True

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        """Run the cells, each on its own states."""
        nested = self.cell.get_initial_state(batch_size=1)
        given = keras.tree.pack_sequence_as(nested, list(states))
        output, after = self.cell(inputs, given, training=training)
        return output, keras.tree.flatten(after)


class _PreparingRNN(keras.layers.RNN):
    """A loop over time that lets its cell prepare once, before the first step.

    A cell may offer a context manager ``prepared()``. A single step is not worth it.
    """

    def __init__(
        self, layer: keras.layers.RNN, cell: keras.layers.Layer, **kwargs: Any
    ) -> None:
        super().__init__(
            ResettingCell(cell), return_sequences=True, return_state=True, **kwargs
        )
        self.original = layer
        # Layers of images state their dimensions; here the states do.
        self.input_spec = None

    def compute_output_shape(
        self, sequences_shape: Any, initial_state_shape: Any = None
    ) -> Any:
        """Shape of the original's output, then of the states."""
        output = self.original.compute_output_shape(
            (*sequences_shape[:-1], sequences_shape[-1] - 1)
        )
        return output, *initial_state_shape

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        """Run the loop; a single step needs none."""
        if sequences.shape[1] == 1 and mask is None:
            output, states = self.cell(sequences[:, 0], list(initial_state))
            return output, ops.expand_dims(output, 1), states
        inner = self.cell.cell
        with inner.prepared() if hasattr(inner, "prepared") else nullcontext():
            return super().inner_loop(sequences, initial_state, mask, training)


@dataclass(frozen=True)
class StatefulModel:
    """A model with explicit recurrent state.

    Attributes
    ----------
    model : keras.Model
        Takes a dict of the sensations, shape (B, T, size), :data:`IS_FIRST`, shape
        (B, T), and the states, shape (B, size); returns a dict of the outputs of the
        original model and of the states after the last step.
    state_shapes : dict of str to tuple of int
        Shape of each state by its name, which is the same in inputs and outputs.
    is_first : str
        Name of the input :data:`IS_FIRST`: this one, unless the original has an input
        or layer of that name.
    """

    model: keras.Model
    state_shapes: dict[str, tuple[int, ...]]
    is_first: str = IS_FIRST

    def initial_state(self, n_worlds: int) -> dict[str, NDArray[np.float32]]:
        """Return the state before the first step: zeros of shape (n_worlds, ...)."""
        return {
            name: np.zeros((n_worlds, *shape), np.float32)
            for name, shape in self.state_shapes.items()
        }


def explicit_state(model: keras.Model, *, is_opened: bool = False) -> StatefulModel:
    """Clone a functional model with its recurrent states as inputs and outputs.

    Parameters
    ----------
    model : keras.Model
        A functional model whose inputs are a dict of sensations, each of shape
        (B, T, ...), and whose outputs are a dict. Its recurrent layers are
        `keras.layers.RNN` or its subclasses (LSTM, GRU, SimpleRNN, ConvLSTM), its own
        or those of models inside it, return sequences and hide their state.
    is_opened : bool
        Whether all models inside it are taken apart, also those without a recurrent
        layer.

    Returns
    -------
    StatefulModel
        The clone. It shares every layer with `model`: training one trains both.

    Raises
    ------
    ConfigError
        If the model is not functional, or a recurrent layer does not return
        sequences, runs backwards, returns its state or is wrapped in another layer.
    """
    if not isinstance(model, keras.Model) or not hasattr(model, "_run_through_graph"):
        raise ConfigError(
            f"The model is a {type(model).__name__}; the trainer needs a functional "
            "keras.Model, made as keras.Model(inputs, outputs), whose recurrent states "
            "it can find."
        )
    walk = _Walk(_names(model), is_opened=is_opened)
    inputs = {
        tensor.name: keras.Input(tensor.shape[1:], name=tensor.name)
        for tensor in model.inputs
    }
    # `keras.models.clone_model` walks the graph like this, but then refuses outputs
    # that depend on inputs which the original does not have.
    outputs = model._run_through_graph(
        list(inputs.values()), operation_fn=_same, call_fn=walk
    )
    stateful = keras.Model(
        {**inputs, walk.flags.name: walk.flags, **walk.states_in},
        {**outputs, **walk.states_out},
    )
    shapes = {name: tuple(x.shape[1:]) for name, x in walk.states_in.items()}
    return StatefulModel(stateful, shapes, walk.flags.name)


def _names(model: keras.Model) -> set[str]:
    """Return the names of a model's layers, inputs and outputs, and those inside."""
    layers = {layer.name for layer in model._flatten_layers()}
    return layers | {x.name for x in model.inputs} | set(model.output)


class _Walk:
    """Calls layer after layer of a model, and opens those that have a state.

    Inputs are added under names that are not `taken`.
    """

    def __init__(self, taken: set[str], *, is_opened: bool) -> None:
        self._taken = taken
        self._is_opened = is_opened
        self.flags = keras.Input((None,), name=self._free(IS_FIRST))
        self.states_in: dict[str, Any] = {}
        self.states_out: dict[str, Any] = {}

    def __call__(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a layer, or the same with its states in and out."""
        if isinstance(layer, keras.Model) and (
            _holds_recurrence(layer)
            or (self._is_opened and hasattr(layer, "_run_through_graph"))
        ):
            inner = getattr(layer, "_functional", layer)  # of a Sequential
            return inner._run_through_graph(args[0], operation_fn=_same, call_fn=self)
        if not isinstance(layer, keras.layers.RNN):
            require_no_recurrence(layer)
            return layer(*args, **kwargs)
        _require_plain(layer)
        names = [
            self._free(f"state_{layer.name}_{i}")
            for i in range(len(_state_shapes(layer)))
        ]
        entry = {
            name: keras.Input(shape, name=name)
            for name, shape in zip(names, _state_shapes(layer), strict=True)
        }
        heard, cell = args[0], layer.cell
        if isinstance(cell, keras.layers.StackedRNNCells):
            cell = _FlatStack(cell)
        if ProjectedCell.fits(cell):
            cell = ProjectedCell(cell)
            name = self._free(f"{layer.name}_projected")
            heard = _Projection(cell, name=name)(heard)
        name = self._free(f"{layer.name}_flagged")
        flagged = _Flagged(name=name)([heard, self.flags])
        loop = _PreparingRNN(layer, cell, name=self._free(f"{layer.name}_stateful"))
        output, *states = loop(flagged, initial_state=list(entry.values()))
        self.states_in.update(entry)
        self.states_out.update(zip(entry, states, strict=True))
        return output

    def _free(self, name: str) -> str:
        """Return a name that nothing else has: this one, or one with a dot after it."""
        while name in self._taken:
            name = f"{name}."
        self._taken.add(name)
        return name


def _state_shapes(layer: keras.layers.RNN) -> list[tuple[int, ...]]:
    """Return the shape of each state of a layer for one world."""
    states = keras.tree.flatten(layer.get_initial_state(batch_size=1))
    return [tuple(state.shape[1:]) for state in states]


def _holds_recurrence(layer: Any) -> bool:
    """Whether a layer has recurrent layers inside."""
    inner = layer._flatten_layers(include_self=False)
    return any(isinstance(part, keras.layers.RNN) for part in inner)


def require_no_recurrence(layer: Any) -> None:
    """Refuse layers that hide a recurrent one."""
    if isinstance(layer, keras.Layer) and _holds_recurrence(layer):
        raise ConfigError(
            f"The layer '{layer.name}' ({type(layer).__name__}) holds a recurrent "
            "layer, whose state the trainer cannot carry there. Use the recurrent "
            "layer itself, with return_sequences=True."
        )


def _require_plain(layer: keras.layers.RNN) -> None:
    """Refuse recurrent layers whose state cannot be made explicit."""
    if not layer.return_sequences or layer.return_state or layer.go_backwards:
        raise ConfigError(
            f"The recurrent layer '{layer.name}' must have return_sequences=True, "
            "return_state=False and go_backwards=False: the trainer carries its state."
        )


def _same(operation: Any) -> Any:
    """Return an operation as it is: Keras before 3.14 asks for it."""
    return operation
