# SPDX-License-Identifier: Apache-2.0
"""Settings: typed data that never changes, from YAML; what is wrong is one error."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from angora_train.errors import ConfigError, closest

__all__ = ["Frozen", "Settings", "parse_mapping", "shipped"]


class Frozen(BaseModel):
    """Immutable, and strict about its keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )


class Settings(Frozen):
    """What is read from a file: says what is wrong with it."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Validate a plain mapping.

        Raises
        ------
        ConfigError
            If a key is unknown or a value is not allowed: with the nearest key.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ConfigError(_explain(error, cls)) from error

    def to_yaml(self) -> str:
        """Return the settings, all defaults filled in, as YAML text."""
        text: str = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)
        return text


def parse_mapping(text: str, source: str) -> dict[str, Any]:
    """Return the mapping that a YAML text holds.

    Parameters
    ----------
    text : str
        The YAML.
    source : str
        Where it is from, for messages.

    Raises
    ------
    ConfigError
        If it is no valid YAML, or no mapping.
    """
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"'{source}' is no valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"'{source}' must hold a mapping, got {type(data).__name__}.")
    return data


def shipped(package: str) -> dict[str, Traversable]:
    """Return the YAML files of a package's folder by name, sorted.

    Parameters
    ----------
    package : str
        Dotted name of the package.

    Examples
    --------
    >>> list(shipped("angora_train.presets.networks"))
    ['deeper', 'simple', 'wide']
    """
    entries = sorted(files(package).iterdir(), key=lambda entry: entry.name)
    return {
        entry.name.removesuffix(".yaml"): entry
        for entry in entries
        if entry.name.endswith(".yaml")
    }


def _explain(error: ValidationError, root: type[BaseModel]) -> str:
    """Say what is wrong with the first offending field."""
    found = error.errors()
    # First what is not known: a misspelt key is a missing one, too.
    first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, ConfigError):
        return str(cause)
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"][:-1], root)
        hint = closest(str(first["loc"][-1]), known)
        return f"Unknown config key '{where}'.{hint} Allowed: {', '.join(known)}."
    return f"Config key '{where}': {first['msg']}, got {first['input']!r}."


def _known_keys(location: tuple[str | int, ...], root: type[BaseModel]) -> list[str]:
    """Return the keys that a section of the settings allows."""
    model = root
    for part in location:  # numbers and free names lead into lists and mappings
        field = model.model_fields.get(str(part))
        model = next(_models(field.annotation), model) if field else model
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the settings that an annotation names, of a list's items too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
