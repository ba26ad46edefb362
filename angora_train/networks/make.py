# SPDX-License-Identifier: Apache-2.0
"""The network that a run's config asks for: from a file, plain, or from the atlas."""

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras

import atlasnet
from angora_train.agent.distributions import Distribution
from angora_train.agent.inputs import input_name, sensation_of
from angora_train.config.architecture import load_architecture
from angora_train.config.run import ComponentConfig, NetworkConfig, PolicyConfig
from angora_train.config.settings import said_of
from angora_train.errors import ConfigError, closest
from angora_train.networks.plain import build_architecture, match_parameters
from atlasnet.files import write_text

__all__ = ["make_network"]

_FEATURES = "features"
"""Layer that a stream is read at, where it has one of this name."""


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
    streams = _streams(config)
    read = _read_shapes(shapes, streams)
    terms = _Terms(read, width, control_step_s, seed, directory)
    if config.path is not None:
        model = _loaded(config.path, "network.path")
        _warn_of_another_step(model, config.path, control_step_s)
    elif config.architecture is not None:
        model = _plain(config, config.architecture, terms)
    else:
        model = _from_atlas(config, terms)
    if distribution.n_spreads:
        model = _with_spread(model, width, distribution, policy.initial_log_std)
    for sensation, stream in streams.items():
        with said_of(f"network.streams.{sensation}"):
            model = atlasnet.connect_stream(model, input_name(sensation), stream)
    _take_over(model, config.pretrained, directory)
    with said_of("network.frozen"):
        atlasnet.freeze(model, config.frozen)
    return model


@dataclass(frozen=True)
class _Terms:
    """What a network is built for, beside its config; as of :func:`make_network`."""

    shapes: Mapping[str, Sequence[int]]
    policy_size: int
    control_step_s: float
    seed: int
    directory: Path | None


def _plain(config: NetworkConfig, name: str, terms: _Terms) -> keras.Model:
    """Build a plain network, with as many parameters as another if wanted."""
    for sensation in config.without:
        if sensation not in terms.shapes:
            raise ConfigError(
                f"network.without: the task has no sensation '{sensation}'."
                f"{closest(sensation, terms.shapes)} Sensations: "
                f"{', '.join(terms.shapes)}."
            )
    kept = {k: v for k, v in terms.shapes.items() if k not in config.without}
    kind: dict[str, Any] = {"cell": config.cell, "shared": config.shared}
    widths = load_architecture(name)
    if config.match_parameters is not None:
        n_wanted = _n_wanted(config, config.match_parameters, terms)
        found = match_parameters(name, kept, terms.policy_size, n_wanted, **kind)
        widths = found.widths
        if terms.directory is not None:
            report = {
                "n_parameters": found.n_parameters,
                "n_wanted": n_wanted,
                "deviation": found.deviation,
                "dense": widths.dense,
                "last": widths.last,
            }
            write_text(terms.directory / "match.json", json.dumps(report, indent=1))
    if terms.directory is not None:  # a file of the user's own may change
        write_text(terms.directory / "architecture.yaml", widths.to_yaml())
    return build_architecture(
        name, kept, terms.policy_size, seed=terms.seed, widths=widths, **kind
    )


def _n_wanted(config: NetworkConfig, wanted: int | str, terms: _Terms) -> int:
    """Return how many parameters a number, a file or a preset asks for."""
    if isinstance(wanted, int):
        return wanted
    if wanted.endswith(".keras"):
        other = _loaded(Path(wanted), "network.match_parameters")
    else:
        update = {"architecture": None, "match_parameters": None, "preset": wanted}
        preset = config.model_copy(update=update)
        other = _from_atlas(preset, replace(terms, seed=0, directory=None))
    return int(other.count_params())


def _loaded(path: Path, key: str) -> keras.Model:
    """Load the model that a key of the config names."""
    with said_of(key):
        return atlasnet.load_model(path)


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


def _from_atlas(config: NetworkConfig, terms: _Terms) -> keras.Model:
    """Build the network of a preset or of regions by name."""
    sizes = {input_name(name): tuple(shape) for name, shape in terms.shapes.items()}
    try:
        graph = _graph(config)
        interface = atlasnet.hand_interface(
            graph,
            sizes={**sizes, "policy": terms.policy_size},
            inputs={input_name(name): areas for name, areas in config.inputs.items()},
            action=config.action or None,
            without=[input_name(name) for name in config.without],
            preset=config.preset or "fpn",
        )
        _require_offered(interface, terms.shapes)
        spec = atlasnet.plan_network(
            graph,
            interface,
            rule=config.units,
            control_step_s=terms.control_step_s,
            name="regions" if config.regions else config.preset or "fpn",
            options=config.plan,
            visual=config.visual,
        )
        spec = _with_components(config, spec, terms.shapes)
    except atlasnet.AtlasNetError as error:
        raise ConfigError(
            f"network: {error} In a run's config the keys are network.inputs.NAME, "
            "network.action and network.without, each a list; rules of the graph are "
            "network.rules.NAME, options of areas and pathways network.plan.NAME, "
            "those of visual areas network.visual.NAME."
        ) from error
    if terms.directory is not None:
        graph.save(terms.directory / "graph.json")
        spec.save(terms.directory / "network.json")
    return atlasnet.build_model(spec, seed=terms.seed)


def _require_offered(
    interface: atlasnet.Interface, shapes: Mapping[str, Sequence[int]]
) -> None:
    """Refuse a network that is to sense what the task does not offer."""
    missing = [
        entry for entry in interface.inputs if sensation_of(entry.name) not in shapes
    ]
    if missing:
        told = ", ".join(f"'{x.name}' enters {', '.join(x.areas)}" for x in missing)
        names = ",".join(x.name for x in missing)
        verb = "the sensation" if len(missing) == 1 else "the sensations"
        raise ConfigError(
            f"network: {verb} {told}, but the task does not offer "
            f"{'it' if len(missing) == 1 else 'them'}."
            f"{closest(missing[0].name, shapes)} Offered: {', '.join(shapes)}. Leave "
            f"{'it' if len(missing) == 1 else 'them'} out: network.without=[{names}]."
        )


def _with_components(
    config: NetworkConfig,
    spec: atlasnet.NetworkSpec,
    shapes: Mapping[str, Sequence[int]],
) -> atlasnet.NetworkSpec:
    """Make room for streams, and give areas what they have in other networks."""
    for sensation, stream in config.streams.items():
        if stream.replaces:
            spec = atlasnet.replace_areas(
                spec,
                stream.replaces,
                input_name(sensation),
                math.prod(shapes[sensation]),
            )
    for component in config.pretrained:
        if component.replace:
            other = atlasnet.spec_of(_loaded(component.path, "network.pretrained"))
            if other is None:
                raise ConfigError(
                    f"network.pretrained: '{component.path}' has no areas that others "
                    "could be replaced by."
                )
            known = {area.name for area in spec.areas}
            named = [part for part in component.parts if part in known]
            spec = atlasnet.adopt_areas(spec, other, named)
    return spec


def _graph(config: NetworkConfig) -> atlasnet.RegionGraph:
    """Return the region graph of a preset or of regions by name."""
    source = atlasnet.SnapshotSource()
    if config.regions:
        return atlasnet.build_graph(
            source,
            config.regions,
            hemisphere=config.hemisphere,
            rules=config.rules,
        )
    return atlasnet.preset_graph(
        source,
        config.preset or "fpn",
        hemisphere=config.hemisphere,
        blind=config.is_blind,
        rules=config.rules,
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


def _streams(config: NetworkConfig) -> dict[str, keras.Model]:
    """Load the models that stand before sensations, cut where they are read."""
    streams = {}
    for sensation, wanted in config.streams.items():
        key = f"network.streams.{sensation}"
        model = _loaded(wanted.path, key)
        names = [layer.name for layer in model.layers]
        layer = wanted.layer or (_FEATURES if _FEATURES in names else None)
        if layer is not None and layer not in names:
            raise ConfigError(
                f"{key}.layer: '{wanted.path}' has no layer '{layer}'."
                f"{closest(layer, names)} Layers: {', '.join(names)}."
            )
        if layer is not None:
            model = keras.Model(model.inputs, model.get_layer(layer).output)
        elif not hasattr(model.output, "shape"):
            raise ConfigError(
                f"{key}.layer: '{wanted.path}' has several outputs; name the layer "
                f"that is to be read. Layers: {', '.join(names)}."
            )
        streams[sensation] = model
    return streams


def _read_shapes(
    shapes: Mapping[str, Sequence[int]], streams: Mapping[str, keras.Model]
) -> dict[str, Sequence[int]]:
    """Return the shapes that the network reads: features instead of sensations."""
    read = dict(shapes)
    for sensation, stream in streams.items():
        if sensation not in shapes:
            raise ConfigError(
                f"network.streams: the task has no sensation '{sensation}'."
                f"{closest(sensation, shapes)} Sensations: {', '.join(shapes)}."
            )
        seen, given = tuple(stream.inputs[0].shape[1:]), tuple(shapes[sensation])
        if seen != given:
            raise ConfigError(
                f"network.streams.{sensation}: the model reads {seen}, the task's "
                f"sensation is {given}."
            )
        read[sensation] = (math.prod(stream.output.shape[1:]),)
    return read


def _take_over(
    model: keras.Model, components: Sequence[ComponentConfig], directory: Path | None
) -> None:
    """Take over weights of other networks, and note what was taken."""
    notes = []
    for component in components:
        other = _loaded(component.path, "network.pretrained")
        with said_of(f"network.pretrained, '{component.path}'"):
            found = atlasnet.take_weights(model, other, component.parts)
        notes.append({"path": str(component.path), **asdict(found)})

    if notes and directory is not None:
        write_text(directory / "pretrained.json", json.dumps(notes, indent=1))
