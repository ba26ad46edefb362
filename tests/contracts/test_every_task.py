# SPDX-License-Identifier: Apache-2.0
"""What every registered task keeps, whatever it is about."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from angora_train.errors import TaskError
from angora_train.tasks import (
    make_config,
    make_task,
    make_vector_task,
    task_names,
    variant_of,
)
from angora_train.tasks.saving import restore_worlds, save_worlds

ADAPTED = ("gym:CartPole-v1", "gym:Pendulum-v1")

_OTHER_FINGERS = ("LF", "MF", "RF")
"""Variants that differ from the first finger's in the finger alone."""


def _case(name: str) -> Any:
    """Return a task as a case, a long one if it is a variant like another."""
    is_long = variant_of(name) is not None and name.endswith(_OTHER_FINGERS)
    return pytest.param(name, marks=[pytest.mark.long] if is_long else [])


_EVERY_TASK = pytest.mark.parametrize("name", [*map(_case, task_names()), *ADAPTED])
pytestmark = [_EVERY_TASK, pytest.mark.slow]  # steps every task


def _short(name: str) -> dict[str, Any]:
    """Settings for episodes of 10 steps of 20 ms, in which something is random."""
    if name in ADAPTED:
        return {"max_episode_steps": 10}
    noise = {"start_noise_rad": 0.02} if variant_of(name) else {}
    return {"episode_s": 0.2, **noise}


def _run(task: Any, seed: int, n_steps: int, rows: slice) -> list[Any]:
    """Everything that a task returns, for some rows of actions made for 8 worlds."""
    rng = np.random.default_rng(99)
    returned = [task.reset(seed=seed)]
    for _ in range(n_steps):
        actions = rng.uniform(-1, 1, (8, *task.single_action_space.shape))
        returned.append(task.step(actions[rows].astype(np.float32)))
    task.close()
    return [_flatten(item) for item in returned]


def _flatten(item: Any) -> dict[str, Any]:
    """Arrays by path."""
    if isinstance(item, dict):
        pairs = item.items()
    elif isinstance(item, tuple):
        pairs = ((str(i), value) for i, value in enumerate(item))
    else:
        return {"": item}
    return {
        f"{key}/{path}": value
        for key, part in pairs
        for path, value in _flatten(part).items()
    }


def _assert_same(one: list[Any], other: list[Any]) -> None:
    for a, b in zip(one, other, strict=True):
        assert a.keys() == b.keys()
        for path, values in a.items():
            np.testing.assert_array_equal(values, b[path], err_msg=path)


def test_what_it_returns_fits_its_spaces(name: str) -> None:
    task = make_vector_task(name, _short(name), n_worlds=3)
    observation, info = task.reset(seed=0)
    task.action_space.seed(0)
    assert task.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    for _ in range(25):
        assert task.observation_space.contains(observation)
        assert list(observation) == list(task.single_observation_space)
        actions = task.action_space.sample()
        observation, reward, terminated, truncated, info = task.step(actions)
        assert (reward.shape, reward.dtype) == ((3,), np.float32)
        assert (terminated.shape, terminated.dtype) == ((3,), np.bool_)
        assert (truncated.shape, truncated.dtype) == ((3,), np.bool_)
        assert not (terminated & truncated).any()
        for key, values in info.items():
            if key != "final_obs":
                assert values.shape == (3,), key


def test_saved_worlds_go_on_bit_for_bit(name: str) -> None:
    one, other = (make_vector_task(name, _short(name), n_worlds=3) for _ in range(2))
    returned = []
    for task, seed in ((one, 0), (other, 1)):
        task.reset(seed=seed)
        task.action_space.seed(0)
        actions = [task.action_space.sample() for _ in range(20)]
        for action in actions[:7]:
            task.step(action)
    saved = save_worlds(one)
    assert saved is not None, one.unsaved
    restore_worlds(other, saved)
    for task in (one, other):
        returned.append([_flatten(task.step(action)) for action in actions[7:]])
    _assert_same(*returned)


def test_the_reward_is_the_sum_of_its_finite_terms(name: str) -> None:
    task = make_vector_task(name, n_worlds=4)
    _, first_info = task.reset(seed=0)
    task.action_space.seed(0)
    for _ in range(30):
        _, reward, _, _, info = task.step(task.action_space.sample())
        terms = [info[key] for key in info if key.startswith("reward/")]
        assert terms
        assert np.isfinite(terms).all()
        np.testing.assert_allclose(reward, np.sum(terms, axis=0), atol=1e-6)
        assert set(first_info) == set(info) - {"final_obs", "_final_obs"}


def test_what_a_run_keeps_of_an_episode_is_among_its_facts(name: str) -> None:
    task = make_vector_task(name, n_worlds=2)
    _, info = task.reset(seed=0)
    assert set(task.metrics) <= set(info)
    assert info["success"].dtype == np.bool_
    for metric in task.metrics:
        assert np.isfinite(info[metric]).all(), metric


def test_the_last_observation_comes_with_the_step_that_ends_an_episode(
    name: str,
) -> None:
    task = make_vector_task(name, _short(name), n_worlds=2)
    task.reset(seed=0)
    task.action_space.seed(0)
    n_ends = 0
    for _ in range(25):
        *_, terminated, truncated, info = task.step(task.action_space.sample())
        finished = terminated | truncated
        assert finished.any() == ("final_obs" in info)
        if finished.any():
            n_ends += 1
            np.testing.assert_array_equal(info["_final_obs"], finished)
            assert task.observation_space.contains(info["final_obs"])
    assert n_ends >= 2


def test_the_same_seed_gives_the_same_trajectory_bit_for_bit(name: str) -> None:
    runs = [
        _run(make_vector_task(name, _short(name), 8), 3, 15, slice(0, 8))
        for _ in range(2)
    ]
    _assert_same(*runs)


def test_another_seed_gives_another_trajectory(name: str) -> None:
    one, other = (
        _run(make_vector_task(name, _short(name), 8), seed, 1, slice(0, 8))
        for seed in (0, 1)
    )
    assert any(not np.array_equal(one[0][path], other[0][path]) for path in one[0]), (
        "nothing in the first observation depends on the seed"
    )


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("sizes", [[8], [4, 4], [1] * 8, [3, 5]])
def test_how_worlds_are_spread_changes_no_bit(
    name: str, sizes: list[int], n_threads: int
) -> None:
    whole = _run(make_vector_task(name, _short(name), 8), 5, 22, slice(0, 8))
    first = 0
    for size in sizes:
        rows = slice(first, first + size)
        part = _run(
            make_vector_task(name, _short(name), size, first, n_threads), 5, 22, rows
        )
        _assert_same(
            [{path: v[rows] for path, v in item.items()} for item in whole], part
        )
        first += size


def test_the_trajectory_goes_on_after_a_reset_without_a_seed(name: str) -> None:
    runs = []
    for _ in range(2):
        task = make_vector_task(name, _short(name), 2)
        first, _ = task.reset(seed=1)
        second, _ = task.reset()
        runs.append((_flatten(first), _flatten(second)))
    _assert_same(*runs)
    first, second = runs[0]
    assert any(not np.array_equal(first[path], second[path]) for path in first)


def test_returned_arrays_are_the_caller_s_own(name: str) -> None:
    clean, spoiled = (make_vector_task(name, _short(name), 2) for _ in range(2))
    clean.action_space.seed(0)
    for task in (clean, spoiled):
        task.reset(seed=0)
    for _ in range(12):
        actions = clean.action_space.sample()
        expected, returned = _flatten(clean.step(actions)), spoiled.step(actions)
        _assert_same([expected], [_flatten(returned)])
        for values in _flatten(returned).values():
            values[...] = 0


def test_wrong_use_is_refused(name: str) -> None:
    task = make_vector_task(name, n_worlds=2)
    good = np.zeros(task.action_space.shape or (), np.float32)
    with pytest.raises(TaskError, match="reset"):
        task.step(good)
    with pytest.raises(TaskError, match="seed is -1"):
        task.reset(seed=-1)
    with pytest.raises(TaskError, match="options"):
        task.reset(options={"goal": 1})
    task.reset(seed=0)
    for bad in (np.full_like(good, np.nan), good + 1.01, good[:1]):
        with pytest.raises(TaskError):
            task.step(bad)


def test_its_config_is_frozen_and_survives_json(name: str) -> None:
    config = make_config(name, _short(name))
    assert type(config).model_validate_json(config.model_dump_json()) == config
    for field in type(config).model_fields.values():
        assert field.description, "each setting is documented below itself"


def test_gymnasium_s_checker_finds_nothing(name: str) -> None:
    if name in ADAPTED:
        env = make_task(name)
    else:
        env = gymnasium.make(f"angora/{name}-v0").unwrapped
    check_env(env, skip_render_check=name in ADAPTED)
    env.close()


def test_gymnasium_makes_the_batch(name: str) -> None:
    if name in ADAPTED:
        pytest.skip("Gymnasium knows it by its own name")
    batch = gymnasium.make_vec(
        f"angora/{name}-v0",
        num_envs=3,
        vectorization_mode="vector_entry_point",
        **_short(name),
    )
    observation, _ = batch.reset(seed=0)
    assert batch.observation_space.contains(observation)
    assert batch.unwrapped.config == make_config(name, _short(name))
    batch.close()
