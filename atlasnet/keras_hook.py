# SPDX-License-Identifier: Apache-2.0
"""What happens when Keras is imported, whoever does: quiet, and with our layers.

Once atlasnet is imported, ``keras.saving.load_model`` reads a model that it saved,
though importing atlasnet loads no Keras: its layers are registered as soon as Keras is
there. TensorFlow's libraries keep their lines to themselves, and a backend that is
missing is one error.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

from atlasnet.errors import BackendError
from atlasnet.quiet import silenced

__all__ = ["attend_keras"]

_LAYERS = "atlasnet.layers"
_BACKENDS = ("jax", "tensorflow")


def attend_keras() -> None:
    """Register our layers with Keras: now if it is loaded, else when it will be."""
    if "keras" in sys.modules:
        import_module(_LAYERS)
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds Keras where Python does."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return how to load Keras; nothing else is ours to find."""
        if fullname != "keras":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Quiet(spec.loader)
        return spec


class _Quiet(Loader):
    """Loads Keras as its own loader does, and our layers after it."""

    def __init__(self, own: Loader) -> None:
        self._own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make the module as its own loader does."""
        return self._own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, and say in one error if its backend is missing."""
        module.__loader__ = self._own
        if module.__spec__ is not None:
            module.__spec__.loader = self._own
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        try:
            with silenced():
                self._own.exec_module(module)
        except (ImportError, ValueError) as error:
            backend = os.environ.get("KERAS_BACKEND", "")
            if backend in ("", *_BACKENDS[1:]):
                raise
            raise BackendError(
                f"Keras cannot run on '{backend}', which KERAS_BACKEND asks for: "
                f"{error}. Set KERAS_BACKEND to one of: {', '.join(_BACKENDS)}, and "
                "install that package."
            ) from error
        import_module(_LAYERS)
