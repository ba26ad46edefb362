# SPDX-License-Identifier: Apache-2.0
"""What a network of areas promises, whatever its areas and pathways."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from numpy.typing import NDArray

from angora_train.agent.recurrence import IS_FIRST, explicit_state
from angora_train.engine import make_engine
from atlasnet.errors import SpecError
from atlasnet.layers import AreaCell
from atlasnet.model.builder import build_model
from atlasnet.plan.spec import AreaSpec, InputSpec, NetworkSpec, PathwaySpec, ValueSpec
from tests.conftest import pathway

pytestmark = pytest.mark.slow

N_STEPS = 4


def diamond(
    order: str = "ABCDE", cell: Any = "rate", pathways: Any = None
) -> NetworkSpec:
    """A -> B, C -> D with feedback from D; E is driven by A and leads nowhere."""
    sizes = {"A": 3, "B": 4, "C": 5, "D": 6, "E": 2}
    return NetworkSpec(
        name="diamond",
        control_step_s=0.02,
        areas=tuple(
            AreaSpec(name=n, n_units=sizes[n], cell="dense" if n == "A" else cell)
            for n in order
        ),
        pathways=pathways
        or (
            pathway("A", "B"),
            pathway("A", "C"),
            pathway("A", "E"),
            pathway("B", "D"),
            pathway("C", "D"),
            pathway("B", "C", "previous_step"),
            pathway("D", "A", "previous_step"),
            pathway("D", "B", "previous_step"),
        ),
        inputs=(
            InputSpec(name="touch", size=3, areas=("A",)),
            InputSpec(name="goal", size=2, areas=("C",)),
        ),
        action_areas=("D",),
        policy_size=3,
        value=ValueSpec(areas=("D",)),
    )


def drawn(rng: np.random.Generator, n: int = 2) -> dict[str, NDArray[np.float32]]:
    shapes = {"touch": 3, "goal": 2}
    return {
        name: rng.normal(size=(n, N_STEPS, size)).astype(np.float32)
        for name, size in shapes.items()
    }


def gradient_of(
    model: keras.Model, x: dict[str, Any]
) -> tuple[AreaCell, dict[str, NDArray[np.float32]]]:
    """Return the gradient of the policy's squares by area, as the trainer takes it."""
    stateful = explicit_state(model)
    cell: AreaCell = model.get_layer("areas").cell
    kernels = [population.kernel for population in cell.populations]

    def loss(inputs: Any) -> Any:
        return ops.sum(ops.square(stateful.model(inputs)["policy"])), {}

    given = {**x, IS_FIRST: np.zeros((2, N_STEPS), np.float32)}
    run = make_engine().gradient(loss, kernels)
    flat, _ = run({**given, **stateful.initial_state(2)})
    ends = np.cumsum([int(np.prod(kernel.shape)) for kernel in kernels])
    parts = np.split(flat, ends[:-1])
    return cell, {
        area.name: part.reshape(kernel.shape)
        for area, part, kernel in zip(cell.spec.areas, parts, kernels, strict=True)
    }


@pytest.mark.parametrize("cell", ["rate", "rnn", "gru", "lstm"])
def test_every_pathway_that_reaches_action_has_a_gradient_and_no_other(
    cell: Any, rng: np.random.Generator
) -> None:
    model = build_model(diamond(cell=cell))
    model.get_layer("policy").kernel.assign(
        rng.normal(size=(6, 3)).astype(np.float32)  # its first weights are small
    )
    layer, gradients = gradient_of(model, drawn(rng))
    for area in layer.spec.areas:
        columns = layer.afferent_columns(area.name)
        sources = {p.source for p in layer.spec.pathways if p.target == area.name}
        own = {area.name} if area.is_recurrent else set()
        sensed = set(layer.spec.sensations(area.name))
        assert set(columns) == sources | own | sensed  # nothing else could have one
        for source, part in columns.items():
            size = np.abs(gradients[area.name][:, part]).max()
            if area.name == "E":
                assert size == 0.0, source
            else:
                assert size > 1e-7, (area.name, source)


def test_the_gradient_of_merged_products_is_that_of_single_ones(
    rng: np.random.Generator,
) -> None:
    model = build_model(diamond(cell="gru"))
    x = drawn(rng)
    layer, merged = gradient_of(model, x)
    assert layer._schedule != layer._single
    layer._schedule = layer._single
    _, single = gradient_of(model, x)
    for name, expected in single.items():
        np.testing.assert_allclose(merged[name], expected, atol=1e-6)


def moved_columns(
    source: AreaCell, target: AreaCell, move: Callable[[str], Any] = str
) -> None:
    """Give the areas of one cell the weights of another, afferent by afferent."""
    for area, population in zip(source.spec.areas, source.populations, strict=True):
        other = target.populations[[a.name for a in target.spec.areas].index(area.name)]
        kernel = np.zeros(other.kernel.shape, np.float32)
        there = target.afferent_columns(area.name)
        for name, here in source.afferent_columns(area.name).items():
            kernel[:, there[name]] = np.asarray(population.kernel)[:, here]
        other.kernel.assign(kernel)
        other.bias.assign(np.asarray(population.bias))


@pytest.mark.parametrize("order", ["ACBED", "AECBD"])
def test_the_order_of_regions_changes_nothing_but_the_order(
    order: str, rng: np.random.Generator
) -> None:
    first, second = build_model(diamond()), build_model(diamond(order))
    moved_columns(first.get_layer("areas").cell, second.get_layer("areas").cell)
    x = drawn(rng)
    for name in "abcde":
        outputs = [
            np.asarray(keras.Model(m.input, m.get_layer(name).output)(x))
            for m in (first, second)
        ]
        np.testing.assert_allclose(outputs[0], outputs[1], atol=1e-6)


def test_other_areas_do_not_change_an_areas_first_weights() -> None:
    whole = AreaCell(diamond(), seed=4)
    part = AreaCell(
        diamond("ABCD", pathways=[p for p in diamond().pathways if p.target != "E"]),
        seed=4,
    )
    whole.build((None, 5))
    part.build((None, 5))
    for a, b in zip(whole.populations, part.populations, strict=False):
        assert (np.asarray(a.kernel) == np.asarray(b.kernel)).all()


@pytest.mark.parametrize("cell", ["dense", "rate", "rnn", "gru", "lstm"])
def test_a_sequence_with_resets_equals_itself_step_by_step(
    cell: Any, rng: np.random.Generator
) -> None:
    late = pathway("D", "C", "previous_step").model_copy(update={"delay_steps": 2})
    model = build_model(diamond(cell=cell, pathways=(*diamond().pathways, late)))
    stateful = explicit_state(model)
    x = drawn(rng, n=3)
    flags = np.zeros((3, N_STEPS), np.float32)
    flags[1, 2] = flags[2, 0] = flags[2, 3] = 1.0
    start = {
        name: rng.normal(size=(3, *shape)).astype(np.float32)
        for name, shape in stateful.state_shapes.items()
    }
    whole = stateful.model({**x, IS_FIRST: flags, **start})
    state: dict[str, Any] = dict(start)
    for t in range(N_STEPS):
        now = {name: value[:, t : t + 1] for name, value in x.items()}
        out = stateful.model({**now, IS_FIRST: flags[:, t : t + 1], **state})
        state = {name: np.asarray(out[name]) for name in stateful.state_shapes}
        np.testing.assert_allclose(
            out["policy"][:, 0], whole["policy"][:, t], atol=1e-6
        )
    for name in state:
        np.testing.assert_allclose(state[name], whole[name], atol=1e-6)


# --- memory ------------------------------------------------------------------------


def delayed_match(cell: Any, *, has_feedback: bool) -> float:
    """Train a network to say whether a cue and a later probe were the same.

    The cue, 1 or -1, stands at the first of six steps and the probe at the last; the
    target is their product. Returns the mean square error at the end.
    """
    pathways = [pathway("S", "P"), pathway("P", "M")]
    if has_feedback:
        pathways.append(pathway("M", "P", "previous_step"))
    spec = NetworkSpec(
        name="match",
        control_step_s=0.02,
        areas=(
            AreaSpec(name="S", n_units=8, cell="dense"),
            AreaSpec(name="P", n_units=24, cell=cell, time_constant_s=0.1),
            AreaSpec(name="M", n_units=16, cell=cell, time_constant_s=0.1),
        ),
        pathways=tuple(pathways),
        inputs=(InputSpec(name="touch", size=1, areas=("S",)),),
        action_areas=("M",),
        policy_size=1,
        value=ValueSpec(areas=("M",)),
    )
    model = build_model(spec, seed=1)
    stateful = explicit_state(model)
    pairs = np.array([(a, b) for a in (-1.0, 1.0) for b in (-1.0, 1.0)], np.float32)
    touch = np.zeros((4, 6, 1), np.float32)
    touch[:, 0, 0], touch[:, -1, 0] = pairs.T
    target = pairs.prod(axis=1)
    given = {"touch": touch, IS_FIRST: np.zeros((4, 6), np.float32)}
    given |= {**stateful.initial_state(4), "target": target}

    def loss(inputs: Any) -> Any:
        said = stateful.model({k: v for k, v in inputs.items() if k != "target"})
        return ops.mean(ops.square(said["policy"][:, -1, 0] - inputs["target"])), {}

    engine = make_engine()
    variables = stateful.model.trainable_variables
    run = engine.gradient(loss, variables)
    apply = engine.update(keras.optimizers.Adam(0.01), variables)
    for _ in range(400):
        flat, metrics = run(given)
        apply(flat, 0.01)
    return metrics["loss"]


@pytest.mark.parametrize("cell", ["rate", "rnn", "gru", "lstm"])
def test_memory_solves_a_delayed_match(cell: Any) -> None:
    assert delayed_match(cell, has_feedback=True) < 0.05


def test_the_same_network_without_recurrence_cannot_match_after_a_delay() -> None:
    # Whatever it sees last, both targets are as likely: 0 is best, with an error of 1.
    assert delayed_match("dense", has_feedback=False) > 0.99


# --- bad input ---------------------------------------------------------------------


def refused(message: str, **changes: Any) -> None:
    data = {**diamond().model_dump(), **changes}
    with pytest.raises(SpecError, match=message):
        NetworkSpec(**data)


def test_an_area_without_input_is_refused() -> None:
    pathways = [p for p in diamond().pathways if p.target != "E"]
    refused("area 'E' has no input.*Leave it out, or add", pathways=pathways)


def test_a_feedback_loop_without_a_source_is_refused() -> None:
    x, y = (AreaSpec(name=name, n_units=2, cell="rate") for name in "XY")
    circle: list[PathwaySpec] = [
        pathway("X", "Y", "previous_step"),
        pathway("Y", "X", "previous_step"),
    ]
    refused(
        "area 'X' has no input.*Leave it out, or add",
        areas=[*diamond().areas, x, y],
        pathways=[*diamond().pathways, *circle],
    )


def test_an_unknown_cell_is_refused() -> None:
    areas = [a.model_dump() for a in diamond().areas]
    areas[1]["cell"] = "spiking"
    refused(
        "at 'areas.B.cell'.*'dense', 'rate'.*got 'spiking'",
        areas=areas,
    )
