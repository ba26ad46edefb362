# SPDX-License-Identifier: Apache-2.0
import logging

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.typing import NDArray

from angora_train.analysis.similarity import (
    area_rdms,
    compare_areas,
    compare_models,
    embed_areas,
    model_rdms,
    patterns_by_condition,
    reliability,
)
from angora_train.errors import ConfigError

N_PHASES, N_STEPS = 2, 6


def recording(
    kinds: NDArray[np.int64],
    activity: NDArray[np.float64],
    areas: list[str] | None = None,
) -> xr.Dataset:
    """Return a recording with the activity given; what is sensed is zero."""
    n_episodes, n_steps, n_units = activity.shape
    nothing = np.zeros((n_episodes, n_steps, 2))
    of_unit = areas or ["A"] * n_units
    return xr.Dataset(
        {
            "activity": (("episode", "time", "unit"), activity),
            "goal_kind": ("episode", kinds),
            "n_steps": ("episode", np.full(n_episodes, n_steps)),
            **{
                name: (("episode", "time", f"{name}_channel"), nothing)
                for name in ("vision", "touch", "action")
            },
        },
        coords={"area": ("unit", np.array(of_unit))},
    )


def noisy(
    rng: np.random.Generator, n_per_kind: int, n_kinds: int, n_units: int, sd: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return kinds in turn, and one pattern of noise an episode and phase."""
    kinds = np.tile(np.arange(n_kinds), n_per_kind)
    noise = rng.normal(0.0, sd, (len(kinds), N_PHASES, n_units))
    return kinds, np.repeat(noise, N_STEPS // N_PHASES, axis=1)


def test_without_noise_the_distance_is_the_squared_difference_per_unit() -> None:
    kinds = np.tile([0, 1], 5)
    activity = np.zeros((10, N_STEPS, 4))
    activity[kinds == 1] = [3.0, 0.0, 0.0, 1.0]  # squared difference 9 + 1, 4 units
    rdms = area_rdms(recording(kinds, activity), n_phases=N_PHASES)
    # Two units never change and count for nothing: 10 over the 2 active ones.
    assert rdms.rdm_descriptors["n_active"] == [2]
    expected = 5.0 * (np.array([[0, 0, 1, 1]] * 2 + [[1, 1, 0, 0]] * 2))
    np.testing.assert_allclose(rdms.get_matrices()[0], expected, atol=1e-12)
    assert rdms.pattern_descriptors["condition"] == ["ff 1", "ff 2", "mf 1", "mf 2"]


def test_conditions_that_differ_are_apart_by_their_signal_to_noise(
    rng: np.random.Generator,
) -> None:
    kinds, activity = noisy(rng, 200, 2, n_units=10, sd=0.5)
    activity[kinds == 1, :, 0] += 1.5  # three standard deviations in one unit of ten
    rdm = area_rdms(recording(kinds, activity), n_phases=N_PHASES).get_matrices()[0]
    # (1.5 / 0.5)^2 / 10 = 0.9
    assert rdm[:2, 2:].mean() == pytest.approx(0.9, rel=0.1)
    assert abs(rdm[0, 1]) < 0.05


def test_noise_alone_is_no_distance(rng: np.random.Generator) -> None:
    kinds, activity = noisy(rng, 20, 5, n_units=32, sd=1.0)
    data = recording(kinds, activity)
    vector = area_rdms(data, n_phases=N_PHASES).dissimilarities[0]
    assert len(vector) == 45  # pairs of 10 conditions
    # Without cross-validation their mean would be 2 / 20 = 0.1. It is twice the mean
    # product of two folds' noise (variance 1/4 each; 10 pairs of folds, 9 * 32 degrees
    # of freedom), with a standard deviation of 2 * 0.25 / sqrt(10 * 288) = 0.009.
    assert abs(vector.mean()) < 4 * 0.0093
    assert vector.min() < 0.0


def test_rows_are_in_the_order_of_the_kinds(rng: np.random.Generator) -> None:
    kinds, activity = noisy(rng, 10, 5, n_units=6, sd=0.1)
    activity[kinds == 3, :, 2] += 1.0
    rdm = area_rdms(recording(kinds, activity), n_phases=N_PHASES).get_matrices()[0]
    odd = rdm.mean(axis=0) > rdm.mean()
    assert odd.tolist() == [False] * 6 + [True, True] + [False, False]  # "lf 1", "lf 2"


def test_every_area_is_measured_on_its_own_units(rng: np.random.Generator) -> None:
    kinds, activity = noisy(rng, 10, 2, n_units=6, sd=0.1)
    activity[kinds == 1, :, 4] += 1.0
    areas = ["S left", "M left", "S left", "M left", "M left", "S left"]
    rdms = area_rdms(recording(kinds, activity, areas), n_phases=N_PHASES)
    assert rdms.rdm_descriptors["area"] == ["S left", "M left"]
    assert rdms.rdm_descriptors["n_units"] == [3, 3]
    apart = rdms.get_matrices()[:, 0, 2]
    assert apart[1] > 10 * abs(apart[0])


def test_a_silent_area_is_left_out_and_named(
    rng: np.random.Generator, caplog: pytest.LogCaptureFixture
) -> None:
    kinds, activity = noisy(rng, 5, 2, n_units=4, sd=0.1)
    activity[:, :, 2:] = 0.25
    areas = ["S", "S", "M", "M"]
    with caplog.at_level(logging.WARNING):
        rdms = area_rdms(recording(kinds, activity, areas), n_phases=N_PHASES)
    assert rdms.rdm_descriptors["area"] == ["S"]
    assert "'M' is silent" in caplog.text


def test_silence_everywhere_is_an_error() -> None:
    silent = recording(np.tile([0, 1], 5), np.zeros((10, N_STEPS, 3)))
    with pytest.raises(ConfigError, match="No area was active"):
        area_rdms(silent, n_phases=N_PHASES)


@pytest.mark.parametrize("noise", ["shrinkage_eye", "shrinkage_diag"])
def test_a_unit_without_noise_gives_finite_distances(
    noise: str, rng: np.random.Generator
) -> None:
    kinds, activity = noisy(rng, 10, 2, n_units=4, sd=0.1)
    activity[:, :, 3] = kinds[:, None]
    rdms = area_rdms(recording(kinds, activity), n_phases=N_PHASES, noise=noise)
    assert np.isfinite(rdms.dissimilarities).all()


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


def test_areas_that_tell_the_same_apart_are_alike(rng: np.random.Generator) -> None:
    kinds, activity = noisy(rng, 20, 3, n_units=9, sd=0.2)
    activity[kinds == 0, :, 0] += 1.0  # A and B: kind 0 against the others
    activity[kinds == 0, :, 3] += 2.0
    activity[kinds == 2, :, 6] += 1.0  # C: kind 2 against the others
    areas = ["A"] * 3 + ["B"] * 3 + ["C"] * 3
    data = recording(kinds, activity, areas)
    similarity = compare_areas(area_rdms(data, n_phases=N_PHASES))
    assert similarity.index.tolist() == similarity.columns.tolist() == ["A", "B", "C"]
    np.testing.assert_allclose(np.diag(similarity), 1.0)
    np.testing.assert_allclose(similarity, similarity.T)
    assert similarity.loc["A", "B"] > 0.95
    assert similarity.loc["A", "C"] < 0.3
    halves = reliability(data, n_phases=N_PHASES, n_folds=5)
    assert halves.index.tolist() == ["A", "B", "C"]
    assert (halves > 0.9).all()


def test_noise_is_not_reliable(rng: np.random.Generator) -> None:
    kinds, activity = noisy(rng, 20, 5, n_units=96, sd=1.0)
    data = recording(kinds, activity, [f"area {i // 8}" for i in range(96)])
    halves = reliability(data, n_phases=N_PHASES, n_folds=5)
    assert len(halves) == 12
    assert abs(halves.mean()) < 0.25


def test_an_area_of_goals_follows_the_goals(rng: np.random.Generator) -> None:
    kinds, activity = noisy(rng, 10, 3, n_units=4, sd=0.1)
    activity += 2.0 * np.eye(4)[kinds][:, None]  # a unit a kind
    data = recording(kinds, activity)
    data["vision"] = data["vision"] + np.arange(N_STEPS)[:, None] / 10
    with pytest.raises(ConfigError, match=r"'pose' is about 'vison', which was not"):
        model_rdms(data, n_phases=N_PHASES, variables={"pose": "vison"})
    models = model_rdms(data, n_phases=N_PHASES, variables={"posture": "vision"})
    assert models.rdm_descriptors["model"] == ["goal kind", "phase", "posture"]
    kind, phase, posture = models.get_matrices()
    assert kind[0].tolist() == [0, 0, 1, 1, 1, 1]
    assert phase[0].tolist() == [0, 1, 0, 1, 0, 1]
    # Steps 0-2 and 3-5 have means 0.1 and 0.4 in both channels: 0.3 * sqrt(2).
    assert posture[0, 1] == pytest.approx(0.3 * np.sqrt(2))
    fit = compare_models(area_rdms(data, n_phases=N_PHASES), models)
    assert fit.loc["A", "goal kind"] > 0.95
    assert fit.loc["A", "phase"] < 0.3


def test_a_plane_holds_what_fits_into_a_plane() -> None:
    corners = np.array([[0.0, 0.0], [0.3, 0.0], [0.3, 0.4], [0.0, 0.4]])
    apart = np.linalg.norm(corners[:, None] - corners, axis=-1)
    names = pd.Index(list("ABCD"))
    embedding = embed_areas(pd.DataFrame(1.0 - apart, index=names, columns=names))
    points = embedding.points.to_numpy()
    found = np.linalg.norm(points[:, None] - points, axis=-1)
    np.testing.assert_allclose(found, apart, atol=1e-3)
    assert embedding.stress < 1e-2
    again = embed_areas(pd.DataFrame(1.0 - apart, index=names, columns=names))
    pd.testing.assert_frame_equal(again.points, embedding.points)
