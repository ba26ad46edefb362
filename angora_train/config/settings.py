# SPDX-License-Identifier: Apache-2.0
"""Settings: typed data that never changes, from YAML; what is wrong is one error."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, ClassVar, Self

import yaml
from pydantic import ValidationError

from angora_train.errors import ConfigError
from atlasnet.errors import AtlasNetError
from atlasnet.frozen import Frozen, explain

__all__ = [
    "Settings",
    "parse_mapping",
    "read_mapping",
    "read_yaml",
    "said_of",
    "shipped",
]


class Settings(Frozen):
    """What is read from a file, whole or a section of it.

    Raises
    ------
    ConfigError
        If a key is unknown or a value is not allowed.
    """

    error: ClassVar[type[Exception]] = ConfigError

    @classmethod
    def _label(cls, data: Mapping[str, Any]) -> str:
        return "config"

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
            raise ConfigError(explain(error, "config", cls)) from error

    def to_yaml(self) -> str:
        """Return the settings, all defaults filled in, as YAML text."""
        text: str = yaml.dump(
            self.model_dump(mode="json"), Dumper=_Writer, sort_keys=False
        )
        return text


class _Numbers:
    """Numbers as YAML 1.2 has them: ``1e-2`` is one, ``010`` is ten."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
        first: [
            (tag, pattern)
            for tag, pattern in known
            if tag not in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
        ]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _Reader(_Numbers, yaml.SafeLoader):
    """Reads YAML."""


class _Writer(_Numbers, yaml.SafeDumper):
    """Writes YAML: a text that looks like a number is quoted."""


for _kind, _pattern in {
    "int": r"[-+]?[0-9][0-9_]*|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}.items():
    for _class in (_Reader, _Writer):
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_kind}",
            re.compile(f"^(?:{_pattern})$"),
            list("-+.0123456789"),
        )


def _whole(reader: _Reader, node: Any) -> int:
    """Return a whole number, decimal unless it begins with 0x."""
    text = str(reader.construct_scalar(node))
    return int(text, 16 if text.startswith("0x") else 10)


_Reader.add_constructor("tag:yaml.org,2002:int", _whole)


def read_yaml(text: str) -> Any:
    """Return what a YAML text says; see :func:`parse_mapping` for whole files.

    Examples
    --------
    >>> read_yaml("[1e-2, 010, 1_000, '1e-2', 5]")
    [0.01, 10, 1000, '1e-2', 5]
    """
    return yaml.load(text, Loader=_Reader)


@contextmanager
def said_of(key: str) -> Iterator[None]:
    """Tell an error of atlasnet as one of the config: ``with said_of("network"):``.

    Parameters
    ----------
    key : str
        What in the config it is about.

    Raises
    ------
    ConfigError
        With what atlasnet says.
    """
    try:
        yield
    except AtlasNetError as error:
        raise ConfigError(f"{key}: {error}") from error


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
        data = read_yaml(text)
        twice = _twice(yaml.compose(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ConfigError(f"'{source}' is no valid YAML: {error}") from error
    if twice:
        raise ConfigError(f"'{source}' gives {twice} twice: the first would be lost.")
    if not isinstance(data, dict):
        raise ConfigError(f"'{source}' must hold a mapping, got {type(data).__name__}.")
    return data


def _twice(node: yaml.Node | None) -> str:
    """Return a key that a mapping gives twice, with its line; empty if none is."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = _name_of(key)
            if name in seen:
                return f"'{key.value}' (line {key.start_mark.line + 1})"
            seen.add(name)
            if twice := _twice(value):
                return twice
    if isinstance(node, yaml.SequenceNode):
        return next(filter(None, map(_twice, node.value)), "")
    return ""


def _name_of(key: yaml.Node) -> str:
    """Return a key as YAML understands it: ``yes`` and ``true`` are one."""
    is_truth = key.tag == "tag:yaml.org,2002:bool"
    text = str(key.value)
    return f"{key.tag} {text.casefold() in ('true', 'yes', 'on')}" if is_truth else text


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds.

    Parameters
    ----------
    path : Path
        A file.

    Raises
    ------
    ConfigError
        If it cannot be read, is not encoded in UTF-8, is no valid YAML, or holds no
        mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"'{path}' is not encoded in UTF-8: its byte {error.start} is "
            f"0x{error.object[error.start]:02x}. Save it as UTF-8."
        ) from error
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be read: {error.strerror}.") from error
    return parse_mapping(text, str(path))


def shipped(package: str) -> dict[str, Traversable]:
    """Return the YAML files of a package's folder by name, sorted.

    Parameters
    ----------
    package : str
        Dotted name of the package.

    Examples
    --------
    >>> list(shipped("angora_train.presets.networks"))
    ['deeper', 'normalized', 'simple', 'teacher', 'wide']
    """
    entries = sorted(files(package).iterdir(), key=lambda entry: entry.name)
    return {
        entry.name.removesuffix(".yaml"): entry
        for entry in entries
        if entry.name.endswith(".yaml")
    }
