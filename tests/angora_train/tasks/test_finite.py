# SPDX-License-Identifier: Apache-2.0
"""A task of the user's own that breaks its promise is told so, with world and step."""

from typing import Any

import numpy as np
import pytest

from angora_train.errors import TaskError
from angora_train.tasks import make_vector_task
from angora_train.tasks.finite import require_fitting
from angora_train.tasks.single import SingleTask

GOOD = np.zeros((2, 4), np.float32)


@pytest.mark.parametrize(
    ("observation", "reward", "message"),
    [
        (
            None,
            GOOD[:, 0],
            r"the observation is None, not a mapping .*\(proprioception\)",
        ),
        (
            GOOD,
            GOOD[:, 0],
            r"the observation is an array of shape \(2, 4\), not a mapping",
        ),
        ({}, GOOD[:, 0], r"'proprioception' is None, not an array of shape \(2, 4\)"),
        ({"proprioception": None}, GOOD[:, 0], r"'proprioception' is None"),
        (
            {"proprioception": GOOD[:, :3]},
            GOOD[:, 0],
            r"is an array of shape \(2, 3\), not",
        ),
        (
            {"proprioception": GOOD[:1]},
            GOOD[:, 0],
            r"is an array of shape \(1, 4\), not",
        ),
        (
            {"proprioception": GOOD.tolist()},
            GOOD[:, 0],
            r"is of type list, not an array",
        ),
        (
            {"proprioception": GOOD},
            np.zeros((2, 1)),
            r"reward is an array of shape \(2",
        ),
        ({"proprioception": GOOD}, None, r"the reward is None, not an array"),
        ({"proprioception": GOOD}, 1.0, r"the reward is of type float, not an array"),
    ],
)
def test_shapes_are_those_that_were_promised(
    observation: Any, reward: Any, message: str
) -> None:
    task = make_vector_task("gym:CartPole-v1", n_worlds=2)
    told = rf"Worlds 5 to 6, step 7 of the first one's episode: .*{message}"
    at = {"steps": np.array([7, 2]), "first_world": 5}
    with pytest.raises(TaskError, match=told):
        require_fitting(observation, reward, task=task, **at)
    require_fitting({"proprioception": GOOD}, np.zeros(2), task=task, **at)


def test_a_single_environment_of_such_a_task_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = make_vector_task("gym:CartPole-v1")
    single = SingleTask(task)
    single.reset(seed=0)
    right = task.step
    action = np.zeros(1, np.float32)
    single.step(action)

    def step(actions: Any) -> Any:
        observation, _, *rest = right(actions)
        return observation, np.zeros(3), *rest

    monkeypatch.setattr(task, "step", step)
    told = r"World 0, step 2 of its episode: the reward is an array of shape \(3,\)"
    with pytest.raises(TaskError, match=told):
        single.step(action)
    monkeypatch.setattr(task, "reset", lambda **_: (None, {}))
    with pytest.raises(
        TaskError, match="step 0 of its episode: the observation is None"
    ):
        single.reset(seed=0)
