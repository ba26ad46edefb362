# SPDX-License-Identifier: Apache-2.0
"""Steps: whether a network does the same in a sequence as step by step.

It acts one step at a time and learns from sequences, and the recurrent state is all
that is carried from one to the next. What reaches over time in another way, such as a
convolution or attention, acts as one network and learns as another.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import keras
import numpy as np
from keras import ops

from angora_train.agent.recurrence import StatefulModel, explicit_state
from angora_train.errors import ConfigError

__all__ = ["require_same_by_step"]

_TOLERANCE = 1e-4
"""Largest difference, as a share of how far the numbers that are compared spread."""
_ROUNDING = 16 * float(np.finfo(np.float32).eps)
"""Largest difference by rounding, as a share of the largest number."""
_JITTER = 1e-6
"""Relative change of the inputs that shows how a network enlarges what is small."""
_ENLARGED = 100.0
"""Factor of the change that follows, up to which a difference may be rounding."""
_NOISE = 0.05
"""Least standard deviation of what is added to weights."""
_ROWS = 2

Tensors = dict[str, Any]


def require_same_by_step(model: keras.Model, n_steps: int) -> None:
    """Refuse a network that makes of a sequence what it does not make of its steps.

    It is tried out twice: as it is, and with other weights of an ordinary size, since
    weights that are zero at the start, as of a head or a residual branch, hide what
    they will show once they are learned. The weights are as they were afterwards.

    Parameters
    ----------
    model : keras.Model
        The network, as the trainer takes it.
    n_steps : int
        Steps of the sequence: those that the network learns from at once.

    Raises
    ------
    ConfigError
        If the outputs differ by more than 1e-4 of their spread over time, naming the
        first layer whose do; or if the network cannot be run on one step, or on
        several.
    """
    for weights in (nullcontext(), _ordinary_weights(model)):
        with weights:
            _require_same(model, n_steps)


def _require_same(model: keras.Model, n_steps: int) -> None:
    """Refuse a network that does otherwise by steps with the weights it has."""
    stateful = explicit_state(model)
    given = _given(stateful, n_steps)
    try:
        whole = _whole(stateful, given, training=True)
        steps = _by_step(stateful, given)
    except ValueError as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(
            f"The network cannot be run on one step and on {n_steps}, as it must: "
            f"{reason}"
        ) from error
    if _same(whole, steps, {}):
        return
    unsure = _unsure(stateful, given, steps)
    if _same(whole, steps, unsure):
        return
    acted = _whole(stateful, given, training=False)
    is_of_training = _same(acted, steps, unsure)
    culprit = _culprit(model, n_steps, is_of_training=is_of_training)
    if is_of_training:
        raise ConfigError(
            f"The network acts otherwise than it learns: {culprit} changes its output "
            "in training, as dropout, batch normalisation and noise do. The actions "
            "that it learns from are then not those it would choose. Take it out."
        )
    raise ConfigError(
        "The network makes of a sequence what it does not make of its steps: "
        f"{culprit} reaches over time in another way than by a recurrent state, which "
        "is all that is carried from step to step. Let a recurrent layer (LSTM, GRU, "
        "RNN) take its place."
    )


@contextmanager
def _ordinary_weights(model: keras.Model) -> Iterator[None]:
    """Give what is learned weights of an ordinary size, none of them zero, for a time.

    They lie near the old ones, but in [-1, 1], biases in [-0.1, 0.1]: a bias of 1e5
    hides what it is added to, and one of -1 may silence units.
    """
    rng = np.random.default_rng(0)
    before = [(w, ops.convert_to_numpy(w)) for w in model.trainable_variables]
    try:
        for variable, x in before:
            largest = 1.0 if x.ndim > 1 else 0.1
            kept = np.clip(x, -largest, largest)
            scale = max(_NOISE, 0.1 * float(kept.std()))
            other = kept + scale * rng.normal(size=x.shape)
            constraint = getattr(variable, "constraint", None)
            variable.assign(other if constraint is None else constraint(other))
        yield
    finally:
        for variable, x in before:
            variable.assign(x)


def _given(stateful: StatefulModel, n_steps: int) -> Tensors:
    """Return inputs of all steps by chance; in the middle an episode begins."""
    rng = np.random.default_rng(0)
    given = {}
    for tensor in stateful.model.inputs:
        if tensor.name in stateful.state_shapes:
            continue
        shape = (_ROWS, n_steps, *tensor.shape[2:])
        is_signed = len(shape) == 3 and tensor.name != "noise"
        x = rng.normal(size=shape) if is_signed else rng.random(shape)
        given[tensor.name] = x.astype(np.float32)
    flags = np.zeros((_ROWS, n_steps), np.float32)
    flags[:, 0] = flags[-1, n_steps // 2] = 1.0
    return {**given, stateful.is_first: flags}


def _whole(stateful: StatefulModel, given: Tensors, *, training: bool) -> Tensors:
    """Return what the network makes of the sequence."""
    state = stateful.initial_state(_ROWS)
    return _arrays(stateful.model({**given, **state}, training=training))


def _by_step(stateful: StatefulModel, given: Tensors) -> Tensors:
    """Return what the network makes of step after step."""
    state: Tensors = dict(stateful.initial_state(_ROWS))
    rows = []
    for t in range(given[stateful.is_first].shape[1]):
        step = {name: x[:, t : t + 1] for name, x in given.items()}
        out = _arrays(stateful.model({**step, **state}, training=False))
        state = {name: out.pop(name) for name in state}
        rows.append(out)
    return {name: np.concatenate([row[name] for row in rows], 1) for name in rows[0]}


def _arrays(tensors: Mapping[str, Any]) -> Tensors:
    """Return tensors as arrays."""
    return {name: ops.convert_to_numpy(x) for name, x in tensors.items()}


def _unsure(stateful: StatefulModel, given: Tensors, steps: Tensors) -> Tensors:
    """Return how unsure each output is at each step, for what is small grows.

    Parameters
    ----------
    stateful : StatefulModel
        The network.
    given, steps : dict of str to ndarray, shape (B, T, ...)
        What it is given, and what it makes of it step by step.

    Returns
    -------
    dict of str to ndarray, shape (T,)
        By output. Where a network is chaotic, rounding decides what it does later: it
        is no surer at a step than at those before.
    """
    near = {
        name: x if name == stateful.is_first else x * np.float32(1.0 + _JITTER)
        for name, x in given.items()
    }
    other = _by_step(stateful, near)
    apart = {name: _largest_by_step(other[name] - x) for name, x in steps.items()}
    return {name: _ENLARGED * np.maximum.accumulate(x) for name, x in apart.items()}


def _same(whole: Tensors, steps: Tensors, unsure: Tensors) -> bool:
    """Whether the outputs of all steps agree."""
    return all(_near(whole[name], steps[name], unsure.get(name)) for name in steps)


def _near(one: Any, other: Any, unsure: Any = None) -> bool:
    """Whether two arrays, shape (B, T, ...), agree to the tolerance."""
    if one.shape != other.shape:
        return False
    if not one.size:
        return True
    # What does not change over time, as a bias, says nothing about how much is much.
    spread = float(np.ptp(one, axis=(0, 1)).max())
    allowed = _TOLERANCE * spread + _ROUNDING * float(np.abs(one).max()) + 1e-30
    extra = 0.0 if unsure is None else unsure
    return bool((_largest_by_step(one - other) <= allowed + extra).all())


def _largest_by_step(x: Any) -> Any:
    """Return the largest magnitude at each step, shape (T,), of (B, T, ...)."""
    return np.abs(x).max(axis=(0, *range(2, x.ndim)), initial=0.0)


def _culprit(model: keras.Model, n_steps: int, *, is_of_training: bool) -> str:
    """Name the first layer whose output differs, layers inside of others included."""
    stateful = explicit_state(model, is_opened=True)
    nodes = stateful.model._nodes_by_depth
    found = [
        (node.operation, node.outputs[0])
        for depth in sorted(nodes, reverse=True)
        for node in nodes[depth]
        if not isinstance(node.operation, keras.layers.InputLayer)
        and len(node.outputs[0].shape) > 2
    ]
    inputs = {tensor.name: tensor for tensor in stateful.model.inputs}
    outputs = {str(i): x for i, (_, x) in enumerate(found)}
    probe = keras.Model(inputs, {**outputs, **_states(stateful)})
    probed = StatefulModel(probe, stateful.state_shapes, stateful.is_first)
    given = _given(probed, n_steps)
    whole = _whole(probed, given, training=is_of_training)
    steps = _by_step(probed, given)
    for name, (layer, _) in zip(outputs, found, strict=True):
        if not _near(whole[name], steps[name]):
            own = getattr(layer, "original", layer)
            return f"the layer '{own.name}' ({type(own).__name__})"
    return "one of its layers"


def _states(stateful: StatefulModel) -> Tensors:
    """Return the states after the last step, as tensors of the model."""
    return {name: stateful.model.output[name] for name in stateful.state_shapes}
