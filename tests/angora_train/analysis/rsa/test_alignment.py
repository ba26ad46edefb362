# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from angora_train.analysis.rsa.alignment import (
    align,
    debiased_cka,
    shape_distance,
    shape_distances,
)
from angora_train.analysis.rsa.patterns import design_of
from angora_train.errors import ConfigError
from tests.angora_train.analysis.rsa.recordings import recording


def hsic_by_sums(k: np.ndarray, el: np.ndarray) -> float:
    """Song et al. (2012), eq. 5, up to the factor 1 / (n (n - 3))."""
    n = len(k)
    k, el = k - np.diag(np.diag(k)), el - np.diag(np.diag(el))
    ones = np.ones(n)
    constant = (ones @ k @ ones) * (ones @ el @ ones) / ((n - 1) * (n - 2))
    return float(np.trace(k @ el) + constant - 2 / (n - 2) * (ones @ k @ el @ ones))


def test_debiased_cka_is_the_quotient_of_unbiased_hsic(
    rng: np.random.Generator,
) -> None:
    x, y = rng.normal(size=(12, 5)), rng.normal(size=(12, 9))
    y[:, :5] += x
    k, el = x @ x.T, y @ y.T
    by_hand = hsic_by_sums(k, el) / np.sqrt(hsic_by_sums(k, k) * hsic_by_sums(el, el))
    assert debiased_cka(x, y) == pytest.approx(by_hand)


def test_debiased_cka_of_independent_data_is_zero(rng: np.random.Generator) -> None:
    found = [
        debiased_cka(rng.normal(size=(30, 100)), rng.normal(size=(30, 60)))
        for _ in range(40)
    ]
    error = np.std(found, ddof=1) / np.sqrt(40)
    assert abs(np.mean(found)) < 3 * error
    assert error < 0.01  # biased CKA is 0.7 here


def test_areas_that_share_only_autocorrelation_are_not_aligned(
    rng: np.random.Generator,
) -> None:
    kinds = np.tile([0, 1], 20)
    walks = rng.normal(size=(40, 1, 12)) + 0.1 * rng.normal(size=(40, 6, 12))
    walks[..., 8:] = walks[..., :4] + 0.1 * rng.normal(size=(40, 6, 4))
    design = design_of(recording(kinds, walks), n_phases=3)
    rows = design.rows(walks)
    parts = {"A": rows[:, :4], "B": rows[:, 4:8], "C": rows[:, 8:]}
    found = align(parts, design, rng)
    # Steps of an episode are alike in A and in B, but episodes are independent.
    assert found.low[0, 1] < 0 < found.high[0, 1]
    assert found.low[0, 2] > 0.8  # C copies A
    assert abs(found.shuffled[0, 2]) < 0.2
    np.testing.assert_allclose(np.diag(found.value), 1.0)
    assert found.n_episodes == 40
    assert shape_distances(parts, design)[0, 2] < shape_distances(parts, design)[0, 1]


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"at least 4 samples.*got 3 and 3"):
        debiased_cka(np.eye(3), np.eye(3))


def test_shapes_at_right_angles_are_a_quarter_turn_apart() -> None:
    # x and y vary over different contrasts of the conditions, which no rotation of the
    # channels brings together: X'Y = 0.
    x = np.array([[1.0], [-1.0], [0.0], [0.0]])
    y = np.array([[0.0], [0.0], [1.0], [-1.0]])
    assert shape_distance(x, y) == pytest.approx(np.pi / 2)
    assert shape_distance(x, -2.0 * x) == pytest.approx(0.0, abs=1e-7)
    # (1, -1, 0, 0) and (1, -1, 1, -1) / sqrt 2: cosine 2 / (sqrt 2 * 2), 45 degrees.
    assert shape_distance(x, x + y) == pytest.approx(np.pi / 4)
