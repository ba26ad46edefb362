# SPDX-License-Identifier: Apache-2.0
"""Keras without the lines that TensorFlow's libraries write while they load."""

import os
import sys

__all__ = ["import_keras"]


def import_keras() -> None:
    """Import Keras and its backend, and keep their start-up lines off the terminal.

    TensorFlow's C++ libraries report their build on stderr before they read
    ``TF_CPP_MIN_LOG_LEVEL``. For the time of the import, file descriptor 2 leads
    nowhere; exceptions are not affected. Call this before the first import of Keras.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import keras  # noqa: F401 (the import is the point)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
