# SPDX-License-Identifier: Apache-2.0
import numpy as np

from angora_train.hindsight.replay import Replay


def test_the_oldest_steps_are_forgotten_and_counted_from() -> None:
    replay = Replay(5, 2)
    for first in (0, 3):  # six steps in all, of two worlds: 10 t + w
        t = np.arange(first, first + 3)[:, None]
        replay.append({"x": 10 * t + np.array([0, 1])})
    assert replay.n_held == 5
    times, worlds = np.array([0, 4, 2]), np.array([0, 1, 1])
    assert replay.read("x", times, worlds).tolist() == [10, 51, 31]


def test_more_steps_at_once_than_there_is_room_for() -> None:
    replay = Replay(3, 1)
    replay.append({"x": np.arange(8)[:, None]})
    assert replay.read("x", np.arange(3), np.zeros(3, int)).tolist() == [5, 6, 7]


def test_what_was_held_is_held_after_saving_and_each_world_apart() -> None:
    replay = Replay(4, 3)
    replay.append({"x": np.arange(18).reshape(6, 3)})
    saved = replay.worlds()
    assert all(len(x) == 3 for x in saved.values())
    part = Replay(4, 2)
    part.restore({name: x[1:] for name, x in saved.items()})
    times = np.arange(4)
    for world in (0, 1):
        rows = np.full(4, world)
        expected = replay.read("x", times, rows + 1)
        assert part.read("x", times, rows).tolist() == expected.tolist()
    replay.append({"x": np.full((1, 3), 99)})
    part.append({"x": np.full((1, 2), 99)})
    assert part.read("x", times, times * 0).tolist() == [10, 13, 16, 99]


def test_memories_of_other_sizes_hold_the_latest() -> None:
    replay = Replay(4, 1)
    replay.append({"x": np.arange(6.0)[:, None]})
    times, worlds = np.arange(3), np.zeros(3, int)
    small, large, none = Replay(3, 1), Replay(8, 1), Replay(8, 1)
    small.restore(replay.worlds())
    assert small.read("x", times, worlds).tolist() == [3, 4, 5]
    large.restore(replay.worlds())
    assert (large.n_held, large.read("x", times, worlds).tolist()) == (4, [2, 3, 4])
    none.restore({})
    assert none.n_held == 0
