# SPDX-License-Identifier: Apache-2.0
"""Levels: a hierarchy of areas, fitted to what is cited and what was counted.

Each node has a level. How far the target stands above the source says how probable it
is that a pathway is feedforward, feedback or lateral, and which share of its neurons
lies in the upper layers. Levels are those under which the cited directions and counted
shares are most probable together, after the hierarchies of Felleman & Van Essen 1991
(Cereb Cortex 1:1), who rank areas by directions, and Markov et al. 2014 (J Comp Neurol
522:225), who fit levels to the shares. Areas of which little is known stay near what
their cell density says (the structural model: dense cortex projects forward).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from atlasnet.atlas.source import PathwayRecord, TracerFraction
from atlasnet.errors import AtlasError
from atlasnet.graph.direction import DIRECTIONS, Direction

__all__ = ["Levels", "claims_that_count", "fit_levels"]

_Array = NDArray[np.float64]

_SPREAD = 1.0
"""Standard deviation of a level about what the density says. Ours."""
_SLN_WEIGHT = 0.5
"""Weight of a counted share beside a cited direction; a share of 1,000 cells counts in
full, one of fewer by the logarithm. Ours."""
_CELLS_IN_FULL = 1000.0
_LEAST = 1e-6  # probability


@dataclass(frozen=True)
class Levels:
    """The levels of nodes, and what follows from them.

    Attributes
    ----------
    level : mapping of str to float
        Of each node; the farther up, the later in processing.
    margin : float
        Difference of levels beyond which a pathway is rather feedforward than not.
    density_slope, density_mean, density_spread : float
        Level of what is no node: the slope times its standardised logarithm of density.
    """

    level: Mapping[str, float]
    margin: float
    density_slope: float
    density_mean: float
    density_spread: float

    def of(self, node: str | None, density_per_mm3: float | None) -> float | None:
        """Return a level: of a node, else by density; None if neither is known."""
        if node in self.level:
            return self.level[str(node)]
        if density_per_mm3 is None:
            return None
        standard = (np.log(density_per_mm3) - self.density_mean) / self.density_spread
        return float(-self.density_slope * standard)

    def probabilities(self, source: float, target: float) -> dict[Direction, float]:
        """Return how probable each class is of a pathway between two levels.

        Parameters
        ----------
        source, target : float
            Levels.

        Examples
        --------
        >>> levels = Levels({}, 1.0, 0.0, 0.0, 1.0)
        >>> {k: round(p, 3) for k, p in levels.probabilities(0.0, 0.0).items()}
        {'feedforward': 0.269, 'feedback': 0.269, 'lateral': 0.462}
        """
        forward = float(_sigmoid(target - source - self.margin))
        back = float(_sigmoid(source - target - self.margin))
        lateral = max(_LEAST, 1.0 - forward - back)
        return {"feedforward": forward, "feedback": back, "lateral": lateral}


@dataclass(frozen=True)
class _Evidence:
    """What levels are fitted to, as arrays."""

    names: tuple[str, ...]
    log_density: tuple[float, ...]
    claims: tuple[tuple[int, int, int], ...]
    """Source, target, class."""
    shares: tuple[tuple[int, int, float, float], ...]
    """Source, target, share of upper layers, weight."""

    @cached_property
    def expected(self) -> _Array:
        """Standardised level by density alone: dense cortex stands below."""
        values = np.array(self.log_density)
        expected: _Array = -(values - values.mean()) / values.std()
        return expected


def claims_that_count(
    pathways: Sequence[PathwayRecord], density_per_mm3: Mapping[str, float]
) -> tuple[PathwayRecord, ...]:
    """Return the pathways whose directions levels are fitted to.

    Parameters
    ----------
    pathways : sequence of PathwayRecord
        What the literature says.
    density_per_mm3 : mapping of str to float
        Cells per mm3 of all layers, by node.

    Returns
    -------
    tuple of PathwayRecord
        Those that are verified or cited, with a direction, and a density at both ends.
    """
    return tuple(
        p
        for p in pathways
        if p.direction is not None
        and p.support in ("verified", "cited")
        and {p.source, p.target} <= density_per_mm3.keys()
    )


def fit_levels(
    pathways: Sequence[PathwayRecord],
    fractions: Sequence[TracerFraction],
    density_per_mm3: Mapping[str, float],
) -> Levels:
    """Fit levels to cited directions and counted shares.

    Parameters
    ----------
    pathways : sequence of PathwayRecord
        Of these :func:`claims_that_count`.
    fractions : sequence of TracerFraction
        Those with a share of upper layers count.
    density_per_mm3 : mapping of str to float
        Cells per mm3 of all layers, by node.

    Returns
    -------
    Levels
        The most probable ones: an ordinal model of the classes, thresholds at plus and
        minus the margin, and a logistic one of the shares.

    Raises
    ------
    AtlasError
        If no direction is cited.
    """
    names = tuple(density_per_mm3)
    index = {name: i for i, name in enumerate(names)}
    claims = tuple(
        (index[p.source], index[p.target], DIRECTIONS.index(p.direction))
        for p in claims_that_count(pathways, density_per_mm3)
        if p.direction is not None
    )
    if not claims:
        raise AtlasError(
            "A hierarchy is fitted to cited directions, and there are none. Take the "
            "direction model 'structural_model'."
        )
    shares = tuple(
        (index[a], index[b], row.sln, _weight(row.n_cells))
        for row in fractions
        if row.sln is not None
        for a in row.sources
        for b in row.targets
        if a != b and {a, b} <= index.keys()
    )
    densities = tuple(float(np.log(density_per_mm3[name])) for name in names)
    return _fitted(_Evidence(names, densities, claims, shares))


def _weight(n_cells: float) -> float:
    """Return how much a share of so many cells counts."""
    full = np.log10(1.0 + n_cells) / np.log10(1.0 + _CELLS_IN_FULL)
    return float(_SLN_WEIGHT * min(1.0, full))


@lru_cache(maxsize=256)
def _fitted(evidence: _Evidence) -> Levels:
    """Return the most probable levels."""
    n = len(evidence.names)
    start = np.concatenate([0.3 * evidence.expected, [0.0, 0.0, 0.0, 0.3]])
    found = minimize(
        _loss, start, args=(evidence,), method="L-BFGS-B", jac=True, tol=1e-9
    )
    log_density = np.array(evidence.log_density)
    return Levels(
        level=dict(zip(evidence.names, found.x[:n].tolist(), strict=True)),
        margin=float(np.exp(found.x[n])),
        density_slope=float(found.x[n + 3]),
        density_mean=float(log_density.mean()),
        density_spread=float(log_density.std()),
    )


def _loss(x: _Array, evidence: _Evidence) -> tuple[float, _Array]:
    """Return minus the logarithm of the probability, and its gradient.

    The unknowns are the levels, then the logarithms of the margin and of the slope of
    shares, their offset, and the slope of the density's level.
    """
    n = len(evidence.names)
    level, (log_margin, log_slope, offset, by_density) = x[:n], x[n:]
    gradient = np.zeros_like(x)
    loss = _claims_loss(level, log_margin, evidence, gradient)
    loss += _shares_loss(level, log_slope, offset, evidence, gradient)
    away = level - by_density * evidence.expected
    loss += float(away @ away) / (2.0 * _SPREAD**2)
    gradient[:n] += away / _SPREAD**2
    gradient[n + 3] -= float(away @ evidence.expected) / _SPREAD**2
    free = x[n : n + 3]
    gradient[n : n + 3] += free
    return loss + float(free @ free) / 2.0, gradient


def _claims_loss(
    level: _Array, log_margin: float, evidence: _Evidence, gradient: _Array
) -> float:
    """Add what the cited directions say of the levels."""
    source, target, kind = np.array(evidence.claims).T
    margin = np.exp(log_margin)
    rise = level[target] - level[source]
    forward, back = _sigmoid(rise - margin), _sigmoid(-rise - margin)
    d_forward, d_back = forward * (1 - forward), back * (1 - back)
    # By class: its probability, and the derivatives by the rise and by the margin.
    each = np.stack([forward, back, 1.0 - forward - back])
    by_rise = np.stack([d_forward, -d_back, d_back - d_forward])
    by_margin = np.stack([-d_forward, -d_back, d_forward + d_back])
    own = np.arange(len(kind))
    probability = np.maximum(each[kind, own], _LEAST)
    pull = -by_rise[kind, own] / probability
    np.add.at(gradient, target, pull)
    np.add.at(gradient, source, -pull)
    gradient[len(level)] -= float((by_margin[kind, own] / probability).sum() * margin)
    return -float(np.log(probability).sum())


def _shares_loss(
    level: _Array,
    log_slope: float,
    offset: float,
    evidence: _Evidence,
    gradient: _Array,
) -> float:
    """Add what the counted shares say of the levels."""
    if not evidence.shares:
        return 0.0
    ends = np.array([row[:2] for row in evidence.shares])
    share, weight = np.array([row[2:] for row in evidence.shares]).T
    source, target = ends.T
    slope, n = np.exp(log_slope), len(level)
    rise = level[target] - level[source]
    expected = np.clip(_sigmoid(slope * rise + offset), _LEAST, 1.0 - _LEAST)
    error = weight * (expected - share)
    np.add.at(gradient, target, error * slope)
    np.add.at(gradient, source, -error * slope)
    gradient[n + 1] += float((error * rise).sum() * slope)
    gradient[n + 2] += float(error.sum())
    likely = share * np.log(expected) + (1.0 - share) * np.log1p(-expected)
    return -float((weight * likely).sum())


def _sigmoid(x: _Array | float) -> _Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(x, np.float64))))
