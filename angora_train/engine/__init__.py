# SPDX-License-Identifier: Apache-2.0
"""What must be compiled, behind one small protocol.

The engine follows Keras' backend, and what depends on the backend lives here. What is
computed may not; nothing outside this package names a backend.
"""

from importlib import import_module
from typing import cast

import keras

from angora_train.engine.memory import keep_memory
from angora_train.engine.protocol import Engine
from angora_train.errors import ConfigError

__all__ = ["Engine", "make_engine"]

_BACKENDS = ("jax", "tensorflow")


def make_engine(n_threads: int = 1) -> Engine:
    """Return the engine of Keras' backend.

    Parameters
    ----------
    n_threads : int
        Threads of this process for compiled functions.

    Raises
    ------
    ConfigError
        If there is no engine for the backend.
    """
    backend = keras.config.backend()
    if backend not in _BACKENDS:
        raise ConfigError(
            f"There is no engine for the Keras backend '{backend}'. Set "
            f"KERAS_BACKEND to one of: {', '.join(_BACKENDS)}."
        )
    keep_memory()
    return cast(Engine, import_module(f"angora_train.engine.{backend}").make(n_threads))
