# SPDX-License-Identifier: Apache-2.0
"""Errors of atlasnet.

::

    AtlasNetError
    ├── AtlasError                 an atlas cannot give what was asked
    │   ├── AmbiguousNameError     several regions go by a name
    │   ├── AtlasUnavailableError  (also ConnectionError) the live atlas did not answer
    │   ├── RegionNotFoundError    (also KeyError)
    │   ├── IncompleteDataError    a number that the step needs is missing
    │   └── SnapshotError          a snapshot is missing, corrupt or edited
    ├── BackendError               (also ImportError) Keras' backend cannot be loaded
    ├── ComponentError             (also ValueError) a part of a model does not fit
    ├── GraphError                 (also ValueError) an invalid region graph
    ├── InterventionError          (also ValueError) one that the network cannot have
    └── SpecError                  (also ValueError) an invalid network spec
"""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

__all__ = [
    "AmbiguousNameError",
    "AtlasError",
    "AtlasNetError",
    "AtlasUnavailableError",
    "BackendError",
    "ComponentError",
    "GraphError",
    "IncompleteDataError",
    "InterventionError",
    "RegionNotFoundError",
    "SnapshotError",
    "SpecError",
    "closest",
    "listed",
    "require_known",
    "require_member",
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


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return the first of some names, and how many more there are, for messages.

    Examples
    --------
    >>> listed("abc", most=2)
    'a, b and 1 more'
    """
    known = list(names)
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more


def require_known(
    what: str, name: str, known: Collection[str], error: "type[AtlasNetError]"
) -> None:
    """Raise `error` if there is nothing of that name, and say what there is."""
    if name not in known:
        there = f"There is: {', '.join(known)}.{closest(name, known)}"
        raise error(f"No {what} '{name}'. {there}")


def require_member(
    what: str, value: object, allowed: Iterable[object], error: "type[AtlasNetError]"
) -> None:
    """Raise `error` if a value is none of those allowed."""
    if value not in allowed:
        names = ", ".join(map(str, allowed))
        raise error(f"{what} is one of {names}, got {value!r}.")


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


class AmbiguousNameError(AtlasError):
    """Several regions go by a name."""

    def __init__(self, name: str, candidates: Iterable[str]) -> None:
        names = [f"'{candidate}'" for candidate in sorted(candidates)]
        super().__init__(
            f"'{name}' may mean any of {len(names)} regions: {listed(names, 12)}. Give "
            "the whole name of one."
        )


class AtlasUnavailableError(AtlasError, ConnectionError):
    """The live atlas did not answer."""

    def __init__(self, asked: str, reason: str) -> None:
        remedy = "Check the connection, or raise the time limit."
        if "No module named 'siibra'" in reason:
            reason, remedy = "siibra is not installed", "pip install 'atlasnet[live]'."
        super().__init__(
            f"siibra did not give {asked}: {reason.rstrip('.')}. {remedy} The snapshot "
            "shipped with atlasnet can serve instead, without a connection: "
            "SnapshotSource(), which commands take by default."
        )


class IncompleteDataError(AtlasError):
    """A number that this step needs is missing from the atlas."""


class SnapshotError(AtlasError):
    """A snapshot's files are missing, corrupt or edited."""


class GraphError(AtlasNetError, ValueError):
    """A region graph that cannot exist."""


class SpecError(AtlasNetError, ValueError):
    """A network spec that cannot be built."""


class BackendError(AtlasNetError, ImportError):
    """The backend that Keras is to run on cannot be loaded."""


class ComponentError(AtlasNetError, ValueError):
    """A part of a model that is not there, or does not fit where it is to go."""


class InterventionError(AtlasNetError, ValueError):
    """An intervention that is not valid, or that the network cannot have."""
