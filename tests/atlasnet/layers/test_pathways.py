# SPDX-License-Identifier: Apache-2.0
"""Options of pathways: what each changes of activity, weights or gradients."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from atlasnet.errors import SpecError
from atlasnet.layers import NOISE, AreaCell, Population
from atlasnet.layers.noise import UnitNoise
from atlasnet.model.builder import build_model
from atlasnet.plan.spec import AreaSpec, InputSpec, NetworkSpec, PathwaySpec, ValueSpec
from tests.conftest import pathway


def chain(
    *pathways: PathwaySpec, cells: dict[str, Any] | None = None, **kwargs: Any
) -> NetworkSpec:
    """Areas A, B and C without memory, unless cells say otherwise; touch enters A."""
    return NetworkSpec(
        name="chain",
        control_step_s=0.02,
        areas=tuple(
            AreaSpec(
                name=name, n_units=n, **{"cell": "dense", **(cells or {}).get(name, {})}
            )
            for name, n in (("A", 3), ("B", 4), ("C", 5))
        ),
        pathways=pathways,
        inputs=(InputSpec(name="touch", size=3, areas=("A",)),),
        action_areas=("C",),
        policy_size=2,
        value=ValueSpec(areas=("C",)),
        **kwargs,
    )


def changed(base: PathwaySpec, **kwargs: Any) -> PathwaySpec:
    return PathwaySpec(**{**base.model_dump(), **kwargs})


def cell_of(model: keras.Model) -> AreaCell:
    cell: AreaCell = model.get_layer("areas").cell
    return cell


def population(model: keras.Model, area: str) -> Population:
    return next(p for p in cell_of(model).populations if p.name == area)


def steps_that_move(model: keras.Model, layer: str, rng: Any) -> list[int]:
    """Return at which steps an area's activity changes if touch does at step 2."""
    read = keras.Model(model.input, model.get_layer(layer).output)
    x = rng.normal(size=(2, 9, 3)).astype(np.float32)
    other = x.copy()
    other[:, 2] += 1.0
    given = {t.name: np.zeros((2, 9, t.shape[-1]), np.float32) for t in model.inputs}
    outputs = [np.asarray(read({**given, "touch": value})) for value in (x, other)]
    moved = np.abs(outputs[0] - outputs[1]).max(axis=(0, 2))
    return np.flatnonzero(moved > 1e-7).tolist()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # Each delay adds to step 2, at which the touch changes.
        (pathway("A", "B"), pathway("B", "C"), [2]),
        (changed(pathway("A", "B"), delay_steps=3), pathway("B", "C"), [5]),
        (
            changed(pathway("A", "B", "previous_step"), delay_steps=2),
            changed(pathway("B", "C"), delay_steps=1),
            [5],
        ),
    ],
)
def test_activity_arrives_after_the_delays_of_its_pathways(
    first: PathwaySpec, second: PathwaySpec, expected: list[int], rng: Any
) -> None:
    assert steps_that_move(build_model(chain(first, second)), "c", rng) == expected


def test_an_area_can_be_read_at_several_delays(rng: np.random.Generator) -> None:
    slow = changed(pathway("A", "C", "previous_step"), delay_steps=4)
    spec = chain(pathway("A", "B"), pathway("B", "C", "previous_step"), slow)
    model = build_model(spec)
    # By B one step later, straight four steps later. A is kept for 4 steps, B for 1.
    assert steps_that_move(model, "c", rng) == [3, 6]
    assert cell_of(model).state_size == 4 * 3 + 1 * 4
    assert list(cell_of(model).carried)[:2] == [("before", "A"), ("before 2", "A")]


def test_what_arrives_a_step_later_cannot_arrive_within_the_step() -> None:
    with pytest.raises(SpecError, match="A -> B of timing previous_step cannot"):
        changed(pathway("A", "B", "previous_step"), delay_steps=0)


def test_a_delayed_pathway_may_close_a_circle() -> None:
    late = changed(pathway("B", "A"), delay_steps=1)
    build_model(chain(pathway("A", "B"), pathway("B", "C"), late))
    with pytest.raises(SpecError, match="runs against the order of the areas"):
        chain(pathway("A", "B"), pathway("B", "C"), pathway("B", "A"))


def test_an_initial_strength_scales_the_first_weights_alone() -> None:
    plain = build_model(chain(pathway("A", "B"), pathway("B", "C")))
    strong = build_model(
        chain(changed(pathway("A", "B"), strength=3.0), pathway("B", "C"))
    )
    ratio = np.asarray(population(strong, "b").kernel / population(plain, "b").kernel)
    np.testing.assert_allclose(ratio, 3.0, rtol=1e-6)
    assert [v.path for v in strong.variables] == [v.path for v in plain.variables]


@pytest.mark.parametrize("use", ["fixed", "trainable"])
def test_a_strength_that_stays_scales_activity_and_gradients(
    use: Any, rng: np.random.Generator
) -> None:
    weak, strong = (
        build_model(
            chain(
                changed(pathway("A", "B"), strength=strength, strength_use=use),
                pathway("B", "C"),
            )
        )
        for strength in (1.0, 2.0)
    )
    kernels = [np.asarray(population(m, "b").kernel) for m in (weak, strong)]
    assert (kernels[0] == kernels[1]).all()
    x = {"touch": 0.01 * rng.normal(size=(2, 1, 3)).astype(np.float32)}
    active = [
        np.asarray(keras.Model(m.input, m.get_layer("b").output)(x))
        for m in (weak, strong)
    ]
    # In the linear part of tanh, twice the weights give twice the activity.
    np.testing.assert_allclose(active[1], 2 * active[0], rtol=1e-3, atol=1e-6)
    trained = [v.path.split("/")[-1] for v in population(strong, "b").trainable_weights]
    assert ("strength" in trained) == (use == "trainable")


def test_a_trained_strength_has_a_gradient_of_its_own(
    rng: np.random.Generator,
) -> None:
    pathways = (
        changed(pathway("A", "C"), strength=0.5, strength_use="trainable"),
        changed(pathway("B", "C"), strength=2.0, strength_use="fixed"),
        pathway("A", "B"),
    )
    spec = chain(*pathways)
    layer = AreaCell(spec)
    layer.build((None, 3))
    c = layer.populations[2]
    assert np.asarray(c.strength).tolist() == [0.5]
    columns = layer.afferent_columns("C")
    used, raw = np.asarray(c.weights_in_use()), np.asarray(c.kernel)
    np.testing.assert_allclose(
        used[:, columns["A"]], 0.5 * raw[:, columns["A"]], rtol=1e-6
    )
    np.testing.assert_allclose(
        used[:, columns["B"]], 2.0 * raw[:, columns["B"]], rtol=1e-6
    )


def dale_spec() -> NetworkSpec:
    signed = {"cell": "rate", "activation": "relu", "inhibitory_share": 0.25}
    return chain(
        pathway("A", "B"),
        pathway("B", "C"),
        pathway("C", "B", "previous_step"),
        cells={
            "A": {"activation": "softplus", "inhibitory_share": 0.0},
            "B": signed,
            "C": {**signed, "cell": "rnn"},
        },
    )


def test_with_dales_principle_a_unit_excites_or_inhibits_whatever_it_reaches() -> None:
    layer = AreaCell(dale_spec(), seed=1)
    layer.build((None, 3))
    used = {
        name: np.asarray(p.signed_kernel())
        for name, p in zip("ABC", layer.populations, strict=True)
    }
    columns = layer.afferent_columns("B")
    # B has 4 units: the last one inhibits; C has 5, of which 25 % round to 1.
    assert (used["B"][:, columns["A"]] > 0).all()
    assert (used["B"][:, columns["B"]][:, :3] > 0).all()
    assert (used["B"][:, columns["B"]][:, 3:] < 0).all()
    assert (used["B"][:, columns["C"]][:, :4] > 0).all()
    assert (used["B"][:, columns["C"]][:, 4:] == 0).all()  # it inhibits inside C alone
    assert (used["C"][:, layer.afferent_columns("C")["C"]][:, 4:] < 0).all()
    assert (used["A"] < 0).any()  # a sensation is no unit: its signs are free


def test_inhibition_starts_as_strong_as_excitation() -> None:
    spec = dale_spec()
    areas = [a.model_copy(update={"n_units": 400}) for a in spec.areas]
    layer = AreaCell(spec.model_copy(update={"areas": tuple(areas)}))
    layer.build((None, 3))
    own = layer.afferent_columns("B")["B"]
    inside = np.asarray(layer.populations[1].signed_kernel())[:, own]
    assert abs(inside.sum() / np.abs(inside).sum()) < 0.02


def test_interneurons_cancel_what_all_units_have_in_common() -> None:
    layer = AreaCell(dale_spec(), seed=2)
    layer.build((None, 3))
    population = layer.populations[1]
    columns = layer.afferent_columns("B")
    for _ in range(2):
        used = np.asarray(population.weights_in_use())
        signed = np.asarray(population.signed_kernel())
        excites = np.r_[columns["A"], columns["B"]][:-1]  # B's last unit inhibits
        # Whatever an excitatory unit does changes the drive by nothing in the mean.
        np.testing.assert_allclose(used[:, excites].mean(axis=0), 0, atol=1e-6)
        expected = signed[:, excites] - signed[:, excites].mean(axis=0)
        np.testing.assert_allclose(used[:, excites], expected, atol=1e-6)
        inhibits = columns["B"].stop - 1
        np.testing.assert_allclose(used[:, inhibits], signed[:, inhibits])
        population.kernel.assign(3.0 * np.asarray(population.kernel) + 1.0)  # trained
    first = layer.populations[0]  # it hears sensations alone
    np.testing.assert_allclose(first.weights_in_use(), first.kernel)


@pytest.mark.parametrize(
    ("area", "remedy"),
    [
        ({"cell": "rate"}, "take relu or softplus"),
        ({"cell": "lstm", "activation": "relu"}, "take rate or rnn"),
        ({"cell": "dense", "activation": "relu"}, "take 0.0"),
    ],
)
def test_an_area_whose_units_have_no_sign_is_refused(
    area: dict[str, Any], remedy: str
) -> None:
    with pytest.raises(SpecError, match=f"area 'A' cannot have.*{remedy}"):
        AreaSpec(name="A", n_units=8, inhibitory_share=0.25, **area)


def test_noise_has_unit_variance_and_units_do_not_share_it(
    rng: np.random.Generator,
) -> None:
    noise = UnitNoise(40)
    drawn = np.asarray(noise(rng.random((20_000, 3), dtype=np.float32), np.arange(40)))
    # The standard errors of 20,000 draws are about 0.007 and 0.007.
    assert np.abs(drawn.mean(axis=0)).max() < 0.03
    covariance = np.cov(drawn.T)
    assert np.abs(covariance - np.eye(40)).max() < 0.04
    # 3 sources of kurtosis 3/2 each, of variance 1/3: 3 - 1.5 / 3 = 2.5.
    assert np.mean(drawn**4) == pytest.approx(2.5, abs=0.05)


@pytest.mark.parametrize("cell", ["dense", "rate", "rnn", "gru", "lstm"])
def test_noise_moves_every_cell_by_its_standard_deviation_and_zeros_turn_it_off(
    cell: Any, rng: np.random.Generator
) -> None:
    cells = {name: {"cell": cell} for name in "ABC"}
    pathways = (pathway("A", "B"), pathway("B", "C"))
    quiet = build_model(chain(*pathways, cells=cells))
    loud = build_model(chain(*pathways, cells=cells, noise_std=0.5))
    louder = build_model(chain(*pathways, cells=cells, noise_std=1.0))
    x = rng.normal(size=(64, 1, 3)).astype(np.float32)
    drawn = rng.random((64, 1, 3), dtype=np.float32)

    def activity(model: keras.Model, numbers: Any) -> Any:
        given = {"touch": x} if model is quiet else {"touch": x, NOISE: numbers}
        return np.asarray(keras.Model(model.input, model.get_layer("a").output)(given))

    still = activity(quiet, None)
    np.testing.assert_allclose(activity(loud, 0 * drawn), still, atol=1e-7)
    moved, more = (np.std(activity(m, drawn) - still) for m in (loud, louder))
    assert more > 1.3 * moved > 0.01
    assert (activity(loud, drawn) == activity(loud, drawn)).all()


def test_activity_costs_its_mean_square(rng: np.random.Generator) -> None:
    spec = chain(pathway("A", "B"), pathway("B", "C"), activity_cost=0.25)
    model = build_model(spec)
    x = {"touch": rng.normal(size=(2, 3, 3)).astype(np.float32)}
    layers = [model.get_layer(name).output for name in "abc"]
    active = np.concatenate(keras.Model(model.input, layers)(x), axis=-1)
    expected = 0.25 * np.mean(np.square(active), axis=-1, keepdims=True)
    np.testing.assert_allclose(model(x)["activity_cost"], expected, rtol=1e-5)


def test_wiring_costs_the_mean_of_length_times_weight() -> None:
    spec = chain(
        changed(pathway("A", "B"), length_mm=10.0),
        changed(pathway("B", "C"), length_mm=50.0),
        changed(pathway("C", "B", "previous_step"), length_mm=None),  # the mean: 30 mm
        wiring_cost=2.0,
    )
    model = build_model(spec)
    cell = cell_of(model)
    by_hand, n_weights = 0.0, 3 * 4 + 4 * 5 + 5 * 4
    for source, target, length in (("A", "B", 10), ("B", "C", 50), ("C", "B", 30)):
        kernel = np.asarray(population(model, target.lower()).kernel)
        heard = cell.afferent_columns(target)[source]
        by_hand += 2.0 / n_weights * length * np.abs(kernel[:, heard]).sum()
    assert float(ops.sum(ops.stack(model.losses))) == pytest.approx(by_hand, rel=1e-5)


def test_a_wiring_cost_that_could_be_evaded_is_refused() -> None:
    trained = changed(pathway("A", "B"), strength_use="trainable")
    with pytest.raises(SpecError, match="A -> B has a trainable strength"):
        chain(trained, pathway("B", "C"), wiring_cost=1.0)
    short = [changed(pathway(*pair), length_mm=None) for pair in ("AB", "BC")]
    with pytest.raises(SpecError, match="no pathway of known length"):
        chain(*short, wiring_cost=1.0)
