# SPDX-License-Identifier: Apache-2.0
"""The TensorFlow engine: `tf.function` without XLA, which loses on CPU."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from angora_train.engine.packing import Layout
from angora_train.engine.protocol import (
    Arrays,
    Follow,
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
        outputs: dict[Layout, Layout] = {}

        def packed(layout: Layout, tensors: Mapping[str, Any]) -> Any:
            joined, outputs[layout] = Layout.join(function(tensors))
            return joined

        compiled = _Compiled(packed)

        def run(arrays: Arrays) -> dict[str, NDArray[Any]]:
            layout, result = compiled(arrays)
            return outputs[layout].separate(result)

        return run

    def gradient(
        self, loss: LossFunction, variables: Sequence[Any], read: Sequence[Any] = ()
    ) -> Gradient:
        """Compile the gradient of a loss with respect to Keras variables."""
        weights = [variable.value for variable in variables]
        names: list[str] = []

        def packed(layout: Layout, tensors: Mapping[str, Any]) -> Any:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(weights)
                total, metrics = loss(tensors)
            gradients = tape.gradient(
                total, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
            logged = {**metrics, "loss": total}
            names[:] = logged
            parts = [tf.reshape(g, [-1]) for g in gradients]
            return tf.concat([*parts, tf.stack(list(logged.values()))], axis=0)

        compiled = _Compiled(packed)

        def run(arrays: Arrays) -> tuple[NDArray[np.float32], dict[str, float]]:
            _, result = compiled(arrays)
            flat, metrics = np.split(result, [-len(names)])
            return flat, dict(zip(names, metrics.tolist(), strict=True))

        return run

    def follow(self, targets: Sequence[Any], sources: Sequence[Any]) -> Follow:
        """Compile a step of some Keras variables towards others of their shapes."""

        def step(share: Any) -> None:
            for target, source in zip(targets, sources, strict=True):
                target.assign_add(share * (source.value - target.value))

        compiled = tf.function(step, autograph=False)

        def run(share: float) -> None:
            compiled(tf.constant(share, tf.float32))

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


class _Compiled:
    """A function of packed arrays, compiled for each layout of them.

    Calling a `tf.function` costs hundreds of microseconds for the types of its
    arguments alone, more than a step of a small network. The layout tells the types
    already, so the compiled function is called without that detour.
    """

    def __init__(self, function: Callable[[Layout, Mapping[str, Any]], Any]) -> None:
        self._function = function
        self._compiled: dict[Layout, Callable[..., Any]] = {}

    def __call__(self, arrays: Arrays) -> tuple[Layout, NDArray[Any]]:
        """Return the layout of the arrays, and what the function makes of them."""
        layout = Layout.of(arrays)
        if layout not in self._compiled:
            self._compiled[layout] = self._compile(layout)
        apart = [tf.constant(arrays[name]) for name, _, _ in layout.apart]
        row = tf.constant(layout.pack(arrays))
        return layout, self._compiled[layout](row, *apart).numpy()

    def _compile(self, layout: Layout) -> Callable[..., Any]:
        """Compile the function for one layout."""

        def unpacked(row: Any, *apart: Any) -> Any:
            names = [name for name, _, _ in layout.apart]
            given = dict(zip(names, apart, strict=True))
            return self._function(layout, {**layout.unpack(row), **given})

        row = tf.TensorSpec((layout.n_rows, layout.width), tf.float32)
        apart = [tf.TensorSpec(shape, kind) for _, shape, kind in layout.apart]
        concrete = tf.function(unpacked, autograph=False).get_concrete_function(
            row, *apart
        )
        direct = getattr(concrete, "_call_flat", None)
        if direct is None:  # not a public name
            return concrete  # type: ignore[no-any-return]
        captured = concrete.captured_inputs
        return lambda *tensors: direct(list(tensors), captured)


def make(n_threads: int) -> TensorFlowEngine:
    """Return the engine, with as many threads as a rank owns.

    The number can be set only before TensorFlow runs its first operation; later the
    setting stays as it is.
    """
    with suppress(RuntimeError):  # TensorFlow has run already
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)
        tf.config.threading.set_inter_op_parallelism_threads(n_threads)
    return TensorFlowEngine()
