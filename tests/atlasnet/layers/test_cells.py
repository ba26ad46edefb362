# SPDX-License-Identifier: Apache-2.0
"""Cells against their equations: by hand, and as Keras computes them."""

from typing import Any

import keras
import numpy as np
import pytest

from atlasnet.layers import AreaCell, Population
from atlasnet.layers.afferent import Afferent
from atlasnet.model.builder import build_model
from atlasnet.plan.spec import AreaSpec, InputSpec, NetworkSpec, ValueSpec
from tests.conftest import pathway


def population(cell: Any, sizes: list[int], **kwargs: Any) -> Population:
    """Return a population of one unit, with the own activity as last afferent."""
    defaults: dict[str, Any] = {"time_constant_s": 0.02, "control_step_s": 0.02}
    layer = Population(1, cell=cell, **{**defaults, **kwargs})
    layer.build([Afferent(size, 1.0 / len(sizes)) for size in sizes])
    return layer


def test_dense_units_follow_their_input_at_once() -> None:
    layer = population("dense", [1])
    layer.kernel.assign([[2.0]])
    layer.bias.assign([-1.0])
    # tanh(2 * 1 - 1) = tanh(1) = 0.76159416, whatever the unit did before.
    out = layer([np.float32([[1.0]])], np.float32([[-0.5]]))
    assert np.asarray(out) == pytest.approx(0.76159416)


def test_rate_units_approach_their_input_with_their_time_constant() -> None:
    layer = population("rate", [1, 1])
    layer.kernel.assign([[2.0, 1.0]])
    # Drive 2 * 1 + 1 * 0.5 = 2.5; the unit goes 1 - exp(-1) = 0.63212 of the way from
    # 0.5 to tanh(2.5) = 0.98661430: 0.5 + 0.63212056 * 0.48661430 = 0.80759890.
    out = layer([np.float32([[1.0]])], np.float32([[0.5]]))
    assert np.asarray(out) == pytest.approx(0.80759890, abs=1e-6)


@pytest.mark.parametrize(
    ("activation", "expected"),
    # The drive is 2.5 again; half a time constant: 1 - exp(-1/2) = 0.39346934.
    # relu: 0.5 + 0.39346934 * (2.5 - 0.5). softplus: ln(1 + e^2.5) = 2.57888973.
    [("relu", 1.28693868), ("softplus", 1.31797872)],
)
def test_rate_units_have_the_chosen_activation_and_time_constant(
    activation: Any, expected: float
) -> None:
    layer = population("rate", [1, 1], activation=activation, time_constant_s=0.04)
    layer.kernel.assign([[2.0, 1.0]])
    out = layer([np.float32([[1.0]])], np.float32([[0.5]]))
    assert np.asarray(out) == pytest.approx(expected, abs=1e-6)


def one_area_spec(cell: Any, **kwargs: Any) -> NetworkSpec:
    return NetworkSpec(
        name="one",
        control_step_s=0.02,
        areas=(AreaSpec(name="M", n_units=5, cell=cell, **kwargs),),
        pathways=(),
        inputs=(InputSpec(name="touch", size=3, areas=("M",)),),
        action_areas=("M",),
        policy_size=2,
        value=ValueSpec(areas=("M",)),
    )


@pytest.mark.parametrize(
    ("cell", "layer_class"),
    [
        ("rnn", keras.layers.SimpleRNN),
        ("gru", keras.layers.GRU),
        ("lstm", keras.layers.LSTM),
    ],
)
@pytest.mark.parametrize("activation", ["tanh", "softplus"])
def test_the_cells_of_machine_learning_are_those_of_keras(
    cell: Any, layer_class: Any, activation: Any, rng: np.random.Generator
) -> None:
    model = build_model(one_area_spec(cell, activation=activation))
    mine = model.get_layer("areas").cell.populations[0]
    theirs = layer_class(5, activation=activation, return_sequences=True)
    theirs.build((None, None, 3))
    kernel = rng.normal(size=mine.kernel.shape).astype(np.float32)
    bias = rng.normal(size=mine.bias.shape).astype(np.float32)
    mine.kernel.assign(kernel)
    mine.bias.assign(bias)
    theirs.cell.kernel.assign(kernel[:, :3].T)
    theirs.cell.recurrent_kernel.assign(kernel[:, 3:].T)
    if cell == "gru":
        own_bias = rng.normal(size=5).astype(np.float32)
        mine.own_bias.assign(own_bias)
        # Keras has a second bias at every gate, which only the candidate's needs.
        theirs.cell.bias.assign(np.stack([bias, np.r_[np.zeros(10), own_bias]]))
    else:
        theirs.cell.bias.assign(bias)
    x = rng.normal(size=(4, 7, 3)).astype(np.float32)
    read = keras.Model(model.inputs, model.get_layer("m").output)
    np.testing.assert_allclose(read([x]), theirs(x), rtol=1e-4, atol=1e-5)


def test_the_forget_gate_starts_open() -> None:
    cell = build_model(one_area_spec("lstm")).get_layer("areas").cell
    expected = [0.0] * 5 + [1.0] * 5 + [0.0] * 10
    assert np.asarray(cell.populations[0].bias).tolist() == expected


def mixed_cells_spec(cells: tuple[Any, ...]) -> NetworkSpec:
    """S -> A, B -> C, and C back to A: A and B can be computed together."""
    names = ("S", "A", "B", "C")
    return NetworkSpec(
        name="mixed",
        control_step_s=0.02,
        areas=tuple(
            AreaSpec(
                name=name, n_units=3 + i, cell=cell, time_constant_s=0.01 * (i + 1)
            )
            for i, (name, cell) in enumerate(zip(names, cells, strict=True))
        ),
        pathways=(
            pathway("S", "A"),
            pathway("S", "B"),
            pathway("A", "C"),
            pathway("B", "C"),
            pathway("C", "A", "previous_step"),
        ),
        inputs=(InputSpec(name="touch", size=3, areas=("S", "B")),),
        action_areas=("C",),
        policy_size=2,
        value=ValueSpec(areas=("C",)),
    )


@pytest.mark.parametrize("cell", ["rate", "rnn", "gru", "lstm"])
def test_areas_computed_together_give_what_they_give_apart(
    cell: Any, rng: np.random.Generator
) -> None:
    layer = AreaCell(mixed_cells_spec(("dense", cell, cell, cell)), seed=3)
    layer.build((None, 3))
    for variable in layer.weights:  # biases too
        drawn = variable + 0.1 * rng.normal(size=variable.shape)
        variable.assign(np.asarray(drawn, np.float32))
    assert ("A", "B") in [
        group.areas for stage in layer._schedule.late for group in stage
    ]
    x = rng.normal(size=(2, 3)).astype(np.float32)
    state = rng.normal(size=(2, layer.state_size)).astype(np.float32)
    apart, (after_apart,) = layer(x, [state])
    with layer.prepared():
        together, (after,) = layer(x, [state])
    np.testing.assert_allclose(together, apart, atol=1e-6)
    np.testing.assert_allclose(after, after_apart, atol=1e-6)


def test_the_state_holds_what_is_read_a_step_later_and_nothing_else() -> None:
    layer = AreaCell(mixed_cells_spec(("dense", "dense", "lstm", "dense")))
    # B is recurrent and has a memory, C is read a step later; S and A are read
    # within their step alone. B has 5 units, C 6.
    assert layer.carried == {
        ("before", "B"): slice(0, 5),
        ("before", "C"): slice(5, 11),
        ("memory", "B"): slice(11, 16),
    }
    assert layer.state_size == 16
    assert layer.output_size == 3 + 4 + 5 + 6


def test_a_network_without_memory_carries_nothing(rng: np.random.Generator) -> None:
    model = build_model(one_area_spec("dense"))
    assert model.get_layer("areas").cell.state_size == 0
    x = rng.normal(size=(2, 4, 3)).astype(np.float32)
    whole = np.asarray(model({"touch": x})["policy"])
    np.testing.assert_allclose(
        model({"touch": x[:, 2:3]})["policy"], whole[:, 2:3], atol=1e-6
    )


def test_every_argument_of_a_population_comes_back_from_its_config() -> None:
    config = Population(
        3,
        cell="gru",
        activation="relu",
        time_constant_s=0.03,
        control_step_s=0.01,
        seed=7,
    ).get_config()
    again = Population.from_config(config)
    assert again.get_config() == config
    given = ("n_units", "cell", "activation", "time_constant_s", "control_step_s")
    assert [config[key] for key in given] == [3, "gru", "relu", 0.03, 0.01]
    assert config["seed"] == 7
