"""Tables, nulls and times: what a reviewer asks for."""

import numpy as np
import pandas as pd
import pytest

from angora_train.analysis.decoding.decode import decode
from angora_train.analysis.decoding.nulls import exchanged, moves, shifted
from angora_train.analysis.decoding.plan import DecodingPlan
from angora_train.analysis.decoding.samples import assign_folds
from angora_train.analysis.decoding.scores import pooled_draws
from angora_train.analysis.decoding.tables import read_table
from angora_train.analysis.decoding.targets import read_target
from angora_train.analysis.decoding.temporal import generalize
from angora_train.errors import ConfigError
from tests.angora_train.analysis.decoding.planted import recording, slow

TEST = DecodingPlan(
    first_lag=0,
    last_lag=0,
    baseline=False,
    unit_draws=0,
    resamples=100,
    null=19,
    folds=4,
)


def _p(areas, target, seed, kind="exchanged"):
    data = recording({"A": areas}, reward=target)
    plan = TEST.model_copy(update={"decoding_seed": seed})
    return float(decode(data, ["reward"], plan=plan)["p"].sel(null_kind=kind).squeeze())


def test_a_course_that_all_episodes_share_is_no_finding(rng):
    # Activity and target have the same ramp in each episode: an honest decoder reads
    # it, in episodes that it never saw. It is not about the episode: no test says so.
    ramp = np.linspace(-2, 2, 20)
    said = []
    for seed in range(8):
        target = ramp + slow(rng, (24, 20))
        activity = ramp[:, None] + slow(rng, (24, 20, 4))
        data = recording({"A": activity}, reward=target)
        plan = TEST.model_copy(update={"decoding_seed": seed})
        found = decode(data, ["reward"], plan=plan)
        assert float(found["score"].squeeze()) > 0.2
        said.append(float(found["p"].sel(null_kind="exchanged").squeeze()) <= 0.05)

    assert sum(said) <= 2  # of 8 at .05: 3 or more in one of 200 cases


def test_drift_over_episodes_is_no_finding(rng):
    said = []
    for seed in range(8):
        drift = slow(rng, (5, 24), 0.9).T  # (episode, signal)
        target = drift[:, :1] + 0.3 * slow(rng, (24, 20))
        activity = drift[:, None, 1:] + 0.3 * slow(rng, (24, 20, 4))
        said.append(_p(activity, target, seed) <= 0.05)

    assert sum(said) <= 2


def test_what_is_there_is_found(rng):
    target = slow(rng, (24, 20))
    activity = slow(rng, (24, 20, 4))
    activity[:, :, 1] += target  # half of a unit's variance

    assert _p(activity, target, 0) == 0.05
    assert _p(activity, target, 0, "shifted") == 0.05


def test_exchanges_keep_steps_and_shifts_keep_episodes(rng):
    values = np.arange(24.0, dtype=np.float32).reshape(3, 8, 1)

    assert exchanged(values, 1)[:, 0, 0].tolist() == [8.0, 16.0, 0.0]
    turned = shifted(values, np.array([8, 8, 5]), rng)
    np.testing.assert_array_equal(np.sort(turned[:2], axis=1), values[:2])
    np.testing.assert_array_equal(turned[2, 5:], values[2, 5:])
    assert not np.array_equal(turned, values)
    assert sorted(moves(20, 99, rng).tolist()) == list(range(1, 20))


def test_a_shift_says_nothing_of_what_is_constant_within_episodes(rng):
    data = recording({"A": rng.normal(size=(24, 10, 3))})

    found = decode(data, ["goal"], plan=TEST)

    assert np.isnan(found["p"].sel(null_kind="shifted")).all()
    assert np.isfinite(found["p"].sel(null_kind="exchanged")).all()


def test_means_over_subjects_vary_as_subjects_do():
    # Subjects of 0 and 1, sure of themselves: two drawn give 0, 1/2 or 1.
    draws = pooled_draws([np.zeros(4000), np.ones(4000)], seed=0)

    values, n = np.unique(draws, return_counts=True)
    assert values.tolist() == [0.0, 0.5, 1.0]
    assert n / 4000 == pytest.approx([0.25, 0.5, 0.25], abs=0.03)


def test_folds_are_neighbours_and_never_split_an_episode():
    assert assign_folds(8, 4).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert assign_folds(8, 4, "interleaved").tolist() == [0, 1, 2, 3, 0, 1, 2, 3]


def test_a_code_that_stays_serves_at_all_times_and_one_that_moves_only_at_its_own(rng):
    target = np.repeat(rng.normal(size=(30, 1)), 20, axis=1)
    early = np.arange(20) < 10
    moving = np.stack([target * early, target * ~early], axis=-1)
    noise = 0.3 * rng.normal(size=(2, 30, 20, 2))
    areas = {"stays": target[:, :, None] + noise[0], "moves": moving + noise[1]}
    data = recording(areas, reward=target)

    found = generalize(data, "reward", n_times=2, plan=DecodingPlan())["score"]

    assert float(found.sel(area="stays").min()) > 0.8
    moves_ = found.sel(area="moves").to_numpy()
    assert np.diag(moves_).min() > 0.8
    assert moves_[0, 1] < 0.2
    assert moves_[1, 0] < 0.2
    np.testing.assert_allclose(found["trained_at"], [4.5 * 0.04, 14.5 * 0.04])


def test_rotation_is_how_the_object_will_have_turned(rng):
    # A quarter turn about z every 5 steps: after 5 steps a rotation of pi / 2.
    angle = np.pi / 2 * np.arange(20) / 5
    pose = np.zeros((6, 20, 7))
    pose[:, :, 3], pose[:, :, 6] = np.cos(angle / 2), np.sin(angle / 2)
    pose[:3] *= [1, 1, 1, 1, 1, 1, -1]  # half of them the other way
    data = recording({"A": rng.normal(size=(6, 20, 2))}, state__object_pose=pose)

    found = read_target(data, "rotation", 5)

    assert found.labels == ("z",)
    assert found.unit == "rad"
    np.testing.assert_allclose(found.values[:3, :15], -np.pi / 2, rtol=1e-4)
    np.testing.assert_allclose(found.values[3:, :15], np.pi / 2, rtol=1e-4)
    assert np.isnan(found.values[:, 15:]).all()


@pytest.fixture
def short(rng):
    return recording({"A": rng.normal(size=(3, 4, 2))}, n_steps=np.array([4, 2, 4]))


def test_a_table_by_episode_or_step_is_read(short, tmp_path):
    pd.DataFrame({"episode": [2, 0, 1], "force": [3.0, 1.0, 2.0]}).to_csv(
        tmp_path / "episodes.csv", index=False
    )
    rows = [(e, s) for e, n in enumerate((4, 2, 4)) for s in range(n)]
    steps = pd.DataFrame(rows, columns=["episode", "step"])
    steps["grip"] = ["open" if s < 2 else "shut" for _, s in rows]
    steps.to_csv(tmp_path / "steps.csv", index=False)

    by_episode = read_table(short, tmp_path / "episodes.csv")
    target = read_target(short, f"grip={tmp_path / 'steps.csv'}")

    assert by_episode.values[:, 0, 0].tolist() == [1.0, 2.0, 3.0]
    assert np.isnan(by_episode.values[1, 2:]).all()
    assert (target.is_classes, target.labels) == (True, ("open", "shut"))
    assert target.values[0, :, 0].tolist() == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("episode,x\n0,1\n1,2\n", "2 episodes, the recording 3.*episode 2 is missing"),
        ("episode,x\n0,1\n1,2\n2,3\n3,4\n", "3 is not among them"),
        ("episode,x\n0,1\n1,2\n1,2\n2,3\n", "two rows of episode 1"),
        ("trial,x\n0,1\n", "a column 'episode'"),
        ("episode,step,x\n0,0,1\n1,0,1\n2,0,1\n", "1 steps of episode 0.*it has 4"),
        ("episode,x,y\n0,a,1\n1,b,2\n2,c,3\n", "words among 2 columns"),
    ],
)
def test_a_table_that_does_not_fit_is_one_sentence(short, tmp_path, text, message):
    path = tmp_path / "table.csv"
    path.write_text(text)

    with pytest.raises(ConfigError, match=message):
        read_table(short, path)


def test_an_array_of_another_shape_is_refused(short, tmp_path):
    np.save(tmp_path / "table.npy", np.zeros((3, 5)))

    with pytest.raises(ConfigError, match=r"\(3, 5\).*3 episodes of up to 4 steps"):
        read_table(short, tmp_path / "table.npy")
