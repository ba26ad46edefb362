# SPDX-License-Identifier: Apache-2.0
"""Reward terms of the cube, by hand, and recipes that extend one another."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from angora_train.errors import TaskError
from angora_train.tasks import make_config
from angora_train.tasks.cube.rewards import (
    RECIPES,
    CubeMoment,
    CubeScales,
    cube_reward,
)


def _moment(**changes: Any) -> CubeMoment:
    """Two worlds in which nothing happens, but for what is changed."""
    nothing = {
        "previous_angle_rad": np.ones(2),
        "angle_rad": np.ones(2),
        "is_reached": np.zeros(2, np.bool_),
        "is_dropped": np.zeros(2, np.bool_),
        "offset_m": np.zeros(2),
        "actions": np.zeros((2, 20), np.float32),
        "forces": np.zeros((2, 20)),
    }
    return CubeMoment(**(nothing | changes))


def _terms(recipe: str, **changes: Any) -> dict[str, list[float]]:
    scales = CubeScales(extends=recipe)
    return {k: v.tolist() for k, v in cube_reward(_moment(**changes), scales).items()}


def test_openai2018_by_hand() -> None:
    # World 0 turns from 0.5 to 0.3 rad and is there; world 1 turns away from 1.0 to
    # 1.25 rad and drops the cube.
    terms = _terms(
        "openai2018",
        previous_angle_rad=np.array([0.5, 1.0]),
        angle_rad=np.array([0.3, 1.25]),
        is_reached=np.array([True, False]),
        is_dropped=np.array([False, True]),
    )
    assert terms.pop("progress") == pytest.approx([0.2, -0.25])
    assert terms == {"success": [5.0, 0.0], "drop": [0.0, -20.0]}


def test_d314_by_hand() -> None:
    # 20 actuators with 0.5 N m: 20 * 0.25 = 5 N2 m2, times -0.001.
    terms = _terms("d314", forces=np.array([[0.5] * 20, [0.0] * 20]))
    assert terms.pop("energy") == pytest.approx([-0.005, 0.0])
    assert terms == {
        "progress": [0.0, 0.0],
        "success": [0.0, 0.0],
        "drop": [0.0, 0.0],
        "time": [-0.01, -0.01],
    }


def test_dense_by_hand() -> None:
    # Isaac Gym's shape times 0.01: 1 / (0.3 + 0.1) = 2.5 and 1 / (0.9 + 0.1) = 1;
    # -10 per metre at 2 cm; -0.0002 * 20 * 0.25; 250 for the goal, -50 for the drop.
    terms = _terms(
        "dense",
        angle_rad=np.array([0.3, 0.9]),
        offset_m=np.array([0.02, 0.0]),
        actions=np.array([[0.5] * 20, [0.0] * 20], np.float32),
        is_reached=np.array([True, False]),
        is_dropped=np.array([False, True]),
    )
    assert terms["closeness"] == pytest.approx([0.025, 0.01])
    assert terms["offset"] == pytest.approx([-0.002, 0.0])
    assert terms["action"] == pytest.approx([-1e-5, 0.0])
    assert terms["success"] == pytest.approx([2.5, 0.0])
    assert terms["drop"] == pytest.approx([0.0, -0.5])


def test_energy_is_zero_without_force() -> None:
    assert _terms("d314")["energy"] == [0.0, 0.0]


def test_a_config_extends_a_recipe() -> None:
    scales = CubeScales.model_validate({"extends": "d314", "drop": -5})
    assert scales.active == {**RECIPES["d314"], "drop": -5.0}
    assert CubeScales.model_validate("dense").active == RECIPES["dense"]
    assert CubeScales().active == RECIPES["openai2018"]


def test_a_term_can_be_switched_off() -> None:
    scales = CubeScales(extends="openai2018", success=0.0)
    assert set(cube_reward(_moment(), scales)) == {"progress", "drop"}


@pytest.mark.parametrize("recipe", RECIPES)
def test_scales_survive_json(recipe: str) -> None:
    scales = CubeScales(extends=recipe, drop=-1.0)
    assert CubeScales.model_validate_json(scales.model_dump_json()) == scales


@pytest.mark.parametrize("name", ["drop", "time", "energy", "offset", "action"])
def test_a_cost_cannot_be_positive(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        CubeScales.model_validate({name: 1.0})


@pytest.mark.parametrize(
    ("rewards", "match"),
    [
        ("openai2019", r"No recipe 'openai2019'. Close matches: openai2018"),
        ({"extends": "x"}, "Recipes: openai2018, d314, dense"),
        ({"progres": 1}, r"Unknown .* 'rewards.progres'. Close matches: progress"),
        ({"drop": "much"}, "rewards.drop"),
        (3, "rewards"),
    ],
)
def test_an_unknown_recipe_or_term_is_one_clear_error(rewards: Any, match: str) -> None:
    with pytest.raises(TaskError, match=match):
        make_config("ReorientCube", {"rewards": rewards})
