# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from atlasnet.model.builder import build_model
from atlasnet.model.files import save_model
from atlasnet.plan.spec import NetworkSpec

SCRIPT = """
import sys
from atlasnet.quiet import import_keras
import_keras()
import keras
print(keras.backend.backend(), "jax" in sys.modules)
import jax, sklearn.base
"""


@pytest.mark.slow
@pytest.mark.parametrize("configured", [None, "tensorflow", "jax"])
@pytest.mark.parametrize("named", [None, "tensorflow", "jax"])
def test_jax_is_loaded_where_it_is_the_backend(
    named: str | None, configured: str | None, tmp_path: Path
) -> None:
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    environment.pop("KERAS_BACKEND", None)
    if named is not None:
        environment["KERAS_BACKEND"] = named
    if configured is not None:
        (tmp_path / "keras.json").write_text(json.dumps({"backend": configured}))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    backend = named or configured or "tensorflow"
    assert done.stdout.split() == [backend, str(backend == "jax")]
    assert done.stderr == ""


def _run(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("order", ["import atlasnet, keras", "import keras, atlasnet"])
def test_keras_itself_reads_a_model_once_atlasnet_is_imported(
    order: str, tiny_spec: NetworkSpec, tmp_path: Path
) -> None:
    save_model(build_model(tiny_spec), tmp_path / "tiny.keras")
    load = f"keras.saving.load_model({str(tmp_path / 'tiny.keras')!r})"
    done = _run(f"{order}\nprint({load}.name)")
    assert (done.stdout.strip(), done.returncode) == ("tiny", 0), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "code", ["import atlasnet; atlasnet.build_model", "from angora_train import train"]
)
def test_nothing_is_said_while_keras_is_loaded(code: str) -> None:
    done = _run(code, TF_CPP_MIN_LOG_LEVEL="0")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "numpi"])
def test_a_backend_that_is_missing_is_one_error(backend: str) -> None:
    code = "import sys\nsys.modules['torch'] = None\nfrom angora_train import train"
    done = _run(code, KERAS_BACKEND=backend)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert f"BackendError: Keras cannot run on '{backend}'" in last
    assert "Set KERAS_BACKEND to one of: jax, tensorflow" in last
