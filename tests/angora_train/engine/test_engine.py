# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from angora_train.agent.recurrence import IS_FIRST
from atlasnet import save_model
from atlasnet.model.builder import build_model
from atlasnet.plan.spec import NetworkSpec
from tests.angora_train.point import SIZES


def rich(spec: NetworkSpec) -> NetworkSpec:
    """Return the network with every cell and option that computes something."""
    s, p, m = (area.model_dump() for area in spec.areas)
    s |= {"activation": "softplus", "inhibitory_share": 0.0}
    areas = (s, {**p, "cell": "gru"}, {**m, "cell": "lstm"})
    strengths = {"strength": 1.5, "strength_use": "fixed"}
    first, *others = (pathway.model_dump() for pathway in spec.pathways)
    slow = {**others[-1], "delay_steps": 2}
    return NetworkSpec(
        **{
            **spec.model_dump(),
            "areas": areas,
            "pathways": ({**first, **strengths}, *others[:-1], slow),
            "noise_std": 0.3,
            "activity_cost": 0.1,
            "wiring_cost": 0.1,
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("is_rich", [False, True])
def test_the_engines_agree_on_step_gradient_and_update(
    is_rich: bool, tiny_spec: NetworkSpec, rng: np.random.Generator, tmp_path: Path
) -> None:
    spec = rich(tiny_spec) if is_rich else tiny_spec
    model = build_model(spec)
    save_model(model, tmp_path / "tiny.keras")
    is_first = np.zeros((4, 5), np.float32)
    is_first[1, 3] = 1.0
    batch: dict[str, Any] = {
        **{n: rng.normal(size=(4, 5, size)) for n, size in SIZES.items()},
        IS_FIRST: is_first,
        "state_areas_0": rng.normal(size=(4, model.get_layer("areas").cell.state_size)),
        **({"noise": rng.random(size=(4, 5, 3))} if is_rich else {}),
        "sample": rng.integers(0, 2, size=(4, 5, 3)),
        "log_prob": rng.normal(-2, 0.1, size=(4, 5)),
        "advantage": rng.normal(size=(4, 5)),
        "value_target": rng.normal(size=(4, 5)),
        "value": rng.normal(size=(4, 5)),
    }
    single = {name: np.asarray(x, np.float32) for name, x in batch.items()}
    single["mask"] = np.arange(4)[:, None] < 3  # the last row counts for nothing
    np.savez(tmp_path / "batch.npz", **single)
    results = {}
    for backend in ("tensorflow", "jax"):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.angora_train.engine_program",
                str(tmp_path / "tiny.keras"),
                str(tmp_path / "batch.npz"),
                str(tmp_path / f"{backend}.npz"),
            ],
            env={**os.environ, "KERAS_BACKEND": backend},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        results[backend] = np.load(tmp_path / f"{backend}.npz")
        assert results[backend]["backend"] == backend
    one, other = results["tensorflow"], results["jax"]
    assert (one["sample"] == other["sample"]).all()
    for name in ("log_prob", "value", "gradient", "loss", "weights"):
        np.testing.assert_allclose(one[name], other[name], atol=1e-4, err_msg=name)
    assert np.abs(one["gradient"]).max() > 1e-2
    # From 1 a quarter of the way to 5, twice: 2, 2.75; the gradient is that times x.
    for result in (one, other):
        wanted = [[1.0, 2.0], [2.0, 4.0], [2.75, 5.5]]
        np.testing.assert_allclose(result["followed"], wanted, rtol=1e-6)
