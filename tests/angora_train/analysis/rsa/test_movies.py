# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pandas as pd
import pytest

from angora_train.analysis.rsa.comparison import Settings
from angora_train.analysis.rsa.conditions import goal_factor, label_factor
from angora_train.analysis.rsa.movies import Window, event_steps, rdm_movie
from angora_train.errors import ConfigError
from tests.angora_train.analysis.rsa.recordings import recording

SETTINGS = Settings(n_resamples=50)


def test_kinds_part_when_the_event_happens(rng: np.random.Generator) -> None:
    kinds = np.tile([0, 1, 2], 8)
    events = rng.integers(3, 6, size=24)
    activity = 0.1 * rng.normal(size=(24, 12, 5))
    for row, (kind, event) in enumerate(zip(kinds, events, strict=True)):
        activity[row, event:, kind] += 1.0
    data = recording(kinds, activity)
    times = pd.DataFrame({"episode": np.arange(24), "time": events * 0.02})
    steps = event_steps(data, "mine", times)
    np.testing.assert_array_equal(steps, events)
    movie = rdm_movie(data, goal_factor(data), steps, Window(3, 4), SETTINGS)
    np.testing.assert_allclose(movie["lag"], [-60, -40, -20, 0, 20, 40, 60])
    before, after = (movie["high"][0, :3], movie["low"][0, 3:])
    assert (movie["low"][0, :3] < 0.5).all()
    assert before.max() < after.min()
    assert movie.attrs["n_episodes"] == 24


def test_contact_is_the_first_touch_after_none() -> None:
    data = recording(np.tile([0, 1], 2), np.zeros((4, 6, 2)))
    touch = np.zeros((4, 6, 2))
    touch[0, 2:, 1] = 0.3
    touch[1, :, 0] = 0.1  # from the start: no onset
    touch[3, 5, 0] = 2.0
    data["touch"] = (("episode", "time", "touch_channel"), touch)
    assert event_steps(data, "contact").tolist() == [2, -1, -1, 5]


def test_a_window_that_no_episode_holds_is_refused() -> None:
    data = recording(np.tile([0, 1], 4), np.zeros((8, 6, 2)))
    steps = event_steps(data, "goal")
    with pytest.raises(ConfigError, match="No episode of 8 holds the window"):
        rdm_movie(data, goal_factor(data), steps, Window(1, 3), SETTINGS)
    with pytest.raises(ConfigError, match=r"'gaol' is unknown.*goal"):
        event_steps(data, "gaol")


def test_labels_that_do_not_fit_are_refused() -> None:
    data = recording(np.tile([0, 1], 4), np.zeros((8, 6, 2)))
    factor = label_factor(data, pd.DataFrame({"episode": [0, 1], "label": ["x", "y"]}))
    assert factor.levels == ("x", "y")
    assert factor.of_step[:3, 0].tolist() == [0, 1, -1]
    with pytest.raises(ConfigError, match="name the episode 9; recorded are 0 to 7"):
        label_factor(data, pd.DataFrame({"episode": [9], "label": ["x"]}))
    with pytest.raises(ConfigError, match="it lacks label"):
        label_factor(data, pd.DataFrame({"episode": [0]}))
    with pytest.raises(ConfigError, match=r"shape \(3,\); allowed: \(8,\)"):
        label_factor(data, np.array(["a", "b", "c"]))
