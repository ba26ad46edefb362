# SPDX-License-Identifier: Apache-2.0
"""Scales of rewards that follow training, number by number."""

from typing import Any

import numpy as np
import pytest

from angora_train.errors import TaskError
from angora_train.tasks import make_config, make_vector_task
from angora_train.tasks.cube.rewards import CubeScales
from angora_train.tasks.reaching.rewards import (
    FreeReachScales,
    ReachScales,
    free_reach_reward,
    reach_reward,
)
from angora_train.tasks.scales import Scales, Schedule

_DROP = {"from": -5, "to": -20, "until": 0.5}


@pytest.mark.parametrize(
    ("share", "scale"),
    # A fifth of the way at a tenth of training: -5 - 15 / 5 = -8.
    [(0.0, -5.0), (0.1, -8.0), (0.25, -12.5), (0.5, -20.0), (1.0, -20.0)],
)
def test_a_scale_runs_on_a_line_and_stays_at_its_end(
    share: float, scale: float
) -> None:
    scales = CubeScales.model_validate({"drop": _DROP})
    assert scales.at(share)["drop"] == pytest.approx(scale, abs=1e-12)
    assert scales.at(share)["success"] == 5.0


def test_by_default_a_schedule_lasts_all_of_training() -> None:
    schedule = Schedule.model_validate({"from": 1, "to": 3})
    assert [schedule.at(share) for share in (0, 0.5, 1)] == [1.0, 2.0, 3.0]


def test_terms_have_the_same_names_from_start_to_end() -> None:
    scales = ReachScales.model_validate({"success": {"from": 0, "to": 1}})
    tips = np.zeros(15)
    terms = [reach_reward(tips, tips, scales, share) for share in (0.0, 1.0)]
    assert [list(term) for term in terms] == [["distance", "success"]] * 2
    assert [float(term["success"]) for term in terms] == [0.0, 1.0]


@pytest.mark.parametrize("kind", [CubeScales, FreeReachScales, ReachScales])
def test_every_kind_of_reward_extends_its_recipes(kind: type[Scales]) -> None:
    for name, recipe in kind.recipes.items():
        assert kind.model_validate(name).active == recipe
        halved = kind.model_validate({"extends": name, "success": 0.5})
        assert halved.active == {**recipe, "success": 0.5}
        assert kind.model_validate_json(halved.model_dump_json()) == halved


def test_reaching_sequences_extend_their_own_recipe() -> None:
    for name in ("ReachSequence", "FreeReachSequence"):
        config: Any = make_config(name)
        assert config.rewards.extends == "sequence"
        assert config.rewards.success == 5.0
        changed: Any = make_config(name, {"rewards": {"extends": "single"}})
        assert changed.rewards.success == 0.1


def test_a_term_without_a_scale_is_left_out() -> None:
    terms = free_reach_reward(np.zeros(15), np.array(0), FreeReachScales(zone=0.0))
    assert list(terms) == ["distance", "success"]


@pytest.mark.parametrize(
    ("rewards", "message"),
    [
        ("openia2018", "No recipe 'openia2018'. Close matches: openai2018"),
        ({"dorp": -1}, "Unknown setting key 'rewards.dorp'. Close matches: drop"),
        ({"drop": 1}, "a cost is less than or equal to 0"),
        ({"drop": {"from": -1, "to": 1}}, "a cost is less than or equal to 0"),
        ({"success": {"from": -1, "to": 1}}, "a bonus is greater than or equal to 0"),
        ({"drop": {"from": -1}}, "'rewards.drop.schedule.to': Field required"),
        ({"drop": {"from": -1, "to": -2, "until": 1.5}}, "less than or equal to 1"),
        ({"drop": "much"}, "'rewards.drop.number': Input should be a valid number"),
    ],
)
def test_a_reward_that_makes_no_sense_is_one_clear_error(
    rewards: Any, message: str
) -> None:
    with pytest.raises(TaskError) as caught:
        make_config("ReorientCube", {"rewards": rewards})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Value error" not in str(caught.value)


def test_a_task_s_reward_follows_the_progress_it_is_told_of() -> None:
    rewards = {"distance": {"from": 1, "to": 3, "until": 0.5}, "success": 0}
    still = np.zeros((2, 20), np.float32)
    runs = []
    for shares in ((0.0, 0.0), (0.0, 0.25)):
        task = make_vector_task("Reach", {"rewards": rewards}, 2)
        task.reset(seed=0)
        told = []
        for share in shares:
            task.set_progress(share)
            told.append(task.step(still)[4])
        runs.append(told)
    (first, second), (same, later) = runs
    assert set(later) == set(first)
    np.testing.assert_array_equal(
        same["reward/distance"], -first["distance_m"], strict=True
    )
    # A quarter of training is half of the way from 1 to 3.
    np.testing.assert_allclose(later["reward/distance"], 2 * second["reward/distance"])


def test_a_schedule_survives_the_config_s_json() -> None:
    config: Any = make_config("ReorientCube", {"rewards": {"drop": _DROP}})
    assert '"drop":{"from":-5.0,"to":-20.0,"until":0.5}' in config.model_dump_json()
    assert type(config).model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_of_training_lies_between_zero_and_one(share: float) -> None:
    for name in ("Reach", "gym:CartPole-v1"):
        with pytest.raises(TaskError, match="share of training"):
            make_vector_task(name).set_progress(share)
