# SPDX-License-Identifier: Apache-2.0
"""Sweeps: what is done equals what is done by hand, goes on, and is compared fairly."""

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from angora_train.analysis.actors import AgentActor, choosing
from angora_train.analysis.evaluation import evaluate
from angora_train.analysis.figures.lesions import plot_dissociation, plot_effects
from angora_train.analysis.lesioning.conditions import (
    Condition,
    area_conditions,
    group_conditions,
    intact,
    named_conditions,
    pathway_conditions,
)
from angora_train.analysis.lesioning.effects import (
    dissociations,
    effects,
    losses_by_goal,
    losses_by_outcome,
    losses_by_task,
)
from angora_train.analysis.lesioning.notebook import Notebook
from angora_train.analysis.lesioning.sweep import Sweep, play_sweep
from angora_train.analysis.lesioning.tables import save_sweeps
from angora_train.config.loading import load_config
from angora_train.errors import ConfigError
from angora_train.run.preparation import Prepared, prepare
from atlasnet import Clamp, Lesion, Noise
from tests.angora_train.analysis.test_lesions import REGIONS, chain

# --- which conditions ---------------------------------------------------------------


def test_random_cuts_are_of_pathways_with_as_many_weights() -> None:
    """S-A 90, A-B 200, B-C 600, C-D 1200, D-E 2000, E-M 450: nearest to 600 is 450."""
    (cut, first, second) = pathway_conditions(chain(), [("B", "C")], n_random=2)
    assert (cut.name, cut.draw, cut.n_units) == ("B -> C", None, 600)
    assert cut.interventions == (Lesion(area="C", source="B"),)
    assert [x.n_units for x in (first, second)] == [450, 200]
    assert not cut.is_by_world
    assert cut.is_switched


def test_random_units_are_as_many_as_the_share_and_lie_in_inner_areas() -> None:
    half = Lesion(area="D", share=0.5)
    own, *beside = named_conditions(chain(), {"half of D": [half]}, n_random=3)
    assert (own.kind, own.n_units, own.is_by_world) == ("units", 20, True)
    for one in beside:
        assert one.n_units == 20
        assert not {"S", "M"} & set(one.areas)
        assert all(isinstance(x, Clamp) and x.value == 0.0 for x in one.interventions)
    assert len({x.key for x in beside}) == 3


def test_beside_clamps_and_noise_the_same_is_done_to_other_areas() -> None:
    done = {"held": [Clamp(area="B", value=0.5)], "loud": [_noise("C")]}
    found = named_conditions(chain(), done, n_random=2)
    assert [(x.name, x.draw) for x in found] == [
        *(("held", draw) for draw in (None, 1, 2)),
        *(("loud", draw) for draw in (None, 1, 2)),
    ]
    assert all(x.interventions[0].value == 0.5 for x in found[:3])  # type: ignore[union-attr]
    assert {x.areas for x in found[1:3]} == {("A",), ("C",)}  # 10 and 30 beside 20
    assert not any(x.is_switched for x in found[3:])
    with pytest.raises(ConfigError, match="'intact' needs something that is done"):
        named_conditions(chain(), {"intact": [_noise("C")]})


def _noise(area: str) -> Noise:
    return Noise(area=area, standard_deviation=0.5, seed=3)


# --- what is played -----------------------------------------------------------------


@pytest.fixture(scope="module")
def ready() -> Prepared:
    changes = [
        f"network.regions={REGIONS}",
        "network.units={total: 64, floor: 8}",
        "task.options={episode_s: 0.2, rewards: {success_distance_m: 0.08}}",
    ]
    return prepare(load_config("reach", changes), range(6))


def by_hand(ready: Prepared, area: str) -> np.ndarray:
    """Return the returns when nobody reads an area: its outputs are zero by hand.

    A copy of the network whose kernels have zeros in the area's columns, and whose
    heads have zeros in its rows.
    """
    model = keras.models.clone_model(ready.model)
    model.set_weights(ready.model.get_weights())
    (cell,) = (x.cell for x in model.layers if hasattr(x, "cell"))
    for other in cell.spec.areas:
        columns = cell.afferent_columns(other.name)
        if area in columns:
            kernel = cell.population(other.name).kernel
            values = np.array(kernel)
            values[:, columns[area]] = 0.0
            kernel.assign(values)
    agent = replace(ready, model=model).agent()
    return evaluate(AgentActor(choosing(agent, "expected")), ready.task, 3).total_reward


@pytest.mark.slow
def test_the_lesion_of_an_area_equals_zeroing_its_outputs_by_hand(
    ready: Prepared,
) -> None:
    (cell,) = (x.cell for x in ready.model.layers if hasattr(x, "cell"))
    spec = cell.spec
    inner = [a.name for a in spec.areas if a.name not in spec.action_areas]
    read = set(spec.value.areas)
    lesions = [x for x in area_conditions(spec, n_random=0) if x.name in inner]
    sweep = play_sweep(ready, lesions, 3)
    for one, outcomes in zip(sweep.conditions[1:], sweep.outcomes[1:], strict=True):
        np.testing.assert_allclose(
            outcomes["return"], by_hand(ready, one.name), atol=1e-4
        )
    assert read  # the value head decides nothing here
    assert not np.allclose(sweep.outcomes[1]["return"], sweep.outcomes[0]["return"])


@pytest.mark.slow
def test_conditions_together_do_as_each_by_itself_and_a_sweep_goes_on(
    ready: Prepared, tmp_path: Path
) -> None:
    (cell,) = (x.cell for x in ready.model.layers if hasattr(x, "cell"))
    spec = cell.spec
    first, second = spec.areas[0].name, spec.areas[1].name
    pathway = spec.pathways[0]
    done = {
        "a": [Lesion(area=first)],
        "half": [Lesion(area=second, share=0.5, seed=1)],
        "held": [Clamp(area=second, value=0.3)],
        "cut": [Lesion(area=pathway.target, source=pathway.source)],
        "loud": [Noise(area=second, standard_deviation=0.5)],
    }
    conditions = named_conditions(spec, done, n_random=0)
    path = tmp_path / "episodes.jsonl"
    told: list[int] = []
    kept = play_sweep(ready, conditions[:2], 3, path=path, n_together=3)
    # Stopped in the middle of a line.
    path.write_text(path.read_text() + '{"condition": "[{')
    sweep = play_sweep(
        ready, conditions, 3, path=path, tell=lambda n, of, at: told.append(n)
    )
    assert told == [3, 4, 5, 6]  # intact, a and half were there
    for i in range(3):
        assert (sweep.outcomes[i]["return"] == kept.outcomes[i]["return"]).all()
    for one, outcomes in zip(sweep.conditions, sweep.outcomes, strict=True):
        alone = prepare(ready.config, range(6), interventions=one.interventions)
        actor = AgentActor(choosing(alone.agent(), "expected"))
        own = evaluate(actor, alone.task, 3)
        np.testing.assert_allclose(outcomes["return"], own.total_reward, atol=1e-4)
        np.testing.assert_allclose(outcomes["distance_m"], own.distance_m, atol=1e-5)
    with pytest.raises(ConfigError, match=r"another sweep: seed 3, now 4.*--out"):
        play_sweep(ready, conditions, 4, path=path)


def test_a_notebook_leaves_out_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "n.jsonl"
    book = Notebook(path, {"seed": 1})
    book.add("x", {"return": np.array([1.0, np.nan])})
    book.add("y", {"return": np.array([2.0, 3.0])})
    path.write_text(path.read_text()[:-9])
    again = Notebook(path, {"seed": 1})
    assert list(again.played) == ["x"]
    np.testing.assert_array_equal(again.played["x"]["return"], [1.0, np.nan])
    assert json.loads(path.read_text().splitlines()[0]) == {"seed": 1}
    with pytest.raises(ConfigError, match="seed 1, now 2"):
        Notebook(path, {"seed": 2})


# --- what it says -------------------------------------------------------------------


def swept(rng: np.random.Generator, n: int = 40) -> Sweep:
    """Front takes 1 of the return, back 5 steps of the length; random ones nothing."""
    groups = {"front": ["A", "B"], "back": ["C", "D"]}
    every = (intact(chain()), *group_conditions(chain(), groups, n_random=2))
    whole = {"return": rng.normal(size=n), "length": 50 + rng.normal(size=n)}

    def outcomes(one: Condition) -> dict[str, np.ndarray]:
        takes = {"front": (1.0, 0.0), "back": (0.0, 5.0)}
        a, b = takes.get(one.name, (0.0, 0.0)) if one.draw is None else (0.0, 0.0)
        found = {"return": whole["return"] - a, "length": whole["length"] - b}
        return {name: x + 0.1 * rng.normal(size=n) for name, x in found.items()}

    played = [{k: x.copy() for k, x in whole.items()}, *map(outcomes, every[1:])]
    return Sweep(every, tuple(played), np.arange(n) % 2)


def test_changes_are_paired_and_stand_beside_random_ones(
    rng: np.random.Generator,
) -> None:
    table = effects({"run": swept(rng)})
    own = table[table["draw"] == ""].set_index(["condition", "outcome"])
    row = own.loc[("front", "return")]
    # Episodes differ by 1, pairs by 0.1: the interval is about 0.06 wide.
    assert row["low"] < -1.0 < row["high"]
    assert row["high"] - row["low"] < 0.15
    assert float(row["beyond_high"]) < -0.8
    assert row["control"] == "random"
    none = own.loc[("back", "return")]
    assert abs(none["change"]) < 0.06
    assert table[table["draw"] == 1]["beyond"].eq("").all()
    pair = effects({"a": swept(rng), "b": swept(rng)})
    both = pair[pair["subject"] == "all"].set_index(["condition", "outcome"])
    assert both.loc[("front", "return"), "n"] == 80
    with pytest.raises(ConfigError, match="no sweep"):
        effects({})


def test_two_lesions_that_each_take_their_own_are_a_double_dissociation(
    rng: np.random.Generator,
) -> None:
    sweep = swept(rng)
    losses = losses_by_outcome(sweep)
    # Over the spread of the intact network, about 1 for both.
    assert np.mean(losses["front"]["return"]) == pytest.approx(1.0, abs=0.3)
    (row,) = dissociations(losses).to_dict("records")
    assert row["is_double"]
    assert (row["first"], row["column_a"]) == ("front", "return")
    assert (row["second"], row["column_b"]) == ("back", "length")
    # A lesion that takes more of everything dissociates nothing doubly.
    worse = {
        "front": losses["front"],
        "both": {k: x + 9 for k, x in losses["back"].items()},
    }
    (row,) = dissociations(worse).to_dict("records")
    assert not row["is_double"]
    assert row["first"] == "both"
    kinds = losses_by_goal(sweep, ("left", "right"))
    assert list(kinds["front"]) == ["left", "right"]
    assert len(kinds["front"]["left"]) == 20
    tasks = losses_by_task({"reach": sweep, "cube": swept(rng)})
    assert set(tasks) == {"front", "back"}
    assert list(tasks["front"]) == ["reach", "cube"]
    with pytest.raises(ConfigError, match="at least two lesions and two outcomes"):
        dissociations({"front": losses["front"]})


def test_figures_and_tables_hold_what_was_found(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    sweep = swept(rng)
    table = effects({"run": sweep})
    ax = plot_effects(table)
    assert [x.get_text() for x in ax.get_yticklabels()] == ["front", "back"]
    ax = plot_dissociation(losses_by_outcome(sweep))
    assert ax.get_title(loc="left").startswith("1 double dissociations")
    save_sweeps(table, {"run": sweep}, tmp_path, 0)
    assert {x.name for x in tmp_path.iterdir()} == {
        "lesion.csv",
        "lesion.nc",
        "lesion_dissociations.csv",
    }
