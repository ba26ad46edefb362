# SPDX-License-Identifier: Apache-2.0
"""The TensorFlow engine: `tf.function` without XLA, which loses on CPU."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from angora_train.engine.protocol import (
    Arrays,
    Function,
    Gradient,
    LossFunction,
    Update,
)

__all__ = ["TensorFlowEngine", "make"]


class TensorFlowEngine:
    """Compiles with `tf.function`."""

    def __init__(self) -> None:
        self.n_gpus = len(tf.config.list_physical_devices("GPU"))

    def use(self, gpu: int | None) -> None:
        """Compute on one of the GPUs, or on the processor; before any model is made."""
        gpus = tf.config.list_physical_devices("GPU")
        if not gpus:
            return
        with suppress(RuntimeError):  # TensorFlow has run already
            tf.config.set_visible_devices([] if gpu is None else [gpus[gpu]], "GPU")
            if gpu is not None:  # several ranks may share it
                tf.config.experimental.set_memory_growth(gpus[gpu], True)

    def compile(
        self,
        function: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        variables: Sequence[Any],
    ) -> Function:
        """Compile a function of named tensors that reads Keras variables."""
        compiled = tf.function(function, autograph=False)

        def run(arrays: Arrays) -> dict[str, NDArray[Any]]:
            return {name: x.numpy() for name, x in compiled(dict(arrays)).items()}

        return run

    def gradient(self, loss: LossFunction, variables: Sequence[Any]) -> Gradient:
        """Compile the gradient of a loss with respect to Keras variables."""
        tensors = [variable.value for variable in variables]

        def flat_gradient(arrays: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(tensors)
                total, metrics = loss(arrays)
            gradients = tape.gradient(
                total, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
            flat = tf.concat([tf.reshape(g, [-1]) for g in gradients], axis=0)
            return flat, {**metrics, "loss": total}

        compiled = tf.function(flat_gradient, autograph=False)

        def run(arrays: Arrays) -> tuple[NDArray[np.float32], dict[str, float]]:
            flat, metrics = compiled(dict(arrays))
            return flat.numpy(), {name: float(x) for name, x in metrics.items()}

        return run

    def update(self, optimizer: Any, variables: Sequence[Any]) -> Update:
        """Compile an optimizer's step on Keras variables from a flat gradient."""
        optimizer.build(variables)
        shapes = [tuple(variable.shape) for variable in variables]
        sizes = [int(np.prod(shape)) for shape in shapes]

        def step(flat: Any, learning_rate: Any) -> None:
            optimizer.learning_rate.assign(learning_rate)
            parts = tf.split(flat, sizes)
            gradients = [
                tf.reshape(part, shape)
                for part, shape in zip(parts, shapes, strict=True)
            ]
            optimizer.apply(gradients, variables)

        compiled = tf.function(step, autograph=False)

        def run(flat: NDArray[np.float32], learning_rate: float) -> None:
            compiled(flat, np.float32(learning_rate))

        return run


def make(n_threads: int) -> TensorFlowEngine:
    """Return the engine, with as many threads as a rank owns.

    The number can be set only before TensorFlow runs its first operation; later the
    setting stays as it is.
    """
    with suppress(RuntimeError):  # TensorFlow has run already
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)
        tf.config.threading.set_inter_op_parallelism_threads(n_threads)
    return TensorFlowEngine()
