# SPDX-License-Identifier: Apache-2.0
"""Policies: from the policy head's output to actions and likelihoods.

Written in `keras.ops`, so that acting and learning compile the same formulas.
Randomness comes in from outside as uniform numbers, so that a world's luck depends on
its own generator and on nothing else.
"""

import math
from typing import Any, Protocol

from keras import ops

from angora_train.agent.own import make_own
from angora_train.agent.special import HALF_LOG_2_PI, digamma_rest, log_gamma_rest
from angora_train.config.run import PolicyConfig
from angora_train.errors import ConfigError, closest

__all__ = [
    "Beta",
    "BoundedGaussian",
    "Categorical",
    "DiagonalGaussian",
    "Distribution",
    "MultiCategorical",
    "distribution_names",
    "make_distribution",
]

_LOG_2 = math.log(2.0)
_LOG_2_PI = math.log(2.0 * math.pi)
_UNIFORM_MARGIN = 6e-8
"""Half the spacing of float32 below one: uniform numbers are kept off 0 and 1."""


class Distribution(Protocol):
    """A family of distributions over actions within [-1, 1].

    ``parameters`` are the policy head's output, shape (..., n_parameters). A sample
    is what the distribution draws, shape (..., n_dimensions); ``action`` turns it
    into what the body receives, shape (..., n_dimensions), within [-1, 1].

    A user's own is a class with these methods, made as ``Class(n_dimensions)``. To
    learn from actions of others it needs ``sample_of(action)``, too: the sample whose
    action is nearest.
    """

    n_parameters: int
    n_dimensions: int
    n_uniforms: int
    """Uniform numbers that one sample takes."""
    n_spreads: int
    """How many of the parameters, the last ones, are the same in every state: they
    are learned beside the network, not read from it."""

    def sample(self, parameters: Any, uniforms: Any) -> Any:
        """Draw with uniform numbers in [0, 1), shape (..., n_uniforms)."""

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

    def kl(self, parameters: Any, other: Any) -> Any:
        """Return the divergence KL(parameters || other) in nats, summed, (...)."""


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

    n_spreads = 0

    def __init__(self, n_dimensions: int, n_bins: int = 11) -> None:
        self.n_dimensions = n_dimensions
        self.n_bins = n_bins
        self.n_parameters = n_dimensions * n_bins
        self.n_uniforms = n_dimensions

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

    def sample_of(self, action: Any) -> Any:
        """Return the nearest bin of each dimension, as float32."""
        nearest = ops.round((action + 1.0) * ((self.n_bins - 1) / 2.0))
        return ops.clip(nearest, 0.0, self.n_bins - 1.0)

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

    def kl(self, parameters: Any, other: Any) -> Any:
        """Return the summed divergence."""
        log_p = self._log_probabilities(parameters)
        log_q = self._log_probabilities(other)
        return ops.sum(ops.exp(log_p) * (log_p - log_q), axis=(-2, -1))


class Categorical(MultiCategorical):
    """One choice among `n_bins` alternatives: a `MultiCategorical` of one dimension.

    Parameters
    ----------
    n_dimensions : int
        Must be one.
    n_bins : int
        Alternatives.

    Raises
    ------
    ConfigError
        If more than one dimension is asked for.
    """

    def __init__(self, n_dimensions: int, n_bins: int = 11) -> None:
        if n_dimensions != 1:
            raise ConfigError(
                f"policy.distribution 'categorical' makes one choice; the task has "
                f"{n_dimensions} actuators. Use multi_categorical."
            )
        super().__init__(n_dimensions, n_bins)


class _Gaussian:
    """Independent normal distributions; actions are cut off at [-1, 1].

    Parameters
    ----------
    n_dimensions : int
        Actuators.
    depends_on_state : bool
        Whether the spread is read from the network; by default it is one learned
        number per dimension.
    """

    def __init__(self, n_dimensions: int, *, depends_on_state: bool = False) -> None:
        self.n_dimensions = n_dimensions
        self.n_parameters = 2 * n_dimensions
        self.n_uniforms = n_dimensions
        self.n_spreads = 0 if depends_on_state else n_dimensions

    def _split(self, parameters: Any) -> tuple[Any, Any]:
        """Return means and logarithms of standard deviations."""
        n = self.n_dimensions
        return parameters[..., :n], parameters[..., n:]

    def sample(self, parameters: Any, uniforms: Any) -> Any:
        """Draw by the inverse of the cumulative distribution."""
        mean, log_std = self._split(parameters)
        return mean + ops.exp(log_std) * _normal(uniforms)

    def mode(self, parameters: Any) -> Any:
        """Return the mean."""
        return self._split(parameters)[0]

    def action(self, sample: Any) -> Any:
        """Cut the sample off at [-1, 1]."""
        return ops.clip(sample, -1.0, 1.0)

    def sample_of(self, action: Any) -> Any:
        """Return the action: it is a sample that is not cut off."""
        return action

    def mean_action(self, parameters: Any) -> Any:
        """Return the mean, cut off; the tails beyond the bounds are not counted."""
        return self.action(self.mode(parameters))

    def log_prob(self, parameters: Any, sample: Any) -> Any:
        """Return the summed log-density of a sample before the cut."""
        mean, log_std = self._split(parameters)
        z = (sample - mean) * ops.exp(-log_std)
        return -ops.sum(0.5 * z * z + log_std + 0.5 * _LOG_2_PI, axis=-1)

    def entropy(self, parameters: Any) -> Any:
        """Return the summed differential entropy."""
        _, log_std = self._split(parameters)
        return ops.sum(log_std + 0.5 * (1.0 + _LOG_2_PI), axis=-1)

    def kl(self, parameters: Any, other: Any) -> Any:
        """Return the summed divergence."""
        mean, log_std = self._split(parameters)
        other_mean, other_log_std = self._split(other)
        squares = ops.exp(2.0 * log_std) + ops.square(mean - other_mean)
        scaled = 0.5 * squares * ops.exp(-2.0 * other_log_std)
        return ops.sum(other_log_std - log_std + scaled - 0.5, axis=-1)


class DiagonalGaussian(_Gaussian):
    """Independent normal distributions; actions are cut off at [-1, 1].

    The first half of the parameters are means, the second half logarithms of standard
    deviations. The likelihood is that of the sample before the cut.

    Parameters
    ----------
    n_dimensions : int
        Actuators.
    depends_on_state : bool
        Whether the spread is read from the network; by default it is one learned
        number per dimension.
    """


class BoundedGaussian(_Gaussian):
    """Normal distributions whose means never leave [-1, 1]: what is drawn may.

    As `DiagonalGaussian`, but the first half of the parameters are numbers whose
    hyperbolic tangents are the means. A policy that is followed by its mean, as in
    deterministic policy gradients, then has a gradient everywhere.

    Parameters
    ----------
    n_dimensions : int
        Actuators.
    depends_on_state : bool
        Whether the spread is read from the network; by default it is one learned
        number per dimension.
    """

    def _split(self, parameters: Any) -> tuple[Any, Any]:
        """Return means and logarithms of standard deviations."""
        means, log_stds = super()._split(parameters)
        return ops.tanh(means), log_stds


class Beta:
    """Independent beta distributions whose support is the range of actions, [-1, 1].

    The parameters are, through ``1 + softplus``, the shapes ``a`` (first half) and
    ``b`` (second half), both above one, so that every distribution has one mode.

    Parameters
    ----------
    n_dimensions : int
        Actuators.

    Notes
    -----
    A sample is the share of two gamma variates, each drawn by Marsaglia and Tsang's
    method from at most six attempts. For shapes above one an attempt is accepted with
    a probability above 0.95, so that none of six is with one below 2e-8; the last is
    taken then.

    References
    ----------
    Chou, Maturana & Scherer (2017), Improving stochastic policy gradients in
    continuous control with deep reinforcement learning using the beta distribution.
    https://proceedings.mlr.press/v70/chou17a.html

    Marsaglia & Tsang (2000), A simple method for generating gamma variables.
    https://doi.org/10.1145/358407.358414
    """

    n_spreads = 0
    _N_ATTEMPTS = 6
    _MARGIN = 1e-6
    """Samples are kept off the ends of the support, where the density may vanish."""

    def __init__(self, n_dimensions: int) -> None:
        self.n_dimensions = n_dimensions
        self.n_parameters = 2 * n_dimensions
        # Two gamma variates, a normal and a uniform number for each attempt.
        self.n_uniforms = 4 * self._N_ATTEMPTS * n_dimensions

    def _shapes(self, parameters: Any) -> tuple[Any, Any]:
        """Return the two shapes of each dimension."""
        shapes = 1.0 + ops.softplus(parameters)
        n = self.n_dimensions
        return shapes[..., :n], shapes[..., n:]

    def sample(self, parameters: Any, uniforms: Any) -> Any:
        """Draw from the distribution; the sample is the action itself."""
        a, b = self._shapes(parameters)
        attempts = (self.n_dimensions, 2, 2, self._N_ATTEMPTS)
        given = ops.reshape(uniforms, (*ops.shape(uniforms)[:-1], *attempts))
        x = _gamma(a, given[..., 0, 0, :], given[..., 0, 1, :])
        y = _gamma(b, given[..., 1, 0, :], given[..., 1, 1, :])
        share = ops.clip(x / (x + y), self._MARGIN, 1.0 - self._MARGIN)
        return 2.0 * share - 1.0

    def mode(self, parameters: Any) -> Any:
        """Return the most likely action."""
        a, b = self._shapes(parameters)
        # Shapes of one, which rounding may give, make the density flat; rounding may
        # also lead beyond the bounds.
        return ops.clip((a - b) / ops.maximum(a + b - 2.0, self._MARGIN), -1.0, 1.0)

    def action(self, sample: Any) -> Any:
        """Return the sample: it is an action already."""
        return sample

    def sample_of(self, action: Any) -> Any:
        """Return the action, off the ends of the support."""
        return ops.clip(action, -1.0 + 2.0 * self._MARGIN, 1.0 - 2.0 * self._MARGIN)

    def mean_action(self, parameters: Any) -> Any:
        """Return the expected action."""
        a, b = self._shapes(parameters)
        return (a - b) / (a + b)

    def log_prob(self, parameters: Any, sample: Any) -> Any:
        """Return the summed log-density over [-1, 1]."""
        a, b = self._shapes(parameters)
        share = ops.clip((sample + 1.0) / 2.0, self._MARGIN, 1.0 - self._MARGIN)
        mean = a / (a + b)
        apart = a * _log_ratio(share, mean) + b * _log_ratio(1.0 - share, b / (a + b))
        density = apart - ops.log(share) - ops.log(1.0 - share)
        return ops.sum(density - self._width(a, b) - _LOG_2, axis=-1)

    @staticmethod
    def _width(a: Any, b: Any) -> Any:
        """Return ``ln B(a, b) - a ln(a / (a + b)) - b ln(b / (a + b))``."""
        of_scale = 0.5 * (ops.log(a + b) - ops.log(a) - ops.log(b)) + HALF_LOG_2_PI
        return of_scale + log_gamma_rest(a) + log_gamma_rest(b) - log_gamma_rest(a + b)

    def entropy(self, parameters: Any) -> Any:
        """Return the summed differential entropy, at most ``ln 2`` a dimension."""
        a, b = self._shapes(parameters)
        # The terms of ln B and of the digamma functions that grow with the shapes
        # cancel each other; written so, they are not there.
        of_log = self._width(a, b) + ops.log(a) + ops.log(b) - 2.0 * ops.log(a + b)
        gain = (a - 1.0) * digamma_rest(a) + (b - 1.0) * digamma_rest(b)
        loss = (a + b - 2.0) * digamma_rest(a + b)
        return ops.sum(of_log - gain + loss + _LOG_2, axis=-1)

    def kl(self, parameters: Any, other: Any) -> Any:
        """Return the summed divergence."""
        (a, b), (other_a, other_b) = self._shapes(parameters), self._shapes(other)
        n, other_n = a + b, other_a + other_b
        difference = self._width(other_a, other_b) - self._width(a, b)
        shares = other_a * _log_ratio(other_a / other_n, a / n)
        shares = shares + other_b * _log_ratio(other_b / other_n, b / n)
        gain = (a - other_a) * digamma_rest(a) + (b - other_b) * digamma_rest(b)
        loss = (other_n - n) * digamma_rest(n)
        return ops.sum(difference + shares + gain + loss, axis=-1)


def _log_ratio(x: Any, y: Any) -> Any:
    """Return ``ln(x / y)`` of positive numbers, exact also where they are near."""
    apart = (x - y) / y
    is_near = ops.abs(apart) < 0.5
    near = ops.log1p(ops.where(is_near, apart, ops.zeros_like(apart)))
    return ops.where(is_near, near, ops.log(x / y))


def _normal(uniforms: Any) -> Any:
    """Turn uniform numbers into standard normal ones."""
    inner = ops.clip(uniforms, _UNIFORM_MARGIN, 1.0 - _UNIFORM_MARGIN)
    return math.sqrt(2.0) * ops.erfinv(2.0 * inner - 1.0)


def _gamma(shape: Any, first: Any, second: Any) -> Any:
    """Draw gamma variates of shapes above one from attempts along the last axis."""
    d = ops.expand_dims(shape, -1) - 1.0 / 3.0
    x = _normal(first)
    v = ops.power(ops.maximum(1.0 + x / ops.sqrt(9.0 * d), 1e-4), 3.0)
    u = ops.clip(second, _UNIFORM_MARGIN, 1.0)
    is_accepted = ops.log(u) < 0.5 * x * x + d - d * v + d * ops.log(v)
    # The first accepted attempt; the last where none is.
    weights = ops.cast(is_accepted, "float32")
    last = ops.ones_like(weights[..., :1])
    before = ops.cumsum(ops.concatenate([weights[..., :-1], last], axis=-1), axis=-1)
    is_first = ops.cast(ops.equal(before, 1.0), "float32")
    is_taken = is_first * ops.concatenate([weights[..., :-1], last], axis=-1)
    return ops.sum(is_taken * d * v, axis=-1)


_FAMILIES = (
    "beta",
    "bounded_gaussian",
    "categorical",
    "gaussian",
    "multi_categorical",
)


def distribution_names() -> tuple[str, ...]:
    """List the families that ship with the package, sorted.

    Examples
    --------
    >>> "beta" in distribution_names()
    True
    """
    return _FAMILIES


def make_distribution(policy: PolicyConfig, n_dimensions: int) -> Distribution:
    """Return the family of policies that a config asks for.

    Parameters
    ----------
    policy : PolicyConfig
        One of `distribution_names`, or a class of the user's own as ``module:Class``.
    n_dimensions : int
        Actuators.

    Returns
    -------
    Distribution
        The family.

    Raises
    ------
    ConfigError
        If there is no such family, or it lacks a method.

    Examples
    --------
    >>> from angora_train.config.run import PolicyConfig
    >>> make_distribution(PolicyConfig(n_bins=11), 20).n_parameters
    220
    """
    name = policy.distribution
    if name == "beta":
        return Beta(n_dimensions)
    if name == "categorical":
        return Categorical(n_dimensions, policy.n_bins)
    if name in ("bounded_gaussian", "gaussian"):
        family = BoundedGaussian if name == "bounded_gaussian" else DiagonalGaussian
        depends_on_state = policy.spread_depends_on_state
        return family(n_dimensions, depends_on_state=depends_on_state)
    if name == "multi_categorical":
        return MultiCategorical(n_dimensions, policy.n_bins)
    if ":" in name:
        own: Distribution = make_own(
            "policy.distribution", name, Distribution, n_dimensions
        )
        return own
    raise ConfigError(
        f"There is no policy distribution '{name}'.{closest(name, _FAMILIES)} "
        f"Allowed: {', '.join(_FAMILIES)}, or a class of your own as module:Class."
    )
