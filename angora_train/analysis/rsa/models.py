# SPDX-License-Identifier: Apache-2.0
"""Models: the distances that hypotheses expect between the conditions.

All are squared distances, as crossnobis distances are. A factor's model is that of an
area with a unit for each level (goals, contact, labels) or one that rises evenly
(phase). A variable's model is what an area has whose units copy the variable: measured
in the same way, with the same folds and weights, so that an exact copy scores 1.00.
A user's own matrix, of another brain or another network, is one more model.

References
----------
Diedrichsen & Kriegeskorte (2017), Representational models: a common framework for
understanding encoding, pattern-component, and representational-similarity analysis,
PLoS Comput Biol 13:e1005508. https://doi.org/10.1371/journal.pcbi.1005508
"""

import csv
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from rsatoolbox.rdm.rdms import RDMs

from angora_train.analysis.rsa.conditions import Conditions
from angora_train.analysis.rsa.distances import Noise, active, fold_distances
from angora_train.analysis.rsa.patterns import Design, design_of, values_of
from angora_train.analysis.rsa.rdms import described
from angora_train.errors import AngoraError, ConfigError, closest

__all__ = [
    "NamedRDM",
    "default_variables",
    "factor_model",
    "load_rdm",
    "model_distances",
    "model_rdms",
]

_log = logging.getLogger(__name__)

_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "goal": ("goal",),
    "object pose": ("state.object_pose",),
    "posture": ("state.joint_angles", "state.fingertips", "vision", "proprioception"),
    "action": ("action",),
    "touch": ("touch",),
    "reward": ("reward",),
}
"""Variables of a recording by the name of their hypothesis, the first that is there."""


@dataclass(frozen=True)
class NamedRDM:
    """Distances between conditions that have names, such as a brain's.

    Attributes
    ----------
    name : str
        What they are called.
    conditions : tuple of str
        Names of the conditions.
    matrix : ndarray of float64, shape (n, n)
        Squared distances, or 1 minus correlations: symmetric, 0 on the diagonal.
    """

    name: str
    conditions: tuple[str, ...]
    matrix: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuse what is no matrix of distances."""
        n, shape = len(self.conditions), self.matrix.shape
        if shape != (n, n):
            raise ConfigError(
                f"The matrix '{self.name}' has the shape {shape}, and {n} conditions "
                f"have names: {n} x {n} is needed."
            )
        if len(set(self.conditions)) < n:
            raise ConfigError(f"A condition of '{self.name}' has its name twice.")
        if not np.isfinite(self.matrix).all():
            raise ConfigError(f"The matrix '{self.name}' holds what is not finite.")
        if not np.allclose(self.matrix, self.matrix.T, rtol=1e-4, atol=1e-8):
            raise ConfigError(f"The matrix '{self.name}' is not symmetric.")

    def between(self, conditions: Sequence[str]) -> NDArray[np.float64]:
        """Return the distances between some conditions.

        Parameters
        ----------
        conditions : sequence of str
            Their names.

        Returns
        -------
        ndarray of float64, shape (n_pairs,)
            In the order (0, 1), (0, 2), ...

        Raises
        ------
        ConfigError
            If a condition has no distances.
        """
        missing = [name for name in conditions if name not in self.conditions]
        if missing:
            raise ConfigError(
                f"The matrix '{self.name}' has {len(self.conditions)} conditions, and "
                f"lacks {len(missing)} of {len(conditions)} that are compared, "
                f"'{missing[0]}' first.{closest(missing[0], self.conditions)} Its own: "
                f"{', '.join(self.conditions[:12])}"
                f"{', ...' if len(self.conditions) > 12 else ''}."
            )
        places = [self.conditions.index(name) for name in conditions]
        i, j = np.triu_indices(len(places), 1)
        return np.asarray(self.matrix[np.ix_(places, places)][i, j])


def load_rdm(path: Path | str, conditions: Sequence[str] | None = None) -> NamedRDM:
    """Read distances that somebody measured elsewhere.

    Parameters
    ----------
    path : Path or str
        ``.csv``: a square table whose first row and first column are the conditions'
        names, or three columns, condition, condition and distance, with a header.
        ``.npy``: a square matrix, or its upper triangle row by row.
    conditions : sequence of str, optional
        Names of the conditions of an ``.npy``; by default, lines of a text file of the
        same name that ends in ``.txt``.

    Returns
    -------
    NamedRDM
        Named as the file.

    Raises
    ------
    AngoraError
        If the file is missing or cannot be read.
    ConfigError
        If it holds no distances between conditions.
    """
    path = Path(path)
    if not path.is_file():
        raise AngoraError(f"There is no matrix of distances '{path}'.")
    if path.suffix == ".csv":
        return _from_csv(path)
    if path.suffix != ".npy":
        raise ConfigError(
            f"A matrix of distances is read from .csv or .npy, got '{path.name}'."
        )
    try:
        values = np.load(path, allow_pickle=False).astype(np.float64)
    except (OSError, ValueError, TypeError) as error:
        raise AngoraError(f"'{path}' cannot be read as numbers: {error}") from error
    if conditions is None:
        beside = path.with_suffix(".txt")
        if not beside.is_file():
            raise ConfigError(
                f"The conditions of '{path.name}' have no names. Write them, one a "
                f"line, into '{beside.name}' beside it."
            )
        conditions = beside.read_text(encoding="utf-8").split("\n")
        conditions = [line.strip() for line in conditions if line.strip()]
    return NamedRDM(path.stem, tuple(conditions), _square(values, path.stem))


def _square(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Return the square matrix of an upper triangle."""
    if values.ndim != 1:
        return values
    n = round((1 + np.sqrt(1 + 8 * len(values))) / 2)
    if n * (n - 1) // 2 != len(values):
        raise ConfigError(
            f"'{name}' has {len(values)} numbers, which no upper triangle has: 3 for 3 "
            f"conditions, 6 for 4, ..., {n * (n - 1) // 2} for {n}."
        )
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n, 1)] = values
    return matrix + matrix.T


def _from_csv(path: Path) -> NamedRDM:
    """Read a table of distances."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    try:
        if len(rows) > 1 and len(rows[0]) == 3 and len(rows) != 3:
            return _from_pairs(path.stem, rows[1:])
        names = tuple(x.strip() for x in rows[0][1:])
        if tuple(row[0].strip() for row in rows[1:]) != names:
            raise ConfigError(
                f"The first row and the first column of '{path.name}' name the same "
                "conditions in the same order; here they differ."
            )
        matrix = np.array([[float(x) for x in row[1:]] for row in rows[1:]])
    except (ValueError, IndexError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"'{path}' is no table of distances: {error}") from error
    return NamedRDM(path.stem, names, matrix)


def _from_pairs(name: str, rows: Sequence[Sequence[str]]) -> NamedRDM:
    """Return the matrix of rows of two conditions and their distance."""
    names = tuple(dict.fromkeys(x.strip() for row in rows for x in row[:2]))
    matrix = np.full((len(names), len(names)), np.nan)
    np.fill_diagonal(matrix, 0.0)
    for one, other, distance in rows:
        i, j = names.index(one.strip()), names.index(other.strip())
        matrix[i, j] = matrix[j, i] = float(distance)
    if np.isnan(matrix).any():
        i, j = np.argwhere(np.isnan(matrix))[0]
        raise ConfigError(
            f"'{name}' lacks the distance of '{names[i]}' and '{names[j]}'; "
            f"{len(names)} conditions need {len(names) * (len(names) - 1) // 2}."
        )
    return NamedRDM(name, names, matrix)


def default_variables(recording: xr.Dataset) -> dict[str, str]:
    """Return the variables whose models are compared where none are named.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording.

    Returns
    -------
    dict of str to str
        Variable by hypothesis: the sensed goal, the object's pose, posture (joint
        angles, else fingertips), action, touch and reward, those that were recorded.
        Pictures are no posture.
    """
    found = {}
    for name, candidates in _VARIABLES.items():
        there = [x for x in candidates if x in recording and recording[x].ndim <= 3]
        if there:
            found[name] = there[0]
    return found


def model_distances(
    recording: xr.Dataset,
    design: Design,
    *,
    variables: Mapping[str, str] | None = None,
    noise: Noise = "shrinkage_eye",
    from_others: bool = False,
    given: Sequence[NamedRDM] = (),
) -> dict[str, NDArray[np.float64]]:
    """Return the distances that hypotheses expect.

    Parameters
    ----------
    recording : xarray.Dataset
        A recording.
    design : Design
        Conditions and folds, those of the areas.
    variables : mapping of str to str, optional
        Variables of the recording by the name of their hypothesis; by default
        :func:`default_variables`.
    noise, from_others
        Those of the areas, see :func:`angora_train.analysis.rsa.rdms.area_distances`.
    given : sequence of NamedRDM
        A user's own.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_pairs,)
        Each factor's, then each variable's, then those given. A variable that does not
        vary between conditions is left out, with a warning in the log.

    Raises
    ------
    ConfigError
        If a variable was not recorded, or a matrix lacks a condition.
    """
    models = _factor_models(design.conditions)
    for name, variable in _chosen(recording, variables).items():
        values = design.rows(values_of(recording, variable))
        if not np.isfinite(values).all():
            raise ConfigError(
                f"'{variable}', which the hypothesis '{name}' is about, is not finite "
                "while an episode is under way. Name the variables to be compared."
            )
        varying = active(values)
        if not varying.shape[1]:
            _log.warning(
                "'%s' did not vary: the model '%s' is left out.", variable, name
            )
            continue
        distances = fold_distances(varying, design, noise, from_others=from_others)
        models[name] = distances.mean(axis=0)
    models.update({one.name: one.between(design.names) for one in given})
    return models


def factor_model(factor: str) -> str:
    """Return what the model of a factor is called; ``goal`` is what is sensed of it."""
    return "goal kind" if factor == "goal" else factor


def _factor_models(conditions: Conditions) -> dict[str, NDArray[np.float64]]:
    """Return the squared distances that each factor's levels have."""
    i, j = np.triu_indices(len(conditions.names), 1)
    models = {}
    for column, name in enumerate(conditions.factors):
        level = conditions.levels[:, column]
        step = (level[i] - level[j]).astype(np.float64)
        if not step.any():
            continue
        is_ordered = name == "phase"
        models[factor_model(name)] = (
            np.square(step) if is_ordered else (step != 0).astype(float)
        )
    return models


def _chosen(
    recording: xr.Dataset, variables: Mapping[str, str] | None
) -> Mapping[str, str]:
    """Return the variables of hypotheses, all of them recorded."""
    if variables is None:
        return default_variables(recording)
    for name, variable in variables.items():
        known = [str(one) for one in recording.data_vars]
        if variable not in recording:
            raise ConfigError(
                f"The hypothesis '{name}' is about '{variable}', which was not "
                f"recorded.{closest(variable, known)} Recorded: {', '.join(known)}."
            )
        if not {"episode", "time"} <= set(map(str, recording[variable].dims)):
            raise ConfigError(
                f"The hypothesis '{name}' is about '{variable}', which has no value "
                "for each step. Take it as a factor: conditions by 'goal' or 'labels'."
            )
    return variables


def model_rdms(
    recording: xr.Dataset,
    conditions: Conditions | None = None,
    *,
    n_phases: int = 5,
    n_folds: int | None = None,
    variables: Mapping[str, str] | None = None,
    noise: Noise = "shrinkage_eye",
) -> RDMs:
    """Return the distances that hypotheses expect, as rsatoolbox holds them.

    Parameters
    ----------
    recording, conditions, n_phases, n_folds, noise
        As for the areas that they are compared with, see
        :func:`angora_train.analysis.rsa.rdms.area_rdms`.
    variables : mapping of str to str, optional
        See :func:`model_distances`.

    Returns
    -------
    rsatoolbox.rdm.RDMs
        ``goal kind``: 0 within a kind, else 1. ``phase``: squared difference of the
        phases. Then the variables'. ``rdm_descriptors``: ``model``.

    Raises
    ------
    ConfigError
        If a variable was not recorded.
    """
    design = design_of(recording, conditions, n_folds=n_folds, n_phases=n_phases)
    models = model_distances(recording, design, variables=variables, noise=noise)
    rdms = RDMs(  # type: ignore[no-untyped-call]
        np.array(list(models.values())),
        dissimilarity_measure="expected",
        rdm_descriptors={"model": list(models)},
    )
    return described(rdms, design.conditions)
