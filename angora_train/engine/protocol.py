# SPDX-License-Identifier: Apache-2.0
"""The protocol of an engine, and the choice of one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Arrays",
    "Engine",
    "Follow",
    "Function",
    "Gradient",
    "LossFunction",
    "Update",
]

Arrays = Mapping[str, NDArray[Any]]
Function = Callable[[Arrays], dict[str, NDArray[Any]]]
"""A compiled function from named arrays to named arrays."""
LossFunction = Callable[[Mapping[str, Any]], tuple[Any, dict[str, Any]]]
"""From named tensors to a scalar loss and named scalar metrics."""
Gradient = Callable[[Arrays], tuple[NDArray[np.float32], dict[str, float]]]
"""From named arrays to the flat gradient, shape (P,), and the metrics."""
Update = Callable[[NDArray[np.float32], float], None]
"""Takes a flat gradient, shape (P,), and a learning rate."""

Follow = Callable[[float], None]
"""Takes the share of the way to go."""


class Engine(Protocol):
    """Compiles what runs often: the policy step, the gradient, the update.

    Everything that is compiled is written in `keras.ops`; an engine adds what Keras
    leaves to its backends. Compiled functions take and return NumPy arrays, are
    compiled at the first call for each set of shapes, and use the variables' values
    at the time of the call.
    """

    n_gpus: int
    """GPUs that this process sees."""

    def use(self, gpu: int | None) -> None:
        """Compute on one of the GPUs, or on the processor; before any model is made."""

    def compile(
        self,
        function: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        variables: Sequence[Any],
    ) -> Function:
        """Compile a function of named tensors that reads Keras variables."""

    def gradient(
        self, loss: LossFunction, variables: Sequence[Any], read: Sequence[Any] = ()
    ) -> Gradient:
        """Compile the gradient of a loss with respect to Keras variables.

        The loss may depend on other variables that change, which are then `read`.
        """

    def follow(self, targets: Sequence[Any], sources: Sequence[Any]) -> Follow:
        """Compile a step of some Keras variables towards others of their shapes."""

    def update(self, optimizer: Any, variables: Sequence[Any]) -> Update:
        """Compile an optimizer's step on Keras variables from a flat gradient."""
