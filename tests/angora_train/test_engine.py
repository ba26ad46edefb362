# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from angora_train.recurrence import IS_FIRST
from atlasnet import save_model
from atlasnet.builder import build_model
from atlasnet.spec import NetworkSpec
from tests.angora_train.point import SIZES


@pytest.mark.slow
def test_the_engines_agree_on_step_gradient_and_update(
    tiny_spec: NetworkSpec, rng: np.random.Generator, tmp_path: Path
) -> None:
    save_model(build_model(tiny_spec), tmp_path / "tiny.keras")
    is_first = np.zeros((4, 5), np.float32)
    is_first[1, 3] = 1.0
    batch: dict[str, Any] = {
        **{n: rng.normal(size=(4, 5, size)) for n, size in SIZES.items()},
        IS_FIRST: is_first,
        "state_areas_0": rng.normal(size=(4, tiny_spec.n_units)),
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
            cwd=Path(__file__).parents[2],
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
