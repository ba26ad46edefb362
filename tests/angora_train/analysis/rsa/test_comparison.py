# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import xarray as xr

from angora_train.analysis.rsa.comparison import Sample, Settings, compare
from angora_train.analysis.rsa.models import NamedRDM, load_rdm
from angora_train.errors import ConfigError

N_KINDS, N_STEPS, N_UNITS = 6, 12, 16
MODELS = {"goal": "goal", "posture": "vision"}
FAST = Settings(n_phases=3, n_resamples=200, variables=MODELS)


def planted(
    seed: int, *, goal: float = 0.0, posture: float = 0.0, n_per_kind: int = 10
) -> xr.Dataset:
    """Return a recording of one area: a rotated copy of two alike things, and noise.

    The noise, of variance 1 and unit, is the same for all steps of an episode. Goals
    have a variance of about 1 in each of three dimensions; postures follow them, so
    that the models are alike.
    """
    rng = np.random.default_rng(seed)
    kinds = np.tile(np.arange(N_KINDS), n_per_kind)
    shape = (len(kinds), N_STEPS, 3)
    goals = rng.normal(size=(N_KINDS, 1, 3))[kinds] + 0.1 * rng.normal(size=shape)
    ramp = np.linspace(0, 1, N_STEPS)[:, None]
    postures = 0.8 * goals * ramp + 0.3 * rng.normal(size=(1, N_STEPS, 3))
    postures += 0.1 * rng.normal(size=shape)
    axes = np.linalg.qr(rng.normal(size=(N_UNITS, N_UNITS)))[0]
    noise = rng.normal(size=(len(kinds), 1, N_UNITS))
    activity = goal * goals @ axes[:3] + posture * postures @ axes[3:6] + noise
    activity = activity + 0.5 * rng.normal(size=(len(kinds), N_STEPS, N_UNITS))
    return xr.Dataset(
        {
            "activity": (("episode", "time", "unit"), activity),
            "goal_kind": ("episode", kinds),
            "n_steps": ("episode", np.full(len(kinds), N_STEPS)),
            "goal": (("episode", "time", "goal_channel"), goals),
            "vision": (("episode", "time", "vision_channel"), postures),
        },
        coords={
            "area": ("unit", np.repeat("A", N_UNITS)),
            "episode": np.arange(len(kinds)),
            "time": np.arange(N_STEPS) * 0.02,
        },
    )


def p_of(recording: xr.Dataset, settings: Settings = FAST) -> dict[str, float]:
    table = compare([Sample("one", recording)], settings).table
    rows = table.query(
        "measure == 'partial' and scope == 'all' and control == 'trained'"
    )
    return dict(zip(rows["model"], rows["p"], strict=True))


def test_of_two_alike_models_the_one_that_made_the_data_is_found() -> None:
    found = compare([Sample("one", planted(0, posture=3.0))], FAST).table
    rows = found.query("scope == 'all' and control == 'trained'")
    of = rows.set_index(["measure", "model"])
    # Alone, both correlate; given the other, the one that did not make them does not.
    assert of.loc[("correlation", "goal"), "value"] > 0.4
    assert of.loc[("partial", "posture"), "value"] > 0.8
    assert abs(of.loc[("unique", "goal"), "value"]) < 0.02
    assert of.loc[("partial", "posture"), "p"] < 0.01
    assert of.loc[("partial", "goal"), "p"] > 0.05


def test_noise_is_seldom_taken_for_a_model() -> None:
    p = np.array([[*p_of(planted(seed)).values()] for seed in range(12)])
    # 12 sets, 4 models: 48 tests, of which 2.4 are expected at 0.05. More than 8 have
    # a probability below 0.001.
    assert (p <= 0.05).sum() <= 8


def test_a_planted_goal_is_found() -> None:
    p = [p_of(planted(seed, goal=1.0))["goal"] for seed in range(6)]
    assert sum(x <= 0.05 for x in p) >= 5


def test_a_copy_of_a_model_scores_one() -> None:
    recording = planted(1)
    goals = recording["goal"].to_numpy()
    recording = recording.isel(unit=slice(0, 3))
    recording["activity"] = (("episode", "time", "unit"), goals)
    for noise in ("shrinkage_eye", "shrinkage_diag", "identity"):
        settings = Settings(
            n_phases=3, n_resamples=50, variables={"goal": "goal"}, noise=noise
        )
        table = compare([Sample("one", recording)], settings).table
        rows = table.query("measure == 'correlation' and control == 'trained'")
        rows = rows[(rows["model"] == "goal") & (rows["scope"] == "all")]
        # The recording holds activity in single precision.
        assert rows["value"].item() == pytest.approx(1.0, abs=1e-6)


def test_what_is_not_learnt_is_no_difference_and_what_is_learnt_is() -> None:
    trained = planted(2, goal=1.0)
    same = compare([Sample("one", trained, trained)], FAST).table
    rows = same.query("control == 'trained - untrained'")
    assert (rows["value"] == 0).all()
    untrained = trained.copy()
    untrained["activity"] = planted(2)["activity"]
    table = compare([Sample("one", trained, untrained)], FAST).table
    rows = table.query("control == 'trained - untrained' and scope == 'all'")
    of = rows.set_index(["measure", "model"])
    assert of.loc[("correlation", "goal"), "low"] > 0


def test_several_subjects_have_rows_of_their_own_and_of_all() -> None:
    samples = [Sample(f"s{i}", planted(i, goal=1.5)) for i in range(3)]
    other = Sample("null", planted(9))
    table = compare(samples, FAST, controls=[other]).table
    assert set(table["subject"]) == {"s0", "s1", "s2", "all", "null"}
    rows = table.query(
        "model == 'goal' and measure == 'correlation' and scope == 'all'"
        " and control == 'trained'"
    ).set_index("subject")
    own = rows.loc[["s0", "s1", "s2"], "value"].mean()
    assert rows.loc["all", "value"] == pytest.approx(own)
    assert rows.loc["all", "over"] == "subjects and episodes"
    assert (rows["n_valid"] == 200).all()
    assert "null" in set(table["control"])


def test_a_users_matrix_is_one_more_model(tmp_path: object) -> None:
    names = [f"{kind} {phase}" for kind in range(N_KINDS) for phase in (1, 2, 3)]
    distances = np.abs(np.subtract.outer(np.arange(18.0), np.arange(18.0)))
    mine = NamedRDM("mine", tuple(names), distances)
    table = compare([Sample("one", planted(0))], FAST, given=[mine]).table
    assert "mine" in set(table["model"])
    short = NamedRDM("short", tuple(names[:4]), distances[:4, :4])
    with pytest.raises(ConfigError, match="has 4 conditions, and lacks 14 of 18"):
        compare([Sample("one", planted(0))], FAST, given=[short])


def test_matrices_are_read_back(tmp_path) -> None:  # type: ignore[no-untyped-def]
    square = np.array([[0.0, 1, 2], [1, 0, 3], [2, 3, 0]])
    (tmp_path / "a.csv").write_text(",x,y,z\nx,0,1,2\ny,1,0,3\nz,2,3,0\n")
    (tmp_path / "b.csv").write_text("one,other,d\nx,y,1\nx,z,2\ny,z,3\nz,y,3\n")
    np.save(tmp_path / "c.npy", np.array([1.0, 2.0, 3.0]))
    (tmp_path / "c.txt").write_text("x\ny\nz\n")
    for name in ("a.csv", "b.csv", "c.npy"):
        found = load_rdm(tmp_path / name)
        assert found.conditions == ("x", "y", "z")
        np.testing.assert_array_equal(found.matrix, square)
    np.save(tmp_path / "d.npy", np.arange(4.0))
    with pytest.raises(ConfigError, match="4 numbers, which no upper triangle has"):
        load_rdm(tmp_path / "d.npy", ["x", "y", "z"])


def test_a_geometry_of_two_conditions_is_refused() -> None:
    recording = planted(0)
    recording["goal_kind"] = recording["goal_kind"] % 2
    with pytest.raises(ConfigError, match=r"at least 4 conditions.*has 2: 0, 1"):
        compare([Sample("one", recording)], Settings(by=("goal",), n_resamples=50))


def test_a_unit_that_is_not_a_number_names_its_area() -> None:
    recording = planted(0)
    recording["activity"][3, 4, 5] = np.nan
    with pytest.raises(ConfigError, match="unit 5 of area 'A'"):
        compare([Sample("one", recording)], FAST)


def test_two_folds_have_no_interval() -> None:
    # One pair of folds, which every resample repeats: nothing is known of its spread.
    trained = planted(0, goal=1.0)
    settings = Settings(n_phases=3, n_folds=2, n_resamples=50, variables=MODELS)
    result = compare([Sample("one", trained, planted(1))], settings)
    rows = result.table.query("control != 'shuffled'")
    assert rows["value"].notna().any()
    assert rows["low"].isna().all()
    assert rows["p"].isna().all()
    assert any("2 folds of 60 episodes have no interval" in x for x in result.notes)
