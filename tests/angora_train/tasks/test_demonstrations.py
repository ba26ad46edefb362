# SPDX-License-Identifier: Apache-2.0
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from angora_train.errors import ConfigError
from angora_train.tasks.demonstrations import Demonstrations
from angora_train.tasks.playback import Playback
from angora_train.tasks.registry import make_vector_task

CART = "gym:CartPole-v1"


def arrays(**changes: Any) -> dict[str, Any]:
    """Two trajectories of four steps; of the second the last two are an episode."""
    steps = np.arange(8, dtype=np.float32).reshape(4, 2)
    is_first = np.zeros((4, 2), bool)
    is_first[0] = is_first[2, 1] = True
    found = {
        "sensation/proprioception": np.stack([steps] * 4, axis=-1),
        "action": (steps % 2 * 2 - 1)[..., None],
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
        np.testing.assert_array_equal(worlds.demonstrated[:, 0], before % 2 * 2 - 1)
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
        ({"sensation/": np.zeros((4, 2, 1))}, "unknown array 'sensation/'"),
        ({"action": np.full((4, 2, 1), "a")}, "'action' holds <U1; .* real numbers"),
        ({"action": np.full((4, 2, 1), 1j)}, "holds complex128; .* real numbers"),
        ({"sensation/proprioception": np.full((4, 2, 4), 1e39)}, "not finite as float"),
        ({"is_first": np.full((4, 2), 0.5)}, "'is_first' must hold truths"),
        ({"is_first": np.full((4, 2), np.nan)}, "'is_first' must hold truths"),
        ({"terminated": np.full((4, 2), 2)}, "'terminated' must hold truths"),
        ({"terminated": np.ones((4, 2), bool)}, "at step 0 of trajectory 0.* step 1"),
        ({"task": np.array([1, 2])}, r"'task' must be one text.*shape \(2,\)"),
        ({"task": np.array(3)}, "'task' must be one text.*int64"),
        ({"control_step_s": np.array("a")}, "'control_step_s' must be one number"),
        ({"control_step_s": np.array([1.0, 2.0])}, "must be one number"),
        ({"control_step_s": np.array(-1.0)}, "must be one number, s.* got -1"),
        ({"control_step_s": np.array(np.nan)}, "must be one number.* got nan"),
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
        # As Gymnasium writes them; -1 and 1 are the two choices here.
        ({"action": np.zeros((4, 2, 1))}, "action is 0, .* among 2, written -1, 1"),
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


def test_other_files_called_demonstrations_are_refused(tmp_path: Path) -> None:
    one = tmp_path / "one.npz"
    with one.open("wb") as file:
        np.save(file, np.zeros(3))
    texts = tmp_path / "texts.npz"
    with zipfile.ZipFile(texts, "w") as archive:
        archive.writestr("action", "hi")
        archive.writestr("is_first", "hi")
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "text.npz").write_text("hi")
    for name in ("one", "texts", "folder", "text"):
        with pytest.raises(ConfigError, match=r"must be an \.npz file of plain arrays"):
            Demonstrations.load(tmp_path / f"{name}.npz")
    found = Demonstrations.load(written(tmp_path / "a.npz"))
    with pytest.raises(ConfigError, match=r"are an \.npz file, got"):
        found.save(tmp_path / "folder.npz")


def test_bytes_serve_where_a_task_gives_numbers(tmp_path: Path) -> None:
    seen = np.full((4, 2, 4), 3, np.uint8)
    path = written(tmp_path / "a.npz", **{"sensation/proprioception": seen})
    worlds = Playback(Demonstrations.load(path), make_vector_task(CART))
    observation, _ = worlds.reset(seed=1)
    assert observation["proprioception"].dtype == np.float32
    assert observation["proprioception"].tolist() == [[3.0] * 4]
