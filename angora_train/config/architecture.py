# SPDX-License-Identifier: Apache-2.0
"""Widths: the layers of plain networks, data in ``angora_train/presets/networks``.

Each YAML file of that folder is a network by its name; a file of one's own, with the
same keys, by its path.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from angora_train.config.settings import Settings, parse_mapping, read_mapping, shipped
from angora_train.errors import ConfigError, closest

__all__ = [
    "Architecture",
    "Convolution",
    "architecture_names",
    "load_architecture",
    "require_architecture",
]

_FOLDER = "angora_train.presets.networks"


class Convolution(Settings):
    """A convolution that pixels pass, with rectified units and without padding."""

    n_filters: PositiveInt
    """Channels that it makes."""
    width_px: PositiveInt
    """Width and height of its filters, pixels of what it reads."""
    stride_px: PositiveInt
    """Pixels from one place of the filters to the next."""


class Architecture(Settings):
    """The layers of a plain network."""

    dense: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    """Units of the dense layers, from the input on."""
    activation: Literal["elu", "gelu", "relu", "silu", "tanh"]
    """Their activation."""
    layer_norm: bool = False
    """Whether the sum that each unit of a dense layer computes is shifted and scaled by
    those of its layer before the activation (Ba et al. 2016, arXiv:1607.06450; without
    gains and offsets of its own)."""
    last: PositiveInt
    """Units of the layer before the heads: recurrent, or dense if there is no cell."""
    convolutions: tuple[Convolution, ...] = ()
    """What pixels pass before they are joined with other sensations; networks that
    see pixels need it."""


def architecture_names() -> tuple[str, ...]:
    """List the plain networks that ship with the package, sorted.

    Examples
    --------
    >>> architecture_names()
    ('deeper', 'normalized', 'simple', 'teacher', 'wide')
    """
    return tuple(shipped(_FOLDER))


def require_architecture(name: str) -> str:
    """Return a plain network's name if there can be such a network.

    Parameters
    ----------
    name : str
        One of `architecture_names`, or a path that ends in ``.yaml`` or ``.yml``; the
        file is not looked for.

    Raises
    ------
    ConfigError
        If it is neither.

    Examples
    --------
    >>> require_architecture("mine.yaml")
    'mine.yaml'
    """
    known = architecture_names()
    if name not in known and not _is_path(name):
        raise ConfigError(
            f"There is no architecture '{name}'.{closest(name, known)} "
            f"Allowed: {', '.join(known)}, or a .yaml file of your own."
        )
    return name


def load_architecture(name: str) -> Architecture:
    """Read a plain network's layers.

    Parameters
    ----------
    name : str
        One of `architecture_names`, or a path that ends in ``.yaml`` or ``.yml``.

    Returns
    -------
    Architecture
        Its layers.

    Raises
    ------
    ConfigError
        If there is no such network or file, or a key or value of the file is not
        allowed.

    Examples
    --------
    >>> load_architecture("wide").dense
    (1024,)
    """
    require_architecture(name)
    path = Path(name)
    if not _is_path(name):
        data = parse_mapping(shipped(_FOLDER)[name].read_text(encoding="utf-8"), name)
    elif path.is_file():
        data = read_mapping(path)
    else:
        raise ConfigError(
            f"network.architecture: there is no file '{name}'. Networks by name: "
            f"{', '.join(architecture_names())}."
        )
    try:
        return Architecture.from_dict(data)
    except ConfigError as error:
        raise ConfigError(f"The architecture '{name}': {error}") from error


def _is_path(name: str) -> bool:
    """Return whether a network is named by its file."""
    return Path(name).suffix in {".yaml", ".yml"}
