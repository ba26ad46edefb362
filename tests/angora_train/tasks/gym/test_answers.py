# SPDX-License-Identifier: Apache-2.0
"""What an environment may not give is one error with world and step."""

from collections.abc import Iterator
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from angora_train.errors import TaskError
from angora_train.tasks import make_task
from angora_train.tasks.gym.adapter import GymConfig, GymTask
from angora_train.tasks.gym.observations import NamedSpace


class Wrong(gymnasium.Env[Any, Any]):
    """Right until the second step, which gives what it is told to."""

    action_space = spaces.Discrete(2)
    right: ClassVar[dict[str, Any]] = {
        "reward": 1.0,
        "terminated": False,
        "truncated": False,
        "info": {},
    }

    def __init__(self, seen: Any = None, **wrong: Any) -> None:
        self.observation_space = seen or spaces.Box(-9, 9, (2,))
        self.wrong = wrong

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.n_steps = 0
        self.observation_space.seed(0)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> Any:
        self.n_steps += 1
        right = {"observation": self.observation_space.sample(), **self.right}
        answer = {**right, **(self.wrong if self.n_steps == 2 else {})}
        return tuple(answer[name] for name in right)


@pytest.fixture(autouse=True)
def _wrong() -> Iterator[None]:
    gymnasium.register("Wrong-v0", entry_point=Wrong)
    yield
    del gymnasium.registry["Wrong-v0"]


def _step_twice(**make: Any) -> None:
    task = GymTask("Wrong-v0", GymConfig(make=make), n_worlds=2, first_world=3)
    task.reset(seed=0)
    for _ in range(2):
        task.step(np.zeros((2, 1), np.float32))


PAIR = spaces.MultiDiscrete([3, 2])


@pytest.mark.parametrize(
    ("seen", "wrong", "message"),
    [
        (spaces.Discrete(4), -1, r"is -1, not a whole number from 0 to 3"),
        (spaces.Discrete(4), 4, r"is 4, not a whole number from 0 to 3"),
        (spaces.Discrete(4, start=2), 1, r"is 1, not a whole number from 2 to 5"),
        (spaces.Discrete(4), 1.5, r"is 1\.5, not a whole number from 0 to 3"),
        (spaces.Discrete(4), np.nan, r"is nan, not a whole number"),
        (spaces.Discrete(4), [1, 2], r"has shape \(2,\), not \(\)"),
        (spaces.Discrete(4), None, r"is None"),
        (spaces.Discrete(4), "two", r"is of type str"),
        (PAIR, [3, 0], r"is 3 in element 0, not a whole number from 0 to 2"),
        (PAIR, [0, -1], r"is -1 in element 1, not a whole number from 0 to 1"),
        (PAIR, 0, r"has shape \(\), not \(2,\)"),
        (
            spaces.MultiDiscrete([3, 2], start=[1, 5]),
            [1, 7],
            r"is 7 in element 1, not a whole number from 5 to 6",
        ),
        (spaces.MultiBinary(3), [0, 5, 0], r"is 5 in element 1, .* from 0 to 1"),
        (spaces.MultiBinary(3), [0, -1, 0], r"is -1 in element 1, .* from 0 to 1"),
        (spaces.MultiBinary((2, 2)), [0, 1], r"has shape \(2,\), not \(2, 2\)"),
        (spaces.Box(-9, 9, (2,)), None, r"is None"),
        (spaces.Box(-9, 9, (2,)), np.zeros(3), r"has shape \(3,\), not \(2,\)"),
        (spaces.Box(-9, 9, (2,)), [[1], [2, 3]], r"is of type list"),
        (spaces.Box(-9, 9, (2,)), {"x": 1}, r"is of type dict"),
        (
            spaces.Box(0, 255, (4, 5, 3), np.uint8),
            np.full((4, 5, 3), 300),
            r"has numbers from 300 to 300, which are no bytes",
        ),
    ],
)
def test_an_observation_outside_of_its_space_is_told_with_world_and_step(
    seen: Any, wrong: Any, message: str
) -> None:
    told = rf"World 3, step 2 of its episode: Wrong-v0 observes 'proprioc.*{message}"
    with pytest.raises(TaskError, match=told):
        _step_twice(seen=seen, observation=wrong)
    inside = spaces.Dict(proprioception=seen, touch=spaces.Box(-1, 1, (1,)))
    both = {"proprioception": wrong, "touch": np.zeros(1)}
    with pytest.raises(TaskError, match=told):
        _step_twice(seen=inside, observation=both)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (None, "observes what is None; its space is a Dict"),
        (np.zeros(2), "observes what is of type ndarray; its space is a Dict"),
        ({"arm": np.zeros(2)}, r"does not observe 'touch' \(Box"),
    ],
)
def test_a_dictionary_lacks_nothing(wrong: Any, message: str) -> None:
    seen = spaces.Dict(
        arm=spaces.Box(-9, 9, (2,)), touch=spaces.Box(-9, 9, (2,), np.float32)
    )
    with pytest.raises(TaskError, match=f"World 3, step 2 of its .*{message}"):
        _step_twice(seen=seen, observation=wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"reward": np.zeros(2)}, r"the reward has shape \(2,\), not one number"),
        ({"reward": None}, r"the reward is None, not one number"),
        ({"reward": "much"}, r"the reward is of type str, not one number"),
        ({"reward": {}}, r"the reward is of type dict, not one number"),
        ({"terminated": None}, r"terminated is None"),
        ({"truncated": np.zeros(2, bool)}, r"truncated has shape \(2,\)"),
        ({"info": None}, r"the info is None, not a mapping"),
    ],
)
def test_what_comes_with_an_observation_is_one_number(
    wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(TaskError, match=f"World 3, step 2 of its episode: {message}"):
        _step_twice(**wrong)


def test_a_single_environment_says_the_same() -> None:
    task = make_task("gym:Wrong-v0", make={"observation": None})
    task.reset(seed=0)
    task.step(np.zeros(1, np.float32))
    with pytest.raises(TaskError, match=r"World 0, step 2 of its .* which is None"):
        task.step(np.zeros(1, np.float32))


def test_choices_within_their_range_are_one_hot() -> None:
    # [1, 3] of 3 from 1 on and 2 from 2 on: the first of three, the second of two.
    space = spaces.MultiDiscrete([3, 2], start=[1, 2])
    row = NamedSpace("Pair-v0", space, "pair").row(np.array([1, 3]))
    np.testing.assert_array_equal(row["pair"], [1, 0, 0, 0, 1])
