# SPDX-License-Identifier: Apache-2.0
"""Export: an agent as one function of a control step, for other programs.

What is exported takes sensations as they come and the recurrent state of the step
before, and returns the action and the new state: a robot's loop needs no more, and no
Python. Normalisation is inside; what only training needs is left out.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from angora_train.agent.agent import NOISE, Agent
from angora_train.agent.inputs import sensation_of
from angora_train.agent.normalization import IdentityNormalizer, SensationNormalizer
from angora_train.agent.recurrence import StatefulModel, explicit_state
from angora_train.errors import ConfigError
from atlasnet import policy_only
from atlasnet.files import write_text

__all__ = ["ACTION", "export_agent", "step_model"]

ACTION = "action"
"""Name of the output that the body receives, within [-1, 1]."""

_ABOUT = "policy.json"
Choice = Literal["expected", "most_likely"]


class _ControlStep(keras.layers.Layer):
    """One control step of an agent that does not learn and does not draw."""

    def __init__(self, agent: Agent, stateful: StatefulModel, choice: Choice) -> None:
        super().__init__(name="control_step")
        self._agent = agent
        self._model = stateful.model
        self._states = tuple(stateful.state_shapes)
        self._is_first = stateful.is_first
        self._choice = choice
        self._scales, self._clip = _scales(agent)
        self._noise = [x for x in stateful.model.inputs if x.name == NOISE]

    def build(self, *_: Any) -> None:
        """Make nothing: the model is built already."""
        self.built = True

    def call(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the action and the new state."""
        inputs = dict(given)
        for name in set(inputs).difference(self._states, [self._is_first]):
            if sensation_of(name) in self._scales:
                mean, scale = self._scales[sensation_of(name)]
                scaled = (inputs[name] - mean) * scale
                inputs[name] = ops.clip(scaled, -self._clip, self._clip)
        inputs = self._agent.as_floats(inputs)
        fed = {
            name: x if name in self._states else ops.expand_dims(x, 1)
            for name, x in inputs.items()
        }
        fed[self._is_first] = inputs[self._is_first]  # shape (B, 1): one step already
        for tensor in self._noise:  # zeros: the network's own noise is off
            silent = ops.zeros_like(inputs[self._is_first])[..., None]
            fed[NOISE] = ops.repeat(silent, tensor.shape[-1], axis=-1)
        out = self._model(fed, training=False)
        parameters, family = out["policy"][:, 0], self._agent.distribution
        if self._choice == "expected":
            action = family.mean_action(parameters)
        else:
            action = family.action(family.mode(parameters))
        return {ACTION: action, **{name: out[name] for name in self._states}}


def step_model(agent: Agent, choice: Choice = "expected") -> keras.Model:
    """Return an agent as a model of one control step with explicit state.

    Parameters
    ----------
    agent : Agent
        The agent.
    choice : {"expected", "most_likely"}
        Which action of the policy's distribution is taken.

    Returns
    -------
    keras.Model
        Takes a dict: each sensation that the policy reads as the task gives it, shape
        (B, ...), pixels as uint8; :data:`angora_train.agent.recurrence.IS_FIRST`, shape
        (B, 1), 1 where an episode begins, which forgets the state (with a dot after it
        where a sensation has that name); and each state,
        shape (B, n), zeros at first. Returns a dict of :data:`ACTION`, shape (B, A),
        and the states after the step. It shares the agent's weights.

    Raises
    ------
    ConfigError
        If the normalisation is a class of the user's own: it is no part of a model.
    """
    stateful = explicit_state(policy_only(agent.model))
    pixels = {x.name for x in stateful.model.inputs if len(x.shape) > 3}
    is_first = stateful.is_first
    inputs = {is_first: keras.Input((1,), name=is_first)}
    for tensor in stateful.model.inputs:
        if tensor.name in stateful.state_shapes:
            inputs[tensor.name] = keras.Input(tensor.shape[1:], name=tensor.name)
        elif tensor.name not in (is_first, NOISE):
            kind = "uint8" if tensor.name in pixels else "float32"
            inputs[tensor.name] = keras.Input(
                tensor.shape[2:], dtype=kind, name=tensor.name
            )
    return keras.Model(inputs, _ControlStep(agent, stateful, choice)(inputs))


def export_agent(
    agent: Agent,
    folder: Path | str,
    choice: Choice = "expected",
    origin: Mapping[str, Any] | None = None,
) -> Path:
    """Write an agent's control step as a SavedModel of TensorFlow.

    Parameters
    ----------
    agent : Agent
        The agent; see :func:`step_model` for what is written.
    folder : Path or str
        Where to. Must not exist, or be empty.
    choice : {"expected", "most_likely"}
        Which action is taken.
    origin : mapping, optional
        What is to be said of how the agent learned, plain data.

    Returns
    -------
    Path
        ``policy.json`` beside the model's files: names, shapes and types of all inputs
        and outputs, and the origin.

    Raises
    ------
    ConfigError
        If the folder is not empty, or as of :func:`step_model`.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"'{folder}' is not an empty folder. Take another.")
    model = step_model(agent, choice)
    model.export(folder, format="tf_saved_model", verbose=False)
    about = {
        "choice": choice,
        **(origin or {}),
        "inputs": {x.name: [list(x.shape[1:]), x.dtype] for x in model.inputs},
        "outputs": {name: list(x.shape[1:]) for name, x in model.output.items()},
    }
    write_text(folder / _ABOUT, json.dumps(about, indent=1))
    return folder / _ABOUT


def _scales(
    agent: Agent,
) -> tuple[dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]], float]:
    """Return mean and factor of every sensation, and where they are cut off."""
    normalizer = agent.normalizer
    if isinstance(normalizer, SensationNormalizer):
        return dict(normalizer.scales), normalizer.clip
    if isinstance(normalizer, IdentityNormalizer):
        return {}, 0.0
    raise ConfigError(
        f"The normalisation {type(normalizer).__name__} cannot be exported with the "
        "network: it is not one of ours. Export with IdentityNormalizer, and normalise "
        "before the call."
    )
