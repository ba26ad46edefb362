# SPDX-License-Identifier: Apache-2.0
"""Generators belong to worlds, and go on where they were."""

import numpy as np
import pytest

from angora_train.errors import CheckpointError, TaskError
from angora_train.tasks.worlds.generators import Generators
from angora_train.tasks.worlds.memory import flattened, nested


def seeded(n_worlds: int, first_world: int = 0, root: int = 7) -> Generators:
    rngs = Generators(n_worlds, first_world, purpose=2)
    rngs.seed(root)
    return rngs


def test_a_world_has_the_same_generator_in_any_batch() -> None:
    whole, part = seeded(5), seeded(2, first_world=3)
    assert [rng.random() for rng in whole[3:]] == [rng.random() for rng in part]


def test_a_purpose_sets_generators_apart() -> None:
    other = Generators(1)
    other.seed(7)
    assert seeded(1)[0].random() != other[0].random()


def test_generators_go_on_even_with_half_a_word_left() -> None:
    rngs = seeded(3)
    rngs[1].integers(10, dtype=np.uint32)  # uses half of 64 bits and keeps the rest
    saved = rngs.save_worlds()
    assert saved["words"].shape == (3, 6)
    assert saved["words"][:, 4].tolist() == [0, 1, 0]
    expected = [rng.integers(1000, size=5, dtype=np.uint32) for rng in rngs]
    others = Generators(3)
    others.restore_worlds(saved)
    again = [rng.integers(1000, size=5, dtype=np.uint32) for rng in others]
    np.testing.assert_array_equal(expected, again)


def test_generators_of_other_worlds_are_refused() -> None:
    saved = seeded(3).save_worlds()
    with pytest.raises(CheckpointError, match=r"\(3, 6\), needed is \(2, 6\)"):
        Generators(2).restore_worlds(saved)
    with pytest.raises(TaskError, match="not reset"):
        Generators(2).save_worlds()


def test_a_memory_is_the_same_from_its_paths() -> None:
    memory = {"a": {"b": {"c": np.arange(2)}, "d": np.zeros(2)}, "e": np.ones(2)}
    flat = flattened(memory)
    assert list(flat) == ["a/b/c", "a/d", "e"]
    again = nested(flat)
    assert again["a"]["b"]["c"] is memory["a"]["b"]["c"]
    assert list(flattened(again)) == list(flat)
