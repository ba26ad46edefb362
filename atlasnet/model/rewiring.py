# SPDX-License-Identifier: Apache-2.0
"""Rewiring: a model's graph with something else before it, and the same weights."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from atlasnet.errors import ComponentError, closest
from atlasnet.layers import AreaCell, Stream
from atlasnet.signature import checked

__all__ = ["area_cell", "connect_stream", "rewire", "split_frozen_streams"]

_AREAS = "areas"
"""Name of the layer that computes all areas."""


@checked(ComponentError)
def connect_stream(
    model: keras.Model, sensation: str, stream: keras.Model, name: str | None = None
) -> keras.Model:
    """Put a Keras model before one of a model's inputs.

    Parameters
    ----------
    model : keras.Model
        A functional model over sequences, with an input of shape (B, T, F).
    sensation : str
        That input; the new model's input of the same name is what `stream` sees.
    stream : keras.Model
        From one sensation, such as a picture, to F numbers in all.
    name : str, optional
        Name of the new layer, by which it can be frozen; ``<sensation>_stream`` by
        default.

    Returns
    -------
    keras.Model
        A model that shares all layers with `model` and holds `stream` in one more.

    Raises
    ------
    ComponentError
        If there is no such input, or the stream returns another number of features.
    """
    inputs = {tensor.name: tensor for tensor in model.inputs}
    if sensation not in inputs:
        raise ComponentError(
            f"The model has no input '{sensation}'.{closest(sensation, inputs)} "
            f"Inputs: {', '.join(inputs)}."
        )
    if len(getattr(stream, "inputs", None) or ()) != 1 or not hasattr(
        stream.output, "shape"
    ):
        raise ComponentError(
            f"The stream for '{sensation}' must have one input and one output. Cut "
            "it: keras.Model(stream.input, stream.get_layer(NAME).output)."
        )
    layer = Stream(stream, name=name or f"{sensation}_stream")
    wanted = inputs[sensation].shape[-1]
    if layer.n_features != wanted:
        raise ComponentError(
            f"The stream returns {layer.n_features} features, the model's input "
            f"'{sensation}' takes {wanted}."
        )
    seen = keras.Input((None, *stream.inputs[0].shape[1:]), name=sensation)
    given = {
        key: seen if key == sensation else keras.Input(x.shape[1:], name=key)
        for key, x in inputs.items()
    }
    fed = [layer(seen) if key == sensation else given[key] for key in inputs]
    return keras.Model(given, rewire(model, fed), name=model.name)


def split_frozen_streams(
    model: keras.Model,
) -> tuple[keras.Model, dict[str, Stream]]:
    """Take streams that are not trained off a model's inputs.

    What a frozen stream makes of a sensation never changes, so that it need not be
    computed again each time the sensation is learned from.

    Parameters
    ----------
    model : keras.Model
        A functional model over sequences.

    Returns
    -------
    rest : keras.Model
        The model, with inputs of features, shape (B, T, F), in place of the sensations
        that frozen streams alone see; `model` itself if there is none.
    streams : dict of str to Stream
        The streams by their sensation. Both share all weights with `model`.
    """
    depths = getattr(model, "_nodes_by_depth", {})  # of a functional model
    nodes = [node for row in depths.values() for node in row]
    streams: dict[str, Stream] = {}
    for tensor in model.inputs:
        readers = [
            node for node in nodes if any(x is tensor for x in node.input_tensors)
        ]
        if len(readers) != 1 or not isinstance(readers[0].operation, Stream):
            continue
        if not readers[0].operation.trainable_weights:
            streams[tensor.name] = readers[0].operation
    if not streams:
        return model, {}
    shapes = {x.name: x.shape[1:] for x in model.inputs}
    shapes |= {name: (None, stream.n_features) for name, stream in streams.items()}
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}

    def passed_on(layer: Any, *args: Any, **_: Any) -> Any:
        return args[0] if layer in streams.values() else None

    outputs = rewire(model, list(inputs.values()), passed_on)
    return keras.Model(inputs, outputs, name=model.name), streams


def rewire(
    model: keras.Model, inputs: Sequence[Any], call: Callable[..., Any] | None = None
) -> Any:
    """Run a functional model's graph on other tensors, with the same weights.

    Layers with weights are shared; of those without, the graph gets new ones of the
    same name, so that ``get_layer(area).output`` is the activity in this graph.

    Parameters
    ----------
    model : keras.Model
        The model.
    inputs : sequence of tensor
        What takes the place of its inputs, in their order.
    call : callable, optional
        Called as ``call(layer, *args, **kwargs)``; may return what a layer is to
        return, or None for what it would.

    Returns
    -------
    tensor or dict of str to tensor
        What the model would return.
    """

    def run(layer: Any, *args: Any, **kwargs: Any) -> Any:
        returned = None if call is None else call(layer, *args, **kwargs)
        if returned is not None:
            return returned
        if isinstance(layer, keras.layers.Layer) and not layer.weights:
            layer = type(layer).from_config(layer.get_config())
        return layer(*args, **kwargs)

    return model._run_through_graph(
        list(inputs), operation_fn=lambda operation: operation, call_fn=run
    )


def area_cell(model: keras.Model) -> AreaCell | None:
    """Return the cell that holds a model's areas; None for any other Keras model.

    A value head with a network of its own has another cell, which is none of them.
    """
    found = {
        layer.name: layer.cell
        for layer in model.layers
        if isinstance(getattr(layer, "cell", None), AreaCell)
    }
    return found.get(_AREAS) or next(iter(found.values()), None)
