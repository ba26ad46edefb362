# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
