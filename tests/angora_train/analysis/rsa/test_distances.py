# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from rsatoolbox.data.dataset import Dataset
from rsatoolbox.data.noise import prec_from_unbalanced
from rsatoolbox.rdm.calc import calc_rdm_crossnobis

from angora_train.analysis.rsa.distances import fold_distances, whitened
from angora_train.analysis.rsa.patterns import design_of
from tests.angora_train.analysis.rsa.recordings import N_PHASES, recording


@pytest.mark.parametrize("n_units", [5, 80])  # fewer and more than rows
@pytest.mark.parametrize("n_folds", [2, 6])
@pytest.mark.parametrize("noise", ["shrinkage_eye", "shrinkage_diag", "identity"])
def test_distances_are_those_of_rsatoolbox(
    noise: str, n_folds: int, n_units: int, rng: np.random.Generator
) -> None:
    kinds = np.tile([0, 1, 2], 6)
    mixing = rng.normal(size=(n_units, n_units)) + 2 * np.eye(n_units)
    activity = rng.normal(size=(18, 6, n_units)) @ mixing
    design = design_of(recording(kinds, activity), n_phases=N_PHASES, n_folds=n_folds)
    rows = design.rows(activity)
    labels = {
        "condition": design.of_row.astype(float),
        "fold": design.folds.astype(float),
    }
    dataset = Dataset(rows.copy(), obs_descriptors=labels)
    precision = None
    if noise != "identity":
        precision = prec_from_unbalanced(dataset, "condition", method=noise)
    with np.errstate(invalid="ignore"):
        by_hand = calc_rdm_crossnobis(
            dataset, "condition", noise=precision, cv_descriptor="fold"
        )
    found = fold_distances(rows, design, noise)
    assert found.shape == (n_folds * (n_folds - 1) // 2, 15)
    np.testing.assert_allclose(
        found.mean(axis=0), by_hand.dissimilarities[0], rtol=1e-8, atol=1e-10
    )


def test_whitened_patterns_have_the_products_of_the_inverse_covariance(
    rng: np.random.Generator,
) -> None:
    activity = rng.normal(size=(18, 6, 4)) @ rng.normal(size=(4, 4))
    design = design_of(recording(np.tile([0, 1, 2], 6), activity), n_phases=2)
    rows = design.rows(activity)
    dataset = Dataset(
        rows.copy(), obs_descriptors={"condition": design.of_row.astype(float)}
    )
    precision = prec_from_unbalanced(dataset, "condition", method="shrinkage_eye")
    white = whitened(rows, design)
    np.testing.assert_allclose(white @ white.T, rows @ precision @ rows.T, atol=1e-10)
