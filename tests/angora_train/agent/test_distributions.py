# SPDX-License-Identifier: Apache-2.0
import math
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from angora_train.agent.distributions import (
    Beta,
    BoundedGaussian,
    Categorical,
    DiagonalGaussian,
    Distribution,
    MultiCategorical,
    make_distribution,
)
from angora_train.agent.special import digamma, log_gamma
from angora_train.config.run import PolicyConfig
from angora_train.errors import ConfigError


@pytest.fixture
def policy() -> MultiCategorical:
    return MultiCategorical(n_dimensions=3, n_bins=5)


def test_log_probability_and_entropy_agree_with_scipy(
    policy: MultiCategorical, rng: np.random.Generator
) -> None:
    logits = rng.normal(size=(4, 15)).astype(np.float32)
    sample = rng.integers(0, 5, size=(4, 3)).astype(np.float32)
    p = special.softmax(logits.reshape(4, 3, 5), axis=-1)
    chosen = np.take_along_axis(p, sample.astype(int)[..., None], -1)[..., 0]
    np.testing.assert_allclose(
        policy.log_prob(logits, sample), np.log(chosen).sum(-1), rtol=1e-5
    )
    np.testing.assert_allclose(
        policy.entropy(logits), stats.entropy(p, axis=-1).sum(-1), rtol=1e-5
    )


def test_samples_follow_the_probabilities(rng: np.random.Generator) -> None:
    policy = MultiCategorical(1, 3)
    logits = np.log(np.float32([[0.2, 0.5, 0.3]])).repeat(20_000, axis=0)
    drawn = policy.sample(logits, rng.random((20_000, 1), dtype=np.float32))
    counts = np.bincount(drawn.numpy().ravel().astype(int), minlength=3)
    expected = np.array([0.2, 0.5, 0.3]) * 20_000
    assert stats.chisquare(counts, expected).pvalue > 1e-3


def test_a_uniform_number_picks_the_bin_it_falls_into() -> None:
    # Cumulative probabilities .2, .7, 1.
    policy = MultiCategorical(1, 3)
    logits = np.log(np.float32([[0.2, 0.5, 0.3]])).repeat(4, axis=0)
    drawn = policy.sample(logits, np.float32([[0.0], [0.3], [0.71], [0.9999999]]))
    assert drawn.numpy().ravel().tolist() == [0.0, 1.0, 2.0, 2.0]


def test_bins_divide_the_range_evenly() -> None:
    policy = MultiCategorical(1, 11)
    actions = policy.action(np.float32([0, 1, 5, 10]))
    assert np.asarray(actions) == pytest.approx([-1.0, -0.8, 0.0, 1.0])


def test_mode_and_mean_by_hand() -> None:
    policy = MultiCategorical(1, 3)
    logits = np.log(np.float32([[0.2, 0.5, 0.3]]))
    assert policy.mode(logits).numpy().item() == 1.0
    # -1 * .2 + 0 * .5 + 1 * .3
    assert policy.mean_action(logits).numpy().item() == pytest.approx(0.1)


def test_entropy_of_the_uniform_policy_sums_over_dimensions() -> None:
    policy = MultiCategorical(20, 11)
    uniform = policy.entropy(np.zeros((1, 220), np.float32)).numpy().item()
    assert uniform == pytest.approx(47.9579, abs=1e-3)  # 20 ln 11


def test_special_functions_agree_with_scipy() -> None:
    x = np.float32([0.3, 1.0, 1.5, 2.0, 7.3, 40.0, 900.0])
    np.testing.assert_allclose(log_gamma(x), special.gammaln(x), rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(digamma(x), special.digamma(x), rtol=2e-6, atol=2e-6)


def test_a_gaussian_agrees_with_scipy(rng: np.random.Generator) -> None:
    policy = DiagonalGaussian(3)
    mean, log_std = rng.normal(size=(2, 4, 3)).astype(np.float32)
    parameters = np.concatenate([mean, log_std], axis=-1)
    sample = rng.normal(size=(4, 3)).astype(np.float32)
    frozen = stats.norm(mean, np.exp(log_std))
    np.testing.assert_allclose(
        policy.log_prob(parameters, sample), frozen.logpdf(sample).sum(-1), rtol=1e-4
    )
    np.testing.assert_allclose(
        policy.entropy(parameters), frozen.entropy().sum(-1), rtol=1e-5
    )
    np.testing.assert_array_equal(policy.mode(parameters), mean)


def test_a_bounded_gaussian_is_one_about_the_tangents_of_its_parameters(
    rng: np.random.Generator,
) -> None:
    policy, plain = BoundedGaussian(3), DiagonalGaussian(3)
    raw, log_std = rng.normal(scale=3.0, size=(2, 4, 3)).astype(np.float32)
    parameters = np.concatenate([raw, log_std], axis=-1)
    plainly = np.concatenate([np.tanh(raw), log_std], axis=-1)
    sample = rng.normal(size=(4, 3)).astype(np.float32)
    uniforms = rng.random((4, 3), dtype=np.float32)
    for name, given in (("log_prob", sample), ("sample", uniforms), ("kl", parameters)):
        other = plainly if name == "kl" else given
        np.testing.assert_allclose(
            getattr(policy, name)(parameters, given),
            getattr(plain, name)(plainly, other),
            rtol=1e-5,
        )
    far = np.array([[40.0, -40.0, 0.0, 1.0, 1.0, 1.0]], np.float32)
    assert np.asarray(policy.mean_action(far)).tolist() == [[1.0, -1.0, 0.0]]
    assert np.abs(policy.action(policy.sample(far, uniforms[:1]))).max() <= 1.0


def test_samples_of_a_gaussian_follow_it(rng: np.random.Generator) -> None:
    policy = DiagonalGaussian(1)
    parameters = np.float32([[0.5, math.log(2.0)]]).repeat(20_000, axis=0)
    drawn = policy.sample(parameters, rng.random((20_000, 1), dtype=np.float32))
    assert stats.kstest(drawn.numpy().ravel(), stats.norm(0.5, 2).cdf).pvalue > 1e-3
    # What the body receives is cut off at its bounds.
    assert np.abs(policy.action(drawn)).max() == 1.0


def test_uniform_numbers_at_the_ends_give_finite_samples() -> None:
    ends = np.float32([0.0, 1.0 - 2**-24])
    gaussian = DiagonalGaussian(2).sample(np.zeros((1, 4), np.float32), ends[None])
    assert np.isfinite(gaussian).all()
    beta = Beta(1)
    for end in ends:
        uniforms = np.full((1, beta.n_uniforms), end, np.float32)
        drawn = np.asarray(beta.sample(np.zeros((1, 2), np.float32), uniforms))
        assert np.isfinite(drawn).all()
        assert np.isfinite(
            np.asarray(beta.log_prob(np.zeros((1, 2), np.float32), drawn))
        ).all()


def _beta_of(parameters: np.ndarray) -> "stats.rv_frozen":
    a, b = np.split(1 + np.logaddexp(0.0, parameters.astype(float)), 2, axis=-1)
    return stats.beta(a, b, loc=-1, scale=2)  # its support is [-1, 1]


def test_a_beta_agrees_with_scipy(rng: np.random.Generator) -> None:
    policy = Beta(3)
    parameters = rng.normal(scale=3, size=(5, 6)).astype(np.float32)
    sample = rng.uniform(-0.99, 0.99, size=(5, 3)).astype(np.float32)
    frozen = _beta_of(parameters)
    np.testing.assert_allclose(
        policy.log_prob(parameters, sample),
        frozen.logpdf(sample).sum(-1),
        rtol=1e-4,
        atol=1e-5,
    )
    np.testing.assert_allclose(
        policy.entropy(parameters), frozen.entropy().sum(-1), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        policy.mean_action(parameters), frozen.mean(), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("parameters", [[0.0, 0.0], [3.0, -2.0], [-6.0, 25.0]])
def test_samples_of_a_beta_follow_it(
    parameters: list[float], rng: np.random.Generator
) -> None:
    policy = Beta(1)
    given = np.float32([parameters])
    uniforms = rng.random((20_000, policy.n_uniforms), dtype=np.float32)
    drawn = np.asarray(policy.sample(given.repeat(20_000, axis=0), uniforms)).ravel()
    assert np.abs(drawn).max() < 1.0
    cdf = _beta_of(given[0]).cdf
    assert stats.kstest(drawn, lambda x: cdf(x).ravel()).pvalue > 1e-3


def test_the_mode_of_a_beta_is_where_its_density_is_highest() -> None:
    policy = Beta(1)
    parameters = np.float32([[2.0, 0.5]])
    grid = np.linspace(-0.999, 0.999, 2001, dtype=np.float32)[:, None]
    density = policy.log_prob(parameters.repeat(2001, axis=0), grid)
    highest = grid[int(np.argmax(density)), 0]
    assert float(policy.mode(parameters)[0, 0]) == pytest.approx(highest, abs=2e-3)


def test_a_beta_never_leaves_its_bounds(rng: np.random.Generator) -> None:
    policy = Beta(1)
    parameters = rng.normal(scale=12, size=(20_000, 2)).astype(np.float32)
    uniforms = rng.random((20_000, policy.n_uniforms), dtype=np.float32)
    for action in (
        policy.mode(parameters),
        policy.mean_action(parameters),
        policy.sample(parameters, uniforms),
    ):
        assert np.abs(action).max() <= 1.0


@pytest.mark.parametrize(
    "policy",
    [MultiCategorical(2, 4), DiagonalGaussian(2), BoundedGaussian(2), Beta(2)],
    ids=lambda policy: type(policy).__name__,
)
def test_the_divergence_is_the_expected_difference_of_log_probabilities(
    policy: Distribution, rng: np.random.Generator
) -> None:
    n = 50_000
    p, q = rng.normal(scale=0.5, size=(2, 1, policy.n_parameters)).astype(np.float32)
    uniforms = rng.random((n, policy.n_uniforms), dtype=np.float32)
    ps, qs = p.repeat(n, axis=0), q.repeat(n, axis=0)
    drawn = policy.sample(ps, uniforms)
    ratio = np.asarray(policy.log_prob(ps, drawn) - policy.log_prob(qs, drawn))
    error = float(ratio.std()) / math.sqrt(n)
    assert float(policy.kl(p, q)[0]) == pytest.approx(
        float(ratio.mean()), abs=5 * error
    )
    assert float(policy.kl(p, p)[0]) == pytest.approx(0.0, abs=1e-5)


def family(name: str, n_dimensions: int, **options: Any) -> Distribution:
    return make_distribution(PolicyConfig(distribution=name, **options), n_dimensions)


def test_families_are_found_by_name() -> None:
    assert family("gaussian", 3).n_spreads == 3
    dependent = family("gaussian", 3, spread_depends_on_state=True)
    assert dependent.n_spreads == 0
    assert isinstance(family("bounded_gaussian", 3), BoundedGaussian)
    assert family("categorical", 1, n_bins=2).n_parameters == 2
    own = family("angora_train.agent.distributions:Beta", 4)
    assert isinstance(own, Beta)
    assert own.n_dimensions == 4


def test_an_unknown_family_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"'gausian'.*Close matches: gaussian"):
        family("gausian", 3)
    with pytest.raises(ConfigError, match=r"builtins:float lacks action, .*log_prob"):
        family("builtins:float", 3)
    with pytest.raises(ConfigError, match="cannot be imported or made"):
        family("no_such_module:Family", 3)
    with pytest.raises(ConfigError, match="one choice; the task has 2"):
        Categorical(2, 3)


@pytest.mark.parametrize(
    "shapes",
    [(1.5, 1.2), (30.0, 400.0), (10_001.0, 10_001.0), (2.0, 10_001.0), (1e6, 3e5)],
)
def test_a_beta_keeps_its_entropy_and_density_at_large_shapes(
    shapes: tuple[float, float],
) -> None:
    # The inverse of 1 + softplus; what float32 makes of it is what scipy is given.
    wide = np.array([shapes]) - 1.0
    parameters = (wide + np.log(-np.expm1(-wide))).astype(np.float32)
    expected, policy = _beta_of(parameters[0]), Beta(1)
    entropy = float(policy.entropy(parameters)[0])
    assert entropy == pytest.approx(float(expected.entropy().item()), abs=1e-4)
    if max(shapes) > 1e5:  # float32 tells samples there apart no better
        return
    drawn = expected.ppf([[0.01], [0.4], [0.99]]).astype(np.float32)
    log_prob = policy.log_prob(parameters.repeat(3, axis=0), drawn)
    wanted = expected.logpdf(drawn.astype(np.float64)).ravel()
    np.testing.assert_allclose(log_prob, wanted, atol=2e-3)


def test_the_divergence_of_large_betas_is_that_of_normal_distributions() -> None:
    # With shapes a = b = n / 2 the variance is 1 / n; twice the shapes are half of it:
    # KL = (ln 2 - 1 + 1 / 2) / 2 = 0.09657.
    one, half = np.float32([[2e4, 2e4]]), np.float32([[1e4, 1e4]])
    assert float(Beta(1).kl(one, half)[0]) == pytest.approx(0.09657, abs=1e-3)
