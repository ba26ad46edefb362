# SPDX-License-Identifier: Apache-2.0
"""Networks in which units excite or inhibit stay of order 1, whatever they hear."""

from itertools import pairwise

import keras
import numpy as np
import pytest
from keras import ops

import atlasnet

N_STEPS, N_WORLDS = 300, 2


def network(preset, activation, cell):
    graph = atlasnet.preset_graph(atlasnet.SnapshotSource(), preset)
    sizes = {} if preset == "fpn-visual" else {"vision": 7}
    spec = atlasnet.plan_network(
        graph,
        atlasnet.hand_interface(graph, preset=preset, sizes=sizes),
        {"total": 1024},
        options={"activation": activation, "cell": cell, "inhibitory_share": 0.2},
    )
    return spec, atlasnet.build_model(spec)


def activity(spec, model, scale, seed=0):
    """Return all units over time, shape (N_WORLDS, N_STEPS, n_units)."""
    layer = next(x for x in model.layers if getattr(x, "cell", None) is not None)
    rng = np.random.default_rng(seed)
    n_inputs = sum(entry.size for entry in spec.inputs)
    heard = scale * rng.standard_normal((N_WORLDS, N_STEPS, n_inputs))
    given = keras.Input((N_STEPS, n_inputs))
    reader = keras.layers.RNN(layer.cell, return_sequences=True)
    whole = keras.Model(given, reader(given))
    return whole.predict(heard.astype(np.float32), verbose=0)


@pytest.mark.parametrize(
    ("preset", "activation", "cell"),
    [
        ("fpn-compact", "softplus", "rate"),
        ("fpn-compact", "relu", "rnn"),
        pytest.param("fpn", "softplus", "rnn", marks=pytest.mark.slow),
        pytest.param("fpn", "relu", "rate", marks=pytest.mark.slow),
        pytest.param("fpn-visual", "softplus", "rate", marks=pytest.mark.slow),
    ],
)
def test_activity_stays_of_order_1(preset, activation, cell):
    spec, model = network(preset, activation, cell)
    silent = activity(spec, model, 0.0)
    busy = activity(spec, model, 1.0)
    for found in (silent, busy):
        assert np.isfinite(found).all()
        assert np.abs(found).max() < 20.0
    thirds = [np.abs(part).mean() for part in np.array_split(busy, 3, axis=1)]
    for earlier, later in pairwise(thirds):
        assert later == pytest.approx(earlier, rel=0.2)  # it does not drift
    assert busy.std() > 0.05  # and it is not dead


def test_activity_stays_of_order_1_after_updates():
    spec, model = network("fpn-compact", "softplus", "rate")
    optimizer = keras.optimizers.Adam(1e-3, clipnorm=0.5)
    rng = np.random.default_rng(1)
    inputs = {
        tensor.name: rng.standard_normal((8, 4, *tensor.shape[2:])).astype(np.float32)
        for tensor in model.inputs
        if len(tensor.shape) == 3
    }
    states = [t for t in model.inputs if t.name not in inputs]
    if keras.backend.backend() != "tensorflow" or not inputs:
        pytest.skip("gradients are taken with TensorFlow here")
    import tensorflow as tf

    given = {
        **inputs,
        **{t.name: np.zeros((8, *t.shape[1:]), np.float32) for t in states},
    }
    width = int(model.output["policy"].shape[-1])
    wanted = rng.standard_normal((8, 4, width)).astype(np.float32)
    for _ in range(10):
        with tf.GradientTape() as tape:
            heads = model(given)
            error = ops.mean(ops.square(heads["policy"] - wanted))
            loss = error + ops.mean(ops.square(heads["value"] - 1.0))
        weights = [v.value for v in model.trainable_variables]
        optimizer.apply(tape.gradient(loss, weights), model.trainable_variables)
    found = activity(spec, model, 1.0)
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 100.0
