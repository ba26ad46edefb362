# SPDX-License-Identifier: Apache-2.0
"""Errors of atlasnet.

::

    AtlasNetError
    ├── AtlasError                 an atlas cannot give what was asked
    │   ├── RegionNotFoundError    (also KeyError)
    │   ├── IncompleteDataError    a number that the step needs is missing
    │   └── SnapshotError          a snapshot is missing, corrupt or edited
    ├── GraphError                 (also ValueError) an invalid region graph
    └── SpecError                  (also ValueError) an invalid network spec
"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "AtlasError",
    "AtlasNetError",
    "GraphError",
    "IncompleteDataError",
    "RegionNotFoundError",
    "SnapshotError",
    "SpecError",
    "closest",
]


def closest(name: str, known: Iterable[str], n: int = 3) -> str:
    """Return a hint that names the known names nearest to `name`, or ``""``.

    Examples
    --------
    >>> closest("toch", ["touch", "goal"])
    ' Close matches: touch.'
    """
    folded = {candidate.casefold(): candidate for candidate in known}
    near = get_close_matches(name.casefold(), list(folded), n=n, cutoff=0.5)
    names = ", ".join(folded[match] for match in near)
    return f" Close matches: {names}." if near else ""


class AtlasNetError(Exception):
    """Root of every error that atlasnet raises on purpose."""


class AtlasError(AtlasNetError):
    """An atlas cannot give what was asked of it."""


class RegionNotFoundError(AtlasError, KeyError):
    """The atlas has no region of that name."""

    def __init__(self, name: str, atlas: str, known: Iterable[str]) -> None:
        super().__init__(f"No region '{name}' in {atlas}.{closest(name, known)}")

    def __str__(self) -> str:  # KeyError would print the repr
        return str(self.args[0])


class IncompleteDataError(AtlasError):
    """A number that this step needs is missing from the atlas."""


class SnapshotError(AtlasError):
    """A snapshot's files are missing, corrupt or edited."""


class GraphError(AtlasNetError, ValueError):
    """A region graph that cannot exist."""


class SpecError(AtlasNetError, ValueError):
    """A network spec that cannot be built."""
