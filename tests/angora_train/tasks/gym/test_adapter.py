# SPDX-License-Identifier: Apache-2.0
"""Environments of Gymnasium behave as tasks, and still as themselves."""

import copy
import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from angora_train.errors import TaskError
from angora_train.tasks import make_vector_task
from angora_train.tasks.gym.adapter import GymConfig, GymTask, world_seed
from angora_train.tasks.gym.observations import NamedSpace


class Echo(gymnasium.Env[Any, Any]):
    """Shows the last action and ends after the third."""

    def __init__(self, action_space: Any, observation_space: Any = None) -> None:
        self.action_space = action_space
        self.observation_space = observation_space or spaces.Box(-9, 9, (2,))

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.n_steps = 0
        return self._observe(), {}

    def step(self, action: Any) -> Any:
        self.last = action
        self.n_steps += 1
        is_over = self.n_steps == 3
        return self._observe(), 0.5, is_over, is_over, {"is_success": is_over}

    def _observe(self) -> Any:
        if isinstance(self.observation_space, spaces.Dict):
            return {
                "place": np.full((2, 2), self.n_steps, np.float64),
                "arm": np.array([7.0], np.float32),
            }
        if self.observation_space.dtype == np.uint8:
            return np.full((4, 5, 3), 200 + self.n_steps, np.uint8)
        return np.full(2, self.n_steps, np.float32)


@pytest.fixture(autouse=True)
def _echo() -> Any:
    gymnasium.register("Echo-v0", entry_point=Echo)
    yield
    del gymnasium.registry["Echo-v0"]


def _echoing(action_space: Any, **make: Any) -> GymTask:
    make = {"action_space": action_space, **make}
    task = GymTask("Echo-v0", GymConfig(make=make), n_worlds=2)
    task.reset(seed=0)
    return task


def _last(task: GymTask, world: int = 0) -> Any:
    echo: Any = task.envs[world].unwrapped
    return echo.last


def test_cart_pole_goes_the_way_that_gymnasium_s_own_goes() -> None:
    task = make_vector_task("gym:CartPole-v1", n_worlds=2, first_world=5)
    own = gymnasium.make("CartPole-v1")
    observation, _ = task.reset(seed=3)
    expected, _ = own.reset(seed=world_seed(3, 6))
    rng = np.random.default_rng(0)
    n_ends = 0
    for choice in rng.integers(0, 2, (200, 2)):
        np.testing.assert_array_equal(observation["proprioception"][1], expected)
        # Two bins stand at -1 and 1.
        observation, reward, terminated, truncated, info = task.step(
            (2.0 * choice[:, None] - 1.0).astype(np.float32)
        )
        expected, own_reward, ends, is_cut, _ = own.step(int(choice[1]))
        assert (reward[1], terminated[1], truncated[1]) == (own_reward, ends, is_cut)
        if ends or is_cut:
            n_ends += 1
            final = info["final_obs"]["proprioception"][1]
            np.testing.assert_array_equal(final, expected)
            expected, _ = own.reset()
    assert n_ends > 3


@pytest.mark.parametrize("n", [2, 3, 7, 11, 30])
def test_the_centre_of_every_bin_stands_for_its_index(n: int) -> None:
    task = _echoing(spaces.Discrete(n, start=4))
    assert task.n_bins == n
    assert task.single_action_space.shape == (1,)
    chosen = []
    for k in range(n):
        centre = np.float32(-1.0 + k * (2.0 / (n - 1)))
        task.step(np.full((2, 1), centre, np.float32))
        chosen.append(_last(task))
    assert chosen == list(range(4, 4 + n))


def test_even_actions_choose_indices_evenly() -> None:
    task = _echoing(spaces.Discrete(4))
    # A third of the way through each quarter of [-1, 1].
    for k, action in enumerate((-0.83, -0.33, 0.17, 0.67)):
        task.step(np.full((2, 1), action, np.float32))
        assert _last(task) == k


def test_several_choices_of_equally_many_are_as_many_actions() -> None:
    task = _echoing(spaces.MultiDiscrete([3, 3]))
    assert (task.n_bins, task.single_action_space.shape) == (3, (2,))
    task.step(np.array([[-1, 0], [1, 0]], np.float32))
    assert _last(task, 0).tolist() == [0, 1]
    assert _last(task, 1).tolist() == [2, 1]


def test_a_box_of_actions_is_scaled_to_its_bounds() -> None:
    task = _echoing(spaces.Box(np.float32([[-2], [0]]), np.float32([[2], [8]])))
    assert (task.n_bins, task.single_action_space.shape) == (None, (2,))
    task.step(np.array([[-1, -1], [0.5, 0.25]], np.float32))
    assert _last(task, 0).tolist() == [[-2.0], [0.0]]
    # -2 + 0.75 * 4 = 1 and 0.625 * 8 = 5
    assert _last(task, 1).tolist() == [[1.0], [5.0]]


def test_a_dictionary_of_observations_names_the_sensations() -> None:
    space = spaces.Dict(
        place=spaces.Box(-9, 9, (2, 2)), arm=spaces.Box(-np.inf, np.inf, (1,))
    )
    task = _echoing(spaces.Discrete(2), observation_space=space)
    observation, *_ = task.step(np.zeros((2, 1), np.float32))
    assert {name: x.shape for name, x in observation.items()} == {
        "place": (2, 4),
        "arm": (2, 1),
    }
    assert observation["place"].tolist() == [[1.0] * 4] * 2
    assert task.observation_space.contains(observation)


def test_an_end_of_both_kinds_is_an_end_and_success_is_the_environment_s() -> None:
    task = _echoing(spaces.Discrete(2))
    action = np.zeros((2, 1), np.float32)
    for _ in range(2):
        assert not task.step(action)[4]["success"].any()
    observation, reward, terminated, truncated, info = task.step(action)
    assert terminated.all()
    assert not truncated.any()
    assert info["success"].all()
    assert info["final_obs"]["proprioception"].tolist() == [[3.0, 3.0]] * 2
    assert observation["proprioception"].tolist() == [[0.0, 0.0]] * 2
    assert reward.tolist() == info["reward/environment"].tolist() == [0.5, 0.5]


def test_the_name_and_the_limit_can_be_chosen() -> None:
    task = make_vector_task(
        "gym:Pendulum-v1", {"sensation": "angle", "max_episode_steps": 2}
    )
    observation, _ = task.reset(seed=0)
    assert list(observation) == ["angle"]
    action = np.zeros((1, 1), np.float32)
    assert [bool(task.step(action)[3][0]) for _ in range(4)] == [False, True] * 2
    assert task.control_step_s == pytest.approx(1 / 30)


@pytest.mark.parametrize(
    ("env_id", "kept"),
    [("CartPole-v1", [0, 2]), ("Pendulum-v1", [0, 1]), ("Acrobot-v1", [0, 1, 2, 3])],
)
def test_velocities_are_hidden_and_nothing_else(env_id: str, kept: list[int]) -> None:
    whole = make_vector_task(f"gym:{env_id}", n_worlds=2)
    partial = make_vector_task(f"gym:{env_id}", {"hidden": "velocity"}, n_worlds=2)
    seen, _ = whole.reset(seed=1)
    left, _ = partial.reset(seed=1)
    for _ in range(5):
        np.testing.assert_array_equal(
            left["proprioception"], seen["proprioception"][:, kept]
        )
        action = np.full((2, 1), 0.9, np.float32)
        seen, *_ = whole.step(action)
        left, *_ = partial.step(action)


def test_elements_can_be_hidden_by_index() -> None:
    task = make_vector_task("gym:CartPole-v1", {"hidden": [0]})
    assert task.single_observation_space["proprioception"].shape == (3,)


def test_environments_that_cannot_be_adapted_are_explained() -> None:
    with pytest.raises(TaskError, match="CartPole-v1"):
        make_vector_task("gym:CartPol-v1")
    with pytest.raises(TaskError, match=r"velocities is not known.*CartPole"):
        GymTask("Echo-v0", GymConfig(hidden="velocity", make=_CHOICE))
    with pytest.raises(TaskError, match="elements 0 to 1"):
        GymTask("Echo-v0", GymConfig(hidden=(2,), make=_CHOICE))
    with pytest.raises(TaskError, match="observes a Box, Discrete"):
        _echoing(spaces.Discrete(2), observation_space=spaces.Text(3))
    with pytest.raises(TaskError, match="no bounds"):
        _echoing(spaces.Box(-np.inf, np.inf, (1,)))
    with pytest.raises(TaskError, match="equally many"):
        _echoing(spaces.MultiDiscrete([2, 3]))
    with pytest.raises(TaskError, match="n_worlds is 0"):
        make_vector_task("gym:CartPole-v1", n_worlds=0)
    with pytest.raises(TaskError, match=r"Unknown setting key 'hiden'.*hidden"):
        make_vector_task("gym:CartPole-v1", {"hiden": [1]})


def test_choices_that_are_observed_have_a_number_for_each() -> None:
    # Of three from 5 on the second; of two the last and of three the first.
    named = NamedSpace("Env", spaces.Discrete(3, start=5), "place")
    assert named.boxes["place"] == spaces.Box(0, 1, (3,))
    assert named.row(np.int64(6))["place"].tolist() == [0, 1, 0]
    several = spaces.Dict(
        a=spaces.MultiDiscrete([2, 3], start=[1, 0]), b=spaces.MultiBinary((2, 2))
    )
    row = NamedSpace("Env", several, "").row(
        {"a": np.array([2, 0]), "b": np.array([[1, 0], [0, 1]], np.int8)}
    )
    assert row["a"].tolist() == [0, 1, 1, 0, 0]
    assert row["b"].tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("name", ["gym:CartPole-v1", "Reach"])
def test_with_a_seed_for_each_every_world_is_the_single_one_of_its_seed(
    name: str,
) -> None:
    batch = make_vector_task(name, n_worlds=3, first_world=2)
    seen, _ = batch.reset(seed=[5, 6, np.int64(5)])
    for row, seed in enumerate([5, 6, 5]):
        alone, _ = make_vector_task(name).reset(seed=seed)
        for sensation, x in alone.items():
            np.testing.assert_array_equal(seen[sensation][row], x[0])
    with pytest.raises(TaskError, match="2 seeds for 3 worlds"):
        batch.reset(seed=[1, 2])
    with pytest.raises(TaskError, match="None; it must be a whole number"):
        batch.reset(seed=[1, None, 2])  # type: ignore[list-item]


_CHOICE = {"action_space": spaces.Discrete(2)}


def test_pixels_stay_pixels() -> None:
    space = spaces.Box(0, 255, (4, 5, 3), np.uint8)
    task = _echoing(spaces.Box(-1, 1, (1,)), observation_space=space)
    assert task.single_observation_space["proprioception"] == space
    observation, *_ = task.step(np.zeros((2, 1), np.float32))
    pixels = observation["proprioception"]
    assert (pixels.shape, pixels.dtype) == ((2, 4, 5, 3), np.uint8)
    assert (pixels == 201).all()
    assert task.observation_space.contains(observation)


def test_worlds_that_were_made_with_pictures_are_drawn() -> None:
    pytest.importorskip("pygame")
    task = make_vector_task(
        "gym:CartPole-v1", {"make": {"render_mode": "rgb_array"}}, n_worlds=2
    )
    task.reset(seed=0)
    frames = [task.picture(world) for world in range(2)]
    assert [frame.shape for frame in frames] == [(400, 600, 3)] * 2
    assert frames[0].dtype == np.uint8
    assert (frames[0] != frames[1]).any()
    task.close()


@pytest.mark.parametrize("make_copy", [copy.deepcopy, pickle.dumps])
def test_a_copy_whose_physics_would_be_another_is_refused(make_copy: Any) -> None:
    task = make_vector_task("gym:InvertedPendulum-v5", {}, n_worlds=1)
    task.reset(seed=0)
    with pytest.raises(TaskError, match="cannot be copied or pickled"):
        make_copy(task)
