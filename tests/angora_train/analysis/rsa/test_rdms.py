# SPDX-License-Identifier: Apache-2.0
import logging

import numpy as np
import pytest

from angora_train.analysis.rsa.rdms import area_rdms, reliability
from angora_train.errors import ConfigError
from tests.angora_train.analysis.rsa.recordings import (
    N_PHASES,
    N_STEPS,
    noisy,
    recording,
)


def test_without_noise_the_distance_is_the_squared_difference_per_unit() -> None:
    kinds = np.tile([0, 1], 5)
    activity = np.zeros((10, N_STEPS, 4))
    activity[kinds == 1] = [3.0, 0.0, 0.0, 1.0]  # squared difference 9 + 1, 4 units
    rdms = area_rdms(recording(kinds, activity), n_phases=N_PHASES)
    # Two units never change and count for nothing: 10 over the 2 active ones.
    assert rdms.rdm_descriptors["n_active"] == [2]
    expected = 5.0 * (np.array([[0, 0, 1, 1]] * 2 + [[1, 1, 0, 0]] * 2))
    np.testing.assert_allclose(rdms.get_matrices()[0], expected, atol=1e-12)
    assert rdms.pattern_descriptors["condition"] == ["ff 1", "ff 2", "mf 1", "mf 2"]


def test_conditions_that_differ_are_apart_by_their_signal_to_noise(
    rng: np.random.Generator,
) -> None:
    kinds, activity = noisy(rng, 200, 2, n_units=10, sd=0.5)
    activity[kinds == 1, :, 0] += 1.5  # three standard deviations in one unit of ten
    rdm = area_rdms(recording(kinds, activity), n_phases=N_PHASES).get_matrices()[0]
    # (1.5 / 0.5)^2 / 10 = 0.9
    assert rdm[:2, 2:].mean() == pytest.approx(0.9, rel=0.1)
    assert abs(rdm[0, 1]) < 0.05


def test_noise_alone_is_no_distance(rng: np.random.Generator) -> None:
    kinds, activity = noisy(rng, 20, 5, n_units=32, sd=1.0)
    data = recording(kinds, activity)
    vector = area_rdms(data, n_phases=N_PHASES).dissimilarities[0]
    assert len(vector) == 45  # pairs of 10 conditions
    # Without cross-validation their mean would be 2 / 20 = 0.1. It is twice the mean
    # product of two folds' noise (variance 1/4 each; 10 pairs of folds, 9 * 32 degrees
    # of freedom), with a standard deviation of 2 * 0.25 / sqrt(10 * 288) = 0.009.
    assert abs(vector.mean()) < 4 * 0.0093
    assert vector.min() < 0.0


def test_rows_are_in_the_order_of_the_kinds(rng: np.random.Generator) -> None:
    kinds, activity = noisy(rng, 10, 5, n_units=6, sd=0.1)
    activity[kinds == 3, :, 2] += 1.0
    rdm = area_rdms(recording(kinds, activity), n_phases=N_PHASES).get_matrices()[0]
    odd = rdm.mean(axis=0) > rdm.mean()
    assert odd.tolist() == [False] * 6 + [True, True] + [False, False]  # "lf 1", "lf 2"


def test_every_area_is_measured_on_its_own_units(rng: np.random.Generator) -> None:
    kinds, activity = noisy(rng, 10, 2, n_units=6, sd=0.1)
    activity[kinds == 1, :, 4] += 1.0
    areas = ["S left"] * 3 + ["M left"] * 3
    rdms = area_rdms(recording(kinds, activity, areas), n_phases=N_PHASES)
    assert rdms.rdm_descriptors["area"] == ["S left", "M left"]
    assert rdms.rdm_descriptors["n_units"] == [3, 3]
    apart = rdms.get_matrices()[:, 0, 2]
    assert apart[1] > 10 * abs(apart[0])


def test_a_silent_area_is_left_out_and_named(
    rng: np.random.Generator, caplog: pytest.LogCaptureFixture
) -> None:
    kinds, activity = noisy(rng, 5, 2, n_units=4, sd=0.1)
    activity[:, :, 2:] = 0.25
    areas = ["S", "S", "M", "M"]
    with caplog.at_level(logging.WARNING):
        rdms = area_rdms(recording(kinds, activity, areas), n_phases=N_PHASES)
    assert rdms.rdm_descriptors["area"] == ["S"]
    assert "'M' is silent" in caplog.text


def test_silence_everywhere_is_an_error() -> None:
    silent = recording(np.tile([0, 1], 5), np.zeros((10, N_STEPS, 3)))
    with pytest.raises(ConfigError, match="No area was active"):
        area_rdms(silent, n_phases=N_PHASES)


@pytest.mark.parametrize("noise", ["shrinkage_eye", "shrinkage_diag"])
def test_a_unit_without_noise_gives_finite_distances(
    noise: str, rng: np.random.Generator
) -> None:
    kinds, activity = noisy(rng, 10, 2, n_units=4, sd=0.1)
    activity[:, :, 3] = kinds[:, None]
    rdms = area_rdms(recording(kinds, activity), n_phases=N_PHASES, noise=noise)
    assert np.isfinite(rdms.dissimilarities).all()


def test_noise_is_not_reliable(rng: np.random.Generator) -> None:
    kinds, activity = noisy(rng, 20, 5, n_units=96, sd=1.0)
    data = recording(kinds, activity, [f"area {i // 8}" for i in range(96)])
    halves = reliability(data, n_phases=N_PHASES, n_folds=5)
    assert len(halves) == 12
    assert abs(halves.mean()) < 0.25
