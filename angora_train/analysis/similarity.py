# SPDX-License-Identifier: Apache-2.0
"""Representational similarity: which conditions an area tells apart, and how far.

A condition is a kind of goal in a phase of the movement. For every area, the distance
between two conditions is the cross-validated Mahalanobis distance (crossnobis) of its
mean activity: patterns of separate episodes are multiplied, so that noise does not
add up to distance and two equal conditions are 0 apart on average; directions of
activity are weighed by how reliable they are over episodes of one condition. Two areas
are alike if their matrices of distances are.

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

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from rsatoolbox.data.dataset import Dataset
from rsatoolbox.data.noise import prec_from_unbalanced
from rsatoolbox.rdm.calc import calc_rdm_crossnobis
from rsatoolbox.rdm.compare import compare
from rsatoolbox.rdm.rdms import RDMs
from sklearn.manifold import smacof

from angora_train.errors import ConfigError, closest

__all__ = [
    "GOAL_KINDS",
    "Embedding",
    "Noise",
    "Patterns",
    "area_rdms",
    "compare_areas",
    "compare_models",
    "embed_areas",
    "model_rdms",
    "patterns_by_condition",
    "reliability",
]

_log = logging.getLogger(__name__)

GOAL_KINDS = ("ff", "mf", "rf", "lf", "rest")
"""Kinds of goals of the reaching task: the finger that the thumb meets, or rest."""

Noise = Literal["shrinkage_eye", "shrinkage_diag", "identity"]
"""Towards what the covariance of the noise is shrunk: the mean variance, each unit's
own, or ``identity``: no weights, the cross-validated Euclidean distance."""

_SILENT = 1e-12
"""Variance below which a unit counts as constant: far below what float32 resolves."""


# --- patterns -----------------------------------------------------------------------


@dataclass(frozen=True)
class Patterns:
    """Mean activity of episodes in each phase, the same number of every kind of goal.

    Attributes
    ----------
    episodes : ndarray of int, shape (n_rows,)
        Row of the recording.
    conditions : ndarray of int, shape (n_rows,)
        Index of the condition, ``kind * n_phases + phase``.
    folds : ndarray of int, shape (n_rows,)
        Fold of cross-validation; an episode lies in one fold, and every fold has the
        same number of episodes of every kind.
    values : ndarray of float64, shape (n_rows, n_channels)
        Mean over the phase.
    kinds : tuple of str
        Kinds of goals, in the order of the conditions.
    n_phases : int
        Equal parts of the episode.
    """

    episodes: NDArray[np.int64]
    conditions: NDArray[np.int64]
    folds: NDArray[np.int64]
    values: NDArray[np.float64]
    kinds: tuple[str, ...]
    n_phases: int

    @property
    def names(self) -> list[str]:
        """Names of the conditions, e.g. ``"ff 1"`` for its first phase."""
        phases = range(1, self.n_phases + 1)
        return [f"{kind} {phase}" for kind in self.kinds for phase in phases]

    @property
    def n_per_kind(self) -> int:
        """Episodes of each kind of goal."""
        return len(np.unique(self.episodes)) // len(self.kinds)


def patterns_by_condition(
    recording: xr.Dataset,
    variable: str = "activity",
    *,
    n_phases: int = 5,
    n_folds: int = 5,
) -> Patterns:
    """Average a variable of a recording over the phases of each episode.

    Parameters
    ----------
    recording : xarray.Dataset
        See :func:`angora_train.analysis.record.record`.
    variable : str
        A variable with the dimensions episode, time and one more.
    n_phases : int
        Equal parts of the episode.
    n_folds : int
        Folds of cross-validation.

    Returns
    -------
    Patterns
        The first episodes of every kind of goal, as many of each: the number of the
        rarest kind, rounded down to a multiple of `n_folds`.

    Raises
    ------
    ConfigError
        If a kind has fewer episodes than there are folds, or an episode fewer steps
        than there are phases.
    """
    kind_of = recording["goal_kind"].to_numpy()
    present = np.unique(kind_of)
    n_of = {int(kind): int((kind_of == kind).sum()) for kind in present}
    rarest = min(n_of, key=lambda kind: n_of[kind])
    n_each = n_of[rarest] // n_folds * n_folds
    if not n_each:
        raise ConfigError(
            f"{n_folds} folds need as many episodes of every kind of goal; the kind "
            f"'{_kind_name(rarest)}' has {n_of[rarest]} of {len(kind_of)}. Record "
            "more episodes, or take fewer folds."
        )
    values = recording[variable].transpose("episode", "time", ...).to_numpy()
    n_steps = recording["n_steps"].to_numpy()
    if n_steps.min() < n_phases:
        raise ConfigError(
            f"{n_phases} phases need as many steps; an episode has {n_steps.min()}."
        )
    rows: list[tuple[int, int, int]] = []
    means: list[NDArray[np.float64]] = []
    for i_kind, kind in enumerate(present):
        for rank, episode in enumerate(np.flatnonzero(kind_of == kind)[:n_each]):
            steps = np.array_split(np.arange(n_steps[episode]), n_phases)
            for phase, part in enumerate(steps):
                condition = i_kind * n_phases + phase
                rows.append((int(episode), condition, rank % n_folds))
                means.append(values[episode, part].mean(axis=0, dtype=np.float64))
    episodes, conditions, folds = np.array(rows).T
    return Patterns(
        episodes=episodes,
        conditions=conditions,
        folds=folds,
        values=np.array(means),
        kinds=tuple(_kind_name(int(kind)) for kind in present),
        n_phases=n_phases,
    )


def _kind_name(kind: int) -> str:
    """Return the name of a kind of goal, or its number."""
    return GOAL_KINDS[kind] if kind < len(GOAL_KINDS) else str(kind)


# --- distances ----------------------------------------------------------------------


def area_rdms(
    recording: xr.Dataset,
    *,
    n_phases: int = 5,
    n_folds: int = 5,
    noise: Noise = "shrinkage_eye",
) -> RDMs:
    """Measure how far apart the conditions are in the activity of each area.

    Parameters
    ----------
    recording : xarray.Dataset
        See :func:`angora_train.analysis.record.record`.
    n_phases : int
        Equal parts of the episode; with five kinds of goals, four make 20 conditions.
    n_folds : int
        Folds of cross-validation over episodes.
    noise : {"shrinkage_eye", "shrinkage_diag", "identity"}
        How the noise weighs the units; see the module. An area without noise has the
        distances of ``identity``.

    Returns
    -------
    rsatoolbox.rdm.RDMs
        One matrix of crossnobis distances an area, divided by its number of units;
        they may be negative. ``rdm_descriptors``: ``area``, ``n_units`` and
        ``n_active``, the units that were not constant. ``pattern_descriptors``:
        ``condition``, ``kind`` and ``phase``. Areas without an active unit are left
        out, with a warning in the log.

    Raises
    ------
    ConfigError
        If there are too few episodes of a kind, or no area is active.
    """
    patterns = patterns_by_condition(recording, n_phases=n_phases, n_folds=n_folds)
    return _rdms(patterns, recording["area"].to_numpy().astype(str), noise)


def _rdms(patterns: Patterns, area_of: NDArray[np.str_], noise: Noise) -> RDMs:
    """Return the distances in each area, given the area of each channel."""
    found, descriptors = [], []
    for area in dict.fromkeys(area_of.tolist()):
        values = patterns.values[:, area_of == area]
        active = values[:, values.var(axis=0) > _SILENT]
        if not active.shape[1]:
            _log.warning("The area '%s' is silent: it has no distances.", area)
            continue
        found.append(_crossnobis(active, patterns, noise))
        descriptors.append((area, values.shape[1], active.shape[1]))
    if not found:
        raise ConfigError("No area was active in this recording.")
    columns = zip(*descriptors, strict=True)
    names = ("area", "n_units", "n_active")
    rdms = RDMs(  # type: ignore[no-untyped-call]
        np.array(found),
        dissimilarity_measure="crossnobis",
        rdm_descriptors=dict(zip(names, map(list, columns), strict=True)),
    )
    return _described(rdms, patterns)


def _crossnobis(
    values: NDArray[np.float64], patterns: Patterns, noise: Noise
) -> NDArray[np.float64]:
    """Return the distances of active channels, a vector in order of conditions."""
    # As floats: rsatoolbox fills descriptors that differ within a condition with NaN.
    labels = {"condition": patterns.conditions, "fold": patterns.folds}
    dataset = Dataset(  # type: ignore[no-untyped-call]
        values,
        obs_descriptors={name: x.astype(float) for name, x in labels.items()},
    )
    is_noisy = _residuals(values, patterns).var(axis=0) > _SILENT
    is_weighed = is_noisy.all() if noise == "shrinkage_diag" else is_noisy.any()
    precision = None
    if noise != "identity" and is_weighed:  # without noise there is nothing to weigh by
        precision = prec_from_unbalanced(  # type: ignore[no-untyped-call]
            dataset, "condition", method=noise
        )
    with np.errstate(invalid="ignore"):  # it multiplies memory that is not set by NaN
        rdm = calc_rdm_crossnobis(
            dataset, "condition", noise=precision, cv_descriptor="fold"
        )
    distances: NDArray[np.float64] = rdm.dissimilarities[0]
    return distances


def _residuals(values: NDArray[np.float64], patterns: Patterns) -> NDArray[np.float64]:
    """Return the deviations from the mean of each condition, same shape."""
    residuals = np.empty_like(values)
    for condition in np.unique(patterns.conditions):
        rows = patterns.conditions == condition
        residuals[rows] = values[rows] - values[rows].mean(axis=0)
    return residuals


def _described(rdms: RDMs, patterns: Patterns) -> RDMs:
    """Name the conditions of distances that are in their order."""
    names = patterns.names
    rdms.pattern_descriptors.update(
        condition=names,
        kind=[name.split()[0] for name in names],
        phase=[int(name.split()[1]) for name in names],
    )
    return rdms


def reliability(
    recording: xr.Dataset,
    *,
    n_phases: int = 5,
    n_folds: int = 5,
    noise: Noise = "shrinkage_eye",
) -> pd.Series:
    """Measure how well an area's distances repeat in other episodes.

    Parameters
    ----------
    recording : xarray.Dataset
        See :func:`angora_train.analysis.record.record`.
    n_phases, n_folds, noise
        See :func:`area_rdms`; each half of the episodes has `n_folds`.

    Returns
    -------
    pandas.Series
        By area, the correlation of the distances in one half of the episodes with
        those in the other half. Areas cannot be expected to correlate better with
        each other than with themselves.

    Raises
    ------
    ConfigError
        If a kind of goal has fewer than twice as many episodes as there are folds.
    """
    patterns = patterns_by_condition(recording, n_phases=n_phases, n_folds=2 * n_folds)
    area_of = recording["area"].to_numpy().astype(str)
    halves = []
    for half in (0, 1):
        rows = patterns.folds % 2 == half
        part = Patterns(
            episodes=patterns.episodes[rows],
            conditions=patterns.conditions[rows],
            folds=patterns.folds[rows] // 2,
            values=patterns.values[rows],
            kinds=patterns.kinds,
            n_phases=n_phases,
        )
        rdms = _rdms(part, area_of, noise)
        halves.append(
            pd.DataFrame(
                rdms.dissimilarities, index=pd.Index(rdms.rdm_descriptors["area"])
            )
        )
    return halves[0].corrwith(halves[1], axis=1).dropna().rename("reliability")


# --- comparison ---------------------------------------------------------------------


def compare_areas(rdms: RDMs, method: str = "corr") -> pd.DataFrame:
    """Compare the distances of every area with those of every other.

    Parameters
    ----------
    rdms : rsatoolbox.rdm.RDMs
        What :func:`area_rdms` returned.
    method : str
        Comparison of rsatoolbox, such as ``corr``, ``spearman`` or ``cosine``.

    Returns
    -------
    pandas.DataFrame
        Areas by areas, symmetric; 1 where they are alike.
    """
    areas = pd.Index(rdms.rdm_descriptors["area"], name="area")
    similarity = np.asarray(compare(rdms, rdms, method=method))
    similarity = (similarity + similarity.T) / 2  # rounding
    return pd.DataFrame(similarity, index=areas, columns=areas)


def model_rdms(
    recording: xr.Dataset,
    *,
    n_phases: int = 5,
    n_folds: int = 5,
    variables: Mapping[str, str] | None = None,
) -> RDMs:
    """Return the distances that simple hypotheses expect between the conditions.

    Parameters
    ----------
    recording : xarray.Dataset
        See :func:`angora_train.analysis.record.record`.
    n_phases, n_folds : int
        As for the areas that they are compared with.
    variables : mapping of str to str, optional
        Variables of the recording by the name of their hypothesis: the distance is
        the Euclidean one of their mean in each condition. By default ``posture`` is
        ``vision`` (the fingertips), ``touch`` and ``action`` are themselves; those of
        them that were recorded.

    Returns
    -------
    rsatoolbox.rdm.RDMs
        ``goal kind``: 0 within a kind, else 1. ``phase``: difference of the phases.
        Then the variables'. ``rdm_descriptors``: ``model``.

    Raises
    ------
    ConfigError
        If a variable was not recorded.
    """
    given = {"posture": "vision", "touch": "touch", "action": "action"}
    recorded = {name: one for name, one in given.items() if one in recording}
    chosen = recorded if variables is None else dict(variables)
    for name, variable in chosen.items():
        if variable not in recording:
            known = [str(one) for one in recording.data_vars]
            raise ConfigError(
                f"The hypothesis '{name}' is about '{variable}', which was not "
                f"recorded.{closest(variable, known)} Recorded: {', '.join(known)}."
            )
    first = patterns_by_condition(
        recording, "vision", n_phases=n_phases, n_folds=n_folds
    )
    kind, phase = np.divmod(np.arange(len(first.names)), n_phases)
    models = {
        "goal kind": (kind[:, None] != kind).astype(np.float64),
        "phase": np.abs(phase[:, None] - phase).astype(np.float64),
    }
    for name, variable in chosen.items():
        patterns = patterns_by_condition(
            recording, variable, n_phases=n_phases, n_folds=n_folds
        )
        means = np.array(
            [
                patterns.values[patterns.conditions == condition].mean(axis=0)
                for condition in range(len(patterns.names))
            ]
        )
        apart = means[:, None] - means
        models[name] = np.sqrt(np.square(apart).sum(axis=-1))
    rdms = RDMs(  # type: ignore[no-untyped-call]
        np.array(list(models.values())),
        dissimilarity_measure="expected",
        rdm_descriptors={"model": list(models)},
    )
    return _described(rdms, first)


def compare_models(rdms: RDMs, models: RDMs, method: str = "corr") -> pd.DataFrame:
    """Compare the distances of every area with those of every hypothesis.

    Parameters
    ----------
    rdms : rsatoolbox.rdm.RDMs
        What :func:`area_rdms` returned.
    models : rsatoolbox.rdm.RDMs
        What :func:`model_rdms` returned for the same recording.
    method : str
        See :func:`compare_areas`.

    Returns
    -------
    pandas.DataFrame
        Areas by models.
    """
    return pd.DataFrame(
        np.asarray(compare(rdms, models, method=method)),
        index=pd.Index(rdms.rdm_descriptors["area"], name="area"),
        columns=pd.Index(models.rdm_descriptors["model"], name="model"),
    )


@dataclass(frozen=True)
class Embedding:
    """Areas in a plane.

    Attributes
    ----------
    points : pandas.DataFrame
        Columns ``x`` and ``y`` by area; distances in the plane are like
        ``1 - similarity``.
    stress : float
        Kruskal's stress-1: 0 if all distances fit; above 0.2 is poor.
    """

    points: pd.DataFrame
    stress: float


def embed_areas(similarity: pd.DataFrame) -> Embedding:
    """Place areas in a plane, the nearer the more alike they are (metric MDS).

    SMACOF from the start that classical scaling gives: no random numbers.

    Parameters
    ----------
    similarity : pandas.DataFrame
        What :func:`compare_areas` returned.

    Returns
    -------
    Embedding
        The points and how well their distances fit.

    References
    ----------
    Borg & Groenen (2005), Modern multidimensional scaling, chapters 3, 8 and 12.
    """
    apart = np.clip(1.0 - similarity.to_numpy(), 0.0, None)
    np.fill_diagonal(apart, 0.0)
    points, stress = smacof(
        apart,
        n_components=2,
        init=_classical_scaling(apart),
        n_init=1,
        max_iter=1000,
        normalized_stress=False,
    )
    total = np.square(np.linalg.norm(points[:, None] - points, axis=-1)).sum() / 2
    return Embedding(
        pd.DataFrame(points, index=similarity.index, columns=pd.Index(["x", "y"])),
        float(np.sqrt(stress / total)) if total else 0.0,
    )


def _classical_scaling(apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the plane of the largest two axes, shape (n, 2), each sign fixed."""
    n = len(apart)
    centre = np.eye(n) - 1.0 / n
    values, vectors = np.linalg.eigh(-0.5 * centre @ np.square(apart) @ centre)
    order = np.argsort(-values)[:2]
    axes = vectors[:, order] * np.sqrt(np.clip(values[order], 0.0, None))
    largest = np.abs(axes).argmax(axis=0)
    sign = np.sign(axes[largest, np.arange(axes.shape[1])])
    plane: NDArray[np.float64] = axes * np.where(sign == 0, 1.0, sign)
    return plane
