# SPDX-License-Identifier: Apache-2.0
"""Significance: scores beside those of targets that lost their tie to activity."""

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from angora_train.analysis.decoding.curves import Problem, curves
from angora_train.analysis.decoding.features import Features
from angora_train.analysis.decoding.nulls import (
    exchanged,
    moves,
    shifted,
    varies_within_episodes,
)
from angora_train.analysis.decoding.work import Tell, Work
from angora_train.errors import ConfigError

__all__ = ["EXCHANGED", "SHIFTED", "Nulls", "p_value"]

EXCHANGED = "exchanged"
SHIFTED = "shifted"
_KINDS = (EXCHANGED, SHIFTED)
_PENALTY = 1e-2
"""Of logistic regressions in tests, of the target and of nulls alike: to choose one for
each null would take most of the time."""


def p_value(score: float, null: NDArray[np.floating]) -> float:
    """Return the share of scores, its own among them, that are as high.

    Parameters
    ----------
    score : float
        What was found.
    null : ndarray, shape (n,)
        What was found without a tie.

    Returns
    -------
    float
        At least ``1 / (n + 1)``; NaN where there is no score.

    References
    ----------
    Phipson & Smyth (2010), Permutation P-values should never be zero, Stat Appl Genet
    Mol Biol 9:39.

    Examples
    --------
    >>> p_value(0.5, np.array([0.1, 0.2, 0.6]))
    0.5
    """
    if np.isnan(score) or np.isnan(null).all():
        return float("nan")
    return float((1 + np.sum(null >= score)) / (1 + len(null)))


@dataclass(frozen=True)
class Nulls:
    """Targets without their tie to activity, and the scores that they get.

    Attributes
    ----------
    work : Work
        What is decoded.
    lags : tuple of int
        Control steps at which it is tested.
    moves : ndarray of int64, shape (n,)
        Episodes by which the targets of each exchange move on.
    own : ndarray of float32, shape (n_areas, n_targets, n_lags)
        Scores of the targets themselves, filled by :meth:`test`.
    scores : ndarray of float32, shape (2, n_areas, n_targets, n_lags, n)
        Scores of nulls, filled by :meth:`test`.
    """

    work: Work
    lags: tuple[int, ...]
    moves: NDArray[np.int64]
    own: NDArray[np.float32]
    scores: NDArray[np.float32]

    @classmethod
    def of(cls, work: Work) -> "Nulls":
        """Draw nulls; refuse lags that are not decoded, or too few episodes."""
        plan = work.plan
        lags = tuple(dict.fromkeys(plan.null_lags))
        unknown = [x for x in lags if x not in work.lags]
        if unknown or not lags:
            raise ConfigError(
                f"Tests are at lags that are decoded: {work.lags[0]} to "
                f"{work.lags[-1]} in steps of {plan.lag_step}, got "
                f"{unknown[0] if unknown else 'none'}."
            )
        rng = np.random.default_rng([plan.decoding_seed, 4])
        drawn = moves(len(work.order), plan.null, rng)
        shape = (2, len(work.areas), len(work.targets), len(lags), len(drawn))
        own = np.full(shape[1:-1], np.nan, np.float32)
        return cls(work, lags, drawn, own, np.full(shape, np.nan, np.float32))

    def _members(self, kind: str) -> list[int]:
        """Return the numbers of targets that a kind of null changes."""
        targets = self.work.targets
        return [
            i
            for i, target in enumerate(targets)
            if kind == EXCHANGED or varies_within_episodes(target.values)
        ]

    def _problem(self, kind: str, members: list[int], j: int) -> Problem:
        """Return the null number `j`, the same for every area."""
        work = self.work
        own = [work.targets[i] for i in members]
        if kind == EXCHANGED:
            values = [exchanged(x.values, int(self.moves[j])) for x in own]
        else:
            rng = np.random.default_rng([work.plan.decoding_seed, 5, j])
            n_steps = work.recording["n_steps"].to_numpy().astype(np.int64)
            values = [shifted(x.values, n_steps, rng) for x in own]
        targets = tuple(
            replace(target, values=x[work.order])
            for target, x in zip(own, values, strict=True)
        )
        return Problem(targets, work.problem.fold, np.empty((0, len(work.order))))

    def test(self, i: int, features: Features, tell: Tell) -> None:
        """Decode the nulls from an area, the number `i`."""
        n = len(self.moves)
        found = curves(features, self.work.problem, self.lags, penalty=_PENALTY)
        self.own[i] = [curve.score for curve in found]
        for k, kind in enumerate(_KINDS):
            members = self._members(kind)
            for j in range(n):
                problem = self._problem(kind, members, j)
                found = curves(features, problem, self.lags, penalty=_PENALTY)
                for t, curve in zip(members, found, strict=True):
                    self.scores[k, i, t, :, j] = curve.score
                tell(f"nulls of {self.work.areas[i]}", k * n + j + 1, 2 * n, kind)

    def added(self, data: xr.Dataset) -> xr.Dataset:
        """Return a decoding with the nulls and the probabilities."""
        step_ms = 1000.0 * self.work.control_step_s
        p = np.array(
            [
                p_value(float(self.own[place[1:]]), self.scores[place])
                for place in np.ndindex(self.scores.shape[:-1])
            ]
        ).reshape(self.scores.shape[:-1])
        dims = ("null_kind", "tested_area", "target", "null_lag")
        return data.assign(
            null=((*dims, "replicate"), self.scores),
            p=(dims, p, {"long_name": "share of null scores as high"}),
        ).assign_coords(
            null_kind=list(_KINDS),
            tested_area=list(self.work.areas),
            null_lag=[x * step_ms for x in self.lags],
        )
