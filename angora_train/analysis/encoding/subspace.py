# SPDX-License-Identifier: Apache-2.0
"""Communication subspaces: how many patterns of a source matter to its target.

What a source says of a target's activity, beyond the course in time that all episodes
share, is fitted with fewer and fewer dimensions. The smallest number that does as well
as all, within one standard error, is the dimension of the pathway's subspace.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from angora_train.analysis.decoding import ridge
from angora_train.analysis.decoding.features import area_features
from angora_train.analysis.decoding.samples import Rows, assign_folds, paired_rows
from angora_train.analysis.decoding.work import Tell, silent
from angora_train.analysis.recording import schema
from angora_train.errors import ConfigError
from atlasnet import NetworkSpec

__all__ = ["Subspace", "communication_subspaces", "reduced_rank"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Subspace:
    """How well a target is predicted by so many dimensions of a source.

    Attributes
    ----------
    by_rank : ndarray of float64, shape (n_ranks, n_folds)
        Share of the target's variance in each fold, by rank from 1.
    full : ndarray of float64, shape (n_folds,)
        The same of ridge regression, whose rank is not bound.
    """

    by_rank: Array
    full: Array

    @property
    def sem(self) -> float:
        """Standard error of the mean over folds, of what is not bound."""
        return float(self.full.std(ddof=1) / np.sqrt(len(self.full)))

    @property
    def rank(self) -> int:
        """The smallest rank within one standard error of what is not bound."""
        enough = self.by_rank.mean(1) >= self.full.mean() - self.sem
        return int(np.argmax(enough)) + 1 if enough.any() else len(enough)


def reduced_rank(rows: Rows) -> Subspace:
    """Fit a target's units from a source's by reduced-rank regression.

    Parameters
    ----------
    rows : Rows
        Samples of source (`x`) and target (the first of `ys`).

    Returns
    -------
    Subspace
        For folds that were not fitted; the penalty, one for all target units, is chosen
        in inner folds.

    References
    ----------
    Semedo et al. (2019), Cortical areas interact through a communication subspace,
    Neuron 102:249. https://doi.org/10.1016/j.neuron.2019.01.026
    """
    y = rows.ys[0]
    design = ridge.Design(rows.x, rows.bounds)
    moments = design.moments(y)
    n_ranks = min(rows.x.shape[1], y.shape[1])
    by_rank = np.empty((n_ranks, design.n_folds))
    full = np.empty(design.n_folds)
    for outer in range(design.n_folds):
        errors = design.errors(moments, outer, ridge.ALPHAS).sum(1)
        penalty = np.full(y.shape[1], ridge.ALPHAS[int(errors.argmin())])
        slopes, constants = design.weights(moments, (outer,), penalty)
        here = slice(rows.bounds[outer], rows.bounds[outer + 1])
        fitted = np.concatenate([rows.x[: here.start], rows.x[here.stop :]])
        _, axes = np.linalg.eigh(slopes.T @ np.cov(fitted.T, ddof=0) @ slopes)
        axes = axes[:, ::-1]
        mean = design.training_mean(moments, outer)
        told = rows.x[here] @ slopes + constants - mean
        left = y[here] - mean
        total = (left**2).sum()
        full[outer] = 1 - ((left - told) ** 2).sum() / total
        # Parts of the prediction along its own axes are orthogonal: they add up.
        parts, sought = told @ axes, left @ axes
        gained = (2 * parts * sought - parts**2).sum(0).cumsum() / total
        by_rank[:, outer] = gained[:n_ranks]
    return Subspace(by_rank, full)


def communication_subspaces(
    recording: xr.Dataset,
    spec: NetworkSpec,
    *,
    n_folds: int = 5,
    n_units: int = 0,
    seed: int = 0,
    tell: Tell = silent,
) -> pd.DataFrame:
    """Return the subspace of each pathway of a network.

    Parameters
    ----------
    recording : xarray.Dataset
        See :mod:`angora_train.analysis.recording`.
    spec : NetworkSpec
        Its pathways: who speaks to whom, in which direction, how much later.
    n_folds : int
        Groups of episodes, at least 3.
    n_units : int
        Units drawn of each area, so that ranks compare; 0 takes the smallest area's.
    seed : int
        Of the draw.
    tell : callable
        Told of the progress.

    Returns
    -------
    pandas.DataFrame
        One row a pathway and rank: ``source``, ``target``, ``direction``, ``rank``,
        ``performance`` (share of the target's variance about the mean over episodes),
        ``sem``, ``full`` (rank not bound), ``dimension`` (the smallest rank within one
        ``sem`` of that), ``n_units`` and ``n`` (samples).

    Raises
    ------
    ConfigError
        If the recording lacks the pathways' areas, or episodes.
    """
    fold = assign_folds(recording.sizes["episode"], n_folds)
    known = schema.areas(recording)
    pathways = sorted(
        (p for p in spec.pathways if p.source in known and p.target in known),
        key=lambda p: (known.index(p.source), known.index(p.target)),
    )
    if not pathways:
        raise ConfigError(
            f"None of the {len(spec.pathways)} pathways of '{spec.name}' joins two "
            f"areas of the recording, which has: {', '.join(known)}."
        )
    rng = np.random.default_rng([seed, 6])
    sizes = {x: schema.area_units(recording, x) for x in known}
    least = min(part.stop - part.start for part in sizes.values())
    drawn = n_units or least
    if drawn > least:
        raise ConfigError(
            f"{drawn} units are asked of each area, the smallest has {least}."
        )
    units = {
        area: np.sort(rng.permutation(part.stop - part.start)[:drawn])
        for area, part in sizes.items()
    }
    rows: list[dict[str, object]] = []
    source, x = "", np.empty((0, 0, 0), np.float32)
    for i, pathway in enumerate(pathways):
        if pathway.source != source:
            source = pathway.source
            x = _fluctuations(recording, source, units[source])
        y = _fluctuations(recording, pathway.target, units[pathway.target])
        name = {"source": source, "target": pathway.target}
        name["direction"] = pathway.direction
        rows += _rows_of(x, y, pathway.lag, fold, name)
        tell("pathways", i + 1, len(pathways), f"{source} -> {pathway.target}")
    return pd.DataFrame(rows)


def _fluctuations(
    recording: xr.Dataset, area: str, units: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return activity about the mean over episodes at each step."""
    values = area_features(recording, area, units).values
    is_there = np.isfinite(values)
    n = np.maximum(is_there.sum(0), 1)
    mean = np.where(is_there, values, 0.0).sum(0) / n
    return np.asarray(values - mean, np.float32)


def _rows_of(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    lag: int,
    fold: NDArray[np.int64],
    name: dict[str, str],
) -> Sequence[dict[str, object]]:
    """Return a row for each rank of a pathway; none if too few samples are left."""
    for rows in paired_rows(x, [y], lag, fold):
        if not rows.is_enough or not rows.ys[0].std() > 0:
            continue
        found = reduced_rank(rows)
        return [
            {
                **name,
                "rank": rank,
                "performance": by_fold.mean(),
                "sem": found.sem,
                "full": found.full.mean(),
                "dimension": found.rank,
                "n_units": x.shape[2],
                "n": len(rows.x),
            }
            for rank, by_fold in enumerate(found.by_rank, 1)
        ]
    return []
