# SPDX-License-Identifier: Apache-2.0
"""The JAX engine: `jax.jit` over functions made pure by Keras' stateless scope."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# Read when JAX first looks for devices: several ranks may share a GPU.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import jax.numpy as jnp
import keras
import numpy as np
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

__all__ = ["JaxEngine", "make"]


class JaxEngine:
    """Compiles with `jax.jit`; on a GPU where JAX finds one."""

    def __init__(self) -> None:
        is_gpu = jax.default_backend() == "gpu"
        self.n_gpus = len(jax.local_devices()) if is_gpu else 0

    def use(self, gpu: int | None) -> None:
        """Compute on one of the GPUs, or on the processor; before any model is made."""
        if self.n_gpus:
            device = jax.devices("cpu")[0] if gpu is None else jax.local_devices()[gpu]
            jax.config.update("jax_default_device", device)  # type: ignore[no-untyped-call]

    def compile(
        self,
        function: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        variables: Sequence[Any],
    ) -> Function:
        """Compile a function of named tensors that reads Keras variables."""
        outputs: dict[Layout, Layout] = {}

        def pure(values: list[Any], row: Any, apart: Any, layout: Layout) -> Any:
            with _valued(variables, values):
                joined, outputs[layout] = Layout.join(
                    function({**layout.unpack(row), **apart})
                )
            return joined

        compiled = jax.jit(pure, static_argnames="layout")

        def run(arrays: Arrays) -> dict[str, NDArray[Any]]:
            layout = Layout.of(arrays)
            apart = {name: arrays[name] for name, _, _ in layout.apart}
            result = compiled(
                _values(variables), layout.pack(arrays), apart, layout=layout
            )
            return outputs[layout].separate(np.asarray(result))

        return run

    def gradient(
        self, loss: LossFunction, variables: Sequence[Any], read: Sequence[Any] = ()
    ) -> Gradient:
        """Compile the gradient of a loss with respect to Keras variables."""

        def pure(values: list[Any], others: list[Any], inputs: Any) -> Any:
            with _valued([*variables, *read], [*values, *others]):
                total, metrics = loss(inputs)
            return total, {**metrics, "loss": total}

        differentiated = jax.value_and_grad(pure, has_aux=True)

        def flat_gradient(values: list[Any], others: list[Any], inputs: Any) -> Any:
            (_, metrics), gradients = differentiated(values, others, inputs)
            return jnp.concatenate([g.reshape(-1) for g in gradients]), metrics

        compiled = jax.jit(flat_gradient)

        def run(arrays: Arrays) -> tuple[NDArray[np.float32], dict[str, float]]:
            flat, metrics = compiled(_values(variables), _values(read), dict(arrays))
            return np.asarray(flat), {name: float(x) for name, x in metrics.items()}

        return run

    def follow(self, targets: Sequence[Any], sources: Sequence[Any]) -> Follow:
        """Compile a step of some Keras variables towards others of their shapes."""

        def step(old: list[Any], wanted: list[Any], share: Any) -> list[Any]:
            pairs = zip(old, wanted, strict=True)
            return [target + share * (source - target) for target, source in pairs]

        compiled = jax.jit(step)

        def run(share: float) -> None:
            found = compiled(_values(targets), _values(sources), np.float32(share))
            for target, value in zip(targets, found, strict=True):
                target.assign(value)

        return run

    def update(self, optimizer: Any, variables: Sequence[Any]) -> Update:
        """Compile an optimizer's step on Keras variables from a flat gradient."""
        optimizer.build(variables)
        shapes = [tuple(variable.shape) for variable in variables]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1].tolist()

        def step(values: list[Any], state: list[Any], flat: Any) -> Any:
            gradients = [
                part.reshape(shape)
                for part, shape in zip(jnp.split(flat, ends), shapes, strict=True)
            ]
            return optimizer.stateless_apply(state, gradients, values)

        compiled = jax.jit(step)

        def run(flat: NDArray[np.float32], learning_rate: float) -> None:
            optimizer.learning_rate.assign(learning_rate)
            values, state = compiled(
                _values(variables), _values(optimizer.variables), flat
            )
            everything = [*variables, *optimizer.variables]
            for variable, value in zip(everything, [*values, *state], strict=True):
                variable.assign(value)

        return run


def _values(variables: Sequence[Any]) -> list[Any]:
    """Return the values of Keras variables."""
    return [variable.value for variable in variables]


def _valued(variables: Sequence[Any], values: Sequence[Any]) -> Any:
    """Return a scope in which the variables have the given values."""
    return keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True)))


def make(n_threads: int) -> JaxEngine:
    """Return the engine. JAX takes its threads from the cores of the process."""
    return JaxEngine()
