"""Encoding finds the area that data were made of, and the noise that they have."""

import numpy as np
import pytest

from angora_train.analysis.decoding.samples import paired_rows
from angora_train.analysis.encoding.encode import encode
from angora_train.analysis.encoding.plan import EncodingPlan
from angora_train.analysis.encoding.responses import (
    Responses,
    read_responses,
    reliability,
    simulate_responses,
)
from angora_train.analysis.encoding.subspace import reduced_rank
from angora_train.errors import ConfigError
from tests.angora_train.analysis.decoding.planted import recording


@pytest.fixture
def example(rng):
    """Two areas of independent activity, and neurons that read the second."""
    areas = {name: rng.normal(size=(24, 30, 6)) for name in "AB"}
    data = recording(areas, n_steps=rng.integers(25, 31, 24))
    activity = data["activity"].to_numpy()[:, :, 6:]
    return data, simulate_responses(activity, rng, n_channels=8, noise=2.0)


@pytest.mark.parametrize("method", ["ridge", "pls"])
def test_all_that_is_no_noise_is_explained_by_the_area_that_was_read(example, method):
    data, responses = example

    found = encode(data, responses, plan=EncodingPlan(method=method))

    # Noise 2, four repeats: signal 1, noise of the mean 4 / 4: half is no noise.
    assert found["reliability"].to_numpy() == pytest.approx(0.5, abs=0.12)
    assert float(found["r2"].sel(area="B").mean()) == pytest.approx(0.5, abs=0.08)
    assert float(found["score"].sel(area="B")) == pytest.approx(1.0, abs=0.12)
    assert float(found["score"].sel(area="A")) < 0.05
    low, high = np.quantile(found["draw"].sel(area="B"), [0.025, 0.975])
    assert low < 1.0 < high + 0.12


def test_the_lag_is_that_by_which_responses_come_later(rng):
    values = rng.normal(size=(12, 30, 4))
    later = np.full((1, 12, 30, 2), np.nan)
    later[0, :, 3:] = values[:, :-3, :2]
    responses = Responses(later, ("0", "1"))
    data = recording({"A": values})

    at = {
        lag: float(
            encode(data, responses, plan=EncodingPlan(lag=lag, folds=3))["score"][0]
        )
        for lag in (0, 3)
    }

    assert at[3] > 0.99
    assert at[0] < 0.1


def test_reliability_is_that_of_the_mean_over_repeats(rng):
    signal = rng.normal(size=(1, 4000, 1))
    repeats = signal + rng.normal(size=(3, 4000, 1))

    # Variance 1 of the signal, 1 / 3 of the noise of the mean of three.
    assert reliability(repeats)[0] == pytest.approx(1 / (1 + 1 / 3), abs=0.02)
    assert np.isnan(reliability(repeats[:1])[0])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 23, 30, 2)), "23 episodes of 30 steps, the recording has 24"),
        (np.full((1, 24, 30, 2), np.nan), "no step in which all channels are known"),
    ],
)
def test_responses_that_do_not_fit_are_refused(example, values, message):
    data, _ = example

    with pytest.raises(ConfigError, match=message):
        encode(data, Responses(values, ("0", "1")))


def test_noise_alone_is_refused(example, rng):
    data, _ = example
    noise = rng.normal(size=(2, 24, 30, 1))
    noise[1] = -noise[0]

    with pytest.raises(ConfigError, match="No channel is reliable"):
        encode(data, Responses(noise, ("0",)))


def test_files_of_responses_are_read(tmp_path):
    values = np.arange(24.0).reshape(2, 3, 4)
    np.save(tmp_path / "one.npy", values)
    np.save(tmp_path / "flat.npy", values.ravel())

    assert read_responses(tmp_path / "one.npy").values.shape == (1, 2, 3, 4)
    with pytest.raises(ConfigError, match="episodes, steps, channels"):
        read_responses(tmp_path / "flat.npy")
    with pytest.raises(ConfigError, match=r"\.npy or \.nc"):
        read_responses(__file__)


def test_the_dimension_of_a_pathway_is_that_planted(rng):
    # Two patterns of ten source units reach eight target units.
    x = rng.normal(size=(30, 40, 10)).astype(np.float32)
    patterns = rng.normal(size=(10, 2)) @ rng.normal(size=(2, 8))
    y = (x @ patterns + 1.0 * rng.normal(size=(30, 40, 8))).astype(np.float32)
    fold = np.repeat(np.arange(5), 6)

    (rows,) = paired_rows(x, [y], 0, fold)
    found = reduced_rank(rows)

    assert found.rank == 2
    signal = np.square(patterns).sum()
    share = signal / (signal + 8)  # noise of variance 1 in each of 8 units
    assert found.by_rank[1].mean() == pytest.approx(share, abs=0.02)
    assert found.by_rank[-1].mean() == pytest.approx(found.full.mean(), abs=1e-6)
