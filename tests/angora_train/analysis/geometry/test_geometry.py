# SPDX-License-Identifier: Apache-2.0
"""Dimension, timescale, tangling and integration of areas whose truth is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from angora_train.analysis.estimates import Estimate, episode_groups, pooled
from angora_train.analysis.geometry.dimension import dimension, naive_dimension
from angora_train.analysis.geometry.hierarchy import motor_depth, rank_correlation
from angora_train.analysis.geometry.integration import Sources, integration
from angora_train.analysis.geometry.tangling import tangling
from angora_train.analysis.geometry.timescale import timescale
from angora_train.errors import ConfigError
from tests.angora_train.analysis.test_lesions import chain

STEP_S = 0.02


def mixed(rng: np.random.Generator, n_latent: int, n_units: int) -> NDArray[np.float64]:
    """n_latent independent signals of equal variance, mixed at random into units."""
    signals = rng.normal(size=(50, 20, n_latent))
    return signals @ rng.normal(size=(n_latent, n_units)) + 3.0


def test_the_dimension_is_that_of_the_population_whatever_the_number_of_units(
    rng: np.random.Generator,
) -> None:
    """Of C = W W', W (units, 10) Gaussian, tr(C)^2 / tr(C^2) goes to 10.

    The sample's own ratio of 5 units cannot exceed 5.
    """
    for n_units in (5, 20, 100, 200):
        found = [dimension(mixed(rng, 10, n_units), rng) for _ in range(40)]
        mean = 1.0 / np.mean([x.of_population.value for x in found])
        assert mean == pytest.approx(10.0, rel=0.1), n_units
    naive = naive_dimension(mixed(rng, 10, 5))
    assert naive < 5.0


def test_the_dimension_of_given_units_is_that_of_their_covariance(
    rng: np.random.Generator,
) -> None:
    """Variances 4, 1, 1 without covariance: (4 + 1 + 1)^2 / (16 + 1 + 1) = 2."""
    found = [
        dimension(rng.normal(size=(50, 1, 3)) * [2.0, 1.0, 1.0], rng)
        for _ in range(400)
    ]
    over = np.mean([x.of_units.value for x in found])
    assert over == pytest.approx(1 / 2.0, abs=0.012)
    # Of twelve samples the covariance itself says less.
    small = np.mean(
        [
            1 / naive_dimension(rng.normal(size=(12, 1, 3)) * [2.0, 1.0, 1.0])
            for _ in range(400)
        ]
    )
    assert small > 1 / 2.0 + 0.05


def test_the_estimator_is_that_of_chun_et_al() -> None:
    """What their package `dimensionality` 0.1.4 says of these six samples."""
    samples = np.array(
        [
            [-0.6, -0.3, 0.8],
            [1.8, 2.1, 1.1],
            [-0.1, 0.2, 1.7],
            [4.3, 1.3, -0.2],
            [-0.9, 2.6, 1.2],
            [-2.5, 0.9, -0.2],
        ]
    )
    found = dimension(samples[:, None], np.random.default_rng(0))
    assert found.of_units.number == pytest.approx(2.359870005472066)
    assert found.of_population.value == pytest.approx(1 / -9.486763283516837)
    assert found.of_population.number == np.inf  # units share no variance
    assert naive_dimension(samples[:, None]) == pytest.approx(1.61286192013916)


def test_steps_of_an_episode_are_no_samples_of_their_own(
    rng: np.random.Generator,
) -> None:
    """Six dimensions that stand still within ten episodes: not ten times as many."""
    held = [
        np.repeat(rng.normal(size=(10, 1, 6)) @ rng.normal(size=(6, 40)), 30, axis=1)
        for _ in range(150)
    ]
    found = np.mean([dimension(x, rng).of_population.value for x in held])
    assert 1 / found == pytest.approx(6.0, rel=0.15)
    assert 1 / np.mean([1 / naive_dimension(x) for x in held]) < 4.0


def test_what_cannot_be_is_said(rng: np.random.Generator) -> None:
    with pytest.raises(ConfigError, match="at least 4 episodes of two steps, got 3"):
        dimension(rng.normal(size=(3, 9, 2)), rng)
    still = np.zeros((5, 9, 2))
    assert np.isnan(dimension(still, rng).of_population.number)
    assert np.isnan(timescale(still, STEP_S).time_ms.number)
    assert np.isnan(tangling(still, STEP_S).number)
    one = dimension(rng.normal(size=(9, 9, 1)), rng)
    assert np.isnan(one.of_population.number)
    assert one.of_units.number == pytest.approx(1.0)
    with pytest.raises(ConfigError, match="at least 4 control steps"):
        timescale(rng.normal(size=(5, 3, 2)), STEP_S)


@pytest.mark.parametrize("n_steps", [16, 100])
def test_the_timescale_of_short_episodes_is_not_shorter(
    rng: np.random.Generator, n_steps: int
) -> None:
    """A process of 100 ms in episodes of 320 ms, which are cut at different lengths."""
    keeps = np.exp(-STEP_S / 0.1)
    x = np.empty((400, n_steps, 16))
    x[:, 0] = rng.normal(size=(400, 16))
    for t in range(1, n_steps):
        new = rng.normal(size=(400, 16))
        x[:, t] = keeps * x[:, t - 1] + np.sqrt(1 - keeps**2) * new
    x[:50, -1] = np.nan
    found = timescale(x, STEP_S)
    assert found.time_ms.number == pytest.approx(100.0, rel=0.1)
    assert found.offset.number == pytest.approx(0.0, abs=0.05)
    assert found.time_ms.limit == ""
    assert found.lags_ms[1] == 20.0
    # A goal of the same variance that stays: half of the variance does not decay.
    held = timescale(x + rng.normal(size=(400, 1, 16)), STEP_S)
    assert held.offset.number == pytest.approx(0.5, abs=0.1)
    # Where the kind of the goal is known, its mean is left out and nothing is left.
    kinds = np.arange(400) % 4
    goals = rng.normal(size=(4, 1, 16))[kinds]
    known = timescale(x + 3.0 * goals, STEP_S, kinds)
    assert known.offset.number == pytest.approx(0.0, abs=0.05)
    assert known.time_ms.number == pytest.approx(100.0, rel=0.1)
    # What all episodes share is no memory of an episode.
    common = timescale(x + 5 * np.sin(np.arange(n_steps))[:, None], STEP_S)
    assert common.time_ms.number == pytest.approx(found.time_ms.number, rel=1e-6)


def test_a_timescale_beyond_what_was_seen_is_a_limit(rng: np.random.Generator) -> None:
    """Of episodes of 40 steps lags go to 20: up to 80 steps, 1.6 s, is looked for.

    Slow waves of any phase have the autocorrelation cos(0.03 k), which bends down where
    exponentials bend up: the longest comes nearest.
    """
    phase = rng.uniform(0.0, 2 * np.pi, size=(60, 1, 8))
    waves = np.cos(0.03 * np.arange(40)[:, None] + phase)
    found = timescale(waves, STEP_S)
    assert found.time_ms.limit == "at least"
    assert found.time_ms.number == pytest.approx(4 * 20 * 20.0, rel=0.05)
    noise = timescale(rng.normal(size=(60, 40, 8)), STEP_S)
    assert noise.time_ms.limit in ("", "at most")
    assert noise.time_ms.number < 20.0
    with pytest.raises(ConfigError, match="of 30 kinds it needs at least 34 episodes"):
        timescale(waves[:30], STEP_S, np.arange(30))


def test_a_circle_is_untangled_and_a_figure_of_eight_is_not() -> None:
    """On a circle of radius 1 at angle w a step, differences of velocity and of place
    are in one ratio: Q = v^2 d^2 / (d^2 + 0.1), v = 2 sin(w / 2) a step, largest for
    opposite points, d = 2. The variance of the circle is 1.
    """
    w = 2 * np.pi / 40
    angles = w * np.arange(41)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = tangling(np.tile(circle, (4, 1, 1)), STEP_S)
    v = 2 * np.sin(w / 2) / STEP_S
    assert found.number == pytest.approx(v**2 * 4 / 4.1, rel=1e-3)
    eight = np.stack([np.sin(angles), np.sin(2 * angles)], axis=1)
    assert tangling(np.tile(eight, (4, 1, 1)), STEP_S).number > 5 * found.number
    # Neither scale nor rotation of the units matters.
    turned = np.tile(circle, (4, 1, 1)) @ np.array([[0.6, 0.8], [-0.8, 0.6]]) * 7.0
    assert tangling(turned, STEP_S).number == pytest.approx(found.number)


def test_integration_counts_the_sensations_that_have_a_part(
    rng: np.random.Generator,
) -> None:
    senses = {
        name: rng.normal(size=(20, 30, 2)) for name in ("touch", "goal", "joints")
    }
    sources = Sources(senses)
    one = senses["touch"] @ rng.normal(size=(2, 8))
    noise = 0.1 * rng.normal(size=one.shape)
    assert integration(one + noise, sources).number == pytest.approx(1.0, abs=0.02)
    # Parts of equal variance of two, then three sensations: as many.
    mix = np.eye(2)
    two = np.concatenate([senses["touch"] @ mix, senses["goal"] @ mix], axis=2)
    assert integration(two, sources).number == pytest.approx(2.0, abs=0.05)
    three = np.concatenate([two, senses["joints"]], axis=2)
    assert integration(three, sources).number == pytest.approx(3.0, abs=0.1)
    with pytest.raises(ConfigError, match="at least two sensations that vary, got a"):
        Sources({"a": senses["goal"], "b": np.zeros((20, 30, 2))})


def test_the_depth_of_areas_is_their_place_between_senses_and_muscles() -> None:
    """S -> A -> B -> C -> D -> E -> M: six pathways, S is sensed, M acts."""
    depth = motor_depth(chain())
    assert depth == {n: pytest.approx(i / 6) for i, n in enumerate("SABCDEM")}


def test_a_measure_that_falls_along_the_order_correlates_at_minus_one() -> None:
    parts = np.array([0.9, 1.1, 1.0])
    falls = {
        name: Estimate(value, value * parts, "inverse")  # one over 1, 1/2, 1/3, 1/4
        for name, value in zip("ABCD", [1.0, 2.0, 3.0, 4.0], strict=True)
    }
    order = {name: float(i) for i, name in enumerate("ABCD")}
    found = rank_correlation(falls, order)
    assert (found.value, found.parts.tolist()) == (-1.0, [-1.0] * 3)
    with pytest.raises(ConfigError, match="at least 4 areas with a number, got 3"):
        rank_correlation({x: falls[x] for x in "ABC"}, order)


def test_intervals_cover_what_is_estimated(rng: np.random.Generator) -> None:
    """95 % intervals of the mean of 60 episodes: at least 85 % hold it here."""
    hits = 0
    for _ in range(100):
        values = rng.normal(size=60)
        groups = episode_groups(60)
        without = [values[groups != g].mean() for g in range(20)]
        found = pooled([Estimate.jackknifed(values.mean(), np.array(without))], rng)
        hits += found.low < 0.0 < found.high
    assert hits >= 85
    # Subjects that differ more than their episodes tell widen the interval.
    near = [Estimate(x, x + 0.01 * rng.normal(size=20)) for x in (0.0, 1.0, 2.0)]
    over = pooled(near, rng)
    assert over.mean == pytest.approx(1.0)
    assert over.high - over.low > 1.0
