# SPDX-License-Identifier: Apache-2.0
"""Keras without the lines that TensorFlow's libraries write while they load."""

import json
import os
import sys
from pathlib import Path

__all__ = ["import_keras"]


def import_keras() -> None:
    """Import Keras and its backend, and keep their start-up lines off the terminal.

    TensorFlow's C++ libraries report their build on stderr before they read
    ``TF_CPP_MIN_LOG_LEVEL``. For the time of the import, file descriptor 2 leads
    nowhere; exceptions are not affected. Call this before the first import of Keras.

    TensorFlow Lite's converter looks for JAX, which takes a second and 100 MB in every
    process. Unless another backend is chosen, JAX is not found during the import.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    is_hidden = _backend() == "tensorflow" and "jax" not in sys.modules
    if is_hidden:
        sys.modules["jax"] = None  # type: ignore[assignment] # an import fails
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import keras  # noqa: F401 (the import is the point)
    finally:
        if is_hidden:
            del sys.modules["jax"]
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _backend() -> str:
    """Return the backend that Keras is going to choose, by its own rules."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        written = json.loads((home / "keras.json").read_text(encoding="utf-8"))
        configured = str(written.get("backend", "tensorflow"))
    except (OSError, ValueError, AttributeError):
        configured = "tensorflow"
    return os.environ.get("KERAS_BACKEND") or configured
