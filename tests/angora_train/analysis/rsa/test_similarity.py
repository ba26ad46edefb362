# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pandas as pd
import pytest

from angora_train.analysis.rsa.models import model_rdms
from angora_train.analysis.rsa.rdms import area_rdms, reliability
from angora_train.analysis.rsa.similarity import (
    compare_areas,
    compare_models,
    embed_areas,
)
from angora_train.errors import ConfigError
from tests.angora_train.analysis.rsa.recordings import (
    N_PHASES,
    N_STEPS,
    noisy,
    recording,
)


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
    # Steps 0-2 and 3-5 have means 0.1 and 0.4 in both channels: 0.3^2, per channel.
    assert posture[0, 1] == pytest.approx(0.09)
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
