# SPDX-License-Identifier: Apache-2.0
"""The network that a run's config asks for, from a file or from the atlas."""

from collections.abc import Mapping
from pathlib import Path

import keras

import atlasnet
from angora_train.config import NetworkConfig
from angora_train.errors import ConfigError

__all__ = ["make_network"]


def make_network(
    config: NetworkConfig,
    sizes: Mapping[str, int],
    policy_size: int,
    *,
    control_step_s: float,
    seed: int,
    directory: Path | None = None,
) -> keras.Model:
    """Load or build a network.

    Parameters
    ----------
    config : NetworkConfig
        Which network.
    sizes : mapping of str to int
        Width of each sensation of the task.
    policy_size : int
        Width of the policy head.
    control_step_s : float
        Control step of the task, in s.
    seed : int
        Seed of the initial weights.
    directory : Path, optional
        Where ``graph.json`` and ``network.json`` are written.

    Returns
    -------
    keras.Model
        The network.

    Raises
    ------
    ConfigError
        If the atlas or the file cannot give it.
    """
    try:
        if config.path is not None:
            return atlasnet.load_model(config.path)
        graph = _graph(config)
        interface = atlasnet.hand_interface(
            graph,
            sizes={**sizes, "policy": policy_size},
            inputs=config.inputs,
            action=config.action or None,
            without=config.without,
        )
        rule = atlasnet.UnitRule(
            total=config.n_units, exponent=config.exponent, floor=config.floor
        )
        spec = atlasnet.plan_network(
            graph,
            interface,
            rule=rule,
            control_step_s=control_step_s,
            name="regions" if config.regions else config.preset or "fpn",
        )
    except atlasnet.AtlasNetError as error:
        raise ConfigError(
            f"network: {error} In a run's config the keys are network.inputs.NAME, "
            "network.action and network.without, each a list."
        ) from error
    if directory is not None:
        graph.save(directory / "graph.json")
        spec.save(directory / "network.json")
    return atlasnet.build_model(spec, seed=seed)


def _graph(config: NetworkConfig) -> atlasnet.RegionGraph:
    """Return the region graph of a preset or of regions by name."""
    source = atlasnet.SnapshotSource()
    if config.regions:
        return atlasnet.build_graph(
            source, config.regions, hemisphere=config.hemisphere
        )
    return atlasnet.preset_graph(
        source,
        config.preset or "fpn",
        hemisphere=config.hemisphere,
        blind=config.is_blind,
    )
