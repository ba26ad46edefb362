# SPDX-License-Identifier: Apache-2.0
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from angora_train.config.run import TaskChoice
from angora_train.errors import ConfigError, TaskError
from angora_train.tasks.registry import make_vector_task
from angora_train.tasks.sharing import share_worlds

CART = "gym:CartPole-v1"


def chosen(name: str, **options: Any) -> TaskChoice:
    return TaskChoice(name=name, options=options)


def test_hidden_velocities_are_shown_to_the_teacher_alone() -> None:
    shared = share_worlds(
        chosen(CART, hidden="velocity"), chosen(CART), ["proprioception"]
    )
    assert shared.names == {"proprioception": "privileged"}
    assert shared.unread == ("privileged",)
    worlds = make_vector_task(CART, shared.options, 3)
    observation, _ = worlds.reset(seed=0)
    assert observation["proprioception"].shape == (3, 2)
    # Position and angle are elements 0 and 2 of the four.
    kept = observation["privileged"][:, [0, 2]]
    np.testing.assert_array_equal(observation["proprioception"], kept)
    again, *_ = worlds.step(np.zeros((3, 1), np.float32))
    assert again["privileged"].shape == (3, 4)
    assert not worlds.unsaved


def test_the_cube_offers_what_its_teacher_reads_of_other_physics() -> None:
    teacher = chosen("ReorientCube", physics_model="fast", touch=False, privileged=True)
    shared = share_worlds(chosen("ReorientCube"), teacher, ["privileged"])
    assert shared.options == {"privileged": True}
    assert shared.unread == ("privileged",)


def test_variants_of_a_task_are_one_task() -> None:
    shared = share_worlds(chosen("Reach"), chosen("ReachFF"), ["goal"])
    assert shared.unread == ()


@pytest.mark.parametrize(
    ("student", "teacher", "reads", "told"),
    [
        (chosen("Reach"), chosen("FreeReach"), "goal", "teacher did the task 'Free"),
        (chosen("Reach"), chosen("Reach"), "touhc", "lacks.*touch"),
        (
            chosen("Reach", control="relative"),
            chosen("Reach"),
            "goal",
            r"control .*absolute.*relative.*task\.options\.control",
        ),
        (
            chosen("Reach"),
            chosen("Reach", n_substeps=5),
            "goal",
            r"control step, s, 0\.01 and 0\.02",
        ),
        (
            chosen("ReorientCube"),
            chosen("ReorientCube", relative_goal=True),
            "goal",
            r"'goal'.*relative_goal True.*relative_goal False",
        ),
        (
            chosen(CART),
            chosen(CART, hidden="velocity"),
            "proprioception",
            r"task\.options\.hidden",
        ),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused(
    student: TaskChoice, teacher: TaskChoice, reads: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        share_worlds(student, teacher, [reads])


@pytest.mark.parametrize(
    "options",
    [
        {"privileged": True},
        {"privileged": True, "hidden": "velocity", "sensation": "privileged"},
    ],
)
def test_nothing_hidden_leaves_nothing_to_show(options: Mapping[str, Any]) -> None:
    with pytest.raises(TaskError, match="privileged"):
        make_vector_task(CART, options)
