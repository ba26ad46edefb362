# SPDX-License-Identifier: Apache-2.0
import numpy as np
from scipy.special import ndtri

from angora_train.config.hindsight import NoiseConfig
from angora_train.hindsight.exploration import Exploration, noise_scale
from tests.angora_train.hindsight.walk import WalkHindsight


def run(worlds: range, n_steps: int, noise: NoiseConfig) -> np.ndarray:
    """Return the normal variates that shaped numbers make, (n_steps, B, 1)."""
    explorer = Exploration(WalkHindsight(), noise, worlds, 1)
    rng = np.random.default_rng(0)
    drawn = rng.random((n_steps, len(worlds), 1), dtype=np.float32)
    return np.stack([ndtri(explorer.shape(x).astype(float)) for x in drawn])


def test_noise_is_as_loud_and_as_lasting_as_asked() -> None:
    noise = NoiseConfig(least=0.5, most=1.5, persistence=0.8)
    x = run(range(4), 40_000, noise)[..., 0]
    scale = noise_scale(range(4), noise)
    assert np.allclose(x.std(0), scale, rtol=0.05)
    lasting = [np.corrcoef(x[1:, b], x[:-1, b])[0, 1] for b in range(4)]
    assert np.allclose(lasting, [0.8, 0.0, 0.8, 0.0], atol=0.03)


def test_nothing_but_the_policy_remains_without_persistence_at_scale_one() -> None:
    explorer = Exploration(
        WalkHindsight(), NoiseConfig(least=1.0, most=1.0, persistence=0.0), range(3), 2
    )
    given = np.random.default_rng(1).random((3, 2), dtype=np.float32)
    assert np.allclose(explorer.shape(given), given, atol=1e-6)


def test_lasting_noise_goes_on_where_it_was() -> None:
    noise = NoiseConfig()
    one, other = (Exploration(WalkHindsight(), noise, range(2), 1) for _ in range(2))
    rng = np.random.default_rng(2)
    one.shape(rng.random((2, 1), dtype=np.float32))
    other.restore(one.worlds())
    given = rng.random((2, 1), dtype=np.float32)
    assert (one.shape(given) == other.shape(given)).all()
