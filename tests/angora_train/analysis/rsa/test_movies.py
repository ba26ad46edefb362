# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pandas as pd
import pytest

from angora_train.analysis.rsa.comparison import Settings
from angora_train.analysis.rsa.conditions import goal_factor, label_factor
from angora_train.analysis.rsa.movies import (
    Window,
    events_of,
    mean_movie,
    rdm_movie,
)
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
    steps = events_of(data, "mine", times)
    np.testing.assert_array_equal(np.argwhere(steps)[:, 1], events)
    nothing = data.copy()
    nothing["activity"] = data["activity"] * 0 + rng.normal(size=(24, 1, 5))
    movie = rdm_movie(
        data, goal_factor(data), steps, Window(3, 4), SETTINGS, untrained=nothing
    )
    np.testing.assert_allclose(movie["lag"], [-60, -40, -20, 0, 20, 40, 60])
    assert movie["control"].to_numpy().tolist() == ["trained", "untrained"]
    before, after = (movie["high"][0, 0, :3], movie["low"][0, 0, 3:])
    assert (movie["low"][0, 0, :3] < 0.5).all()
    assert before.max() < after.min()
    assert movie.attrs["n_episodes"] == 24
    # An area's largest is 1, of its mean with no other area too.
    assert movie["overall"][0].max() == pytest.approx(1.0)
    assert movie["overall_low"][0, 3:].min() > movie["overall_high"][0, :3].max()
    assert (movie["low"][1] < 0).all()  # nothing tells the kinds apart untrained
    both = mean_movie([movie, movie], ["a", "b"])
    assert both.sizes["subject"] == 2
    assert both.attrs["over"] == "subjects"
    np.testing.assert_allclose(both["overall_low"], both["overall"])  # no spread


def test_each_goal_of_an_episode_is_an_event_and_has_its_own_kind(
    rng: np.random.Generator,
) -> None:
    kinds = np.tile([0, 1, 2], 6)
    second = (kinds + 1 + np.arange(18) // 9) % 3
    at = np.where(np.arange(12) < 6, kinds[:, None], second[:, None])
    data = recording(kinds, 0.1 * rng.normal(size=(18, 12, 4)))
    data["goal_kind_at"] = (("episode", "time"), at)
    is_event = events_of(data, "goal")
    assert is_event.sum(axis=0).tolist() == [18, 0, 0, 0, 0, 0, 18, 0, 0, 0, 0, 0]
    # Units follow the coming goal from two steps before it is set.
    for row in range(18):
        data["activity"][row, 4:, :3] += np.eye(3)[second[row]]
    movie = rdm_movie(data, goal_factor(data), is_event, Window(4, 2), SETTINGS)
    assert movie.attrs["n_episodes"] == 18
    low, high = movie["low"][0, 0], movie["high"][0, 0]
    assert (low[:2] < 0.0).all()
    assert low[2:].min() > high[:2].max()


def test_a_goal_may_be_reached_more_than_once() -> None:
    data = recording(np.tile([0, 1], 2), np.zeros((4, 6, 2)))
    reached = np.zeros((4, 6), bool)
    reached[0, [1, 2, 4]] = True
    reached[2, 0] = True
    data["success_at"] = (("episode", "time"), reached)
    found = np.argwhere(events_of(data, "reached")).tolist()
    assert found == [[0, 1], [0, 4], [2, 0]]


def test_contact_is_the_first_touch_after_none() -> None:
    data = recording(np.tile([0, 1], 2), np.zeros((4, 6, 2)))
    touch = np.zeros((4, 6, 2))
    touch[0, 2:, 1] = 0.3
    touch[1, :, 0] = 0.1  # from the start: no onset
    touch[3, 5, 0] = 2.0
    data["touch"] = (("episode", "time", "touch_channel"), touch)
    assert np.argwhere(events_of(data, "contact")).tolist() == [[0, 2], [3, 5]]


def test_a_window_that_no_episode_holds_is_refused() -> None:
    data = recording(np.tile([0, 1], 4), np.zeros((8, 6, 2)))
    steps = events_of(data, "goal")
    with pytest.raises(ConfigError, match="No episode of 8 holds the window"):
        rdm_movie(data, goal_factor(data), steps, Window(1, 3), SETTINGS)
    with pytest.raises(ConfigError, match=r"'gaol' is unknown.*goal"):
        events_of(data, "gaol")


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
