# SPDX-License-Identifier: Apache-2.0
"""Correlations over lags of signals whose correlations are known."""

import numpy as np
import pytest

from angora_train.analysis.figures.statistics import plot_correlations
from angora_train.analysis.statistics.correlations import (
    Series,
    correlations,
    play_randomly,
)
from angora_train.errors import ConfigError
from angora_train.tasks.registry import make_vector_task


def test_a_signal_that_follows_another_correlates_at_that_lag_and_sign(
    rng: np.random.Generator,
) -> None:
    """`late` is `early` of three steps before: 1 at lag +3, about 0 elsewhere."""
    noise = rng.normal(size=(15, 103, 1))
    series = Series({"early": noise[:, 3:], "late": noise[:, :-3]}, 0.02)
    found = correlations(series, longest_lag=10)
    pair = found[(found["first"] == "early") & (found["second"] == "late")]
    same = pair[pair["control"] == ""].set_index("lag_steps")["value"]
    assert same[3] == pytest.approx(1.0)
    # A mean of |r| of 97 moments is about sqrt(2 / pi / 97) = 0.08.
    assert same[-3] == pytest.approx(0.08, abs=0.05)
    other = pair[pair["control"] != ""].set_index("lag_steps")["value"]
    assert other[3] < 0.2
    assert pair["lag_ms"].max() == 200.0
    own = found[(found["first"] == "early") & (found["second"] == "early")]
    own = own[own["control"] == ""].set_index("lag_steps")
    assert own.loc[0, "value"] == pytest.approx(1.0)
    assert own.loc[5, "low"] < 0.05
    assert own.loc[0, "n"] == 15
    auto, cross = plot_correlations(found)
    assert auto.get_ylabel() == "correlation"
    assert cross.get_title(loc="left").startswith("with another (absolute); 15 series")


def test_a_slow_signal_keeps_its_correlation(rng: np.random.Generator) -> None:
    """A period of 100 steps: the same after 100, the opposite after 50."""
    t = np.arange(400)
    phases = rng.uniform(0, 6, (6, 1))
    wave = np.sin(2 * np.pi * t / 100 + phases)[:, :, None]
    found = correlations(Series({"wave": wave}, 0.02), longest_lag=100)
    own = found[(found["control"] == "") & (found["first"] == "wave")]
    by_lag = own[own["second"] == "wave"].set_index("lag_steps")["value"]
    assert by_lag[100] == pytest.approx(1.0, abs=0.01)
    assert by_lag[50] == pytest.approx(-1.0, abs=0.05)


def test_what_cannot_be_correlated_is_said() -> None:
    with pytest.raises(ConfigError, match="at least 2 series, got 1"):
        correlations(Series({"x": np.zeros((1, 9, 1))}, 0.02))


def test_random_actions_of_a_task_are_repeated_by_their_seed() -> None:
    def played() -> Series:
        task = make_vector_task("Reach", {}, n_worlds=3)
        try:
            return play_randomly(task, 6, seed=5)
        finally:
            task.close()

    first, again = played(), played()
    assert first.n_series == 3
    assert {"proprioception", "touch", "goal"} <= set(first.signals)
    for name, x in first.signals.items():
        np.testing.assert_array_equal(x, again.signals[name])
        assert x.shape[:2] == (3, 6)
    assert correlations(first, longest_lag=2)["lag_steps"].max() == 2
