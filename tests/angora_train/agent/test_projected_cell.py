# SPDX-License-Identifier: Apache-2.0
import keras
import numpy as np
import pytest

from angora_train.agent.projected_cell import ProjectedCell
from angora_train.agent.recurrence import IS_FIRST, explicit_state

LAYERS = {
    "lstm": lambda: keras.layers.LSTM(5, return_sequences=True, name="memory"),
    "lstm of other gates": lambda: keras.layers.LSTM(
        5,
        activation="softsign",
        recurrent_activation="hard_sigmoid",
        use_bias=False,
        return_sequences=True,
        name="memory",
    ),
    "gru": lambda: keras.layers.GRU(5, return_sequences=True, name="memory"),
    "gru that resets before": lambda: keras.layers.GRU(
        5, reset_after=False, return_sequences=True, name="memory"
    ),
    "gru without bias": lambda: keras.layers.GRU(
        5, use_bias=False, return_sequences=True, name="memory"
    ),
    "simple": lambda: keras.layers.SimpleRNN(5, return_sequences=True, name="memory"),
    "linear": lambda: keras.layers.SimpleRNN(
        5, activation=None, return_sequences=True, name="memory"
    ),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_outputs_are_those_of_keras(kind: str, rng: np.random.Generator) -> None:
    layer = LAYERS[kind]()
    touch = keras.Input((None, 3), name="touch")
    model = keras.Model({"touch": touch}, {"policy": layer(touch)})
    for weight in layer.weights:  # biases start at zero
        weight.assign(rng.standard_normal(weight.shape))
    stateful = explicit_state(model)
    assert any(
        isinstance(part, ProjectedCell)
        for part in stateful.model._flatten_layers(include_self=False)
    )
    x = rng.standard_normal((2, 4, 3)).astype(np.float32)
    outputs = stateful.model(
        {
            "touch": x,
            IS_FIRST: np.zeros((2, 4), np.float32),
            **stateful.initial_state(2),
        }
    )
    np.testing.assert_allclose(outputs["policy"], layer(x), rtol=1e-5, atol=1e-6)


def test_a_simple_cell_by_hand() -> None:
    cell = keras.layers.SimpleRNNCell(1, activation=None)
    cell.build((None, 2))
    cell.kernel.assign([[2.0], [3.0]])
    cell.recurrent_kernel.assign([[0.5]])
    cell.bias.assign([1.0])
    projected = ProjectedCell(cell)
    x = np.array([[[1.0, 1.0], [0.0, 2.0]]], np.float32)
    # 2 + 3 + 1 and 6 + 1
    np.testing.assert_allclose(projected.project(x), [[[6.0], [7.0]]])
    # 6 and half of 4
    output, (state,) = projected(np.array([[6.0]], np.float32), [np.array([[4.0]])])
    np.testing.assert_allclose(output, [[8.0]])
    np.testing.assert_allclose(state, [[8.0]])


def test_other_cells_do_not_fit() -> None:
    class Cell(keras.layers.LSTMCell):
        """May compute something else."""

    assert ProjectedCell.fits(keras.layers.GRUCell(2))
    assert not ProjectedCell.fits(Cell(2))
    assert not ProjectedCell.fits(keras.layers.GRUCell(2, dropout=0.1))
    assert not ProjectedCell.fits(keras.layers.LSTMCell(2, recurrent_dropout=0.1))
