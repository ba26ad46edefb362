# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pandas as pd
import pytest

from angora_train.analysis.patterns import patterns_by_condition
from angora_train.errors import ConfigError
from tests.angora_train.analysis.recordings import N_PHASES, N_STEPS, recording


def test_kinds_and_folds_are_balanced(rng: np.random.Generator) -> None:
    kinds = np.array([0] * 13 + [1] * 8 + [4] * 11)
    activity = rng.normal(size=(32, N_STEPS, 2))
    patterns = patterns_by_condition(
        recording(kinds, activity), n_phases=N_PHASES, n_folds=3
    )
    # The rarest kind has 8 episodes, so each gives 6: two to each of three folds.
    assert patterns.kinds == ("ff", "mf", "rest")
    assert patterns.n_per_kind == 6
    counts = pd.crosstab(patterns.conditions, patterns.folds)
    assert counts.shape == (6, 3)
    assert (counts == 2).all(axis=None)
    assert set(kinds[patterns.episodes[patterns.conditions >= 4]]) == {4}
    fold_of = pd.Series(patterns.folds).groupby(patterns.episodes).nunique()
    assert (fold_of == 1).all()  # no episode helps to test itself


def test_a_phase_is_the_mean_of_its_steps() -> None:
    kinds = np.tile([0, 1], 5)
    activity = np.tile(np.arange(6.0)[:, None], (10, 1, 1))
    patterns = patterns_by_condition(recording(kinds, activity), n_phases=3)
    first = patterns.values[patterns.episodes == 0, 0]
    assert first.tolist() == [0.5, 2.5, 4.5]


def test_too_few_episodes_of_a_kind_say_which() -> None:
    kinds = np.array([0] * 9 + [4] * 3)
    data = recording(kinds, np.zeros((12, N_STEPS, 2)))
    with pytest.raises(ConfigError, match="the kind 'rest' has 3 of 12"):
        patterns_by_condition(data, n_phases=N_PHASES)


def test_more_phases_than_steps_are_refused() -> None:
    data = recording(np.tile([0, 1], 5), np.zeros((10, N_STEPS, 2)))
    with pytest.raises(ConfigError, match="an episode has 6"):
        patterns_by_condition(data, n_phases=7)
