# SPDX-License-Identifier: Apache-2.0
"""Which finger is asked for next, and what counts as met."""

import numpy as np
import pytest

from angora_train.errors import TaskError
from angora_train.tasks.reaching.sequence import SequenceConfig, TargetSequence

_ALL = np.arange(4)


def _sequence(
    config: SequenceConfig, n_worlds: int = 1, fingers: tuple[int, ...] = (0, 1, 2, 3)
) -> tuple[TargetSequence, list[np.random.Generator]]:
    sequence = TargetSequence(config, np.array(fingers), n_worlds, 0.02)
    rngs = [np.random.default_rng(world) for world in range(n_worlds)]
    for world, rng in enumerate(rngs):
        sequence.begin(world, rng)
    return sequence, rngs


def _yes(n: int = 1) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.ones(n, np.bool_)


def test_a_target_that_is_reached_gives_way_to_another() -> None:
    sequence, rngs = _sequence(SequenceConfig(), 200)
    before = sequence.targets.copy()
    reached = np.arange(200) % 2 == 0
    changed = sequence.advance(reached, _yes(200), rngs)
    np.testing.assert_array_equal(changed, np.arange(0, 200, 2))
    assert (sequence.targets[::2] != before[::2]).all()
    np.testing.assert_array_equal(sequence.targets[1::2], before[1::2])


def test_every_other_finger_follows_with_equal_chance() -> None:
    sequence, rngs = _sequence(SequenceConfig(), 1)
    counts = np.zeros((4, 4))
    for _ in range(6000):
        before = int(sequence.targets[0])
        sequence.advance(_yes(), _yes(), rngs)
        counts[before, sequence.targets[0]] += 1
    assert not counts.diagonal().any()
    shares = counts[~np.eye(4, dtype=bool)] / 6000
    # Twelve transitions of 1/12 each; four standard errors are about 0.0143.
    assert shares == pytest.approx([1 / 12] * 12, abs=0.0143)


def test_a_cycle_keeps_its_order_from_the_first_on() -> None:
    config = SequenceConfig(order="cyclic")
    sequence, rngs = _sequence(config, fingers=(3, 0, 2))
    seen = []
    for _ in range(5):
        seen.append(int(sequence.targets[0]))
        sequence.advance(_yes(), _yes(), rngs)
    assert seen == [3, 0, 2, 3, 0]


def test_time_changes_a_target_that_is_not_reached() -> None:
    # 0.06 s are three steps of 20 ms.
    config = SequenceConfig(target_s=0.06, order="cyclic")
    sequence, rngs = _sequence(config)
    seen = []
    for _ in range(7):
        sequence.advance(~_yes(), _yes(), rngs)
        seen.append(int(sequence.targets[0]))
    assert seen == [0, 0, 1, 1, 1, 2, 2]


def test_a_target_may_stay_for_its_time_although_it_is_reached() -> None:
    config = SequenceConfig(advances_on_reach=False, target_s=0.06, order="cyclic")
    sequence, rngs = _sequence(config)
    counted = []
    for _ in range(4):
        counted.append(int(sequence.n_opposed(_yes())[0]))
        sequence.advance(_yes(), _yes(), rngs)
    # Held for three steps, the first target counts once; then comes the second.
    assert counted == [1, 1, 1, 2]


def test_what_was_met_is_counted_and_complete_when_each_was_met_once() -> None:
    config = SequenceConfig(order="cyclic")
    sequence, rngs = _sequence(config, fingers=(0, 1))
    story = []
    for reached in (False, True, False, True, True):
        now = np.array([reached])
        story.append(
            (int(sequence.n_opposed(now)[0]), bool(sequence.is_complete(now)[0]))
        )
        sequence.advance(now, _yes(), rngs)
    assert story == [(0, False), (1, False), (1, False), (2, True), (3, True)]
    sequence.begin(0, rngs[0])
    assert sequence.n_opposed(~_yes()).tolist() == [0]
    assert sequence.is_complete(~_yes()).tolist() == [False]


def test_a_world_whose_episode_is_over_draws_nothing() -> None:
    sequence, rngs = _sequence(SequenceConfig(), 2)
    before = sequence.targets.copy()
    changed = sequence.advance(_yes(2), np.array([False, True]), rngs)
    assert changed.tolist() == [1]
    assert sequence.targets[0] == before[0]


def test_one_finger_follows_itself() -> None:
    sequence, rngs = _sequence(SequenceConfig(), fingers=(2,))
    assert sequence.advance(_yes(), _yes(), rngs).tolist() == [0]
    assert sequence.targets.tolist() == [2]


def test_a_target_that_would_never_change_is_refused() -> None:
    with pytest.raises(TaskError, match="would never change"):
        SequenceConfig(advances_on_reach=False)
