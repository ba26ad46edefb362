# SPDX-License-Identifier: Apache-2.0
"""Moved modules: the names that they had still lead to them.

Shared by both packages; importing it loads nothing else.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["forward", "moved_into", "redirect"]


def forward(module: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a room that has the name of a module of old.

    Parameters
    ----------
    module : str
        The module, which now stands in the room.

    Returns
    -------
    callable
        Takes a name; raises ``AttributeError`` where the module has none.
    """
    room = module.rpartition(".")[0]

    def get(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module '{room}' has no attribute '{name}'")
        return getattr(import_module(module), name)

    return get


def moved_into(rooms: Mapping[str, str], renamed: Mapping[str, str]) -> dict[str, str]:
    """Return the table of modules that moved.

    Parameters
    ----------
    rooms : mapping of str to str
        By room, the modules that stood one level above it, with spaces between.
    renamed : mapping of str to str
        New name of the modules that got another one, too.

    Returns
    -------
    dict of str to str
        New name by old name.

    Examples
    --------
    >>> moved_into({"animals.dogs": "spaniel"}, {"animals.horse": "animals.tall.horse"})
    {'animals.spaniel': 'animals.dogs.spaniel', 'animals.horse': 'animals.tall.horse'}
    """
    moved = {
        f"{room.rpartition('.')[0]}.{name}": f"{room}.{name}"
        for room, names in rooms.items()
        for name in names.split()
    }
    return moved | dict(renamed)


def redirect(moved: Mapping[str, str]) -> None:
    """Let modules be imported by the names that they had before they moved.

    Saved configs and models name classes by them, and so do users' programs.

    Parameters
    ----------
    moved : mapping of str to str
        New name by old name.
    """
    sys.meta_path.append(_Redirection(moved))  # asked last: it costs nothing else


class _Redirection(MetaPathFinder, Loader):
    """Finds moved modules: the old name is one more name of the same module."""

    def __init__(self, moved: Mapping[str, str]) -> None:
        self._moved = dict(moved)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return how to load a moved module."""
        return ModuleSpec(fullname, self) if fullname in self._moved else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Let Python make an empty module, which the next step replaces."""

    def exec_module(self, module: ModuleType) -> None:
        """Put the module of today in the place of the empty one."""
        name = module.__name__
        sys.modules[name] = import_module(self._moved[name])
