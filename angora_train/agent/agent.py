# SPDX-License-Identifier: Apache-2.0
"""Agent: a model, its action distribution and its normalisation of sensations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

import atlasnet
from angora_train.agent.distributions import Distribution
from angora_train.agent.inputs import input_name, sensation_of
from angora_train.agent.normalization import Normalizer, Sensations, make_normalizer
from angora_train.agent.recurrence import explicit_state, require_no_recurrence
from angora_train.config.run import NormalizationConfig
from angora_train.engine import Engine
from angora_train.errors import ConfigError, closest

__all__ = [
    "NOISE",
    "Agent",
    "State",
    "Step",
    "check_model",
    "given_to",
    "without_frozen_streams",
]

Flags = NDArray[np.bool_]
Floats = NDArray[np.float32]

State = dict[str, Floats]
"""Recurrent state by name, each of shape (B, ...)."""

NOISE = "noise"
"""Name of a model's input that is no sensation: uniform random numbers, which its
noise follows from. They are kept with the sensations and used again in learning."""

_GIVEN = "given/"
"""Begins the names of what a compiled function hands to the model: nothing else that
it reads has such a name."""

_BRIGHTEST = 255.0
"""Of pixels, which are bytes; the model reads them between 0 and 1."""


@dataclass(frozen=True)
class Step:
    """What the agent did in one control step of B worlds.

    Attributes
    ----------
    sample : ndarray of float32, shape (B, n_dimensions)
        What the distribution drew, e.g. bin indices.
    action : ndarray of float32, shape (B, n_dimensions)
        What the body receives, within [-1, 1].
    log_prob : ndarray of float32, shape (B,)
        Log-probability of the sample.
    value : ndarray of float32, shape (B,)
        Estimate of the return from here, in units of normalised reward.
    state : dict of str to ndarray
        Recurrent state after the step.
    activity : dict of str to ndarray of float32
        Activity of the probed layers, each of shape (B, n_units).
    """

    sample: NDArray[np.float32]
    action: NDArray[np.float32]
    log_prob: NDArray[np.float32]
    value: NDArray[np.float32]
    state: State
    activity: dict[str, NDArray[np.float32]]


class Agent:
    """A model, its action distribution and its normalisation of sensations.

    Parameters
    ----------
    model : keras.Model
        A functional model whose inputs are named like sensations (see
        `angora_train.agent.inputs.input_name`), each of shape (B, T, size) or, for
        pixels, (B, T, H, W, C), and whose outputs are ``policy``,
        shape (B, T, n_parameters), and ``value``, shape (B, T, 1).
    distribution : Distribution
        Family of the policy.
    normalizer : Normalizer
        Normalisation of what the model reads, but for pixels.
    engine : Engine
        Compiles the policy step.
    probes : mapping of str to str, optional
        Layers whose output is to be read at every step, by the name under which
        :attr:`Step.activity` shows it.
    """

    def __init__(
        self,
        model: keras.Model,
        distribution: Distribution,
        normalizer: Normalizer,
        engine: Engine,
        probes: Mapping[str, str] | None = None,
    ) -> None:
        self.model = model
        self.distribution = distribution
        self.normalizer = normalizer
        self.engine = engine
        core, streams = without_frozen_streams(model, probes)
        self.stateful = explicit_state(_probed(core, probes or {}))
        self._streams = {
            name: engine.compile(partial(self._features, stream), stream.variables)
            for name, stream in streams.items()
        }
        self.probes = dict(probes or {})
        self._act = engine.compile(self._policy_step, self.stateful.model.variables)

    @classmethod
    def of(
        cls,
        model: keras.Model,
        distribution: Distribution,
        normalization: NormalizationConfig,
        engine: Engine,
        *,
        moments: Mapping[str, NDArray[np.float64]] | None = None,
        probes: Mapping[str, str] | None = None,
    ) -> Self:
        """Make an agent with the normalisation that a config asks for.

        Parameters
        ----------
        model, distribution, engine, probes
            As of the class.
        normalization : NormalizationConfig
            What is normalised, and how.
        moments : mapping of str to ndarray of float64, optional
            A checkpoint's; by default the agent has sensed nothing yet.

        Returns
        -------
        Agent
            Ready to act.
        """
        sizes = {
            sensation_of(tensor.name): int(tensor.shape[-1])
            for tensor in model.inputs
            if len(tensor.shape) == 3 and tensor.name != NOISE  # the others are pixels
        }
        normalizer = make_normalizer(
            normalization.sensations, sizes, normalization.sensation_clip
        )
        if moments is not None:
            normalizer.restore(moments)
        return cls(model, distribution, normalizer, engine, probes)

    def probing(self, probes: Mapping[str, str]) -> Self:
        """Return the same agent with other layers to read; see the class."""
        return type(self)(
            self.model, self.distribution, self.normalizer, self.engine, probes
        )

    @property
    def inputs(self) -> dict[str, str]:
        """Names of the model's inputs that a task gives, by the sensation."""
        names = (t.name for t in self.model.inputs if t.name != NOISE)
        return {sensation_of(name): name for name in names}

    @property
    def sensations(self) -> tuple[str, ...]:
        """Names of the sensations that the model reads."""
        return tuple(self.inputs)

    @property
    def n_noise(self) -> int:
        """Random numbers a step that the model's noise follows from."""
        widths = [t.shape[-1] for t in self.model.inputs if t.name == NOISE]
        return int(widths[0]) if widths else 0

    @property
    def n_uniforms(self) -> int:
        """Random numbers a step: the distribution's, then those of noise."""
        return self.distribution.n_uniforms + self.n_noise

    def noise(self, uniforms: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return the part of a step's random numbers that the model itself reads.

        Parameters
        ----------
        uniforms : ndarray of float32, shape (B, n_uniforms)
            The step's random numbers.

        Returns
        -------
        dict of str to ndarray of float32
            :data:`NOISE`, shape (B, n_noise), if the model has such an input.
        """
        if not self.n_noise:
            return {}
        return {NOISE: uniforms[:, self.distribution.n_uniforms :]}

    def normalize(
        self, observation: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """Return what the model reads of an observation as the task gives it.

        Parameters
        ----------
        observation : mapping of str to ndarray, shape (B, ...)
            Sensations.

        Returns
        -------
        dict of str to ndarray, shape (B, ...)
            Normalised sensations by the names of the model's inputs; pixels stay bytes
            until they are computed with. What a frozen stream alone sees is replaced by
            its features: they are computed once, here, and not in every pass of
            learning.
        """
        read = self.normalizer.normalize(observation)
        given = {
            name: observation[sensation]
            if observation[sensation].dtype == np.uint8
            else read[sensation]
            for sensation, name in self.inputs.items()
        }
        for name, stream in self._streams.items():
            given[name] = stream({name: given[name]})["features"]
        return given

    def _features(
        self, stream: keras.layers.Layer, inputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return what a frozen stream makes of one sensation: compiled."""
        (seen,) = self.as_floats(inputs).values()
        return {"features": stream(seen[:, None])[:, 0]}

    @staticmethod
    def as_floats(inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Turn pixels, tensors of bytes, into numbers between 0 and 1: compiled."""
        return {
            name: ops.cast(x, "float32") / _BRIGHTEST
            if keras.backend.standardize_dtype(x.dtype) == "uint8"
            else x
            for name, x in inputs.items()
        }

    def run(self, arrays: Mapping[str, Any], *, training: bool) -> dict[str, Any]:
        """Run the model on what of some tensors is for it: compiled.

        Parameters
        ----------
        arrays : mapping of str to tensor
            What `given_to` names, and whatever else.
        training : bool
            Whether layers behave as in learning.

        Returns
        -------
        dict of str to tensor
            The model's outputs and the states after the last step.
        """
        given = {
            name.removeprefix(_GIVEN): x
            for name, x in arrays.items()
            if name.startswith(_GIVEN)
        }
        outputs: dict[str, Any] = self.stateful.model(
            self.as_floats(given), training=training
        )
        return outputs

    def initial_state(self, n_worlds: int) -> State:
        """Return the recurrent state before an episode: zeros."""
        return self.stateful.initial_state(n_worlds)

    def act(
        self, observation: Sensations, state: State, is_first: Flags, uniforms: Floats
    ) -> Step:
        """Take one control step in every world.

        Parameters
        ----------
        observation : mapping of str to ndarray, shape (B, ...)
            Normalised sensations by input; see :meth:`normalize`.
        state : dict of str to ndarray of float32
            Recurrent state after the step before.
        is_first : ndarray of bool, shape (B,)
            True where an episode begins: the state is reset there.
        uniforms : ndarray of float32, shape (B, n_uniforms)
            Uniform random numbers in [0, 1) that decide the sample and the noise;
            a model's noise is off where its numbers are 0.

        Returns
        -------
        Step
            Sample, action, value and the new state.
        """
        inputs = {name: observation[name][:, None] for name in self.inputs.values()}
        inputs[self.stateful.is_first] = is_first[:, None].astype(np.float32)
        for name, numbers in self.noise(uniforms).items():
            inputs[name] = numbers[:, None]
        drawn = uniforms[:, : self.distribution.n_uniforms]
        out = self._act({**given_to({**inputs, **state}), "uniforms": drawn})
        return Step(
            sample=out["sample"],
            action=out["action"],
            log_prob=out["log_prob"],
            value=out["value"],
            state={name: out[f"state/{name}"] for name in self.stateful.state_shapes},
            activity={name: out[f"activity/{name}"] for name in self.probes},
        )

    def _policy_step(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Run the model for one step and draw from its policy: compiled."""
        outputs = self.run(inputs, training=False)
        parameters = outputs["policy"][:, 0]
        sample = self.distribution.sample(parameters, inputs["uniforms"])
        return {
            "sample": sample,
            "action": self.distribution.action(sample),
            "log_prob": self.distribution.log_prob(parameters, sample),
            "value": outputs["value"][:, 0, 0],
            **{f"state/{name}": outputs[name] for name in self.stateful.state_shapes},
            **{
                f"activity/{name}": ops.squeeze(outputs[f"activity_{name}"], axis=1)
                for name in self.probes
            },
        }


def given_to(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Name what a compiled function is to hand to the model; see :meth:`Agent.run`.

    Examples
    --------
    >>> given_to({"value": 1.0})
    {'given/value': 1.0}
    """
    return {f"{_GIVEN}{name}": x for name, x in inputs.items()}


def without_frozen_streams(
    model: keras.Model, probes: Mapping[str, str] | None = None
) -> tuple[keras.Model, dict[str, keras.layers.Layer]]:
    """Take off a model what stands frozen before its inputs, unless it is to be read.

    Parameters
    ----------
    model : keras.Model
        The model.
    probes : mapping of str to str, optional
        Layers that are to be read.

    Returns
    -------
    rest : keras.Model
        What is learned, and reads features instead of what the streams see.
    streams : dict of str to keras.layers.Layer
        The streams by their sensation, each from shape (B, T, ...) to (B, T, F).

    Raises
    ------
    ConfigError
        If a stream holds a recurrent layer.
    """
    rest, streams = atlasnet.split_frozen_streams(model)
    for stream in streams.values():
        require_no_recurrence(stream)
    kept = {layer.name for layer in rest.layers}
    read = set((probes or {}).values())
    return (rest, streams) if read <= kept else (model, {})


def _probed(model: keras.Model, probes: Mapping[str, str]) -> keras.Model:
    """Return the model with the outputs of some of its layers added."""
    if not probes:
        return model
    outputs = {
        f"activity_{name}": _output_of(model, layer) for name, layer in probes.items()
    }
    inputs = {tensor.name: tensor for tensor in model.inputs}
    return keras.Model(inputs, {**model.output, **outputs})


def _output_of(model: keras.Model, layer: str) -> Any:
    """Return what a layer returns in this model: it may be part of others, too."""
    nodes = [node for row in model._nodes_by_depth.values() for node in row]
    for node in nodes:
        if node.operation.name == layer:
            return node.outputs[0]
    known = [one.name for one in model.layers]
    raise ConfigError(
        f"The model has no layer '{layer}' to be read.{closest(layer, known)} Layers: "
        f"{', '.join(known)}."
    )


def check_model(
    model: keras.Model, shapes: Mapping[str, Sequence[int]], distribution: Distribution
) -> None:
    """Check that a model fits a task's sensations and a policy.

    Parameters
    ----------
    model : keras.Model
        The model.
    shapes : mapping of str to sequence of int
        Shape of each sensation of the task: (size,), or (H, W, C) for pixels.
    distribution : Distribution
        Family of the policy.

    Raises
    ------
    ConfigError
        If an input is no sensation, or an input or a head has the wrong shape.
    """
    _require_float32(model)
    for tensor in model.inputs:
        if tensor.name == NOISE:
            _refuse_ambiguity(model, shapes)
            continue
        sensation = sensation_of(tensor.name)
        if sensation not in shapes:
            named = [
                name if name == input_name(name) else f"{name} as '{input_name(name)}'"
                for name in shapes
            ]
            raise ConfigError(
                f"The model's input '{tensor.name}' is no sensation of the task."
                f"{closest(tensor.name, shapes)} Sensations: {', '.join(named)}."
            )
        expected, got = tuple(shapes[sensation]), tuple(tensor.shape[2:])
        if got != expected:
            raise ConfigError(
                f"The model's input '{tensor.name}' is {_size(got)} a step, the "
                f"task's sensation is {_size(expected)}. An input has the shape "
                f"(steps, {', '.join(map(str, expected))})."
            )
    heads = model.output
    if not isinstance(heads, dict) or not {"policy", "value"} <= set(heads):
        found = f"a dict of {', '.join(heads)}" if isinstance(heads, dict) else "none"
        raise ConfigError(
            f"The model must return a dict with 'policy' and 'value', got {found}. For "
            "a value, add a head as keras.layers.Dense(1), outputs={'policy': ..., "
            "'value': ...}."
        )
    for name, width in (("policy", distribution.n_parameters), ("value", 1)):
        if heads[name].shape[-1] != width:
            raise ConfigError(
                f"The model's {name} head is {heads[name].shape[-1]} wide; it must be "
                f"{width} wide for a {type(distribution).__name__} policy of "
                f"{distribution.n_dimensions} actuators."
            )


def _require_float32(model: keras.Model) -> None:
    """Refuse a model that computes in less than float32."""
    for layer in model._flatten_layers():
        kind = getattr(layer, "compute_dtype", "float32")
        is_input = isinstance(layer, keras.layers.InputLayer)
        if not is_input and kind not in ("float32", None):
            raise ConfigError(
                f"The layer '{layer.name}' computes in {kind} (its dtype policy is "
                f"'{layer.dtype_policy.name}'); the trainer computes in float32. Make "
                "the model with keras.config.set_dtype_policy('float32'), which is "
                "Keras' default."
            )


def _refuse_ambiguity(model: keras.Model, shapes: Mapping[str, Sequence[int]]) -> None:
    """Refuse an input of noise that might be meant to read a sensation."""
    spelt = input_name(NOISE)
    if NOISE in shapes and spelt not in {tensor.name for tensor in model.inputs}:
        raise ConfigError(
            f"The model's input '{NOISE}' gets random numbers, but the task has a "
            f"sensation of that name. Call an input that reads it '{spelt}'."
        )


def _size(shape: tuple[int, ...]) -> str:
    """Return a shape in words."""
    return f"{shape[0]} wide" if len(shape) == 1 else " x ".join(map(str, shape))
