# SPDX-License-Identifier: Apache-2.0
"""Alignment: debiased CKA and shape distance between areas, and between subjects.

Centred kernel alignment of few samples of many units is far from 0 for independent
data. The estimator of Song et al. (2012) is not, if samples are independent: so each
comparison takes one sample an episode, in a condition drawn at random, and averages
over draws. What units were recorded still matters (Murphy et al. 2024): compare areas
of very different size with care.

The shape distance is the angle between two sets of conditions' mean patterns after the
best rotation. It is a metric, but noise adds to it.

References
----------
Kornblith et al. (2019), Similarity of neural network representations revisited, ICML.
Song et al. (2012), Feature selection via dependence maximization, JMLR 13:1393.
Murphy, Zylberberg & Fyshe (2024), Correcting biased centered kernel alignment measures
in biological and artificial neural networks. https://arxiv.org/abs/2405.01012
Williams et al. (2021), Generalized shape metrics on neural representations, NeurIPS.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from angora_train.analysis.rsa.patterns import Design, averaging
from angora_train.errors import ConfigError

__all__ = ["Alignment", "align", "debiased_cka", "shape_distance", "shape_distances"]

_FEWEST = 8
"""Episodes that an interval needs: groups of the jackknife keep four others."""


@dataclass(frozen=True)
class Alignment:
    """Debiased CKA of every pair.

    Attributes
    ----------
    names : tuple of str
        What is compared.
    value, low, high : ndarray of float64, shape (n, n)
        Debiased CKA and its 95 % interval over episodes (jackknife); not a number
        where an area has no variance of its own beyond noise.
    shuffled : ndarray of float64, shape (n, n)
        The same when episodes of the second are exchanged.
    with_others : ndarray of float64, shape (3, n)
        Mean over all others of each, with the ends of its interval.
    n_episodes : int
        Samples.
    """

    names: tuple[str, ...]
    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    shuffled: NDArray[np.float64]
    with_others: NDArray[np.float64]
    n_episodes: int


def debiased_cka(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """Compare two sets of patterns of the same independent samples.

    Parameters
    ----------
    x, y : ndarray of float, shapes (n, p) and (n, q)
        Patterns, at least four.

    Returns
    -------
    float
        1 if one is the other rotated and scaled; 0 on average if independent.

    Raises
    ------
    ConfigError
        If there are fewer than four samples, or not as many of both.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(20, 3))
    >>> round(debiased_cka(x, 2.0 * x[:, ::-1]), 6)
    1.0
    """
    if len(x) != len(y) or len(x) < 4:
        raise ConfigError(
            "Debiased CKA needs at least 4 samples, as many of both, got "
            f"{len(x)} and {len(y)}."
        )
    products = _products([_centred(np.asarray(one, np.float64)) for one in (x, y)])
    return float(_normalised(products)[0, 1])


def _centred(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the kernel of patterns, U-centred and flat: products are (n-3)n HSIC_1."""
    x = x - x.mean(axis=0)
    n = len(x)
    kernel = x @ x.T
    np.fill_diagonal(kernel, 0.0)
    rows = kernel.sum(axis=1)
    kernel -= (rows[:, None] + rows) / (n - 2)
    kernel += rows.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(kernel, 0.0)
    return kernel.ravel()


def _products(kernels: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return products of all pairs of kernels."""
    stacked = np.stack(kernels)
    return np.asarray(stacked @ stacked.T)


def _normalised(products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide by the norms; not a number where a norm is not positive."""
    own = np.diag(products)
    norms = np.sqrt(np.where(own > 0, own, np.nan))
    return np.asarray(products / norms[:, None] / norms)


def align(
    rows: Mapping[str, NDArray[np.float64]],
    design: Design,
    rng: np.random.Generator,
    *,
    n_draws: int = 10,
    n_groups: int = 10,
) -> Alignment:
    """Compare areas, of one subject or several that did the same episodes.

    Parameters
    ----------
    rows : mapping of str to ndarray of float64, shape (n_rows, n_channels)
        Patterns of each area, see
        :func:`angora_train.analysis.rsa.rdms.area_rows`.
    design : Design
        Whose rows they are.
    rng : numpy.random.Generator
        Draws conditions.
    n_draws : int
        Draws of a condition of each episode.
    n_groups : int
        Groups of episodes that are left out in turn, for the interval.

    Returns
    -------
    Alignment
        Of all pairs.

    Raises
    ------
    ConfigError
        If there are too few episodes.
    """
    episodes = np.unique(design.episodes)
    n = len(episodes)
    if n < _FEWEST:
        raise ConfigError(
            f"Debiased CKA with an interval needs at least {_FEWEST} episodes, got {n}."
        )
    n_groups = min(n_groups, n // 2)
    group = rng.permutation(n) % n_groups
    kept = [group != g for g in range(n_groups)]
    size = (1 + n_groups, len(rows), len(rows))
    products, shuffled = np.zeros(size), np.zeros(size[1:])
    of_episode = [np.flatnonzero(design.episodes == one) for one in episodes]
    for _ in range(n_draws):
        drawn = np.array([rng.choice(own) for own in of_episode])
        patterns = [x[drawn] for x in rows.values()]
        kernels = [_centred(x) for x in patterns]
        products[0] += _products(kernels)
        order = rng.permutation(n)
        other = np.stack([_centred(x[order]) for x in patterns])
        shuffled += np.stack(kernels) @ other.T
        for g, is_kept in enumerate(kept):
            products[1 + g] += _products([_centred(x[is_kept]) for x in patterns])
    found = np.stack([_normalised(one) for one in products])
    half = _half_interval(found[1:])
    of_others = np.stack([_mean_of_others(one) for one in found])
    half_others = _half_interval(of_others[1:])
    own = np.diag(products[0])
    norms = np.sqrt(np.where(own > 0, own, np.nan))
    return Alignment(
        names=tuple(rows),
        value=found[0],
        low=np.maximum(found[0] - half, -1.0),
        high=np.minimum(found[0] + half, 1.0),
        shuffled=shuffled / norms[:, None] / norms,
        with_others=of_others[0]
        + np.stack([0 * half_others, -half_others, half_others]),
        n_episodes=n,
    )


def _half_interval(left_out: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return half of an interval from what is found without each group of episodes."""
    n = len(left_out)
    spread = np.square(left_out - left_out.mean(axis=0)).mean(axis=0)
    return np.asarray(stats.t.ppf(0.975, n - 1) * np.sqrt((n - 1) * spread))


def _mean_of_others(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each row without its diagonal; not a number without others."""
    beside = ~np.eye(len(values), dtype=bool) & np.isfinite(values)
    n = beside.sum(axis=1)
    total = np.where(beside, values, 0.0).sum(axis=1)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def shape_distance(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """Return the angle between two shapes after the best rotation.

    Parameters
    ----------
    x, y : ndarray of float, shapes (n, p) and (n, q)
        Patterns of the same conditions.

    Returns
    -------
    float
        In rad, from 0 to pi / 2; not a number if all patterns of one are the same.

    Raises
    ------
    ConfigError
        If the numbers of conditions differ.

    Examples
    --------
    >>> x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    >>> turned = 3.0 * x @ np.array([[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0]]) + 5.0
    >>> round(shape_distance(x, turned), 6)
    0.0
    """
    if len(x) != len(y):
        raise ConfigError(
            f"Shapes have the same conditions; got {len(x)} and {len(y)} patterns."
        )
    return _angle(_shape(np.asarray(x)), _shape(np.asarray(y)))


def _shape(x: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return patterns, centred, of norm 1, in no more dimensions than patterns."""
    x = x - x.mean(axis=0)
    norm = np.linalg.norm(x)
    x = x / (norm if norm > 0 else np.nan)
    if x.shape[1] <= len(x) or not np.isfinite(x).all():
        return np.asarray(x, np.float64)
    vectors, singular, _ = np.linalg.svd(x, full_matrices=False)
    return np.asarray(vectors * singular)


def _angle(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the angle of two shapes."""
    product = x.T @ y
    if not np.isfinite(product).all():
        return float("nan")
    cosine = np.linalg.svd(product, compute_uv=False).sum()
    return float(np.arccos(np.clip(cosine, 0.0, 1.0)))


def shape_distances(
    rows: Mapping[str, NDArray[np.float64]], design: Design
) -> NDArray[np.float64]:
    """Return the shape distances of all pairs of areas.

    Parameters
    ----------
    rows, design
        See :func:`align`; shapes are of the conditions' mean patterns.

    Returns
    -------
    ndarray of float64, shape (n, n)
        In rad.
    """
    mean = averaging(design.of_row, len(design.names))
    shapes = [_shape(np.asarray(mean @ x)) for x in rows.values()]
    found = np.zeros((len(shapes), len(shapes)))
    for a, one in enumerate(shapes):
        for b, other in enumerate(shapes[:a]):
            found[a, b] = found[b, a] = _angle(one, other)
    return found
