# SPDX-License-Identifier: Apache-2.0
"""Estimates: fits of areas by models with intervals, p and noise ceilings, as rows.

Intervals are Student's, with the standard deviation of the resamples, since a resample
repeats folds and so is noisier than the sample: its percentiles lie too low. Of
correlations they are taken on Fisher's scale. Degrees of freedom are folds of episodes
less one; of several subjects they lie between that and subjects less one, as most of
the spread is within or between them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from angora_train.analysis.rsa.fitting import MEASURES, Moments, Predictors, fit
from angora_train.analysis.rsa.resampling import (
    FEWEST_FOLDS,
    Keeps,
    false_discovery_rate,
    fold_weights,
    half_weights,
    hierarchical,
    labels_exchanged,
    permuted_partials,
)

__all__ = ["Fits", "ceiling_rows", "difference_rows", "estimate_rows"]

Rows = list[dict[str, object]]
_TOGETHER = "together"
"""Model whose ``explained`` is that of all."""
_ROUNDING = 1e-5
"""Permutations are computed in single precision."""
_N_HALVES = 50
"""Random halves of the folds for a noise ceiling."""


class _Settings(Protocol):
    """How many resamples, for which level."""

    @property
    def n_resamples(self) -> int: ...
    @property
    def level(self) -> float: ...


@dataclass(frozen=True)
class Fits:
    """Distances in a subject's areas, reduced to what fits are made from.

    Attributes
    ----------
    subject : str
        Its name.
    areas : tuple of str
        Areas.
    means : ndarray of float64, shape (n_areas, n_pairs)
        Distances.
    moments : mapping of str to sequence of Moments
        By scope, one an area.
    scopes : mapping of str to Predictors
        Models of each scope.
    levels : ndarray of int64, shape (n_conditions, n_factors)
        Level of each factor, the first of which makes the kinds.
    factor_models : tuple of str
        Models that say no more than the factors do, in their order.
    n_folds, n_episodes : int
        Folds, and episodes in them.
    """

    subject: str
    areas: tuple[str, ...]
    means: NDArray[np.float64]
    moments: Mapping[str, Sequence[Moments]]
    scopes: Mapping[str, Predictors]
    levels: NDArray[np.int64]
    factor_models: tuple[str, ...]
    n_folds: int
    n_episodes: int

    def scores(
        self, scope: str, area: str, weights: NDArray[np.float64]
    ) -> dict[str, NDArray[np.float64]]:
        """Fit an area's distances, weighted by fold pairs; see `fit`."""
        moments = self.moments[scope][self.areas.index(area)]
        return fit(moments, weights, self.scopes[scope].gram)

    def whole(self) -> NDArray[np.float64]:
        """Return the weights of the sample itself, shape (1, n_fold_pairs)."""
        n_pairs = self.n_folds * (self.n_folds - 1) // 2
        return np.full((1, n_pairs), 1 / n_pairs)


def _about(group: Sequence[Fits]) -> dict[str, object]:
    """Return what the rows of a group have in common."""
    is_one = len(group) == 1
    return {
        "subject": group[0].subject if is_one else "all",
        "n": len(group),
        "n_episodes": sum(one.n_episodes for one in group),
        "over": "episodes" if is_one else "subjects and episodes",
    }


def _common_areas(group: Sequence[Fits]) -> list[str]:
    """Return the areas that all have, in the order of the first."""
    return [x for x in group[0].areas if all(x in one.areas for one in group)]


def _scale(measure: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take correlations to Fisher's scale."""
    if measure in {"correlation", "partial"}:
        return np.arctanh(np.clip(values, -1 + 1e-9, 1 - 1e-9))
    return values


def _spread(
    resamples: Sequence[NDArray[np.float64]],
    group: Sequence[Fits],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the standard error of a mean over subjects, and its degrees of freedom.

    Not a number with fewer than four folds. By the hierarchical bootstrap. What it
    holds beyond the spread over episodes is that between subjects, which drawing few of
    them makes too small by (S - 1) / S; degrees of freedom are those of the sum of the
    two (Satterthwaite 1946).
    """
    n_subjects = len(group)
    of_folds = sum(one.n_folds - 1 for one in group)
    if min(one.n_folds for one in group) < FEWEST_FOLDS:
        nothing = np.full(resamples[0].shape[1:], np.nan)
        return nothing, np.ones_like(nothing)
    known = [np.where(np.isfinite(x), x, np.nan) for x in resamples]
    own = np.array([_variance(x) for x in known])
    within = own.mean(axis=0) / n_subjects
    if n_subjects == 1:
        return np.sqrt(within), np.full(within.shape, float(of_folds))
    drawn = _variance(hierarchical(known, rng))
    between = np.maximum(drawn - within, 0.0) * n_subjects / (n_subjects - 1)
    total = between + within
    squares = np.square(between) / (n_subjects - 1) + np.square(within) / of_folds
    dof = np.where(squares > 0, np.square(total) / np.where(squares > 0, squares, 1), 1)
    return np.sqrt(total), np.maximum(dof, 1.0)


def _variance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the variance over resamples, those that are not a number left out."""
    is_known = np.isfinite(values)
    n = is_known.sum(axis=0)
    held = np.where(is_known, values, 0.0)
    mean = held.sum(axis=0) / np.maximum(n, 1)
    squares = np.where(is_known, np.square(values - mean), 0.0).sum(axis=0)
    return np.where(n > 1, squares / np.maximum(n - 1, 1), np.nan)


def _interval(
    measure: str, mean: float, spread: float, level: float, dof: float
) -> tuple[float, float, float]:
    """Return the ends of an interval, and t of the mean against 0."""
    scaled = float(_scale(measure, np.array(mean)))
    if not math.isfinite(mean) or not math.isfinite(spread):
        return math.nan, math.nan, math.nan
    half = float(stats.t.ppf((1 + level) / 2, dof)) * spread
    low, high = scaled - half, scaled + half
    sign = math.copysign(math.inf, scaled) if scaled else 0.0
    t = scaled / spread if spread > 0 else sign
    if measure in {"correlation", "partial"}:
        low, high = math.tanh(low), math.tanh(high)
    elif measure in {"weight", "explained"}:
        low, high = max(low, 0.0), min(high, 1.0)
    return low, high, t


def estimate_rows(
    group: Sequence[Fits],
    settings: _Settings,
    rng: np.random.Generator,
    *,
    control: str,
    is_shuffled: bool = False,
) -> Rows:
    """Return how well models fit the areas of subjects.

    Parameters
    ----------
    group : sequence of Fits
        Subjects, whose mean is told.
    settings : Settings
        Resamples and level.
    rng : numpy.random.Generator
        Draws them.
    control : str
        What the rows are called.
    is_shuffled : bool
        Whether rows follow, with the control ``shuffled``, of the partial correlations
        when conditions have each other's labels: mean and the interval that `level` of
        the permutations lie in.

    Returns
    -------
    list of dict
        A row for each scope, area, model and measure.
    """
    drawn = [fold_weights(one.n_folds, settings.n_resamples, rng) for one in group]
    n_valid = min(n for _, n in drawn)
    areas = _common_areas(group)
    about = {**_about(group), "control": control, "n_valid": n_valid}
    rows: Rows = []
    shuffled: Rows = []
    for scope, models in group[0].scopes.items():
        observed, permuted = _partials(group, areas, scope, settings.n_resamples, rng)
        p_chance = _chance(observed, permuted)
        shuffled += _shuffled_rows(permuted, scope, areas, models.names, settings)
        for a, area in enumerate(areas):
            whole = [one.scores(scope, area, one.whole()) for one in group]
            resampled = [
                one.scores(scope, area, weights)
                for one, (weights, _) in zip(group, drawn, strict=True)
            ]
            for measure in (*MEASURES, "explained"):
                value = np.mean([x[measure][0] for x in whole], axis=0).ravel()
                scaled = [
                    _scale(measure, x[measure]).reshape(settings.n_resamples, -1)
                    for x in resampled
                ]
                spread, dof = _spread(scaled, group, rng)
                named = models.names if measure in MEASURES else (_TOGETHER,)
                for m, model in enumerate(named):
                    low, high, t = _interval(
                        measure, value[m], spread[m], settings.level, dof[m]
                    )
                    row: dict[str, object] = {"scope": scope, "area": area}
                    row |= {"model": model}
                    row |= {"measure": measure, "value": float(value[m])}
                    row |= {"low": low, "high": high, **about}
                    if measure == "partial":
                        p_sampling = float(stats.t.sf(t, dof[m]))
                        row |= _p(p_sampling, p_chance[:, a, m])
                    rows.append(row)
    beside = [{**about, **row} for row in shuffled] if is_shuffled else []
    return _corrected(rows, len(group[0].scopes)) + beside


def _p(p_sampling: float, p_chance: NDArray[np.float64]) -> dict[str, object]:
    """Return p, the larger of sampling's and chance's, and its two parts."""
    alone, largest = p_chance
    return {"p": max(p_sampling, alone), "p_max": (p_sampling, largest)}


def _chance(
    observed: NDArray[np.float64], permuted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return p of partial correlations by exchanged labels, shape (2, areas, models).

    First of each test alone, then of the largest of all.
    """
    n = len(permuted)
    alone = (1 + (permuted >= observed - _ROUNDING).sum(axis=0)) / (1 + n)
    largest = permuted.max(axis=(1, 2), initial=-1.0)
    beyond = (largest[:, None, None] >= observed - _ROUNDING).sum(axis=0)
    return np.stack([alone, (1 + beyond) / (1 + n)])


def _partials(
    group: Sequence[Fits],
    areas: list[str],
    scope: str,
    n: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return partial correlations, mean over subjects, and with exchanged labels."""
    of_model = _orders(group[0], scope, n, rng)
    total: NDArray[np.float64] = np.zeros(())
    for one in group:
        places = [one.areas.index(area) for area in areas]
        models = one.scopes[scope]
        orders = [of_model[x] for x in models.names]
        total = total + permuted_partials(one.means[places], models, orders)
    total = total / len(group)
    return total[0], total[1:]


def _orders(
    fits: Fits, scope: str, n: int, rng: np.random.Generator
) -> dict[str, NDArray[np.int64]]:
    """Return the permutations of conditions that test each model, its own order first.

    Without phases nothing is known of the order of conditions, and those of kinds of
    unequal size change places freely where pairs within kinds need not stay so.
    """
    levels, names = fits.levels, fits.factor_models
    phase = names.index("phase") if "phase" in names else None
    sizes = np.unique(levels[:, 0], return_counts=True)[1]
    is_uneven = scope == "all" and len(set(sizes.tolist())) > 1
    found = {}
    made: dict[Keeps, NDArray[np.int64]] = {}
    for model in fits.scopes[scope].names:
        keeps: Keeps
        if model == names[0] or (phase is None and is_uneven):
            keeps = "nothing"
        elif phase is None or model == "phase":
            keeps = "kinds"
        else:
            keeps = "time"
        if keeps not in made:
            drawn = labels_exchanged(levels, n, rng, keeps=keeps, phase=phase)
            made[keeps] = np.concatenate([np.arange(len(levels))[None], drawn])
        found[model] = made[keeps]
    return found


def _corrected(rows: Rows, n_scopes: int = 1) -> Rows:
    """Correct p for the number of tests, in place: all that have a p are one family."""
    tested = [row for row in rows if "p" in row]
    p = np.array([row["p"] for row in tested], np.float64)
    for row, corrected in zip(tested, false_discovery_rate(p), strict=True):
        row["p_fdr"] = float(corrected)
        if "p_max" in row:
            p_sampling, largest = np.array(row["p_max"]).tolist()
            by_episodes = min(1.0, p_sampling * len(tested))
            row["p_max"] = max(by_episodes, min(1.0, largest * n_scopes))
    return rows


def difference_rows(
    trained: Sequence[Fits],
    untrained: Sequence[Fits],
    settings: _Settings,
    rng: np.random.Generator,
) -> Rows:
    """Return by how much models fit trained areas better than untrained ones.

    Parameters
    ----------
    trained, untrained : sequence of Fits
        The same subjects, over the same episodes; a resample draws the same of both.
    settings : Settings
        Resamples and level.
    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    list of dict
        Rows with the control ``trained - untrained``; `p` is two-sided.
    """
    drawn = [fold_weights(one.n_folds, settings.n_resamples, rng) for one in trained]
    areas = _common_areas([*trained, *untrained])
    about = {**_about(trained), "control": "trained - untrained"}
    about["n_valid"] = min(n for _, n in drawn)
    rows: Rows = []
    for scope, models in trained[0].scopes.items():
        for area in areas:
            for measure in (*MEASURES, "explained"):
                values, spreads = [], []
                for one, other, (weights, _) in zip(
                    trained, untrained, drawn, strict=True
                ):
                    both = np.concatenate([one.whole(), weights])
                    apart = (
                        one.scores(scope, area, both)[measure]
                        - other.scores(scope, area, both)[measure]
                    ).reshape(len(both), -1)
                    values.append(apart[0])
                    spreads.append(apart[1:])
                value = np.mean(values, axis=0)
                spread, dof = _spread(spreads, trained, rng)
                named = models.names if measure in MEASURES else (_TOGETHER,)
                for m, model in enumerate(named):
                    low, high, t = _interval(
                        "difference", value[m], spread[m], settings.level, dof[m]
                    )
                    row: dict[str, object] = {"scope": scope, "area": area, **about}
                    row |= {"model": model}
                    row |= {"measure": measure, "value": float(value[m])}
                    row |= {"low": low, "high": high}
                    if measure == "partial":
                        row["p"] = float(2 * stats.t.sf(abs(t), dof[m]))
                    rows.append(row)
    return _corrected(rows)


def _shuffled_rows(
    permuted: NDArray[np.float64],
    scope: str,
    areas: Sequence[str],
    models: Sequence[str],
    settings: _Settings,
) -> Rows:
    """Return the mean of permutations, and where `level` of them lie."""
    ends = [(1 - settings.level) / 2, (1 + settings.level) / 2]
    low, high = np.quantile(permuted, ends, axis=0)
    mean = permuted.mean(axis=0)
    rows: Rows = []
    for a, area in enumerate(areas):
        for m, model in enumerate(models):
            row: dict[str, object] = {"scope": scope, "area": area, "model": model}
            row |= {"measure": "partial", "value": float(mean[a, m])}
            row |= {"low": float(low[a, m]), "high": float(high[a, m])}
            row |= {"control": "shuffled", "n_valid": len(permuted)}
            rows.append({**row, "over": "permutations of labels"})
    return rows


def ceiling_rows(group: Sequence[Fits], rng: np.random.Generator) -> Rows:
    """Return how well the true model could be expected to correlate.

    Of several subjects, the mean correlation of each one's distances with the mean of
    the others (``ceiling_low``) and of all (``ceiling_high``; Nili et al. 2014).
    Of one, the correlation of random halves of its episodes, and what the whole would
    correlate with the truth by Spearman and Brown's formula.

    Parameters
    ----------
    group : sequence of Fits
        Subjects.
    rng : numpy.random.Generator
        Draws halves.

    Returns
    -------
    list of dict
        Two rows for each scope and area; not a number with fewer than four folds.
    """
    rows: Rows = []
    about = {**_about(group), "control": "trained", "model": _TOGETHER}
    for scope, models in group[0].scopes.items():
        for area in _common_areas(group):
            ends = (
                _ceiling_of_one(group[0], scope, area, rng)
                if len(group) == 1
                else _ceiling_of_all(group, models.is_in, area)
            )
            for measure, value in zip(
                ("ceiling_low", "ceiling_high"), ends, strict=True
            ):
                row = {"scope": scope, "area": area, "measure": measure}
                rows.append({**row, "value": value, **about})
    return rows


def _ceiling_of_one(
    fits: Fits, scope: str, area: str, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the ceiling of one subject from halves of its folds."""
    halves = half_weights(fits.n_folds, _N_HALVES, rng)
    if halves is None:
        return np.nan, np.nan
    products = fits.moments[scope][fits.areas.index(area)].with_each_other
    one, other = halves
    across, first, second = (
        np.einsum("bp,pq,bq->b", x, products, y, optimize=True)
        for x, y in ((one, other), (one, one), (other, other))
    )
    norms = np.sqrt(first * second)
    r = float(np.mean(across[norms > 0] / norms[norms > 0])) if norms.any() else np.nan
    return r, float(np.sqrt(max(0.0, 2 * r / (1 + r)))) if r > -1 else 0.0


def _ceiling_of_all(
    group: Sequence[Fits], is_in: NDArray[np.bool_], area: str
) -> tuple[float, float]:
    """Return the ceiling of several subjects."""
    own = np.array([one.means[one.areas.index(area)][is_in] for one in group])
    own = own - own.mean(axis=1, keepdims=True)
    own = own / np.linalg.norm(own, axis=1, keepdims=True)
    total = own.sum(axis=0)
    ends = []
    for target in (total - own, np.broadcast_to(total, own.shape)):
        norms = np.linalg.norm(target, axis=1)
        ends.append(float(np.mean((own * target).sum(axis=1) / norms)))
    return ends[0], ends[1]
