# SPDX-License-Identifier: Apache-2.0
"""Keras without the lines that TensorFlow's libraries write while they load."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["import_keras", "silenced"]

_UNUSED = ("jax", "sklearn")


def import_keras() -> None:
    """Import Keras and its backend, and keep their start-up lines off the terminal.

    TensorFlow's C++ libraries report their build on stderr before they read
    ``TF_CPP_MIN_LOG_LEVEL``. For the time of the import, file descriptor 2 leads
    nowhere; exceptions are not affected. Call this before the first import of Keras.

    TensorFlow Lite's converter looks for JAX, Keras' wrappers for scikit-learn: a
    second and 170 MB in every process, for nothing that is used here. Unless another
    backend is chosen, neither is found during the import.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    hidden = set(_UNUSED).difference(sys.modules) if _is_tensorflow() else set()
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment] # an import fails
    try:
        with silenced():
            import keras  # noqa: F401 (the import is the point)
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def silenced() -> Iterator[None]:
    """Let nothing that libraries write to standard error through, but exceptions."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # a process without standard error
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _is_tensorflow() -> bool:
    """Whether Keras is going to choose TensorFlow, by its own rules."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        written = json.loads((home / "keras.json").read_text(encoding="utf-8"))
        configured = str(written.get("backend", "tensorflow"))
    except (OSError, ValueError, AttributeError):
        configured = "tensorflow"
    return (os.environ.get("KERAS_BACKEND") or configured) == "tensorflow"
