# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
from scipy import special, stats

from angora_train.distributions import MultiCategorical


@pytest.fixture
def policy() -> MultiCategorical:
    return MultiCategorical(n_dimensions=3, n_bins=5)


def test_log_probability_and_entropy_agree_with_scipy(
    policy: MultiCategorical, rng: np.random.Generator
) -> None:
    logits = rng.normal(size=(4, 15)).astype(np.float32)
    sample = rng.integers(0, 5, size=(4, 3)).astype(np.float32)
    p = special.softmax(logits.reshape(4, 3, 5), axis=-1)
    chosen = np.take_along_axis(p, sample.astype(int)[..., None], -1)[..., 0]
    np.testing.assert_allclose(
        policy.log_prob(logits, sample), np.log(chosen).sum(-1), rtol=1e-5
    )
    np.testing.assert_allclose(
        policy.entropy(logits), stats.entropy(p, axis=-1).sum(-1), rtol=1e-5
    )


def test_samples_follow_the_probabilities(rng: np.random.Generator) -> None:
    policy = MultiCategorical(1, 3)
    logits = np.log(np.float32([[0.2, 0.5, 0.3]])).repeat(20_000, axis=0)
    drawn = policy.sample(logits, rng.random((20_000, 1), dtype=np.float32))
    counts = np.bincount(drawn.numpy().ravel().astype(int), minlength=3)
    expected = np.array([0.2, 0.5, 0.3]) * 20_000
    assert stats.chisquare(counts, expected).pvalue > 1e-3


def test_a_uniform_number_picks_the_bin_it_falls_into() -> None:
    # Cumulative probabilities .2, .7, 1.
    policy = MultiCategorical(1, 3)
    logits = np.log(np.float32([[0.2, 0.5, 0.3]])).repeat(4, axis=0)
    drawn = policy.sample(logits, np.float32([[0.0], [0.3], [0.71], [0.9999999]]))
    assert drawn.numpy().ravel().tolist() == [0.0, 1.0, 2.0, 2.0]


def test_bins_divide_the_range_evenly() -> None:
    policy = MultiCategorical(1, 11)
    actions = policy.action(np.float32([0, 1, 5, 10]))
    assert np.asarray(actions) == pytest.approx([-1.0, -0.8, 0.0, 1.0])


def test_mode_and_mean_by_hand() -> None:
    policy = MultiCategorical(1, 3)
    logits = np.log(np.float32([[0.2, 0.5, 0.3]]))
    assert policy.mode(logits).numpy().item() == 1.0
    # -1 * .2 + 0 * .5 + 1 * .3
    assert policy.mean_action(logits).numpy().item() == pytest.approx(0.1)


def test_entropy_of_the_uniform_policy_sums_over_dimensions() -> None:
    policy = MultiCategorical(20, 11)
    assert policy.largest_entropy == pytest.approx(20 * math.log(11))
    uniform = policy.entropy(np.zeros((1, 220), np.float32)).numpy().item()
    assert uniform == pytest.approx(47.9579, abs=1e-3)  # 20 ln 11
