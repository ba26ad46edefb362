# SPDX-License-Identifier: Apache-2.0
"""Mesa beside TensorFlow: keeps two copies of LLVM in one process apart.

Mesa, which draws on the processor where there is no GPU, is built on LLVM, and so is a
part of TensorFlow, which shows its copy to the whole process. Whichever is loaded
later would call into the other's copy and crash. TensorFlow is therefore loaded first
where it is installed, since Keras loads it sooner or later on any backend, and Mesa's
libraries then with the order to look into themselves first.
"""

import ctypes
import importlib
import os
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

__all__ = ["keep_apart"]

_FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
_PATTERNS = ("libLLVM*.so*", "libgallium*.so*", "dri/swrast_dri.so", "libEGL_mesa.so.0")
"""In the order in which they need each other."""


def keep_apart() -> None:
    """Load TensorFlow, if it is there, and then Mesa; call this before OpenGL.

    Where there is no Mesa, as with a GPU's own libraries, nothing is loaded of it.
    """
    if not sys.platform.startswith("linux"):
        return
    if find_spec("tensorflow") is not None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        importlib.import_module("keras")
        importlib.import_module("tensorflow")  # Keras on JAX loads it late, by itself
    if "tensorflow" not in sys.modules:
        return
    mode = os.RTLD_NOW | os.RTLD_LOCAL | os.RTLD_DEEPBIND
    for pattern in _PATTERNS:
        for folder in _FOLDERS:
            for depth in ("", "*-linux-gnu/"):
                for path in sorted(Path(folder).glob(depth + pattern)):
                    with suppress(OSError):  # of another architecture
                        ctypes.CDLL(str(path), mode=mode)
