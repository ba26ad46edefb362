# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from angora_train.analysis.intervals import (
    Interval,
    bootstrap_interval,
    share_interval,
    spread,
    student_interval,
)
from angora_train.errors import ConfigError


def test_the_bootstrap_of_two_values_is_known(rng: np.random.Generator) -> None:
    # The mean of two draws from {0, 1} is 0, 1/2 or 1 with chances 1/4, 1/2, 1/4.
    values = np.array([0.0, 1.0])
    wide = bootstrap_interval(values, rng, level=0.95)
    assert (wide.mean, wide.low, wide.high) == (0.5, 0.0, 1.0)
    narrow = bootstrap_interval(values, rng, level=0.4)  # between 30 and 70 %
    assert (narrow.low, narrow.high) == (0.5, 0.5)


def test_the_bootstrap_of_a_mean_is_the_normal_interval(
    rng: np.random.Generator,
) -> None:
    values = np.linspace(-1.0, 3.0, 400)  # the mean of 400 draws is normal
    interval = bootstrap_interval(values, rng)
    error = values.std() / 20
    # The 2.5 % quantile of 10,000 draws is off by sqrt(0.025 * 0.975 / 10000) over the
    # normal density there, 0.0584: 0.027 standard errors. Five of them are 0.13.
    assert interval.mean == pytest.approx(1.0)
    assert interval.low == pytest.approx(1.0 - 1.96 * error, abs=0.13 * error)
    assert interval.high == pytest.approx(1.0 + 1.96 * error, abs=0.13 * error)


def test_the_bootstrap_of_a_median_is_binomial() -> None:
    # Of 21 draws from 1 ... 21 the median is at most k if 11 draws are, each with
    # chance k / 21: 0.018 for 6 and 0.056 for 7, so that 2.5 % lie below 7; and by
    # symmetry as many above 15.
    found = spread(np.arange(1.0, 22.0), seed=0)
    assert found["median"] == 11.0
    assert (found["median_low"], found["median_high"]) == (7.0, 15.0)


@pytest.mark.parametrize("values", [[2.0], [2.0, 2.0, 2.0]], ids=["one", "equal"])
def test_values_that_do_not_differ_are_their_own_interval(
    values: list[float], rng: np.random.Generator
) -> None:
    assert bootstrap_interval(np.array(values), rng) == Interval(2.0, 2.0, 2.0)
    found = spread(np.array(values), seed=0)
    assert found == {
        "median": 2.0,
        "median_low": 2.0,
        "median_high": 2.0,
        "mode": 2.0,
        "std": 0.0,
    }


def test_runs_with_equal_results_have_no_width() -> None:
    assert student_interval(np.full(3, 0.5)) == Interval(0.5, 0.5, 0.5)


def test_what_was_not_measured_has_no_interval(rng: np.random.Generator) -> None:
    interval = bootstrap_interval(np.array([1.0, math.nan, 2.0]), rng)
    assert np.isnan([interval.mean, interval.low, interval.high]).all()


def test_the_bootstrap_covers_as_often_as_it_says(rng: np.random.Generator) -> None:
    hits = 0
    for _ in range(200):
        interval = bootstrap_interval(rng.normal(3.0, 2.0, 50), rng, n=500)
        hits += interval.low < 3.0 < interval.high
    # Binomial(200, 0.93), the percentile interval being a little short: 5 sd is 18.
    assert abs(hits - 186) < 18


def test_no_hit_in_fifty_still_leaves_seven_percent() -> None:
    # Wilson at 0 of n: z^2 / (n + z^2) = 3.8415 / 53.8415.
    interval = share_interval(0, 50)
    assert (interval.mean, interval.low) == (0.0, 0.0)
    assert interval.high == pytest.approx(3.8415 / 53.8415, abs=1e-5)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_that_is_no_fraction_is_refused(
    level: float, rng: np.random.Generator
) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        bootstrap_interval(np.ones(3), rng, level=level)


def test_no_episode_has_no_interval() -> None:
    with pytest.raises(ConfigError, match="at least one episode"):
        share_interval(0, 0)


def test_one_run_has_no_interval() -> None:
    interval = student_interval(np.array([2.0]))
    assert (interval.mean, interval.low) == (2.0, -math.inf)
