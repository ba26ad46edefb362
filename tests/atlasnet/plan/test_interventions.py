# SPDX-License-Identifier: Apache-2.0
"""Lesions, clamps and noise change activity as they say, and no weight."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import atlasnet
from atlasnet import Clamp, Lesion, Noise, Silencer, intervene
from atlasnet.bundle import read_model_spec
from atlasnet.errors import InterventionError
from atlasnet.layers.hashed_noise import hashed_normal
from atlasnet.model.builder import build_model
from atlasnet.plan.interventions import (
    Intervention,
    chosen_units,
    parse_intervention,
    read_interventions,
)
from atlasnet.plan.spec import NetworkSpec

AREAS = ("s", "p", "m")


@pytest.fixture
def model(tiny_spec: NetworkSpec) -> keras.Model:
    return build_model(tiny_spec, seed=4)


@pytest.fixture
def x(rng: np.random.Generator) -> dict[str, Any]:
    widths = {"touch": 3, "goal": 2, "auxiliary": 2}
    return {n: rng.normal(size=(3, 6, w)).astype(np.float32) for n, w in widths.items()}


def activity(model: keras.Model, x: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the activity of every area and both heads, by name."""
    outputs = {name: model.get_layer(name).output for name in AREAS}
    inputs = {tensor.name: tensor for tensor in model.inputs}
    read = keras.Model(inputs, {**outputs, **model.output})(x)
    return {name: np.asarray(value) for name, value in read.items()}


def differing(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> set[str]:
    return {name for name in a if (a[name] != b[name]).any()}


# --- lesions ------------------------------------------------------------------------


def test_a_lesioned_area_is_silent_and_what_it_does_not_lead_to_is_unchanged(
    model: keras.Model, x: dict[str, Any]
) -> None:
    # S -> P -> M -> P: M and P lead to each other, nothing leads to S.
    before = activity(model, x)
    without_m = activity(intervene(model, [Lesion(area="M")]), x)
    assert (without_m["m"] == 0).all()
    assert differing(before, without_m) == {"p", "m", "policy", "value"}
    # What M did reaches P a step later, not before.
    assert (before["p"][:, 0] == without_m["p"][:, 0]).all()
    assert (before["p"][:, 1] != without_m["p"][:, 1]).any()
    without_s = activity(intervene(model, [Lesion(area="S")]), x)
    assert (without_s["s"] == 0).all()
    assert differing(before, without_s) == {"s", "p", "m", "policy", "value"}


@pytest.mark.parametrize(
    ("source", "target", "changed"),
    [
        ("touch", "S", {"s", "p", "m"}),
        ("S", "P", {"p", "m"}),
        ("M", "P", {"p", "m"}),
        ("P", "P", {"p", "m"}),
        ("M", "M", {"p", "m"}),
    ],
)
def test_a_lesioned_pathway_changes_only_what_lies_downstream(
    model: keras.Model,
    x: dict[str, Any],
    source: str,
    target: str,
    changed: set[str],
) -> None:
    lesion = Lesion(area=target, source=source)
    before, after = activity(model, x), activity(intervene(model, [lesion]), x)
    assert differing(before, after) == {*changed, "policy", "value"}


def test_a_lesioned_pathway_is_as_if_its_source_were_silent(
    model: keras.Model, x: dict[str, Any]
) -> None:
    # S leads to P alone, so P cannot tell a lesion of S from one of S -> P.
    area = activity(intervene(model, [Lesion(area="S")]), x)
    pathway = activity(intervene(model, [Lesion(area="P", source="S")]), x)
    np.testing.assert_allclose(area["p"], pathway["p"], atol=1e-6)
    assert (pathway["s"] != 0).any()


def test_a_share_of_units_is_silent_and_the_seed_chooses(
    model: keras.Model, x: dict[str, Any]
) -> None:
    # Half of M's six units.
    lesion = Lesion(area="M", share=0.5, seed=1)
    after = activity(intervene(model, [lesion]), x)["m"]
    silent = np.flatnonzero((after == 0).all(axis=(0, 1)))
    assert silent.tolist() == chosen_units(lesion, 6).tolist()
    assert silent.size == 3
    chosen = {
        tuple(chosen_units(lesion.model_copy(update={"seed": seed}), 6))
        for seed in range(10)
    }
    assert len(chosen) > 3
    # A larger share holds a smaller one.
    larger = chosen_units(lesion.model_copy(update={"share": 0.8}), 6)
    assert set(silent) < set(larger)
    assert larger.size == 5


def test_weights_and_the_model_itself_are_left_alone(
    model: keras.Model, x: dict[str, Any]
) -> None:
    weights = [np.asarray(w).copy() for w in model.weights]
    before = activity(model, x)
    done: list[Intervention] = [
        Lesion(area="S", share=0.5),
        Lesion(area="P", source="goal"),
        Clamp(area="M", value=0.5, units=(1,)),
        Noise(area="P", standard_deviation=0.1),
    ]
    other = intervene(model, done)
    activity(other, x)
    assert {id(w) for w in other.weights} == {id(w) for w in model.weights}
    now = [np.asarray(w) for w in model.weights]
    assert all((a == b).all() for a, b in zip(weights, now, strict=True))
    assert differing(before, activity(model, x)) == set()


# --- clamps and noise ---------------------------------------------------------------


def test_clamps_hold(model: keras.Model, x: dict[str, Any]) -> None:
    whole = activity(intervene(model, [Clamp(area="P", value=0.25)]), x)
    assert (whole["p"] == np.float32(0.25)).all()
    values = tuple(0.1 * i for i in range(5))
    each = activity(intervene(model, [Clamp(area="P", value=values)]), x)
    assert (each["p"] == np.float32(values)).all()
    some = intervene(model, [Clamp(area="P", value=(1.0, -1.0), units=(0, 3))])
    after = activity(some, x)["p"]
    assert (after[..., 0] == 1).all()
    assert (after[..., 3] == -1).all()
    assert (np.abs(after[..., [1, 2, 4]]) < 1).all()


def test_a_later_intervention_wins_and_they_add_up(
    model: keras.Model, x: dict[str, Any]
) -> None:
    clamp, lesion = Clamp(area="P", value=0.5), Lesion(area="P")
    assert (activity(intervene(model, [clamp, lesion]), x)["p"] == 0).all()
    assert (activity(intervene(model, [lesion, clamp]), x)["p"] == 0.5).all()
    twice = intervene(intervene(model, [lesion]), [Lesion(area="M")])
    after = activity(twice, x)
    assert (after["p"] == 0).all()
    assert (after["m"] == 0).all()


@pytest.mark.slow
def test_noise_is_normal_new_at_every_step_and_the_same_again(
    model: keras.Model,
) -> None:
    quiet = {
        n: np.zeros((40, 50, w), np.float32)
        for n, w in (("touch", 3), ("goal", 2), ("auxiliary", 2))
    }
    noise = Noise(area="S", standard_deviation=0.2, seed=3)
    # S is silent without touch, as its bias is zero: what is left is the noise.
    drawn = activity(intervene(model, [noise]), quiet)["s"]
    assert drawn.std() == pytest.approx(0.2, rel=0.03)
    assert abs(drawn.mean()) < 0.01
    assert len(np.unique(drawn)) > 0.99 * drawn.size
    flat = drawn.reshape(-1, 4)
    assert np.abs(np.corrcoef(flat.T) - np.eye(4)).max() < 0.08
    again = activity(intervene(model, [noise]), quiet)["s"]
    assert (again == drawn).all()
    other = noise.model_copy(update={"seed": 4})
    assert (activity(intervene(model, [other]), quiet)["s"] != drawn).all()


def test_hashed_noise_is_normal() -> None:
    steps = np.arange(500, dtype=np.float32)[:, None]
    drawn = np.asarray(hashed_normal(keras.ops.convert_to_tensor(steps), 200, (5,)))
    # Shares of a normal distribution within one and two standard deviations.
    assert (np.abs(drawn) < 1).mean() == pytest.approx(0.6827, abs=0.005)
    assert (np.abs(drawn) < 2).mean() == pytest.approx(0.9545, abs=0.003)
    across = [np.corrcoef(drawn[:-1, i], drawn[1:, i])[0, 1] for i in range(20)]
    assert np.abs(across).max() < 0.2  # 20 draws of spread 1 / sqrt(500) = 0.045


# --- models -------------------------------------------------------------------------


@pytest.mark.slow
def test_a_saved_model_keeps_its_interventions(
    model: keras.Model, x: dict[str, Any], tmp_path: Path
) -> None:
    done: list[Intervention] = [
        Lesion(area="P", source="S"),
        Clamp(area="S", value=(0.5,), units=(2,)),
        Noise(area="M", standard_deviation=0.1, seed=2),
    ]
    other = intervene(model, done)
    atlasnet.save_model(other, tmp_path / "other.keras")
    again = activity(atlasnet.load_model(tmp_path / "other.keras"), x)
    for name, value in activity(other, x).items():
        np.testing.assert_allclose(again[name], value, atol=1e-6)
    cell = atlasnet.load_model(tmp_path / "other.keras").get_layer("areas").cell
    assert cell.interventions == tuple(done)
    assert read_model_spec(tmp_path / "other.keras") == cell.spec


@pytest.mark.slow
def test_who_acts_alone_may_be_lesioned(model: keras.Model, x: dict[str, Any]) -> None:
    lesioned = intervene(model, [Lesion(area="P")])
    acting = atlasnet.policy_only(lesioned)
    assert {tensor.name for tensor in acting.inputs} == {"touch", "goal"}
    seen = {name: x[name] for name in ("touch", "goal")}
    expected = np.asarray(lesioned(x)["policy"])
    assert (np.asarray(acting(seen)["policy"]) == expected).all()
    again = intervene(atlasnet.policy_only(model), [Lesion(area="P")])
    np.testing.assert_allclose(again(seen)["policy"], expected, atol=1e-6)


def test_a_value_network_of_its_own_is_left_alone(
    tiny_spec: NetworkSpec, x: dict[str, Any]
) -> None:
    value = tiny_spec.value.model_copy(update={"stem": "copy"})
    model = build_model(tiny_spec.model_copy(update={"value": value}))
    before = model(x)
    after = intervene(model, [Lesion(area="M")])(x)
    assert (np.asarray(before["value"]) == np.asarray(after["value"])).all()
    assert (np.asarray(before["policy"]) != np.asarray(after["policy"])).any()


_IN_JAX = """
import sys, numpy as np, atlasnet
model = atlasnet.load_model(sys.argv[1])
x = dict(np.load(sys.argv[2]))
out = model(x)
np.savez(sys.argv[3], **{name: np.asarray(value) for name, value in out.items()})
"""


@pytest.mark.slow
def test_interventions_are_the_same_under_jax(
    model: keras.Model,
    x: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noise = Noise(area="M", standard_deviation=0.1)
    other = intervene(model, [noise, Lesion(area="P", share=0.5)])
    atlasnet.save_model(other, tmp_path / "other.keras")
    np.savez(tmp_path / "x.npz", **x)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    files = [str(tmp_path / name) for name in ("other.keras", "x.npz", "out.npz")]
    subprocess.run([sys.executable, "-c", _IN_JAX, *files], check=True)
    with np.load(tmp_path / "out.npz") as out:
        for name, value in other(x).items():
            np.testing.assert_allclose(out[name], value, atol=1e-5)


# --- bad input ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("intervention", "message"),
    [
        (Lesion(area="Q"), r"No area 'Q' in the network 'tiny'.*There are: S, P, M"),
        (Lesion(area="P", source="toch"), r"No afferent of 'P' 'toch'.*goal, S, M, P"),
        (Lesion(area="S", source="S"), r"No afferent of 'S' 'S'.*There are: touch"),
        (Clamp(area="S", value=(1.0, 2.0)), r"2 values, the area 4 units"),
        (Clamp(area="S", value=1.0, units=(4,)), r"no unit 4: its 4 units.*0 to 3"),
    ],
)
def test_what_the_network_does_not_have_is_named(
    model: keras.Model, intervention: Intervention, message: str
) -> None:
    with pytest.raises(InterventionError, match=message):
        intervene(model, [intervention])


def test_interventions_that_cannot_be_are_refused() -> None:
    with pytest.raises(InterventionError, match=r"share.*less than or equal to 1"):
        Lesion(area="S", share=1.5)
    with pytest.raises(
        InterventionError, match=r"'S -> P' takes no share.*units of 'S"
    ):
        Lesion(area="P", source="S", share=0.5)
    with pytest.raises(InterventionError, match="2 units and 1 values"):
        Clamp(area="P", value=(1.0,), units=(0, 1))
    for value in (1.0, (1.0, 2.0, 3.0)):
        with pytest.raises(InterventionError, match="'P' names unit 2 more than once"):
            Clamp(area="P", value=value, units=(2, 0, 2))
    with pytest.raises(InterventionError, match="greater than 0"):
        Noise(area="P", standard_deviation=0.0)
    with pytest.raises(InterventionError, match="AREA = NUMBER, got '4p left'"):
        parse_intervention("clamp", "4p left")
    with pytest.raises(InterventionError, match="lesions"):
        read_interventions([{"kind": "lesions", "area": "S"}])
    plain = keras.Sequential([keras.layers.Dense(2)])
    with pytest.raises(InterventionError, match="no areas to intervene in"):
        intervene(plain, [Lesion(area="S")])


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("lesion", "4p left", Lesion(area="4p left")),
        ("lesion", "30 % of 4p left", Lesion(area="4p left", share=0.3, seed=7)),
        ("lesion", "a->b", Lesion(area="b", source="a")),
        ("clamp", "4p left=-1", Clamp(area="4p left", value=-1.0)),
        ("noise", "4p = 1e-1", Noise(area="4p", standard_deviation=0.1, seed=7)),
    ],
)
def test_words_become_interventions(
    kind: Any, text: str, expected: Intervention
) -> None:
    assert parse_intervention(kind, text, seed=7) == expected
    assert read_interventions([expected.model_dump(mode="json")]) == (expected,)


@pytest.mark.parametrize("name", ["", " "])
def test_an_intervention_names_an_area(name: str) -> None:
    with pytest.raises(InterventionError, match="names an area, got no name"):
        Lesion(area=name)


# --- areas that are silenced and let go ---------------------------------------------


@pytest.mark.parametrize("silent", [("S",), ("P",), ("S", "M"), ()])
def test_a_silencer_does_as_a_lesion_and_lets_go_again(
    silent: tuple[str, ...], model: keras.Model, x: dict[str, Any]
) -> None:
    silencer = Silencer(model)
    whole = activity(silencer.model, x)
    assert not differing(whole, activity(model, x))
    silencer.silence(silent)
    lesioned = activity(intervene(model, [Lesion(area=a) for a in silent]), x)
    found = activity(silencer.model, x)
    for name, values in found.items():
        np.testing.assert_allclose(values, lesioned[name], atol=1e-6)
    silencer.silence([])
    assert not differing(whole, activity(silencer.model, x))
    assert not differing(whole, activity(model, x))


def test_a_silencer_keeps_earlier_interventions_and_refuses_unknown_areas(
    model: keras.Model, x: dict[str, Any]
) -> None:
    silencer = Silencer(intervene(model, [Clamp(area="P", value=0.25)]))
    assert (activity(silencer.model, x)["p"] == 0.25).all()
    silencer.silence(["P"])
    assert (activity(silencer.model, x)["p"] == 0.0).all()
    with pytest.raises(InterventionError, match="No area 'PP'"):
        silencer.silence(["PP"])
    plain = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(InterventionError, match="no areas to intervene in"):
        Silencer(plain)


def test_a_silencer_holds_each_row_in_its_own_way(
    model: keras.Model, x: dict[str, Any]
) -> None:
    """As many rows as worlds; each does as the same intervention does by itself."""
    x = {name: np.repeat(values[:1], 4, axis=0) for name, values in x.items()}
    rows = [
        [],
        [Lesion(area="P")],
        [Lesion(area="P", share=0.5, seed=3), Clamp(area="M", value=0.25)],
        [Clamp(area="P", value=(0.5,), units=(1,))],
    ]
    silencer = Silencer(model, n_rows=4)
    silencer.hold(rows)
    found = activity(silencer.model, x)
    for i, row in enumerate(rows):
        alone = activity(intervene(model, row), x)
        for name, values in alone.items():
            np.testing.assert_allclose(found[name][i], values[i], atol=1e-6)
    with pytest.raises(InterventionError, match="4 rows to hold, got 1"):
        silencer.hold([[]])
    with pytest.raises(InterventionError, match=r"Noise of 'P' cannot be switched"):
        silencer.hold([[Noise(area="P", standard_deviation=1.0)]] * 4)
    with pytest.raises(InterventionError, match=r"pathways=True"):
        silencer.hold([[Lesion(area="M", source="P")]] * 4)


def test_a_silencer_cuts_pathways_in_all_rows(
    model: keras.Model, x: dict[str, Any]
) -> None:
    silencer = Silencer(model, pathways=True)
    cut = [Lesion(area="M", source="P")]
    silencer.hold([cut])
    alone = activity(intervene(model, cut), x)
    assert differing(alone, activity(model, x))
    assert not differing(alone, activity(silencer.model, x))
    two = Silencer(model, n_rows=2, pathways=True)
    with pytest.raises(InterventionError, match="in all rows or in none"):
        two.hold([cut, []])
