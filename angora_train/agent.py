# SPDX-License-Identifier: Apache-2.0
"""Agent: a model, its action distribution and its normalisation of sensations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from angora_train.distributions import Distribution
from angora_train.engine import Engine
from angora_train.errors import ConfigError, closest
from angora_train.normalization import Normalizer
from angora_train.recurrence import IS_FIRST, explicit_state

__all__ = ["Agent", "State", "Step", "check_model"]

State = dict[str, NDArray[np.float32]]
"""Recurrent state by name, each of shape (B, size)."""


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
        A functional model whose inputs are named like sensations, each of shape
        (B, T, size), and whose outputs are ``policy``, shape (B, T, n_parameters),
        and ``value``, shape (B, T, 1).
    distribution : Distribution
        Family of the policy.
    normalizer : Normalizer
        Normalisation of what the model reads.
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
        self.stateful = explicit_state(_probed(model, probes or {}))
        self._probes = tuple(probes or ())
        self._act = engine.compile(self._policy_step, self.stateful.model.variables)

    @property
    def sensations(self) -> tuple[str, ...]:
        """Names of the model's inputs."""
        return tuple(tensor.name for tensor in self.model.inputs)

    def initial_state(self, n_worlds: int) -> State:
        """Return the recurrent state before an episode: zeros."""
        return self.stateful.initial_state(n_worlds)

    def act(
        self,
        observation: Mapping[str, NDArray[np.float32]],
        state: State,
        is_first: NDArray[np.bool_],
        uniforms: NDArray[np.float32],
    ) -> Step:
        """Take one control step in every world.

        Parameters
        ----------
        observation : mapping of str to ndarray of float32, shape (B, size)
            Normalised sensations; see :attr:`normalizer`.
        state : dict of str to ndarray of float32
            Recurrent state after the step before.
        is_first : ndarray of bool, shape (B,)
            True where an episode begins: the state is reset there.
        uniforms : ndarray of float32, shape (B, n_dimensions)
            Uniform random numbers in [0, 1) that decide the sample.

        Returns
        -------
        Step
            Sample, action, value and the new state.
        """
        inputs = {name: observation[name][:, None] for name in self.sensations}
        inputs[IS_FIRST] = is_first[:, None].astype(np.float32)
        out = self._act({**inputs, **state, "uniforms": uniforms})
        return Step(
            sample=out["sample"],
            action=out["action"],
            log_prob=out["log_prob"],
            value=out["value"],
            state={name: out[name] for name in self.stateful.state_sizes},
            activity={name: out[f"activity_{name}"] for name in self._probes},
        )

    def _policy_step(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Run the model for one step and draw from its policy: compiled."""
        given = dict(inputs)
        uniforms = given.pop("uniforms")
        outputs = self.stateful.model(given, training=False)
        parameters = outputs["policy"][:, 0]
        sample = self.distribution.sample(parameters, uniforms)
        return {
            "sample": sample,
            "action": self.distribution.action(sample),
            "log_prob": self.distribution.log_prob(parameters, sample),
            "value": outputs["value"][:, 0, 0],
            **{name: outputs[name] for name in self.stateful.state_sizes},
            **{
                f"activity_{name}": ops.squeeze(outputs[f"activity_{name}"], axis=1)
                for name in self._probes
            },
        }


def _probed(model: keras.Model, probes: Mapping[str, str]) -> keras.Model:
    """Return the model with the outputs of some of its layers added."""
    if not probes:
        return model
    outputs = {
        f"activity_{name}": model.get_layer(layer).output
        for name, layer in probes.items()
    }
    inputs = {tensor.name: tensor for tensor in model.inputs}
    return keras.Model(inputs, {**model.output, **outputs})


def check_model(
    model: keras.Model, sizes: Mapping[str, int], distribution: Distribution
) -> None:
    """Check that a model fits a task's sensations and a policy.

    Parameters
    ----------
    model : keras.Model
        The model.
    sizes : mapping of str to int
        Width of each sensation of the task.
    distribution : Distribution
        Family of the policy.

    Raises
    ------
    ConfigError
        If an input is no sensation, or an input or a head has the wrong width.
    """
    for tensor in model.inputs:
        if tensor.name not in sizes:
            raise ConfigError(
                f"The model's input '{tensor.name}' is no sensation of the task."
                f"{closest(tensor.name, sizes)} Sensations: {', '.join(sizes)}."
            )
        if tensor.shape[-1] != sizes[tensor.name]:
            raise ConfigError(
                f"The model's input '{tensor.name}' is {tensor.shape[-1]} wide, the "
                f"task's sensation is {sizes[tensor.name]} wide."
            )
    heads = model.output
    if not isinstance(heads, dict) or not {"policy", "value"} <= set(heads):
        raise ConfigError("The model must return a dict with 'policy' and 'value'.")
    width = heads["policy"].shape[-1]
    if width != distribution.n_parameters:
        raise ConfigError(
            f"The model's policy head is {width} wide; the distribution has "
            f"{distribution.n_parameters} parameters."
        )
