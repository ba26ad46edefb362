# SPDX-License-Identifier: Apache-2.0
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from angora_train.errors import ConfigError
from angora_train.tasks.demonstrations import Demonstrations, Playback
from angora_train.tasks.registry import make_vector_task

CART = "gym:CartPole-v1"


def arrays(**changes: Any) -> dict[str, Any]:
    """Two trajectories of four steps; of the second the last two are an episode."""
    steps = np.arange(8, dtype=np.float32).reshape(4, 2)
    is_first = np.zeros((4, 2), bool)
    is_first[0] = is_first[2, 1] = True
    found = {
        "sensation/proprioception": np.stack([steps] * 4, axis=-1),
        "action": (steps / 8)[..., None],
        "is_first": is_first,
        "reward": steps,
        "terminated": np.zeros((4, 2), bool),
        "task": CART,
        **changes,
    }
    return {name: x for name, x in found.items() if x is not None}


def written(path: Path, **changes: Any) -> Path:
    np.savez(path, **arrays(**changes))
    return path


def test_demonstrations_are_the_same_after_saving(tmp_path: Path) -> None:
    found = Demonstrations.load(written(tmp_path / "a.npz"))
    again = Demonstrations.load(found.save(tmp_path / "b.npz"))
    assert again.n_episodes == 3
    assert again.task == CART
    np.testing.assert_array_equal(again.action, found.action)
    np.testing.assert_array_equal(
        again.sensations["proprioception"], found.sensations["proprioception"]
    )


def test_recorded_episodes_pass_by_whatever_is_done(tmp_path: Path) -> None:
    found = Demonstrations.load(written(tmp_path / "a.npz"))
    worlds = Playback(found, make_vector_task(CART), n_worlds=5)
    observation, _ = worlds.reset(seed=1)
    nothing = np.zeros((5, 1), np.float32)
    starts = {0.0, 1.0, 5.0}  # of three episodes, as trajectories are 0 2 4 6, 1 3 5 7
    lasts = {6.0, 3.0, 7.0}
    for _ in range(20):
        before = observation["proprioception"][:, 0]
        np.testing.assert_array_equal(worlds.demonstrated[:, 0], before / 8)
        observation, reward, terminated, truncated, info = worlds.step(nothing)
        np.testing.assert_array_equal(reward, before)
        after = observation["proprioception"][:, 0]
        assert not terminated.any()
        for was, now, ended in zip(before, after, truncated, strict=True):
            assert ended == (was in lasts)
            assert now in starts if ended else now == was + 2
        if truncated.any():
            np.testing.assert_array_equal(
                info["final_obs"]["proprioception"][:, 0], before
            )


def test_worlds_of_recorded_episodes_are_restored(tmp_path: Path) -> None:
    found = Demonstrations.load(written(tmp_path / "a.npz"))
    one, other = (Playback(found, make_vector_task(CART), 3) for _ in range(2))
    nothing = np.zeros((3, 1), np.float32)
    one.reset(seed=1)
    one.step(nothing)
    other.reset(seed=2)
    other.restore_worlds(one.save_worlds())
    for _ in range(9):
        a, b = one.step(nothing)[0], other.step(nothing)[0]
        np.testing.assert_array_equal(a["proprioception"], b["proprioception"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"action": None}, "lacks array 'action'"),
        ({"acton": np.zeros(3)}, "unknown array 'acton'.*action"),
        ({"action": np.zeros((4, 2), np.float32)}, r"shape \(4, 2\).*\(T, B, A\)"),
        ({"action": np.full((4, 2, 1), 2.0)}, r"lie in \[-1, 1\]"),
        ({"reward": np.zeros((3, 2))}, r"'reward' has shape \(3, 2\).*\(4, 2\)"),
        ({"reward": np.full((4, 2), np.nan)}, "'reward'.*not finite"),
        ({"sensation/proprioception": None}, "no sensation"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    changes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=told):
        Demonstrations.load(written(tmp_path / "a.npz", **changes))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"action": np.zeros((4, 2, 3))}, "actions of 3 numbers, the task takes 1"),
        ({"sensation/proprioception": np.zeros((4, 2, 3))}, r"\(3,\).*\(4,\)"),
        ({"control_step_s": 0.5}, "steps of 0.5 s"),
    ],
)
def test_demonstrations_of_another_shape_than_the_tasks_are_refused(
    changes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    found = Demonstrations.load(written(tmp_path / "a.npz", **changes))
    with pytest.raises(ConfigError, match=told):
        Playback(found, make_vector_task(CART))


def test_pickled_demonstrations_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with path.open("wb") as file:
        pickle.dump({"action": 1}, file)
    with pytest.raises(ConfigError, match="cannot be read as demonstrations"):
        Demonstrations.load(path)
    with pytest.raises(ConfigError, match="There are no demonstrations"):
        Demonstrations.load(tmp_path / "b.npz")
