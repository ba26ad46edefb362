# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pandas as pd
import pytest

from angora_train.analysis.rsa.conditions import conditions_of
from angora_train.analysis.rsa.patterns import design_of
from angora_train.errors import ConfigError
from tests.angora_train.analysis.rsa.recordings import N_PHASES, N_STEPS, recording


def test_kinds_and_folds_are_balanced(rng: np.random.Generator) -> None:
    kinds = np.array([0] * 13 + [1] * 8 + [4] * 11)
    activity = rng.normal(size=(32, N_STEPS, 2))
    design = design_of(recording(kinds, activity), n_phases=N_PHASES, n_folds=3)
    # The rarest kind has 8 episodes, so each gives 6: two to each of three folds.
    assert design.names == ("ff 1", "ff 2", "mf 1", "mf 2", "rest 1", "rest 2")
    assert design.n_episodes == 18
    counts = pd.crosstab(design.of_row, design.folds)
    assert counts.shape == (6, 3)
    assert (counts == 2).all(axis=None)
    assert set(kinds[design.episodes[design.of_row >= 4]]) == {4}
    fold_of = pd.Series(design.folds).groupby(design.episodes).nunique()
    assert (fold_of == 1).all()  # no episode helps to test itself


def test_by_default_folds_leave_few_episodes_over() -> None:
    data = recording(np.repeat([0, 1], 20), np.zeros((40, N_STEPS, 2)))
    design = design_of(data)
    # Of 8 to 16 folds, 10 use all 20 episodes of a kind; 16 would use 16 of them.
    assert (design.n_folds, design.n_episodes) == (10, 40)


def test_a_phase_is_the_mean_of_its_steps() -> None:
    kinds = np.tile([0, 1], 5)
    activity = np.tile(np.arange(6.0)[:, None], (10, 1, 1))
    design = design_of(recording(kinds, activity), n_phases=3)
    rows = design.rows(activity)
    assert rows[design.episodes == 0, 0].tolist() == [0.5, 2.5, 4.5]


def test_steps_after_an_episode_do_not_count() -> None:
    data = recording(np.tile([0, 1], 5), np.tile(np.arange(6.0)[:, None], (10, 1, 1)))
    data["n_steps"] = data["n_steps"] * 0 + 4
    activity = data["activity"].to_numpy().copy()
    activity[:, 4:] = np.nan
    rows = design_of(data, n_phases=2).rows(activity)
    assert rows[:2, 0].tolist() == [0.5, 2.5]


def test_too_few_episodes_of_a_kind_say_which() -> None:
    kinds = np.array([0] * 9 + [4] * 3)
    data = recording(kinds, np.zeros((12, N_STEPS, 2)))
    with pytest.raises(ConfigError, match=r"need at least 5 .* 'rest' has 3 of 12"):
        design_of(data, n_phases=N_PHASES, n_folds=5)


def test_a_single_fold_is_refused() -> None:
    data = recording(np.tile([0, 1], 5), np.zeros((10, N_STEPS, 2)))
    with pytest.raises(ConfigError, match="1 fold cannot be cross-validated"):
        design_of(data, n_folds=1)


def test_a_single_condition_is_refused() -> None:
    data = recording(np.zeros(10, np.int64), np.zeros((10, N_STEPS, 2)))
    with pytest.raises(ConfigError, match="at least two conditions; there is one, 'ff"):
        design_of(data, n_phases=1)


def test_more_phases_than_steps_are_refused() -> None:
    data = recording(np.tile([0, 1], 5), np.zeros((10, N_STEPS, 2)))
    with pytest.raises(ConfigError, match="an episode has 6"):
        design_of(data, n_phases=7)


def test_conditions_that_a_fold_lacks_are_left_out_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    data = recording(np.tile([0, 1], 5), np.zeros((10, N_STEPS, 2)))
    touch = np.zeros((10, N_STEPS, 2))
    touch[:, 3:, 0] = 1.0  # all episodes touch in the second half,
    data["state.contacts"] = (("episode", "time", "place"), touch)
    data["state.contacts"][0, 5, 1] = 1.0  # and one of them with both, once
    data = data.assign_coords(place=["th", "ff"])
    conditions = conditions_of(data, ("contact",))
    assert conditions.names == ("free", "th", "th+ff")
    design = design_of(data, conditions, n_folds=2)
    assert design.names == ("free", "th")
    assert "2 folds of episodes lack them: th+ff" in caplog.text
