# SPDX-License-Identifier: Apache-2.0
"""Expected numbers are worked out by hand; intervals are compared with SciPy's."""

import math

import numpy as np
import pytest
from scipy import stats

from angora_train.experiment.statistics import (
    improvement_probability,
    interquartile_mean,
    samples_to_threshold,
    stratified_interval,
)


def test_the_middle_half_stands_for_all():
    # Of eight values two are left out at each end: (2 + 3 + 4 + 5) / 4.
    assert interquartile_mean(np.array([7.0, 0, 1, 2, 3, 4, 5, 900])) == 3.5
    # Of three none is: floor(3 / 4) = 0.
    assert interquartile_mean(np.array([1.0, 2.0, 6.0])) == 3.0


def test_intervals_are_those_of_scipys_stratified_bootstrap():
    rng = np.random.default_rng(0)
    strata = [rng.normal(size=6), rng.normal(2.0, size=8)]
    found = stratified_interval(strata)
    expected = stats.bootstrap(
        tuple(strata),
        lambda a, b, axis: stats.trim_mean(np.concatenate([a, b], axis), 0.25, axis),
        method="percentile",
        n_resamples=20_000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert found.low == pytest.approx(expected.low, abs=0.08)
    assert found.high == pytest.approx(expected.high, abs=0.08)


def test_single_runs_have_no_interval_and_none_no_mean():
    lonely = stratified_interval([np.array([3.0])])
    assert (lonely.mean, lonely.low, lonely.high) == (3.0, -math.inf, math.inf)
    assert math.isnan(stratified_interval([np.array([math.nan])]).mean)
    known = stratified_interval([np.array([math.nan, 2.0, 2.0])])
    assert known.mean == 2.0


def test_the_probability_to_beat_is_mann_whitneys_share():
    ours, theirs = np.array([3.0, 1.0, 2.0]), np.array([0.0, 2.0])
    # Pairs: 3 beats both, 1 beats 0, 2 beats 0 and draws with 2: 4.5 of 6.
    found = improvement_probability([ours], [theirs])
    assert found.mean == pytest.approx(4.5 / 6)
    u = stats.mannwhitneyu(ours, theirs).statistic
    assert found.mean == pytest.approx(u / 6)
    # Over strata it is the mean: here with one in which all are beaten.
    both = improvement_probability([ours, ours + 9], [theirs, theirs])
    assert both.mean == pytest.approx((4.5 / 6 + 1.0) / 2)
    assert found.low <= found.mean <= found.high


def test_a_threshold_is_reached_by_three_cycles_together():
    steps = np.array([10.0, 20, 30, 40, 50, 60])
    lucky = np.array([0.0, 0.9, 0.0, 0.0, 0.0, 0.0])
    assert math.isnan(samples_to_threshold(steps, lucky, 0.8))
    gaps = np.array([0.0, math.nan, 0.8, 0.8, math.nan, 0.8])
    assert samples_to_threshold(steps, gaps, 0.8) == 60.0
