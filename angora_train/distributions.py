# SPDX-License-Identifier: Apache-2.0
"""Action distributions: from the policy head's output to actions and likelihoods.

Written in `keras.ops`, so that acting and learning compile the same formulas.
Randomness comes in from outside as uniform numbers.
"""

import math
from typing import Any, Protocol

from keras import ops

__all__ = ["Distribution", "MultiCategorical"]


class Distribution(Protocol):
    """A family of distributions over actions within [-1, 1].

    ``parameters`` are the policy head's output, shape (..., n_parameters). A sample
    is what the distribution draws, shape (..., n_dimensions); ``action`` turns it
    into what the body receives, shape (..., n_dimensions), within [-1, 1].
    """

    n_parameters: int
    n_dimensions: int

    def sample(self, parameters: Any, uniforms: Any) -> Any:
        """Draw with uniform numbers in [0, 1), shape (..., n_dimensions)."""

    def mode(self, parameters: Any) -> Any:
        """Return the most likely sample."""

    def action(self, sample: Any) -> Any:
        """Return the action that a sample stands for."""

    def mean_action(self, parameters: Any) -> Any:
        """Return the expected action."""

    def log_prob(self, parameters: Any, sample: Any) -> Any:
        """Return the log-probability of a sample, summed over dimensions, (...)."""

    def entropy(self, parameters: Any) -> Any:
        """Return the entropy in nats, summed over dimensions, (...)."""


class MultiCategorical:
    """Independent categories over bins that divide [-1, 1] evenly.

    Bin ``k`` of ``n`` stands for the action ``-1 + 2 k / (n - 1)``.

    Parameters
    ----------
    n_dimensions : int
        Actuators.
    n_bins : int
        Bins of an actuator.

    References
    ----------
    Andrychowicz et al. (2020), Learning dexterous in-hand manipulation, section 4.3:
    11 bins a joint. https://arxiv.org/abs/1808.00177
    """

    def __init__(self, n_dimensions: int, n_bins: int = 11) -> None:
        self.n_dimensions = n_dimensions
        self.n_bins = n_bins
        self.n_parameters = n_dimensions * n_bins

    def _log_probabilities(self, parameters: Any) -> Any:
        """Return log-probabilities of all bins, shape (..., n_dimensions, n_bins)."""
        shape = (*ops.shape(parameters)[:-1], self.n_dimensions, self.n_bins)
        return ops.log_softmax(ops.reshape(parameters, shape), axis=-1)

    def sample(self, parameters: Any, uniforms: Any) -> Any:
        """Invert the cumulative distribution: bin indices as float32."""
        cumulative = ops.cumsum(ops.exp(self._log_probabilities(parameters)), axis=-1)
        below = ops.cast(cumulative <= ops.expand_dims(uniforms, -1), "float32")
        # Rounding may leave the last cumulative probability just below 1.
        return ops.minimum(ops.sum(below, axis=-1), self.n_bins - 1.0)

    def mode(self, parameters: Any) -> Any:
        """Return the most likely bin of each dimension, as float32."""
        logits = self._log_probabilities(parameters)
        return ops.cast(ops.argmax(logits, axis=-1), "float32")

    def action(self, sample: Any) -> Any:
        """Return the centre of the bins, within [-1, 1]."""
        return -1.0 + sample * (2.0 / (self.n_bins - 1))

    def mean_action(self, parameters: Any) -> Any:
        """Return the expected action under the bins' probabilities."""
        centres = ops.linspace(-1.0, 1.0, self.n_bins)
        return ops.sum(ops.exp(self._log_probabilities(parameters)) * centres, axis=-1)

    def log_prob(self, parameters: Any, sample: Any) -> Any:
        """Return the summed log-probability of the bins."""
        chosen = ops.one_hot(ops.cast(sample, "int32"), self.n_bins, dtype="float32")
        return ops.sum(self._log_probabilities(parameters) * chosen, axis=(-2, -1))

    def entropy(self, parameters: Any) -> Any:
        """Return the summed entropy, at most ``n_dimensions * ln(n_bins)`` nats."""
        log_p = self._log_probabilities(parameters)
        return -ops.sum(ops.exp(log_p) * log_p, axis=(-2, -1))

    @property
    def largest_entropy(self) -> float:
        """Entropy of the uniform policy, in nats."""
        return self.n_dimensions * math.log(self.n_bins)
