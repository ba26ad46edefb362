# SPDX-License-Identifier: Apache-2.0
"""Imperfect senses, number by number; the same luck however worlds are spread."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import yaml
from gymnasium.spaces import Box

from angora_train.errors import TaskError
from angora_train.tasks import make_config, make_vector_task
from angora_train.tasks.worlds.realism import Imperfection, Senses
from tests.contracts.documents import ROOT, blocks


def _vector(size: int) -> Box:
    return Box(-np.inf, np.inf, (size,))


def _senses(imperfection: Imperfection, n_worlds: int = 1, size: int = 1) -> Senses:
    senses = Senses({"touch": imperfection}, {"touch": _vector(size)}, n_worlds)
    senses.seed(0)
    return senses


def _show(imperfection: Imperfection, true: Any) -> list[float]:
    """What one channel of one world shows of a sequence."""
    senses = _senses(imperfection)
    steps = [{"touch": np.array([[value]], np.float32)} for value in true]
    shown = [senses.begin(steps[0], np.array([0]))]
    shown += [senses.perceive(step) for step in steps[1:]]
    return [float(step["touch"].item()) for step in shown]


def test_a_delay_of_two_steps_shows_what_was_true_two_steps_before() -> None:
    shown = _show(Imperfection(delay_steps=2), [5, 6, 7, 8, 9])
    assert shown == [5, 5, 5, 6, 7]


def test_without_imperfection_the_arrays_pass_untouched() -> None:
    senses = Senses({}, {"touch": _vector(1)}, 1)
    true = {"touch": np.ones((1, 1), np.float32)}
    assert senses.perceive(true) is true
    assert senses.begin(true, np.array([0])) is true


def test_noise_has_its_spread_and_is_drawn_anew() -> None:
    senses = _senses(Imperfection(noise_std=0.3), 50, 40)
    true = {"touch": np.full((50, 40), 2.0, np.float32)}
    shown = np.stack(
        [senses.begin(true, np.arange(50))["touch"]]
        + [senses.perceive(true)["touch"] for _ in range(9)]
    )
    # 20,000 draws: standard errors 0.3 / sqrt(20000) = 0.0021 and 0.0015.
    assert shown.mean() == pytest.approx(2.0, abs=0.009)
    assert shown.std() == pytest.approx(0.3, abs=0.006)
    assert len(np.unique(shown)) > 19_000
    assert (true["touch"] == 2.0).all()


def test_lost_readings_have_their_share_and_repeat_the_last_one() -> None:
    senses = _senses(Imperfection(dropout=0.25), 50, 40)
    shape = (50, 40)
    before = senses.begin({"touch": np.zeros(shape, np.float32)}, np.arange(50))
    assert not before["touch"].any()  # the first is never lost
    lost = []
    last = before["touch"]
    for value in range(1, 11):
        now = senses.perceive({"touch": np.full(shape, value, np.float32)})["touch"]
        is_lost = now != value
        np.testing.assert_array_equal(now[is_lost], last[is_lost])
        lost.append(is_lost)
        last = now
    # Of 20,000 readings a quarter; four standard errors are 0.012.
    assert np.mean(lost) == pytest.approx(0.25, abs=0.012)


def test_touch_can_be_a_logarithm_or_a_contact() -> None:
    force = [0.0, 1.0, np.e - 1.0]
    assert _show(Imperfection(form="log"), force) == pytest.approx([0, np.log(2), 1])
    assert _show(Imperfection(form="contact"), force) == [0, 1, 1]
    assert _show(Imperfection(), force) == pytest.approx(force)


def test_a_new_episode_forgets_the_old_one_and_leaves_the_others_alone() -> None:
    senses = _senses(Imperfection(delay_steps=1), 2)
    step = {"touch": np.array([[1], [10]], np.float32)}
    senses.begin(step, np.arange(2))
    shown = senses.perceive({"touch": np.array([[2], [20]], np.float32)})
    assert shown["touch"].tolist() == [[1], [10]]
    # World 1 begins anew at 50; world 0 is at 2 still.
    true = {"touch": np.array([[2], [50]], np.float32)}
    begun = senses.begin(true, np.array([1]), shown)
    assert begun["touch"].tolist() == [[1], [50]]
    assert shown["touch"].tolist() == [[1], [10]]
    after = senses.perceive({"touch": np.array([[3], [60]], np.float32)})
    assert after["touch"].tolist() == [[2], [50]]


def test_unknown_sensations_and_the_value_head_s_own_are_refused() -> None:
    spaces = {"touch": _vector(1), "auxiliary": _vector(1)}
    with pytest.raises(TaskError, match=r"no sensation 'tuch'.*touch"):
        Senses({"tuch": Imperfection()}, spaces, 1)
    with pytest.raises(TaskError, match="no sensation 'auxiliary'"):
        Senses({"auxiliary": Imperfection()}, spaces, 1)


_REAL: Mapping[str, Any] = {
    "episode_s": 0.1,
    "sensing": {
        "proprioception": {"noise_std": 0.01, "delay_steps": 1},
        "touch": {"form": "log", "dropout": 0.3},
    },
    "physics": {
        "mass": [0.5, 1.5],
        "friction": [0.7, 1.3],
        "damping": [0.3, 3.0],
        "gain": [0.75, 1.5],
        "gravity_std": 0.4,
    },
}


def _run(settings: Mapping[str, Any], n: int, first: int, threads: int = 1) -> Any:
    """Everything seen over three short episodes, with worlds as columns."""
    task = make_vector_task("Reach", settings, n, first, threads)
    rng = np.random.default_rng(9)
    observation, _ = task.reset(seed=4)
    seen = [observation]
    for _ in range(14):
        actions = rng.uniform(-1, 1, (4, 20)).astype(np.float32)[first : first + n]
        observation, *_, info = task.step(actions)
        seen.append(observation)
        seen.append(info.get("final_obs", observation))
    task.close()
    return {name: np.stack([step[name] for step in seen]) for name in observation}


def test_how_worlds_are_spread_changes_no_bit_of_an_imperfect_world() -> None:
    whole = _run(_REAL, 4, 0)
    for n, first, threads in ((1, 0, 1), (3, 1, 2)):
        part = _run(_REAL, n, first, threads)
        for name, values in part.items():
            np.testing.assert_array_equal(values, whole[name][:, first : first + n])


def test_imperfect_senses_change_neither_the_world_nor_its_goals() -> None:
    perfect = _run({"episode_s": 0.1}, 2, 0)
    sensing = {"sensing": _REAL["sensing"], "episode_s": 0.1}
    imperfect = _run(sensing, 2, 0)
    for name in ("goal", "vision", "auxiliary"):
        np.testing.assert_array_equal(imperfect[name], perfect[name])
    assert (imperfect["proprioception"] != perfect["proprioception"]).mean() > 0.9


def test_a_task_shows_the_joint_angles_of_two_steps_before() -> None:
    late = {"sensing": {"proprioception": {"delay_steps": 2}}}
    task, delayed = make_vector_task("Reach"), make_vector_task("Reach", late)
    true = [task.reset(seed=0)[0]]
    shown = [delayed.reset(seed=0)[0]]
    rng = np.random.default_rng(0)
    for _ in range(6):
        action = rng.uniform(-1, 1, (1, 20)).astype(np.float32)
        true.append(task.step(action)[0])
        shown.append(delayed.step(action)[0])
    for t, source in enumerate([0, 0, 0, 1, 2, 3, 4]):
        np.testing.assert_array_equal(
            shown[t]["proprioception"], true[source]["proprioception"]
        )


def test_an_adapted_environment_can_have_imperfect_senses() -> None:
    late = {"sensing": {"proprioception": {"delay_steps": 1}}}
    task = make_vector_task("gym:CartPole-v1")
    delayed = make_vector_task("gym:CartPole-v1", late)
    before = task.reset(seed=0)[0]["proprioception"]
    delayed.reset(seed=0)
    for choice in (-1.0, 1.0) * 20:
        action = np.full((1, 1), choice, np.float32)
        observation, _, terminated, _, _ = task.step(action)
        shown, *_ = delayed.step(action)
        if terminated[0]:
            before = observation["proprioception"]
        np.testing.assert_array_equal(shown["proprioception"], before)
        before = observation["proprioception"]


def test_the_documented_settings_are_allowed() -> None:
    shown = blocks(ROOT / "docs" / "realism.md", "yaml")
    assert len(shown) == 3
    for text in shown:
        task = yaml.safe_load(text)["task"]
        (option,) = task["options"]
        default = getattr(make_config(task["name"]), option)
        assert getattr(make_config(task["name"], task["options"]), option) != default
