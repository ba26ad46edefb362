# SPDX-License-Identifier: Apache-2.0
"""Distances between conditions: crossnobis, for each pair of folds.

The distance of conditions i and j from the folds f and g is the product of their
differences, ``(m_fi - m_fj) S^-1 (m_gi - m_gj)' / n``, m the fold's mean patterns, S
the noise and n the number of units. Noise of separate folds is independent: equal
conditions are 0 apart on average. The mean over pairs of folds is rsatoolbox's
crossnobis distance wherever folds are of equal size. The pairs are kept apart because
any resample of folds is a weighted mean of them.

A trained network is nearly deterministic: many units are saturated and vary by less
than a thousandth over episodes. Their noise is therefore shrunk towards the mean
variance of the area (Ledoit & Wolf 2004) rather than towards each unit's own, which
would weigh such units without bound. On a network that reaches, distances of two halves
of 100 episodes then correlate by 0.96 (mean over areas), against 0.87; on an untrained
one it makes no difference (0.93).

References
----------
Walther et al. (2016), Reliability of dissimilarity measures for multi-voxel pattern
analysis, NeuroImage 137:188. https://doi.org/10.1016/j.neuroimage.2015.12.012
Ledoit & Wolf (2004), A well-conditioned estimator for large-dimensional covariance
matrices, J Multivar Anal 88:365. https://doi.org/10.1016/S0047-259X(03)00096-4
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rsatoolbox.data.dataset import Dataset
from rsatoolbox.data.noise import prec_from_unbalanced

from angora_train.analysis.rsa.patterns import Design, averaging

__all__ = ["Noise", "active", "fold_distances", "fold_pairs", "whitened"]

Noise = Literal["shrinkage_eye", "shrinkage_diag", "identity"]
"""Towards what the covariance of the noise is shrunk: the mean variance, each unit's
own, or ``identity``: no weights, the cross-validated squared Euclidean distance."""

_N_BLOCKS = 4
"""Blocks of folds: the noise of a pair is that of the blocks without them."""
_SILENT = 1e-12
"""Variance below which a unit counts as constant: far below what float32 resolves."""
_SURE = 1e-6
"""Shrinkage above which the covariance has a well conditioned inverse."""
_N_TOGETHER = 4
"""Folds whose products are made at once: more take memory, fewer take time."""


def active(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out the channels that are constant.

    Parameters
    ----------
    rows : ndarray of float64, shape (n_rows, n_channels)
        Patterns.

    Returns
    -------
    ndarray of float64, shape (n_rows, n_active)
        Those of the others.
    """
    return rows[:, rows.var(axis=0) > _SILENT]


def whitened(
    rows: NDArray[np.float64], design: Design, noise: Noise = "shrinkage_eye"
) -> NDArray[np.float64]:
    """Weigh directions of activity by how reliable they are over episodes.

    Parameters
    ----------
    rows : ndarray of float64, shape (n_rows, n_channels)
        Patterns, of channels that vary.
    design : Design
        Their conditions.
    noise : {"shrinkage_eye", "shrinkage_diag", "identity"}
        See the module. Without noise there is nothing to weigh by: as ``identity``.

    Returns
    -------
    ndarray of float64, shape (n_rows, n_channels)
        Patterns whose products are those of `rows` weighed by the inverse covariance.
    """
    return _whitening(rows, design.of_row, noise)(rows)


def _whitening(
    rows: NDArray[np.float64], of_row: NDArray[np.int64], noise: Noise
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return what weighs patterns by the noise of some rows."""
    if noise == "identity" or not len(rows):
        return lambda patterns: patterns
    means = averaging(of_row, int(of_row.max()) + 1) @ rows
    residuals = rows - means[of_row]
    is_noisy = residuals.var(axis=0) > _SILENT
    dof = len(rows) - len(np.unique(of_row))
    if dof < 1 or not is_noisy.any():
        return lambda patterns: patterns
    if noise == "shrinkage_eye":
        return _whitening_to_mean(residuals, dof)
    if not is_noisy.all():
        return lambda patterns: patterns
    labels = {"condition": of_row.astype(float)}
    data = Dataset(rows, obs_descriptors=labels)  # type: ignore[no-untyped-call]
    precision = prec_from_unbalanced(  # type: ignore[no-untyped-call]
        data, "condition", method=noise
    )
    root = np.linalg.cholesky(precision)
    return lambda patterns: np.asarray(patterns @ root)


def _whitening_to_mean(
    residuals: NDArray[np.float64], dof: int
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return what whitens by the covariance shrunk towards its mean variance.

    Of more channels than rows the covariance is never written out: along the residuals'
    own axes the shrunk one is diagonal, and beside them it is a number.
    """
    n, n_channels = residuals.shape
    is_long = n_channels <= n
    small = (residuals.T @ residuals if is_long else residuals @ residuals.T) / n
    mean = np.trace(small) / n_channels
    norm = np.square(small).sum()
    d2 = norm - mean**2 * n_channels
    spread = np.square(np.square(residuals).sum(axis=1)).mean()
    b2 = min(d2, (spread - norm) / n)
    shrinkage = b2 / d2 if d2 > 0 else 1.0
    rest = shrinkage * mean * n / dof
    if is_long and shrinkage > _SURE:
        shrunk = (1 - shrinkage) * small * n / dof + rest * np.eye(n_channels)
        root = np.linalg.inv(np.linalg.cholesky(shrunk))
        return lambda patterns: np.asarray(patterns @ root.T)
    variances, axes = _principal(residuals)
    along = rest + (1 - shrinkage) * variances * n / dof
    if rest <= 0:  # nothing was shrunk: only directions that vary have a weight
        return lambda patterns: np.asarray(patterns @ axes.T / np.sqrt(along))
    scale = 1 / np.sqrt(rest)
    beside = (along**-0.5 - scale)[:, None] * axes
    return lambda patterns: np.asarray(scale * patterns + patterns @ axes.T @ beside)


def _principal(
    residuals: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return variances along axes, and the axes, (n_axes, n_channels), of norm 1."""
    n, n_channels = residuals.shape
    if n_channels <= n:
        variances, vectors = np.linalg.eigh(residuals.T @ residuals / n)
        is_axis = variances > variances[-1] * 1e-12
        return variances[is_axis], vectors[:, is_axis].T
    variances, vectors = np.linalg.eigh(residuals @ residuals.T / n)
    is_axis = variances > variances[-1] * 1e-12
    variances = variances[is_axis]
    axes = vectors[:, is_axis].T @ residuals / np.sqrt(n * variances)[:, None]
    return variances, np.asarray(axes)


def fold_pairs(n_folds: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and second folds of all pairs, in the order of distances."""
    first, second = np.triu_indices(n_folds, 1)
    return first, second


def fold_distances(
    rows: NDArray[np.float64],
    design: Design,
    noise: Noise = "shrinkage_eye",
    *,
    from_others: bool = False,
) -> NDArray[np.float64]:
    """Measure how far apart conditions are, from each pair of folds.

    Parameters
    ----------
    rows : ndarray of float64, shape (n_rows, n_channels)
        Patterns, of channels that vary: see :func:`active`.
    design : Design
        Their conditions and folds.
    noise : {"shrinkage_eye", "shrinkage_diag", "identity"}
        See the module.
    from_others : bool
        Whether the noise is measured in other folds than those that are multiplied, at
        least a quarter of them; from two folds there are none, as ``identity``. Else
        it is that of all, as rsatoolbox has it: then the noise fits the folds too
        well, and equal conditions are more than 0 apart on average, the more the
        fewer episodes there are to a unit.

    Returns
    -------
    ndarray of float64, shape (n_fold_pairs, n_pairs)
        Squared distances per channel, of pairs of conditions in order (0, 1), (0, 2),
        ...; they may be negative.
    """
    centred = rows - rows.mean(axis=0)  # the differences stay, rounding falls
    means = design.fold_means(centred)
    n_folds, n, n_channels = means.shape
    first, second = fold_pairs(n_folds)
    found = np.empty((len(first), n * (n - 1) // 2))
    n_blocks = min(_N_BLOCKS, n_folds)
    if not from_others or noise == "identity":
        white = whitened(centred, design, noise) if noise != "identity" else centred
        _fill(found, np.arange(len(first)), design.fold_means(white), (first, second))
        return np.asarray(found / n_channels)
    blocks = np.sort(np.stack([first, second]) % n_blocks, axis=0)
    for a, b in np.unique(blocks, axis=1).T:
        pairs = np.flatnonzero((blocks[0] == a) & (blocks[1] == b))
        is_other = ~np.isin(design.folds % n_blocks, [a, b])
        weigh = _whitening(
            centred[is_other],
            design.of_row[is_other],
            noise if is_other.any() else "identity",
        )
        white = np.zeros_like(means)
        used = np.unique(np.stack([first[pairs], second[pairs]]))
        of_used = weigh(means[used].reshape(-1, n_channels))
        white[used] = of_used.reshape(len(used), n, -1)
        is_turned = first[pairs] % n_blocks != a
        _fill(
            found,
            pairs,
            white,
            (
                np.where(is_turned, second[pairs], first[pairs]),
                np.where(is_turned, first[pairs], second[pairs]),
            ),
        )
    return np.asarray(found / n_channels)


def _fill(
    found: NDArray[np.float64],
    pairs: NDArray[np.int64],
    means: NDArray[np.float64],
    folds: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> None:
    """Write the distances of some pairs of folds where they belong."""
    n, n_channels = means.shape[1:]
    i, j = np.triu_indices(n, 1)
    upper = i * n + j
    firsts = np.unique(folds[0])
    for start in range(0, len(firsts), _N_TOGETHER):
        one = firsts[start : start + _N_TOGETHER]
        chosen = np.flatnonzero(np.isin(folds[0], one))
        other = np.unique(folds[1][chosen])
        left, right = (means[x].reshape(-1, n_channels) for x in (one, other))
        products = (left @ right.T).reshape(len(one), n, len(other), n)
        rows = np.searchsorted(one, folds[0][chosen])
        columns = np.searchsorted(other, folds[1][chosen])
        for pair, row, column in zip(pairs[chosen], rows, columns, strict=True):
            product = products[row, :, column]
            own = np.diag(product)
            crossed = (product + product.T).ravel()[upper]
            found[pair] = own[i] + own[j] - crossed
