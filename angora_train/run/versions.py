# SPDX-License-Identifier: Apache-2.0
"""Versions: the packages that decide results, as they are installed."""

from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version

__all__ = ["RECORDED", "installed_versions"]

RECORDED = (
    "atlasnet",
    "gymnasium",
    "gymnasium-robotics",
    "jax",
    "keras",
    "mpi4py",
    "mpich",
    "mujoco",
    "nilearn",
    "numpy",
    "rsatoolbox",
    "tensorflow",
    "xarray",
)
"""Packages whose versions are written beside results."""


@cache
def installed_versions() -> dict[str, str]:
    """Return the version of each recorded package that is installed.

    Examples
    --------
    >>> import numpy as np
    >>> installed_versions()["numpy"] == np.__version__
    True
    """
    found = {}
    for name in RECORDED:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
