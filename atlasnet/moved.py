# SPDX-License-Identifier: Apache-2.0
"""Moved modules: the names that they had still lead to them.

Shared by both packages; importing it loads nothing else.
"""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.resources import files
from types import ModuleType
from typing import Any

__all__ = ["forward", "redirect"]


def forward(*modules: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a room that has the name of a module of old.

    Parameters
    ----------
    *modules : str
        What the module has become, which now stands in the room.

    Returns
    -------
    callable
        Takes a name; raises ``AttributeError`` where no module has it.
    """
    room = modules[0].rpartition(".")[0]

    def get(name: str) -> Any:
        if not name.startswith("__"):
            for module in map(import_module, modules):
                if name in vars(module):
                    return vars(module)[name]
        raise AttributeError(f"module '{room}' has no attribute '{name}'")

    return get


def redirect(package: str) -> None:
    """Let modules be imported by the names that they had before they moved.

    Saved configs and models name classes by them, and so do users' programs.

    Parameters
    ----------
    package : str
        The package; its file ``moved.yaml`` says what moved where.
    """
    sys.meta_path.append(_Redirection(package))  # asked last: it costs nothing else


def _table(package: str) -> dict[str, str]:
    """Return the modules of a package that moved: new name by old name."""
    import yaml

    said = yaml.safe_load((files(package) / "moved.yaml").read_text(encoding="utf-8"))
    moved = {
        f"{room.rpartition('.')[0]}.{name}": f"{room}.{name}"
        for room, names in said["rooms"].items()
        for name in names
    }
    return moved | dict(said["renamed"])


class _Redirection(MetaPathFinder, Loader):
    """Finds moved modules: the old name is one more name of the same module."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._moved: dict[str, str] | None = None

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return how to load a moved module."""
        if not fullname.startswith(f"{self._package}."):
            return None
        if self._moved is None:  # read when something is missing, not before
            self._moved = _table(self._package)
        return ModuleSpec(fullname, self) if fullname in self._moved else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Let Python make an empty module, which the next step replaces."""

    def exec_module(self, module: ModuleType) -> None:
        """Put the module of today in the place of the empty one."""
        name = module.__name__
        sys.modules[name] = import_module((self._moved or {})[name])
