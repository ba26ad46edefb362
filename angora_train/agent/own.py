# SPDX-License-Identifier: Apache-2.0
"""Classes of the user's own, which a config names as ``module:Class``."""

from pkgutil import resolve_name
from typing import Any

from angora_train.errors import ConfigError

__all__ = ["make_own"]


def make_own(key: str, path: str, protocol: type, *given: Any) -> Any:
    """Make an object of a class of the user's own.

    Parameters
    ----------
    key : str
        Key of the config that names it, for messages.
    path : str
        The class as ``module:Class``.
    protocol : type
        What it must have: the public methods and annotated attributes of a protocol.
    *given
        What the class is called with.

    Returns
    -------
    object
        Of that class.

    Raises
    ------
    ConfigError
        If there is no such class, it cannot be called so, or it lacks something.
    """
    wanted = {name for name in vars(protocol) if not name.startswith("_")}
    try:
        made = kind = resolve_name(path)
        if all(hasattr(kind, method) for method in wanted):
            made = kind(*given)
            wanted |= set(protocol.__annotations__)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{key} is '{path}', which cannot be imported or made: {error}. Write "
            "module:Class, with the module's folder in PYTHONPATH; what it is made "
            f"with stands at {protocol.__module__}.{protocol.__name__}."
        ) from error
    missing = sorted(name for name in wanted if not hasattr(made, name))
    if missing:
        raise ConfigError(
            f"{key}: {path} lacks {', '.join(missing)}; see "
            f"{protocol.__module__}.{protocol.__name__}."
        )
    return made
