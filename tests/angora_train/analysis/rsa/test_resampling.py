# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
import xarray as xr

from angora_train.analysis.rsa.comparison import Sample, Settings, compare
from angora_train.analysis.rsa.fitting import fit, moments_of, predictors
from angora_train.analysis.rsa.resampling import (
    fold_weights,
    labels_exchanged,
    n_exchanges,
)
from tests.angora_train.analysis.rsa.recordings import recording
from tests.angora_train.analysis.rsa.test_comparison import FAST, planted

KINDS, PHASES = 3, 4
LEVELS = np.array([(k, p) for k in range(KINDS) for p in range(PHASES)])


def test_labels_that_keep_time_move_kinds_as_wholes(rng: np.random.Generator) -> None:
    found = labels_exchanged(LEVELS, 200, rng, keeps="time", phase=1)
    moved = LEVELS[found].reshape(200, KINDS, PHASES, 2)
    assert (moved[..., 1] == np.arange(PHASES)).all()  # phases where they were
    assert (moved[..., 0] == moved[:, :, :1, 0]).all()  # and of one kind
    assert len(np.unique(found, axis=0)) == 6 == n_exchanges(LEVELS, 1)


def test_labels_that_keep_time_move_only_what_has_the_same_phases(
    rng: np.random.Generator,
) -> None:
    # Kinds 0 and 1 have both contacts in both phases, kind 2 has one contact only.
    levels = np.array(
        [(k, c, p) for k in range(3) for c in range(2 if k < 2 else 1) for p in (0, 1)]
    )
    found = labels_exchanged(levels, 300, rng, keeps="time", phase=2)
    assert (levels[found][..., 2] == levels[:, 2]).all()
    assert (found[:, 8:] == [8, 9]).all()
    # Two kinds change places, and in each the two contacts: 2 * 2 * 2.
    assert len(np.unique(found, axis=0)) == 8 == n_exchanges(levels, 2)


def test_phases_alone_keep_their_order(rng: np.random.Generator) -> None:
    levels = np.arange(5)[:, None]
    found = labels_exchanged(levels, 20, rng, keeps="time", phase=0)
    assert (found == np.arange(5)).all()
    assert n_exchanges(levels, 0) == 1


def walking(seed: int, n_kinds: int = 5, n_phases: int = 5) -> xr.Dataset:
    """Return a recording of an area and a posture, each of which changes slowly."""
    rng = np.random.default_rng(seed)
    kinds = np.tile(np.arange(n_kinds), 10)
    phase = np.arange(2 * n_phases) // 2

    def walk(n_channels: int) -> np.ndarray:
        steps = rng.normal(size=(n_kinds, n_phases, n_channels))
        return np.cumsum(steps, axis=1)[kinds][:, phase]

    posture, activity = walk(4), walk(12)
    activity = activity + rng.normal(size=(len(kinds), 1, 12))
    data = recording(kinds, activity)
    posture += 0.1 * rng.normal(size=posture.shape)
    data["vision"] = (("episode", "time", "vision_channel"), posture)
    return data


def test_two_things_that_change_slowly_are_not_taken_for_one() -> None:
    settings = Settings(n_resamples=60, variables={"posture": "vision"})
    p = []
    for seed in range(24):
        table = compare([Sample("one", walking(seed))], settings).table
        rows = table.query(
            "measure == 'partial' and scope == 'all' and model == 'posture'"
            " and control == 'trained'"
        )
        p.append(rows["p"].item())
    # At 0.05, 1.2 of 24 are expected; more than 4 have a probability of 0.007. Phases
    # exchanged at random within kinds called more than half of them significant.
    assert sum(x <= 0.05 for x in p) <= 4


def test_unique_variance_of_noise_is_zero_on_average(rng: np.random.Generator) -> None:
    # Distances of independent noise, 15 fold pairs of 6 folds: the plain square of a
    # correlation with one model is 1 / 44 on average, (n_pairs - 1 = 44).
    model = rng.normal(size=45)
    scopes = {"all": predictors({"m": model}, np.ones(45, bool))}
    plain, held_out = [], []
    for _ in range(400):
        distances = rng.normal(size=(15, 45))
        moments = moments_of(distances, scopes)["all"]
        fitted = fit(moments, np.full((1, 15), 1 / 15), scopes["all"].gram)
        plain.append(fitted["correlation"].item() ** 2)
        held_out.append(fitted["unique"].item())
    assert np.mean(plain) == pytest.approx(1 / 44, rel=0.3)
    assert abs(np.mean(held_out)) < 3 * np.std(held_out) / math.sqrt(400)


def test_unique_variance_is_that_of_products_of_separate_folds(
    rng: np.random.Generator,
) -> None:
    first, second = np.triu_indices(5, 1)
    distances = rng.normal(size=(10, 21)) + np.linspace(0, 3, 21)
    scopes = {"all": predictors({"m": np.linspace(0, 1, 21)}, np.ones(21, bool))}
    weights, _ = fold_weights(5, 30, rng)
    weights = weights[np.isfinite(weights).all(axis=1)]
    found = fit(moments_of(distances, scopes)["all"], weights, scopes["all"].gram)
    x = scopes["all"].values[0]
    for row, unique in zip(weights, found["unique"][:, 0], strict=True):
        total = count = 0.0
        for p in range(10):
            for q in range(10):
                if {first[p], second[p]} & {first[q], second[q]}:
                    continue
                total += row[p] * row[q] * (distances[p] @ x) * (distances[q] @ x)
                count += row[p] * row[q]
        d = row @ distances
        if count > 0:
            expected = total / count / np.square(d - d.mean()).sum()
            assert unique == pytest.approx(expected)
        else:
            assert np.isnan(unique)


def test_scopes_have_the_products_of_their_pairs(rng: np.random.Generator) -> None:
    distances = 5.0 + rng.normal(size=(6, 28))
    is_in = rng.random(28) < 0.3
    models = {"m": rng.normal(size=28)}
    masks = {"all": np.ones(28, bool), "in": is_in, "out": ~is_in}
    scopes = {name: predictors(models, mask) for name, mask in masks.items()}
    for name, moments in moments_of(distances, scopes).items():
        own = distances[:, masks[name]]
        own = own - own.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(moments.with_each_other, own @ own.T, atol=1e-9)
        values = scopes[name].values
        np.testing.assert_allclose(moments.with_models, own @ values.T, atol=1e-9)


def test_noise_of_several_subjects_is_seldom_taken_for_a_model() -> None:
    p = []
    for seed in range(8):
        # The same goals and postures, as subjects have; noise of their own.
        one = planted(seed)
        samples = []
        for i in range(3):
            other = one.copy()
            other["activity"] = planted(100 + 3 * seed + i)["activity"]
            samples.append(Sample(f"s{i}", other))
        table = compare(samples, FAST).table
        rows = table.query(
            "subject == 'all' and measure == 'partial' and scope == 'all'"
            " and control == 'trained'"
        )
        p += rows["p"].tolist()
    # 8 sets, 4 models: 1.6 are expected; more than 6 have a probability of 0.001.
    assert sum(x <= 0.05 for x in p) <= 6
