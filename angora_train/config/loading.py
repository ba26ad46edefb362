# SPDX-License-Identifier: Apache-2.0
"""Loading of configs: from a file, a preset or settings, with changes, to an object."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from angora_train.config.older import UNITS, with_units
from angora_train.config.run import PretrainingConfig, RunConfig
from angora_train.config.settings import parse_mapping, read_mapping, read_yaml, shipped
from angora_train.errors import ConfigError, closest

__all__ = ["config_data", "load_config", "load_pretraining", "with_change"]


def load_config(
    source: str | Path | Mapping[str, Any] | RunConfig, overrides: Sequence[str] = ()
) -> RunConfig:
    """Read a run's config.

    Parameters
    ----------
    source : str, Path, mapping or RunConfig
        A YAML file, the name of a preset that ships with the package, or the settings
        themselves.
    overrides : sequence of str
        Changes as ``ppo.clip_range=0.1``; the values are YAML.

    Returns
    -------
    RunConfig
        The config, validated.

    Raises
    ------
    ConfigError
        If there is no such file or preset, it is no mapping, or a key or value is
        not allowed.

    Examples
    --------
    >>> load_config({"seed": 3}, ["n_worlds=64"]).n_worlds
    64
    """
    return RunConfig.from_dict(config_data(source, overrides))


def load_pretraining(
    source: str | None = None, overrides: Sequence[str] = ()
) -> PretrainingConfig:
    """Read the settings of a pretraining.

    Parameters
    ----------
    source : str, optional
        A YAML file; by default all is as the class says.
    overrides : sequence of str
        Changes as ``n_images=4000``; the values are YAML.

    Raises
    ------
    ConfigError
        As of :func:`load_config`.
    """
    data = {} if source is None else _read_yaml(source)
    return PretrainingConfig.from_dict(_changed(data, overrides))


def config_data(
    source: str | Path | Mapping[str, Any] | RunConfig, overrides: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a config as plain data, before it is checked.

    Parameters
    ----------
    source : str, Path, mapping or RunConfig
        As of :func:`load_config`.
    overrides : sequence of str
        As of :func:`load_config`.

    Raises
    ------
    ConfigError
        If there is no such file or preset, or a change cannot be read.
    """
    if isinstance(source, RunConfig):
        data = source.model_dump(mode="json")
    elif isinstance(source, Mapping):
        data = deepcopy(dict(source))
    else:
        data = _read_yaml(source)
    return _changed(data, overrides)


def with_change(
    data: dict[str, Any], keys: Sequence[str], value: Any, said: str
) -> None:
    """Change a nested key of plain data.

    Parameters
    ----------
    data : dict
        What is changed.
    keys : sequence of str
        The way to the key.
    value
        What it becomes.
    said : str
        What asked for it, for the message.

    Raises
    ------
    ConfigError
        If a value stands where a section is named.
    """
    section = data
    for key in keys[:-1]:
        if section.get(key) is None:  # a section that is optional, and not there
            section[key] = {}
        section = section[key]
        if not isinstance(section, dict):
            raise ConfigError(f"'{said}': '{key}' is a value, not a section.")
    section[keys[-1]] = deepcopy(value)


def _changed(data: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Return settings with changes made to them."""
    if isinstance(overrides, str):
        overrides = [overrides]
    if not isinstance(overrides, Sequence) or not all(
        isinstance(override, str) for override in overrides
    ):
        raise ConfigError(
            f"Overrides are texts, each KEY=VALUE, in a list; got {overrides!r}."
        )
    if isinstance(data.get("network"), dict):
        data["network"] = with_units(data["network"])
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator:
            raise ConfigError(f"An override reads KEY=VALUE, got '{override}'.")
        try:
            value = read_yaml(text)
        except yaml.YAMLError as error:
            raise ConfigError(
                f"The value of '{override}' is no valid YAML. Close its brackets and "
                "quotes, and quote names with special characters: "
                "'network.regions=[\"Area 4p (PreCG)\"]'."
            ) from error
        keys = key.split(".")
        if keys[0] == "network" and len(keys) == 2 and keys[1] in UNITS:
            keys[1:] = ["units", UNITS[keys[1]]]  # so that the last change counts
        with_change(data, keys, value, override)
    return data


def _read_yaml(source: str | Path) -> dict[str, Any]:
    """Return the mapping in a YAML file or preset."""
    presets = shipped("angora_train.presets")
    if not isinstance(source, str | Path):
        raise ConfigError(
            f"A config is a YAML file, a preset or a mapping, got {source!r}. Presets: "
            f"{', '.join(presets)}."
        )
    path, source = Path(source), str(source)
    try:
        is_file = path.is_file()
    except OSError:  # a name that is too long, as of a whole config
        is_file = False
    if is_file and path.suffix not in {".yaml", ".yml"}:
        raise ConfigError(f"A config file ends in .yaml, got '{source}'.")
    if is_file:
        return read_mapping(path)
    if source not in presets:
        raise ConfigError(
            f"There is no config file or preset '{source}'.{closest(source, presets)} "
            f"Presets: {', '.join(presets)}."
        )
    return parse_mapping(presets[source].read_text(encoding="utf-8"), source)
