# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from numpy.typing import NDArray

from angora_train.agent.normalization import (
    IdentityNormalizer,
    RewardNormalizer,
    RunningMoments,
    SensationNormalizer,
    make_normalizer,
    make_reward_scaler,
)
from angora_train.errors import ConfigError
from angora_train.ranks.comm import LocalComm


class TwoRanks(LocalComm):
    """This process as rank 0, and another rank that saw the given moments."""

    size = 2

    def __init__(self, other: RunningMoments) -> None:
        self.other = other.to_array()

    def gather(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([x, self.other])


def test_merged_moments_equal_those_of_all_samples(rng: np.random.Generator) -> None:
    x = rng.normal(3.0, 2.0, size=(100, 4))
    merged = RunningMoments.empty(4)
    for part in (x[:1], x[1:40], x[40:]):
        merged = merged.merge(RunningMoments.of(part))
    np.testing.assert_allclose(merged.mean, x.mean(axis=0))
    np.testing.assert_allclose(merged.variance, x.var(axis=0))


def test_what_was_seen_before_counts_once_over_ranks() -> None:
    # 1000 zeros seen before by both ranks together, then 50 ones on each rank: the
    # mean is 100 / 1100, not 100 / 2100 as if each rank had seen the zeros itself.
    normalizer = SensationNormalizer({"touch": 1})
    normalizer.update(LocalComm(), {"touch": np.zeros((1000, 1), np.float32)})
    ones = np.ones((50, 1), np.float32)
    normalizer.update(TwoRanks(RunningMoments.of(ones)), {"touch": ones})
    assert normalizer.moments["touch"].mean.item() == pytest.approx(100 / 1100)


def test_sensations_are_scaled_and_clipped() -> None:
    normalizer = SensationNormalizer({"touch": 1}, clip=1.5)
    # Mean 2, variance 1.
    normalizer.update(LocalComm(), {"touch": np.float32([[1.0], [3.0]])})
    out = normalizer.normalize({"touch": np.float32([[2.0], [3.0], [9.0]])})
    assert out["touch"].ravel() == pytest.approx([0.0, 1.0, 1.5])


def test_a_constant_channel_stays_finite() -> None:
    normalizer = SensationNormalizer({"touch": 1})
    normalizer.update(LocalComm(), {"touch": np.full((10, 1), 7.0, np.float32)})
    assert normalizer.normalize({"touch": np.float32([[7.0]])})["touch"].item() == 0.0


def test_rewards_are_divided_by_the_spread_of_the_return() -> None:
    # discount .5, one world: returns 1, .5 + 1 = 1.5, and after the end of the
    # episode 2: mean 1.5, variance (.25 + 0 + .25) / 3 = 1/6.
    normalizer = RewardNormalizer(1, 0.5)
    rewards = np.float32([[1.0], [1.0], [2.0]])
    ended = np.array([[False], [True], [False]])
    normalizer.update(LocalComm(), rewards, ended)
    assert normalizer.normalize(rewards).ravel() == pytest.approx(
        np.array([1.0, 1.0, 2.0]) * np.sqrt(6.0), rel=1e-5
    )


def test_state_round_trips(rng: np.random.Generator) -> None:
    one = SensationNormalizer({"touch": 3, "goal": 2})
    seen = {
        "touch": rng.normal(size=(9, 3)).astype(np.float32),
        "goal": rng.normal(size=(9, 2)).astype(np.float32),
    }
    one.update(LocalComm(), seen)
    other = SensationNormalizer({"touch": 3, "goal": 2})
    other.restore(one.state())
    for name, scaled in one.normalize(seen).items():
        assert (scaled == other.normalize(seen)[name]).all()


def test_without_normalisation_the_sensations_that_are_read_pass_untouched() -> None:
    normalizer = make_normalizer(False, {"touch": 1}, 5.0)
    assert isinstance(normalizer, IdentityNormalizer)
    touch = np.float32([[70.0]])
    normalizer.update(LocalComm(), {"touch": touch})
    seen = normalizer.normalize({"touch": touch, "goal": touch})
    assert list(seen) == ["touch"]
    assert seen["touch"] is touch
    assert normalizer.state() == {}


def test_rewards_can_be_left_as_they_are() -> None:
    assert make_reward_scaler(False, 3, 0.9) is None
    assert isinstance(make_reward_scaler(True, 3, 0.9), RewardNormalizer)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("nowhere:Mine", "cannot be imported"),
        ("collections:Countr", "cannot be imported"),
        ("Mine", "cannot be imported"),
        ("collections:Counter", "lacks normalize, restore, state"),
    ],
)
def test_a_preprocessor_that_is_none_is_explained(choice: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_normalizer(choice, {"touch": 1}, 5.0)
