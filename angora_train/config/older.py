# SPDX-License-Identifier: Apache-2.0
"""What older configs say: keys that stand elsewhere now."""

from collections.abc import Mapping
from typing import Any

from angora_train.errors import ConfigError

__all__ = ["UNITS", "with_units"]

UNITS = {"n_units": "total", "exponent": "exponent", "floor": "floor"}
"""Keys of a network in older configs, which are keys of its ``units`` now."""


def with_units(network: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a network's settings with older keys where they are now.

    Parameters
    ----------
    network : mapping
        The section ``network`` of a config, before it is checked.

    Returns
    -------
    mapping
        The same with ``units``; itself where no key is an older one.

    Raises
    ------
    ConfigError
        If a key is given by both of its names.

    Examples
    --------
    >>> with_units({"n_units": 512, "preset": "fpn"})
    {'preset': 'fpn', 'units': {'total': 512}}
    """
    moved = {new: network[old] for old, new in UNITS.items() if old in network}
    units = network.get("units") or {}
    if not moved or not isinstance(units, Mapping):
        return network
    for old, new in UNITS.items():
        if old in network and new in units:
            raise ConfigError(
                f"network.{old} is the older name of network.units.{new}; both are "
                f"given, {network[old]} and {units[new]}. Leave the older one out."
            )
    kept = {key: value for key, value in network.items() if key not in UNITS}
    return {**kept, "units": {**units, **moved}}
