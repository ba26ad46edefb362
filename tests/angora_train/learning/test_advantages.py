# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from angora_train.learning.advantages import generalized_advantage


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


def flags(*values: int) -> np.ndarray:
    return np.array(values, bool)[:, None]


def test_advantages_by_hand_on_four_steps_with_a_truncation() -> None:
    # discount 0.5, lambda 0.5; an episode is cut by a time limit after step 1, where
    # the final state is worth 4; the rollout ends after step 3 in a state worth 2.
    # Errors: 0: 1 + .5 * 2 - 1 = 1;   1: 0 + .5 * 4 - 2 = 0;
    #         2: 2 + .5 * 3 - 1 = 2.5;  3: 1 + .5 * 2 - 3 = -1.
    # Sums, backward with .25: 3: -1;  2: 2.5 - .25 = 2.25;  1: 0 (cut);  0: 1 + 0 = 1.
    advantages, targets = generalized_advantage(
        column(1, 0, 2, 1),
        column(1, 2, 1, 3),
        column(2, 4, 3, 2),
        flags(0, 0, 0, 0),
        flags(0, 1, 0, 0),
        discount=0.5,
        gae_lambda=0.5,
    )
    assert advantages.ravel().tolist() == [1.0, 0.0, 2.25, -1.0]
    assert targets.ravel().tolist() == [2.0, 2.0, 3.25, 2.0]


def test_nothing_is_expected_after_a_termination() -> None:
    # 1 + 0 - 0.5, although the successor's value is 100.
    advantages, _ = generalized_advantage(
        column(1),
        column(0.5),
        column(100),
        flags(1),
        flags(1),
        discount=0.9,
        gae_lambda=0.9,
    )
    assert advantages.item() == pytest.approx(0.5)


def test_worlds_do_not_mix(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 6, 2)).astype(np.float32)
    no = np.zeros((6, 2), bool)
    both, _ = generalized_advantage(*x, no, no, discount=0.9, gae_lambda=0.8)
    one, _ = generalized_advantage(
        *x[:, :, :1], no[:, :1], no[:, :1], discount=0.9, gae_lambda=0.8
    )
    assert (both[:, :1] == one).all()


def test_arrays_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        generalized_advantage(
            column(1, 2),
            column(1),
            column(1),
            flags(0),
            flags(0),
            discount=0.9,
            gae_lambda=0.9,
        )
