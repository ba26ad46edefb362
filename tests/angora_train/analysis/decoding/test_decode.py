"""The decoder finds what is there, when it is there, and nothing else."""

import json

import numpy as np
import pytest
import xarray as xr

from angora_train.analysis.decoding.decode import decode
from angora_train.analysis.decoding.plan import DecodingPlan
from angora_train.errors import ConfigError
from tests.angora_train.analysis.decoding.planted import recording, slow

PLAN = DecodingPlan(first_lag=-8, last_lag=8, resamples=200, unit_draws=0)
STEP_MS = 40.0


@pytest.fixture(scope="module")
def planted():
    """Unit 2 of A does minus twice what the reward was 6 steps before; B nothing."""
    rng = np.random.default_rng(7)
    reward = slow(rng, (30, 50, 1))
    a = rng.normal(size=(30, 50, 4))
    a[:, 6:, 2] -= 2 * reward[:, :-6, 0]
    data = recording(
        {"A": a, "B": slow(rng, (30, 50, 3))},
        n_steps=rng.integers(35, 51, 30),
        reward=reward[:, :, 0],
        touch=slow(rng, (30, 50, 2)),
    )
    return decode(data, ["reward"], plan=PLAN)


def test_the_best_lag_is_where_it_was_planted(planted):
    own = planted["score"].sel(control="none", area="A", target="reward")

    # The target is 6 steps before the activity: -240 ms. There the unit is -2 y and
    # noise of variance 1: R2 = 4 / (4 + 1).
    assert float(own.idxmax()) == -6 * STEP_MS
    assert 0.75 < float(own.max()) < 0.85
    assert float(own.sel(lag=8 * STEP_MS)) < 0.1


def test_unit_and_sign_are_those_planted(planted):
    weights = planted["weights.reward"].sel(lag=-6 * STEP_MS)[:, 0].to_numpy()[:4]

    # Regression of y on -2 y + noise: -2 / (4 + 1) = -0.4.
    assert weights[2] == pytest.approx(-0.4, abs=0.03)
    assert np.abs(np.delete(weights, 2)).max() < 0.05


def test_an_area_that_only_remembers_itself_shows_nothing(planted):
    other = planted["score"].sel(control="none", area="B", target="reward")

    assert float(other.max()) < 0.05


def test_what_sensations_do_not_say_is_beyond_them(planted):
    beyond = planted["score"].sel(control="beyond_sensations", target="reward")

    # Sensations say nothing of the reward, so all that A says is beyond them.
    own = planted["score"].sel(control="none", target="reward", area="A", lag=0.0)
    assert float(beyond.sel(area="A", lag=0.0)) == pytest.approx(float(own), abs=0.06)
    assert float(beyond.sel(area="B", lag=0.0)) < 0.06


def test_what_is_written_is_read_again(planted, tmp_path):
    planted.to_netcdf(tmp_path / "decode.nc", engine="h5netcdf")

    again = xr.load_dataset(tmp_path / "decode.nc", engine="h5netcdf")

    xr.testing.assert_equal(again, planted)
    assert DecodingPlan(**json.loads(again.attrs["plan"])) == PLAN


def test_an_interval_holds_the_score(planted):
    draws = planted["draw"].sel(control="none", area="A", lag=-6 * STEP_MS)
    low, high = np.quantile(draws.to_numpy(), [0.025, 0.975])

    assert low < 0.8 < high
    assert high - low < 0.15


def test_no_sample_crosses_the_border_of_an_episode(rng):
    values = rng.normal(size=(12, 20, 2))
    lengths = np.array([20, 10] * 6)
    data = recording({"A": values}, n_steps=lengths, reward=values[:, :, 0])
    plan = PLAN.model_copy(
        update={"first_lag": -15, "last_lag": 15, "lag_step": 15, "folds": 3}
    )

    found = decode(data, ["reward"], plan=plan.model_copy(update={"baseline": False}))

    # Of 20 steps 5 have a step 15 later in the episode, of 10 none.
    samples = found["n"].sel(control="none", area="A", target="reward").to_numpy()
    assert samples.tolist() == [6 * 5, 6 * 30, 6 * 5]
    assert float(found["score"].sel(control="none", lag=0.0).squeeze()) > 0.99


def test_a_label_of_the_episode_that_tells_nothing_gives_chance(rng):
    # Each episode has its own activity, and there are more units than episodes: whoever
    # fits and tests steps of the same episode gets 1.
    plan = PLAN.model_copy(update={"first_lag": 0, "last_lag": 0, "baseline": False})
    scores = []
    for _ in range(6):
        own = np.repeat(rng.normal(size=(24, 1, 40)), 20, axis=1)
        kinds = rng.permutation(np.arange(24) % 2)
        activity = own + 0.1 * rng.normal(size=(24, 20, 40))
        found = decode(recording({"A": activity}, goal_kind=kinds), ["goal"], plan=plan)
        scores.append(float(found["score"].squeeze()))

    # 24 labels are told with a spread of about .1, the mean of 6 such with .04.
    assert np.mean(scores) == pytest.approx(0.5, abs=0.12)
    assert float(found["chance"].squeeze()) == 0.5


def test_a_label_that_is_there_in_every_episode_is_told(rng):
    kinds = np.arange(24) % 3
    values = rng.normal(size=(24, 20, 5))
    values[:, :, 1] += 4.0 * (kinds == 1)[:, None]
    values[:, :, 3] += 4.0 * (kinds == 2)[:, None]
    data = recording({"A": values}, goal_kind=kinds)
    plan = PLAN.model_copy(update={"first_lag": -2, "last_lag": 2, "baseline": False})

    found = decode(data, ["goal"], plan=plan)

    assert float(found["score"].min()) > 0.93
    weights = found["weights.goal"].sel(lag=0.0).to_numpy()
    assert np.argmax(weights[:, 1]) == 1
    assert np.argmax(weights[:, 2]) == 3
    # The third kind has no name in the recording.
    assert found["goal_channel"].to_numpy().tolist() == ["left", "right", "2"]


def test_equal_numbers_of_units_take_the_advantage_of_many(rng):
    shared = slow(rng, (20, 30, 1))
    areas = {
        "few": shared + 3 * rng.normal(size=(20, 30, 4)),
        "many": shared + 3 * rng.normal(size=(20, 30, 60)),
    }
    data = recording(areas, reward=shared[:, :, 0])
    plan = PLAN.model_copy(
        update={"first_lag": 0, "last_lag": 0, "baseline": False, "unit_draws": 4}
    )

    score = decode(data, ["reward"], plan=plan)["score"].sel(target="reward", lag=0.0)

    # 4 noisy copies: R2 = 4 / (4 + 9); 60: 60 / (60 + 9).
    assert float(score.sel(control="none", area="many")) == pytest.approx(
        0.87, abs=0.05
    )
    few = float(score.sel(control="none", area="few"))
    assert few == pytest.approx(4 / 13, abs=0.06)
    assert float(score.sel(control="equal_units", area="few")) == few
    equal = float(score.sel(control="equal_units", area="many"))
    assert equal == pytest.approx(4 / 13, abs=0.06)


def test_more_units_than_are_decoded_from_are_reduced(rng):
    hidden = slow(rng, (12, 20, 3))
    many = hidden @ rng.normal(size=(3, 300))
    data = recording({"A": many}, reward=hidden[:, :, 0])
    data["goal_kind"] = ("episode", np.arange(12) % 2)
    plan = PLAN.model_copy(
        update={"first_lag": 0, "last_lag": 0, "baseline": False, "folds": 3}
    )

    found = decode(data, ["reward"], plan=plan)

    assert float(found["score"].squeeze()) > 0.99
    weights = found["weights.reward"].sel(lag=0.0)[:, 0].to_numpy()
    predicted = (many @ weights).ravel()
    assert np.corrcoef(predicted, hidden[:, :, 0].ravel())[0, 1] > 0.99


@pytest.mark.parametrize(
    ("asked", "changes", "message"),
    [
        ({"targets": ["reword"]}, {}, r"no target 'reword'.*Close matches: reward"),
        ({"targets": ["distance"]}, {}, r"'distance' is constant"),
        ({"targets": ["rotation"]}, {}, r"no target 'object_pose'"),
        ({"targets": ["reward", "reward"]}, {}, r"asked for twice"),
        ({"areas": ["C"]}, {}, r"no area 'C'"),
        ({}, {"folds": 7}, r"7 folds need at least 14 episodes.*has 12"),
        ({}, {"first_lag": 30, "last_lag": 40}, r"leave no sample"),
        ({}, {"null": 30}, r"at least 20 episodes; this one has 12"),
        ({}, {"null": 5}, r"at least 19"),
        ({}, {"null": 19, "null_lags": (1,)}, r"lags that are decoded"),
    ],
)
def test_what_cannot_be_decoded_is_one_sentence(rng, asked, changes, message):
    data = recording(
        {"A": rng.normal(size=(12, 20, 3))},
        reward=rng.normal(size=(12, 20)),
        distance=np.ones((12, 20)),
    )
    plan = DecodingPlan(**{"folds": 3, "baseline": False, **changes})

    with pytest.raises(ConfigError, match=message):
        decode(data, **{"targets": ["reward"], **asked}, plan=plan)


def test_a_class_in_one_fold_of_neighbours_is_refused(rng):
    kinds = np.repeat([0, 1, 2], 4)
    data = recording({"A": rng.normal(size=(12, 20, 3))}, goal_kind=kinds)

    with pytest.raises(ConfigError, match="interleaved"):
        decode(data, ["goal"], plan=DecodingPlan(folds=3, baseline=False))


def test_a_plan_of_two_folds_is_refused():
    with pytest.raises(ConfigError, match="at least 3 folds, got 2"):
        DecodingPlan(folds=2)
