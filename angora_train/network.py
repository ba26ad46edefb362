# SPDX-License-Identifier: Apache-2.0
"""The network that a run's config asks for: from a file, plain, or from the atlas."""

import math
import warnings
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import keras

import atlasnet
from angora_train.architectures import build_architecture
from angora_train.config import NetworkConfig, PolicyConfig
from angora_train.distributions import Distribution
from angora_train.errors import ConfigError, closest

__all__ = ["make_network"]


def make_network(
    config: NetworkConfig,
    policy: PolicyConfig,
    shapes: Mapping[str, Sequence[int]],
    distribution: Distribution,
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
    policy : PolicyConfig
        Where a learned spread starts.
    shapes : mapping of str to sequence of int
        Shape of each sensation of the task.
    distribution : Distribution
        Family of the policy: decides the width of its head. A model whose head lacks
        just the parameters that are learned beside the network gets them added.
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
    width = distribution.n_parameters - distribution.n_spreads
    if config.path is not None:
        model = _loaded(config.path)
        _warn_of_another_step(model, config.path, control_step_s)
    elif config.architecture is not None:
        kept = {k: v for k, v in shapes.items() if k not in config.without}
        model = build_architecture(
            config.architecture,
            kept,
            width,
            cell=config.cell,
            shared=config.shared,
            seed=seed,
        )
    else:
        model = _from_atlas(config, shapes, width, control_step_s, seed, directory)
    if distribution.n_spreads:
        model = _with_spread(model, width, distribution, policy.initial_log_std)
    if config.pretrained is not None:
        _take_over(model, config.pretrained)
    _freeze(model, config.frozen)
    return model


def _loaded(path: Path) -> keras.Model:
    """Load a model."""
    try:
        return atlasnet.load_model(path)
    except atlasnet.AtlasNetError as error:
        raise ConfigError(f"network.path: {error}") from error


def _warn_of_another_step(
    model: keras.Model, path: Path, control_step_s: float
) -> None:
    """Warn if a network of areas was planned for another control step."""
    spec = atlasnet.spec_of(model)
    if spec is None or math.isclose(spec.control_step_s, control_step_s):
        return
    warnings.warn(
        f"network.path: '{path}' was planned for a control step of "
        f"{1000 * spec.control_step_s:g} ms, the task's is {1000 * control_step_s:g} "
        "ms: its time constants and delays are scaled by the ratio. Plan it again "
        f"with --control-step {control_step_s:g} to keep them.",
        stacklevel=3,
    )


def _from_atlas(
    config: NetworkConfig,
    shapes: Mapping[str, Sequence[int]],
    policy_size: int,
    control_step_s: float,
    seed: int,
    directory: Path | None,
) -> keras.Model:
    """Build the network of a preset or of regions by name."""
    sizes = {name: tuple(shape) for name, shape in shapes.items()}
    try:
        graph = _graph(config)
        interface = atlasnet.hand_interface(
            graph,
            sizes={**sizes, "policy": policy_size},
            inputs=config.inputs,
            action=config.action or None,
            without=config.without,
            preset=config.preset or "fpn",
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
            options=atlasnet.PlanOptions(**config.plan),
            visual=atlasnet.VisualRule(**config.visual) if config.visual else None,
        )
    except atlasnet.AtlasNetError as error:
        raise ConfigError(
            f"network: {error} In a run's config the keys are network.inputs.NAME, "
            "network.action and network.without, each a list; options of areas and "
            "pathways are network.plan.NAME, those of visual areas network.visual.NAME."
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


def _with_spread(
    model: keras.Model, width: int, distribution: Distribution, initial: float
) -> keras.Model:
    """Return the model with the parameters added that are learned beside it."""
    heads = model.output
    if not isinstance(heads, dict) or heads.get("policy") is None:
        return model  # refused where models are checked
    if heads["policy"].shape[-1] != width:
        return model
    from atlasnet.layers import LearnedSpread

    spread = LearnedSpread(distribution.n_spreads, initial, name="spread")
    inputs = {tensor.name: tensor for tensor in model.inputs}
    outputs = {**heads, "policy": spread(heads["policy"])}
    return keras.Model(inputs, outputs, name=model.name)


def _take_over(model: keras.Model, path: Path) -> None:
    """Take the weights of another model's layers of the same names and shapes."""
    try:
        other = atlasnet.load_model(path)
    except atlasnet.AtlasNetError as error:
        raise ConfigError(f"network.pretrained: {error}") from error
    given = {layer.name: layer for layer in other.layers if layer.weights}
    taken = 0
    for layer in model.layers:
        source = given.get(layer.name)
        if source is None or not layer.weights:
            continue
        if [w.shape for w in source.weights] == [w.shape for w in layer.weights]:
            layer.set_weights(source.get_weights())
            taken += 1
    if not taken:
        own = [layer.name for layer in model.layers if layer.weights]
        raise ConfigError(
            f"network.pretrained: no layer of '{path}' has the name and the shapes of "
            f"one of this network. Its layers: {', '.join(given)}. The network's: "
            f"{', '.join(own)}."
        )


def _freeze(model: keras.Model, patterns: Sequence[str]) -> None:
    """Exclude layers from training."""
    names = [layer.name for layer in model.layers if layer.weights]
    for pattern in patterns:
        matching = [name for name in names if fnmatchcase(name, pattern)]
        if not matching:
            raise ConfigError(
                f"network.frozen: no layer with weights is called '{pattern}'."
                f"{closest(pattern, names)} Layers: {', '.join(names)}."
            )
        for name in matching:
            model.get_layer(name).trainable = False
    if not model.trainable_weights:
        raise ConfigError("network.frozen leaves no layer to be trained.")
